"""/v1/embeddings and /v1/models in the shapes that OpenAI's clients expect."""
import base64
import json
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
    ({"input": 5}, 400, "input"), ({"input": [-1]}, 400, "input/0"), ({"input": ["a", 5]}, 400, "input/1"),
    ({"input": [1, "a"]}, 400, "input/1"), ({"input": [[5], "a"]}, 400, "input/1"), ({"input": [[]]}, 400, "input/0"),
    ({"input": "x", "on_overflow": "cut"}, 400, "on_overflow"), ({"input": "x", "model": "gpt-9"}, 404, "model"),
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


def cosine(a, b):
    return sum(x * y for x, y in zip(a, b))


def test_a_text_over_the_limit_is_split_or_truncated_if_that_is_asked_for(server):
    limit = server.get("/v1/models/akin")["tokens_max"]
    words = [f"word{i}" for i in range(limit * 3)]
    split = server.post(E, {"input": ["short", " ".join(words)], "on_overflow": "split"})
    assert split["data"][1]["passages"] >= 3 and not split["data"][1]["truncated"] and split["usage"]["truncated"] == 0
    assert split["data"][1]["tokens"] >= len(words) and "passages" not in split["data"][0]
    assert sum(x["tokens"] for x in split["data"]) == split["usage"]["total_tokens"]
    cut = server.post(E, {"input": ["short", " ".join(words)], "on_overflow": "truncate"})
    assert cut["data"][1]["truncated"] and not cut["data"][0]["truncated"] and cut["usage"]["truncated"] == 1
    assert cut["data"][1]["tokens"] == limit
    # What was cut is the end: the same as the text that ends there.
    same = server.post(E, {"input": " ".join(words[:limit - 2])})["data"][0]["embedding"]
    assert cosine(cut["data"][1]["embedding"], same) > .9999
    assert sum(x * x for x in split["data"][1]["embedding"]) == pytest.approx(1, abs=1e-3)


def test_null_is_absent(server):
    plain = server.post(E, {"input": "pumpkin soup"})
    body = {"input": "pumpkin soup", **dict.fromkeys(["dimensions", "encoding_format", "user", "input_type", "on_overflow"])}
    assert server.post(E, body) == plain
    marked = server.ask("POST", E, data=b"\xef\xbb\xbf" + json.dumps(body).encode(), headers={"Content-Type": "application/json"})
    assert marked.status_code == 200 and marked.json() == plain
    error(server.ask("POST", E, {"input": None}), 400, "input")


def test_token_ids_of_the_own_vocabulary(server):
    ids = [t["id"] for t in server.post("/tokenize", {"inputs": "pumpkin soup", "add_special_tokens": False})[0]]
    text = server.post(E, {"input": "pumpkin soup"})
    one = server.post(E, {"input": ids})
    assert cosine(one["data"][0]["embedding"], text["data"][0]["embedding"]) > .99999
    assert one["usage"] == text["usage"]
    many = server.post(E, {"input": [ids, ids[:1]]})
    assert len(many["data"]) == 2 and cosine(many["data"][0]["embedding"], text["data"][0]["embedding"]) > .99999
    vocabulary = server.get("/v1/models/akin")["vocabulary"]
    assert str(vocabulary) in error(server.ask("POST", E, {"input": [5, vocabulary]}), 400, "input/0")["message"]


def test_ids_of_a_foreign_tokenizer_are_refused_with_the_remedy(server):
    name = server.get("/v1/models/akin")["id"]
    text = server.post(E, {"input": "x", "model": "text-embedding-3-small"})
    assert text["model"] == name
    for ids in ([1, 2], [[1, 2]]):
        value = error(server.ask("POST", E, {"input": ids, "model": "text-embedding-3-small"}), 400, "input")
        assert name in value["message"] and "check_embedding_ctx_length" in value["message"]
    assert server.get("/v1/models/text-embedding-ada-002")["id"] == name
