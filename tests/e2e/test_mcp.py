"""/mcp: the Model Context Protocol, spoken here as plain JSON-RPC over HTTP (`./dev peers mcp` asks with the official clients)."""
import base64
import json

import pytest
from conftest import Keyed, Server, problem, running

jsonschema = pytest.importorskip("jsonschema_rs")  # comes with schemathesis
NEW, OLD = "2026-07-28", ("2025-11-25", "2025-06-18")
TOOLS = ["search", "similar", "recommend", "get_document", "add_document", "give_feedback"]
SCOPE = {"search": "search", "similar": "search", "recommend": "recommend", "get_document": "documents.read",
         "add_document": "documents.write", "give_feedback": "feedback.write"}
META = {"io.modelcontextprotocol/protocolVersion": NEW, "io.modelcontextprotocol/clientCapabilities": {}}


@pytest.fixture(scope="module")
def server():
    with running(Keyed()) as s:
        s.collection("news")
        s.post("/v1/collections/news/documents", [
            {"id": f"{t}{i}", "text": f"{word} number{i}", "tenant": t} for t, word in (("a", "garden flower"), ("b", "garden bword")) for i in range(4)])
        yield s


def send(server, message, key=None, headers=None, status=None):
    given = dict(headers or {})
    if key:
        given["Authorization"] = "Bearer " + key
    return server.ask("POST", "/mcp", message, headers=given, status=status)


def old(server, method, params=None, status=200, **more):
    """As clients of 2025 ask, which shook hands before."""
    answer = send(server, {"jsonrpc": "2.0", "id": 7, "method": method, **({"params": params} if params is not None else {})}, status=status, **more)
    assert answer.json()["id"] == 7 and answer.json()["jsonrpc"] == "2.0"
    return answer.json()


def new(server, method, params=None, status=200, headers=None, meta=META, **more):
    given = {"MCP-Protocol-Version": NEW, "Mcp-Method": method, **({"Mcp-Name": params["name"]} if "name" in (params or {}) else {}), **(headers or {})}
    message = {"jsonrpc": "2.0", "id": "x", "method": method, "params": {**(params or {}), **({"_meta": meta} if meta is not None else {})}}
    answer = send(server, message, headers={k: v for k, v in given.items() if v is not None}, status=status, **more)
    assert answer.headers["Content-Type"] == "application/json" and "Mcp-Session-Id" not in answer.headers
    assert answer.json()["id"] == "x"
    return answer.json()


def tool(server, name, status=200, **arguments):
    key = arguments.pop("key", None)
    return new(server, "tools/call", {"name": name, "arguments": arguments}, status=status, key=key)["result"]


def good(result):
    assert result["isError"] is False and result["resultType"] == "complete"
    assert json.loads(result["content"][0]["text"]) == result["structuredContent"]
    return result["structuredContent"]


def bad(result, status, pointer=None, says=""):
    """The problem that the route would have answered."""
    assert result["isError"] is True and "structuredContent" not in result
    value = json.loads(result["content"][0]["text"])
    assert value["status"] == status and says in value["detail"], value
    assert pointer is None or value["errors"][0]["pointer"] == pointer, value
    return value


def wrong(answer, code, says=""):
    assert answer["error"]["code"] == code and says in answer["error"]["message"], answer
    return answer["error"]


# ---- the protocol ----

def test_discovery(server):
    found = new(server, "server/discover")["result"]
    assert found["supportedVersions"] == [NEW, *OLD] and found["capabilities"] == {"tools": {}} and found["instructions"]
    assert found["_meta"]["io.modelcontextprotocol/serverInfo"]["name"] == "akin" and found["ttlMs"] > 0 and found["cacheScope"] == "public"


