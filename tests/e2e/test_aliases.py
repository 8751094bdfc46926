"""Aliases: second names of collections. Moved in one step under readers, kept through kills and backups; no way around a key's bounds."""
import functools
import os
import shutil
import threading

import pytest
import requests
from conftest import Keyed, akin, problem, running

SWAPS = int(os.environ.get("AKIN_SWAPS", 30))
A, B = {"name": "x", "collection": "one"}, {"name": "y", "collection": "two"}
TRADED = [{"name": "x", "collection": "two"}, {"name": "y", "collection": "one"}]


def put(server, name, collection, status=201):
    return server.ask("PUT", f"/v1/aliases/{name}", {"collection": collection}, status=status).json()


def pairs(server, **params):
    return {a["name"]: a["collection"] for a in server.get("/v1/aliases", **params)["data"]}


def swap(server, *rows, status=200):
    return server.ask("POST", "/v1/aliases:swap", {"aliases": list(rows)}, status=status)


@pytest.fixture(scope="module")
def books(server):
    """Two collections, whose documents say of which they are."""
    for name in ("one", "two"):
        server.collection(name)
        rows = [{"id": f"d{i}", "text": f"the garden number {i}", "of": name} for i in range(20)]
        assert server.post(f"/v1/collections/{name}/documents", rows)["failed"] == 0
    return server


@pytest.fixture(autouse=True)
def none_left(request):
    yield
    if "books" in request.fixturenames:
        s = request.getfixturevalue("books")
        for name in pairs(s):
            s.ask("DELETE", f"/v1/aliases/{name}", status=204)


def test_made_moved_and_deleted(books):
    answer = books.ask("PUT", "/v1/aliases/news", {"collection": "one"}, status=201)
    made = answer.json()
    assert answer.headers["Location"] == "/v1/aliases/news" and answer.headers["Akin-Position"]
    assert (made["name"], made["collection"], made["created"]) == ("news", "one", made["updated"])
    assert books.get("/v1/aliases/news") == made and books.get("/v1/aliases") == {"data": [made], "next_cursor": None}
    assert put(books, "news", "one", 200) == made  # as it was
    moved = put(books, "news", "two", 200)
    assert moved["collection"] == "two" and moved["created"] == made["created"] and moved["revision"] > made["revision"]
    assert books.ask("DELETE", "/v1/aliases/news", status=204).headers["Akin-Position"]
    problem(books.ask("GET", "/v1/aliases/news"), 404)
    problem(books.ask("DELETE", "/v1/aliases/news"), 404)
    problem(books.ask("GET", "/v1/collections/news"), 404)


def test_takes_the_place_of_the_collection(books):
    path = "/v1/collections/news"
    put(books, "news", "one")
    assert books.get(path)["name"] == "one"
    written = books.ask("PUT", path + "/documents/new", {"text": "a poem", "of": "one"}, status=201)
    assert written.headers["Location"] == "/v1/collections/one/documents/new"
    books.ask("PATCH", path + "/documents/new", {"title": "Poem"}, status=200)
    assert books.get("/v1/collections/one/documents/new")["title"] == "Poem"
    assert books.lines("news", [{"id": "line", "text": "a verse"}])[0]["status"] == "created"
    assert books.get("/v1/collections/one/documents/line")["text"] == "a verse"
    assert books.get(path + "/search", q="poem", mode="lexical")["data"][0]["id"] == "new"
    assert books.post(path + "/similar", {"id": "new"})["data"]
    assert books.post(path + "/feedback", [{"user": "u", "document": "new", "type": "click"}])["failed"] == 0
    assert books.get("/v1/collections/one/feedback", user="u")["data"]
    assert books.post(path + "/recommend", {"user": "u"})["data"]
    answer = books.post("/v1/multi-search", {"searches": [{"collection": n, "q": "poem", "mode": "lexical"} for n in ("news", "one", "nowhere")]})
    assert [r.get("error", {}).get("status") for r in answer["data"]] == [None, None, 404]
    books.ask("PATCH", path, {"versions_kept": 2}, status=200)
    assert books.get("/v1/collections/one")["settings"]["versions_kept"] == 2
    for id in ("new", "line"):
        books.ask("DELETE", f"{path}/documents/{id}", status=204)
    # a page of one collection is not followed by a page of the other
    cursor = books.get(path + "/documents", limit=5)["next_cursor"]
    searches = {"searches": [{"collection": "news", "q": "garden", "limit": 5}]}
    next_search = books.post("/v1/multi-search", searches)["data"][0]["next_cursor"]
    assert books.get(path + "/documents", limit=5, cursor=cursor)["data"][0]["attributes"]["of"] == "one"
    put(books, "news", "two", 200)
    problem(books.ask("GET", path + "/documents", limit=5, cursor=cursor), 422)
    searches["searches"][0]["cursor"] = next_search
    assert books.post("/v1/multi-search", searches)["failed"] == 1


