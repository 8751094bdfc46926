#!/usr/bin/env python3
"""From start to ready, and memory without documents: `akin serve` on an empty folder with the weights packed already. Ready is the line
"listening"; the first embedding is an answer of /v1/embeddings, the process's start included."""
import argparse, json, shutil, statistics, sys, time

from load import Client
from setting import Server, WORK, machine

p = argparse.ArgumentParser(description=__doc__)
p.add_argument("--rounds", type=int, default=9)
p.add_argument("--precision", default="int8")
p.add_argument("--quick", action="store_true")
p.add_argument("--json", help="into this file")
a = p.parse_args()
machine()

data = WORK / "start-data"
shutil.rmtree(data, ignore_errors=True)


def embed(client, text):
    status, answer = client.ask("POST", "/v1/embeddings", {"input": text, "model": "default"})
    if status != 200:
        status, answer = client.ask("POST", "/v1/embeddings", {"input": text, "model": client.ask("GET", "/v1/models")[1]["data"][0]["id"]})
    assert status == 200, answer


ready, first, at_start, used = [], [], [], []
for n in range((2 if a.quick else a.rounds) + 1):
    with Server(data, "--set", f"embed.precision={a.precision}") as s:
        started_mb = s.rss_mb()
        client = Client(s.url)
        embed(client, "that is a happy person")
        if n:  # the first start packs the weights
            ready.append(s.ready_s)
            first.append(time.monotonic() - s.started)
            at_start.append(started_mb)
        for i in range(50):
            embed(client, f"a text of another {i} words that touches all weights " * (i % 4 + 1))
        if n:
            used.append(s.rss_mb())

result = {"precision": a.precision, "ready_ms": 1000 * statistics.median(ready), "ready_ms_worst": 1000 * max(ready), "first_embedding_ms": 1000 * statistics.median(first),
          "resident_mb_at_start": statistics.median(at_start), "resident_mb_after_50_embeddings": statistics.median(used)}
print(f"start to ready {result['ready_ms']:.0f} ms (worst {result['ready_ms_worst']:.0f}, wanted 100), to the first embedding {result['first_embedding_ms']:.0f} ms; "
      f"resident {result['resident_mb_at_start']:.0f} MB at start, {result['resident_mb_after_50_embeddings']:.0f} MB after 50 embeddings (wanted 120)")
if a.json:
    open(a.json, "w").write(json.dumps(result) + "\n")
sys.exit(not a.quick and (result["ready_ms"] > 100 or result["resident_mb_after_50_embeddings"] > 120))
