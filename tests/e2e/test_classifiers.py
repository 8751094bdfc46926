"""Classifiers: trained from labels, judged, promoted, rolled back; what they tell of documents that have no label."""
import json
import random

import pytest
from conftest import problem
from test_recommenders import cli, states, train

WORDS = {"sports": "goal match team score league", "arts": "paint stage museum novel opera", "science": "atom cell proof orbit lab"}
HERE = "/v1/collections/{}/recommenders"


def text(rnd, topic, own=3):
    return " ".join(rnd.sample(WORDS[topic].split(), own) + rnd.choices("the a of and with more people day".split(), k=5))


def documents(rnd, count=240):
    """Each of a topic; every fourth has no label. Of sports there are most."""
    topics = ["sports", "sports", "arts", "science"]
    rows = []
    for i in range(count):
        topic = topics[i * 7 // 4 % 4]
        row = {"id": f"d{i}", "text": text(rnd, topic), "attributes": {"about": topic, "year": 2000 + i % 20}}
        if i % 4:
            row["attributes"].update(topic=topic, live=topic == "sports")
            row["tags"] = [topic, "dry" if topic == "science" else "lively"]
        rows.append(row)
    return rows


def classify(server, name="news", **body):
    return server.post(f"/v1/collections/{name}/classify", body)["data"]


def report(server, task, name="news"):
    return server.get(f"{HERE.format(name)}/{task['details']['recommender']}")


@pytest.fixture(scope="module")
def news(server):
    server.collection("news", training={"schedule": "manual"})
    assert server.post("/v1/collections/news/documents", documents(random.Random(1)))["failed"] == 0
    return server


def test_life(news):
    problem(news.ask("POST", "/v1/collections/news/classify", {"id": "d0"}), 409, says="no classifier is active")
    assert "predicted" not in news.get("/v1/collections/news/documents/d0")
    first = train(news, "news", kind="classifier", label="attributes.topic")
    assert first["details"]["promoted"] is True and first["details"]["label"] == "attributes.topic", first
    made = report(news, first)
    assert made["state"] == "active" and made["serving"] and made["kind"] == "classifier" and made["label"] == "attributes.topic"
    r = made["report"]
    assert r["metrics"]["accuracy"]["mean"] > .9 and r["metrics"]["macro_f1"] > .9 and r["majority"]["accuracy"] < .7
    assert r["counts"]["documents"] == 180 and r["counts"]["fitted"] + r["counts"]["test"] == 180 and r["counts"]["classes"] == 3
    assert {c["label"] for c in r["classes"]} == set(WORDS) and r["seed"] == 42 and r["held_out"] == .2
    again = train(news, "news", kind="classifier", label="attributes.topic", promote=False)
    same = report(news, again)
    assert same["state"] == "candidate" and same["report"]["metrics"] == r["metrics"] and same["report"]["classes"] == r["classes"]
    assert same["report"]["against_active"]["difference"] == 0

    # read time: documents without the label, in a place of its own, never over what was written
    unlabelled = [news.get(f"/v1/collections/news/documents/d{i}") for i in range(0, 80, 4)]
    right = [d["predicted"]["topic"]["label"] == d["attributes"]["about"] for d in unlabelled if "predicted" in d]
    assert len(right) >= 15 and sum(right) >= .9 * len(right)
    assert all(d["predicted"]["topic"]["probability"] >= .5 and "topic" not in d["attributes"] for d in unlabelled if "predicted" in d)
    assert "predicted" not in news.get("/v1/collections/news/documents/d1")
    listed = {d["id"]: d for d in news.get("/v1/collections/news/documents", limit=300)["data"]}
    assert [listed[d["id"]].get("predicted") for d in unlabelled] == [d.get("predicted") for d in unlabelled]
    # what was read can be written back, and stays a prediction
    back = next(d for d in unlabelled if "predicted" in d)
    news.ask("PUT", f"/v1/collections/news/documents/{back['id']}", back, status=200)
    assert news.get(f"/v1/collections/news/documents/{back['id']}")["attributes"] == back["attributes"]
    # search: where fields ask for it
    q = {"q": "goal match team", "limit": 60}
    hits = news.post("/v1/collections/news/search", {**q, "fields": ["predicted"]})["data"]
    assert {h["document"]["predicted"]["topic"]["label"] for h in hits if "predicted" in h["document"]} == {"sports"}
    assert all(set(h["document"]) <= {"id", "predicted"} for h in hits)
    assert not any("predicted" in h["document"] for h in news.post("/v1/collections/news/search", q)["data"])
    # classify: a text, a document, a vector
    [of_text] = classify(news, text="the opera and the museum", limit=2)
    assert of_text["label"] == "attributes.topic" and of_text["classifier"] == made["id"] and of_text["multiple"] is False
    assert of_text["labels"][0]["label"] == "arts" and len(of_text["labels"]) == 2
    assert sum(x["probability"] for x in classify(news, id="d1")[0]["labels"]) == pytest.approx(1, abs=1e-4)
    dims = news.get("/v1/collections/news")["dims"]
    assert len(classify(news, vector=[1] + [0] * (dims - 1), label="attributes.topic")[0]["labels"]) == 3

    # promote, roll back, retire: as recommenders, but of this label
    promoted = news.ask("POST", f"{HERE.format('news')}/{again['details']['recommender']}:promote", status=200).json()
    assert promoted["state"] == "active" and classify(news, id="d0")[0]["classifier"] == promoted["id"]
    problem(news.ask("POST", HERE.format("news") + ":rollback"), 409, says="no recommender to go back to")
    rolled = news.ask("POST", HERE.format("news") + ":rollback", label="attributes.topic", status=200).json()
    assert rolled["id"] == made["id"] and classify(news, id="d0")[0]["classifier"] == made["id"]
    assert news.post("/v1/collections/news/recommend", {"user": "u1"})["recommender"] == 0  # it recommends nothing
    problem(news.ask("DELETE", f"{HERE.format('news')}/{made['id']}"), 409, says="active")


def test_a_prediction_is_part_of_what_was_read(news):
    """If-None-Match is of the document with what was told of it; If-Match of what was written."""
    told = next(d for d in (f"d{i}" for i in range(0, 80, 4)) if "predicted" in news.get(f"/v1/collections/news/documents/{d}"))
    path = "/v1/collections/news/documents/" + told
    ask = lambda tag: news.ask("GET", path, headers={"If-None-Match": tag})  # noqa: E731
    tag = news.ask("GET", path, status=200).headers["ETag"]
    assert ask(tag).status_code == 304
    assert ask(tag.split("-")[0] + '"').status_code == 200  # of the same revision, without the prediction
    active = classify(news, id=told)[0]["classifier"]
    news.ask("POST", f"{HERE.format('news')}/{active}:retire", status=200)
    answer = ask(tag)
    assert answer.status_code == 200 and "predicted" not in answer.json() and answer.headers["ETag"] != tag
    news.ask("POST", f"{HERE.format('news')}/{active}:promote", status=200)
    assert ask(tag).status_code == 304
    news.ask("PUT", path, news.get(path), headers={"If-Match": tag}, status=200)


def test_no_label_is_told_that_others_have(news):
    """Whoever sees some of the documents hears of the labels that are on those."""
    key = news.post("/v1/keys", {"scopes": ["documents.read", "search", "recommend"], "filter": 'NOT topic = "arts"'}, 201)["key"]
    own = {"Authorization": "Bearer " + key}
    ids = [f"d{i}" for i in range(0, 240, 4)]
    told = {i: d["document"].get("predicted") for i, d in zip(ids, news.post("/v1/collections/news/documents:get", {"ids": ids})["data"])}
    arts = [i for i in ids if told[i] and told[i]["topic"]["label"] == "arts"]
    others = [i for i in ids if told[i] and told[i]["topic"]["label"] != "arts"]
    assert len(arts) > 5 and len(others) > 5
    bound = news.ask("POST", "/v1/collections/news/documents:get", {"ids": ids}, headers=own, status=200)
    listed = news.ask("GET", "/v1/collections/news/documents", headers=own, limit=300, status=200)
    for rows in ({r["id"]: r["document"] for r in bound.json()["data"]}, {d["id"]: d for d in listed.json()["data"]}):
        assert all("predicted" not in rows[i] for i in arts) and all(rows[i]["predicted"] == told[i] for i in others)
    one = news.ask("GET", "/v1/collections/news/documents/" + arts[0], headers=own, status=200)
    hits = news.ask("POST", "/v1/collections/news/search", {"q": "paint stage museum", "limit": 50, "fields": ["predicted"]}, headers=own, status=200)
    like = news.ask("POST", "/v1/collections/news/recommend", {"positive": [arts[0]], "limit": 50, "fields": ["predicted"]}, headers=own, status=200)
    assert "predicted" not in one.json() and len(hits.json()["data"]) > 5 and len(like.json()["data"]) > 5
    assert '"arts"' not in hits.text + like.text + bound.text.replace('"about":"arts"', "")


def test_lists_and_truths(news):
    """Beside each other: a list of labels, and true or false."""
    tags = report(news, train(news, "news", kind="classifier", label="tags", min_probability=.7))
    live = report(news, train(news, "news", kind="classifier", label="attributes.live"))
    assert tags["state"] == live["state"] == "active" and tags["report"]["multiple"] is True
    assert tags["report"]["min_probability"] == .7
    told = {k["label"]: k for k in classify(news, text="proof of the atom in the lab")}
    assert told["tags"]["multiple"] and {x["label"] for x in told["tags"]["labels"][:2]} == {"science", "dry"}
    assert told["attributes.live"]["labels"][0]["label"] is False
    predicted = [news.get(f"/v1/collections/news/documents/d{i}").get("predicted", {}) for i in range(0, 240, 4)]
    assert {type(p["live"]["label"]) for p in predicted if "live" in p} == {bool}
    lists = [p["tags"] for p in predicted if "tags" in p]
    assert any(len(x) == 2 for x in lists) and all(y["probability"] >= .7 for x in lists for y in x)
    assert [x["label"] for x in news.get(HERE.format("news"))["data"] if x["state"] == "active"].count("attributes.topic") == 1


def test_gate(news):
    """Labels turned to noise: no better than the most frequent one, so the first stays."""
    rnd = random.Random(5)
    server, name = news, "noise"
    server.collection(name, training={"schedule": "manual"})
    rows = documents(rnd)
    server.post(f"/v1/collections/{name}/documents", rows)
    first = train(server, name, kind="classifier", label="attributes.topic")["details"]
    for row in rows:
        if "topic" in row["attributes"]:
            row["attributes"]["topic"] = rnd.choice(list(WORDS))
    server.post(f"/v1/collections/{name}/documents", rows)
    second = train(server, name, kind="classifier", label="attributes.topic")["details"]
    assert first["promoted"] and not second["promoted"] and "not certainly better" in second["why"]
    assert states(server, name) == {first["recommender"]: "active", second["recommender"]: "candidate"}
    assert classify(server, name, text="goal match")[0]["classifier"] == first["recommender"]


def test_bad_input(news):
    ask = lambda **body: news.ask("POST", HERE.format("news") + ":train", {"kind": "classifier", **body})
    problem(ask(), 422, "/label", says="is missing")
    problem(ask(label="topic"), 422, "/label", says="attributes.topic")
    problem(ask(label="attributes.topik"), 422, "/label", says="nearest known is topic")
    problem(ask(label="attributes.year"), 422, "/label", says="numbers")
    problem(ask(label="attributes.topic", min_probability=1.5), 422, "/min_probability")
    problem(ask(label="attributes.topic", held_out=2), 422, "/held_out")
    problem(news.ask("POST", HERE.format("news") + ":train", {"kind": "ease", "label": "tags"}), 422, "/label")
    problem(news.ask("POST", HERE.format("news") + ":train", data='{"kind":"classifier","label":"tags","min_probability":NaN}',
                     headers={"Content-Type": "application/json"}), 400)
    news.collection("few")
    rows = [{"id": str(i), "text": f"word{i}", "attributes": {"one": "x", "rare": ["a", "b"][i % 2]}} for i in range(40)]
    news.post("/v1/collections/few/documents", rows)
    few = HERE.format("few") + ":train"
    problem(news.ask("POST", few, {"kind": "classifier", "label": "attributes.one"}), 409, says="1 label that 5 documents")
    problem(news.ask("POST", few, {"kind": "classifier", "label": "attributes.rare"}), 409, says="40 have attributes.rare, and 50")
    ask = lambda **body: news.ask("POST", "/v1/collections/news/classify", body)
    problem(ask(), 422, says="exactly one of id, text")
    problem(ask(id="nobody"), 404, says="nobody")
    problem(ask(text="x", label="attributes.other"), 404, says="attributes.other")
    problem(ask(vector=[1, 2]), 422, "/vector", says="has 2 numbers")
    problem(ask(text="x", limit=0), 422, "/limit")


def test_torn_file(make_server):
    """One that cannot be read is refused at a promotion, and at a start the one before it serves."""
    s = make_server()
    s.collection("news", training={"schedule": "manual"})
    s.post("/v1/collections/news/documents", documents(random.Random(1)))
    one, two = (train(s, "news", kind="classifier", label="attributes.topic")["details"]["recommender"] for _ in range(2))
    three = train(s, "news", kind="classifier", label="attributes.topic", promote=False)["details"]["recommender"]
    assert states(s, "news") == {one: "retired", two: "active", three: "candidate"}
    [folder] = [f for f in (s.data / "recommenders").iterdir() if (f / f"{two}.model").exists()]
    before = classify(s, text="opera")
    for n in (two, three):
        torn = folder / f"{n}.model"
        torn.write_bytes(torn.read_bytes()[:-9])
    problem(s.ask("POST", f"{HERE.format('news')}/{three}:promote"), 409, says="cannot be used")
    assert classify(s, text="opera") == before
    assert s.stop() == 0
    s.start()
    assert classify(s, text="opera")[0]["classifier"] == one
    listed = {r["id"]: r for r in s.get(HERE.format("news"))["data"]}
    assert listed[one]["serving"] and not listed[two]["serving"] and "is not the file" in listed[two]["error"]


def test_kept(news):
    """The last five of each label, beside those of others."""
    before = {r["id"] for r in news.get(HERE.format("news"))["data"] if r["label"] != "attributes.live"}
    made = [train(news, "news", kind="classifier", label="attributes.live", promote=False)["details"]["recommender"] for _ in range(6)]
    rows = news.get(HERE.format("news"))["data"]
    live = [r["id"] for r in rows if r["label"] == "attributes.live"]
    assert len(live) == 5 and made[-1] in live and before <= {r["id"] for r in rows}


def test_commands(news):
    shown = cli(news, "train", "classifier", "-c", "news", "--label", "attributes.topic", "--no-promote")
    assert "macro-F1" in shown and "majority: accuracy" in shown and "precision" in shown and "sports" in shown and "not active" in shown
    made = json.loads(cli(news, "train", "classifier", "-c", "news", "--label", "attributes.topic", "--json"))
    assert made["state"] == "active" and made["report"]["promote"] is True
    assert "attributes.topic: accuracy" in cli(news, "recommenders", "list", "-c", "news")
    assert cli(news, "classify", "-c", "news", "--label", "attributes.topic", "--text", "museum", "opera").split("\n")[1].endswith("arts")
    assert "attributes.topic: accuracy" in cli(news, "recommenders", "rollback", "-c", "news", "--label", "attributes.topic")
    assert "wants --label" in cli(news, "train", "classifier", "-c", "news", code=2)
