"""`akin model`: add, list, verify, bench and remove, on a random encoder that is made here."""
import json
import os
import pathlib
import random
import struct

import pytest

from conftest import Server, akin

HIDDEN, WIDE = 16, 32
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + "red green blue car bus train apple pear plum the a of and runs".split()


def save(path, shapes):
    rng, header, data = random.Random(5), {}, b""
    for name, shape in shapes.items():
        count = shape[0] * (shape[1] if len(shape) > 1 else 1)
        gain = 1 if "LayerNorm.weight" in name else 0
        block = struct.pack(f"<{count}f", *(gain + rng.gauss(0, 0.3) for _ in range(count)))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(block)]}
        data += block
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def make(directory):
    shapes = {"embeddings.word_embeddings.weight": [len(WORDS), HIDDEN], "embeddings.position_embeddings.weight": [64, HIDDEN],
              "embeddings.token_type_embeddings.weight": [2, HIDDEN]}
    norms = ["embeddings.LayerNorm"] + [f"encoder.layer.0.{n}output.LayerNorm" for n in ("", "attention.")]
    products = {"attention.self.query": (HIDDEN, HIDDEN), "attention.self.key": (HIDDEN, HIDDEN), "attention.self.value": (HIDDEN, HIDDEN),
                "attention.output.dense": (HIDDEN, HIDDEN), "intermediate.dense": (WIDE, HIDDEN), "output.dense": (HIDDEN, WIDE)}
    for name in norms:
        shapes.update({name + ".weight": [HIDDEN], name + ".bias": [HIDDEN]})
    for name, (out, into) in products.items():
        shapes.update({f"encoder.layer.0.{name}.weight": [out, into], f"encoder.layer.0.{name}.bias": [out]})
    directory.mkdir()
    save(directory / "model.safetensors", shapes)
    (directory / "config.json").write_text(json.dumps({
        "model_type": "bert", "hidden_act": "gelu", "hidden_size": HIDDEN, "num_attention_heads": 2, "num_hidden_layers": 1,
        "intermediate_size": WIDE, "vocab_size": len(WORDS), "max_position_embeddings": 64, "type_vocab_size": 2}))
    (directory / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    return directory


@pytest.fixture
def data(tmp_path):
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def command(data, *args, code=0):
    return akin("model", *args, "--data", data, code=code)


def test_add_says_what_is_missing_and_takes_it(data, tmp_path):
    model = make(tmp_path / "plain")
    run = command(data, "add", model, code=1)
    assert "--pooling" in run.stderr
    assert os.listdir(data / "models") == []  # nothing half
    added = json.loads(command(data, "add", model, "--pooling", "cls", "--query-prefix", "the red ", "--json").stdout)
    assert (added["pooling"], added["query_prefix"], added["passage_prefix"]) == ("cls", "the red ", "")
    assert added["dims"] == HIDDEN and len(added["digest"]) == 64 and added["precision"] in ("int8", "bf16", "fp32")
    assert not (model / "packed").exists()  # the source stays as it was
    listed = [json.loads(line) for line in command(data, "list", "--json").stdout.splitlines()]
    assert [(m["name"], m["precision"]) for m in listed] == [("plain", added["precision"])]
    assert json.loads(command(data, "verify", "plain", "--json").stdout)["verified"] is True


def test_other_settings_make_another_model(data, tmp_path):
    model = make(tmp_path / "plain")
    first = json.loads(command(data, "add", model, "--pooling", "mean", "--json").stdout)
    second = json.loads(command(data, "add", data / "models/plain", "--passage-prefix", "a ", "--json").stdout)
    assert second["pooling"] == "mean" and second["digest"] != first["digest"]
    run = command(data, "add", data / "models/plain", "--pooling", "max", code=1)
    assert "mean, cls, last" in run.stderr


def test_a_broken_model_is_named_by_list_and_refused_by_verify(data, tmp_path):
    command(data, "add", make(tmp_path / "plain"), "--pooling", "mean")
    weights = data / "models/plain/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])
    assert "truncated" in command(data, "list").stderr
    assert "truncated" in command(data, "verify", "plain", code=1).stderr


def test_bench_compares(data, tmp_path):
    model = make(tmp_path / "plain")
    command(data, "add", model, "--pooling", "mean", "--name", "one")
    command(data, "add", model, "--pooling", "cls", "--name", "two")
    rng = random.Random(2)
    docs = [{"id": f"d{i}", "title": " ".join(rng.choices(WORDS[5:], k=3)), "text": " ".join(rng.choices(WORDS[5:], k=30))}
            for i in range(40)]
    (tmp_path / "docs.jsonl").write_text("\n".join(map(json.dumps, docs)) + "\n")
    out = json.loads(command(data, "bench", "one", "one", "two", "--corpus", tmp_path / "docs.jsonl", "--precision", "fp32", "--json").stdout)
    one, same, two = out["models"]
    assert out["documents"] == out["queries"] == 40
    assert one["overlap@10"] == same["overlap@10"] == 1 and abs(same["rbo"] - 1) < 1e-9
    assert 0 < two["overlap@10"] < 1 and 0 < two["rbo"] < 1
    assert one["tokens"] > 40 * 30 and one["tokens_per_second"] > 0 and one["query_p50_ms"] > 0

    # a query that is a document's text finds it, so judgments of that are met
    (tmp_path / "queries.jsonl").write_text("".join(json.dumps({"_id": f"q{i}", "text": d["title"] + "\n" + d["text"]}) + "\n"
                                                    for i, d in enumerate(docs[:5])))
    (tmp_path / "judged.tsv").write_text("query\tdocument\tgrade\n" + "".join(f"q{i}\td{i}\t1\n" for i in range(5)))
    table = command(data, "bench", "one", "--corpus", tmp_path / "docs.jsonl", "--queries", tmp_path / "queries.jsonl",
                    "--judgments", tmp_path / "judged.tsv").stdout
    assert "nDCG@10" in table and "1.0000" in table
    (tmp_path / "spaces.tsv").write_text("query document grade\nq0 0 d0\n")
    assert "line 2" in command(data, "bench", "one", "--corpus", tmp_path / "docs.jsonl", "--queries", tmp_path / "queries.jsonl",
                               "--judgments", tmp_path / "spaces.tsv", code=1).stderr
    assert "--queries" in command(data, "bench", "one", "--corpus", tmp_path / "docs.jsonl", "--judgments", tmp_path / "judged.tsv", code=1).stderr


def test_remove_asks_the_server(data, tmp_path):
    command(data, "add", make(tmp_path / "plain"), "--pooling", "mean")
    server = Server(data=data, flags=["--set", "embed.model=plain", "--model", "plain"]).start()
    try:
        made = server.session.post(server.url + "/v1/collections", json={"name": "news"})
        assert made.status_code == 201, made.text
        run = command(data, "remove", "plain", code=1)
        assert "news" in run.stderr and "--force" in run.stderr
        # a version beside the active one needs its model too: to be built, to be gone back to
        command(data, "add", make(tmp_path / "beside"), "--pooling", "cls")
        made = server.session.post(server.url + "/v1/collections/news/embedding-versions", json={"model": "beside"})
        assert made.status_code in (201, 202), made.text
        run = command(data, "remove", "beside", code=1)
        assert "news" in run.stderr and "--force" in run.stderr
    finally:
        server.stop()
    assert "no model other" in command(data, "remove", "other", code=1).stderr
    command(data, "remove", "../plain", code=1)
    # without a server the command looks itself
    assert "news" in command(data, "remove", "plain", "--model", "plain", code=1).stderr
    assert "--force" in command(data, "remove", "plain", "--model", "beside", code=1).stderr
    assert json.loads(command(data, "remove", "plain", "--force", "--json").stdout) == {"removed": "plain"}
    assert not pathlib.Path(data / "models/plain").exists()
