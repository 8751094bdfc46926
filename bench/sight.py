#!/usr/bin/env python3
"""What the filter of a key costs a request: the same questions by a key without a filter, by keys whose filters hold for half, for a hundredth and by three fields for a quarter
of 20,000 documents, and by the first key with that filter in the request. Median and p95 in ms over one connection, and the server's processor time of a request; stub model."""
import argparse, http.client, json, os, pathlib, random, re, statistics, subprocess, tempfile, time

p = argparse.ArgumentParser(description=__doc__)
p.add_argument("--documents", type=int, default=20000)
p.add_argument("--seconds", type=float, default=.8, help="of each measurement")
a = p.parse_args()
BIN = os.environ.get("AKIN_BIN", "build/akin")
C = "/v1/collections/bench"
FILTERS = {"half": "tenant = 1", "1 in 100": "part = 7", "three fields": "tenant = 1 AND (kind IN [a, b] OR kind = c) AND year >= 2000"}
data = tempfile.mkdtemp(prefix="akin-sight-")
server = subprocess.Popen([BIN, "serve", "--data", data, "--port", "0", "--model", "stub"], stdout=subprocess.PIPE, stderr=open(data + ".log", "w"), text=True)
url = re.search(r"http://([\w.:]+)", server.stdout.readline()).group(1)
connection = http.client.HTTPConnection(url)


def ask(method, path, body=None, key=None, media="application/json"):
    headers = {"Content-Type": media} if body is not None else {}
    if key:
        headers["Authorization"] = "Bearer " + key
    connection.request(method, path, body if isinstance(body, bytes) else json.dumps(body) if body is not None else None, headers)
    answer = connection.getresponse()
    content = answer.read()
    assert answer.status < 300, content[:500]
    return content


def cpu_s():
    fields = pathlib.Path(f"/proc/{server.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(run):
    times, began, spent = [], time.perf_counter(), cpu_s()
    while time.perf_counter() < began + a.seconds or len(times) < 5:
        t = time.perf_counter()
        run(len(times))
        times.append((time.perf_counter() - t) * 1e3)
    times.sort()
    return statistics.median(times), times[int(len(times) * .95)], (cpu_s() - spent) / len(times) * 1e6


try:
    rnd = random.Random(1)
    words = [f"word{i}" for i in range(3000)]
    ask("POST", "/v1/collections", {"name": "bench"})
    rows = [{"id": f"d{i}", "text": " ".join(words[int(3000 * rnd.random() ** 3)] for _ in range(30)), "tenant": i % 2, "part": i % 100, "kind": "abcd"[i // 2 % 4],
             "year": 1990 + i % 37} for i in range(a.documents)]
    ask("POST", C + "/documents", "".join(json.dumps(r) + "\n" for r in rows).encode(), media="application/x-ndjson")
    ask("POST", C + "/feedback", [{"user": f"u{i % 50}", "document": f"d{rnd.randrange(a.documents) // 200 * 200 + 7}", "type": "like"} for i in range(1000)])
    seen = [f"d{i}" for i in range(a.documents) if i % 100 == 7 and "abcd"[i // 2 % 4] != "d" and 1990 + i % 37 >= 2000]
    queries = [" ".join(rnd.sample(words[:400], 2)) for _ in range(500)]
    scopes = ["documents.read", "search", "recommend"]
    keys = {"no filter": json.loads(ask("POST", "/v1/keys", {"scopes": scopes}))["key"]}
    keys.update({n: json.loads(ask("POST", "/v1/keys", {"scopes": scopes, "filter": f}))["key"] for n, f in FILTERS.items()})
    pick = lambda xs, i: xs[i % len(xs)]  # noqa: E731
    parts = {
        "get": lambda key, f: lambda i: ask("GET", f"{C}/documents/{pick(seen, i)}", key=key),
        "documents:get 100": lambda key, f: lambda i: ask("POST", C + "/documents:get", {"ids": [pick(seen, i + k) for k in range(100)]}, key),
        **{f"search {m}": lambda key, f, m=m: lambda i: ask("POST", C + "/search", {"q": pick(queries, i), "mode": m, **f}, key) for m in ("lexical", "semantic", "hybrid")},
        "similar": lambda key, f: lambda i: ask("POST", C + "/similar", {"id": pick(seen, i), **f}, key),
        "recommend": lambda key, f: lambda i: ask("POST", C + "/recommend", {"user": f"u{i % 50}", **f}, key),
        "export": lambda key, f: lambda i: ask("GET", C + "/documents:export", key=key) if not f else ask("GET", C + "/documents:export?filter=tenant%20%3D%201", key=key),
    }
    print(f"{'':18} {'':14} {'p50 ms':>8} {'p95 ms':>8} {'CPU us':>8}")
    for name, make in parts.items():
        for who, key in [*keys.items(), ("in the request", keys["no filter"])]:
            given = {"filter": FILTERS["half"]} if who == "in the request" else {}
            if given and name in ("get", "documents:get 100"):
                continue
            run = make(key, given)
            run(0)
            print(f"{name:18} {who:14} {'%8.3f %8.3f %8.0f' % measure(run)}", flush=True)
finally:
    server.terminate()
    server.wait()
