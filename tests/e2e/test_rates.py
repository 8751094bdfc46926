"""Rate limits: who takes too much is told when to come back, and the others notice nothing."""
import datetime
import re
import signal
import socket
import sqlite3
import threading
import time

import pytest
from conftest import Server, problem, wait_for
from test_commands import akin

KEY = "a-key-of-the-test-0123456789"


def limited(**limits):
    flags = [x for name, value in limits.items() for x in ("--set", f"limits.{name}={value}")]
    return Server(flags=flags, env={"AKIN_SERVER__ADMIN_KEY": KEY}).start()


def close(server):
    assert server.stop() == 0
    server.remove()


def refused(answer, policy):
    problem(answer, 429, says="requests" if policy != "tokens" else "tokens")
    assert answer.json()["code"] == "rate_limited"
    assert int(answer.headers["Retry-After"]) >= 1
    assert re.search(rf'"{policy}";r=0;t=\d+', answer.headers["RateLimit"])


def asked(server, path="/v1/collections", method="GET", body=None, **more):
    return server.ask(method, path, body, headers={"Authorization": f"Bearer {KEY}"}, **more)


def test_a_key_has_a_quota():
    server = limited(key="2/h burst 3")
    for left in (2, 1, 0):
        answer = asked(server, status=200)
        assert answer.headers["RateLimit-Policy"] == '"key";q=2;w=3600'
        assert answer.headers["RateLimit"].startswith(f'"key";r={left};t=')
    answer = asked(server)
    refused(answer, "key")
    assert 1 <= int(answer.headers["Retry-After"]) <= 1800
    server.get("/livez")  # health is never limited
    close(server)


def test_keys_cannot_be_guessed_quickly():
    server = limited(address="1/h burst 2")
    for _ in range(2):
        server.ask("GET", "/v1/collections", headers={"Authorization": "Bearer wrong"}, status=401)
    refused(server.ask("GET", "/v1/collections", headers={"Authorization": "Bearer wrong"}), "address")
    refused(asked(server), "address")
    close(server)


def test_refusals_are_counted():
    server = Server(flags=["--set", "limits.address=1/h burst 1"]).start()
    server.get("/v1/collections")
    refused(server.ask("GET", "/v1/collections"), "address")
    with_limits = server.ask("GET", "/livez", status=200)
    assert "RateLimit" not in with_limits.headers
    refused(server.ask("GET", "/metrics"), "address")
    close(server)


def test_a_reader_has_a_quota():
    server = limited(user="1/h burst 2")
    asked(server, method="POST", body={"name": "news"}, status=201)
    ask = {"user": "anna", "limit": 1}
    for _ in range(2):
        asked(server, "/v1/collections/news/recommend", "POST", ask, status=200)
    refused(asked(server, "/v1/collections/news/recommend", "POST", ask), "user")
    refused(asked(server, "/v1/collections/news/users/anna/recommendations"), "user")
    asked(server, "/v1/collections/news/recommend", "POST", {"user": "ben"}, status=200)
    asked(server, "/v1/collections", status=200)
    close(server)


@pytest.mark.parametrize("how", ["documents", "import", "embeddings"])
def test_tokens_are_charged_when_they_are_known(how):
    server = limited(tokens="60/h burst 20")
    asked(server, method="POST", body={"name": "news"}, status=201)
    text = "one two three four five six seven eight nine ten " * 4
    if how == "documents":
        asked(server, "/v1/collections/news/documents", "POST", {"text": text}, status=200)
    elif how == "import":
        data = b'{"text":"%s"}\n' % text.encode()
        server.ask("POST", "/v1/collections/news/documents", data=data, status=200,
                   headers={"Authorization": f"Bearer {KEY}", "Content-Type": "application/x-ndjson"})
    else:
        asked(server, "/v1/embeddings", "POST", {"model": "stub", "input": text}, status=200)
    deadline = time.monotonic() + 10  # it is charged once the answer is on its way
    while (answer := asked(server)).status_code == 200 and time.monotonic() < deadline:
        time.sleep(0.01)
    refused(answer, "tokens")
    close(server)


@pytest.fixture(scope="module")
def general():
    s = limited(key="100/h burst 50", tokens="1e6/h burst 1000")
    yield s
    close(s)


def made(server, by=KEY, status=201, **limits):
    """A key with limits of its own."""
    scopes = ["collections", "keys", "embed"]
    answer = server.ask("POST", "/v1/keys", {"scopes": scopes, "limits": limits or None}, headers={"Authorization": f"Bearer {by}"}, status=status)
    return answer.json() if status == 201 else answer


