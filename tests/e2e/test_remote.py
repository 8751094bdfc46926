"""A provider embeds: another akin, and one that misbehaves in every way that we could think of. Nothing that it does may lose a
write, refuse one, stop search by words, or show the key."""
import base64
import hashlib
import http.server
import json
import math
import os
import shutil
import signal
import sqlite3
import ssl
import struct
import subprocess
import threading
import time
from email.utils import formatdate

import pytest

from conftest import TEXTS, binary, problem, wait_for

KEY = "sk-canary-8d1f0a77c3e94b52"
DIMS = 32


def vector(text, dims=DIMS):
    """Texts that share words are near each other."""
    out = [0.01] * dims
    for word in text.lower().replace(".", " ").replace(",", " ").split():
        h = hashlib.sha256(word.encode()).digest()
        for i in range(dims):
            out[i] += 1 if h[i % 32] & 1 << (i // 32) else -1
    return out


class Provider:
    """An endpoint that does what `act(handler, request)` says; None: a good answer."""

    def __init__(self, tls=None):
        self.requests, self.act, self.lock = [], None, threading.Lock()
        self.in_flight = self.in_flight_most = 0
        self.stopping = threading.Event()
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with provider.lock:
                    provider.in_flight += 1
                    provider.in_flight_most = max(provider.in_flight_most, provider.in_flight)
                    provider.requests.append((time.monotonic(), self.path, dict(self.headers), body))
                    act = provider.act
                try:
                    (act or good)(self, body)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True
                finally:
                    with provider.lock:
                        provider.in_flight -= 1

            def send(self, status, value, **headers):
                data = value if isinstance(value, bytes) else json.dumps(value).encode()
                self.send_response(status)
                for name, v in headers.items():
                    self.send_header(name.replace("_", "-"), v)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args):
                pass

        Handler.provider = self
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}/v1"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.stopping.set()
        self.server.shutdown()
        self.server.server_close()


def answer(body, dims=None):
    dims = dims or body.get("dimensions") or DIMS
    return {"object": "list", "model": body["model"],
            "data": [{"object": "embedding", "index": i, "embedding": vector(t, dims)} for i, t in enumerate(body["input"])],
            "usage": {"prompt_tokens": 5 * len(body["input"]), "total_tokens": 5 * len(body["input"])}}


def good(h, body):
    h.send(200, answer(body))


@pytest.fixture
def provider():
    p = Provider()
    yield p
    p.close()


@pytest.fixture
def remote(make_server, provider):
    """Makes servers that embed by `provider`; the model's name there is "stub"."""
    def make(url=None, data=None, env=None, **settings):
        flags = ["--set", "embed.provider=openai", "--set", f"embed.base_url={url or provider.url}"]
        for name, value in settings.items():
            flags += ["--set", f"embed.{name}={value}"]
        return make_server(data=data, flags=flags, env={"AKIN_EMBED__API_KEY": KEY, **(env or {})})
    return make


def rows():
    return [{"id": k, "text": v} for k, v in TEXTS.items()]


def pending(s, collection="docs"):
    return s.get(f"/v1/collections/{collection}")["pending"]


def embedded(s, collection="docs", seconds=30):
    wait_for(lambda: pending(s, collection) == 0, seconds)


# ---- what works ----

def test_second_akin(make_server):
    inner = make_server()
    outer = make_server(flags=["--set", "embed.provider=openai", "--set", f"embed.base_url={inner.url}/v1/"])
    texts = list(TEXTS.values()) + ["ünï © 日本語", "a\nb"]
    a, b = (s.post("/v1/embeddings", {"model": "stub", "input": texts}) for s in (inner, outer))
    for x, y in zip(a["data"], b["data"], strict=True):
        assert sum(p * q for p, q in zip(x["embedding"], y["embedding"])) > 0.99999
    assert b["usage"]["prompt_tokens"] > 0
    outer.collection("docs")
    done = outer.post("/v1/collections/docs/documents", rows())
    assert done["failed"] == 0 and not any("pending" in r for r in done["data"])
    found = outer.get("/v1/collections/docs/search", q="pumpkin soup", mode="semantic")
    assert found["data"][0]["id"] == "soup" and "degraded" not in found
    info = outer.get("/v1/models")["data"][0]
    assert info["id"] == "stub" and info["dims"] == 64 and "vocabulary" not in info
    m = outer.metrics()
    assert m['akin_embed_remote_requests_total{outcome="ok"}'] >= 3
    assert m["akin_embed_remote_breaker_state"] == 0
    assert m["akin_embed_remote_tokens_total"] > 0


