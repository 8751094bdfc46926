"""Idempotency-Key: a POST that is sent again does nothing twice, whatever happens to the server in between."""
import gzip
import json
import random
import re
import sqlite3
import threading
import time

import pytest
import requests
from conftest import Keyed, problem, running, wait_for
from test_remote import Provider, good, provider, remote  # noqa: F401 (fixtures)

READS = {"search", "recommend", "embed", "documents.read", "users.read"}
DAY_US = 24 * 3600 * 1000000
numbers = iter(range(10**6))


def fresh():
    return f"key-{next(numbers)}"


@pytest.fixture(scope="module")
def server():
    with running(Keyed()) as s:
        s.collection("news")
        s.post("/v1/collections/news/documents", [{"id": i, "text": "text " + i, "attributes": {"tenant": i}} for i in "ab"])
        yield s


def post(server, path, body, key, secret=None, **more):
    headers = {"Idempotency-Key": key, **more.pop("headers", {})}
    if secret:
        headers["Authorization"] = "Bearer " + secret
    return server.ask("POST", path, body, headers=headers, **more)


def replayed(first, again):
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (again.status_code, again.content) == (first.status_code, first.content)
    for name in ("Content-Type", "Location", "ETag", "Akin-Position"):
        assert again.headers.get(name) == first.headers.get(name)
    assert again.headers["Akin-Trace-Id"] != first.headers["Akin-Trace-Id"]


def texts(server, collection="news"):
    return [d["text"] for d in server.get(f"/v1/collections/{collection}/documents", limit=1000)["data"]]


def kept(server, sql="SELECT * FROM kept", *values):
    """Rows of the store; the server may be running."""
    with sqlite3.connect(f"file:{server.data}/akin.db?mode=ro", uri=True) as db:
        db.row_factory = sqlite3.Row
        return [dict(r) for r in db.execute(sql, values)]


# ---- the same again ----

def test_every_post_that_writes_takes_it(server):
    for path, item in server.get("/openapi.json")["paths"].items():
        operation = item.get("post")
        if not operation or not path.startswith("/v1/"):
            continue
        takes = [p["name"] for p in operation["parameters"] if p["name"] == "Idempotency-Key"]
        writes = not set(operation["x-akin-scopes"]) & READS and path != "/v1/checks"
        assert bool(takes) == writes, path
        assert not takes or {"409", "422"} <= set(operation["responses"]), path


def test_replay(server):
    base = "/v1/collections/news"
    experiment = {"name": "e1", "variants": [{"name": "a"}, {"name": "b", "blend": "popular"}]}
    for path, body, more in [("/v1/collections", {"name": "made"}, {}), (f"{base}/documents", {"text": "once"}, {}),
                             (f"{base}/documents", [{"text": "one"}, {"text": 7}], {}), (f"{base}/documents:delete", {"ids": ["b", "none"]}, {}),
                             (f"{base}/feedback", {"user": "u", "document": "a", "type": "click"}, {"create": "true"}),
                             (f"{base}/experiments", experiment, {}), (f"{base}/experiments/e1:start", None, {}), ("/v1/backups", None, {}),
                             (f"{base}/embedding-versions", {"precision": "fp32", "dimensions": 8}, {}), (f"{base}/scores/mine", [{"user": "u", "scores": [{"document": "a", "score": 1}]}], {})]:
        key, state = fresh(), None
        first = post(server, path, body, key, **more)
        assert first.status_code in (200, 201), first.text
        for _ in range(2):
            again = post(server, path, body, key, **more)
            replayed(first, again)
            state = state or server.get("/v1/changes", limit=1000)["next_cursor"]
            assert state == server.get("/v1/changes", limit=1000)["next_cursor"]
    assert texts(server).count("once") == 1 and texts(server).count("one") == 1
    assert len(list((server.data / "backups").iterdir())) == 1


def test_another_request_with_the_key(server):
    key, path = fresh(), "/v1/collections/news/documents"
    first = post(server, path, {"text": "first"}, key)
    for body, more in [({"text": "second"}, {}), ({"text": "first"}, {"async": "true"})]:
        value = problem(post(server, path, body, key, **more), 422, says="another request")
        assert value["code"] == "idempotency_reused"
    assert "second" not in texts(server) and texts(server).count("first") == 1
    replayed(first, post(server, path, {"text": "first"}, key))
    # another path or method is another request
    assert post(server, "/v1/collections/news/documents:delete", {"ids": ["gone"]}, key).status_code == 200
    server.ask("PUT", "/v1/collections/news/documents/p", {"text": "put"}, headers={"Idempotency-Key": key}, status=201)


