"""Rate limits: who takes too much is told when to come back, and the others notice nothing."""
import re
import time

import pytest
from conftest import Server, problem

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


@pytest.mark.parametrize("wrong", ["many", "", "none", "0/s", "1/w", 5])
def test_a_wrong_limit_of_a_key(general, wrong):
    problem(made(general, KEY, 422, requests=wrong), 422, "/limits/requests")


def test_a_wrong_limit_is_named():
    server = Server(flags=["--set", "limits.key=many"])
    with pytest.raises(RuntimeError, match="limits.key"):
        server.start()
    server.remove()
