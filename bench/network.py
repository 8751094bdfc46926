#!/usr/bin/env python3
"""What the network may do to a server with the stub model, and what it costs: the processor time of a request on plain HTTP (GET of a document, /livez; with --against
another binary beside it), GETs at a steady rate over TLS while certificates are changed, and healthy clients beside thousands of peers that send heads and bodies and read
answers at a byte a second."""
import argparse, json, multiprocessing, os, pathlib, re, resource, shutil, signal, socket, ssl, subprocess, sys, tempfile, time

p = argparse.ArgumentParser(description=__doc__)
p.add_argument("parts", nargs="*", default=["cost", "swaps", "slow"])
p.add_argument("--against", help="another akin, for cost")
p.add_argument("--slow", type=int, default=5000)
p.add_argument("--rate", type=int, default=1000, help="GETs a second during swaps")
p.add_argument("--seconds", type=float, default=10)
p.add_argument("--quick", action="store_true")
a = p.parse_args()
if a.quick:
    a.slow, a.rate, a.seconds = 300, 100, 2
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
BIN = os.environ.get("AKIN_BIN", "build/akin")
WORK = pathlib.Path(tempfile.mkdtemp(prefix="akin-network-"))
GET = b"GET /v1/collections/bench/documents/d1 HTTP/1.1\r\nHost: localhost\r\n\r\n"
LIVE = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Akin:
    def __init__(self, binary, *settings):
        self.data = tempfile.mkdtemp(dir=WORK)
        flags = [x for s in settings for x in ("--set", s)]
        self.process = subprocess.Popen([binary, "serve", "--data", self.data, "--port", "0", "--model", "stub", *flags],
                                        stdout=subprocess.PIPE, stderr=open(self.data + ".log", "w"), text=True)
        self.url = re.search(r"https?://\S+", self.process.stdout.readline()).group(0)
        self.port = int(self.url.rsplit(":", 1)[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def dial(self, trust=None):
        s = socket.create_connection(("127.0.0.1", self.port))
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return trust.wrap_socket(s, server_hostname="localhost") if trust else s

    def fill(self, trust=None, count=1000):
        with self.dial(trust) as s:
            ask(s, post("/v1/collections", b'{"name":"bench"}'))
            rows = [{"id": f"d{i}", "text": f"soup number {i} " + "ginger " * 40} for i in range(count)]
            ask(s, post("/v1/collections/bench/documents", json.dumps(rows).encode()))

    def cpu_s(self):
        fields = open(f"/proc/{self.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def post(path, body):
    return f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def ask(s, request):
    """The status; the answer is read to its end."""
    s.sendall(request)
    got = b""
    while b"\r\n\r\n" not in got:
        piece = s.recv(65536)
        if not piece:
            raise ConnectionError("closed")
        got += piece
    head, _, body = got.partition(b"\r\n\r\n")
    left = int(re.search(rb"Content-Length: (\d+)", head).group(1)) - len(body)
    while left > 0:
        left -= len(s.recv(65536))
    return int(head[9:12])


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


def asker(port, trust, rate, seconds, fresh, out):
    """GETs at a steady rate; a latency counts from when its request was due. `fresh`: each tenth on a new connection."""
    dial = lambda: trust.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="localhost") if trust else socket.create_connection(("127.0.0.1", port))
    latencies, failed, s, began = [], [], None, time.monotonic()
    for i in range(int(rate * seconds)):
        due = began + i / rate
        if (wait := due - time.monotonic()) > 0:
            time.sleep(wait)
        try:
            if s is None or (fresh and i % 10 == 0):
                s = dial()
            if ask(s, GET) != 200:
                failed.append("status")
        except (OSError, AttributeError) as e:
            failed.append(repr(e))
            s = None
        latencies.append(time.monotonic() - due)
    out.put((sorted(latencies), failed))


def askers(port, trust, rate, seconds, fresh, count=2):
    out = multiprocessing.Queue()
    running = [multiprocessing.Process(target=asker, args=(port, trust, rate / count, seconds, fresh, out)) for _ in range(count)]
    for r in running:
        r.start()
    return running, out


def told(running, out):
    results = [out.get() for _ in running]
    latencies = sorted(x for r in results for x in r[0])
    failed = [x for r in results for x in r[1]]
    at = lambda q: latencies[int(q * (len(latencies) - 1))] * 1e3
    return len(latencies), failed, at(.5), at(.99)


def pair(name):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-subj", f"/CN={name}", "-addext",
                    "subjectAltName=DNS:localhost", "-keyout", WORK / f"{name}.key", "-out", WORK / f"{name}.pem"], check=True, capture_output=True)


