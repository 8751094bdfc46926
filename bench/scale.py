#!/usr/bin/env python3
"""A collection of many short texts from end to end: a new data directory, a real server, one NDJSON stream over HTTP; then what it
took, what it weighs, how quickly it answers, and how it starts again.

    ./dev bench scale [--rows 800000] [--texts FILE ...] [--json [FILE]]

The texts are real and distinct: lines of the files (or their column "summary"), else what Debian's package descriptions give; how many
were found is said. The last of them are not imported: queries are made of their words, each asked once. --vectors A.npy sends vectors
along, so that all but the encoder is measured."""
import argparse, http.client, json, mmap, multiprocessing, os, pathlib, random, re, shutil, socket, struct, sys, threading, time, urllib.parse

from load import Client
from setting import Server, WORK, machine
from texts import short_texts

HELD_OUT = 5000  # texts for queries
GROUPS = 100     # a filter for one of them passes 1 %

p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
p.add_argument("--rows", type=int, default=800000)
p.add_argument("--texts", nargs="+", default=[], metavar="FILE", help="a text a line, or tables with a column \"summary\"")
p.add_argument("--vectors", metavar="NPY", help="float32 or float16 vectors of the model's length to send along, so many documents at most")
p.add_argument("--queries", type=int, default=1000, help="of each kind and number of clients")
p.add_argument("--clients", type=int, nargs="+", default=[1, 4])
p.add_argument("--settle", type=int, default=900, metavar="SECONDS", help="wait at most so long for the vectors to be merged and refined")
p.add_argument("--precision", default="int8")
p.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="for the server")
p.add_argument("--data", type=pathlib.Path, default=WORK / "scale-data", help="made anew")
p.add_argument("--keep", action="store_true", help="leave the data directory there")
p.add_argument("--reuse", action="store_true", help="search in what --keep has left there, with the same texts")
p.add_argument("--json", nargs="?", const="-", metavar="FILE", help="the numbers as one JSON object")
a = p.parse_args()
out = {"rows": 0}


def told(text, **numbers):
    out.update(numbers)
    print(text, flush=True)


# ---- what is imported ----

class Vectors:
    """Rows of a .npy as JSON arrays."""

    def __init__(self, path):
        self.file = open(path, "rb")
        self.map = mmap.mmap(self.file.fileno(), 0, access=mmap.ACCESS_READ)
        header, = struct.unpack_from("<H", self.map, 8)
        text = self.map[10:10 + header].decode()
        kind, = re.findall(r"'descr': '<(f[24])'", text)
        self.count, self.dims = map(int, re.findall(r"\d+", re.search(r"'shape': \(([^)]*)\)", text).group(1)))
        self.form, self.start = struct.Struct(f"<{self.dims}{'f' if kind == 'f4' else 'e'}"), 10 + header
        self.text = "[" + ",".join(["%.4g"] * self.dims) + "]"

    def json(self, row):
        return self.text % self.form.unpack_from(self.map, self.start + row * self.form.size)


def group(number):
    return (number * 2654435761 >> 7) % GROUPS


def documents_write(texts, path):
    vectors = Vectors(a.vectors) if a.vectors else None
    with open(path, "w", encoding="utf-8") as f:
        for n, text in enumerate(texts):
            line = json.dumps({"id": f"t{n}", "text": text, "group": group(n)}, ensure_ascii=False)
            f.write(line + "\n" if not vectors else f'{line[:-1]},"vector":{vectors.json(n)}}}\n')


def texts_take():
    want = a.rows + HELD_OUT
    texts = short_texts(a.texts, want)
    if len(texts) < want:
        told(f"only {len(texts)} distinct short texts were found for {want}: running with those (--texts FILE takes more)")
    held = len(texts) - a.rows if len(texts) == want else len(texts) // 10
    texts, rest = texts[:-held], texts[-held:]
    if a.vectors and len(texts) > Vectors(a.vectors).count:
        texts = texts[:Vectors(a.vectors).count]
        told(f"as many as there are vectors: {len(texts)}")
    return texts, rest


def queries_make(texts, count, seed=7):
    """Distinct: two to six words in a row."""
    rng, seen = random.Random(seed), {}
    for _ in range(100 * count):
        words = re.findall(r"[^\W\d_]{2,}", rng.choice(texts))
        n = rng.randint(2, 6)
        if len(words) >= n:
            at = rng.randrange(len(words) - n + 1)
            seen[" ".join(words[at:at + n]).lower()] = True
        if len(seen) == count:
            return list(seen)
    raise SystemExit(f"{len(texts)} texts do not give {count} queries")


# ---- what the server says of itself ----

def metrics(url):
    c = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=120)
    c.request("GET", "/metrics")
    text = c.getresponse().read().decode()
    c.close()
    return {m.group(1): float(m.group(2)) for m in re.finditer(r"^akin_(\S+) (\S+)$", text, re.M)}


