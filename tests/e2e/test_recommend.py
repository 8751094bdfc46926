"""The rules of a recommendation over HTTP: exclude > filter > pin > caps > boost > diversity, pages, batches, readers."""

import pytest
from conftest import akin, problem

C = "/v1/collections/shelf"
WORDS = "soup bread bike tent stars river piano glass".split()
N = 48


def text(i):
    """Documents i and i + 8 are of one kind; each has a word of its own."""
    return f"{WORDS[i % 8]} {WORDS[i % 8]} {WORDS[(i + 1) % 8]} own{i}"


@pytest.fixture(scope="module", autouse=True)
def collection(server):
    server.collection("shelf")
    server.lines("shelf", [{"id": f"d{i}", "title": f"t{i}", "text": text(i), "tags": [WORDS[i % 8]],
                            "attributes": {"author": f"a{i % 6}", "year": 2000 + i}} for i in range(N)])
    feedback = [("anna", 0, "like"), ("anna", 8, "read"), ("ben", 2, "like"), ("ben", 10, "like"), ("cleo", 0, "like"),
                ("cleo", 16, "like"), ("dora", 5, "view")]
    server.post(C + "/feedback", [{"user": u, "document": f"d{i}", "type": t} for u, i, t in feedback])


def recommend(server, status=200, **body):
    return server.post(C + "/recommend", body, status)


def ids(answer):
    return [r["id"] for r in answer["data"]]


def author(i):
    return int(i[1:]) % 6


def kind(i):
    return int(i[1:]) % 8


def test_members_of_an_answer(server):
    answer = recommend(server, user="anna", limit=5)
    assert len(answer["recommendation_id"]) == 32 and answer["model"] and answer["next_cursor"] and "emptied_by" not in answer
    assert [r["position"] for r in answer["data"]] == list(range(5))
    assert all(r["document"]["id"] == r["id"] and r["source"] and "propensity" not in r for r in answer["data"])
    assert [r["score"] for r in answer["data"]] == sorted((r["score"] for r in answer["data"]), reverse=True)
    assert kind(ids(answer)[0]) == 0 and "d0" not in ids(answer) and "d8" not in ids(answer)


def test_exclude(server):
    first = ids(recommend(server, user="anna", limit=3))
    assert not set(first) & set(ids(recommend(server, user="anna", limit=40, exclude=first + ["unknown"])))


def test_exclude_seen_by_type(server):
    def of(**more):
        return set(ids(recommend(server, user="anna", limit=100, **more)))
    assert of(exclude_seen=False) == {f"d{i}" for i in range(N)}
    assert of() == of(exclude_seen=True) == of(exclude_seen=False) - {"d0", "d8"}
    assert of(exclude_seen=["read"]) == of(exclude_seen="read") == of(exclude_seen=False) - {"d8"}
    problem(server.ask("POST", C + "/recommend", {"user": "anna", "exclude_seen": ["read", "love"]}), 422, pointer="/exclude_seen/1",
            says="click")


def test_filter(server):
    got = ids(recommend(server, user="anna", limit=100, filter="year >= 2040"))
    assert set(got) == {f"d{i}" for i in range(40, N)}


def test_pins_stand_where_they_are_put(server):
    plain = ids(recommend(server, user="anna", limit=10, filter="tags != bike"))
    answer = recommend(server, user="anna", limit=10, filter="tags != bike",
                       pins=[{"id": "d29", "position": 3}, {"id": plain[0], "position": 9}, {"id": "d47", "position": 0}])
    got = ids(answer)
    assert got[0] == "d47" and got[3] == "d29" and got[9] == plain[0]
    assert [i for i in got if i not in ("d29", "d47", plain[0])] == plain[1:8]
    assert [r["source"] == "pin" for r in answer["data"]] == [k in (0, 3, 9) for k in range(10)]


def test_exclusions_and_filters_are_before_pins(server):
    got = ids(recommend(server, user="anna", limit=100, filter="tags != bike",
                        pins=[{"id": "d2", "position": 0}, {"id": "d0", "position": 1}, {"id": "d5", "position": 2}]))
    assert "d2" not in got and "d0" not in got and got[2] == "d5"  # filtered, seen, neither


