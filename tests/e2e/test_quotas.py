"""Quotas of a collection: how many documents and bytes it may hold, whoever writes them and however."""
import json
import threading

import requests
from conftest import Keyed, problem, running

PATH = "/v1/collections/"


def usage(server, name):
    info = server.get(PATH + name)
    return info["documents"], info["bytes"]


def full(answer, says="quota"):
    value = problem(answer, 507, says=says)
    assert value["code"] == "quota_exceeded", value


def row(result):
    return result["status"], result.get("error", {}).get("code")


def test_documents_by_every_way_in(server):
    server.collection("a", quota={"documents": 3})
    path = PATH + "a/documents"
    assert server.get(PATH + "a")["settings"]["quota"] == {"bytes": None, "documents": 3}
    answer = server.post(path, [{"id": str(i), "text": f"text {i}"} for i in range(5)])
    assert [row(r) for r in answer["data"]] == [("created", None)] * 3 + [("failed", "quota_exceeded")] * 2 and answer["failed"] == 2
    assert answer["data"][3]["error"]["status"] == 507
    full(server.ask("PUT", path + "/x", {"text": "one too many"}))
    full(server.ask("POST", path, {"id": "x", "text": "one too many"}))
    full(server.ask("POST", path, [{"id": "x", "text": "one too many"}], atomic="true"))
    full(server.ask("PUT", path + "/x", {"text": "one too many"}, **{"async": "true"}))
    lines = server.lines("a", [{"id": "0", "text": "text 0"}, {"id": "1", "text": "other"}, {"id": "x", "text": "one too many"}])
    assert [row(r) for r in lines[:-1]] == [("unchanged", None), ("updated", None), ("failed", "quota_exceeded")] and lines[-1]["failed"] == 1
    server.ask("GET", path + "/x", status=404)
    assert usage(server, "a")[0] == 3
    # what is there may change; what is deleted makes room at once
    assert server.ask("PUT", path + "/2", {"text": "a longer text than before"}, status=200).json()["status"] == "updated"
    server.ask("PATCH", path + "/2", {"title": "Title"}, status=200)
    server.ask("DELETE", path + "/0", status=204)
    server.ask("PUT", path + "/x", {"text": "room for it"}, status=201)
    assert server.post(path + ":delete", {"ids": ["x", "1"]})["failed"] == 0
    assert server.post(path, [{"id": c, "text": c} for c in "pqr"])["failed"] == 1
    before = server.metrics()["akin_quota_refused_total"]
    full(server.ask("PUT", path + "/x", {"text": "again"}))
    assert server.metrics()["akin_quota_refused_total"] == before + 1


def test_atomic_is_all_or_nothing(server):
    server.collection("b", quota={"documents": 3, "bytes": 500})
    path = PATH + "b/documents"
    server.post(path, {"id": "1", "text": "first"})
    held = usage(server, "b")
    for documents in ([{"id": c, "text": c} for c in "xyz"], [{"id": "1", "text": "changed"}, {"id": "y", "text": "long " * 100}],
                      [{"id": "y", "text": "y"}, {"id": "1", "text": "long " * 100}]):
        full(server.ask("POST", path, documents, atomic="true"))
        assert usage(server, "b") == held and server.get(path + "/1")["text"] == "first"
        assert [d["id"] for d in server.get(path)["data"]] == ["1"]
    server.post(path, [{"id": c, "text": c} for c in "xy"], atomic="true")
    held = usage(server, "b")
    assert held[0] == 3
    full(server.ask("POST", path, [{"id": "1", "text": "changed"}, {"id": "z", "text": "z"}], atomic="true"))  # known to be full beforehand
    assert usage(server, "b") == held and server.get(path + "/1")["text"] == "first"