def test_names_are_of_one_kind(books):
    put(books, "news", "one")
    problem(books.ask("POST", "/v1/collections", {"name": "news"}), 409, pointer="/name")
    problem(books.ask("PUT", "/v1/aliases/two", {"collection": "one"}), 409)
    problem(books.ask("PUT", "/v1/aliases/other", {"collection": "news"}), 404, pointer="/collection")
    problem(books.ask("PUT", "/v1/aliases/other", {"collection": "nowhere"}), 404, pointer="/collection")
    problem(books.ask("PUT", "/v1/aliases/No", {"collection": "one"}), 422)
    problem(books.ask("PUT", "/v1/aliases/other", {"collection": None}), 422, pointer="/collection")
    problem(books.ask("DELETE", "/v1/collections/news"), 409, says="is an alias")
    problem(books.ask("DELETE", "/v1/collections/one"), 409, says="news")
    books.collection("three")
    put(books, "last", "three")
    put(books, "last", "two", 200)
    books.ask("DELETE", "/v1/collections/three", status=204)
    assert pairs(books) == {"last": "two", "news": "one"}


def test_swap_is_all_or_nothing(books):
    swap(books, A, B)
    assert pairs(books) == {"x": "one", "y": "two"}
    answer = swap(books, *TRADED, {"name": "z", "collection": "one"})
    assert answer.headers["Akin-Position"] and [(a["name"], a["collection"]) for a in answer.json()["data"]] == [("x", "two"), ("y", "one"), ("z", "one")]
    assert swap(books, {"name": "z", "collection": None}, A).json()["data"][0]["name"] == "x"
    before = pairs(books)
    assert before == {"x": "one", "y": "one"}
    for row, status, pointer in (({"name": "w", "collection": "nowhere"}, 404, "/aliases/1/collection"), ({"name": "w", "collection": None}, 404, "/aliases/1/name"),
                                 ({"name": "two", "collection": "one"}, 409, "/aliases/1/name"), ({"name": "y", "collection": "one"}, 422, "/aliases/1/name"),
                                 ({"name": "w"}, 422, "/aliases/1/collection"), ({"name": "W", "collection": "one"}, 422, "/aliases/1/name")):
        problem(swap(books, {"name": "y", "collection": "two"}, row, status=status), status, pointer=pointer)
        assert pairs(books) == before
    problem(swap(books, status=422), 422)
    many = [{"name": f"m{i:03}", "collection": "one"} for i in range(98)]
    swap(books, *many)
    problem(swap(books, {"name": "toomany", "collection": "one"}, status=409), 409, says="100")
    names, cursor = [], None
    while True:
        page = books.get("/v1/aliases", limit=33, **({"cursor": cursor} if cursor else {}))
        names += [a["name"] for a in page["data"]]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert names == [r["name"] for r in many] + ["x", "y"]
    swap(books, *({"name": r["name"], "collection": None} for r in many))


