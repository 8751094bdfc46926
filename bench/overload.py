#!/usr/bin/env python3
"""Queries while 20,000 documents are imported: 20 a second, half of them /v1/embeddings of one query, half hybrid searches, all different, at a steady rate;
first on an idle server, then until the import has ended. A latency counts from when its request was due."""
import argparse, json, shutil, sys, threading, time

from load import Load, percentile_ms
from setting import Server, WORK, add, machine, packages, queries

p = argparse.ArgumentParser(description=__doc__)
p.add_argument("--count", type=int, default=20000)
p.add_argument("--rate", type=float, default=20)
p.add_argument("--precision", default="auto")
p.add_argument("--quick", action="store_true")
p.add_argument("--json", help="into this file")
a = p.parse_args()
machine()
count = 600 if a.quick else a.count

data, first, rest = WORK / "overload-data", WORK / "overload-first.jsonl", WORK / "overload.jsonl"
shutil.rmtree(data, ignore_errors=True)
with open(first, "w") as f, open(rest, "w") as g:
    for n, d in enumerate(packages()):
        if n == count + 500:
            break
        (f if n < 500 else g).write(json.dumps({"id": f"d{n}", "title": d["title"], "text": d["text"]}) + "\n")


def requests(model):
    for n, q in enumerate(queries(4000)):
        yield ("POST", "/v1/embeddings", {"input": q, "model": model}) if n % 2 else ("POST", "/v1/collections/bench/search", {"q": q, "limit": 10})


def told(name, answers):
    bad = [x for x in answers if x[3] != 200]
    parts = {}
    for kind, odd in (("embedding", 1), ("search", 0)):
        part = [x for x in answers if x[0] % 2 == odd and x[3] == 200]
        parts[kind] = {"p50_ms": percentile_ms(part, .5), "p99_ms": percentile_ms(part, .99), "worst_ms": percentile_ms(part, 1), "count": len(part)}
    print(f"{name}: {len(answers)} requests, {len(bad)} errors" + (f" ({bad[0][3]} {str(bad[0][4])[:200]})" if bad else "") + "; " +
          "; ".join(f"{k} p50 {v['p50_ms']:.1f} p99 {v['p99_ms']:.1f} worst {v['worst_ms']:.1f} ms" for k, v in parts.items()), flush=True)
    return {"errors": len(bad), **parts}


with Server(data, "--set", f"embed.precision={a.precision}") as s:
    add(s.url, "bench", first)
    from load import Client
    model = Client(s.url).ask("GET", "/v1/models")[1]["data"][0]["id"]
    mixed = list(requests(model))
    load = Load(s.url, mixed, a.rate).start()
    time.sleep(3 if a.quick else 30)
    idle = told("idle", load.stop())
    load = Load(s.url, mixed[::-1], a.rate).start()  # reversed: half of what was asked is asked again only much later
    started = time.monotonic()
    print("  " + add(s.url, "bench", rest).strip().replace("\n", "; "))
    seconds = time.monotonic() - started
    busy = told(f"during the import ({count} documents in {seconds:.0f} s, {count / seconds:.0f} documents/s)", load.stop())
if a.json:
    open(a.json, "w").write(json.dumps({"idle": idle, "import": busy, "documents_per_s": count / seconds}) + "\n")
print(f"embedding of a query, p99 during the import: {busy['embedding']['p99_ms']:.1f} ms, wanted 50")
sys.exit(not a.quick and (busy["errors"] > 0 or busy["embedding"]["p99_ms"] > 50))