def test_a_pin_behind_the_end_comes_up(server):
    assert ids(recommend(server, user="anna", filter="year IN [2001, 2009]", pins=[{"id": "d1", "position": 900}])) == ["d9", "d1"]


def test_caps_hold_but_for_pins(server):
    got = ids(recommend(server, user="anna", limit=100, caps=[{"field": "author", "limit": 2}]))
    assert len(got) == 12 and all(sum(author(i) == a for i in got) == 2 for a in range(6))
    pins = [{"id": f"d{i}", "position": k} for k, i in enumerate((6, 12, 18))]  # of author 0
    got = ids(recommend(server, user="anna", limit=100, caps=[{"field": "attributes.author", "limit": 2}], pins=pins))
    assert got[:3] == ["d6", "d12", "d18"] and sum(author(i) == 0 for i in got) == 3 and len(got) == 13


def test_caps_of_two_fields(server):
    got = ids(recommend(server, user="anna", limit=100, caps=[{"field": "author", "limit": 4}, {"field": "tags", "limit": 1}]))
    assert len(got) == 8 == len({kind(i) for i in got}) and max(sum(author(i) == a for i in got) for a in range(6)) <= 4


def test_boosts_lift_and_bury(server):
    lifted = recommend(server, user="anna", limit=5, boosts=[{"filter": "tags = glass", "factor": 1000}], explain=True)
    assert {kind(i) for i in ids(lifted)} == {7}
    first = lifted["data"][0]
    assert first["adjustments"]["boost"] == 1000 and abs(first["score"] - 1000 * first["relevance"]) <= 1e-9 * first["score"]
    buried = ids(recommend(server, user="anna", limit=100, boosts=[{"filter": "tags = soup", "factor": 0.001}]))
    assert kind(ids(recommend(server, user="anna"))[0]) == 0 and kind(buried[0]) != 0
    capped = ids(recommend(server, user="anna", limit=9, boosts=[{"filter": "tags = glass", "factor": 1000}],
                           caps=[{"field": "tags", "limit": 2}]))
    assert sum(kind(i) == 7 for i in capped) == 2  # caps are before boosts


def test_freshness_counts_age(server):
    answer = recommend(server, user="anna", limit=3, freshness={"half_life_days": 0.001}, explain=True)
    for r in answer["data"]:
        a = r["adjustments"]
        assert 0 < a["freshness"] < 1
        assert r["score"] == pytest.approx(r["relevance"] * a["boost"] * a["freshness"] * a["fatigue"], rel=1e-9)


def test_diversity(server):
    plain, varied = (recommend(server, positive=["d0"], limit=6, diversity=d) for d in (0, 1))
    assert len({kind(i) for i in ids(varied)}) > len({kind(i) for i in ids(plain)})
    assert ids(plain)[0] == ids(varied)[0]


def test_explanations_add_up(server):
    for r in recommend(server, user="anna", limit=20, explain=True)["data"]:
        parts = [p["part"] for p in r["explanation"]]
        assert sum(parts) + r["others"] == pytest.approx(r["relevance"], abs=1e-6)
        assert parts == sorted(parts, reverse=True)
        assert {p["document"] for p in r["explanation"]} <= {"d0", "d8"}


def test_min_relevance(server):
    everything = recommend(server, user="anna", limit=100, explain=True)["data"]
    relevances = sorted((r["relevance"] for r in everything), reverse=True)
    k = max(range(5, 40), key=lambda i: relevances[i] - relevances[i + 1])  # the widest gap: likes decay from request to request
    got = ids(recommend(server, user="anna", limit=100, min_relevance=(relevances[k] + relevances[k + 1]) / 2))
    assert got == [r["id"] for r in everything if r["relevance"] >= relevances[k]] and len(got) == k + 1