def test_bytes_are_those_stored(server):
    server.collection("c")
    path = PATH + "c/documents"
    server.post(path, [{"id": str(i), "title": "Größe", "text": "x" * 100 * i, "lang": "en", "tags": ["a"], "attributes": {"n": i}} for i in range(4)])
    stored = {d["id"]: {k: d[k] for k in ("title", "text", "lang", "tags", "attributes") if k in d} for d in server.get(path)["data"]}
    size = {k: len(json.dumps(v, ensure_ascii=False, separators=(",", ":")).encode()) for k, v in stored.items()}
    assert usage(server, "c") == (4, sum(size.values()))
    server.ask("DELETE", path + "/3", status=204)
    assert usage(server, "c")[1] == sum(size.values()) - size["3"]
    held = usage(server, "c")[1]
    server.ask("PATCH", PATH + "c", {"quota": {"bytes": held + 50}}, status=200)
    full(server.ask("PUT", path + "/new", {"text": "y" * 60}), "bytes")
    full(server.ask("PATCH", path + "/1", {"text": "y" * 200}), "bytes")
    assert server.get(path + "/1")["text"] == "x" * 100 and usage(server, "c")[1] == held
    server.ask("PATCH", path + "/1", {"text": "y" * 150}, status=200)
    assert usage(server, "c")[1] == held + 50
    # lowered below what is there: what shrinks is taken, what grows is not
    server.ask("PATCH", PATH + "c", {"quota": {"bytes": 10, "documents": 1}}, status=200)
    server.ask("PATCH", path + "/1", {"text": "y" * 149}, status=200)
    server.ask("PATCH", path + "/1", {"text": "z" * 149}, status=200)
    full(server.ask("PATCH", path + "/1", {"text": "z" * 150}), "bytes")
    full(server.ask("PUT", path + "/new", {"text": "a"}), "documents")
    server.ask("PATCH", PATH + "c", {"quota": {"documents": None}}, status=200)
    assert server.get(PATH + "c")["settings"]["quota"] == {"bytes": 10, "documents": None}
    server.ask("PATCH", PATH + "c", {"quota": None}, status=200)
    server.ask("PUT", path + "/new", {"text": "y" * 1000}, status=201)


def test_bad_input(server):
    for quota, pointer in (({"documents": 0}, "documents"), ({"documents": -1}, "documents"), ({"bytes": 1.5}, "bytes"), ({"bytes": "1"}, "bytes"),
                           ({"pages": 1}, "pages"), ({"bytes": 2**53}, "bytes")):
        problem(server.ask("POST", "/v1/collections", {"name": "bad", "settings": {"quota": quota}}), 422, pointer="/settings/quota/" + pointer)
    problem(server.ask("POST", "/v1/collections", {"name": "bad", "settings": {"quota": 5}}), 422, pointer="/settings/quota")


def test_writers_at_once_and_a_kill(make_server):
    """Eight threads write, change and delete: no answer ever tells of more than the quota, and a kill leaves the counts right."""
    s = make_server()
    s.collection("many", quota={"documents": 40, "bytes": 4000})
    stop, over, statuses = threading.Event(), [], set()

    def write(k):
        with requests.Session() as session:
            for i in range(1000):
                if stop.is_set():
                    return
                try:
                    if i % 5 == 4:
                        answer = session.delete(f"{s.url}{PATH}many/documents/{k}-{i % 9}")
                    elif i % 5 == 3:
                        answer = session.post(f"{s.url}{PATH}many/documents", json=[{"id": f"{k}-{n}", "text": "w" * (7 * n + 1)} for n in range(9)])
                    else:
                        answer = session.put(f"{s.url}{PATH}many/documents/{k}-{i % 9}", json={"text": "v" * (i * 37 % 120 + 1)})
                except requests.ConnectionError:
                    return
                statuses.add(answer.status_code)

    threads = [threading.Thread(target=write, args=(k,)) for k in range(8)]
    for t in threads:
        t.start()
    highest = 0
    asked = 0
    while asked < 40 or (asked < 3000 and (highest < 21 or 507 not in statuses)):
        asked += 1
        documents, size = usage(s, "many")
        highest = max(highest, documents)
        if documents > 40 or size > 4000:
            over.append((documents, size))
    s.process.kill()
    stop.set()
    for t in threads:
        t.join()
    s.process.wait()
    s.process.stdout.close()
    assert not over and highest > 20 and 507 in statuses and not statuses - {200, 201, 204, 404, 507}, (over, highest, statuses)
    s.start()
    documents, size = usage(s, "many")
    assert documents <= 40 and size <= 4000
    stored = s.get(PATH + "many/documents", limit=1000)["data"]
    assert documents == len(stored)
    assert s.post("/v1/checks", None, 200)["ok"]


def test_who_may_change_it():
    with running(Keyed()) as s:
        s.collection("shared", quota={"documents": 2})
        s.post(PATH + "shared/documents", [{"id": t, "text": "text", "tenant": t} for t in "ab"])
        tenant = s.key("admin", filter='tenant = "a"')["key"]
        writer = s.key("documents.write", "documents.read")["key"]
        for key in (tenant, writer):
            problem(s.by(key, "PATCH", PATH + "shared", {"quota": None}), 403)
            problem(s.by(key, "PUT", PATH + "shared/documents/c", {"text": "text", "tenant": "a"}), 507)
        info = s.by(tenant, "GET", PATH + "shared").json()
        assert (info["documents"], info["bytes"]) == (1, 0)
        owner = s.key("collections", collections=["shared"])["key"]
        assert s.by(owner, "PATCH", PATH + "shared", {"quota": {"documents": 3}}).status_code == 200
        assert s.by(tenant, "PUT", PATH + "shared/documents/c", {"text": "text", "tenant": "a"}).status_code == 201
