"""Keys: who may do what. Every route with every scope, bounds, rotation, revocation; and that no secret is left anywhere."""
import datetime
import json
import re
import stat
import zlib

import pytest
from conftest import Keyed, Server, akin, problem, running

SCOPES = ["documents.read", "documents.write", "search", "recommend", "feedback.write", "users.read", "users.write", "embed", "train", "models",
          "events", "backup", "metrics", "collections", "keys", "admin"]
OPEN = {"/livez", "/readyz", "/health", "/openapi.json", "/", "/docs", *("/page/" + name for name in ("style.css", "page.js", "docs.css", "docs.js", "examples.json"))}
WHOLE = {"backup", "metrics"}, {"backup", "metrics", "collections", "models", "train"}  # not for who is bound to collections, by a filter
OF_COLLECTIONS = r"/(embedding-versions|recommenders|classifiers|experiments|scores|tasks|stats)\b|/users/\{id\}$"


@pytest.fixture(scope="module")
def server():
    with running(Keyed()) as s:
        for name in ("news", "blog"):
            s.collection(name)
            s.post(f"/v1/collections/{name}/documents", [{"id": str(i), "text": f"text {i}", "attributes": {"tenant": "ab"[i % 2]}} for i in range(4)])
        yield s
        s.ask("POST", "/v1/backups", status=201)
        assert s.stop() == 0
        leaks(s)


def leaks(s):
    """No file of the data directory but the first key's own, and no line of the log, has any secret that was handed out."""
    files = [p for p in s.data.rglob("*") if p.is_file() and p.name != "admin.key"] + [s.log_path]
    assert any(p.name == "akin.db" for p in files) and any("backups" in p.parts for p in files)
    secrets = [k.split("_")[2].encode() for k in s.secrets]
    for path in files:
        data = path.read_bytes()
        assert not [x for x in secrets if x in data or x[:20] in data], path


# ---- the first key ----

def test_the_first_key_is_in_a_file_of_its_own(server):
    path = server.data / "admin.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert re.fullmatch(r"akin_[a-z2-7]{12}_[0-9A-Za-z]{49}", server.admin)
    assert str(path) in server.log() and server.admin.split("_")[2] not in server.log()
    (row,) = server.get("/v1/keys")["data"]
    assert row["scopes"] == ["admin"] and row["id"] == server.admin.split("_")[1] and "key" not in row


def test_the_file_follows_its_key(tmp_path):
    """It never holds a key that does not work."""
    s = Keyed(data=tmp_path / "data").start()
    path, id = s.data / "admin.key", s.admin.split("_")[1]
    other = s.key("admin")
    for body in ({}, {"grace_seconds": 60}):
        turned = s.post(f"/v1/keys/{id}:rotate", body)["key"]
        s.session.headers["Authorization"] = "Bearer " + turned
        assert path.read_text() == turned + "\n" and stat.S_IMODE(path.stat().st_mode) == 0o600
    s.by(other["key"], "POST", f"/v1/keys/{other['id']}:rotate", {"grace_seconds": 60}, status=200)
    assert path.read_text() == turned + "\n"  # that was another one
    s.by(other["key"], "DELETE", "/v1/keys/" + id, status=204)
    assert not path.exists()
    for text, stays in ((turned, False), ("a text of somebody's own", True), (other["key"], True)):  # of a backup, say
        s.stop()
        path.write_text(text)
        Server.start(s)
        assert path.exists() == stays
    s.by(other["key"], "PATCH", "/v1/keys/" + other["id"], {"expires": "2100-01-01T00:00:00Z"}, status=200)
    assert not path.exists()  # it is to expire
    s.stop()


def test_the_checksum_is_the_one_of_zlib(server):
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    value = 0
    for c in server.admin[-6:]:
        value = value * 62 + digits.index(c)
    assert value == zlib.crc32(server.admin[:-6].encode())


def test_a_second_start_makes_no_second_one(server, tmp_path):
    with running(Keyed(data=tmp_path / "data")) as s:
        first = s.admin
        s.stop()
        assert s.start().admin == first
        assert len(s.get("/v1/keys")["data"]) == 1


# ---- every route, every scope ----

def operations(server):
    document = server.get("/openapi.json")
    assert document["components"]["securitySchemes"] == {"bearer": {"type": "http", "scheme": "bearer"},
                                                         "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"}}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


