"""Collections and documents: put, get, change, delete, list, and the conditions on each."""
import re

import pytest
from conftest import problem

C = "/v1/collections/docs"
D = C + "/documents"


@pytest.fixture(scope="module", autouse=True)
def collection(server):
    server.collection("docs")


def test_collection_life(server):
    answer = server.ask("POST", "/v1/collections", {"name": "life"}, status=201)
    assert answer.headers["Location"] == "/v1/collections/life"
    assert answer.json()["documents"] == 0 and answer.json()["dims"] > 0
    problem(server.ask("POST", "/v1/collections", {"name": "life"}), 409)
    assert "life" in [c["name"] for c in server.get("/v1/collections")["data"]]
    changed = server.ask("PATCH", "/v1/collections/life", {"extra_fields": "error"}, status=200).json()
    assert changed["settings"]["extra_fields"] == "error"
    gone = server.ask("DELETE", "/v1/collections/life", status=204)
    assert gone.content == b""
    problem(server.ask("GET", "/v1/collections/life"), 404)
    server.ask("POST", "/v1/collections", {"name": "life"}, status=201)
    assert server.get("/v1/collections/life")["documents"] == 0
    server.ask("DELETE", "/v1/collections/life", status=204)


def test_collections_page_by_page(server):
    for i in range(5):
        server.collection(f"page{i}")
    seen, cursor = [], None
    while True:
        page = server.get("/v1/collections", limit=2, **({"cursor": cursor} if cursor else {}))
        seen += [c["name"] for c in page["data"]]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert seen == sorted(seen) and len(set(seen)) == len(seen) and {f"page{i}" for i in range(5)} <= set(seen)


def test_one_document(server):
    answer = server.ask("POST", D, {"id": "a1", "title": "Soup", "text": "Roast the pumpkin.", "tags": ["food"],
                                    "attributes": {"year": 2024}, "colour": "orange"}, status=200)
    value = answer.json()
    assert value["failed"] == 0 and value["data"][0]["id"] == "a1" and value["data"][0]["status"] == "created"
    assert answer.headers["Akin-Position"] == value["position"]
    got = server.ask("GET", D + "/a1", status=200)
    document = got.json()
    assert document["text"] == "Roast the pumpkin." and document["tags"] == ["food"]
    assert document["attributes"]["year"] == 2024 and document["attributes"]["colour"] == "orange"
    assert got.headers["ETag"] == f'"{document["revision"]}"'
    assert re.match(r"\d{4}-\d\d-\d\dT.*Z$", document["created"])


def test_whole_numbers_however_they_are_written(server):
    """JSON has one kind of number: 12.0 is the integer 12."""
    def send(method, path, text, status=200):
        return server.ask(method, path, data=text.encode(), headers={"Content-Type": "application/json"}, status=status)
    assert send("POST", D, '{"id": 12.0, "text": "Twelve.", "attributes": {"weight": 12.0}}').json()["data"][0]["id"] == "12"
    got = server.ask("GET", D + "/12", status=200)
    assert '"weight":12.0' in got.text.replace(" ", "")  # what is stored stays as it was written
    assert send("POST", D + ":get", '{"ids": [1.2e1]}').json()["data"][0]["id"] == "12"
    send("POST", D, '{"id": 12.5, "text": "No id."}', 422)
    settings = send("PATCH", C, '{"passage_tokens": 64.0, "quota": {"documents": 1e3}, "feedback": {"answers_days": 30.0}}').json()["settings"]
    assert settings["passage_tokens"] == 64 and settings["quota"]["documents"] == 1000 and settings["feedback"]["answers_days"] == 30
    send("PATCH", C, '{"passage_tokens": 64.5}', 422)
    send("PATCH", C, '{"quota": null}')


