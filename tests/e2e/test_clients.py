"""The Python and JavaScript clients against the real server, and both against its OpenAPI document."""
import json
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import threading

import pytest
from conftest import akin

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "clients" / "python"))
from akin import Akin, AkinError  # noqa: E402

NODE = shutil.which("node")
SCRIPT = """
import { Akin, AkinError } from "%s";
const server = new Akin(process.argv[2]);
await server.createCollection({ name: "js" });
const added = await server.addDocuments("js", [{ id: "a1", title: "Storm over the coast", text: "wind and rain" }, { id: "b/2", text: "soup of pumpkins", tags: ["food"] }]);
const found = await server.search("js", { q: "storm", mode: "lexical" });
const listed = await server.listDocuments("js", { limit: 1, filter: 'tags = "food"' });
const one = await server.getDocument("js", "b/2");
await server.addFeedback("js", [{ user: "anna", document: "a1", type: "like" }]);
const exported = [];
let began;
for await (const d of server.exportDocuments("js", { fields: ["title"], began: (p) => { began = p; } })) exported.push(d);
const next = await server.recommend("js", { user: "anna", limit: 1 });
const seen = await server.userRecommendations("js", "anna", { exclude_seen: ["view", "save"], fields: ["title", "tags"], pins: [{ id: "a1", position: 0 }] });
await server.deleteDocument("js", "b/2");
let refused;
try { await server.search("js", { q: "x", limit: 0 }); } catch (e) { refused = e instanceof AkinError && [e.status, e.code, e.errors[0].pointer]; }
console.log(JSON.stringify({ exported, began: typeof began, failed: added.failed, found: found.data[0].id, listed: listed.data.map((d) => d.id), one: one.id, next: next.data[0].id, seen: seen.data.map((r) => r.document), refused,
  metrics: (await server.metrics()).includes("akin_build_info"), gone: await server.getDocument("js", "b/2").catch((e) => e.status) }));
"""


@pytest.fixture(scope="module")
def client(server):
    with Akin(server.url) as c:
        c.create_collection(name="py")
        yield c


def test_made_from_the_routes_as_they_are(server, tmp_path):
    document = tmp_path / "openapi.json"
    document.write_text(server.ask("GET", "/openapi.json", status=200).text)
    check = subprocess.run([sys.executable, ROOT / "tools" / "make_clients.py", document, "--check"], capture_output=True, text=True)
    assert check.returncode == 0, check.stderr
    assert json.loads(akin("openapi").stdout) == json.loads(document.read_text())


def test_documents_and_search(client):
    rows = client.add_documents("py", [{"id": "a1", "title": "Storm over the coast", "text": "wind and rain", "attributes": {"year": 2026}},
                                       {"id": "b/2", "text": "soup of pumpkins"}])
    assert rows["failed"] == 0 and [r["status"] for r in rows["data"]] == ["created", "created"]
    assert client.search("py", q="storm", mode="lexical", filter="year >= 2026")["data"][0]["id"] == "a1"
    assert client.get_document("py", "b/2")["id"] == "b/2"
    assert client.similar("py", id="a1")["data"][0]["id"] == "b/2"
    assert [d["id"] for d in client.list_documents("py", filter="year = 2026")["data"]] == ["a1"]
    revision = client.get_document("py", "a1")["revision"]
    assert client.get_document("py", "a1", if_none_match=f'"{revision}"') is None
    client.patch_document("py", "b/2", {"title": "Soup"})
    with pytest.raises(AkinError) as e:
        client.delete_document("py", "a1", if_match='"1"')
    assert e.value.status == 412
    client.delete_document("py", "b/2")
    with pytest.raises(AkinError) as e:
        client.get_document("py", "b/2")
    assert (e.value.status, e.value.code) == (404, "not_found")


def test_readers(client):
    client.add_feedback("py", {"user": "anna", "document": "a1", "type": "like"})
    client.put_user("py", "anna", labels=["cook"])
    assert client.get_user("py", "anna")["id"] == "anna"
    assert "recommendation_id" in client.recommend("py", user="anna", limit=3, explain=True)
    page = client.user_recommendations("py", "anna", exclude_seen=["view", "save"], fields=["title", "tags"], limit=5, pins=[{"id": "a1", "position": 0}])
    assert page["data"][0]["document"] == {"id": "a1", "title": "Storm over the coast"}
    client.delete_user("py", "anna")


def test_a_stream_of_documents(client):
    lines = list(client.import_documents("py", ({"id": f"s{i}", "text": f"number {i}"} for i in range(250))))
    assert lines[-1]["done"] == 250 and lines[-1]["failed"] == 0 and lines[7]["id"] == "s7"
    assert client.get_document("py", "s3")["id"] == "s3"
    assert next(client.import_documents("py", ({"id": f"s{i}"} for i in range(250))))["status"]  # and left: no answer is taken for another's
    assert client.get_document("py", "s4")["id"] == "s4"


