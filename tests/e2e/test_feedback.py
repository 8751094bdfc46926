"""What readers did, as a collection weighs it: types, batches, the answers that it names, documents made on demand."""
import datetime
import json

import pytest
from conftest import akin, fill, problem, wait_for

C = "/v1/collections/acts"
F = C + "/feedback"


@pytest.fixture(scope="module", autouse=True)
def collection(server):
    fill(server, "acts")


def row(user, document, kind="like", **more):
    return {"user": user, "document": document, "type": kind, **more}


def in_minutes(minutes):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=minutes)).isoformat()


def feedback_of(server, user):
    return server.get(F, user=user, limit=100)["data"]


def test_types_are_declared_in_the_settings(server):
    problem(server.ask("POST", F, row("t1", "soup", "bookmark")), 422, pointer="/type", says="click, custom, dislike, like, rate, read, save, view")
    kept = server.ask("PATCH", C, {"feedback": {"types": {"bookmark": {"weight": 2, "seen": False}, "view": 0}, "half_life_days": None}},
                      status=200).json()["settings"]["feedback"]
    assert kept["types"]["bookmark"] == {"weight": 2, "seen": False} and kept["types"]["view"] == {"weight": 0, "seen": True}
    assert kept["half_life_days"] is None and kept["threshold"] == 0 and kept["answers_days"] == 90
    assert server.post(F, row("t1", "soup", "bookmark"))["data"][0]["status"] == "created"
    server.ask("PATCH", C, {"feedback": {"types": {"bookmark": None, "view": None}, "half_life_days": 30}}, status=200)
    problem(server.ask("POST", F, row("t1", "bread", "bookmark")), 422, pointer="/type")


@pytest.mark.parametrize("setting,pointer", [
    ({"types": {"like": -1}}, "/feedback/types/like"), ({"types": {"dislike": {"weight": 0.5}}}, "/feedback/types/dislike/weight"),
    ({"types": {"Odd Name": 1}}, "/feedback/types/Odd Name"), ({"types": {"own": 11}}, "/feedback/types/own"),
    ({"types": {"own": {"wait": 1}}}, "/feedback/types/own/wait"), ({"half_life_days": 0}, "/feedback/half_life_days"),
    ({"threshold": -0.1}, "/feedback/threshold"), ({"answers_days": 0.5}, "/feedback/answers_days"), ({"weights": {}}, "/feedback/weights"),
])
def test_wrong_settings_are_named(server, setting, pointer):
    problem(server.ask("PATCH", C, {"feedback": setting}), 422, pointer=pointer)


def test_weights_decide_what_is_recommended(server):
    server.post("/v1/collections/acts/documents", [{"id": f"{topic}{i}", "text": f"{text} {i}"} for topic, text in
                                                   (("ride", "chain brakes bicycle ride wheel"), ("cook", "pumpkin soup oven ginger cream")) for i in range(6)])
    server.post(F, [row("w1", "ride0", "like"), row("w1", "cook0", "view")])
    first = server.get(C + "/users/w1/recommendations", limit=3)["data"]
    server.ask("PATCH", C, {"feedback": {"types": {"like": 0, "view": 5}}}, status=200)
    second = server.get(C + "/users/w1/recommendations", limit=3)["data"]
    server.ask("PATCH", C, {"feedback": {"types": {"like": None, "view": None}}}, status=200)
    assert first[0]["id"][:4] in ("ride", "bike") and second[0]["id"][:4] in ("cook", "soup")


def test_times_and_values(server):
    problem(server.ask("POST", F, row("v1", "soup", time=in_minutes(6))), 422, pointer="/time", says="5 minutes")
    assert server.post(F, row("v1", "soup", time=in_minutes(4)))["failed"] == 0
    problem(server.ask("POST", F, row("v1", "soup", "rate")), 422, pointer="/value")
    problem(server.ask("POST", F, row("v1", "soup", "rate", value=6)), 422, pointer="/value")
    problem(server.ask("POST", F, row("v1", "soup", position=-2)), 422, pointer="/position")
    problem(server.ask("POST", F, data=b'{"user":"v1","document":"soup","type":"custom","value":NaN}', headers={"Content-Type": "application/json"}), 400)