def call(server, headers, method, path, collection="news"):
    """The status for a request that can do nothing: names that do not exist, and no body."""
    path = path.replace("{c}", collection)
    path = re.sub(r"\{(task|version|recommender)\}", "999999", path)
    path = re.sub(r"\{(\w+)\}", "nothing", path)
    answer = server.session.request(method, server.url + path, headers=headers, timeout=30)
    return answer.status_code, answer


def test_every_route_with_every_scope(server):
    keys = {scope: server.key(scope, name="matrix")["key"] for scope in SCOPES}
    routes = list(operations(server))
    assert len(routes) > 80
    for method, path, operation in routes:
        wanted = operation.get("x-akin-scopes")
        is_open = path in OPEN and method == "GET"
        assert (wanted is None) == is_open and (wanted is None or wanted), path
        assert operation["security"] == ([] if is_open else [{}, {"bearer": []}, {"apiKey": []}])
        status, answer = call(server, {"Authorization": None}, method, path)
        assert (status == 401) == (not is_open), (method, path, status)
        if is_open:
            continue
        assert answer.headers["WWW-Authenticate"].startswith("Bearer") and "403" in operation["responses"]
        for scope, key in keys.items():
            if scope in ("admin", *wanted) and (path in ("/v1/backups", "/v1/checks") or method == "DELETE" and path == "/v1/collections/{c}"):
                continue  # they would
            status, answer = call(server, {"X-API-Key": key, "Authorization": None}, method, path)
            allowed = scope in wanted or scope == "admin"
            assert (status != 403) == allowed and status not in (401, 500), (method, path, scope, status, answer.text)
            if not allowed:
                detail = answer.json().get("detail") or str(answer.json()["error"])
                assert all(w in detail for w in wanted) or len(wanted) > 8


@pytest.mark.parametrize("bound,without", [({"collections": ["news"]}, WHOLE[0]), ({"filter": 'tenant = "a"'}, WHOLE[1])])
def test_who_is_bound_has_nothing_of_the_whole(server, bound, without):
    key = {"X-API-Key": server.key("admin", **bound)["key"], "Authorization": None}
    for method, path, operation in operations(server):
        wanted = set(operation.get("x-akin-scopes", ["open"]))
        if wanted <= without:
            assert call(server, key, method, path)[0] == 403, (method, path)
        elif method == "GET":
            whole = "filter" in bound and re.search(OF_COLLECTIONS, path)  # has no documents of its own that a filter could part
            assert (call(server, key, method, path)[0] == 403) == bool(whole), (method, path)


def test_another_collection_is_not_there(server):
    key = {"X-API-Key": server.key("admin", collections=["news"])["key"], "Authorization": None}
    for method, path, operation in operations(server):
        if "{c}" not in path:
            continue
        status, answer = call(server, key, method, path, "blog")
        none, missing = call(server, {"X-API-Key": server.admin, "Authorization": None}, method, path, "nowhere")
        reads = method == "GET" or operation["x-akin-scopes"] in (["search"], ["recommend"], ["documents.read"])
        assert status == (404 if reads else 403), (method, path, status)
        if reads and none == 404:
            assert answer.json()["detail"] == missing.json()["detail"].replace("nowhere", "blog")
    assert call(server, key, "GET", "/v1/collections/{c}", "news")[0] == 200


# ---- how a key is sent ----