def test_exploration_tells_its_chances(server):
    answer = recommend(server, user="anna", limit=10, explore=0.5, pins=[{"id": "d40", "position": 1}])
    for k, r in enumerate(answer["data"]):
        if k == 1:
            assert r["source"] == "pin" and r["propensity"] == 1
        else:  # of 46 - k or so that are left
            explored = 0.5 / (45 - k + (k > 1))
            assert r["propensity"] == pytest.approx(explored if r["source"] == "explore" else 0.5 + explored, rel=1e-9)
    found = {tuple(ids(recommend(server, user="anna", limit=10, explore=1))) for _ in range(3)}
    assert len(found) == 3


def test_fatigue(server):
    before = ids(recommend(server, user="ben", limit=3))
    for _ in range(4):
        recommend(server, user="ben", limit=3)
    answer = recommend(server, user="ben", limit=100, fatigue=0.9, explain=True)
    tired = {r["id"]: r["adjustments"]["fatigue"] for r in answer["data"]}
    assert all(tired[i] <= 0.1 ** 5 for i in before) and ids(answer)[:3] != before
    assert ids(recommend(server, user="ben", limit=3)) == before


# ---- what contradicts itself ----

@pytest.mark.parametrize("body, pointer, says", [
    ({"limit": 0}, "/limit", "1 to 200"), ({"limit": 201}, "/limit", "1 to 200"),
    ({"pins": [{"id": "d1", "position": 0}], "exclude": ["d9", "d1"]}, "/pins/0/id", "/exclude/1"),
    ({"pins": [{"id": "d1", "position": 0}, {"id": "d2", "position": 0}]}, "/pins/1/position", "/pins/0"),
    ({"pins": [{"id": "d1", "position": 0}, {"id": "d1", "position": 2}]}, "/pins/1/id", "/pins/0"),
    ({"pins": [{"id": "d1", "position": 0}, {"id": "gone", "position": 1}]}, "/pins/1/id", "gone"),
    ({"pins": [{"id": "d1", "position": -1}]}, "/pins/0/position", "0 to 999"), ({"pins": [{"id": "d1"}]}, "/pins/0/position", "missing"),
    ({"caps": [{"field": "author", "limit": 0}]}, "/caps/0/limit", "1 to"), ({"caps": [{"field": "autor", "limit": 1}]}, "/caps/0/field", "author"),
    ({"caps": [{"field": "tags", "limit": 1}, {"field": "tags", "limit": 2}]}, "/caps/1/field", "/caps/0"),
    ({"boosts": [{"filter": "tags = soup", "factor": 0}]}, "/boosts/0/factor", "0.001"),
    ({"boosts": [{"filter": "tags =", "factor": 2}]}, "/boosts/0/filter", "character"),
    ({"boosts": [{"filter": " ", "factor": 2}]}, "/boosts/0/filter", "empty"),
    ({"freshness": {"half_life_days": 0}}, "/freshness/half_life_days", "0.001"), ({"freshness": 3}, "/freshness", "object"),
    ({"diversity": 1.5}, "/diversity", "0 to 1"), ({"explore": -0.1}, "/explore", "0 to 1"), ({"fatigue": "x"}, "/fatigue", "number"),
    ({"scenario": "Front Page"}, "/scenario", "a-z"), ({"min_relevance": "x"}, "/min_relevance", "number"), ({"offset": 1001}, "/offset", "1000"),
    ({"positive": ["d1"], "negative": ["d3", "d1"]}, "/negative/1", "/positive/0"), ({"pin": []}, "/pin", "pins"),
    ({"filter": "yeer = 1"}, "/filter", "year"), ({"blend": "model +"}, "/blend", "character"),
])
def test_wrong_rules(server, body, pointer, says):
    problem(server.ask("POST", C + "/recommend", {"user": "anna", **body}), 422, pointer=pointer, says=says)


def test_unknown_examples_are_named(server):
    for field in ("positive", "negative", "session"):
        problem(server.ask("POST", C + "/recommend", {"user": "anna", field: ["d1", "gone"]}), 404, pointer=f"/{field}/1", says="gone")


