"""The real server, started afresh for each module: `akin serve` (AKIN_BIN, default build/akin) with the stub model, a new data
directory and any free port."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse

import pytest
import requests

ROOT = pathlib.Path(__file__).resolve().parents[2]
START_SECONDS = 30


def binary():
    path = os.environ.get("AKIN_BIN") or str(ROOT / "build" / "akin")
    if not os.access(path, os.X_OK):
        pytest.skip(f"no binary at {path}: build it, or set AKIN_BIN")
    return path


def akin(*arguments, stdin=None, code=0, cwd=None, **env):
    """A command's run, which must end with `code`; no settings come from the environment but `env`."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("AKIN_")}
    run = subprocess.run([binary(), *map(str, arguments)], input=stdin, capture_output=True, text=True, env={**clean, **env}, cwd=cwd, timeout=120)
    assert run.returncode == code, run.stdout + run.stderr
    return run


class Server:
    """One `akin serve`. `env` and `flags` add to what every test has."""

    def __init__(self, data=None, flags=(), env=None):
        self.own = data is None
        self.data = pathlib.Path(data or tempfile.mkdtemp(prefix="akin-e2e-"))
        self.flags, self.env = list(flags), env or {}
        self.url, self.process = None, None
        self.session = requests.Session()
        self.log_path = self.data.parent / (self.data.name + ".log")

    def start(self):
        env = {k: v for k, v in os.environ.items() if not k.startswith("AKIN_") and k != "PORT"}
        env.update(self.env)
        log = open(self.log_path, "ab")
        self.process = subprocess.Popen(
            [binary(), "serve", "--data", str(self.data), "--port", "0", "--model", "stub", *self.flags],
            stdout=subprocess.PIPE, stderr=log, env=env, text=True)
        log.close()
        line = self.process.stdout.readline()
        found = re.search(r"listening on (https?://\S+)", line)
        if not found:
            self.process.kill()
            raise RuntimeError(f"did not start: {line!r}\n{self.log()[-2000:]}")
        self.url = found.group(1)
        self.host, self.port = urllib.parse.urlsplit(self.url).hostname, urllib.parse.urlsplit(self.url).port
        return self

    def stop(self, number=signal.SIGTERM, wait=15):
        if not self.process:
            return None
        if self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(wait)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise
        self.process.stdout.close()
        self.session.close()
        log = self.log()
        for sign in ("Sanitizer", "runtime error:", "Assertion"):  # of a sanitizer's build, or a failed assert
            assert sign not in log, log[-4000:]
        return self.process.returncode

    def remove(self):
        if self.own:
            shutil.rmtree(self.data, ignore_errors=True)
            self.log_path.unlink(missing_ok=True)

    def log(self):
        return self.log_path.read_text(errors="replace")

    def log_lines(self):
        """The JSON lines of the log."""
        out = []
        for line in self.log().splitlines():
            try:
                out.append(json.loads(line))
            except ValueError:
                pass
        return out

    # ---- asking ----
    def ask(self, method, path, body=None, *, status=None, headers=None, data=None, timeout=30, **params):
        given = dict(headers or {})
        if body is not None:
            data = json.dumps(body, ensure_ascii=False).encode()
            given.setdefault("Content-Type", "application/json")
        answer = self.session.request(method, self.url + path, data=data, headers=given, params=params or None, timeout=timeout)
        if status is not None:
            assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text[:800]}"
        return answer

    def get(self, path, status=200, **params):
        return self.ask("GET", path, status=status, **params).json()

    def post(self, path, body, status=200, **params):
        return self.ask("POST", path, body, status=status, **params).json()

    def raw(self, text, timeout=10, keep=False):
        """Bytes on the wire as given: (status, headers, body)."""
        with socket.create_connection((self.host, self.port), timeout=timeout) as s:
            s.sendall(text if isinstance(text, bytes) else text.encode())
            got = b""
            while True:
                piece = s.recv(65536)
                if not piece:
                    break
                got += piece
                if keep:
                    break
        head, _, body = got.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split()[1]) if lines[0] else 0
        return status, {k.lower(): v.strip() for k, v in (x.split(":", 1) for x in lines[1:])}, body

    def raw_request(self, method, path, headers="", body=b""):
        return self.raw(f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nConnection: close\r\n{headers}\r\n".encode() + body)

    def metrics(self):
        """name{labels} -> value."""
        out = {}
        for line in self.ask("GET", "/metrics", status=200).text.splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                out[name] = float(value)
        return out

    # ---- common things ----
    def collection(self, name, **settings):
        return self.post("/v1/collections", {"name": name, **({"settings": settings} if settings else {})}, 201)

    def lines(self, collection, documents, status=200, **params):
        """Imports NDJSON; the parsed result lines."""
        data = documents if isinstance(documents, bytes) else b"".join(json.dumps(d).encode() + b"\n" for d in documents)
        answer = self.ask("POST", f"/v1/collections/{collection}/documents", data=data, timeout=120,
                          headers={"Content-Type": "application/x-ndjson"}, status=status, **params)
        return [json.loads(x) for x in answer.text.splitlines()] if status == 200 else answer.json()


def problem(answer, status, pointer=None, parameter=None, says=None):
    """Holds an answer to the shape of a problem document; its first fault must be the one that is meant."""
    assert answer.status_code == status, f"{answer.status_code} {answer.text[:800]}"
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    value = answer.json()
    assert set(value) >= {"type", "title", "status", "code", "detail", "errors", "trace_id"}
    assert value["status"] == status and value["detail"]
    assert value["trace_id"] == answer.headers["Akin-Trace-Id"]
    if pointer is not None:
        assert pointer in [e.get("pointer") for e in value["errors"]], value
    if parameter is not None:
        assert parameter in [e.get("parameter") for e in value["errors"]], value
    if says is not None:
        assert says in json.dumps(value, ensure_ascii=False), value
    return value


class Keyed(Server):
    """A server that asks for keys; what is asked without saying otherwise is asked by its first one."""

    def __init__(self, env={"AKIN_AUTH__REQUIRED": "always"}, **options):
        super().__init__(env=env, **options)
        self.secrets = set()  # every key that was handed out

    def start(self):
        super().start()
        self.admin = (self.data / "admin.key").read_text().strip()
        self.secrets.add(self.admin)
        self.session.headers["Authorization"] = "Bearer " + self.admin
        return self

    def by(self, key, method, path, body=None, **more):
        return self.ask(method, path, body, headers={"Authorization": "Bearer " + key}, **more)

    def key(self, *scopes, by=None, status=201, **more):
        answer = self.by(by or self.admin, "POST", "/v1/keys", {"scopes": list(scopes), **more})
        assert answer.status_code == status, answer.text
        value = answer.json()
        if status == 201:
            self.secrets.add(value["key"])
            assert answer.headers["Cache-Control"] == "no-store" and answer.headers["Location"] == "/v1/keys/" + value["id"]
        return value


@contextlib.contextmanager
def running(server):
    """`server`, started; in the end it must stop without an error, and is removed whatever happens."""
    try:
        yield server.start()
        assert server.stop() == 0
    finally:
        if server.process and server.process.poll() is None:
            server.stop()
        server.remove()


@pytest.fixture(scope="module")
def server():
    with running(Server()) as s:
        yield s


@pytest.fixture
def make_server():
    """Servers with options of a test's own; all are stopped at its end."""
    made = []

    def make(**options):
        s = Server(**options)
        made.append(s)
        return s.start()

    yield make
    for s in made:
        if s.process and s.process.poll() is None:
            s.stop()
    for s in made:
        s.remove()


def wait_for(check, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = check()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError("did not happen in time")


TEXTS = {
    "soup": "Roast the pumpkin in the oven, then add ginger and cream to the soup.",
    "bread": "Knead flour, water and salt, let the dough rise overnight and bake the bread.",
    "bike": "Check the chain and the brakes of the bicycle before a long ride.",
    "tent": "Pitch the tent on dry ground and keep the food away from bears.",
    "stars": "The telescope shows craters of the moon and rings of Saturn.",
    "guitar": "Tune the guitar before the concert and change the old strings.",
}


def fill(server, collection, settings=None):
    server.collection(collection, **(settings or {}))
    rows = [{"id": k, "title": k.capitalize(), "text": v, "lang": "en", "tags": [k[0]], "attributes": {"length": len(v)}}
            for k, v in TEXTS.items()]
    answer = server.post(f"/v1/collections/{collection}/documents", rows)
    assert answer["failed"] == 0, answer
    return answer
