"""Wrong filters, limits, seeds and vectors: each is refused with the place of the fault and what would be right, on every route that
takes it, and changes nothing."""
import json

import pytest

from conftest import problem

C = "/v1/collections/wrong"
JSON = {"Content-Type": "application/json"}
VALUES = "expected a value after"
OPERATOR = "expected = != < <= > >= IN EXISTS or a range"


@pytest.fixture(scope="module")
def dims(server):
    server.collection("wrong")
    server.post(C + "/documents", [{"id": "a", "text": "one two", "attributes": {"year": 2020, "colour": "red", "maker": {"town": "Ulm"}}},
                                   {"id": "b", "text": "three four", "lang": "en", "attributes": {"year": 2021}}])
    before = server.get(C)
    yield before["dims"]
    after = server.get(C)
    assert (after["documents"], after["revision"]) == (before["documents"], before["revision"])
    assert [d["id"] for d in server.get(C + "/documents")["data"]] == ["a", "b"]


# ---- filters ----

FILTERS = [  # filter, the character at fault from 1, what would be right there
    ("year >", 7, VALUES), ("year = ", 8, VALUES), ("year", 5, OPERATOR), ("= 3", 1, "expected a field, NOT or ("),
    ("(year > 1", 10, "expected AND, OR or )"), ("year > 1)", 9, "expected AND, OR or the end, found )"),
    ("year > 1 year < 2", 10, "expected AND, OR or the end, found year"), ("year > 1 AND", 13, "expected a field, NOT or ("),
    ("year > 1 OR OR year < 2", 13, "expected a field"), ("NOT", 4, "expected a field, NOT or ("),
    ("year IN", 8, "["), ("year IN []", 10, VALUES), ("year IN [1,2", 13, "expected , or ]"), ("year IN [1 2]", 12, "expected , or ]"),
    ("colour = \"open", 10, "no closing quote"), ("colour = 'open", 10, "no closing quote"), ("year 20 TO", 11, VALUES),
    ("year 2020", 10, "TO"), ("\u00e4\u00f6\U0001f389 =", 6, VALUES), ("(" * 40 + "year > 1" + ")" * 40, 33, "more than 32 levels"),
    ("year IN [" + ",".join("1" * 1 for _ in range(1001)) + "]", None, "1000"),
]
UNKNOWN = [  # filter, the character of the field, the field, the nearest that is known
    ("yeer > 1", 1, "yeer", "year"), ("color = red", 1, "color", "colour"), ("attributes.colr = 1", 1, "colr", "colour"),
    ("year > 1 AND (colour = red OR maker.twon = Ulm)", 31, "maker.twon", "maker.town"), ("NOT lnag = en", 5, "lnag", "lang"),
]


def everywhere(server, text):
    """The filter on each route that takes one: (answer, pointer or parameter)."""
    for path, body in (("/search", {"q": "x"}), ("/search", {"q": "x", "mode": "semantic"}), ("/search", {"q": "x", "mode": "lexical"}),
                       ("/similar", {"id": "a"}), ("/recommend", {"positive": ["a"]})):
        yield server.ask("POST", C + path, {**body, "filter": text}), {"pointer": "/filter"}
    if len(text) <= 2000:
        yield server.ask("GET", C + "/search", q="x", filter=text), {"parameter": "filter"}
        yield server.ask("GET", C + "/documents", filter=text), {"parameter": "filter"}


@pytest.mark.parametrize("text, character, says", FILTERS, ids=range(len(FILTERS)))
def test_malformed_filters(server, dims, text, character, says):
    for answer, where in everywhere(server, text):
        value = problem(answer, 422, says=says, **where)
        if character:
            assert f"character {character}:" in value["errors"][0]["detail"], value


@pytest.mark.parametrize("text, character, field, nearest", UNKNOWN)
def test_unknown_fields(server, dims, text, character, field, nearest):
    for answer, where in everywhere(server, text):
        value = problem(answer, 422, **where)
        assert value["errors"][0]["detail"].endswith(f"character {character}: no document has the field {field}; the nearest known is {nearest}")


def test_a_field_that_nothing_is_near_to(server, dims):
    value = problem(server.ask("POST", C + "/search", {"q": "x", "filter": "zzzzzzzzzzzzzzzz = 1"}), 422, pointer="/filter")
    assert "character 1: no document has the field zzzzzzzzzzzzzzzz" in value["errors"][0]["detail"]
    problem(server.ask("POST", C + "/search", {"q": "x", "filter": "year = 1 OR NOT zzzzzzzzzzzzzzzz EXISTS"}), 422, pointer="/filter", says="character 17: no document")


def test_filters_of_another_type(server, dims):
    for wrong in (5, True, ["year > 1"], {"year": 1}):
        for path, body in (("/search", {"q": "x"}), ("/similar", {"id": "a"})):
            problem(server.ask("POST", C + path, {**body, "filter": wrong}), 422, pointer="/filter", says="must be a string")
    problem(server.ask("POST", C + "/search", {"q": "x", "filter": "a" * 65537}), 422, pointer="/filter", says="65536")


# ---- limits ----

@pytest.mark.parametrize("limit, said", [(0, "0"), (1001, "1001"), (-1, "-1"), (1.5, "1.5"), (1e30, "1e+30"), ("3", "a string"),
                                         (None, "null"), (True, "a boolean"), ([3], "an array")])
def test_limits(server, dims, limit, said):
    for path, body, most in (("/search", {"q": "x"}, 1000), ("/similar", {"id": "a"}, 1000), ("/recommend", {"positive": ["a"]}, 200)):
        value = problem(server.ask("POST", C + path, {**body, "limit": limit}), 422, pointer="/limit")
        assert value["errors"] == [{"pointer": "/limit", "detail": f"must be an integer from 1 to {most}, not {said}"}]


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "1.5", "ten", "", "1e2"])
def test_limits_in_an_address(server, dims, limit):
    for path, more in (("/search", {"q": "x"}), ("/documents", {})):
        problem(server.ask("GET", C + path, limit=limit, **more), 422, parameter="limit", says="an integer from 1 to 1000")