def test_request_as_openai_has_it(remote, provider):
    s = remote()
    s.collection("docs")
    s.post("/v1/collections/docs/documents", rows())
    for _, path, headers, body in provider.requests:
        assert path == "/v1/embeddings"
        assert headers["Authorization"] == f"Bearer {KEY}"
        assert headers["Content-Type"] == "application/json"
        assert body["model"] == "stub" and body["encoding_format"] == "float"
        assert "dimensions" not in body
    texts = [t for *_, body in provider.requests for t in body["input"]]
    assert set(TEXTS.values()) <= set(texts)


def test_order_follows_index(remote, provider):
    def reversed_data(h, body):
        a = answer(body)
        a["data"].reverse()
        h.send(200, a)
    provider.act = reversed_data
    s = remote()
    got = s.post("/v1/embeddings", {"model": "stub", "input": list(TEXTS.values())})["data"]
    for text, item in zip(TEXTS.values(), got):
        v = vector(text)
        norm = math.sqrt(sum(x * x for x in v))
        assert sum(a * b / norm for a, b in zip(v, item["embedding"])) > 0.99999


def test_import_in_batches(remote, provider):
    lock, count = threading.Lock(), [0]

    def every_third_fails(h, body):
        with lock:
            count[0] += 1
            n = count[0]
        h.send(500, {"error": "no"}) if n % 3 == 0 else good(h, body)
    s = remote(batch_size=16, concurrency=2)
    s.collection("docs")
    provider.act = every_third_fails
    provider.in_flight_most = 0
    lines = s.lines("docs", [{"id": f"d{i}", "text": f"text number {i} of many, about thing {i % 7}"} for i in range(400)])
    assert lines[-1]["done"] == 400 and lines[-1]["failed"] == 0
    embedded(s)
    assert all(len(body["input"]) <= 16 for *_, body in provider.requests)
    assert provider.in_flight_most <= 2
    m = s.metrics()
    assert m['akin_embed_remote_requests_total{outcome="server_error"}'] > 0
    assert m["akin_embed_remote_retries_total"] > 0
    found = s.get("/v1/collections/docs/search", q="text number 77", mode="semantic", limit=3)
    assert found["data"][0]["id"] == "d77"


def test_equal_texts_are_asked_once(remote, provider):
    s = remote()
    s.collection("docs")
    before = len(provider.requests)
    for _ in range(5):
        s.get("/v1/collections/docs/search", q="the same question", mode="semantic")
    assert len(provider.requests) - before == 1


# ---- what goes wrong ----

def short(h, body):
    a = answer(body)
    a["data"] = a["data"][:-1]
    h.send(200, a)


def too_many(h, body):
    a = answer(body)
    a["data"].append(a["data"][0])
    h.send(200, a)


def other_index(h, body):
    a = answer(body)
    for item in a["data"]:
        item["index"] = 99
    h.send(200, a)


def as_base64(h, body):
    a = answer(body)
    for item in a["data"]:
        item["embedding"] = base64.b64encode(struct.pack(f"{DIMS}f", *item["embedding"])).decode()
    h.send(200, a)


def with_nulls(h, body):
    a = answer(body)
    a["data"][0]["embedding"][3] = None
    h.send(200, a)


def zeros(h, body):
    a = answer(body)
    for item in a["data"]:
        item["embedding"] = [0] * DIMS
    h.send(200, a)


