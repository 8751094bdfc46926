#!/usr/bin/env python3
"""The whole answer over HTTP: hybrid search in 60,000 package summaries, distinct uncached queries, 1 and 4 clients (wrk, each a closed
loop), beside the Python stack that a user would assemble today (peers/stack.py) and an engine in one piece (peers/edge.py: Qdrant Edge),
both fed with the same vectors, in turns in the same run. Then akin alone while it imports other documents into the same collection."""
import argparse, json, pathlib, re, shutil, subprocess, sys, time, urllib.parse, urllib.request

from setting import AKIN, MODEL, ROOT, Server, WORK, add, machine, packages, queries

PEERS = {"stack": 8765, "edge": 8766}
PATH = "/v1/collections/bench/search?mode=hybrid&q="


def arguments():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--count", type=int, default=60000)
    p.add_argument("--seconds", type=int, default=15)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--clients", default="1,4")
    p.add_argument("--peers", default="stack,edge", help='of "stack", "edge"; "" for none')
    p.add_argument("--fresh", action="store_true", help="import again")
    p.add_argument("--no-import", action="store_true", help="leave out the part during an import")
    a = p.parse_args()
    a.clients = [int(c) for c in a.clients.split(",")]
    a.peers = [x for x in a.peers.split(",") if x]
    return a


def summaries(count):
    path = WORK / f"summaries-{count}.jsonl"
    if not path.exists():
        with open(path, "w") as f:
            for n, d in enumerate(packages()):
                if n == count:
                    break
                f.write(json.dumps({"id": d["id"], "text": d["title"]}) + "\n")
    return path


