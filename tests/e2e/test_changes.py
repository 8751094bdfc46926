"""The change feed: everything, in commit order, each once; a position can be kept and gone on from."""
import pytest
from conftest import problem


def read(server, cursor=None, limit=7):
    out = []
    while True:
        page = server.get("/v1/changes", limit=limit, **({"cursor": cursor} if cursor else {}))
        out += page["data"]
        cursor = page["next_cursor"]
        if not page["data"]:
            return out, cursor


def test_feed(server):
    server.collection("feed")
    _, start = read(server)
    server.post("/v1/collections/feed/documents", [{"id": f"d{i}", "text": f"text {i}"} for i in range(20)])
    server.ask("DELETE", "/v1/collections/feed/documents/d3", status=204)
    server.post("/v1/collections/feed/feedback", {"user": "u", "document": "d4", "type": "like"})
    changes, end = read(server, start)
    numbers = [int(c["position"].split("-")[1]) for c in changes]
    assert numbers == sorted(set(numbers))
    kinds = [c["type"] for c in changes]
    assert kinds.count("document.processed") == 20 and kinds[-2:] == ["document.deleted", "feedback.received"]
    assert [c["data"]["document_id"] for c in changes if c["type"] == "document.processed"] == [f"d{i}" for i in range(20)]
    assert all(c["at"].endswith("Z") for c in changes)
    again, same = read(server, end)
    assert again == [] and same == end
    position = server.post("/v1/collections/feed/documents", {"id": "last", "text": "x"})["position"]
    more, end = read(server, end)
    assert [c["data"]["document_id"] for c in more] == ["last"] and more[0]["position"] == position


def test_wrong_cursors(server):
    problem(server.ask("GET", "/v1/changes", cursor="nonsense"), 422, parameter="cursor")
    problem(server.ask("GET", "/v1/changes", cursor="000000000000-5"), 410)
    problem(server.ask("GET", "/v1/changes", limit=0), 422, parameter="limit")


@pytest.mark.parametrize("ahead", [10**6])
def test_a_position_ahead_of_the_store_is_refused(server, ahead):
    lineage = read(server)[1].split("-")[0]
    answer = server.ask("GET", "/v1/changes", cursor=f"{lineage}-{ahead}")
    assert answer.status_code in (410, 422)