# ---- seeds ----

@pytest.mark.parametrize("body, pointer, says", [
    ({}, "", "exactly one of id, ids, text, vector; 0 are there"),
    ({"limit": 3}, "", "exactly one of id, ids, text, vector; 0 are there"),
    ({"id": "a", "ids": ["b"]}, "", "exactly one of id, ids, text, vector; 2 are there"),
    ({"id": "a", "text": "x"}, "", "2 are there"), ({"ids": ["a"], "text": "x"}, "", "2 are there"),
    ({"id": "a", "ids": ["b"], "text": "x"}, "", "3 are there"),
    ({"id": None}, "/id", "1 to 255 bytes"), ({"id": ""}, "/id", "1 to 255 bytes"), ({"id": ["a"]}, "/id", "1 to 255 bytes"),
    ({"ids": []}, "/ids", "an array of 1 to 1000"), ({"ids": "a"}, "/ids", "an array"), ({"ids": ["a", None]}, "/ids/1", "1 to 255 bytes"),
    ({"ids": ["a"] * 1001}, "/ids", "an array of 1 to 1000"), ({"text": ""}, "/text", "1 to 100000"), ({"text": 7}, "/text", "a string"),
    ({"id": "a", "exclude": "b"}, "/exclude", "must be an array of at most 1000 items, not a string"),
    ({"id": "a", "exclude": {"b": 1}}, "/exclude", "must be an array"), ({"id": "a", "exclude": [1.5]}, "/exclude/0", "1 to 255 bytes"),
    ({"id": "a", "exclude": ["b", ""]}, "/exclude/1", "1 to 255 bytes"), ({"id": "a", "exclude": ["b"] * 1001}, "/exclude", "at most 1000"),
    ({"id": "a", "diversity": -0.1}, "/diversity", "must be a number from 0 to 1, not -0.1"),
    ({"id": "a", "diversity": 1.1}, "/diversity", "must be a number from 0 to 1, not 1.1"),
    ({"id": "a", "diversity": "much"}, "/diversity", "must be a number from 0 to 1, not a string"),
    ({"id": "a", "diversty": 0.5}, "/diversty", "did you mean diversity?"), ({"vektor": [1]}, "/vektor", "did you mean vector?"),
])
def test_similar(server, dims, body, pointer, says):
    problem(server.ask("POST", C + "/similar", body), 422, pointer=pointer, says=says)


def test_similar_to_text_and_vector(server, dims):
    problem(server.ask("POST", C + "/similar", {"text": "x", "vector": [0.1] * dims}), 422, pointer="", says="2 are there")


# ---- vectors ----

def vectors(dims):
    """The vector, the pointer below /vector, what would be right."""
    good = [0.1] * dims
    yield good[1:], "", f"{dims} numbers, the dimensions of this collection"
    yield good + [0.1], "", f"{dims} numbers, the dimensions of this collection"
    yield [0] * dims, "", "must not be all zeros"
    yield [-0.0] * dims, "", "must not be all zeros"
    yield [1e-46] * dims, "", ""  # nothing is left of it in 32 bits
    for at, wrong in ((0, "0.1"), (dims - 1, "x"), (1, None), (2, True), (3, [0.1]), (4, {})):
        yield [*good[:at], wrong, *good[at + 1:]], f"/{at}", "number"
    for wrong in (1e39, -1e39, 1e308):
        yield [*good[:5], wrong, *good[6:]], "/5", "finite number"


def test_vectors(server, dims):
    for vector, below, says in vectors(dims):
        problem(server.ask("POST", C + "/similar", {"vector": vector}), 422, pointer="/vector" + below, says=says)
        document = {"id": "v", "text": "t", "vector": vector}
        problem(server.ask("POST", C + "/documents", document), 422, pointer="/vector" + below, says=says)
        problem(server.ask("PUT", C + "/documents/a", {"text": "t", "vector": vector}), 422, pointer="/vector" + below, says=says)
        rows = server.post(C + "/documents", [document])
        assert rows["failed"] == 1 and rows["data"][0]["error"]["errors"][0]["pointer"] == "/0/vector" + below
        row = server.lines("wrong", [document])[0]
        assert row["error"]["errors"][0]["pointer"].endswith("/vector" + below) and says in json.dumps(row)
        server.ask("GET", C + "/documents/v", status=404)


@pytest.mark.parametrize("vector", ["abc", 5, True, {"0": 1}, []])
def test_vectors_that_are_no_arrays(server, dims, vector):
    problem(server.ask("POST", C + "/similar", {"vector": vector}), 422, pointer="/vector", says="must be an array of 1 to 4096")
    problem(server.ask("POST", C + "/documents", {"id": "v", "text": "t", "vector": vector}), 422, pointer="/vector", says=f"an array of {dims} numbers")


@pytest.mark.parametrize("wrong", ["NaN", "Infinity", "-Infinity", "1e999", "nan", "0x10", "01", "+1", ".5"])
def test_numbers_that_json_does_not_have(server, dims, wrong):
    numbers = "[%s]" % ",".join([wrong] + ["0.1"] * (dims - 1))
    for path, text in (("/similar", '{"vector":%s}'), ("/documents", '{"id":"v","text":"t","vector":%s}')):
        answer = server.ask("POST", C + path, data=(text % numbers).encode(), headers=JSON)
        problem(answer, 400, says="line 1, column")
    server.ask("GET", C + "/documents/v", status=404)