def test_what_is_compared_is_decoded(server):
    key, path, body = fresh(), "/v1/collections/news/documents", json.dumps({"text": "packed"}).encode()
    headers = {"Content-Type": "application/json"}
    first = post(server, path, None, key, data=body, headers=headers)
    replayed(first, post(server, path, None, f'"{key}"', data=gzip.compress(body), headers={**headers, "Content-Encoding": "gzip"}))
    assert texts(server).count("packed") == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "two words", '"', '""', '"x', 'x"y"\u00e9', '"a"b"', '"a\\"', '"' + "x" * 256 + '"', '"a";q=1'])
def test_bad_keys(server, key):
    value = problem(post(server, "/v1/collections/news/documents", {"text": "never"}, key.encode()), 422, parameter="Idempotency-Key")
    assert value["code"] == "invalid" and "255" in value["detail"]
    assert "never" not in texts(server)


def test_keys_of_any_visible_ascii(server):
    for key in ("x", "x" * 255, "".join(map(chr, range(0x21, 0x7f))), '"\\"\\\\' + "x" * 253 + '"'):
        first = post(server, "/v1/collections/news/documents", {"text": "any"}, key)
        assert first.status_code == 200, first.text
        replayed(first, post(server, "/v1/collections/news/documents", {"text": "any"}, key))
    two = server.raw_request("POST", "/v1/collections/news/documents", "Content-Type: application/json\r\nContent-Length: 2\r\n"
                             f"Authorization: Bearer {server.admin}\r\nIdempotency-Key: a\r\nIdempotency-Key: a\r\n", b"{}")
    assert two[0] == 422 and b"Idempotency-Key" in two[2]


def test_streams_take_none(server):
    answer = server.ask("POST", "/v1/collections/news/documents", data=b'{"text":"streamed"}\n',
                        headers={"Content-Type": "application/x-ndjson", "Idempotency-Key": fresh()})
    problem(answer, 422, parameter="Idempotency-Key", says="ids")
    assert "streamed" not in texts(server)


def test_it_means_nothing_elsewhere(server):
    key = fresh()
    for q in ("text", "once"):
        assert "Idempotency-Replayed" not in post(server, "/v1/collections/news/search", {"q": q}, key, status=200).headers
    post(server, "/v1/embeddings", {"model": "stub", "input": "x"}, "no key at all", status=200)
    assert not kept(server, "SELECT * FROM kept WHERE at_us > (SELECT max(at_us) FROM kept)")


def test_a_request_that_did_nothing_may_come_again(server):
    key, path = fresh(), "/v1/collections/later/documents"
    problem(post(server, path, {"text": "x"}, key), 404)
    problem(post(server, "/v1/collections", {"name": "BAD NAME"}, key), 422)
    server.collection("later")
    problem(post(server, path, {"text": 7}, key), 422)
    first = post(server, path, {"text": "right"}, key, status=200)
    replayed(first, post(server, path, {"text": "right"}, key))
    post(server, path + ":delete", {"ids": ["none"]}, key, status=200)  # nothing written: not kept
    assert "Idempotency-Replayed" not in post(server, path + ":delete", {"ids": ["none"]}, key, status=200).headers
    problem(post(server, "/v1/collections", {"name": "later"}, key), 409)  # it exists, whatever the key


def test_a_large_answer_is_not_kept(server):
    server.collection("many")
    rows = [{"text": f"row {i}"} for i in range(3000)]
    key = fresh()
    first = post(server, "/v1/collections/many/documents", rows, key, status=200, **{"async": "true"})
    assert len(first.content) > 128 << 10
    again = post(server, "/v1/collections/many/documents", rows, key, **{"async": "true"})
    value = problem(again, 409, says="answered with 200")
    assert value["code"] == "idempotency_done" and again.headers["Akin-Position"] == first.headers["Akin-Position"]
    assert "Retry-After" not in again.headers
    assert server.get("/v1/collections/many")["documents"] == 3000


def test_a_collection_of_the_same_name_is_another_one(server):
    key = fresh()
    for _ in range(2):
        server.collection("again")
        answer = post(server, "/v1/collections/again/documents", {"id": "x", "text": "x"}, key, status=200)
        assert answer.json()["data"][0]["status"] == "created" and "Idempotency-Replayed" not in answer.headers
        server.ask("DELETE", "/v1/collections/again", status=204)
        problem(post(server, "/v1/collections/again/documents", {"id": "x", "text": "x"}, key), 404)


