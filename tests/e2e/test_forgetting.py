"""A reader who is forgotten: models are those that would have been trained without them, and their name is in no file any more."""
import signal

import pytest
from conftest import problem, wait_for
from test_recommenders import READERS, fill, train

GONE = "canary-7f3a9c"  # in every text of theirs: user, session, event, label, attribute
LONG_AGO = "2026-01-02T03:04:05Z"


def answers(server, name):
    rows = [{"user": f"u{u}"} for u in range(READERS)]
    got = [server.post(f"/v1/collections/{name}/recommend", {**row, "limit": 50, "exclude_seen": False}) for row in rows]
    assert {a["model"] for a in got} and all(len(a["data"]) > 40 for a in got)
    return [{x["id"]: x["score"] for x in a["data"]} for a in got]


def furthest(one, other):
    """The largest difference of a score; a document that is in one alone counts as with 0 in the other."""
    return max(abs(a.get(d, 0) - b.get(d, 0)) for a, b in zip(one, other) for d in a.keys() | b.keys())


@pytest.mark.parametrize("kind", ["ease", "ials"])
def test_models_are_those_without_the_reader(server, kind):
    """In one collection a reader was, whom a model was trained with; in the other never."""
    met, never = f"met-{kind}", f"never-{kind}"
    for name in (met, never):
        fill(server, name)
    theirs = [{"user": GONE, "document": f"d{n % 4}-{5 * n % 12}", "type": "like", "time": LONG_AGO} for n in range(30)]
    assert server.post(f"/v1/collections/{met}/feedback", theirs)["failed"] == 0
    for name in (met, never):
        first = train(server, name, kind=kind, promote=False)["details"]["recommender"]
        server.post(f"/v1/collections/{name}/recommenders/{first}:promote", None)
    assert furthest(answers(server, met), answers(server, never)) > 1e-3  # the reader counted
    server.ask("DELETE", f"/v1/collections/{met}/users/{GONE}", status=204)
    again = train(server, met, kind=kind, promote=False)["details"]["recommender"]
    server.post(f"/v1/collections/{met}/recommenders/{again}:promote", None)
    assert furthest(answers(server, met), answers(server, never)) < 1e-5


def traces(server):
    """Files of the data directory that hold the name."""
    found = []
    for path in server.data.rglob("*"):
        if path.is_file() and GONE.encode() in path.read_bytes():
            found.append(str(path.relative_to(server.data)))
    return found


def lived(server):
    """Everything that a reader can leave behind."""
    here = "/v1/collections/home"
    fill(server, "home")
    server.ask("PUT", f"{here}/users/{GONE}", {"labels": [GONE], "attributes": {"name": GONE}}, status=201)
    server.ask("PUT", f"{here}/scores/ours/users/{GONE}", {"scores": [{"document": "d0-1", "score": 2}]}, status=201)
    server.post(f"{here}/experiments", {"name": "try", "variants": [{"name": "a"}, {"name": "b", "blend": "popular"}]}, status=201)
    server.post(f"{here}/experiments/try:start", None)
    row = {"user": GONE, "session": GONE, "type": "like"}
    server.post(f"{here}/feedback", [{**row, "event_id": f"{GONE}-{n}", "document": f"d0-{n}"} for n in range(8)])
    shown = server.post(f"{here}/recommend", {"user": GONE, "limit": 3, "explain": True})
    server.post(f"{here}/recommend:batch", {"users": [GONE, "u1"], "limit": 3})
    server.get(f"{here}/users/{GONE}/recommendations", limit=3)
    server.post(f"{here}/search", {"q": "words1", "user": GONE})
    server.post(f"{here}/similar", {"id": "d0-1", "user": GONE})
    clicked = {"user": GONE, "document": shown["data"][0]["id"], "type": "click", "recommendation_id": shown["recommendation_id"], "position": 0}
    assert server.post(f"{here}/feedback", clicked)["failed"] == 0
    train(server, "home", kind="walks", promote=False)
    wait_for(lambda: sum(answers for answers, _ in counted(server)) == 4)
    return here


def counted(server):
    """Answers and readers in each variant."""
    return [(v["answers"], v["readers"]) for v in server.get("/v1/collections/home/experiments/try")["results"]["variants"]]


def test_the_name_is_in_no_file(make_server):
    server = make_server()
    here = lived(server)
    assert traces(server)
    server.ask("DELETE", f"{here}/users/{GONE}", status=204)
    for path in (f"users/{GONE}", f"users/{GONE}:export", f"scores/ours/users/{GONE}"):
        problem(server.ask("GET", f"{here}/{path}"), 404)
    assert server.get(f"{here}/feedback", user=GONE)["data"] == []
    assert GONE not in server.ask("GET", "/v1/changes", limit=1000, status=200).text
    assert GONE not in server.ask("GET", "/metrics").text
    wait_for(lambda: not traces(server))
    assert server.stop() == 0
    assert not traces(server) and GONE not in server.log()
    server.start()
    problem(server.ask("GET", f"{here}/users/{GONE}:export"), 404)
    assert not traces(server)
    wait_for(lambda: sum(answers for answers, _ in counted(server)) == 1)  # counted from what is held


def test_forgotten_though_it_was_killed(make_server):
    server = make_server()
    here = lived(server)
    server.ask("DELETE", f"{here}/users/{GONE}", status=204)
    server.process.send_signal(signal.SIGKILL)
    server.process.wait()
    server.start()
    problem(server.ask("GET", f"{here}/users/{GONE}:export"), 404)
    wait_for(lambda: not traces(server))