def test_a_key_may_have_a_limit_of_its_own(general):
    mine, other = made(general, requests="2/h burst 3"), made(general)
    assert mine["limits"] == {"requests": "2/h burst 3", "tokens": None} and other["limits"] == {"requests": None, "tokens": None}
    ask = lambda k: general.ask("GET", "/v1/collections", headers={"Authorization": "Bearer " + k["key"]})
    for left in (2, 1, 0):
        answer = ask(mine)
        assert answer.status_code == 200 and answer.headers["RateLimit"].startswith(f'"key";r={left};t=')
        assert answer.headers["RateLimit-Policy"].startswith('"key";q=2;w=3600')
    refused(ask(mine), "key")
    assert ask(other).headers["RateLimit-Policy"].startswith('"key";q=100;w=3600')
    patch = lambda limits: asked(general, "/v1/keys/" + mine["id"], "PATCH", {"limits": limits}, status=200).json()["limits"]
    assert patch({"tokens": "5/m"}) == {"requests": "2/h burst 3", "tokens": "5/m"}
    assert patch({"requests": "7/h burst 200"}) == {"requests": "7/h burst 200", "tokens": "5/m"}  # wider at once, by an admin
    answer = ask(mine)
    assert answer.status_code == 200 and '"key";q=7;w=3600' in answer.headers["RateLimit-Policy"]
    assert patch(None) == {"requests": None, "tokens": None}


def test_tokens_of_a_key_of_its_own(general):
    key = made(general, tokens="60/h burst 20")["key"]
    headers = {"Authorization": "Bearer " + key}
    general.ask("POST", "/v1/embeddings", {"model": "stub", "input": "one two three four five " * 10}, headers=headers, status=200)
    deadline = time.monotonic() + 10
    while (answer := general.ask("GET", "/v1/collections", headers=headers)).status_code == 200 and time.monotonic() < deadline:
        time.sleep(0.01)
    refused(answer, "tokens")


def test_no_key_makes_one_with_a_wider_limit(general):
    narrow, wide = made(general, requests="10/h burst 20")["key"], made(general)["key"]
    for by, limits in ((narrow, {}), (narrow, {"requests": "11/h burst 1"}), (narrow, {"requests": "1/h burst 21"}), (wide, {"requests": "100/h burst 51"})):
        problem(made(general, by, 403, **limits), 403, "/limits/requests")
    problem(made(general, wide, 403, tokens="1/s burst 1001"), 403, "/limits/tokens")
    assert made(general, narrow, requests="10/h burst 20")["limits"]["requests"] == "10/h burst 20"
    wider = made(general, requests="1000/h burst 999")  # by an admin
    ask = lambda method, path: general.ask(method, path, headers={"Authorization": "Bearer " + narrow})
    problem(ask("POST", f"/v1/keys/{wider['id']}:rotate"), 404)  # nor takes one over


def by(server, key, method="GET", path="/v1/collections", body=None, **more):
    return server.ask(method, path, body, headers={"Authorization": "Bearer " + key["key"]}, **more)


def told(answer, policy="key"):
    """Quota and what is left of it."""
    return tuple(int(re.search(rf'"{policy}";{x}=(\d+)', answer.headers[h])[1]) for x, h in (("q", "RateLimit-Policy"), ("r", "RateLimit")))


def test_making_keys_multiplies_no_limit(general):
    """What a key makes takes of its limits too, and that all the way up; headers tell of the tightest."""
    top = made(general, requests="20/h burst 12")
    middle = made(general, top["key"], requests="10/h burst 5")  # 11 left of the top
    below = made(general, middle["key"], requests="9/h burst 5")  # 10, 4
    sibling = made(general, top["key"], requests="19/h burst 12")  # 9
    assert told(by(general, below, status=200)) == (10, 3)  # 8, 3; its own: 4
    assert told(by(general, middle, status=200)) == (10, 2)  # 7, 2
    assert told(by(general, sibling, status=200)) == (20, 6)
    assert told(by(general, top, status=200)) == (20, 5)
    assert [told(by(general, below, status=200)) for _ in range(2)] == [(10, 1), (10, 0)]  # 3
    answer = by(general, below)
    refused(answer, "key")
    problem(answer, 429, says="made")
    refused(by(general, middle), "key")
    assert [told(by(general, k, status=200))[1] for k in (sibling, top, sibling)] == [2, 1, 0]  # refusals took nothing further up
    for k in (sibling, top):
        refused(by(general, k), "key")
    by(general, made(general, requests="20/h burst 12"), status=200)  # an admin's keys know nothing of one another