def status_mb(pid, name):
    found = re.search(rf"{name}:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())
    return int(found.group(1)) / 1024


def thread_cpu_s(pid):
    """Processor seconds by the threads' names."""
    out = {}
    for stat in pathlib.Path(f"/proc/{pid}/task").glob("*/stat"):
        try:
            name, fields = stat.read_text().split("(", 1)[1].rsplit(")", 1)
        except OSError:
            continue  # it has ended
        fields = fields.split()
        out[name] = out.get(name, 0) + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return out


def tree_bytes(path):
    return sum(f.stat().st_size for f in pathlib.Path(path).rglob("*") if f.is_file())


# ---- the import ----

class Watch(threading.Thread):
    """How far the indexes are, what each thread has worked so far, until stop()."""

    def __init__(self, server, total):
        super().__init__(daemon=True)
        self.server, self.total, self.ended, self.started = server, total, threading.Event(), time.monotonic()
        self.seen = [(0.0, 0, {})]  # seconds, documents, processor seconds by thread

    def look(self):
        m, cpu, before = metrics(self.server.url), thread_cpu_s(self.server.process.pid), self.seen[-1][2]
        cpu = {name: max(cpu.get(name, 0), before.get(name, 0)) for name in cpu | before}  # some threads end with the import
        self.seen.append((time.monotonic() - self.started, int(m.get('documents{collection="bench"}', 0)), cpu))
        return m

    def run(self):
        told = 0
        while not self.ended.wait(.5):
            m, (seconds, documents, _) = self.look(), self.seen[-1]
            if seconds - told >= 10:
                told = seconds
                print(f"  {seconds:5.0f} s  {documents:7} of {self.total}, {m['index_tail_rows']:.0f} in the tail, {self.server.rss_mb():.0f} MB", flush=True)

    def stop(self):
        self.ended.set()
        self.join()
        self.look()

    def tenths(self):
        """For each tenth of the documents: how many a second, and the threads' processor time for one in us."""
        marks = [self.seen[0]]
        for seen in self.seen[1:]:
            if seen[1] >= self.total * len(marks) / 10 and seen[1] > marks[-1][1]:
                marks.append(seen)
        rates, cpu = [], {}
        for (s0, n0, c0), (s1, n1, c1) in zip(marks, marks[1:]):
            rates.append(round((n1 - n0) / (s1 - s0)))
            for name, seconds in c1.items():
                cpu.setdefault(name, []).append(round(1e6 * (seconds - c0.get(name, 0)) / (n1 - n0)))
        return rates, {name: us for name, us in sorted(cpu.items(), key=lambda x: -sum(x[1])) if max(us) >= 10}


def stream(url, path):
    """One NDJSON body, sent as the server takes it. -> the last line of the answer, problems first."""
    c = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=3600)
    with open(path, "rb") as f:
        c.putrequest("POST", "/v1/collections/bench/documents")
        c.putheader("Content-Type", "application/x-ndjson")
        c.putheader("Content-Length", str(path.stat().st_size))
        c.endheaders()
        while part := f.read(1 << 18):
            c.send(part)
    answer = c.getresponse()
    if answer.status != 200:
        raise SystemExit(f"the import was refused: {answer.status} {answer.read(2000)!r}")
    last = b""
    for line in answer:
        if b'"failed"' in line and b'"id"' in line:
            raise SystemExit(f"a document was refused: {line!r}")
        last = line
    return json.loads(last)


def import_all(server, path, count):
    status, answer = Client(server.url).ask("POST", "/v1/collections", {"name": "bench"})
    if status != 201:
        raise SystemExit(f"no collection: {status} {answer}")
    watch = Watch(server, count)
    watch.start()
    start = time.monotonic()
    end = stream(server.url, path)
    seconds = time.monotonic() - start
    watch.stop()
    if end["done"] != count or end["failed"]:
        raise SystemExit(f"of {count} documents: {end}")
    rates, cpu = watch.tenths()
    told(f"import: {seconds:.1f} s, {count / seconds:.0f} documents/s, processor {server.cpu_s():.1f} s; "
         f"{server.rss_mb():.0f} MB resident, {status_mb(server.process.pid, 'VmHWM'):.0f} MB at most",
         import_s=seconds, import_documents_per_s=count / seconds, import_tenths_per_s=rates, import_tenths_cpu_us=cpu, import_cpu_s=server.cpu_s(),
         rss_after_import_mb=server.rss_mb(), peak_mb=status_mb(server.process.pid, "VmHWM"))
    print(f"  documents/s in each tenth: {' '.join(map(str, rates))}; processor time of a document, us:")
    for name, us in cpu.items():
        print(f"    {name:15} {' '.join(f'{x:5}' for x in us)}")