def test_where_a_key_is_taken_from(server):
    a, b = server.key("search")["key"], server.key("search")["key"]
    path = "/v1/collections/news/search"

    def ask(headers, path=path, **params):
        return server.ask("GET", path, headers={"Authorization": None, **headers}, **{"q": "text", **params})

    assert ask({"Authorization": "Bearer " + a}).status_code == 200
    assert ask({"Authorization": "bearer  " + a}).status_code == 200
    assert ask({"X-API-Key": a}).status_code == 200
    assert ask({"X-API-Key": a, "Authorization": "Bearer " + a}).status_code == 200
    problem(ask({"X-API-Key": a, "Authorization": "Bearer " + b}), 400)
    for headers in ({}, {"Authorization": "Basic " + a}, {"Authorization": a}, {"Cookie": "key=" + a}, {"X-API-Key": ""}, {"Authorization": "Bearer "},
                    {"Authorization": "Bearer wrong"}, {"X-API-Key": a[:-1]}, {"X-API-Key": a + "x"}, {"X-API-Key": a[:-7] + "0" + a[-6:]},
                    {"X-API-Key": a.split("_")[1]}, {"X-API-Key": b[:18] + a[18:]}):
        answer = ask(headers)
        problem(answer, 401)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    for params in ({"key": a}, {"api_key": a}, {"access_token": a}, {a: "1"}):
        answer = ask({"X-API-Key": a}, **params)
        problem(answer, 400, says="header")
        problem(ask({}, **params), 400)
        assert a.split("_")[2] not in answer.text
    problem(ask({"X-API-Key": a}, path="/v1/collections/news/documents/" + a), 400)
    server.ask("GET", "/v1/" + a, status=404)


def test_two_headers_of_one_name(server):
    a, b = server.key("search")["key"], server.key("documents.read")["key"]
    for name, value in (("X-API-Key", "%s"), ("Authorization", "Bearer %s")):
        lines = "".join(f"{name}: {value % k}\r\n" for k in (a, b))
        assert server.raw_request("GET", "/v1/collections", lines)[0] == 400


# ---- what a key is bound by ----

def test_a_wider_key_is_refused(server):
    soon = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)).isoformat()
    later = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=2)).isoformat()
    bounds = {"collections": ["news"], "filter": 'tenant = "a"', "addresses": ["127.0.0.0/8"], "expires": soon}
    maker = server.key("keys", "search", **bounds)

    def refused(field, *scopes, **more):
        value = server.key(*(scopes or ["search"]), by=maker["key"], status=403, **{k: v for k, v in {**bounds, **more}.items() if v is not ...})
        assert field in [e["pointer"] for e in value["errors"]], value

    refused("/scopes", "embed")
    refused("/scopes", "search", "admin")
    refused("/collections", collections=["news", "blog"])
    refused("/collections", collections=[])
    refused("/collections", collections=...)
    for text in (..., "", 'tenant = "b"', 'tenant = "a" OR tenant = "b"', '(tenant = "a") OR (tenant = "b")'):
        refused("/filter", filter=text)
    value = server.key("search", by=maker["key"], status=422, **{**bounds, "filter": '(tenant = "a") AND (id = 1) OR (tenant = "b")'})
    assert value["errors"][0]["pointer"] == "/filter"
    refused("/addresses", addresses=["0.0.0.0/0"])
    refused("/addresses", addresses=...)
    refused("/expires", expires=later)
    refused("/expires", expires=None)
    child = server.key("search", by=maker["key"], **{**bounds, "filter": '(tenant = "a") AND (id = 0)', "addresses": ["127.0.0.1"]})
    assert child["created_by"] == maker["id"]

    # and it sees, changes, rotates and deletes none but its own kind
    ids = {k["id"] for k in server.by(maker["key"], "GET", "/v1/keys", status=200).json()["data"]}
    assert ids == {maker["id"], child["id"]}
    other = server.key("search")["id"]
    for method, path, body in (("GET", other, None), ("PATCH", other, {"name": "x"}), ("DELETE", other, None), ("POST", other + ":rotate", {})):
        problem(server.by(maker["key"], method, "/v1/keys/" + path, body), 404)
    problem(server.by(maker["key"], "PATCH", "/v1/keys/" + child["id"], {"scopes": ["search", "train"]}), 403, pointer="/scopes")
    problem(server.by(maker["key"], "PATCH", "/v1/keys/" + maker["id"], {"expires": None}), 403, pointer="/expires")
    server.by(maker["key"], "PATCH", "/v1/keys/" + child["id"], {"name": "mine"}, status=200)
    server.by(maker["key"], "DELETE", "/v1/keys/" + child["id"], status=204)
    problem(server.by(child["key"], "GET", "/v1/collections/news/search", q="text"), 401)