def overflow(h, body):
    a = answer(body)
    a["data"][0]["embedding"][7] = 1e300
    h.send(200, a)


def huge(h, body):
    h.send_response(200)
    h.end_headers()
    h.close_connection = True
    for _ in range(4096):
        h.wfile.write(b" " * 65536)


def cut(h, body):
    data = json.dumps(answer(body)).encode()
    h.send_response(200)
    h.send_header("Content-Length", str(len(data)))
    h.end_headers()
    h.wfile.write(data[:len(data) // 2])
    h.close_connection = True


def hang_up(h, body):
    h.close_connection = True
    h.connection.close()


def redirect(h, body):
    h.send(307, b"", Location=f"http://127.0.0.1:{h.provider.port}/elsewhere/embeddings")


def slow(h, body):
    h.provider.stopping.wait(3)
    good(h, body)


def trickle(h, body):
    data = json.dumps(answer(body)).encode()
    h.send_response(200)
    h.send_header("Content-Length", str(len(data)))
    h.end_headers()
    for i in range(len(data)):
        if h.provider.stopping.wait(.05):
            return
        h.wfile.write(data[i:i + 1])


FAULTS = {
    "500": (lambda h, b: h.send(500, {"error": {"message": "boom"}}), "answered 500"),
    "502 page": (lambda h, b: h.send(502, b"<html>bad gateway</html>"), "answered 502"),
    "503": (lambda h, b: h.send(503, {"error": {"message": "overloaded"}}), "overloaded"),
    "401": (lambda h, b: h.send(401, {"error": {"message": f"Incorrect API key provided: {KEY}."}}), "answered 401"),
    "404": (lambda h, b: h.send(404, {"error": {"message": "no such model"}}), "no such model"),
    "400 to all": (lambda h, b: h.send(400, {"error": {"message": "bad parameter"}}), "bad parameter"),
    "garbage": (lambda h, b: h.send(200, b"\xff\xfe{]"), "no readable JSON"),
    "empty": (lambda h, b: h.send(200, b""), "no readable JSON"),
    "no data": (lambda h, b: h.send(200, {"ok": True}), "no array"),
    "error with 200": (lambda h, b: h.send(200, {"error": {"message": "x"}}), "is an error"),
    "deep": (lambda h, b: h.send(200, b"[" * 20000), "no readable JSON"),
    "short": (short, "0 vectors for 1 texts"),
    "too many": (too_many, "2 vectors for 1 texts"),
    "index": (other_index, "index"),
    "base64": (as_base64, "base64"),
    "dimensions": (lambda h, b: h.send(200, answer(b, 31)), "31 numbers"),
    "nulls": (with_nulls, "no number"),
    "zeros": (zeros, "all zeros"),
    "overflow": (overflow, "not finite"),
    "huge": (huge, "longer than"),
    "cut": (cut, "cannot be asked"),
    "hang up": (hang_up, "cannot be asked"),
    "redirect": (redirect, "redirect"),
    "slow": (slow, "in time"),
    "trickle": (trickle, "in time"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault(remote, provider, fault):
    act, says = FAULTS[fault]
    s = remote(timeout_ms=400)
    s.collection("docs")
    first = s.post("/v1/collections/docs/documents", {"id": "before", "text": "A document from before the fault."})
    assert "pending" not in first["data"][0]
    provider.act = act
    # Search first: the reason is that of the fault itself, not of the breaker.
    found = s.get("/v1/collections/docs/search", q="document fault")
    assert says in found["degraded"] and KEY not in found["degraded"], found
    assert [h["id"] for h in found["data"]] == ["before"] and found["data"][0]["scores"]["semantic"] is None
    answer_ = s.ask("GET", "/v1/collections/docs/search", q="document fault again", mode="semantic")
    if fault == "400 to all" and answer_.status_code == 422:
        pytest.fail("the setting is to blame, not the query")
    value = problem(answer_, 503)
    assert 1 <= int(answer_.headers["Retry-After"]) <= 3600
    assert KEY not in json.dumps(value)
    # A write is neither lost nor refused, and found by its words at once.
    done = s.post("/v1/collections/docs/documents", rows())
    assert done["failed"] == 0
    assert all(r["status"] == "created" and r["pending"] is True for r in done["data"])
    assert s.get("/v1/collections/docs/documents/soup")["pending"] is True
    assert s.get("/v1/collections/docs/search", q="pumpkin", mode="lexical")["data"][0]["id"] == "soup"
    assert s.get("/v1/collections/docs/search", q="pumpkin")["data"][0]["id"] == "soup"
    again = s.post("/v1/collections/docs/documents", rows())
    assert all(r["status"] == "unchanged" and r["pending"] is True for r in again["data"])
    assert s.get("/readyz")["status"]
    # And when it works again, everything is embedded by itself.
    provider.act = None
    embedded(s)
    assert "pending" not in s.get("/v1/collections/docs/documents/soup")
    found = s.get("/v1/collections/docs/search", q="pumpkin oven soup", mode="semantic")
    assert found["data"][0]["id"] == "soup"
    assert s.metrics()["akin_embed_remote_breaker_state"] == 0
    assert KEY not in s.log() and KEY not in s.ask("GET", "/metrics").text
    assert all(path == "/v1/embeddings" for _, path, *_ in provider.requests)


def test_away_uses_no_attempts_up(remote, provider):
    s = remote()
    s.collection("docs")
    provider.act = lambda h, b: h.send(400, {"error": {"message": "bad parameter"}})
    s.post("/v1/collections/docs/documents", rows())
    before = len(provider.requests)
    wait_for(lambda: len(provider.requests) > before + 12, 60)  # the keeper has tried a number of times
    with sqlite3.connect(f"file:{s.data}/akin.db?mode=ro", uri=True) as db:
        assert [r[0] for r in db.execute("SELECT DISTINCT attempts FROM document")] == [0]
    provider.act = None
    embedded(s)


def test_a_provider_that_is_away_delays_nobody_else(remote, provider, tmp_path):
    model = os.environ.get("AKIN_TEST_MODEL")
    if not model:
        pytest.skip("AKIN_TEST_MODEL is not set")
    (tmp_path / "data" / "models").mkdir(parents=True)
    (tmp_path / "data" / "models" / "minilm").symlink_to(os.path.realpath(model))
    s = remote(data=tmp_path / "data")
    s.collection("docs")
    s.post("/v1/collections", {"name": "near", "model": "minilm"}, status=201)
    for away in (lambda h, b: h.provider.stopping.wait(60), lambda h, b: h.send(503, {"error": {"message": "away"}})):
        provider.act = away
        texts = [{"id": f"{away}{i}", "text": f"text {i} {away}"} for i in range(120)]
        s.post("/v1/collections/docs/documents", texts, **{"async": "true"})
        s.post("/v1/collections/near/documents", {"id": "a", "text": f"a local text {away}"}, **{"async": "true"})
        embedded(s, "near", seconds=5)
        assert pending(s) >= 120
    provider.act = None
    embedded(s, seconds=60)


def test_one_text_is_refused(remote, provider):
    def no_poison(h, body):
        if any("poison" in t for t in body["input"]):
            h.send(400, {"error": {"message": "the text is not wanted"}})
        else:
            good(h, body)
    s = remote()
    s.collection("docs")
    provider.act = no_poison
    done = s.post("/v1/collections/docs/documents", rows() + [{"id": "bad", "text": "apples with poison"}])
    assert done["failed"] == 0
    wait_for(lambda: pending(s) == 1, 30)
    assert s.get("/v1/collections/docs/documents/bad")["pending"] is True
    assert s.get("/v1/collections/docs/search", q="poison", mode="lexical")["data"][0]["id"] == "bad"
    assert s.metrics()["akin_embed_remote_breaker_state"] == 0
    answer_ = s.ask("POST", "/v1/embeddings", {"model": "stub", "input": ["good", "poison"]})
    assert answer_.status_code == 400 and "not wanted" in answer_.json()["error"]["message"]
    assert "1" in str(answer_.json()["error"]["param"])


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_obeyed(remote, provider, form):
    said = []

    def throttled(h, body):
        said.append(time.monotonic())
        value = "2" if form == "seconds" else formatdate(time.time() + 2.999, usegmt=True)
        h.send(429, {"error": {"message": "slow down"}}, Retry_After=value)
    s = remote()
    s.collection("docs")
    provider.act = throttled
    answer_ = s.ask("GET", "/v1/collections/docs/search", q="anything", mode="semantic")
    problem(answer_, 503, says="slow down")
    assert 1 <= int(answer_.headers["Retry-After"]) <= 4  # up to 2.999 s and a jitter, whole seconds
    provider.act = None
    done = s.post("/v1/collections/docs/documents", rows())
    assert all(r["pending"] for r in done["data"])
    embedded(s)
    after = [t for t, *_ in provider.requests if t > said[0]]
    assert len(said) == 1 and after[0] - said[0] >= 1.9  # what was asked for, less the clock's grain
    assert s.metrics()['akin_embed_remote_requests_total{outcome="throttled"}'] == 1


def test_breaker(remote, provider):
    s = remote()
    s.collection("docs")
    provider.act = lambda h, b: h.send(500, {})
    asked = len(provider.requests)
    for i in range(40):
        assert "degraded" in s.get("/v1/collections/docs/search", q=f"question {i}")
    assert len(provider.requests) - asked < 40  # most were not even sent
    assert s.metrics()["akin_embed_remote_breaker_state"] in (1, 2)
    provider.act = None

    def well():
        return "degraded" not in s.get("/v1/collections/docs/search", q="another question")
    wait_for(well, 40)
    assert s.metrics()["akin_embed_remote_breaker_state"] == 0


def test_provider_that_is_gone_and_comes_back(make_server, tmp_path):
    inner = make_server()
    port = inner.port
    flags = ["--set", "embed.provider=openai", "--set", f"embed.base_url=http://127.0.0.1:{port}/v1"]
    outer = make_server(data=tmp_path / "outer", flags=flags)
    outer.collection("docs")
    outer.post("/v1/collections/docs/documents", {"id": "first", "text": "written while it was there"})
    assert inner.stop() == 0
    lines = outer.lines("docs", [{"id": f"d{i}", "text": f"written while it was away, {i}"} for i in range(250)])
    assert lines[-1]["failed"] == 0 and lines[-1]["done"] == 250
    assert pending(outer) == 250
    outer.stop(signal.SIGKILL)
    outer = make_server(data=tmp_path / "outer", flags=flags)  # it is still away: what was learned is remembered
    assert pending(outer) == 250
    found = outer.get("/v1/collections/docs/search", q="away 17")
    assert "degraded" in found and found["data"]
    inner.flags = ["--port", str(port)]  # the last one counts
    inner.start()
    assert inner.port == port
    embedded(outer)
    found = outer.get("/v1/collections/docs/search", q="written away 17", mode="semantic")
    assert found["data"] and "degraded" not in found


def test_stop_while_it_hangs(remote, provider):
    s = remote(timeout_ms=60000)
    s.collection("docs")
    provider.act = lambda h, b: h.provider.stopping.wait(60)
    s.ask("POST", "/v1/collections/docs/documents", {"id": "a", "text": "for later"}, status=200, **{"async": "true"})
    wait_for(lambda: provider.in_flight > 0, 10)  # the keeper waits for it
    assert s.stop(wait=15) == 0


# ---- settings ----

def run(*args, env=None, timeout=30):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("AKIN_", "OPENAI_"))}
    return subprocess.run([binary(), *args], env={**clean, **(env or {})}, capture_output=True, text=True, timeout=timeout)


def test_openai_variables_count_only_with_the_provider(make_server, provider):
    env = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": provider.url}
    s = make_server(env=env)
    s.collection("docs")
    s.post("/v1/collections/docs/documents", rows())
    assert not provider.requests
    assert KEY not in s.log()
    t = make_server(env=env, flags=["--set", "embed.provider=openai"])
    t.collection("docs")
    assert provider.requests and provider.requests[0][2]["Authorization"] == f"Bearer {KEY}"
    u = make_server(env={**env, "AKIN_EMBED__API_KEY": "sk-own"}, flags=["--set", "embed.provider=openai"])
    assert provider.requests[-1][2]["Authorization"] == "Bearer sk-own"
    assert u.get("/readyz")["status"]


def test_key_from_a_file_and_never_printed(tmp_path, provider):
    secret = tmp_path / "key"
    secret.write_text(KEY + "\n")
    env = {"AKIN_EMBED__API_KEY_FILE": str(secret)}
    for more in [(), ("--json",)]:
        r = run("config", "print", *more, env=env)
        assert r.returncode == 0 and KEY not in r.stdout + r.stderr and "embed" in r.stdout
    r = run("config", "print", "--set", "embed.provider=openai", env={"OPENAI_API_KEY": KEY})
    assert r.returncode == 0 and KEY not in r.stdout + r.stderr and "OPENAI_API_KEY" in r.stdout
    r = run("embed", "--set", "embed.provider=openai", "--set", f"embed.base_url={provider.url}", "--model", "m", "/dev/null", env=env)
    assert KEY not in r.stdout + r.stderr
    assert provider.requests[-1][2]["Authorization"] == f"Bearer {KEY}"


BAD_SETTINGS = [
    (["embed.provider=cohere"], "local|openai"),
    (["embed.provider=openai"], "embed.model"),
    (["embed.provider=openai", "embed.model=m", "embed.base_url=ftp://example.com"], "embed.base_url"),
    (["embed.provider=openai", "embed.model=m", "embed.base_url=http://u:hush@127.0.0.1:1/v1"], "embed.base_url"),
    (["embed.provider=openai", "embed.model=m", "embed.base_url=http://127.0.0.1:1/v1"], "embed.dimensions"),
    (["embed.provider=openai", "embed.model=m", "embed.api_key=a b"], "embed.api_key"),
    (["embed.provider=openai", "embed.batch_size=0"], "embed.batch_size"),
]


@pytest.mark.parametrize("settings,says", BAD_SETTINGS)
def test_bad_settings(tmp_path, settings, says):
    flags = [x for s in settings for x in ("--set", s)]
    r = run("serve", "--data", str(tmp_path / "data"), "--port", "0", *flags, env={"AKIN_EMBED__API_KEY": KEY}
            if not any("api_key" in s for s in settings) else {})
    assert r.returncode != 0 and says in r.stderr, r.stderr
    assert KEY not in r.stderr and "hush" not in r.stderr


def test_starts_while_away_if_dimensions_are_set(make_server, provider):
    provider.act = lambda h, b: h.send(503, {"error": "later"})
    s = make_server(flags=["--set", "embed.provider=openai", "--set", f"embed.base_url={provider.url}",
                           "--set", f"embed.dimensions={DIMS}"])
    s.collection("docs")
    done = s.post("/v1/collections/docs/documents", rows())
    assert done["failed"] == 0 and all(r["pending"] for r in done["data"])
    provider.act = None
    embedded(s)
    assert s.get("/v1/collections/docs/search", q="pumpkin soup oven", mode="semantic")["data"][0]["id"] == "soup"
    assert all(body["dimensions"] == DIMS for *_, body in provider.requests)


def test_dimensions_that_are_not_taken(make_server, provider):
    def picky(h, body):
        if "dimensions" in body:
            h.send(400, {"error": {"message": "unknown parameter dimensions"}})
        else:
            good(h, body)
    provider.act = picky
    flags = ["--set", "embed.provider=openai", "--set", f"embed.base_url={provider.url}", "--set"]
    s = make_server(flags=[*flags, f"embed.dimensions={DIMS}"])
    s.collection("docs")
    assert not any("pending" in r for r in s.post("/v1/collections/docs/documents", rows())["data"])
    assert sum("dimensions" in body for *_, body in provider.requests) == 1
    r = run("serve", "--port", "0", "--data", str(s.data) + "-other", "--model", "m", *flags, "embed.dimensions=16")
    shutil.rmtree(str(s.data) + "-other", ignore_errors=True)
    assert r.returncode != 0 and "embed.dimensions" in r.stderr and str(DIMS) in r.stderr


def test_another_model_is_another_space(remote, provider, make_server, tmp_path):
    s = remote(data=tmp_path / "data")
    s.collection("docs")
    s.post("/v1/collections/docs/documents", rows())
    first = s.get("/v1/collections/docs")["model_digest"]
    assert s.stop() == 0
    s = remote(data=tmp_path / "data")
    assert s.get("/v1/collections/docs")["model_digest"] == first
    assert s.get("/v1/collections/docs/search", q="pumpkin soup", mode="semantic")["data"][0]["id"] == "soup"
    assert s.stop() == 0
    s = remote(data=tmp_path / "data", dimensions=16)
    problem(s.ask("GET", "/v1/collections/docs/search", q="pumpkin", mode="semantic"), 503)
    assert s.get("/v1/collections/docs/search", q="pumpkin", mode="lexical")["data"][0]["id"] == "soup"


def test_address_never_comes_from_a_request(remote, provider):
    s = remote()
    other = Provider()
    try:
        for field in ("base_url", "api_base", "url"):
            s.ask("POST", "/v1/embeddings", {"model": "stub", "input": "a", field: other.url})
        s.ask("POST", "/v1/collections", {"name": "x", "settings": {"base_url": other.url}})
        s.ask("POST", "/v1/embeddings", {"model": other.url, "input": "a"})
        assert not other.requests
    finally:
        other.close()


def test_certificate_is_verified(tmp_path):
    openssl = shutil.which("openssl")
    if not openssl:
        pytest.skip("no openssl to make a certificate with")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run([openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)],
                   check=True, capture_output=True)
    p = Provider(tls=(str(cert), str(key)))
    try:
        flags = ["--data", str(tmp_path / "data"), "--port", "0", "--model", "m", "--set", "embed.provider=openai",
                 "--set", f"embed.base_url={p.url}"]
        r = run("serve", *flags, env={"OPENAI_API_KEY": KEY})
        assert r.returncode != 0 and "certificate" in r.stderr.lower(), r.stderr
        assert not p.requests and KEY not in r.stderr
    finally:
        p.close()


def test_inference_without_a_tokenizer(remote, provider):
    s = remote(tokens_max=200)
    for body in ([1, 2, 3], [[1, 2], [3]]):
        got = s.ask("POST", "/v1/embeddings", {"model": "stub", "input": body})
        assert got.status_code == 400 and "token ids" in got.text, got.text
    assert s.ask("POST", "/tokenize", {"inputs": "a text"}).status_code in (400, 422)
    assert s.ask("POST", "/decode", {"ids": [0, 0]}).status_code in (400, 422)
    assert s.ask("POST", "/embed_all", {"inputs": "a text"}).status_code in (400, 422)
    assert s.ask("GET", "/info").status_code == 200
    long = "A sentence about something else again. " * 100
    got = s.ask("POST", "/v1/embeddings", {"model": "stub", "input": long})
    assert got.status_code == 400 and "on_overflow" in got.text
    for way in ("split", "truncate"):
        got = s.post("/v1/embeddings", {"model": "stub", "input": ["short", long], "on_overflow": way})
        assert len(got["data"]) == 2 and len(got["data"][1]["embedding"]) == DIMS
    medium = "word " * 150  # more bytes than tokens_max, fewer tokens
    got = s.post("/v1/embeddings", {"model": "stub", "input": medium})
    assert provider.requests[-1][3]["input"] == [medium]
