"""The routes of Text Embeddings Inference in the shapes that its clients expect."""
import pytest


def error(answer, status, kind):
    assert answer.status_code == status, answer.text
    value = answer.json()
    assert value["error"] and value["error_type"] == kind
    return value["error"]


def test_embed(server):
    one = server.post("/embed", {"inputs": "pumpkin soup"})
    many = server.post("/embed", {"inputs": ["pumpkin soup", "a bowl"], "truncate": True, "truncation_direction": "Right"})
    openai = server.post("/v1/embeddings", {"input": "pumpkin soup"})["data"][0]["embedding"]
    assert len(one) == 1 and one[0] == pytest.approx(openai, abs=1e-5)
    assert len(many) == 2 and many[0] == pytest.approx(openai, abs=1e-5)
    assert len(server.post("/embed", {"inputs": "x", "dimensions": 8})[0]) == 8


def test_too_long(server):
    limit = server.get("/info")["max_input_length"]
    text = "word " * (limit + 10)
    said = error(server.ask("POST", "/embed", {"inputs": ["a", text]}), 413, "Validation")
    assert str(limit) in said and said.startswith("/inputs/1:") and "truncate" in said and "overflow" not in said
    assert len(server.post("/embed", {"inputs": ["a", text], "truncate": True})) == 2


def test_embed_all_gives_a_vector_a_token(server):
    tokens = server.post("/tokenize", {"inputs": "pumpkin soup"})[0]
    rows, other = server.post("/embed_all", {"inputs": ["pumpkin soup", "x"]})
    assert len(rows) == len(tokens) and len(rows[0]) == server.get("/v1/models/akin")["dims"] and len(other) != len(rows)
    limit = server.get("/info")["max_input_length"]
    assert str(limit) in error(server.ask("POST", "/embed_all", {"inputs": "word " * (limit + 10)}), 413, "Validation")
    assert len(server.post("/embed_all", {"inputs": "word " * (limit + 10), "truncate": True})[0]) == limit


def test_without_normalising_a_vector_is_the_mean_of_its_tokens(server):
    rows = server.post("/embed_all", {"inputs": "pumpkin soup"})[0]
    mean = [sum(column) / len(rows) for column in zip(*rows)]
    assert server.post("/embed", {"inputs": "pumpkin soup", "normalize": False})[0] == pytest.approx(mean, abs=1e-5)


def test_similarity(server):
    body = {"inputs": {"source_sentence": "soup of pumpkins", "sentences": ["soup of pumpkins", "a tram"]}}
    same, other = server.post("/similarity", body)
    assert same == pytest.approx(1, abs=1e-4) and other < same
    assert server.post("/similarity", {**body, "parameters": {"truncate": True}}) == pytest.approx([same, other], abs=1e-5)


def test_tokenize_and_decode(server):
    tokens = server.post("/tokenize", {"inputs": "Pumpkin soup"})[0]
    inside = [t for t in tokens if not t["special"]]
    assert ["Pumpkin soup"[t["start"]:t["stop"]] for t in inside] == [t["text"] for t in inside]
    assert all(t["start"] is None for t in tokens if t["special"])
    bare = server.post("/tokenize", {"inputs": ["Pumpkin soup", ""], "add_special_tokens": False})
    assert bare[0] == inside and bare[1] == []
    assert len(server.post("/decode", {"ids": [t["id"] for t in tokens]})) == 1
    assert len(server.post("/decode", {"ids": [[t["id"] for t in tokens], []]})) == 2


def test_info(server):
    value = server.get("/info")
    assert value["model_id"] == server.get("/v1/models")["data"][0]["id"] and value["model_type"]["embedding"]["pooling"]
    assert value["max_input_length"] > 0 and value["max_client_batch_size"] > 0


def test_health(server):
    """What its Docker images, charts and load balancers ask."""
    assert server.get("/health") == {"status": "ready"}
    assert server.ask("HEAD", "/health", status=200).content == b""


@pytest.mark.parametrize("path, body", [
    ("/embed", {}), ("/embed", {"inputs": 5}), ("/embed", {"inputs": []}), ("/embed", {"inputs": "x", "dimensions": 0}),
    ("/embed", {"inputs": "x", "prompt_name": "poem"}), ("/embed", {"inputs": "x", "truncation_direction": "Left"}),
    ("/embed_all", {"inputs": ["x"] * 33}),
    ("/similarity", {"inputs": {"sentences": ["a"]}}), ("/similarity", {"inputs": "x"}), ("/tokenize", {"inputs": [5]}),
    ("/decode", {"ids": "x"}), ("/decode", {"ids": [4294967295]}), ("/decode", {"ids": [[1], 2]}), ("/decode", {"ids": [2, [1]]}),
])
def test_wrong(server, path, body):
    error(server.ask("POST", path, body), 422, "Validation")