def test_bad_input(server):
    for body, pointer in (({}, "/scopes"), ({"scopes": []}, "/scopes"), ({"scopes": ["serach"]}, "/scopes/0"),
                          ({"scopes": ["search"], "filter": "a = "}, "/filter"), ({"scopes": ["search"], "addresses": ["here"]}, "/addresses/0"),
                          ({"scopes": ["search"], "addresses": ["10.1.2.3/8"]}, "/addresses/0"),
                          ({"scopes": ["search"], "expires": "tomorrow"}, "/expires"), ({"scopes": ["search"], "expires": "2020-01-01T00:00:00Z"}, "/expires"),
                          ({"scopes": ["search"], "collections": ["No Name"]}, "/collections/0"),
                          ({"scopes": ["search"], "collections": ["news"], "filter": "tenat = 1"}, "/filter"), ({"scopes": ["search"], "secret": "x"}, "/secret")):
        problem(server.ask("POST", "/v1/keys", body), 422, pointer=pointer)
    problem(server.ask("GET", "/v1/keys/nothing"), 404)
    problem(server.ask("POST", "/v1/keys/nothing:rotate", {}), 404)
    problem(server.ask("POST", "/v1/keys/nothing:rotate", {"grace_seconds": -1}), 422)
    server.key("search", filter="later = 1", collections=["not-yet"])  # it may come


def test_expiry(server):
    key = server.key("search")
    ask = lambda: server.by(key["key"], "GET", "/v1/collections/news/search", q="text")  # noqa: E731
    assert ask().status_code == 200
    end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=.3)
    server.ask("PATCH", "/v1/keys/" + key["id"], {"expires": end.isoformat()}, status=200)
    while datetime.datetime.now(datetime.timezone.utc) < end:
        pass
    problem(ask(), 401, says="expired")
    server.ask("PATCH", "/v1/keys/" + key["id"], {"expires": None}, status=200)
    assert ask().status_code == 200


def test_addresses(server):
    for addresses, status in ((["127.0.0.1"], 200), (["10.0.0.0/8", "127.0.0.0/8"], 200), (["10.0.0.0/8"], 403), (["::1"], 403)):
        key = server.key("search", addresses=addresses)
        assert server.by(key["key"], "GET", "/v1/collections/news/search", q="text").status_code == status


def test_rotation(server):
    first = server.key("search", name="turns")
    ask = lambda k: server.by(k["key"], "GET", "/v1/collections/news/search", q="text").status_code  # noqa: E731

    def rotate(grace):
        value = server.post(f"/v1/keys/{first['id']}:rotate", {"grace_seconds": grace})
        server.secrets.add(value["key"])
        return value

    second = rotate(3600)
    assert second["id"] == first["id"] and second["name"] == "turns" and second["key"] != first["key"] and "old_secret_until" in second
    assert ask(first) == ask(second) == 200
    third = rotate(3600)
    assert (ask(first), ask(second), ask(third)) == (401, 200, 200)
    fourth = rotate(0)
    assert (ask(third), ask(fourth)) == (401, 200) and "old_secret_until" not in fourth
    bare = lambda **more: server.ask("POST", f"/v1/keys/{first['id']}:rotate", **more)  # noqa: E731
    for headers in ({}, {"Content-Type": "application/json"}):
        fifth = bare(headers=headers, status=200).json()
        server.secrets.add(fifth["key"])
        assert (ask(fourth), ask(fifth)) == (401, 200)
        fourth = fifth
    problem(bare(data=b"grace_seconds=5"), 415)
    problem(bare(data=b"{", headers={"Content-Type": "application/json"}), 400)
    server.ask("DELETE", "/v1/keys/" + first["id"], status=204)
    assert ask(fourth) == 401
    problem(server.ask("GET", "/v1/keys/" + first["id"]), 404)


def test_change_and_list(server):
    key = server.key("search", name="a", description="b")
    assert "last_used" not in server.get("/v1/keys/" + key["id"])
    server.by(key["key"], "GET", "/v1/collections/news/search", q="text", status=200)
    value = server.get("/v1/keys/" + key["id"])
    assert value["last_used"] >= value["created"][:19] and "key" not in value
    changed = server.ask("PATCH", "/v1/keys/" + key["id"], {"scopes": ["embed"]}, status=200).json()
    assert changed["scopes"] == ["embed"] and changed["description"] == "b"
    problem(server.by(key["key"], "GET", "/v1/collections/news/search", q="text"), 403)
    ids, cursor = [], None
    while True:
        page = server.get("/v1/keys", limit=7, **({"cursor": cursor} if cursor else {}))
        assert len(page["data"]) <= 7
        ids += [k["id"] for k in page["data"]]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert ids == sorted(set(ids)) and key["id"] in ids