def test_the_general_limit_is_one_of_a_key_too():
    server = limited(key="6/h burst 6")
    maker = made(server)
    children = [made(server, maker["key"]) for _ in range(3)]
    assert [told(by(server, k, status=200))[1] for k in children] == [2, 1, 0]
    for k in (*children, maker):
        refused(by(server, k), "key")
    close(server)


def test_tokens_of_what_a_key_made(general):
    maker = made(general, tokens="60/h burst 20")
    child = made(general, maker["key"], tokens="60/h burst 20")
    by(general, child, "POST", "/v1/embeddings", {"model": "stub", "input": "six seven eight nine ten " * 10}, status=200)
    deadline = time.monotonic() + 10
    while (answer := by(general, maker)).status_code == 200 and time.monotonic() < deadline:
        time.sleep(0.01)
    refused(answer, "tokens")
    refused(by(general, child), "tokens")


def test_a_key_that_is_gone_still_bounds_what_it_made(tmp_path):
    """Deleted, expired, rotated; after a start, in a store from before makers were kept, and from a backup."""
    end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=1.5)
    s = Server(data=tmp_path / "data", env={"AKIN_SERVER__ADMIN_KEY": KEY}).start()
    top = made(s, requests="30/h burst 30")
    gone = made(s, top["key"], requests="20/h burst 9")
    child, other = (made(s, gone["key"], requests="20/h burst 9") for _ in range(2))  # 7 left
    asked(s, "/v1/keys/" + gone["id"], "DELETE", status=204)
    problem(by(s, gone), 401)
    for method, path, body in (("GET", "", None), ("PATCH", "", {"name": "x"}), ("DELETE", "", None), ("POST", ":rotate", {})):
        problem(asked(s, "/v1/keys/" + gone["id"] + path, method, body), 404)
    assert {k["id"] for k in asked(s, "/v1/keys").json()["data"]} == {top["id"], child["id"], other["id"]}
    assert [told(by(s, k, status=200)) for k in (child, other)] == [(20, 6), (20, 5)]
    asked(s, f"/v1/keys/{top['id']}:rotate", "POST", {}, status=200)
    asked(s, "/v1/keys/" + top["id"], "PATCH", {"limits": {"requests": "30/h burst 30"}, "expires": end.isoformat()}, status=200)
    wait_for(lambda: datetime.datetime.now(datetime.timezone.utc) > end)
    problem(by(s, top), 401)
    assert told(by(s, child, status=200)) == (20, 4)
    backup = tmp_path / "b.akin"
    akin("backup", backup, "--url", s.url, AKIN_KEY=KEY)

    def holds(data, policy=(20, 8)):
        x = Server(data=data, env={"AKIN_SERVER__ADMIN_KEY": KEY}).start()
        answer = by(x, child, status=200)
        assert told(answer) == policy and told(by(x, other, status=200)) == (policy[0], policy[1] - 1)
        assert x.stop() == 0
        return x

    assert s.stop() == 0
    holds(s.data)
    akin("restore", backup, "--data", tmp_path / "restored")
    holds(tmp_path / "restored")
    with sqlite3.connect(s.data / "akin.db") as db:
        db.execute("UPDATE access_key SET payload = CAST(json_remove(payload, '$.within') AS BLOB)")
    holds(s.data)
    # with the last that it made the rest of it goes
    s.start()
    for k in (child, other):
        assert len(stored(s)) == 4 - (k is other)
        asked(s, "/v1/keys/" + k["id"], "DELETE", status=204)
    assert stored(s) == {top["id"]}
    close(s)


def stored(s):
    with sqlite3.connect(f"file:{s.data}/akin.db?mode=ro", uri=True) as db:
        return {x for x, in db.execute("SELECT id FROM access_key")}


def test_an_admin_is_above_limits(general):
    admin = asked(general, "/v1/keys", "POST", {"scopes": ["admin"], "limits": {"requests": "9/h burst 4"}}, status=201).json()
    mine = made(general, admin["key"], requests="30/h burst 30")
    assert told(by(general, mine, status=200)) == (30, 29)
    asked(general, "/v1/keys/" + admin["id"], "PATCH", {"scopes": ["search"]}, status=200)  # what it made as one stays so
    assert told(by(general, mine, status=200)) == (30, 28)
    maker = made(general, requests="9/h burst 4")
    child = made(general, maker["key"], requests="9/h burst 4")
    asked(general, "/v1/keys/" + maker["id"], "PATCH", {"scopes": ["admin"]}, status=200)
    assert told(by(general, child, status=200)) == (9, 3)
    asked(general, "/v1/keys/" + maker["id"], "DELETE", status=204)
    assert told(by(general, child, status=200)) == (9, 2)