def test_an_empty_answer_says_why(server):
    everything = [f"d{i}" for i in range(N)]

    def why(**body):
        answer = recommend(server, **{"user": "anna", **body})
        assert answer["data"] == [] and answer["next_cursor"] is None and answer["recommendation_id"]
        return answer["emptied_by"]
    assert why(filter="year > 3000") == "filter"
    assert why(exclude=everything) == "exclude"
    assert why(filter="id IN [d0, d8]") == "seen"
    assert why(filter="id IN [d0, d8, d16]", exclude=["d16"]) == "seen"
    assert why(min_relevance=1e6) == "min_relevance"
    server.collection("bare")
    assert server.post("/v1/collections/bare/recommend", {"user": "anna"})["emptied_by"] == "no_documents"


def test_a_later_page_may_be_emptied_too(server):
    """What was left for it goes while the reader looks at the first."""
    server.collection("going")
    server.lines("going", [{"id": f"g{i}", "text": f"walking, the {i}.", "attributes": {"author": "xxy"[i]}} for i in range(3)])

    def page(**body):
        return server.post("/v1/collections/going/recommend", {"limit": 1, "user": "new", **body})
    pins = {"pins": [{"id": "g0", "position": 0}]}
    caps = {"caps": [{"field": "author", "limit": 1}], **pins}
    plain, first = page(**pins), page(**caps)
    assert ids(plain) == ids(first) == ["g0"] and plain["next_cursor"] and first["next_cursor"]
    server.ask("DELETE", "/v1/collections/going/documents/g2")
    second = page(**caps, cursor=first["next_cursor"])
    assert second["data"] == [] and second["emptied_by"] == "caps" and second["next_cursor"] is None
    server.ask("DELETE", "/v1/collections/going/documents/g1")
    second = page(**pins, cursor=plain["next_cursor"])
    assert second["data"] == [] and second["emptied_by"] == "pages"


# ---- pages ----

def pages(server, **body):
    out, cursor = [], None
    while True:
        answer = recommend(server, **body, **({"cursor": cursor} if cursor else {}))
        out.append(answer)
        cursor = answer["next_cursor"]
        if not cursor:
            return out


@pytest.mark.parametrize("rules", [
    {}, {"diversity": 0.7}, {"caps": [{"field": "author", "limit": 3}]},
    {"diversity": 0.4, "caps": [{"field": "tags", "limit": 4}], "pins": [{"id": "d30", "position": 9}, {"id": "d31", "position": 12}],
     "boosts": [{"filter": "tags = tent", "factor": 2}]}], ids=["plain", "diversity", "caps", "all"])
def test_pages_are_cuts_of_one_list(server, rules):
    whole = recommend(server, user="anna", limit=100, **rules)
    parts = pages(server, user="anna", limit=7, **rules)
    assert [i for p in parts for i in ids(p)] == ids(whole) and whole["next_cursor"] is None
    assert [r["position"] for p in parts for r in p["data"]] == list(range(len(whole["data"])))
    assert len({p["recommendation_id"] for p in parts}) == len(parts)


def test_nothing_comes_twice_whatever_is_read_in_between(server):
    first = recommend(server, user="eve", positive=["d3"], limit=8)
    server.post(C + "/feedback", [{"user": "eve", "document": "d4", "type": "like"}, {"user": "eve", "document": ids(first)[0], "type": "like"}])
    second = recommend(server, user="eve", positive=["d3"], limit=8, cursor=first["next_cursor"])
    assert len(second["data"]) == 8 and not set(ids(first)) & set(ids(second)) and "d4" not in ids(second)
    rest = pages(server, user="eve", positive=["d3"], limit=8, explore=0.5)
    got = [i for p in rest for i in ids(p)]
    assert len(got) == len(set(got)) == N - 3