def test_an_export(client):
    at = client.add_documents("py", [{"id": "t1", "title": "one", "year": 1}, {"id": "t2", "title": "two", "year": 2}])["position"]
    out = client.export_documents("py", filter="year > 0", fields=["title"], after="t")
    assert out.position == at and list(out) == [{"id": "t1", "title": "one"}, {"id": "t2", "title": "two"}]
    assert next(iter(client.export_documents("py")))["id"] and client.get_document("py", "t1")["id"] == "t1"
    with pytest.raises(AkinError):
        client.export_documents("nowhere")


def test_what_is_wrong_is_named(client):
    with pytest.raises(AkinError) as e:
        client.search("py", q="x", limit=0, mode="loud")
    assert e.value.status == 422 and {x["pointer"] for x in e.value.errors} == {"/limit", "/mode"} and e.value.trace_id
    with pytest.raises(ValueError, match="http://127"):
        Akin("localhost:8000")


def test_embeddings_and_text(client):
    answer = client.create_embeddings(model="stub", input=["one", "two"])
    assert len(answer["data"]) == 2
    assert "akin_build_info" in client.metrics()


@pytest.fixture
def cutting(server):
    """An address at which requests reach the server, and every other answer is lost on its way back."""
    listener, seen = socket.create_server(("127.0.0.1", 0)), []

    def serve():
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            with peer, socket.create_connection((server.host, server.port)) as there:
                asked, got = b"", b""
                while b"\r\n\r\n" not in asked or len(asked.partition(b"\r\n\r\n")[2]) < int((re.search(rb"(?i)content-length: (\d+)", asked) or [0, 0])[1]):
                    asked += peer.recv(65536)
                asked = re.sub(rb"(?i)connection: [-a-z]+", b"Connection: close", asked.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1) if b"onnection:" not in asked else asked)
                there.sendall(re.sub(rb"(?i)host: \S+", b"Host: 127.0.0.1:%d" % server.port, asked))
                while piece := there.recv(65536):
                    got += piece
                seen.append((re.search(rb"(?i)idempotency-key: (\S+)", asked) or [b"", b""])[1])
                if len(seen) % 2 == 0:
                    peer.sendall(got)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}", seen
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)


def once(server, text):
    return [d["text"] for d in server.get("/v1/collections/cut/documents", limit=100)["data"]].count(text) == 1


def test_an_answer_that_was_lost(server, cutting):
    url, seen = cutting
    server.collection("cut")
    with Akin(url) as c:
        assert c.add_documents("cut", {"text": "by python"})["data"][0]["status"] == "created"
        assert c.add_documents("cut", {"text": "with a key"}, idempotency_key="mine")["failed"] == 0
    assert seen[0] == seen[1] != b"" and seen[2:] == [b"mine", b"mine"] and once(server, "by python") and once(server, "with a key")
    with Akin(url, retries=0) as c, pytest.raises(OSError):
        c.add_documents("cut", {"text": "not again"})
    assert seen[4] == b"" and once(server, "not again")


@pytest.mark.skipif(not NODE, reason="node is not installed")
def test_an_answer_that_was_lost_in_javascript(server, cutting, tmp_path):
    url, seen = cutting
    script = tmp_path / "again.mjs"
    script.write_text(f"""import {{ Akin }} from "{(ROOT / "clients" / "js" / "client.mjs").as_uri()}";
        const c = new Akin("{url}"), one = await c.addDocuments("cut", {{ text: "by javascript" }});
        await c.addDocuments("cut", {{ text: "with its key" }}, {{ "Idempotency-Key": "ours" }});
        console.log(one.data[0].status, await new Akin("{url}", {{ retries: 0 }}).addDocuments("cut", {{ text: "lost" }}).catch(() => "lost"));""")
    run = subprocess.run([NODE, script], capture_output=True, text=True, timeout=60)
    assert run.stdout == "created lost\n", run.stderr
    assert seen[0] == seen[1] != b"" and seen[2:] == [b"ours", b"ours", b""]
    assert all(once(server, text) for text in ("by javascript", "with its key", "lost"))


@pytest.mark.skipif(not NODE, reason="node is not installed")
def test_javascript(server, tmp_path):
    script = tmp_path / "use.mjs"
    script.write_text(SCRIPT % (ROOT / "clients" / "js" / "client.mjs").as_uri())
    run = subprocess.run([NODE, script, server.url], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == {"exported": [{"id": "a1", "title": "Storm over the coast"}, {"id": "b/2"}], "began": "string", "failed": 0, "found": "a1", "listed": ["b/2"], "one": "b/2", "next": "b/2", "seen": [{"id": "a1", "title": "Storm over the coast"}, {"id": "b/2", "tags": ["food"]}], "refused": [422, "invalid", "/limit"],
                                      "metrics": True, "gone": 404}