def wrk(url, path, clients, part, seconds):
    """One closed loop a client; each run has queries of its own, so nothing is seen twice. -> queries/s, p50 and p99 in ms"""
    script = WORK / "wrk.lua"
    lines = ",\n".join(json.dumps(f"{path}{urllib.parse.quote(q)}&limit=10") for q in part)
    script.write_text(f"""local paths = {{{lines}}}
local n = 0
request = function() n = n % #paths + 1; return wrk.format("GET", paths[n]) end
done = function(s, l) io.write(string.format("RESULT %d %d %d %d %d %d\\n", s.requests, s.duration, l:percentile(50), l:percentile(99),
                                             s.errors.status, s.errors.timeout)) end
""")
    out = subprocess.run(["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "10s", "-s", str(script), url],
                         capture_output=True, text=True, check=True).stdout
    requests, us, p50, p99, bad, late = map(int, re.search(r"RESULT (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)", out).groups())
    if bad or late:
        raise SystemExit(f"{url}: {bad} error answers, {late} time-outs")
    if requests > len(part):
        print(f"  note: {requests} requests over {len(part)} distinct queries")
    return requests / us * 1e6, p50 / 1000, p99 / 1000


class Peer:
    """A server of peers/; .process is None if its packages are not there."""

    def __init__(self, name, documents):
        from stack_model import int8_model
        self.name, self.url, self.process = name, f"http://127.0.0.1:{PEERS[name]}", None
        if name == "edge" and subprocess.run([sys.executable, "-c", "import qdrant_edge"], capture_output=True).returncode:
            print("edge: qdrant-edge-py is not installed; left out")
            return
        vectors = documents.with_suffix(".npy")
        if not vectors.exists():
            texts = "\n".join(" ".join(json.loads(line)["text"].split()) for line in open(documents)) + "\n"
            with open(vectors, "wb") as f:
                subprocess.run([AKIN, "embed", "--model", MODEL, "--precision", "fp32", "--format", "npy"], input=texts.encode(), stdout=f,
                               check=True)
        self.process = subprocess.Popen([sys.executable, ROOT / "bench/peers" / f"{name}.py", MODEL, int8_model(MODEL, WORK), vectors, documents,
                                         str(PEERS[name])])
        for _ in range(1200):
            try:
                json.load(urllib.request.urlopen(f"{self.url}/search?q=editor", timeout=5))
                return
            except OSError:
                if self.process.poll() is not None:
                    raise SystemExit(f"{name} did not start")
                time.sleep(0.5)
        self.stop()
        raise SystemExit(f"{name} did not start")

    def rss_mb(self):
        return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{self.process.pid}/status").read_text()).group(1)) / 1024

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait()


def whole(server):
    """What is measured must be the whole search: by words and by meaning."""
    answer = json.load(urllib.request.urlopen(server.url + PATH + "editor"))
    if "degraded" in answer or not all(h["scores"]["semantic"] is not None for h in answer["data"]):
        raise SystemExit(f"akin answers by words alone ({answer.get('degraded')}): the data are of another model, --fresh imports again")


def show(clients, name, result):
    print(f"{clients} clients  {name:16}  {result[0]:7.0f} queries/s  p50 {result[1]:6.2f} ms  p99 {result[2]:6.2f} ms", flush=True)


def beside(server, peers, a):
    part, results = queries(40000), {}
    whole(server)
    engines = [("akin", server.url, PATH)] + [(p.name, p.url, "/search?q=") for p in peers]
    for clients in a.clients:
        for round in range(a.rounds):
            for name, url, path in engines:
                shift = (clients * 7919 + round * 6007) % len(part)
                result = wrk(url, path, clients, part[shift:] + part[:shift], a.seconds)
                results.setdefault((clients, name), []).append(result)
                show(clients, name, result)
    print(f"resident: akin {server.rss_mb():.0f} MB" + "".join(f", {p.name} {p.rss_mb():.0f} MB" for p in peers))
    for clients in a.clients:
        mine = [sorted(x)[a.rounds // 2] for x in zip(*results[clients, "akin"])]
        print(f"{clients} clients, medians: akin {mine[0]:.0f} queries/s, p50 {mine[1]:.2f}, p99 {mine[2]:.2f} ms", end="")
        for p in peers:
            theirs = [sorted(x)[a.rounds // 2] for x in zip(*results[clients, p.name])]
            print(f"; of {p.name}: {mine[0] / theirs[0]:.2f} x the queries/s, p50 {mine[1] / theirs[1]:.2f} x, p99 {mine[2] / theirs[2]:.2f} x", end="")
        print()


def during_an_import(data, a):
    """Into a copy of the data: the packages' whole descriptions, in the same collection. The import is stopped when all is measured."""
    copy, lines = WORK / "search-import", WORK / "descriptions.jsonl"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(data, copy, ignore=shutil.ignore_patterns("LOCK"))
    if not lines.exists():
        with open(lines, "w") as f:
            for d in packages():
                f.write(json.dumps({"id": f"full-{d['id']}", "title": d["title"], "text": d["text"]}) + "\n")
    part = queries(60000, seed=11)
    with Server(copy) as s:
        whole(s)
        bulk = subprocess.Popen([AKIN, "add", "-c", "bench", "--url", s.url, "--quiet", str(lines)], stdout=subprocess.DEVNULL)
        time.sleep(3)
        for clients in a.clients:
            before, began = documents_of(s), time.monotonic()
            result = wrk(s.url, PATH, clients, part[clients * 10000:], a.seconds)
            rate = (documents_of(s) - before) / (time.monotonic() - began)
            show(clients, "akin, importing", result)
            print(f"            beside {rate:.0f} documents/s imported" + ("" if bulk.poll() is None else " (the import had ended)"))
        bulk.terminate()
        bulk.wait()
    shutil.rmtree(copy)


def documents_of(server):
    answer = json.load(urllib.request.urlopen(server.url + "/v1/collections/bench"))
    return answer["documents"]


def main():
    a = arguments()
    machine()
    if not shutil.which("wrk"):
        raise SystemExit("this measurement needs wrk: apt-get install wrk")
    documents, data = summaries(a.count), WORK / f"search-{a.count}"
    if a.fresh:
        shutil.rmtree(data, ignore_errors=True)
    if not data.exists():
        with Server(data) as s:
            print(add(s.url, "bench", documents).strip())
    peers = []
    try:
        peers = [p for p in [Peer(name, documents) for name in a.peers] if p.process]
        with Server(data) as s:
            print(f"start to ready with {a.count} documents: {s.ready_s:.2f} s")
            beside(s, peers, a)
    finally:
        for p in peers:
            p.stop()
    if not a.no_import:
        during_an_import(data, a)


main()