def settle(server):
    """Until every vector is in the graph by links of the second choice. A few remain in the tail of a collection that is too small for one."""
    start, m = time.monotonic(), metrics(server.url)
    tail = m["index_tail_rows"]
    while m["index_rough_rows"] or (m["index_tail_rows"] and m['documents{collection="bench"}'] > 10000):
        if time.monotonic() - start > a.settle:
            break
        time.sleep(.5)
        m = metrics(server.url)
    seconds = time.monotonic() - start
    done = "" if not m["index_rough_rows"] else f", still {m['index_rough_rows']:.0f} to refine"
    told(f"then {seconds:.1f} s until the vectors are merged and refined (the tail held {tail:.0f}){done}",
         settle_s=seconds, tail_after_import=tail, rough_after_settle=m["index_rough_rows"])


def weigh(server, data, count):
    m, rss = metrics(server.url), server.rss_mb()
    parts = {k[len('index_memory_bytes{part="'):-2]: v for k, v in m.items() if k.startswith("index_memory_bytes")}
    files = {"akin.db": sum(f.stat().st_size for f in data.glob("akin.db*")), "index": tree_bytes(data / "index")}
    told(f"memory: {rss:.0f} MB resident, {1e6 * rss * 1.048576 / count:.0f} bytes a document, "
         f"{status_mb(server.process.pid, 'VmHWM'):.0f} MB at most; indexes a document: "
         + ", ".join(f"{k} {v / count:.0f}" for k, v in parts.items())
         + "; on disk: " + ", ".join(f"{k} {v / 1e6:.0f} MB" for k, v in files.items()),
         rss_mb=rss, peak_mb=status_mb(server.process.pid, "VmHWM"), index_bytes_a_document={k: v / count for k, v in parts.items()}, disk_bytes=files)


# ---- searching ----

def answers(url, requests, queue):
    """A client: one kept connection, the next request after the answer. Puts the seconds of each, and what was wrong."""
    host, port = urllib.parse.urlsplit(url).netloc.split(":")
    s = socket.create_connection((host, int(port)))
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    took, wrong = [], []
    for r in requests:
        start = time.perf_counter()
        s.sendall(r)
        got = s.recv(1 << 16)
        while (head := got.find(b"\r\n\r\n")) < 0:
            got += s.recv(1 << 16)
        length = int(re.search(rb"(?i)content-length: *(\d+)", got[:head]).group(1))
        while len(got) < head + 4 + length:
            got += s.recv(1 << 16)
        took.append(time.perf_counter() - start)
        if not got.startswith(b"HTTP/1.1 200"):
            wrong.append(got[:300])
    queue.put((took, wrong))


