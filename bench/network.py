#!/usr/bin/env python3
"""What the network may do to a server with the stub model, and what it costs. `cost`: the processor time of a request on plain HTTP (GET of a document, /livez; with
--against another binary beside it). `rotate`: GETs of a document at a steady rate over TLS while its key is rotated and the certificates are changed. `slow`: healthy clients beside
thousands of peers that send heads and bodies and read answers at a byte a second. `noisy`: clients of one key beside those of another that asks far over its limit. `tls`: handshakes
and GETs a second, and the processor time of each. `scan`: sslscan, where it is. `write`: what an Idempotency-Key costs a POST of one document (with --against another binary beside it).
GETs come from bench_gets (`ninja bench-programs`)."""
import argparse, itertools, json, multiprocessing, os, pathlib, re, resource, shutil, signal, socket, ssl, subprocess, sys, tempfile, threading, time

p = argparse.ArgumentParser(description=__doc__)
p.add_argument("parts", nargs="*", default=["cost", "rotate", "slow", "noisy", "tls", "scan", "write"])
p.add_argument("--against", help="another akin, for cost and write")
p.add_argument("--slow", type=int, default=5000)
p.add_argument("--rate", type=int, default=1000, help="GETs a second during rotations")
p.add_argument("--seconds", type=float, default=10)
p.add_argument("--quick", action="store_true")
a = p.parse_args()
if a.quick:
    a.slow, a.rate, a.seconds = 300, 100, 2
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
BIN = os.environ.get("AKIN_BIN", "build/akin")
GETS = pathlib.Path(BIN).parent / "bench/bench_gets"
WORK = pathlib.Path(tempfile.mkdtemp(prefix="akin-network-"))
PATH = "/v1/collections/bench/documents/d1"
GET = f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
LIVE = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Akin:
    def __init__(self, binary, *settings):
        self.data = tempfile.mkdtemp(dir=WORK)
        flags = [x for s in settings for x in ("--set", s)]
        self.process = subprocess.Popen([binary, "serve", "--data", self.data, "--port", "0", "--model", "stub", *flags],
                                        stdout=subprocess.PIPE, stderr=open(self.data + ".log", "w"), text=True)
        self.url = re.search(r"https?://\S+", self.process.stdout.readline()).group(0)
        self.port = int(self.url.rsplit(":", 1)[1])
        self.trust = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def dial(self):
        s = socket.create_connection(("127.0.0.1", self.port))
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self.trust.wrap_socket(s, server_hostname="localhost") if self.trust else s

    def ask(self, method, path, body=None, key=None):
        """One request on a connection of its own: the answer's body."""
        with self.dial() as s:
            return ask(s, message(method, path, body, key))[1]

    def fill(self, count=1000):
        """Documents; the body of the one that is asked for, in a file."""
        self.ask("POST", "/v1/collections", {"name": "bench"})
        self.ask("POST", "/v1/collections/bench/documents", [{"id": f"d{i}", "text": f"soup number {i} " + "ginger " * 40} for i in range(count)])
        self.body = pathlib.Path(self.data + ".body")
        self.body.write_bytes(self.ask("GET", PATH))
        assert b'"d1"' in self.body.read_bytes()

    def gets(self, rate, seconds, connections=8, fresh=0, key=None, body=True, nice=0):
        """Starts a client; its lines of input are keys, told() gives what it saw."""
        c = subprocess.Popen(["nice", f"-n{nice}", GETS, *map(str, [self.port, PATH, rate, seconds, connections, fresh, self.body if body else "-"]),
                              *([self.authorities] if self.trust else [])], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        if key:
            c.stdin.write(key + "\n")
        return c

    def cpu_s(self):
        fields = open(f"/proc/{self.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def told(client):
    r = json.loads(client.stdout.read())
    client.wait()
    r["bad"] = r["failed"] + sum(n for status, n in r["statuses"].items() if status not in ("200", "429"))
    return r


def text(r):
    return f"{r['gets']} GETs at {r['rate']:.0f}/s, {r['bad']} failed{' ' + r['first_fault'] if r['bad'] else ''}; p50 {r['p50']:.2f} p99 {r['p99']:.2f} max {r['max']:.1f} ms"


def message(method, path, body=None, key=None, again=None):
    data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n" + (f"X-API-Key: {key}\r\n" if key else "") + (f"Idempotency-Key: {again}\r\n" if again else "")
    if body is not None:
        head += f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n"
    return head.encode() + b"\r\n" + data


def ask(s, request):
    """Status and body."""
    s.sendall(request)
    got = b""
    while b"\r\n\r\n" not in got:
        piece = s.recv(65536)
        if not piece:
            raise ConnectionError("closed")
        got += piece
    head, _, body = got.partition(b"\r\n\r\n")
    length = int(re.search(rb"Content-Length: (\d+)", head).group(1))
    while len(body) < length:
        body += s.recv(65536)
    return int(head[9:12]), body


def cost(binary, request, seconds):
    """Microseconds of the server's processor time a request, on 4 kept connections in turn."""
    with Akin(binary, "log.level=warn") as x:
        x.fill(count=100)
        sockets = [x.dial() for _ in range(4)]
        for s in sockets * 200:
            ask(s, request)
        n, before, end = 0, x.cpu_s(), time.monotonic() + seconds
        while time.monotonic() < end:
            for s in sockets:
                s.sendall(request)
            for s in sockets:
                s.recv(65536)
            n += 4
        return (x.cpu_s() - before) / n * 1e6


# ---- TLS ----

def pair(name):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-subj", f"/CN={name}", "-addext",
                    "subjectAltName=DNS:localhost", "-keyout", WORK / f"{name}.key", "-out", WORK / f"{name}.pem"], check=True, capture_output=True)


