"""What web pages and strangers must not reach: DNS rebinding, cross-site forms, text/plain posts, no key."""
import pytest
from conftest import problem

SECRET = "a-key-of-the-test-0123456789"


@pytest.fixture(scope="module", autouse=True)
def collection(server):
    server.collection("safe")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1", "[::2]",
                                  "127.0.0.1@evil.example"])
@pytest.mark.parametrize("path", ["/v1/collections", "/", "/livez", "/metrics"])
def test_a_foreign_host_is_misdirected(server, host, path):
    status, headers, _ = server.raw(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
    assert status == 421 and headers["content-type"].startswith("application/problem+json")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST"])
def test_own_hosts(server, host):
    assert server.raw(f"GET /livez HTTP/1.1\r\nHost: {host}:{server.port}\r\nConnection: close\r\n\r\n")[0] == 200


@pytest.mark.parametrize("headers", [
    {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"},
])
def test_cross_site(server, headers):
    before = server.get("/v1/collections/safe")["documents"]
    problem(server.ask("POST", "/v1/collections/safe/documents", {"text": "planted"}, headers=headers), 403)
    problem(server.ask("DELETE", "/v1/collections/safe", headers=headers), 403)
    problem(server.ask("GET", "/v1/collections", headers=headers), 403)
    assert server.get("/v1/collections/safe")["documents"] == before


def test_a_cross_site_navigation_may_open_the_page(server):
    answer = server.ask("GET", "/", headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, status=200)
    assert answer.headers["Content-Type"].startswith("text/html")


def test_own_origin(server):
    server.ask("GET", "/v1/collections", headers={"Origin": server.url, "Sec-Fetch-Site": "same-origin"}, status=200)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", None])
def test_what_a_form_can_send_is_refused(server, kind):
    body = b'{"text":"planted","x":"="}'
    problem(server.ask("POST", "/v1/collections/safe/documents", data=body, headers={"Content-Type": kind} if kind else {}), 415)


def test_no_cors_is_granted(server):
    answer = server.ask("OPTIONS", "/v1/collections", headers={"Origin": server.url, "Access-Control-Request-Method": "POST"})
    assert not [h for h in answer.headers if h.lower().startswith("access-control-")]


def test_the_page_is_locked_down(server):
    for path in ("/", "/page/style.css", "/page/page.js"):
        headers = server.ask("GET", path, status=200).headers
        policy = headers["Content-Security-Policy"]
        for part in ("default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "img-src 'self' data:",
                     "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"):
            assert part in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff" and headers["Referrer-Policy"] == "no-referrer"
    assert server.ask("GET", "/", headers={"If-None-Match": server.ask("GET", "/").headers["ETag"]}).status_code == 304


def test_smuggling(server):
    path = "/v1/collections"
    host = f"Host: 127.0.0.1:{server.port}\r\n"
    for extra in ("Content-Length: 2\r\nContent-Length: 3\r\n", "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
                  "Transfer-Encoding: gzip\r\n"):
        status, _, _ = server.raw(f"POST {path} HTTP/1.1\r\n{host}Content-Type: application/json\r\n{extra}\r\n{{}}")
        assert status == 400, extra


# ---- the key ----

@pytest.fixture
def locked(make_server):
    return make_server(env={"AKIN_SERVER__ADMIN_KEY": SECRET})


def test_the_key(locked):
    for path in ("/livez", "/readyz", "/health", "/", "/page/page.js", "/page/style.css"):
        locked.ask("GET", path, status=200)
    for path in ("/v1/collections", "/metrics", "/version", "/v1/models"):
        answer = locked.ask("GET", path)
        assert answer.status_code == 401 and answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert locked.ask("GET", path, headers={"Authorization": "Bearer wrong"}).status_code == 401
        assert locked.ask("GET", path, headers={"Authorization": "Bearer " + SECRET[:-1]}).status_code == 401
        assert locked.ask("GET", path, headers={"X-API-Key": SECRET + "x"}).status_code == 401
        assert locked.ask("GET", path, headers={"Authorization": "Basic " + SECRET}).status_code == 401
        locked.ask("GET", path, headers={"Authorization": "Bearer " + SECRET}, status=200)
        locked.ask("GET", path, headers={"X-API-Key": SECRET}, status=200)
    assert locked.ask("POST", "/v1/embeddings", {"input": "x"}).json()["error"]["type"] == "authentication_error"
    metrics = locked.ask("GET", "/metrics", headers={"X-API-Key": SECRET}).text
    assert 'akin_auth_failures_total{reason="missing"} 9' in metrics and 'akin_auth_failures_total{reason="wrong"} 12' in metrics
    assert SECRET not in locked.log()