@pytest.mark.parametrize("asked, got", [(OLD[0], OLD[0]), (OLD[1], OLD[1]), ("2024-11-05", OLD[0]), (NEW, OLD[0]), ("x", OLD[0])])
def test_older_clients_shake_hands(server, asked, got):
    result = old(server, "initialize", {"protocolVersion": asked, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}})["result"]
    assert result["protocolVersion"] == got and result["serverInfo"]["name"] == "akin" and result["capabilities"] == {"tools": {}}
    assert "resultType" not in result and "_meta" not in result
    version = {"MCP-Protocol-Version": got}
    for message in ("notifications/initialized", "notifications/cancelled", "tools/call"):  # without an id nothing is asked
        assert send(server, {"jsonrpc": "2.0", "method": message}, headers=version, status=202).content == b""
    assert old(server, "ping", headers=version)["result"] == {}
    assert [t["name"] for t in old(server, "tools/list", {}, headers=version)["result"]["tools"]] == TOOLS
    found = old(server, "tools/call", {"name": "search", "arguments": {"q": "flower", "limit": 1}}, headers=version)["result"]
    assert found["structuredContent"]["data"][0]["id"].startswith("a") and "resultType" not in found
    wrong(old(server, "resources/list", {}, headers=version), -32601)  # 200: a 404 would say that a session has ended
    wrong(old(server, "server/nothing"), -32601)
    wrong(old(server, "initialize", {}), -32602, "protocolVersion")


def test_no_stream_and_no_session(server):
    for method in ("GET", "DELETE", "PUT"):
        assert "POST" in server.ask(method, "/mcp", headers={"Mcp-Session-Id": "1", "Accept": "text/event-stream"}, status=405).headers["Allow"]
    assert old(server, "ping", headers={"Mcp-Session-Id": "anything"})["result"] == {}
    wrong(new(server, "subscriptions/listen", {"notifications": {}}, 404), -32601)