def test_cursors_belong_to_their_request(server):
    cursor = recommend(server, user="anna", limit=5)["next_cursor"]
    assert recommend(server, user="anna", limit=3, cursor=cursor)["data"]
    problem(server.ask("POST", C + "/recommend", {"user": "ben", "cursor": cursor}), 422, pointer="/cursor", says="another")
    problem(server.ask("POST", C + "/recommend", {"user": "anna", "cursor": cursor[:-2] + "xx"}), 422, pointer="/cursor")
    problem(server.ask("POST", C + "/recommend", {"user": "anna", "cursor": cursor, "offset": 2}), 422, pointer="/offset")


def test_offset(server):
    assert ids(recommend(server, user="anna", limit=4, offset=3)) == ids(recommend(server, user="anna", limit=7))[3:]
    assert recommend(server, user="anna", offset=900)["emptied_by"] == "offset"


def test_of_many_documents(server):
    """What is boosted comes from behind all others; caps look as deep as they must; a list ends at 1,000."""
    server.collection("many")
    server.lines("many", [{"id": f"m{i}", "text": f"word{i} {'soup' if i % 2 else 'bread'}", "rare": i in (7, 9), "house": f"h{i // 1400}"}
                          for i in range(1500)])
    M = "/v1/collections/many"
    server.post(M + "/feedback", {"user": "anna", "document": "m1400", "type": "like"})
    got = server.post(M + "/recommend", {"user": "stranger", "limit": 4, "boosts": [{"filter": "rare = true", "factor": 1000}]})
    assert {"m7", "m9"} < set(ids(got)[:3])  # beside what is popular; all others are newer
    got = server.post(M + "/recommend", {"user": "stranger", "limit": 6, "caps": [{"field": "house", "limit": 3}]})  # the newest 100 are of one
    assert [int(i[1:]) // 1400 for i in ids(got)] == [1, 1, 1, 0, 0, 0] and got["next_cursor"] is None
    seen, cursor = [], None
    while True:
        page = server.post(M + "/recommend", {"user": "anna", "limit": 200, "fields": [], **({"cursor": cursor} if cursor else {})})
        seen += ids(page)
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert len(seen) == len(set(seen)) == 1000


def test_what_was_seen_long_ago_stays_seen(server):
    M = "/v1/collections/many"  # of the test before
    rows = [{"user": "glutton", "document": f"m{i}", "type": "read", "time": f"2026-01-{1 + i // 60:02}T00:00:{i % 60:02}Z"} for i in range(1450)]
    assert server.post(M + "/feedback", rows[:725])["failed"] == server.post(M + "/feedback", rows[725:])["failed"] == 0
    got = ids(server.post(M + "/recommend", {"user": "glutton", "limit": 200, "fields": []}))
    assert sorted(got) == sorted(f"m{i}" for i in range(1450, 1500))


# ---- other ways to ask ----

def test_get_is_post(server):
    U = C + "/users/anna/recommendations"
    assert ids(server.get(U, limit=5)) == ids(recommend(server, user="anna", limit=5))
    got = server.get(U, limit=6, filter="tags != bike", exclude="d16,d24", caps='[{"field":"author","limit":1}]', diversity=0.5,
                     exclude_seen="read", pins='[{"id":"d9","position":2}]', fields="title", explain="true", freshness='{"half_life_days":9}')
    same = recommend(server, user="anna", limit=6, filter="tags != bike", exclude=["d16", "d24"], caps=[{"field": "author", "limit": 1}],
                     diversity=0.5, exclude_seen=["read"], pins=[{"id": "d9", "position": 2}], fields=["title"], freshness={"half_life_days": 9})
    assert ids(got) == ids(same) and ids(got)[2] == "d9" and set(got["data"][0]["document"]) == {"id", "title"}
    page = server.get(U, limit=5)
    assert ids(server.get(U, limit=5, cursor=page["next_cursor"])) == ids(server.get(U, limit=5, offset=5))
    problem(server.ask("GET", U, limit=201), 422, parameter="limit")
    problem(server.ask("GET", U, caps='[{"field":"autor","limit":1}]'), 422, parameter="caps/0/field")


def test_items_session_and_text(server):
    assert ids(recommend(server, items=["d0"], limit=5)) == ids(recommend(server, positive=["d0"], limit=5))
    assert kind(ids(recommend(server, text="piano piano", limit=1))[0]) == 6
    assert kind(ids(recommend(server, session=["d1", "d3"], limit=1))[0]) in (1, 2, 3)
    both = recommend(server, user="anna", session=["d3"], limit=40)
    assert not {"d0", "d8", "d3"} & set(ids(both))


def test_batch(server):
    answer = server.post(C + "/recommend:batch", {"users": ["anna", "ben", "stranger"], "limit": 4, "caps": [{"field": "author", "limit": 1}]})
    assert [r["user"] for r in answer["data"]] == ["anna", "ben", "stranger"] and answer["failed"] == 0
    for r in answer["data"]:
        assert ids(r) == ids(recommend(server, user=r["user"], limit=4, caps=[{"field": "author", "limit": 1}])) and r["next_cursor"] is None
    assert len({r["recommendation_id"] for r in answer["data"]}) == 3
    problem(server.ask("POST", C + "/recommend:batch", {"users": ["anna", "anna"]}), 422, pointer="/users/1")
    problem(server.ask("POST", C + "/recommend:batch", {"users": []}), 422, pointer="/users")
    problem(server.ask("POST", C + "/recommend:batch", {"users": ["u"] * 101}), 422, pointer="/users", says="100")
    problem(server.ask("POST", C + "/recommend:batch", {"users": ["anna"], "filter": "yeer = 1"}), 422, pointer="/filter")
    problem(server.ask("POST", C + "/recommend:batch", {"users": ["anna"], "caps": [{"field": "x", "limit": 1}]}), 422, pointer="/caps/0/field")
    problem(server.ask("POST", "/v1/collections/none/recommend:batch", {"users": ["anna"]}), 404)


def test_readers_for_a_document(server):
    answer = server.get(C + "/documents/d32/readers")
    assert {r["user"] for r in answer["data"][:2]} == {"anna", "cleo"} and answer["considered"] >= 4
    assert [r["score"] for r in answer["data"]] == sorted((r["score"] for r in answer["data"]), reverse=True)
    assert server.get(C + "/documents/d34/readers", limit=1)["data"][0]["user"] == "ben"
    seen = [r["user"] for r in server.get(C + "/documents/d0/readers")["data"]]
    assert "anna" not in seen and "anna" in [r["user"] for r in server.get(C + "/documents/d0/readers", include_seen="true")["data"]]
    problem(server.ask("GET", C + "/documents/none/readers"), 404)
    problem(server.ask("GET", C + "/documents/d0/readers", limit=0), 422, parameter="limit")


def test_similar_for_a_reader(server):
    plain = server.post(C + "/similar", {"id": "d1", "limit": 40})
    mine = server.post(C + "/similar", {"id": "d1", "limit": 40, "user": "ben", "user_weight": 0.9})
    assert "personalised" not in plain and mine["personalised"] and kind(mine["data"][0]["id"]) in (1, 2)
    place = {h["id"]: k for k, h in enumerate(plain["data"])}, {h["id"]: k for k, h in enumerate(mine["data"])}
    assert sum(place[1][f"d{i}"] for i in (18, 26, 34, 42)) < sum(place[0][f"d{i}"] for i in (18, 26, 34, 42))
    assert not server.post(C + "/similar", {"id": "d1", "user": "stranger"})["personalised"]


def command(server, *arguments, code=0):
    run = akin("recommend", "--url", server.url, "-c", "shelf", *arguments, code=code)
    return run.stdout + run.stderr


def test_command(server):
    out = command(server, "anna", "-n", "3", "--pin", "d40:1", "--cap", "author:1", "--boost", "2:tags = soup", "--diversity", "0.5", "--explain")
    assert "  d40  " in out and "because of d" in out and "boost x 2" in out
    assert "nothing left by: filter" in command(server, "anna", "-f", "year > 3000")
    assert "takes a text, a colon and a number" in command(server, "anna", "--pin", "d40", code=2)
    assert "wants a user" in command(server, code=2)