# ---- at the same time ----

def test_the_first_one_is_still_running(remote, provider):
    server, go, came = remote(), threading.Event(), threading.Event()

    def wait(h, body):
        came.set()
        go.wait(20)
        good(h, body)

    server.collection("docs")
    provider.act = wait
    answers, path, body = {}, "/v1/collections/docs/documents", {"text": "slowly"}
    first = threading.Thread(target=lambda: answers.update(first=requests.post(server.url + path, json=body, headers={"Idempotency-Key": "k"}, timeout=30)))
    first.start()
    assert came.wait(20)
    data = json.dumps(body)  # as requests sends it
    headers = {"Content-Type": "application/json"}
    again = post(server, path, None, "k", data=data, headers=headers)
    value = problem(again, 409, says="still")
    assert value["code"] == "idempotency_running" and int(again.headers["Retry-After"]) >= 1
    problem(post(server, path, {"text": "other"}, "k"), 422, says="another request")
    go.set()
    first.join()
    assert answers["first"].status_code == 200
    replayed(answers["first"], post(server, path, None, "k", data=data, headers=headers))
    assert texts(server, "docs") == ["slowly"]


def test_many_at_once(server):
    key, answers = fresh(), []

    def send():
        answers.append(requests.post(server.url + "/v1/collections/news/documents", json={"text": "at once"},
                                     headers={"Idempotency-Key": key, "Authorization": "Bearer " + server.admin}, timeout=30))

    threads = [threading.Thread(target=send) for _ in range(12)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert {a.status_code for a in answers} <= {200, 409} and texts(server).count("at once") == 1
    done = [a for a in answers if a.status_code == 200]
    assert len({a.content for a in done}) == 1 and sum("Idempotency-Replayed" not in a.headers for a in done) == 1


def test_right_after_the_answer(server):
    """Whoever has seen the answer is given it again at once, before it is on the disk too."""
    path, refused = "/v1/collections/news/documents", []

    def send(key, body, answers):
        again = requests.post(server.url + path, json=body, headers={"Idempotency-Key": key, "Authorization": "Bearer " + server.admin}, timeout=30)
        answers.append(again)

    for _ in range(15):
        key, answers = fresh(), []
        send(key, {"text": key}, answers)
        threads = [threading.Thread(target=send, args=(key, {"text": key}, answers)) for _ in range(6)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        first, *others = answers
        assert first.status_code == 200 and len(others) == 6
        for again in others:
            replayed(first, again)
        problem(post(server, path, {"text": "other"}, key), 422, says="another request")
        assert texts(server).count(key) == 1


# ---- restarts and time ----

def age(server, us):
    """As if what is kept had been kept that long."""
    with sqlite3.connect(server.data / "akin.db") as db:
        db.execute("UPDATE kept SET at_us = at_us - ?", (us,))


def test_restart_and_expiry(server):
    key, path, body = fresh(), "/v1/collections/news/documents", {"text": "across"}
    first = post(server, path, body, key, status=200)
    assert server.stop() == 0
    age(server, DAY_US - 3600 * 1000000)
    server.start()
    replayed(first, post(server, path, body, key))
    assert server.stop() == 0
    age(server, 3600 * 1000000)
    server.start()
    wait_for(lambda: not kept(server))  # the keeper
    again = post(server, path, body, key, status=200)
    assert "Idempotency-Replayed" not in again.headers and texts(server).count("across") == 2


def test_hours_are_a_setting(make_server):
    server = make_server(flags=["--set", "server.idempotency_hours=48"])
    first = post(server, "/v1/collections", {"name": "a"}, "k", status=201)
    assert server.stop() == 0
    age(server, 47 * 3600 * 1000000)
    server.start()
    replayed(first, post(server, "/v1/collections", {"name": "a"}, "k"))


def test_killed(make_server):
    """Killed at any moment while documents without ids come: each that is sent again afterwards is there once."""
    server, chance = make_server(), random.Random(7)
    server.collection("docs")
    path, sent, outcomes = "/v1/collections/docs/documents", [], {}
    for _ in range(4):
        stop = threading.Event()

        def send(url=server.url, stop=stop):
            session = requests.Session()
            while not stop.is_set():
                key = fresh()
                sent.append(key)
                try:
                    session.post(url + path, json={"text": key}, headers={"Idempotency-Key": key}, timeout=10)
                except requests.RequestException:
                    return

        threads = [threading.Thread(target=send) for _ in range(3)]
        for t in threads:
            t.start()
        time.sleep(chance.uniform(.01, .08))
        server.process.kill()
        server.process.wait()
        stop.set()
        for t in threads:
            t.join()
        server.process.stdout.close()
        server.session.close()
        server.start()
    for key in sent:
        answer = requests.post(server.url + path, json={"text": key}, headers={"Idempotency-Key": key}, timeout=30)
        outcome = answer.json().get("code") or answer.headers.get("Idempotency-Replayed", "first")
        assert outcome in ("first", "true", "idempotency_done"), answer.text
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    found = sorted(texts(server, "docs"))
    assert found == sorted(sent), (len(found), len(sent), outcomes)
    assert outcomes.get("true")


def restarted(server):
    server.process.stdout.close()
    server.session.close()
    server.start()


def test_ended_right_after_the_answer(make_server):
    """Killed, an answer may be lost, and that it was done is not; stopped, neither."""
    server, path = make_server(), "/v1/collections/docs/documents"
    server.collection("docs")
    for kill in (True, False) * 4:
        keys = [fresh() for _ in range(3)]
        firsts = [post(server, path, {"text": key}, key, status=200) for key in keys]
        if kill:
            server.process.kill()
            server.process.wait()
            restarted(server)
        else:
            assert server.stop() == 0
            server.start()
        for key, first in zip(keys, firsts):
            again = post(server, path, {"text": key}, key)
            if kill and again.status_code == 409:
                assert problem(again, 409)["code"] == "idempotency_done"
            else:
                replayed(first, again)
            assert texts(server, "docs").count(key) == 1


def test_done_but_never_answered(server):
    """The crash that came between the write and its answer."""
    key, path, body = fresh(), "/v1/collections/news/documents", {"text": "cut off"}
    post(server, path, body, key, status=200)
    assert server.stop() == 0
    with sqlite3.connect(server.data / "akin.db") as db:
        db.execute("UPDATE kept SET state = 0, status = 0, headers = '', body = x'' WHERE at_us = (SELECT max(at_us) FROM kept)")
    server.start()
    value = problem(post(server, path, body, key), 409, says="at least in part")
    assert value["code"] == "idempotency_done" and "look with GET" in value["detail"] and texts(server).count("cut off") == 1


# ---- whose it is ----

def test_each_key_has_its_own(server):
    key, path = fresh(), "/v1/collections/news/documents"
    one, two = server.key("documents.write")["key"], server.key("documents.write")["key"]
    first = post(server, path, {"text": "of one"}, key, one, status=200)
    other = post(server, path, {"text": "of two"}, key, two, status=200)
    replayed(first, post(server, path, {"text": "of one"}, key, one))
    replayed(other, post(server, path, {"text": "of two"}, key, two))
    assert "Idempotency-Replayed" not in post(server, path, {"text": "of one"}, key, status=200).headers  # the admin


def test_rights_are_those_of_now(server):
    path, body = "/v1/collections/news/documents", {"id": "mine", "text": "mine", "attributes": {"tenant": "a"}}
    made = server.key("documents.write", filter='tenant = "a"')
    key, secret, change = fresh(), made["key"], f"/v1/keys/{made['id']}"
    first = post(server, path, body, key, secret, status=200)
    rotated = server.ask("POST", change + ":rotate", {"grace_seconds": 0}, status=200).json()["key"]
    problem(post(server, path, body, key, secret), 401)
    replayed(first, post(server, path, body, key, rotated))
    server.ask("PATCH", change, {"filter": 'tenant = "b"'}, status=200)
    problem(post(server, path, body, key, rotated), 403, says="bound otherwise")
    server.ask("PATCH", change, {"filter": 'tenant = "a"', "scopes": ["search"]}, status=200)
    problem(post(server, path, body, key, rotated), 403, says="scope")
    server.ask("PATCH", change, {"scopes": ["documents.write"], "collections": ["other"]}, status=200)
    problem(post(server, path, body, key, rotated), 403, says="collection")
    server.ask("PATCH", change, {"collections": []}, status=200)
    replayed(first, post(server, path, body, key, rotated))
    server.ask("DELETE", change, status=204)
    problem(post(server, path, body, key, rotated), 401)


def test_a_key_for_collections_makes_one(server):
    made = server.key("collections", collections=["mine", "yours"])
    key = fresh()
    first = post(server, "/v1/collections", {"name": "mine"}, key, made["key"], status=201)
    replayed(first, post(server, "/v1/collections", {"name": "mine"}, key, made["key"]))
    server.ask("PATCH", f"/v1/keys/{made['id']}", {"collections": ["yours"]}, status=200)
    problem(post(server, "/v1/collections", {"name": "mine"}, key, made["key"]), 403)


def test_secrets_are_not_kept(server):
    key = fresh()
    first = post(server, "/v1/keys", {"scopes": ["search"]}, key, status=201)
    again = post(server, "/v1/keys", {"scopes": ["search"]}, key)
    value = problem(again, 409, says="answered with 201")
    assert value["code"] == "idempotency_done" and again.headers["Location"] == first.headers["Location"]
    rotated = post(server, first.headers["Location"] + ":rotate", {"grace_seconds": 60}, key, status=200)
    problem(post(server, first.headers["Location"] + ":rotate", {"grace_seconds": 60}, key), 409, says="answered with 200")
    server.ask("GET", "/v1/collections", headers={"Authorization": "Bearer " + rotated.json()["key"]}, status=200)
    assert len([k for k in server.get("/v1/keys", limit=1000)["data"] if k["id"] == first.json()["id"]]) == 1
    for path in server.data.rglob("*"):
        for secret in (first.json()["key"], rotated.json()["key"]):
            assert not path.is_file() or secret.encode() not in path.read_bytes(), path


# ---- forgetting ----

def test_a_reader_is_forgotten(make_server):
    server = make_server()
    server.collection("home")
    server.post("/v1/collections/home/documents", {"id": "d", "text": "text"})
    gone, path = "canary-4e1b7d", "/v1/collections/home/feedback"
    key, body = f"for-{gone}", [{"event_id": f"event-{gone}", "user": gone, "document": "d", "type": "like"}]
    scores = [{"user": gone, "scores": [{"document": "d", "score": 1}]}]
    assert post(server, path, body, key, status=200).json()["failed"] == 0
    post(server, "/v1/collections/home/scores/ours", scores, key, status=200)
    post(server, path, [{"user": gone, "document": "none", "type": "like", "event_id": gone}], "refused", status=200)  # keeps nothing
    plain = post(server, "/v1/collections/home/documents", {"text": "plain"}, key, status=200)
    wait_for(lambda: [r["state"] for r in kept(server)] == [1, 1, 1])
    assert gone.encode() in kept(server)[0]["body"]
    server.ask("DELETE", f"/v1/collections/home/users/{gone}", status=204)
    assert [(r["state"], r["body"]) for r in kept(server)[:2]] == [(2, b"")] * 2

    def traces():
        return [p for p in server.data.rglob("*") if p.is_file() and gone.encode() in p.read_bytes()]

    wait_for(lambda: not traces())
    assert problem(post(server, path, body, key), 409)["code"] == "idempotency_done"  # and comes back by no retry
    assert problem(post(server, "/v1/collections/home/scores/ours", scores, key), 409)["code"] == "idempotency_done"
    assert server.get(path, user=gone)["data"] == [] and not traces()
    replayed(plain, post(server, "/v1/collections/home/documents", {"text": "plain"}, key))

    bodies = [[{**body[0], "event_id": f"{gone}-{i}"}] for i in range(3)]  # their answers are still on their way when the reader goes
    for i, body in enumerate(bodies):
        assert post(server, path, body, f"late-{i}", status=200).json()["failed"] == 0
    server.ask("DELETE", f"/v1/collections/home/users/{gone}", status=204)
    for i, body in enumerate(bodies):
        assert problem(post(server, path, body, f"late-{i}"), 409)["code"] == "idempotency_done"
    wait_for(lambda: not traces())
    assert server.stop() == 0 and not traces() and gone not in server.log()


# ---- what is told ----

def test_metrics_and_logs(server):
    def counts():
        return {m.group(1): v for n, v in server.metrics().items() if (m := re.match(r'akin_idempotent_requests_total\{result="(\w+)"\}', n))}

    before, key, path = counts(), "canary-key-77", "/v1/collections/news/documents"
    for body, secret in [({"text": "canary-body-77"}, None), ({"text": "canary-body-77"}, None), ({"text": "other"}, None)]:
        post(server, path, body, key, secret)
    after = counts()
    assert {k: after[k] - before[k] for k in after} == {"first": 1, "replayed": 1, "reused": 1, "running": 0, "done": 0, "narrowed": 0}
    assert "canary-key-77" not in server.log() and "canary-body-77" not in server.log()
    assert not [p for p in server.data.rglob("*") if p.is_file() and b"canary-key-77" in p.read_bytes()]