def test_keys_outlive_a_restart(server):
    key = server.key("search", collections=["news"], filter='tenant = "a"', addresses=["127.0.0.0/8"], name="stays")
    server.by(key["key"], "GET", "/v1/collections/news/search", q="text", status=200)
    before = server.get("/v1/keys/" + key["id"])
    assert server.stop() == 0
    server.start()
    assert server.get("/v1/keys/" + key["id"]) == before
    server.by(key["key"], "GET", "/v1/collections/news/search", q="text", status=200)


# ---- where nothing is asked for ----

def test_without_keys_strange_ones_are_let_be_and_own_ones_bind(make_server):
    s = make_server()
    assert not (s.data / "admin.key").exists()
    s.ask("GET", "/v1/keys", headers={"Authorization": "Bearer sk-of-somebody-else"}, status=200)
    key = s.post("/v1/keys", {"scopes": ["embed"]}, 201)
    s.ask("GET", "/v1/keys", status=200)
    assert s.ask("GET", "/v1/keys", headers={"X-API-Key": key["key"]}).status_code == 403
    assert s.ask("GET", "/v1/models", headers={"X-API-Key": key["key"]}).status_code == 200
    s.ask("DELETE", "/v1/keys/" + key["id"], status=204)
    assert s.ask("GET", "/v1/models", headers={"X-API-Key": key["key"]}).status_code == 401


def test_beyond_this_machine_keys_are_asked_for(make_server):
    with running(Keyed(env={}, flags=["--address", "0.0.0.0", "--tls-at-proxy", "--set", "server.trusted_proxies=127.0.0.1"])) as s:
        s.url = s.url.replace("0.0.0.0", "127.0.0.1")
        assert s.ask("GET", "/v1/collections").status_code == 200
        assert s.ask("GET", "/v1/collections", headers={"Authorization": None}).status_code == 401


# ---- the command ----

def keys(server, *arguments, **more):
    return akin("keys", *arguments, "--data", server.data, **more)


def test_the_command(server):
    out = keys(server, "create", "--scope", "search,recommend", "--scope", "embed", "-c", "news", "--filter", 'tenant = "a"', "--from", "127.0.0.0/8",
               "--expires", "2h", "--name", "shop")
    key = out.stdout.strip()
    server.secrets.add(key)
    id = key.split("_")[1]
    assert out.stdout == key + "\n" and id in out.stderr and key not in out.stderr
    value = json.loads(keys(server, "show", id, "--json").stdout)
    assert value["scopes"] == ["search", "recommend", "embed"] and value["collections"] == ["news"] and value["addresses"] == ["127.0.0.0/8"]
    assert value["name"] == "shop" and value["expires"] and value["created_by"] == server.admin.split("_")[1]
    assert "shop" in keys(server, "list").stdout and id in keys(server, "list").stdout
    new = keys(server, "rotate", id, "--grace", "60").stdout.strip()
    server.secrets.add(new)
    assert new.split("_")[1] == id and new != key
    assert "scope" in keys(server, "list", code=1, AKIN_KEY=new).stderr
    keys(server, "delete", id)
    assert "there is no key" in keys(server, "show", id, code=1).stderr


# ---- nothing is left behind ----

def test_reasons_are_counted_and_no_secret_shows(server):
    metrics = server.metrics()
    counted = {k[len('akin_auth_failures_total{reason="'):-2] for k, v in metrics.items() if k.startswith("akin_auth_failures_total")}
    assert counted == {"missing", "malformed", "wrong", "expired", "address", "url", "ambiguous", "scope", "collection"}
    assert metrics['akin_auth_failures_total{reason="scope"}'] > 0
    text = server.ask("GET", "/metrics").text + server.ask("GET", "/v1/keys").text + server.ask("GET", "/v1/changes", limit=1000).text
    assert not [k for k in server.secrets if k.split("_")[2][:20] in text]
    assert "akin_" not in re.sub(r'akin_[a-z_]+[{ ]|(HELP|TYPE) akin_[a-z_]+', "", server.ask("GET", "/metrics").text)
