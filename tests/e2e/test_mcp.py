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
    assert "structuredContent" not in result and [c["type"] for c in result["content"]] == ["text"]  # once
    return json.loads(result["content"][0]["text"])


def bad(result, status, pointer=None, says=""):
    """The problem that the route would have answered."""
    assert result["isError"] is True
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
    assert json.loads(found["content"][0]["text"])["data"][0]["id"].startswith("a") and "resultType" not in found
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

def tools(server):
    return {t["name"]: t for t in new(server, "tools/list")["result"]["tools"]}


def test_the_list(server):
    answer = send(server, {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, status=200)
    assert len(answer.content) <= 12000  # a model has all of it in its context
    result = new(server, "tools/list")["result"]
    assert [t["name"] for t in result["tools"]] == TOOLS and result["cacheScope"] == "private" and result["resultType"] == "complete"
    for t in result["tools"]:
        schema = t["inputSchema"]
        jsonschema.meta.validate(schema)
        assert schema["type"] == "object" and schema["additionalProperties"] is False and "collection" in schema["properties"]
        assert not [word for word in ("$ref", "$defs", "oneOf", "anyOf", "allOf", "pattern") if f'"{word}"' in json.dumps(schema)]
        assert t["description"] and t["title"] and "outputSchema" not in t
        hints = t["annotations"]
        assert hints["readOnlyHint"] == (t["name"] in ("search", "similar", "get_document")) and hints["destructiveHint"] == (t["name"] == "add_document")


def test_a_tool_takes_what_its_route_takes(server):
    routes = server.get("/openapi.json")["components"]["schemas"]
    bodies = {"search": "SearchRequest", "similar": "SimilarRequest", "recommend": "RecommendRequest", "give_feedback": "Feedback"}
    listed = tools(server)
    for name, body in bodies.items():
        taken, given = listed[name]["inputSchema"], routes[body]
        assert set(taken["properties"]) - {"collection"} < set(given["properties"])
        assert taken.get("required") == given.get("required")
    search = listed["search"]["inputSchema"]["properties"]
    assert search["mode"] == {"description": search["mode"]["description"], "type": "string", "enum": ["hybrid", "semantic", "lexical"], "default": "hybrid"}
    assert search["limit"]["maximum"] == routes["SearchRequest"]["properties"]["limit"]["allOf"][0]["maximum"]
    assert "one of id, ids, text." in listed["similar"]["description"]
    document = listed["add_document"]["inputSchema"]["properties"]["document"]
    assert listed["add_document"]["inputSchema"]["required"] == ["document"]
    assert set(document["properties"]) < set(routes["Document"]["properties"]) and "additionalProperties" not in document


CALLS = [("search", {"q": "garden", "limit": 2, "facets": "tenant"}), ("similar", {"id": "a1", "limit": 2}), ("similar", {"text": "flower"}),
         ("recommend", {"positive": ["a1"]}), ("recommend", {"user": "anna"}), ("get_document", {"id": "a1"}),
         ("add_document", {"document": {"id": "new", "text": "wind and rain over the coast until Friday evening", "attributes": {"collection": "x"}}}),
         ("give_feedback", {"user": "anna", "document": "a1", "type": "like"})]


def test_each_does_what_its_route_does(server):
    for name, arguments in CALLS:
        for more in ({}, {"collection": "news"}):
            assert good(tool(server, name, **arguments, **more))
    found = good(tool(server, "search", q="wind coast", mode="lexical", fields=["text", "detected_lang"]))["data"][0]
    assert found["id"] == "new" and found["document"] == {"id": "new", "text": "wind and rain over the coast until Friday evening", "detected_lang": "en"}
    assert good(tool(server, "get_document", id="new")) == server.get("/v1/collections/news/documents/new")
    assert [f["user"] for f in server.get("/v1/collections/news/feedback", document="a1")["data"]][:1] == ["anna"]
    assert good(tool(server, "add_document", document={"id": 42, "text": "a number for an id", "lang": "en"}))["data"][0]["id"] == "42"
    assert good(tool(server, "get_document", id=42))["lang"] == "en"  # a document may have more than the schema names


def test_answers_are_cut_to_what_a_model_uses():
    with running(Server()) as s:
        s.collection("long")
        texts = [f"garden {i}. " + "Rows of beans and peas grow beside the path all summer. " * 400 for i in range(25)]  # 22 kB each
        s.post("/v1/collections/long/documents", [{"id": f"d{i}", "title": f"Garden {i}", "text": t, "url": f"https://example.org/{i}", "tags": ["bed"], "year": 2000 + i,
                                                   "scores": {"semantic": 1}} for i, t in enumerate(texts)])
        s.post("/v1/collections/long/feedback", {"user": "anna", "document": "d1", "type": "like"})
        for name, arguments in (("search", {"q": "garden"}), ("similar", {"id": "d1"}), ("recommend", {"user": "anna"})):
            answer = old(s, "tools/call", {"name": name, "arguments": arguments})["result"]["content"][0]["text"]
            value = json.loads(answer)
            assert len(value["data"]) == 10 and len(answer) < 12000
            assert set(value) == {"data", "next_cursor", *(["recommendation_id"] if name == "recommend" else ["total"])}
            for hit in value["data"]:
                i = int(hit["id"][1:])  # what stands in the document itself is never cut
                assert hit["document"] == {"id": hit["id"], "title": f"Garden {i}", "url": f"https://example.org/{i}", "tags": ["bed"],
                                           "attributes": {"year": 2000 + i, "scores": {"semantic": 1}}}
                assert set(hit) == {"id", "score", "document", "source" if name == "recommend" else "snippet"}
                assert name == "recommend" or set(hit["snippet"]) == {"text"} and 0 < len(hit["snippet"]["text"]) <= 500
        wide = good(tool(s, "search", q="garden", limit=1, snippet_length=900))["data"]
        assert 500 < len(wide[0]["snippet"]["text"]) <= 900


def test_a_model_at_work():
    """Each call is held to the schema that the model was shown; all it knows else are earlier answers."""
    with running(Server()) as s:
        s.collection("recipes")
        s.collection("other")
        listed = tools(s)

        def use(name, **arguments):
            jsonschema.Draft202012Validator(listed[name]["inputSchema"]).validate(arguments)
            return tool(s, name, **arguments)

        assert "other, recipes" in bad(use("search", q="soup"), 422, "/collection")["detail"]
        for i in range(12):
            use("add_document", collection="recipes", document={
                "id": f"r{i}", "title": f"Soup {i}", "text": f"Boil the pumpkin for {i} minutes, then eat the soup.", "tags": ["soup", "even" if i % 2 == 0 else "odd"],
                "attributes": {"year": 2000 + i}})
        made = good(use("add_document", collection="recipes", document={"title": "Bread", "text": "Bake the dough until it is brown."}))["data"][0]
        assert made["status"] == "created" and made["id"]
        first = good(use("search", collection="recipes", q="pumpkin soup", facets="tags"))
        assert len(first["data"]) == 10 and {f["value"]: f["count"] for f in first["facets"]["tags"]} == {"soup": 12, "even": 6, "odd": 6}
        rest = good(use("search", collection="recipes", q="pumpkin soup", facets="tags", cursor=first["next_cursor"]))
        assert len({h["id"] for h in first["data"] + rest["data"]}) >= 12
        newest = good(use("search", collection="recipes", filter='tags = "odd" AND year >= 2005 AND NOT id = "r7"', sort="year:desc"))["data"]
        assert [h["id"] for h in newest] == ["r11", "r9", "r5"]
        good(use("add_document", collection="other", document={"lang": "en", "hidden": False, "year": 2021, "tags": ["a"], "price": 15, "author": {"name": "Li"},
                                                                "place": {"lat": 52.5, "lon": 13.4}, "text": "all that the example of a filter asks for"}))
        examples = ['lang = "en" AND (year >= 2020 OR tags IN ["a","b"]) AND NOT hidden = true', "price 10 TO 20", "author.name EXISTS", "created >= 2026-01-01",
                    "geo(place, 52.5, 13.4) <= 10km"]
        for example in examples:
            assert example in listed["search"]["inputSchema"]["properties"]["filter"]["description"]
            assert [h["document"]["attributes"]["price"] for h in good(use("search", collection="other", filter=example))["data"]] == [15]
        by_words = good(use("search", collection="recipes", q='"brown" -pumpkin', mode="lexical", limit=1))["data"]
        whole = good(use("get_document", collection="recipes", id=by_words[0]["id"]))
        assert whole["id"] == made["id"] and whole["text"].startswith("Bake")
        for arguments in ({"id": "r1"}, {"ids": ["r1", "r2"]}, {"text": "a soup"}):
            near = good(use("similar", collection="recipes", exclude=["r3"], filter="tags EXISTS", limit=12, **arguments))["data"]
            assert len(near) >= 9 and "r3" not in {h["id"] for h in near}
        good(use("give_feedback", collection="recipes", user="anna", document="r1", type="rate", value=5))
        advice = good(use("recommend", collection="recipes", user="anna", limit=3, filter="year >= 2006"))
        assert len(advice["data"]) == 3
        taken = advice["data"][0]["id"]
        good(use("give_feedback", collection="recipes", user="anna", document=taken, type="read", recommendation_id=advice["recommendation_id"]))
        assert taken not in {h["id"] for h in good(use("recommend", collection="recipes", user="anna"))["data"]}
        for arguments in ({"positive": ["r1"], "negative": ["r2"]}, {"session": ["r1", "r4"]}, {"text": "bread", "exclude": ["r1"]}):
            assert good(use("recommend", collection="recipes", fields=["text"], **arguments))["data"][0]["document"]["text"]


@pytest.mark.parametrize("name, arguments, status, pointer", [
    ("search", {"q": 5}, 422, "/q"), ("search", {"limit": 0, "q": "x"}, 422, "/limit"), ("search", {"q": "x", "nothing": 1}, 422, "/nothing"),
    ("search", {"q": "x", "filter": "nofield = 1"}, 422, "/filter"), ("search", {"q": "x", "collection": "no"}, 404, None), ("search", {"collection": "A B"}, 422, "/collection"),
    ("search", {"q": "x", "collection": 5}, 422, "/collection"), ("search", {"q": "x", "cursor": "x"}, 422, "/cursor"),
    ("similar", {}, 422, ""), ("similar", {"id": "a1", "text": "x"}, 422, ""), ("similar", {"id": "no"}, 404, None),
    ("recommend", {"limit": "x"}, 422, "/limit"), ("get_document", {}, 422, "/id"), ("get_document", {"id": "no"}, 404, None), ("get_document", {"id": ".."}, 422, "/id"),
    ("get_document", {"id": "a1", "q": "x"}, 422, "/q"), ("search", {"q": "x", "weights": {"lexical": 1, "semantic": 1}}, 422, "/weights"),
    ("similar", {"vector": [1]}, 422, "/vector"), ("recommend", {"user": "u", "pins": []}, 422, "/pins"), ("give_feedback", {"user": "u", "document": "a1", "type": "like", "event_id": "e"}, 422, "/event_id"),
    ("add_document", {}, 422, "/document"), ("add_document", {"document": []}, 422, "/document"),
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
            found = good(tool(server, "search", q="garden", mode=mode, limit=50, facets="tenant", key=ours))
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