@pytest.mark.parametrize("body, code", [
    (b"", -32700), (b"{", -32700), (b'{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}', -32700), (b"[" * 100 + b"]" * 100, -32700), (b"\xff", -32700),
    (b"[]", -32600), (b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', -32600), (b"1", -32600), (b"{}", -32600),
    (b'{"jsonrpc":"1.0","id":1,"method":"ping"}', -32600), (b'{"jsonrpc":"2.0","id":1}', -32600), (b'{"jsonrpc":"2.0","id":1,"result":{}}', -32600),
    (b'{"jsonrpc":"2.0","id":1,"method":5}', -32600), (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600),
    (b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', -32600), (b'{"jsonrpc":"2.0","id":[1],"method":"ping"}', -32600),
    (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}', -32600), (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":null}', -32600)])
def test_what_is_no_request(server, body, code):
    answer = server.ask("POST", "/mcp", data=body, headers={"Content-Type": "application/json"}, status=400)
    wrong(answer.json(), code)
    assert answer.headers["Content-Type"] == "application/json" and answer.json()["id"] in (None, 1)


def test_what_http_refuses(server):
    assert wrong(server.ask("POST", "/mcp", data=b"{}", headers={"Content-Type": "text/plain"}, status=415).json(), 415)["data"]["code"] == "unsupported"
    problem(send(server, {}, headers={"Origin": "https://evil.example"}), 403)
    assert server.ask("POST", "/mcp", {}, headers={"Authorization": "Bearer x"}, status=401).headers["WWW-Authenticate"]
    wrong(server.ask("POST", "/mcp", {}, x=1, status=400).json(), -32600, "x")
    assert server.ask("POST", "/mcp", data=b" " * (11 << 20), headers={"Content-Type": "application/json"}).status_code == 413


@pytest.mark.parametrize("headers, meta, code, says", [
    ({}, None, -32602, "protocolVersion"), ({}, {}, -32602, "protocolVersion"), ({}, {**META, list(META)[0]: 5}, -32602, "a string"),
    ({}, {list(META)[0]: NEW}, -32602, "clientCapabilities"), ({}, {list(META)[0]: NEW, list(META)[1]: 1}, -32602, "an object"),
    ({"MCP-Protocol-Version": None}, META, -32020, "MCP-Protocol-Version"), ({"MCP-Protocol-Version": OLD[0]}, META, -32020, "MCP-Protocol-Version"),
    ({}, {**META, list(META)[0]: "2026-01-01"}, -32020, "MCP-Protocol-Version"),
    ({"MCP-Protocol-Version": "9"}, {**META, list(META)[0]: "9"}, -32022, "revision"),
    ({"Mcp-Method": None}, META, -32020, "Mcp-Method"), ({"Mcp-Method": "tools/list"}, META, -32020, "Mcp-Method"),
    ({"Mcp-Name": None}, META, -32020, "Mcp-Name"), ({"Mcp-Name": "Search"}, META, -32020, "Mcp-Name"),
    ({"Mcp-Name": "=?base64?" + base64.b64encode(b"similar").decode() + "?="}, META, -32020, "Mcp-Name")])
def test_headers_and_body_agree(server, headers, meta, code, says):
    error = wrong(new(server, "tools/call", {"name": "search", "arguments": {"q": "x"}}, 400, headers, meta), code, says)
    if code == -32022:
        assert error["data"] == {"supported": [NEW, *OLD], "requested": "9"}


def test_names_in_headers_may_be_coded(server):
    coded = {"Mcp-Name": "=?base64?" + base64.b64encode(b"search").decode() + "?="}
    assert new(server, "tools/call", {"name": "search", "arguments": {"q": "x"}}, headers=coded)["result"]["isError"] is False
    twice = server.raw_request("POST", "/mcp", f"Authorization: Bearer {server.admin}\r\nContent-Type: application/json\r\nContent-Length: 0\r\n")
    assert twice[0] == 400


def test_versions_and_methods(server):
    for version in ("2025-03-26", "2024-11-05", "x"):
        wrong(old(server, "ping", status=400, headers={"MCP-Protocol-Version": version}), -32022)
    for method in ("initialize", "ping", "logging/setLevel", "resources/list", "prompts/get", "nothing", ""):
        wrong(new(server, method, status=404), -32601)
    wrong(old(server, "server/discover", status=400), -32602)
    wrong(new(server, "tools/list", {"cursor": "x"}, 400), -32602, "cursor")
    assert new(server, "tools/list", {}, headers={"mcp-name": "whatever"})["result"]["tools"]


@pytest.mark.parametrize("params, says", [({"name": "nothing"}, "nothing"), ({"name": "x" * 5000}, "x"), ({}, "name"), ({"name": 5}, "name"), ({"name": ""}, "name"),
                                          ({"name": "search", "arguments": []}, "arguments"), ({"name": "search", "arguments": None}, "arguments")])
def test_calls_that_are_none(server, params, says):
    wrong(old(server, "tools/call", params), -32602, says)


# ---- the tools ----

def test_the_list(server):
    result = new(server, "tools/list")["result"]
    assert [t["name"] for t in result["tools"]] == TOOLS and result["cacheScope"] == "private" and result["resultType"] == "complete"
    routes = server.get("/openapi.json")["components"]["schemas"]
    for t in result["tools"]:
        for schema in (t["inputSchema"], t["outputSchema"]):
            jsonschema.meta.validate(schema)
            assert schema["type"] == "object" and "#/components" not in json.dumps(schema) and not {"oneOf", "anyOf", "allOf"} & set(schema)
        assert t["description"] and t["title"] and t["inputSchema"]["additionalProperties"] is False and "collection" in t["inputSchema"]["properties"]
        hints = t["annotations"]
        assert hints["readOnlyHint"] == (t["name"] in ("search", "similar", "get_document")) and hints["destructiveHint"] == (t["name"] == "add_document")
    search, similar = result["tools"][:2]
    assert set(search["inputSchema"]["properties"]) == {"collection", *routes["SearchRequest"]["properties"]}
    assert search["inputSchema"]["properties"]["limit"]["default"] == routes["SearchRequest"]["properties"]["limit"]["default"]
    assert "id, ids, text, vector" in similar["description"]
    assert result["tools"][4]["inputSchema"]["required"] == ["document"] and "Document" in result["tools"][4]["inputSchema"]["$defs"]


CALLS = [("search", {"q": "garden", "limit": 2, "facets": ["tenant"], "explain": True}), ("similar", {"id": "a1", "limit": 2}), ("similar", {"text": "flower"}),
         ("recommend", {"positive": ["a1"], "explain": True}), ("recommend", {"user": "anna"}), ("get_document", {"id": "a1"}),
         ("add_document", {"document": {"id": "new", "text": "wind and rain over the coast until Friday evening", "attributes": {"collection": "x"}}}),
         ("give_feedback", {"user": "anna", "document": "a1", "type": "like"})]


def test_each_answers_what_its_route_answers(server):
    schemas = {t["name"]: t["outputSchema"] for t in new(server, "tools/list")["result"]["tools"]}
    for name, arguments in CALLS:
        for more in ({}, {"collection": "news"}):
            jsonschema.Draft202012Validator(schemas[name]).validate(good(tool(server, name, **arguments, **more)))
    found = good(tool(server, "search", q="wind coast", mode="lexical"))
    assert found["data"][0]["id"] == "new" and found["data"][0]["document"]["detected_lang"] == "en"
    assert good(tool(server, "get_document", id="new")) == server.get("/v1/collections/news/documents/new")
    assert [f["user"] for f in server.get("/v1/collections/news/feedback", document="a1")["data"]][:1] == ["anna"]
    first = good(tool(server, "search", q="garden", limit=3))  # a route's cursor is its tool's
    second = server.post("/v1/collections/news/search", {"q": "garden", "limit": 3, "cursor": first["next_cursor"]})
    assert not {h["id"] for h in first["data"]} & {h["id"] for h in second["data"]}
    assert good(tool(server, "add_document", document={"id": 42, "text": "a number for an id"}))["data"][0]["id"] == "42"
    assert good(tool(server, "get_document", id=42))["id"] == "42"


@pytest.mark.parametrize("name, arguments, status, pointer", [
    ("search", {"q": 5}, 422, "/q"), ("search", {"limit": 0, "q": "x"}, 422, "/limit"), ("search", {"q": "x", "nothing": 1}, 422, "/nothing"),
    ("search", {"q": "x", "filter": "nofield = 1"}, 422, "/filter"), ("search", {"q": "x", "collection": "no"}, 404, None), ("search", {"collection": "A B"}, 422, "/collection"),
    ("search", {"q": "x", "collection": 5}, 422, "/collection"), ("search", {"q": "x", "cursor": "x"}, 422, "/cursor"),
    ("similar", {}, 422, ""), ("similar", {"id": "a1", "text": "x"}, 422, ""), ("similar", {"id": "no"}, 404, None),
    ("recommend", {"limit": "x"}, 422, "/limit"), ("get_document", {}, 422, "/id"), ("get_document", {"id": "no"}, 404, None), ("get_document", {"id": ".."}, 422, "/id"),
    ("get_document", {"id": "a1", "q": "x"}, 422, "/q"), ("add_document", {}, 422, "/document"), ("add_document", {"document": []}, 422, "/document"),
    ("add_document", {"document": {"title": 5}}, 422, "/document/title"), ("add_document", {"document": {"text": "x"}, "id": "x"}, 422, "/id"),
    ("give_feedback", {"user": "u", "type": "like"}, 422, "/document"), ("give_feedback", {"user": "u", "document": "no", "type": "like"}, 404, None),
    ("give_feedback", {"user": "u", "document": "a1", "type": "nothing"}, 422, "/type")])
def test_failures_are_the_routes_problems(server, name, arguments, status, pointer):
    bad(tool(server, name, **arguments), status, pointer)


def test_the_collection_may_be_left_out_where_there_is_one():
    s = Server().start()
    bad(tool(s, "search", q="x"), 404, "/collection", "no collection")
    s.collection("one")
    good(tool(s, "search", q="x"))
    s.collection("two")
    bad(tool(s, "search", q="x"), 422, "/collection", "one, two")
    good(tool(s, "search", q="x", collection="two"))
    s.ask("PUT", "/v1/aliases/current", {"collection": "two"})
    good(tool(s, "add_document", collection="current", document={"id": "a", "text": "wind"}))
    assert good(tool(s, "get_document", collection="two", id="a"))["id"] == "a"
    for i in range(9):
        s.collection(f"c{i:02}")
    assert "c07, c08, one ..." in bad(tool(s, "search", q="x"), 422)["detail"]
    assert s.stop() == 0
    s.remove()


# ---- keys ----

def test_rights(server):
    for name, arguments in CALLS:
        for scope in (*sorted(set(SCOPE.values())), "admin"):
            key = server.key(scope, name="mcp")["key"]
            result = tool(server, name, key=key, **arguments)
            listed = [t["name"] for t in new(server, "tools/list", key=key)["result"]["tools"]]
            assert listed == [t for t in TOOLS if scope in (SCOPE[t], "admin")]
            if scope in (SCOPE[name], "admin"):
                good(result)
            else:
                bad(result, 403, says=SCOPE[name])
    for scope in ("metrics", "users.read", "embed", "collections"):
        wrong(send(server, {"jsonrpc": "2.0", "id": 1, "method": "ping"}, key=server.key(scope)["key"], status=403).json(), 403, "scope")


def test_bound_keys(server):
    server.collection("other")
    try:
        bad(tool(server, "search", q="x"), 422, "/collection", "news, other")
        bad(tool(server, "recommend", positive=["a1"], key=server.key("recommend")["key"]), 422, "/collection", "several")
        assert "news" not in json.dumps(tool(server, "recommend", positive=["a1"], key=server.key("recommend")["key"]))
        ours = server.key("admin", collections=["news"], filter='tenant = "a"')["key"]
        for mode in ("hybrid", "lexical", "semantic"):
            found = good(tool(server, "search", q="garden", mode=mode, limit=50, facets=["tenant"], key=ours))
            assert {h["id"] for h in found["data"]} == {"a0", "a1", "a2", "a3"} and "bword" not in json.dumps(found)
        bad(tool(server, "get_document", id="b1", key=ours), 404)
        bad(tool(server, "similar", id="b1", key=ours), 404)
        bad(tool(server, "recommend", positive=["b1"], key=ours), 404)
        bad(tool(server, "give_feedback", user="u", document="b1", type="like", key=ours), 404)
        bad(tool(server, "add_document", document={"id": "z", "text": "x", "tenant": "b"}, key=ours), 403)
        bad(tool(server, "add_document", document={"id": "b1", "text": "x", "tenant": "a"}, key=ours), 403)
        hidden, missing = (bad(tool(server, "search", q="x", collection=c, key=ours), 404)["detail"] for c in ("other", "nowhere"))
        assert hidden.replace("other", "nowhere") == missing
        bad(tool(server, "add_document", document={"text": "x"}, collection="other", key=ours), 403)
        assert server.by(ours, "POST", "/v1/collections/other/search", {"q": "x"}, status=404).json()["detail"] == hidden
    finally:
        server.ask("DELETE", "/v1/collections/other", status=204)


def test_limits_count_and_the_log():
    s = Server(flags=["--set", "limits.user=1/h burst 2", "--set", "limits.tokens=1/h burst 5"]).start()
    s.collection("news")
    for _ in range(2):
        tool(s, "recommend", user="anna")
    assert "requests" in bad(tool(s, "recommend", user="anna"), 429)["detail"]
    tool(s, "search", q="one two three four five six seven eight")
    answer = send(s, {"jsonrpc": "2.0", "id": 1, "method": "ping"}, status=429)
    wrong(answer.json(), 429, "tokens")
    assert int(answer.headers["Retry-After"]) > 0
    line = next(x for x in s.log_lines() if x.get("tool") == "search")
    assert line["route"] == line["path"] == "/mcp" and line["status"] == 200 and "eight" not in s.log()
    assert s.stop() == 0
    s.remove()


def test_metrics(server):
    before = server.metrics()
    tool(server, "search", q="x")
    tool(server, "get_document", id="no")
    after = server.metrics()
    for name, status in (("search", 200), ("get_document", 404)):
        counter = f'akin_mcp_tool_calls_total{{tool="{name}",status="{status}"}}'
        assert after[counter] == before.get(counter, 0) + 1, [k for k in after if "mcp" in k]
    requests = 'akin_http_requests_total{method="POST",route="/mcp",status="200"}'
    assert after[requests] == before[requests] + 2