def test_batches_have_a_bound(server):
    rows = [row("many", "soup", "view", event_id=f"m{i}") for i in range(1000)]
    assert server.post(F, rows)["failed"] == 0
    assert [r["status"] for r in server.post(F, rows[:3] + [row("many", "soup", "view", event_id="m-new")])["data"]] == ["unchanged"] * 3 + ["created"]
    problem(server.ask("POST", F, rows + [row("many", "soup")]), 422)


def test_an_atomic_batch_is_whole_or_nothing(server):
    good = [row("a1", "soup", event_id="a1"), row("a1", "bread", event_id="a2")]
    problem(server.ask("POST", F, good + [row("a1", "nowhere")], atomic="true"), 404, pointer="/2/document", says="nowhere")
    problem(server.ask("POST", F, good + [{"user": "a1"}], atomic="true"), 422, pointer="/2/document")
    problem(server.ask("POST", F, good + [row("a1", "soup", "sneeze")], atomic="true"), 422, pointer="/2/type")
    assert feedback_of(server, "a1") == []
    assert server.post(F, good, atomic="true")["failed"] == 0
    assert len(feedback_of(server, "a1")) == 2


def test_unknown_documents_are_made_if_asked_for(server):
    made = server.post(F, [row("c1", "later"), row("c1", "later", "read"), row("c1", "bread"), row("c1", "")], create="true")
    assert [r["status"] for r in made["data"]] == ["created", "created", "created", "failed"]
    document = server.get(C + "/documents/later")
    assert document["title"] == "later" and document["attributes"]["akin_placeholder"] is True
    everything = server.post(C + "/recommend", {"positive": ["bread"], "limit": 200})["data"]
    assert everything and "later" not in [r["id"] for r in everything]
    server.ask("PUT", C + "/documents/later", {"title": "Bread that rises", "text": "flour, water, salt and a day"}, status=200)
    assert "later" in [r["id"] for r in server.post(C + "/recommend", {"positive": ["bread"], "limit": 200})["data"]]
    assert {f["document"] for f in feedback_of(server, "c1")} == {"later", "bread"}
    problem(server.ask("POST", F, row("c1", "never")), 404, pointer="/document", says="never")


def test_feedback_names_the_answer_it_came_from(server):
    answer = server.post(C + "/recommend", {"user": "n1", "limit": 3})
    name, shown = answer["recommendation_id"], answer["data"][0]["id"]
    rows = [row("n1", shown, "click", recommendation_id=name, position=0), row("n1", shown, "read", recommendation_id="0" * 32),
            row("n1", shown, "save", recommendation_id="of another shop"), row("n2", shown, "click", recommendation_id=name),
            row("n1", [d["id"] for d in server.get(C + "/documents", limit=100)["data"] if d["id"] not in [r["id"] for r in answer["data"]]][0], "click",
                recommendation_id=name)]
    told = server.post(F, rows)
    assert told["failed"] == 0
    says = [r.get("warning", "") for r in told["data"]]
    assert says[0] == "" and "in the log" in says[1] and "no recommendation id" in says[2] and "another user" in says[3] and "was not in" in says[4]


def changes(server, cursor=None):
    out = []
    while True:
        page = server.get("/v1/changes", limit=500, **({"cursor": cursor} if cursor else {}))
        out, cursor = out + page["data"], page["next_cursor"]
        if not page["data"]:
            return out, cursor


def test_every_act_is_an_event_and_is_counted(server):
    before, (_, start) = server.metrics()['akin_feedback_total{type="save"}'], changes(server)
    server.post(F, [row("e1", "soup", "save", event_id=f"ev{i}") for i in range(3)])
    told, _ = changes(server, start)
    assert [(c["type"], c["data"]["event_id"]) for c in told] == [("feedback.received", f"ev{i}") for i in range(3)]
    assert server.metrics()['akin_feedback_total{type="save"}'] == before + 3


# ---- the end of a reader ----