def put(name):
    for x in ("key", "pem"):
        shutil.copy2(WORK / f"{name}.{x}", WORK / f"new.{x}")
        os.replace(WORK / f"new.{x}", WORK / f"server.{x}")


def secure(*settings):
    for name in ("a", "b"):
        pair(name)
    put("a")
    x = Akin(BIN, f"server.tls.certificate={WORK}/server.pem", f"server.tls.key={WORK}/server.key", "log.level=warn", *settings)
    x.authorities = WORK / "trusted.pem"
    x.authorities.write_bytes(b"".join((WORK / f"{n}.pem").read_bytes() for n in "ab"))
    x.trust = ssl.create_default_context(cafile=x.authorities)
    return x


def rotate():
    """The key is rotated 100 times with a grace time, the certificate changed 20 times; a tenth of the GETs come on new connections."""
    with secure() as x:
        x.fill()
        key = json.loads(x.ask("POST", "/v1/keys", {"scopes": ["documents.read"]}))
        client = x.gets(a.rate, a.seconds, 16, 10, key["key"])
        began, served = time.monotonic(), set()
        for i in range(100):
            time.sleep(max(0, began + .2 + i * (a.seconds - .5) / 100 - time.monotonic()))
            key = json.loads(x.ask("POST", f"/v1/keys/{key['id']}:rotate", {"grace_seconds": 60}))
            client.stdin.write(key["key"] + "\n")
            if i % 5 == 0:
                put("ba"[i // 5 % 2])
                x.process.send_signal(signal.SIGHUP)
            if i % 5 == 4:
                with x.dial() as s:
                    served.add((i // 5 % 2, s.getpeercert()["subject"][0][0][1]))
        r = told(client)
    swapped = served == {(0, "b"), (1, "a")}
    print(f"100 key rotations and 20 certificate swaps{'' if swapped else ' (NOT all in force)'}: {text(r)}; {r['dialled']} handshakes", flush=True)
    return r["bad"] + (not swapped)


def tls():
    with secure() as x:
        x.fill()
        for name, fresh in (("GETs on kept connections", 0), ("GETs, each after a handshake", 1)):
            before = x.cpu_s()
            r = told(x.gets(0, a.seconds / 2, 4, fresh))
            print(f"TLS 1.3, {name}: {r['rate']:.0f}/s beside a client on the same cores, {(x.cpu_s() - before) / r['gets'] * 1e6:.0f} us of the server's processor time each, "
                  f"{r['bad']} failed", flush=True)
    return r["bad"]


def scan():
    """What sslscan finds must not be old: SSL, TLS 1.0 and 1.1, compression, renegotiation, fallback, ciphers without forward secrecy or under 128 bits."""
    if not shutil.which("sslscan"):
        print("sslscan is not here (Debian: sslscan)")
        return 0
    with secure() as x:
        said = subprocess.run(["sslscan", "--no-colour", "--show-certificate", f"localhost:{x.port}"], capture_output=True, text=True).stdout
    ciphers = re.findall(r"^(?:Preferred|Accepted)\s+(\S+)\s+(\d+) bits\s+(\S+)", said, re.M)
    wrong = [f"{m} is enabled" for m in re.findall(r"^(SSLv2|SSLv3|TLSv1\.0|TLSv1\.1)\s+enabled", said, re.M)]
    wrong += [f"{v} {name}" for v, bits, name in ciphers if v not in ("TLSv1.2", "TLSv1.3") or int(bits) < 128 or not re.search("GCM|CHACHA20", name) or not re.match("TLS_|ECDHE", name)]
    wrong += [line.strip() for line in said.splitlines() if re.search(r"Compression enabled|Insecure|\bvulnerable to heartbleed", line) and "not vulnerable" not in line]
    wrong += [] if {"TLSv1.2", "TLSv1.3"} <= {c[0] for c in ciphers} else ["not both of TLS 1.2 and 1.3 were found"]
    print(f"sslscan: {len(ciphers)} ciphers, {'nothing old' if not wrong else wrong}", flush=True)
    return len(wrong)


# ---- beside others ----

def slow_peers(port, count, ready, ended, note):
    """A third sends a head, a third a body, a third reads an answer: a byte a second each, spread over the second; who is thrown out comes again."""
    LONG = message("GET", "/v1/collections/bench/documents/long")
    body = message("POST", "/v1/collections/bench/documents", b"[" + b" " * 5000)
    texts = [LIVE[:-4] + b"\r\nX-Slow: " + b"a" * 500, body, LONG]
    at, sockets, again, TICKS = [0] * count, [None] * count, 0, 1000

    def dial(i):
        s = socket.socket()
        if i % 3 == 2:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        s.connect(("127.0.0.1", port))
        s.setblocking(False)
        at[i] = len(body) - 5001 if i % 3 == 1 else 0
        if i % 3:
            s.send(body[:at[i]] if i % 3 == 1 else LONG)
        sockets[i] = s

    for i in range(count):
        dial(i)
        if i % 100 == 99:
            time.sleep(.01)
    ready.set()
    tick, began = 0, time.monotonic()
    while not ended.is_set():
        for i in range(tick % TICKS, count, TICKS):
            s = sockets[i]
            try:
                if i % 3 == 2:
                    alive = s.recv(1) != b""
                else:
                    s.send(texts[i % 3][at[i]:at[i] + 1] or b" ")
                    at[i] += 1
                    alive = True
            except BlockingIOError:
                alive = True
            except OSError:
                alive = False
            if not alive:
                s.close()
                again += 1
                dial(i)
        tick += 1
        time.sleep(max(0, began + tick / TICKS - time.monotonic()))
    note.put((again, time.monotonic() - began - tick / TICKS))


def slow():
    with Akin(BIN, "log.level=warn") as x:
        x.fill()
        x.ask("POST", "/v1/collections/bench/documents", {"id": "long", "text": "long stories " * 12000})
        told(x.gets(200, 1, 8, 10))
        alone = told(x.gets(200, a.seconds, 8, 10))
        print(f"healthy alone: {text(alone)}", flush=True)
        ready, ended, note = multiprocessing.Event(), multiprocessing.Event(), multiprocessing.Queue()
        peers = multiprocessing.Process(target=slow_peers, args=(x.port, a.slow, ready, ended, note))
        peers.start()
        ready.wait()
        before = x.cpu_s()
        beside = told(x.gets(200, 2 * a.seconds, 8, 10))
        cpu = (x.cpu_s() - before) / (2 * a.seconds)
        ended.set()
        again, late = note.get()
        peers.join()
        memory = int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{x.process.pid}/status").read()).group(1)) // 1024
    print(f"beside {a.slow} slow peers: {text(beside)} ({beside['p99'] / alone['p99']:.2f} x); {memory} MB resident, {100 * cpu:.0f} % of a core; "
          f"{again} of the slow came again, they were {late * 1e3:.0f} ms late at the end", flush=True)
    return alone["bad"] + beside["bad"]


def pooled(runs):
    """Several runs as one."""
    ms = sorted(x for r in runs for x in r["ms"])
    return {"gets": len(ms), "rate": sum(r["rate"] for r in runs) / len(runs), "bad": sum(r["bad"] for r in runs), "first_fault": "".join(r["first_fault"] for r in runs),
            "p50": ms[len(ms) // 2], "p99": ms[int((len(ms) - 1) * .99)], "max": ms[-1]}


def noisy():
    """Two keys; the limit is 300 GETs a second each. One asks 200 times a second, alone and beside the other, which asks as fast as it is answered: by turns, so that both meet
    the same machine."""
    alone, beside, noise, cpu, TURNS = [], [], [], 0, 5
    with Akin(BIN, "log.level=warn", "limits.key=300/s") as x:
        x.fill()
        quiet, loud = [json.loads(x.ask("POST", "/v1/keys", {"scopes": ["documents.read"]}))["key"] for _ in range(2)]
        told(x.gets(200, 1, 4, 0, quiet))
        for _ in range(TURNS):
            alone.append(told(x.gets(200, a.seconds / TURNS, 4, 0, quiet)))
            before = x.cpu_s()
            flood = x.gets(0, a.seconds / TURNS + 1, 4, 0, loud, nice=19)
            time.sleep(.5)
            beside.append(told(x.gets(200, a.seconds / TURNS, 4, 0, quiet)))
            noise.append(told(flood))
            cpu += x.cpu_s() - before
    refused = [r["statuses"].pop("429", 0) for r in beside]
    count = lambda status: sum(r["statuses"].get(status, 0) for r in noise)
    alone, beside = pooled(alone), pooled(beside)
    print(f"a key alone: {text(alone)}", flush=True)
    print(f"beside one that floods ({sum(r['rate'] for r in noise) / TURNS:.0f}/s, {count('200')} let in, {count('429')} refused): {text(beside)} "
          f"({beside['p99'] / alone['p99']:.2f} x), {cpu / (count('200') + count('429') + beside['gets']) * 1e6:.1f} us of the server's processor time a request", flush=True)
    return alone["bad"] + beside["bad"] + sum(refused)


# ---- writes ----

def post(x, keyed, seconds, number, took):
    """One client: documents of one new text each, one after the other."""
    with x.dial() as s:
        end = time.monotonic() + seconds
        while (begun := time.monotonic()) < end:
            n = next(number)
            status, _ = ask(s, message("POST", "/v1/collections/bench/documents", {"text": f"soup again {n} " + "ginger " * 40}, again=f"again-{n}" if keyed else None))
            took.append((time.monotonic() - begun, status != 200))


def write():
    """1 and 4 clients without and with a key in turns, beside a steady load of GETs."""
    failed, number, ROUNDS = 0, itertools.count(), 4
    servers = [Akin(b, "log.level=warn") for b in (BIN, a.against) if b]
    for x in servers:
        x.fill()
    for clients in (1, 4):
        took = {(x, keyed): [] for x in servers for keyed in (False, True)}
        for _ in range(ROUNDS):
            for (x, keyed), times in took.items():
                load = x.gets(a.rate / 5, a.seconds / ROUNDS + .5, 4)
                threads = [threading.Thread(target=post, args=(x, keyed, a.seconds / ROUNDS, number, times)) for _ in range(clients)]
                for t in threads:
                    t.start()
                for t in threads:
                    t.join()
                failed += told(load)["bad"]
        for x in servers:
            p = {}
            for keyed in (False, True):
                times = sorted(t for t, _ in took[x, keyed])
                failed += sum(b for _, b in took[x, keyed])
                p[keyed] = [1e3 * times[int(len(times) * share)] for share in (.5, .99)]
            print(f"{clients} clients POST, {BIN if x is servers[0] else a.against}: p50 {p[False][0]:.2f} p99 {p[False][1]:.2f} ms, with an Idempotency-Key {p[True][0]:.2f} and {p[True][1]:.2f} "
                  f"({p[True][0] / p[False][0]:.2f} and {p[True][1] / p[False][1]:.2f} x); {len(took[x, False])} and {len(took[x, True])} POSTs", flush=True)
    for x in servers:
        x.__exit__()
    return failed


bad = 0
try:
    if "cost" in a.parts:
        for name, request in (("GET of a document", GET), ("/livez", LIVE)):
            mine = cost(BIN, request, a.seconds / 2)
            other = f", {cost(a.against, request, a.seconds / 2):.1f} with {a.against}" if a.against else ""
            print(f"{name}: {mine:.1f} us of the server's processor time{other}", flush=True)
    for name, part in (("rotate", rotate), ("slow", slow), ("noisy", noisy), ("tls", tls), ("scan", scan), ("write", write)):
        bad += part() if name in a.parts else 0
finally:
    shutil.rmtree(WORK, ignore_errors=True)
sys.exit(bool(bad))
