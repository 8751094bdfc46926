"""/v1/embeddings and /v1/models in the shapes that OpenAI's clients expect."""
import base64
import math
import struct

import pytest

E = "/v1/embeddings"


def error(answer, status, param=None):
    assert answer.status_code == status, answer.text
    value = answer.json()["error"]
    assert set(value) >= {"message", "type", "param", "code"} and value["message"]
    assert value["trace_id"] == answer.headers["Akin-Trace-Id"]
    if param:
        assert value["param"] == param
    return value


def test_one_text(server):
    value = server.post(E, {"model": "akin", "input": "pumpkin soup"})
    assert value["object"] == "list" and value["usage"]["prompt_tokens"] == value["usage"]["total_tokens"] > 0
    one = value["data"][0]
    assert one["object"] == "embedding" and one["index"] == 0
    assert sum(x * x for x in one["embedding"]) == pytest.approx(1, abs=1e-3)
    assert value["model"] == server.get("/v1/models")["data"][0]["id"]


def test_many_texts_keep_their_order(server):
    texts = [f"text {i}" for i in range(40)]
    many = server.post(E, {"input": texts})["data"]
    assert [x["index"] for x in many] == list(range(40))
    for i in (0, 17, 39):
        assert many[i]["embedding"] == pytest.approx(server.post(E, {"input": texts[i]})["data"][0]["embedding"], abs=1e-5)


def test_base64_is_the_same_floats(server):
    floats = server.post(E, {"input": "x y z"})["data"][0]["embedding"]
    text = server.post(E, {"input": "x y z", "encoding_format": "base64"})["data"][0]["embedding"]
    raw = base64.b64decode(text, validate=True)
    assert struct.unpack(f"<{len(raw) // 4}f", raw) == pytest.approx(floats, abs=1e-7)


def test_dimensions(server):
    full = server.post(E, {"input": "x y z"})["data"][0]["embedding"]
    cut = server.post(E, {"input": "x y z", "dimensions": 8})["data"][0]["embedding"]
    length = math.sqrt(sum(x * x for x in full[:8]))
    assert cut == pytest.approx([x / length for x in full[:8]], abs=1e-5)
    error(server.ask("POST", E, {"input": "x", "dimensions": len(full) + 1}), 400, "dimensions")


def test_models(server):
    value = server.get("/v1/models")
    assert value["object"] == "list"
    name = value["data"][0]["id"]
    assert value["data"][0]["object"] == "model"
    assert server.get("/v1/models/akin")["id"] == name
    assert server.get("/v1/models/" + name)["id"] == name
    error(server.ask("GET", "/v1/models/other"), 404)
    assert server.post(E, {"model": name, "input": "x"})["model"] == name


@pytest.mark.parametrize("body, status, param", [
    ({}, 400, "input"), ({"input": ""}, 400, "input"), ({"input": []}, 400, "input"), ({"input": ["a", ""]}, 400, "input/1"),
    ({"input": 5}, 400, "input"), ({"input": [1, 2]}, 400, "input/0"), ({"input": "x", "model": "gpt-9"}, 404, "model"),
    ({"input": "x", "encoding_format": "int8"}, 400, "encoding_format"), ({"input": "x", "dimensions": 0}, 400, "dimensions"),
    ({"input": "x", "colour": 1}, 400, "colour"), ({"input": ["x"] * 2049}, 400, "input"),
])
def test_wrong(server, body, status, param):
    error(server.ask("POST", E, body), status, param)


def test_unreadable(server):
    error(server.ask("POST", E, data=b"{", headers={"Content-Type": "application/json"}), 400)
    error(server.ask("POST", E, data=b"{}", headers={"Content-Type": "text/plain"}), 415)


def test_a_text_over_the_models_limit_is_an_error_and_not_cut(server):
    limit = server.get("/v1/models/akin")["tokens_max"]
    value = error(server.ask("POST", E, {"input": ["short", "word " * (limit + 10)]}), 400)
    assert "1" in value["param"] and str(limit) in value["message"]