def test_readers_see_all_of_a_swap_or_nothing(books):
    swap(books, A, B)
    stop, wrong, asked = threading.Event(), [], [0, 0, 0]

    def read(which):
        with requests.Session() as session:
            while not stop.is_set():
                if which == 0:  # both names in one request
                    body = {"searches": [{"collection": n, "q": "garden", "limit": 10} for n in "xy"]}
                    answer = session.post(books.url + "/v1/multi-search", json=body)
                    found = [{h["document"]["attributes"]["of"] for h in r.get("data", [])} for r in answer.json().get("data", [])]
                    good = sorted(map(sorted, found)) == [["one"], ["two"]]
                elif which == 1:
                    answer = session.get(books.url + "/v1/collections/x/search", params={"q": "garden", "limit": 20})
                    good = answer.status_code == 200 and len({h["document"]["attributes"]["of"] for h in answer.json()["data"]}) == 1
                else:
                    answer = session.put(books.url + "/v1/collections/x/documents/written", json={"text": f"writing {asked[2]}"})
                    good = answer.status_code in (200, 201)
                asked[which] += 1
                if not good:
                    wrong.append(answer.text[:500])

    threads = [threading.Thread(target=read, args=(i,)) for i in range(3)]
    for t in threads:
        t.start()
    for i in range(SWAPS):
        swap(books, *(TRADED if i % 2 == 0 else (A, B)))
        # who asks after the answer sees it
        assert books.get("/v1/collections/x")["name"] == ("two" if i % 2 == 0 else "one")
    stop.set()
    for t in threads:
        t.join()
    assert not wrong, wrong[:3]
    assert min(asked) > 5


def test_a_killed_server_has_one_or_the_other(make_server):
    s = make_server()
    for name in ("one", "two"):
        s.collection(name)
    swap(s, A, B)
    for round in range(2):
        done, ended = [], threading.Event()

        def turn():
            try:
                while True:
                    rows = TRADED if s.get("/v1/aliases/x")["collection"] == "one" else (A, B)
                    swap(s, *rows)
                    done.append(rows[0]["collection"])
            except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
                ended.set()

        t = threading.Thread(target=turn)
        t.start()
        while len(done) < 10 + round:
            assert t.is_alive()
        s.process.kill()
        t.join()
        assert ended.is_set()
        s.process.wait()
        s.process.stdout.close()
        s.start()
        assert pairs(s) in ({"x": "one", "y": "two"}, {"x": "two", "y": "one"})
        for name, real in pairs(s).items():
            assert s.get(f"/v1/collections/{name}")["name"] == real


def test_in_backups_and_changes(make_server, tmp_path):
    s = make_server()
    s.collection("one")
    s.collection("two")
    swap(s, A, B)
    swap(s, *TRADED)
    path = s.ask("POST", "/v1/backups", status=201).json()["path"]
    s.ask("DELETE", "/v1/aliases/x", status=204)
    told = [(c["type"], c["data"]["alias"], c["data"]["collection"]) for c in s.get("/v1/changes")["data"] if c["type"].startswith("alias.")]
    assert told == [("alias.updated", "x", "one"), ("alias.updated", "y", "two"), ("alias.updated", "x", "two"), ("alias.updated", "y", "one"),
                    ("alias.deleted", "x", "two")]
    assert s.stop() == 0
    akin("restore", path, "--data", tmp_path / "restored")
    other = make_server(data=tmp_path / "restored")
    assert pairs(other) == {"x": "two", "y": "one"} and other.get("/v1/collections/x")["name"] == "two"
    other.ask("POST", "/v1/checks", status=200)
    shutil.rmtree(tmp_path / "restored", ignore_errors=True)


def test_command(books):
    def aliases(*words, **more):
        run = akin("aliases", *words, "--data", books.data, **more)
        return run.stdout or run.stderr

    assert aliases("set", "x", "one", "y", "two") == "x -> one\ny -> two\n"
    assert aliases("set", "x", "two") == "x -> two\n" and aliases() == "x -> two\ny -> two\n"
    assert "nowhere" in aliases("set", "x", "one", "y", "nowhere", code=1)
    assert "pairs" in aliases("set", "x", code=2) and "pairs" in aliases("set", "x", "one", "y", code=1)
    assert aliases("delete", "x", "y") == "" and pairs(books) == {}


# ---- keys ----

