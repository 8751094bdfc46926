#!/usr/bin/env python3
"""How long does a read or a write wait while akin merges, saves and codes anew? Documents with vectors of their own (nothing is embedded) are imported
into the real server, while one client searches by vector and one writes a document, each --every ms after its last answer, until the graph is whole and
--after seconds more. For the longest of each, what the log says of the work then.
Vectors: --base A.npy (n x 384 of the model's dimensions, float32), or clusters made here."""
import argparse, http.client, json, multiprocessing, os, pathlib, random, re, shutil, subprocess, sys, time, urllib.parse

import numpy as np

from setting import AKIN, MODEL, WORK, machine

p = argparse.ArgumentParser(description=__doc__)
p.add_argument("--base", help="a .npy of vectors")
p.add_argument("--documents", type=int, default=200_000)
p.add_argument("--every", type=float, default=10, help="ms")
p.add_argument("--snapshot-seconds", type=int, default=5, help="how often indexes are saved")
p.add_argument("--after", type=float, default=10, help="seconds with the probes alone when all is merged")
p.add_argument("--rate", type=int, default=0, help="documents a second of the import, 0: as many as can be")
p.add_argument("--changes", type=float, default=.5, help="share of the writes that replace an imported document")
p.add_argument("--starts", type=int, default=3, help="starts measured at the end")
p.add_argument("--wanted", type=float, default=50, help="ms")
p.add_argument("--quick", action="store_true")
p.add_argument("--json", help="into this file")
a = p.parse_args()
if a.quick:
    a.documents, a.after, a.starts = 12_000, 2, 1
machine()
DIMS, PATH = 384, "/v1/collections/bench"
data, log = WORK / "pauses-data", WORK / "pauses.log"
documents = WORK / f"pauses-{'own' if a.base else 'made'}-{a.documents}.jsonl"


def vectors(n):
    if a.base:
        return np.load(a.base, mmap_mode="r")[:n]
    rng = np.random.default_rng(7)
    centres = rng.standard_normal((1000, DIMS))
    return (centres[rng.integers(0, 1000, n)] + .6 * rng.standard_normal((n, DIMS))).astype(np.float32)


def as_json(row):
    """Whole numbers: akin makes the length 1 itself."""
    return ",".join(map(str, np.round(row / np.abs(row).max() * 999).astype(int)))


rng = random.Random(7)
words = ["".join(rng.choices("abcdefghiklmnoprstuvw", k=rng.randint(3, 9))) for _ in range(20_000)]


def line(name, row):
    text = " ".join(rng.choices(words, k=12))
    return '{"id":"%s","title":"%s","text":"%s","attributes":{"year":%d,"kind":"k%d"},"vector":[%s]}' % (name, text[:20], text, rng.randint(1990, 2026), rng.randrange(40), as_json(row))


def connected(url):
    c = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=60)
    c.connect()
    return c


def probe(url, bodies, path, every_s, ended, out):
    """One kind of request, again and again; into `out`: (wall time, seconds, status)."""
    os.nice(-5) if os.geteuid() == 0 else None
    c, answers, n = connected(url), [], 0
    while not ended.is_set():
        time.sleep(every_s)
        due, n = time.time(), n + 1
        c.request("POST", path, bodies[n % len(bodies)], {"Content-Type": "application/json"})
        answer = c.getresponse()
        answer.read()
        answers.append((due, time.time() - due, answer.status))
    out.put(answers)


def load(url, path, rate, out):
    c, start, n = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=600), time.time(), 0

    def lines():
        nonlocal n
        with open(path, "rb") as f:
            for block in iter(lambda: f.readlines(1 << 18), []):
                n += len(block)
                yield b"".join(block)
                if rate and (left := start + n / rate - time.time()) > 0:
                    time.sleep(left)
    c.request("POST", PATH + "/documents", lines(), {"Content-Type": "application/x-ndjson"}, encode_chunked=True)
    answer = c.getresponse()
    failed = sum(b"\"status\":\"failed\"" in x for x in answer)
    out.put((time.time() - start, answer.status, failed))


def metric(url, name):
    c = connected(url)
    c.request("GET", "/metrics")
    return sum(float(x.rsplit(" ", 1)[1]) for x in c.getresponse().read().decode().splitlines() if x.startswith("akin_" + name))


def serve():
    started = time.monotonic()
    process = subprocess.Popen([AKIN, "serve", "--data", data, "--model", MODEL, "--port", "0", "--set", f"index.snapshot_seconds={a.snapshot_seconds}",
                                "--set", "log.level=debug"], stdout=subprocess.PIPE, stderr=open(log, "ab"), text=True)
    said = process.stdout.readline()
    if not said.startswith("listening"):
        raise SystemExit(f"akin did not start; see {log}")
    url = said.split()[-1]
    c = connected(url)
    while True:
        c.request("GET", "/readyz")
        answer = c.getresponse()
        answer.read()
        if answer.status == 200:
            return process, url, time.monotonic() - started
        time.sleep(.001)


