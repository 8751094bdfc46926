"""Proxies that say who asks, pages of other origins, and settings that are read again: one server, whose file changes."""
import signal

import pytest
from conftest import Server, problem, running, wait_for

APP = "https://app.example.com"
SETTINGS = f"""
log: {{ level: info }}
server:
  trusted_proxies: [127.0.0.1, 10.0.0.0/8]
  cors: {{ origins: ["{APP}"] }}
  hosts: [search.example.com]
"""


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    path = tmp_path_factory.mktemp("network") / "akin.yaml"
    path.write_text(SETTINGS)
    return path


@pytest.fixture(scope="module")
def server(settings):
    with running(Server(flags=["--config", str(settings)])) as s:
        yield s


# ---- proxies ----

def client_of(server, headers):
    """The client's address, as the log of the request has it."""
    trace = server.ask("GET", "/livez", headers=headers, status=200).headers["Akin-Trace-Id"]
    return wait_for(lambda: [x["client"] for x in server.log_lines() if x.get("trace_id") == trace])[0]


@pytest.mark.parametrize("forwarded, client", [
    (None, "127.0.0.1"), ("192.0.2.7", "192.0.2.7"), ("198.51.100.1, 192.0.2.7", "192.0.2.7"), ("192.0.2.7, 10.1.2.3", "192.0.2.7"),
    ("6.6.6.6, 192.0.2.7, 10.1.2.3, 10.9.9.9", "192.0.2.7"), ("[2001:db8::7]:4711", "2001:db8::7"), ("192.0.2.7:80", "192.0.2.7"),
    ("6.6.6.6, nonsense", "127.0.0.1"), ("6.6.6.6, nonsense, 10.1.2.3", "10.1.2.3"), ("", "127.0.0.1"), (",", "127.0.0.1"),
])
def test_the_client_behind_proxies(server, forwarded, client):
    assert client_of(server, {"X-Forwarded-For": forwarded} if forwarded is not None else {}) == client


def test_the_other_header_does_not_count(server):
    assert client_of(server, {"Forwarded": "for=192.0.2.7"}) == "127.0.0.1"


def test_https_at_the_proxy(server):
    assert "Strict-Transport-Security" not in server.ask("GET", "/", status=200).headers
    assert "Strict-Transport-Security" in server.ask("GET", "/", headers={"X-Forwarded-Proto": "https"}, status=200).headers


def test_strangers_are_not_believed(make_server):
    server = make_server()
    answer = server.ask("GET", "/livez", headers={"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https"}, status=200)
    assert "Strict-Transport-Security" not in answer.headers
    assert wait_for(lambda: [x["client"] for x in server.log_lines() if x.get("trace_id") == answer.headers["Akin-Trace-Id"]]) == ["127.0.0.1"]


# ---- pages of other origins ----

def test_a_listed_origin_may_ask(server):
    answer = server.ask("GET", "/v1/collections", headers={"Origin": APP, "Sec-Fetch-Site": "cross-site"}, status=200)
    assert answer.headers["Access-Control-Allow-Origin"] == APP and "Origin" in answer.headers["Vary"]
    assert "ETag" in answer.headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Credentials" not in answer.headers
    problem(server.ask("POST", "/v1/collections", {"name": "?"}, headers={"Origin": APP}), 422)


def test_preflight(server):
    asked = {"Origin": APP, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "authorization,content-type"}
    answer = server.ask("OPTIONS", "/v1/collections/x/documents/y", headers=asked, status=204)
    assert answer.headers["Access-Control-Allow-Origin"] == APP and "PUT" in answer.headers["Access-Control-Allow-Methods"]
    assert {"Authorization", "Content-Type", "If-Match"} <= {x.strip() for x in answer.headers["Access-Control-Allow-Headers"].split(",")}
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("origin", ["https://evil.example", "http://app.example.com", "https://app.example.com:8443", "https://app.example.com.evil.example",
                                    "null", "https://xapp.example.com"])
def test_other_origins_may_not(server, origin):
    for method in ("GET", "OPTIONS"):
        answer = server.ask(method, "/v1/collections", headers={"Origin": origin, "Access-Control-Request-Method": "GET"})
        assert answer.status_code == 403 and "Access-Control-Allow-Origin" not in answer.headers