def test_many_small_values(make_server):
    """Empty objects take 70 times their text when they are read: what was taken in a body is read again from the store."""
    server = make_server()
    server.collection("small")
    server.ask("PUT", "/v1/collections/small/documents/a", {"text": "Many small things.", "attributes": {"x": [{}] * 4000, "year": 5}}, status=201)
    server.ask("PATCH", "/v1/collections/small/documents/a", {"title": "Small"}, status=200)
    row = server.lines("small", [{"id": "b", "text": "In an import too.", "attributes": {"x": [{}] * 4000}}])[0]
    assert row["status"] == "created", row
    rules = [{"words": [f"a{i}", f"b{i}"]} for i in range(1000)]
    server.ask("PATCH", "/v1/collections/small", {"synonyms": rules}, status=200)
    server.ask("PATCH", "/v1/collections/small", {"versions_kept": 2}, status=200)
    for _ in range(2):
        hit, = server.get("/v1/collections/small/search", q="things", filter="year = 5", fields="title")["data"]
        assert hit["document"] == {"id": "a", "title": "Small"}, hit
        settings = server.get("/v1/collections/small")["settings"]
        assert settings["synonyms"] == rules and settings["versions_kept"] == 2
        server.stop()
        server.start()


def test_the_same_again_is_unchanged(server):
    row = {"id": "same", "text": "The same text."}
    assert server.post(D, row)["data"][0]["status"] == "created"
    assert server.post(D, row)["data"][0]["status"] == "unchanged"
    assert server.post(D, {**row, "title": "T"})["data"][0]["status"] == "updated"


def test_put_get_etags(server):
    made = server.ask("PUT", D + "/p1", {"text": "first"}, status=201)
    assert made.headers["Location"] == D + "/p1"
    first = made.headers["ETag"]
    changed = server.ask("PUT", D + "/p1", {"text": "second"}, status=200, headers={"If-Match": first})
    assert changed.headers["ETag"] != first and changed.json()["status"] == "updated"
    problem(server.ask("PUT", D + "/p1", {"text": "third"}, headers={"If-Match": first}), 412)
    assert server.get(D + "/p1")["text"] == "second"
    problem(server.ask("PUT", D + "/p1", {"text": "x"}, headers={"If-None-Match": "*"}), 412)
    server.ask("PUT", D + "/p2", {"text": "x"}, headers={"If-None-Match": "*"}, status=201)
    problem(server.ask("PUT", D + "/p3", {"text": "x"}, headers={"If-Match": "*"}), 412)
    server.ask("PUT", D + "/p1", {"text": "fourth"}, headers={"If-Match": "*"}, status=200)
    problem(server.ask("PUT", D + "/p1", {"text": "x"}, headers={"If-Match": "17"}), 422, parameter="If-Match")
    same = server.ask("GET", D + "/p1", headers={"If-None-Match": server.ask("GET", D + "/p1").headers["ETag"]})
    assert same.status_code == 304 and same.content == b""
    problem(server.ask("PUT", D + "/p1", {"id": "other", "text": "x"}), 422, pointer="/id")


def test_patch_is_a_merge(server):
    server.ask("PUT", D + "/m1", {"title": "T", "text": "text", "attributes": {"a": 1, "b": 2}}, status=201)
    server.ask("PATCH", D + "/m1", {"title": None, "attributes": {"b": 3}}, status=200)
    got = server.get(D + "/m1")
    assert "title" not in got and got["text"] == "text" and got["attributes"] == {"a": 1, "b": 3}
    server.ask("PATCH", D + "/m1", data=b'{"title":"again"}', headers={"Content-Type": "application/merge-patch+json"}, status=200)
    assert server.get(D + "/m1")["title"] == "again"
    problem(server.ask("PATCH", D + "/none", {"title": "x"}), 404)
    problem(server.ask("PATCH", D + "/m1", {"title": "x"}, headers={"If-Match": '"999999"'}), 412)


def test_delete(server):
    server.ask("PUT", D + "/d1", {"text": "x"}, status=201)
    problem(server.ask("DELETE", D + "/d1", headers={"If-Match": '"999999"'}), 412)
    gone = server.ask("DELETE", D + "/d1", status=204)
    assert gone.headers["Akin-Position"]
    problem(server.ask("GET", D + "/d1"), 404)
    problem(server.ask("DELETE", D + "/d1"), 404)
    server.post(D, [{"id": "d2", "text": "x"}, {"id": "d3", "text": "y"}])
    rows = server.post(D + ":delete", {"ids": ["d2", "nothing", "d3"]})["data"]
    assert [r["status"] for r in rows] == ["deleted", "not_found", "deleted"]