def test_all_that_is_held_of_a_user_can_be_had(server):
    server.ask("PUT", C + "/users/x1", {"labels": ["cook"], "attributes": {"age": 5}}, status=201)
    server.post(F, [row("x1", "soup", "view", event_id=f"x{i}", session="s1") for i in range(5)])
    names = [server.post(C + "/recommend", {"user": "x1", "limit": 2, "scenario": "home"})["recommendation_id"] for _ in range(3)]
    whole = server.get(C + "/users/x1:export")
    assert whole["user"]["labels"] == ["cook"] and whole["next_cursor"] is None
    assert [f["event_id"] for f in whole["feedback"]] == ["x4", "x3", "x2", "x1", "x0"] and whole["feedback"][0]["session"] == "s1"
    assert whole["scores"] == []
    assert [a["recommendation_id"] for a in whole["answers"]] == names[::-1]
    assert whole["answers"][0]["scenario"] == "home" and len(whole["answers"][0]["documents"]) == 2
    pages, cursor = [], None
    while True:
        page = server.get(C + "/users/x1:export", limit=2, **({"cursor": cursor} if cursor else {}))
        pages.append(page)
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert ["user" in p for p in pages] == [True] + [False] * (len(pages) - 1)
    assert sum([p["feedback"] for p in pages], []) == whole["feedback"] and sum([p["answers"] for p in pages], []) == whole["answers"]
    problem(server.ask("GET", C + "/users/nobody:export"), 404)


def test_a_user_is_forgotten(server):
    _, start = changes(server)
    server.ask("PUT", C + "/users/forget-me", {"attributes": {"name": "secret-name"}}, status=201)
    server.post(F, [row("forget-me", "stars", "like", event_id=f"secret-event{i}", session="secret-session") for i in range(30)])
    name = server.post(C + "/recommend", {"user": "forget-me", "limit": 2})["recommendation_id"]
    server.ask("DELETE", C + "/users/forget-me", status=204)
    problem(server.ask("GET", C + "/users/forget-me:export"), 404)
    problem(server.ask("DELETE", C + "/users/forget-me"), 404)
    assert feedback_of(server, "forget-me") == []
    told = server.post(F, row("other", "stars", recommendation_id=name, event_id="o1"))["data"][0]
    assert "in the log" in told["warning"]
    kinds, _ = changes(server, start)
    assert [c["type"] for c in kinds].count("feedback.received") == 31  # each was an event; of those erased the number is left
    text = str(kinds)
    assert "forget-me" not in text and "secret" not in text and "user.deleted" in text

    def left():
        files = [p for p in server.data.rglob("*") if p.is_file() and not p.name.endswith(".log")]
        return [(p.name, word) for p in files for word in (b"forget-me", b"secret-name", b"secret-event", b"secret-session") if word in p.read_bytes()]
    wait_for(lambda: not left())
    assert left() == []


# ---- akin feedback ----

def feedback(server, *words, **more):
    return akin("feedback", *words, "--url", server.url, "-c", "acts", **more)


def test_the_command_adds_lists_exports_and_forgets(server, tmp_path):
    assert "1 created" in feedback(server, "add", "--user", "cli", "--document", "soup", "--type", "rate", "--value", "4", "--event", "cli1").stdout
    assert "1 unchanged" in feedback(server, "add", "--user", "cli", "--document", "soup", "--type", "rate", "--value", "4", "--event", "cli1").stdout
    assert "rating" in feedback(server, "add", "--user", "cli", "--document", "soup", "--type", "rate", "--value", "9", code=1).stderr
    table = tmp_path / "clicks.csv"
    table.write_text("user,item,type,value,timestamp\n" + "".join(f"cli,soup,custom,0.5,{1760000000 + i}\n" for i in range(1500)) + "cli,nowhere,like,,1760000000\n")
    got = feedback(server, "add", "--map", "document=item,time=timestamp", table, code=1)
    assert "1500 created" in got.stdout and "1 failed" in got.stdout and "row 1501, document" in got.stderr
    assert "1 created" in feedback(server, "add", "--create", "-", stdin='{"user":"cli","document":"made-by-cli","type":"like"}\n').stdout
    rows = [json.loads(line) for line in feedback(server, "list", "--user", "cli", "-n", "3", "--json").stdout.splitlines()]
    assert rows[0]["document"] == "made-by-cli" and rows[2]["value"] == 0.5 and len(rows) == 3
    assert "made-by-cli" in feedback(server, "list", "--user", "cli").stdout
    pages = [json.loads(line) for line in feedback(server, "export", "cli").stdout.splitlines()]
    assert sum(len(p["feedback"]) for p in pages) == 1502 and len(pages) > 1
    assert "forgotten" in feedback(server, "forget", "cli").stdout
    assert feedback(server, "list", "--user", "cli").stdout == ""
    assert "no user" in feedback(server, "forget", "cli", code=1).stderr
    feedback(server, "sing", code=2)
    feedback(server, "add", "--user", "cli", code=2)