# ---- settings read again ----

def reload(server, settings, text, outcome):
    name = f'akin_config_reload_total{{outcome="{outcome}"}}'
    before = server.metrics()[name]
    settings.write_text(text)
    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: server.metrics()[name] == before + 1)


def last_log(server, message):
    return [x for x in server.log_lines() if message in x["message"]][-1]


def test_settings_are_read_again(server, settings):
    stamp = server.metrics()["akin_config_last_reload_success_timestamp_seconds"]
    assert stamp > 1.7e9
    reload(server, settings, SETTINGS.replace(APP, "https://new.example.com").replace("info", "warn") + "  body_bytes_max: 2048\nstore: { readers: 5 }\n", "ok")
    assert server.ask("GET", "/livez", headers={"Origin": APP}).status_code == 403
    server.ask("GET", "/livez", headers={"Origin": "https://new.example.com"}, status=200)
    problem(server.ask("POST", "/v1/collections", {"name": "a" * 3000}), 413)
    assert "store.readers" in [x["setting"] for x in server.log_lines() if "taken only at a start" in x["message"]]
    lines = len(server.log_lines())
    server.get("/livez")
    assert len(server.log_lines()) == lines  # warnings alone are logged now


def test_limits_are_read_again(server, settings):
    reload(server, settings, SETTINGS + "limits: { address: 1/h burst 7 }\n", "ok")
    answers = [server.ask("GET", "/v1/collections") for _ in range(9)]
    assert {x.status_code for x in answers} == {200, 429}
    settings.write_text(SETTINGS)
    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: server.ask("GET", "/v1/collections").status_code == 200)


@pytest.mark.parametrize("wrong, setting", [
    ("server: { deadline_ms: soon }", "server.deadline_ms"), ("server: { trusted_proxies: [10.0.0.1/8] }", "server.trusted_proxies"),
    ("server: { cors: { origins: [app.example.com] } }", "server.cors.origins"), ("server: { hosts: ['https://a.example'] }", "server.hosts"),
    ("server: { colour: red }", "server.colour"), ("server: { tls_at_proxy: true }", "server.trusted_proxies"),
    ("server: { tls: { certificate: a.pem } }", "server.tls.key"), ("server: [", None), ("limits: { key: many }", "limits.key"), ("server: { address: 0.0.0.0 }", "server."),
])
def test_a_wrong_file_changes_nothing(server, settings, wrong, setting):
    reload(server, settings, SETTINGS, "ok")
    reload(server, settings, wrong, "failed")
    said = last_log(server, "the settings are not taken")
    assert said["level"] == "error" and said["error"] and (setting is None or said["setting"].startswith(setting)), said
    server.ask("GET", "/livez", headers={"Origin": APP}, status=200)  # as before


def test_the_admin_key_is_read_again(tmp_path):
    path, first, second = tmp_path / "akin.yaml", "the-first-key-of-the-test", "the-second-key-of-the-test"
    write = lambda text: path.write_text(text) and server.process and server.process.send_signal(signal.SIGHUP)
    asked = lambda key: server.ask("GET", "/v1/collections", headers={"X-API-Key": key} if key else {}).status_code
    server = Server(flags=["--config", str(path)])
    write(f"server: {{ admin_key: {first} }}")
    server.start()
    assert [asked(k) for k in (first, second, None)] == [200, 401, 401]
    write(f"server: {{ admin_key: {second} }}")
    wait_for(lambda: asked(second) == 200)
    assert [asked(k) for k in (first, None)] == [401, 401]
    write("server: {}")
    wait_for(lambda: asked(None) == 200)  # on this machine nobody is asked
    write("auth: { required: always }")  # nobody could make a key
    wait_for(lambda: [x for x in server.log_lines() if x.get("setting") == "server.admin_key" and "not taken" in x["message"]])
    assert asked(None) == 200
    made = server.post("/v1/keys", {"scopes": ["admin"]}, 201)["key"]
    write("auth: { required: always }")
    wait_for(lambda: asked(None) == 401)
    assert asked(made) == 200 and first not in server.log() and second not in server.log()
    assert server.stop() == 0
    server.remove()