def closed_loop(url, requests, clients):
    queue = multiprocessing.Queue()
    processes = [multiprocessing.Process(target=answers, args=(url, requests[i::clients], queue)) for i in range(clients)]
    start = time.perf_counter()
    for c in processes:
        c.start()
    got = [queue.get() for _ in processes]
    seconds = time.perf_counter() - start
    for c in processes:
        c.join()
    took = sorted(t for some, _ in got for t in some)
    wrong = [w for _, some in got for w in some]
    if wrong:
        raise SystemExit(f"{len(wrong)} wrong answers, such as {wrong[0]!r}")
    return {"p50_ms": 1000 * took[len(took) // 2], "p99_ms": 1000 * took[min(len(took) - 1, int(.99 * len(took)))], "per_s": len(took) / seconds}


def get(path):
    return f"GET /v1/collections/bench/{path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def post(path, body):
    data = json.dumps(body).encode()
    return (f"POST /v1/collections/bench/{path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(data)}\r\n\r\n").encode() + data


def kinds(queries, count, rng):
    """name -> a function that makes the next `n` requests; no query and no document is asked for twice."""
    fresh, documents = iter(queries), iter(rng.sample(range(count), min(count, len(queries))))

    def search(mode, filtered):
        def some(n):
            for _ in range(n):
                f = f"&filter={urllib.parse.quote(f'group = {rng.randrange(GROUPS)}')}" if filtered else ""
                yield get(f"search?mode={mode}&limit=10&q={urllib.parse.quote(next(fresh))}{f}")
        return lambda n: list(some(n))

    out = {f"{mode}{' 1 %' if f else ''}": search(mode, f) for f in (False, True) for mode in ("hybrid", "semantic", "lexical")}
    out["similar"] = lambda n: [post("similar", {"id": f"t{next(documents)}", "limit": 10}) for _ in range(n)]
    return out


def stages(log, position):
    """Medians of the parts of a search in ms, as the server's log has them from `position` on."""
    with open(log) as f:
        f.seek(position)
        lines = [json.loads(line) for line in f if '"message":"request"' in line]
    out = {}
    for name in ("embed_ms", "words_ms", "vectors_ms", "load_ms"):
        some = sorted(line[name] for line in lines if name in line)
        if some:
            out[name[:-3]] = some[len(some) // 2]
    return out


def search_all(server, rest, count):
    rng = random.Random(3)
    clients, log = a.clients, WORK / "server.log"
    queries = queries_make(rest, 6 * (len(clients) * a.queries + 50))
    table = out["search"] = {}
    for name, make in kinds(queries, count, rng).items():
        closed_loop(server.url, make(50), 1)  # what every later query finds warm
        for n in clients:
            position = log.stat().st_size
            r = closed_loop(server.url, make(a.queries), n)
            r["stages_ms"] = stages(log, position)
            table[f"{name}, {n} clients"] = r
            print(f"{name:13} {n} clients  p50 {r['p50_ms']:7.2f} ms  p99 {r['p99_ms']:7.2f} ms  {r['per_s']:6.0f} queries/s   "
                  + ", ".join(f"{k} {v:.2f}" for k, v in r["stages_ms"].items()), flush=True)


def hits(client, path):
    status, answer = client.ask("GET", f"/v1/collections/bench/{path}")
    if status != 200:
        raise SystemExit(f"{path}: {status} {answer}")
    return [h["id"] for h in answer["data"]]


def found_by_own_text(server, texts, how_many=300):
    """Is what went in found? Semantic search for a document's whole text."""
    rng, client, found = random.Random(5), Client(server.url), 0
    some = rng.sample(range(len(texts)), min(how_many, len(texts)))
    for n in some:
        found += f"t{n}" in hits(client, f"search?mode=semantic&limit=10&q={urllib.parse.quote(texts[n])}")
    told(f"found among the first 10 by their own text: {found} of {len(some)}", found_by_own_text=found / len(some))


def recall(server, rest, how_many=300):
    """Of what an exact comparison finds, how much a search does: among the first 10, a hit as good as the tenth counts."""
    client, rng = Client(server.url), random.Random(9)
    if '"exact"' not in json.dumps(client.ask("GET", "/openapi.json")[1]):
        return told("this akin has no exact search: recall is not measured")
    for name, filtered in (("all", False), ("1 %", True)):
        shares = []
        for q in queries_make(rest, how_many, seed=11 + filtered):
            f = f"&filter={urllib.parse.quote(f'group = {rng.randrange(GROUPS)}')}" if filtered else ""
            got = [client.ask("GET", f"/v1/collections/bench/search?mode=semantic&limit=10&q={urllib.parse.quote(q)}{f}{exact}")
                   for exact in ("", "&exact=true")]
            if any(status != 200 for status, _ in got):
                raise SystemExit(f"{q}: {got}")
            some, all_of_them = ([h["score"] for h in answer["data"]] for _, answer in got)
            if all_of_them:
                shares.append(sum(s >= all_of_them[-1] for s in some) / len(all_of_them))
        if shares:
            told(f"recall of semantic searches at 10, {name}: {sum(shares) / len(shares):.4f}", **{f"recall {name}": sum(shares) / len(shares)})


# ---- the whole ----

def again(data, rest):
    with Server(data, *options) as server:
        ready, client = server.ready_s, Client(server.url)
        first = time.monotonic()
        hits(client, f"search?mode=hybrid&limit=10&q={urllib.parse.quote(rest[0][:60])}")
        first = time.monotonic() - first
        rss = server.rss_mb()
    told(f"started again: {ready:.2f} s to ready, first query {1000 * first:.0f} ms, {rss:.0f} MB resident",
         restart_s=ready, restart_first_query_ms=1000 * first, restart_rss_mb=rss)


machine()
options = ["--set", f"embed.precision={a.precision}", *(x for s in a.set for x in ("--set", s))]
texts, rest = texts_take()
told(f"{len(texts)} documents, {sum(map(len, texts)) / len(texts):.0f} characters each" + (", vectors given" if a.vectors else ""),
     rows=len(texts), vectors_given=bool(a.vectors))
if not a.reuse:
    shutil.rmtree(a.data, ignore_errors=True)
    a.data.parent.mkdir(parents=True, exist_ok=True)
    path = a.data.with_suffix(".jsonl")
    documents_write(texts, path)
with Server(a.data, *options) as server:
    if not a.reuse:
        import_all(server, path, len(texts))
        path.unlink()
    settle(server)
    weigh(server, a.data, len(texts))
    search_all(server, rest, len(texts))
    if not a.vectors:
        found_by_own_text(server, texts)
    recall(server, rest)
    stop = time.monotonic()
stop = time.monotonic() - stop
told(f"stopped in {stop:.1f} s", stop_s=stop)
again(a.data, rest)
if not a.keep:
    shutil.rmtree(a.data)
if a.json:
    line = json.dumps(out)
    sys.stdout.write(line + "\n") if a.json == "-" else pathlib.Path(a.json).write_text(line + "\n")