@pytest.mark.parametrize("name", ["a b", "a/b", "ü", "日本", "a%b", "a?b#c", "...", "a+b", "x" * 255, "'\"<>", "🙂"])
def test_ids_survive_the_way_through_a_url(server, name):
    from urllib.parse import quote
    made = server.ask("PUT", D + "/" + quote(name, safe=""), {"text": "text of " + name[:5]}, status=201)
    assert server.session.get(server.url + made.headers["Location"]).json()["id"] == name
    server.ask("DELETE", D + "/" + quote(name, safe=""), status=204)


def test_integer_ids_become_strings_and_missing_ones_are_made(server):
    rows = server.post(D, [{"id": 7, "text": "seven"}, {"text": "no id"}])["data"]
    assert rows[0]["id"] == "7" and rows[1]["id"]
    assert server.get(D + "/7")["id"] == "7"
    assert server.get(D + "/" + rows[1]["id"])["text"] == "no id"


def test_list_pages_filter_and_order(server):
    server.collection("list")
    path = "/v1/collections/list/documents"
    server.post(path, [{"id": f"{i:03}", "text": f"text {i}", "attributes": {"n": i}} for i in range(25)])
    seen, cursor = [], None
    while True:
        page = server.get(path, limit=10, **({"cursor": cursor} if cursor else {}))
        seen += [d["id"] for d in page["data"]]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert seen == [f"{i:03}" for i in range(25)]
    assert [d["id"] for d in server.get(path, filter="n >= 23")["data"]] == ["023", "024"]
    assert [d["id"] for d in server.get(path, limit=1, offset=24)["data"]] == ["024"]
    first = server.get(path, limit=2)["next_cursor"]
    problem(server.ask("GET", path, limit=2, cursor=first, filter="n > 1"), 422, parameter="cursor")


def test_read_your_writes(server):
    position = server.ask("PUT", D + "/w1", {"text": "x"}, status=201).headers["Akin-Position"]
    server.ask("GET", D + "/w1", headers={"Akin-Min-Position": position}, status=200)
    problem(server.ask("GET", D + "/w1", headers={"Akin-Min-Position": "nonsense"}), 422, parameter="Akin-Min-Position")


def test_mapping_and_extra_fields(server):
    server.collection("mapped", mapping={"text": "body"}, extra_fields="error")
    path = "/v1/collections/mapped/documents"
    server.post(path, {"id": "a", "body": "the mapped text"})
    assert server.get(path + "/a")["text"] == "the mapped text"
    problem(server.ask("POST", path, {"id": "b", "body": "x", "colour": "red"}), 422, pointer="/colour")


def test_delete_by_filter(server):
    server.collection("few")
    c = "/v1/collections/few"
    rows = [{"id": f"d{i}", "text": f"number {i}", "attributes": {"year": 2000 + i % 4}} for i in range(40)]
    assert server.post(c + "/documents", rows)["failed"] == 0
    out = server.post(c + "/documents:delete", {"filter": "year = 2001 OR id = d0"})
    assert (out["deleted"], out["remaining"], out["data"]) == (11, 0, [])
    left = {d["id"] for d in server.get(c + "/documents?limit=100")["data"]}
    assert left == {f"d{i}" for i in range(1, 40) if i % 4 != 1}
    hits = server.post(c + "/search", {"q": "number", "mode": "lexical", "limit": 100})["data"]
    assert {h["document"]["id"] for h in hits} == left
    for body, pointer in [({"filter": " "}, "/filter"), ({}, ""), ({"ids": ["d1"], "filter": "year = 2000"}, ""),
                          ({"filter": "yeer = 2000"}, "/filter"), ({"filter": "year ="}, "/filter")]:
        problem(server.ask("POST", c + "/documents:delete", body), 422, pointer)
    assert len(server.get(c + "/documents?limit=100")["data"]) == len(left)