def test_how_deep_keys_make_keys():
    server = limited()
    k = made(server)
    for _ in range(8):
        k = made(server, k["key"])
    by(server, k, status=200)
    problem(made(server, k["key"], 403), 403, says="8 deep")
    close(server)


@pytest.mark.parametrize("wrong", ["many", "", "none", "0/s", "1/w", 5])
def test_a_wrong_limit_of_a_key(general, wrong):
    problem(made(general, KEY, 422, requests=wrong), 422, "/limits/requests")


def test_a_wrong_limit_is_named():
    server = Server(flags=["--set", "limits.key=many"])
    with pytest.raises(RuntimeError, match="limits.key"):
        server.start()
    server.remove()


HOLD_S = 0.75  # the least that a held answer waits
AT_ONCE = 10  # refusals that wait for nothing, at first and a second


def head(key, path="/v1/collections"):
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n\r\n".encode()


def heard(s):
    """The head of an answer; its body is read too."""
    got = b""
    while b"\r\n\r\n" not in got:
        piece = s.recv(65536)
        if not piece:
            return b""
        got += piece
    top, _, body = got.partition(b"\r\n\r\n")
    while len(body) < int(re.search(rb"Content-Length: (\d+)", top).group(1)):
        body += s.recv(65536)
    return top


def flood(server, key, connections, seconds):
    """Clients that ask again as soon as they are answered: how often they were refused, and for how long they asked."""
    refused, began = [], time.monotonic()

    def client():
        with socket.create_connection((server.host, server.port), timeout=20) as s:
            while time.monotonic() < began + seconds:
                s.sendall(head(key))
                refused.append(heard(s).startswith(b"HTTP/1.1 429"))

    threads = [threading.Thread(target=client) for _ in range(connections)]
    [t.start() for t in threads]
    yield threads
    [t.join() for t in threads]
    yield sum(refused), time.monotonic() - began


def counted(server, name, policy):
    metrics = server.ask("GET", "/metrics", headers={"Authorization": f"Bearer {KEY}"}, status=200).text
    found = re.search(rf'{name}{{policy="{policy}"}} (\d+)', metrics)
    return int(found.group(1)) if found else None


def held(server, policy):
    return counted(server, "akin_rate_limit_held_total", policy)


@pytest.mark.parametrize("policy", ["key", "address"])
def test_who_asks_on_and_on_is_answered_later(policy):
    server = limited(**({"address": "1000/h burst 20"} if policy == "address" else {}))
    noisy, quiet = (made(server, requests="1/h burst 1")["key"], made(server)["key"]) if policy == "key" else ("wrong", None)
    run = flood(server, noisy, 4, 2)
    for thread in next(run):
        while quiet and thread.is_alive():
            server.ask("GET", "/v1/collections", headers={"Authorization": f"Bearer {quiet}"}, status=200)
    refused, seconds = next(run)
    assert AT_ONCE < refused <= AT_ONCE * (1 + seconds) + 4 * (seconds / HOLD_S + 1)
    if policy == "key":
        assert 0 < held(server, "key") <= refused
    close(server)


def test_a_reader_holds_up_nobody():
    """Who asks for many readers is not kept waiting for one of them."""
    server = limited(user="1/h burst 1")
    asked(server, method="POST", body={"name": "news"}, status=201)
    for _ in range(3 * AT_ONCE):
        answer = asked(server, "/v1/collections/news/recommend", "POST", {"user": "anna"})
    refused(answer, "user")
    assert held(server, "user") is None and held(server, "key") == 0
    close(server)


def test_what_is_held_goes_with_the_server():
    server = limited()
    key = made(server, requests="1/h burst 1")["key"]
    server.ask("GET", "/v1/collections", headers={"Authorization": f"Bearer {key}"}, status=200)
    peers = [socket.create_connection((server.host, server.port), timeout=20) for _ in range(40)]
    for s in peers:
        s.sendall(head(key))
    for s in peers[30:]:
        s.close()
    wait_for(lambda: counted(server, "akin_rate_limited_total", "key") == 40, 20)
    server.process.send_signal(signal.SIGTERM)
    for s in peers[:30]:
        assert heard(s).startswith(b"HTTP/1.1 429")
        assert s.recv(1) == b""  # closed, idle or with its answer
        s.close()
    assert server.stop() == 0
    server.remove()
