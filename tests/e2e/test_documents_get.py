"""Many documents by their ids in one request."""
import pytest
from conftest import TEXTS, fill, problem

PATH = "/v1/collections/news/documents:get"


@pytest.fixture(scope="module", autouse=True)
def filled(server):
    fill(server, "news")


def test_in_the_order_asked(server):
    ids = ["tent", "nobody", "soup", "tent", 17]
    got = server.post(PATH, {"ids": ids})
    assert [(r["id"], r["found"]) for r in got["data"]] == [("tent", True), ("nobody", False), ("soup", True), ("tent", True), ("17", False)]
    assert got["missing"] == 2
    for row in got["data"]:
        if row["found"]:
            one = server.ask("GET", f"/v1/collections/news/documents/{row['id']}", status=200)
            assert (row["document"], row["etag"]) == (one.json(), one.headers["ETag"])
            assert row["revision"] == one.json()["revision"]
        else:
            assert set(row) == {"id", "found"}


def test_fields(server):
    row = server.post(PATH, {"ids": ["soup"], "fields": ["title", "attributes.length", "nothing"]})["data"][0]
    assert row["document"] == {"id": "soup", "title": "Soup", "attributes": {"length": len(TEXTS["soup"])}}
    assert server.post(PATH, {"ids": ["soup"], "fields": []})["data"][0]["document"] == {"id": "soup"}


def test_a_row_binds_a_write(server):
    row = server.post(PATH, {"ids": ["bread"], "fields": []})["data"][0]
    path, body = "/v1/collections/news/documents/bread", {"title": "Bread", "text": "Knead it twice."}
    server.ask("PUT", path, body, headers={"If-Match": row["etag"]}, status=200)
    problem(server.ask("PUT", path, {"text": "again"}, headers={"If-Match": row["etag"]}), 412)


def test_bounds(server):
    ids = [f"x{i}" for i in range(1000)]
    assert server.post(PATH, {"ids": ids})["missing"] == 1000
    problem(server.ask("POST", PATH, {"ids": ids + ["one more"]}), 422, "/ids")
    problem(server.ask("POST", PATH, {"ids": []}), 422, "/ids")
    problem(server.ask("POST", PATH, {}), 422, "/ids")
    problem(server.ask("POST", PATH, {"ids": ["a", {}], "field": ["title"]}), 422, "/ids/1")
    problem(server.ask("POST", PATH, {"ids": ["a"], "fields": [1]}), 422, "/fields/0")
    problem(server.ask("POST", "/v1/collections/other/documents:get", {"ids": ["a"]}), 404)
    server.post("/v1/collections/news/documents", {"id": "large", "title": "Large", "blob": "x" * 1_200_000})
    problem(server.ask("POST", PATH, {"ids": ["soup"] + ["large"] * 60}), 422, "/ids/56", says="64 MiB")
    assert server.post(PATH, {"ids": ["large"] * 1000, "fields": ["title"]})["missing"] == 0