@pytest.fixture(scope="module")
def guarded():
    with running(Keyed()) as s:
        for name in ("ours", "ours-2", "theirs"):
            s.collection(name)
            s.post(f"/v1/collections/{name}/documents", [{"id": "1", "text": "of " + name, "tenant": "ab"[name == "theirs"]}])
        yield s


def test_rights_are_those_on_the_collection_behind(guarded):
    swap(guarded, {"name": "a", "collection": "ours"}, {"name": "b", "collection": "theirs"})
    key = guarded.key("admin", collections=["ours", "ours-2", "b"])["key"]
    by = functools.partial(guarded.by, key)
    assert by("GET", "/v1/collections/a/documents/1").json()["text"] == "of ours"
    absent = by("GET", "/v1/collections/nowhere/documents/1").json()["detail"]
    for name in ("b", "theirs"):  # its own name is on the list, what it stands for is not
        assert problem(by("GET", f"/v1/collections/{name}/documents/1"), 404)["detail"] == absent.replace("nowhere", name)
        problem(by("PUT", f"/v1/collections/{name}/documents/1", {"text": "x"}), 403)
        problem(by("DELETE", f"/v1/collections/{name}"), 403)
    found = by("POST", "/v1/multi-search", {"searches": [{"collection": n, "q": "of"} for n in "ab"]}).json()
    assert found["data"][0]["data"] and found["data"][1]["error"]["status"] == 404 and "theirs" not in str(found)
    assert [x["name"] for x in by("GET", "/v1/aliases").json()["data"]] == ["a"]
    missing = problem(by("GET", "/v1/aliases/nothing"), 404)["detail"]
    assert problem(by("GET", "/v1/aliases/b"), 404)["detail"] == missing.replace("nothing", "b")
    assert {c["data"]["alias"] for c in by("GET", "/v1/changes").json()["data"] if "alias" in c["data"]} == {"a"}
    # moved away from its collections, it is gone for the key, whatever the list says
    swap(guarded, {"name": "a", "collection": "theirs"})
    problem(by("GET", "/v1/collections/a/documents/1"), 404)


def test_who_is_bound_moves_only_its_own(guarded):
    swap(guarded, {"name": "b", "collection": "theirs"}, {"name": "c", "collection": "ours"})
    key = guarded.key("collections", collections=["ours", "ours-2", "b", "new"])["key"]
    by = functools.partial(guarded.by, key)
    for name, collection in (("new", "theirs"), ("new", "nowhere"), ("b", "ours"), ("c", "ours-2"), ("free", "ours")):
        problem(by("PUT", "/v1/aliases/" + name, {"collection": collection}), 403)
        problem(by("POST", "/v1/aliases:swap", {"aliases": [{"name": "new", "collection": "ours"}, {"name": name, "collection": collection}]}), 403)
    for name in ("b", "c", "free"):
        problem(by("DELETE", "/v1/aliases/" + name), 403)
    problem(by("DELETE", "/v1/aliases/new"), 404)
    assert by("PUT", "/v1/aliases/new", {"collection": "ours"}).status_code == 201
    assert by("PUT", "/v1/aliases/new", {"collection": "ours-2"}).status_code == 200
    assert by("DELETE", "/v1/aliases/new").status_code == 204
    # a filter leaves nothing of what concerns whole collections, but names
    part = guarded.key("admin", filter='tenant = "a"')["key"]
    problem(guarded.by(part, "PUT", "/v1/aliases/new", {"collection": "ours"}), 403)
    assert guarded.by(part, "GET", "/v1/aliases/c").json()["collection"] == "ours"
    assert guarded.by(part, "GET", "/v1/collections/b/documents").json()["data"] == []
    assert len(guarded.by(part, "GET", "/v1/collections/c/documents").json()["data"]) == 1
    for scope in ("search", "documents.read"):
        reader = guarded.key(scope)["key"]
        assert guarded.by(reader, "GET", "/v1/aliases/c").status_code == 200
        problem(guarded.by(reader, "PUT", "/v1/aliases/c", {"collection": "ours"}), 403)