def swaps():
    for name in ("a", "b"):
        pair(name)
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    put = lambda name: [shutil.copy2(WORK / f"{name}.{x}", WORK / f"server.{x}") for x in ("key", "pem")]
    for name in ("a", "b"):
        trust.load_verify_locations(WORK / f"{name}.pem")
    put("a")
    with Akin(BIN, f"server.tls.certificate={WORK}/server.pem", f"server.tls.key={WORK}/server.key", "log.level=warn") as x:
        x.fill(trust)
        running, out = askers(x.port, trust, a.rate, a.seconds, True)
        for i in range(20):
            time.sleep(a.seconds / 22)
            put("ba"[i % 2])
            x.process.send_signal(signal.SIGHUP)
        n, failed, p50, p99 = told(running, out)
    print(f"20 certificate swaps: {n} GETs, a tenth on new connections, {len(failed)} failed {failed[:2] or ''}; p50 {p50:.2f} p99 {p99:.2f} ms", flush=True)
    return len(failed)


def slow_peers(port, count, ready, ended):
    """A third sends a head, a third a body, a third reads an answer: a byte a second each; who is thrown out comes again."""
    LIST = b"GET /v1/collections/bench/documents?limit=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n"
    texts = [LIVE[:-4] + b"\r\nX-Slow: " + b"a" * 500, post("/v1/collections/bench/documents", b"[" + b" " * 5000), LIST]
    at, sockets, again = [0] * count, [None] * count, 0

    def dial(i):
        s = socket.socket()
        if i % 3 == 2:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        s.connect(("127.0.0.1", port))
        s.setblocking(False)
        at[i] = len(texts[1]) - 5001 if i % 3 == 1 else 0
        if i % 3:
            s.send(texts[i % 3][:at[i]] if i % 3 == 1 else LIST)
        sockets[i] = s

    for i in range(count):
        dial(i)
    ready.set()
    while not ended.is_set():
        began = time.monotonic()
        for i, s in enumerate(sockets):
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
        ended.wait(max(0, 1 - (time.monotonic() - began)))
    print(f"  {again} of the slow came again after they had been thrown out", flush=True)


def slow():
    with Akin(BIN, "log.level=warn") as x:
        x.fill()
        n, failed, p50, alone = told(*askers(x.port, None, 200, a.seconds, True))
        print(f"healthy alone: {n} GETs, {len(failed)} failed; p50 {p50:.2f} p99 {alone:.2f} ms")
        ready, ended = multiprocessing.Event(), multiprocessing.Event()
        peers = multiprocessing.Process(target=slow_peers, args=(x.port, a.slow, ready, ended))
        peers.start()
        ready.wait()
        n, failed, p50, beside = told(*askers(x.port, None, 200, 2 * a.seconds, True))
        ended.set()
        peers.join()
        memory = int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{x.process.pid}/status").read()).group(1)) // 1024
    print(f"beside {a.slow} slow peers: {n} GETs, {len(failed)} failed {failed[:2] or ''}; p50 {p50:.2f} p99 {beside:.2f} ms ({beside / alone:.2f} x); {memory} MB resident")
    return len(failed)


bad = 0
try:
    if "cost" in a.parts:
        for name, request in (("GET of a document", GET), ("/livez", LIVE)):
            mine = cost(BIN, request, a.seconds / 2)
            other = f", {cost(a.against, request, a.seconds / 2):.1f} with {a.against}" if a.against else ""
            print(f"{name}: {mine:.1f} us of the server's processor time{other}", flush=True)
    bad += swaps() if "swaps" in a.parts else 0
    bad += slow() if "slow" in a.parts else 0
finally:
    shutil.rmtree(WORK, ignore_errors=True)
sys.exit(bool(bad))
