"""/docs: every route for people, without a network; each of its examples is run as it stands."""
import json
import pathlib
import re
import shutil
import subprocess
import sys

import pytest
from conftest import Server

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = json.loads((ROOT / "src" / "api" / "page" / "examples.json").read_text())
PAGE = (ROOT / "src" / "api" / "page" / "docs.html").read_text()


@pytest.fixture(scope="module")
def document(server):
    return server.get("/openapi.json")


def operations(document):
    return {o["operationId"] for methods in document["paths"].values() for o in methods.values() if isinstance(o, dict) and "operationId" in o}


def test_it_is_served_whole(server, document):
    answer = server.ask("GET", "/docs", status=200)
    assert answer.headers["Content-Type"].startswith("text/html") and "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert server.ask("GET", "/docs", headers={"If-None-Match": answer.headers["ETag"]}, status=304).content == b""
    for name in re.findall(r'(?:href|src)="(/[^"#]+)"', answer.text):
        server.ask("GET", name, status=200)
    assert not re.search(r'(?:href|src)="(?:https?:)?//', answer.text), "works without a network"
    assert server.get("/page/examples.json") == EXAMPLES and {x["operation"] for x in EXAMPLES} <= operations(document)


def test_it_needs_no_key():
    s = Server(env={"AKIN_SERVER__ADMIN_KEY": "a-key-of-the-test-0123456789"}).start()
    for path in ("/docs", "/openapi.json", "/page/docs.js"):
        s.ask("GET", path, status=200)
    s.ask("GET", "/v1/collections", status=401)
    assert s.stop() == 0
    s.remove()


def test_every_problem_has_its_place(server):
    explained = set(re.findall(r'<dt id="(\w+)">', PAGE))
    said = set(re.findall(r'return "(\w+)";', (ROOT / "src/base/err.c").read_text())) - {"ok", "unknown"}
    for name in (*ROOT.glob("src/http/*.c"), *ROOT.glob("src/api/*.c")):
        said |= set(re.findall(r'call_problem\(c, \d+, "(\w+)"', name.read_text())) | set(re.findall(r'fault\)\{MHD_HTTP_\w+, "(\w+)"', name.read_text()))
    assert said == explained
    for path, status in (("/v1/nothing", 404), ("/v1/collections?limit=0", 422)):
        problem = server.ask("GET", path, status=status).json()
        assert problem["type"] == "/docs#" + problem["code"] and problem["code"] in explained


def run_all(server, make, command):
    """All examples of one language as one program, the way a reader would paste them one after the other."""
    done = subprocess.run(command(make("\n".join(x[command.__name__] for x in EXAMPLES))), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert server.get("/v1/collections")["data"] == []


def test_examples_of_curl(server):
    def curl(text):
        return ["bash", "-c", "set -euo pipefail\n" + text]
    run_all(server, lambda text: f"AKIN={server.url} MODEL=stub\n" + text, curl)


def test_examples_of_python(server):
    def python(text):
        return [sys.executable, "-c", text]
    head = f"import sys\nsys.path.insert(0, {str(ROOT / 'clients' / 'python')!r})\nfrom akin import Akin\nserver, MODEL = Akin({server.url!r}), 'stub'\n"
    run_all(server, lambda text: head + text, python)


@pytest.mark.skipif(not shutil.which("node"), reason="node is not installed")
def test_examples_of_javascript(server, tmp_path):
    def javascript(text):
        (tmp_path / "examples.mjs").write_text(text)
        return ["node", tmp_path / "examples.mjs"]
    head = f'import {{ Akin }} from "{(ROOT / "clients" / "js" / "client.mjs").as_uri()}";\nconst server = new Akin("{server.url}"), MODEL = "stub";\n'
    run_all(server, lambda text: head + text, javascript)