def told(name, answers, marks):
    good = sorted(x[1] * 1000 for x in answers)
    at = lambda q: good[min(len(good) - 1, int(q * len(good)))]
    late = [x for x in answers if x[1] * 1000 > a.wanted]
    print(f"{name}: {len(answers)}, errors {sum(x[2] not in (200, 201) for x in answers)}; p50 {at(.5):.1f} p99 {at(.99):.1f} p99.9 {at(.999):.1f} longest {good[-1]:.1f} ms; "
          f"over {a.wanted:.0f} ms: {len(late)}", flush=True)
    for due, took, status in sorted(late, key=lambda x: -x[1])[:5]:
        then = [f"{m} {began - due:+.3f}..{ended - due:+.3f}" for m, began, ended in marks if began < due + took and ended > due]
        print(f"  {took * 1000:.0f} ms at {due - began_at:.1f} s: {', '.join(then) or 'nothing in the log'}")
    return {"count": len(answers), "p50_ms": at(.5), "p99_ms": at(.99), "p999_ms": at(.999), "longest_ms": good[-1], "late": len(late)}


def log_marks():
    """(what, began, ended) of each event of the log that says how long it took."""
    out = []
    for text in open(log, encoding="utf-8"):
        try:
            e = json.loads(text)
            ended = time.mktime(time.strptime(e["time"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone + float("0" + re.search(r"(\.\d+)?Z", e["time"]).group(1) or 0)
            out.append((e.get("message", e.get("msg")) + " " + str(e.get("index", "")), ended - e.get("seconds", 0), ended))
        except (ValueError, KeyError, AttributeError, TypeError):
            pass
    return [x for x in out if "index" in x[0] or "graph" in x[0]]


shutil.rmtree(data, ignore_errors=True)
log.unlink(missing_ok=True)
rows = vectors(a.documents)
if not documents.exists():
    with open(WORK / "pauses.tmp", "w") as f:
        for n in range(a.documents):
            f.write(line(f"d{n}", rows[n]) + "\n")
    os.rename(WORK / "pauses.tmp", documents)
fresh = [rows[rng.randrange(a.documents)] + .01 * np.abs(rows[0]).max() * np.random.default_rng(n).standard_normal(DIMS).astype(np.float32) for n in range(500)]
reads = ['{"limit":10,"vector":[%s]}' % as_json(x) for x in fresh]
writes = [line(f"d{rng.randrange(a.documents)}" if rng.random() < a.changes else f"p{n}", x) for n, x in enumerate(fresh)]

process, url, _ = serve()
try:
    c = connected(url)
    c.request("POST", "/v1/collections", '{"name":"bench"}', {"Content-Type": "application/json"})
    assert c.getresponse().status == 201
    ended, out, loaded = multiprocessing.Event(), [multiprocessing.Queue(), multiprocessing.Queue()], multiprocessing.Queue()
    began_at = time.time()
    probes = [multiprocessing.Process(target=probe, args=(url, bodies, PATH + path, a.every / 1000, ended, q))
              for bodies, path, q in ((reads, "/similar", out[0]), (writes, "/documents", out[1]))]
    loader = multiprocessing.Process(target=load, args=(url, documents, a.rate, loaded))
    for x in [*probes, loader]:
        x.start()
    seconds, status, failed = loaded.get()
    print(f"imported {a.documents} documents in {seconds:.1f} s ({a.documents / seconds:.0f}/s), status {status}, {failed} failed", flush=True)
    merged = 0
    while merged < 3:
        time.sleep(1)
        merged = merged + 1 if metric(url, "index_tail_rows") + metric(url, "index_rough_rows") < 20_000 else 0
    print(f"merged after {time.time() - began_at:.1f} s", flush=True)
    time.sleep(a.after)
    ended.set()
    answers = [q.get() for q in out]
finally:
    process.terminate()
    process.wait(timeout=60)
marks = log_marks()
result = {"import_s": seconds, "reads": told("reads", answers[0], marks), "writes": told("writes", answers[1], marks), "ready_ms": []}
for _ in range(a.starts):
    process, url, ready_s = serve()
    process.terminate()
    process.wait(timeout=60)
    result["ready_ms"].append(1000 * ready_s)
print("start to /readyz 200: " + ", ".join(f"{x:.0f}" for x in result["ready_ms"]) + " ms")
if a.json:
    open(a.json, "w").write(json.dumps(result) + "\n")
sys.exit(not a.quick and max(result["reads"]["longest_ms"], result["writes"]["longest_ms"]) > a.wanted)
