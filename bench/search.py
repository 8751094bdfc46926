#!/usr/bin/env python3
"""The whole answer over HTTP: hybrid search in 60,000 package summaries, distinct uncached queries, 1 and 4 clients (wrk),
beside the Python stack that a user would assemble today (peers/stack.py), in turns in the same run."""
import argparse, json, re, shutil, subprocess, sys, time, urllib.parse, urllib.request

from setting import AKIN, MODEL, ROOT, Server, WORK, add, machine, packages, queries

p = argparse.ArgumentParser(description=__doc__)
p.add_argument("--count", type=int, default=60000)
p.add_argument("--seconds", type=int, default=15)
p.add_argument("--rounds", type=int, default=3)
p.add_argument("--fresh", action="store_true", help="import again")
p.add_argument("--akin-only", action="store_true")
a = p.parse_args()
machine()
if not shutil.which("wrk"):
    raise SystemExit("this measurement needs wrk: apt-get install wrk")

documents = WORK / f"summaries-{a.count}.jsonl"
if not documents.exists():
    with open(documents, "w") as f:
        for n, d in enumerate(packages()):
            if n == a.count:
                break
            f.write(json.dumps({"id": d["id"], "text": d["title"]}) + "\n")

data = WORK / f"search-{a.count}"
if a.fresh:
    shutil.rmtree(data, ignore_errors=True)
if not data.exists():
    with Server(data) as s:
        print(add(s.url, "bench", documents).strip())
with Server(data) as s:
    print(f"start to ready with {a.count} documents: {s.ready_s:.2f} s")


def wrk(url, path, clients, part):
    """One closed loop a client; each run has queries of its own, so nothing is seen twice."""
    script = WORK / "wrk.lua"
    lines = ",\n".join(json.dumps(f"{path}{urllib.parse.quote(q)}&limit=10") for q in part)
    script.write_text(f"""local paths = {{{lines}}}
local n = 0
request = function() n = n % #paths + 1; return wrk.format("GET", paths[n]) end
done = function(s, l) io.write(string.format("RESULT %d %d %d %d %d %d\\n", s.requests, s.duration, l:percentile(50), l:percentile(99),
                                             s.errors.status, s.errors.timeout)) end
""")
    out = subprocess.run(["wrk", "-t1", f"-c{clients}", f"-d{a.seconds}s", "--timeout", "10s", "-s", str(script), url],
                         capture_output=True, text=True, check=True).stdout
    requests, us, p50, p99, bad, late = map(int, re.search(r"RESULT (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)", out).groups())
    if bad or late:
        raise SystemExit(f"{url}: {bad} error answers, {late} time-outs")
    if requests > len(part):
        print(f"  note: {requests} requests over {len(part)} distinct queries")
    return requests / us * 1e6, p50 / 1000, p99 / 1000


def peer():
    from stack_model import int8_model
    vectors = WORK / f"summaries-{a.count}.npy"
    if not vectors.exists():
        texts = "\n".join(" ".join(json.loads(line)["text"].split()) for line in open(documents)) + "\n"
        with open(vectors, "wb") as f:
            subprocess.run([AKIN, "embed", "--model", MODEL, "--precision", "fp32", "--format", "npy"], input=texts.encode(), stdout=f, check=True)
    process = subprocess.Popen([sys.executable, ROOT / "bench/peers/stack.py", MODEL, int8_model(MODEL, WORK), vectors, documents, "8765"])
    for _ in range(600):
        try:
            urllib.request.urlopen("http://127.0.0.1:8765/search?q=editor", timeout=5).read()
            return process
        except OSError:
            time.sleep(0.5)
    process.kill()
    raise SystemExit("the stack did not start")


stack = None if a.akin_only else peer()
try:
    with Server(data) as s:
        path = "/v1/collections/bench/search?mode=hybrid&q="
        part = queries(40000)
        urllib.request.urlopen(s.url + path + "warm").read()
        best = {}
        for clients in (1, 4):
            for round in range(a.rounds):
                for name, url, prefix in (("akin", s.url, path), ("stack", "http://127.0.0.1:8765", "/search?q=")):
                    if name == "stack" and not stack:
                        continue
                    shift = (clients * 7919 + round * 6007) % len(part)
                    qps, p50, p99 = wrk(url, prefix, clients, part[shift:] + part[:shift])
                    best.setdefault((clients, name), []).append((qps, p50, p99))
                    print(f"{clients} clients  {name:5}  {qps:7.0f} queries/s  p50 {p50:6.2f} ms  p99 {p99:6.2f} ms", flush=True)
        print(f"akin resident {s.rss_mb():.0f} MB")
        for clients in (1, 4):
            if stack:
                mine, theirs = (sorted(best[clients, n])[len(best[clients, n]) // 2] for n in ("akin", "stack"))
                print(f"{clients} clients, medians: akin / stack = {mine[0] / theirs[0]:.2f} x the queries/s, "
                      f"p50 {mine[1] / theirs[1]:.2f} x, p99 {mine[2] / theirs[2]:.2f} x")
finally:
    if stack:
        stack.terminate()
        stack.wait()
