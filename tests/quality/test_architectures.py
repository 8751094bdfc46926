"""Encoders of BERT's shape against a plain forward pass in numpy: random models of real widths, for each architecture.

    AKIN_BIN=build/akin pytest tests/quality/test_architectures.py

The reference follows the modelling code of Hugging Face transformers; no model is downloaded.
"""
import io
import json
import math
import os
import struct
import subprocess

import pytest

np = pytest.importorskip("numpy")

AKIN = os.environ.get("AKIN_BIN", "build/akin")
pytestmark = pytest.mark.skipif(not os.path.exists(AKIN), reason="AKIN_BIN is not there")

HIDDEN, HEADS, WIDE, LAYERS, POSITIONS = 384, 6, 1536, 3, 512
WORDS = ["[CLS]", "[PAD]", "[SEP]", "[UNK]", "[MASK]"] + [a + b + c for a in "abcdef" for b in "ghijkl" for c in "mnopqrst"]
LENGTHS = (1, 2, 3, 5, 9, 17, 40, 100, 200, 508)
LEAST = {"fp32": 0.99999, "bf16": 0.999, "int8": 0.99}

BERT = {"layers": "encoder.layer.", "q": "attention.self.query", "k": "attention.self.key", "v": "attention.self.value",
        "o": "attention.output.dense", "n1": "attention.output.LayerNorm", "up": "intermediate.dense", "down": "output.dense",
        "n2": "output.LayerNorm"}
MPNET = {**BERT, "q": "attention.attn.q", "k": "attention.attn.k", "v": "attention.attn.v", "o": "attention.attn.o",
         "n1": "attention.LayerNorm"}
DISTIL = {"layers": "transformer.layer.", "q": "attention.q_lin", "k": "attention.k_lin", "v": "attention.v_lin",
          "o": "attention.out_lin", "n1": "sa_layer_norm", "up": "ffn.lin1", "down": "ffn.lin2", "n2": "output_layer_norm"}
# model_type: class, names, first position, token types
KINDS = {"bert": ("BertModel", BERT, 0, 2), "roberta": ("RobertaModel", BERT, 2, 1),
         "xlm-roberta": ("XLMRobertaModel", BERT, 2, 1), "camembert": ("CamembertModel", BERT, 2, 1),
         "mpnet": ("MPNetModel", MPNET, 2, 0), "distilbert": ("DistilBertModel", DISTIL, 0, 0)}


def tensors_of(kind):
    _, names, first, types = KINDS[kind]
    rng, t = np.random.default_rng(7), {}

    def normal(*shape, scale):
        return (rng.standard_normal(shape) * scale).astype(np.float32)

    def norm(name):
        t[name + ".weight"] = 1 + normal(HIDDEN, scale=0.2)
        t[name + ".bias"] = normal(HIDDEN, scale=0.2)

    def linear(name, out, into):
        t[name + ".weight"] = normal(out, into, scale=1.5 / math.sqrt(into))
        t[name + ".bias"] = normal(out, scale=0.1)

    t["embeddings.word_embeddings.weight"] = normal(len(WORDS), HIDDEN, scale=1)
    t["embeddings.position_embeddings.weight"] = normal(POSITIONS + first, HIDDEN, scale=0.5)
    if types:
        t["embeddings.token_type_embeddings.weight"] = normal(types, HIDDEN, scale=0.2)
    if kind == "mpnet":
        t["encoder.relative_attention_bias.weight"] = normal(32, HEADS, scale=1)
    norm("embeddings.LayerNorm")
    for i in range(LAYERS):
        p = f"{names['layers']}{i}."
        for k in "qkvo":
            linear(p + names[k], HIDDEN, HIDDEN)
        linear(p + names["up"], WIDE, HIDDEN)
        linear(p + names["down"], HIDDEN, WIDE)
        norm(p + names["n1"])
        norm(p + names["n2"])
    return t


def save(path, tensors):
    header, data = {}, b""
    for name, x in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(x.shape), "data_offsets": [len(data), len(data) + x.nbytes]}
        data += x.tobytes()
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def make(directory, kind):
    cls, _, first, types = KINDS[kind]
    tensors = tensors_of(kind)
    save(directory / "model.safetensors", tensors)
    config = {"model_type": kind, "architectures": [cls], "vocab_size": len(WORDS), "max_position_embeddings": POSITIONS + first,
              "pad_token_id": 1}
    sizes = (HIDDEN, HEADS, LAYERS, WIDE)
    if kind == "distilbert":
        config.update(zip(("dim", "n_heads", "n_layers", "hidden_dim"), sizes), activation="gelu")
    else:
        config.update(zip(("hidden_size", "num_attention_heads", "num_hidden_layers", "intermediate_size"), sizes),
                      hidden_act="gelu", layer_norm_eps=1e-12)
    if types:
        config["type_vocab_size"] = types
    if kind == "mpnet":
        config["relative_attention_num_buckets"] = 32
    (directory / "config.json").write_text(json.dumps(config))
    (directory / "1_Pooling").mkdir()
    (directory / "1_Pooling/config.json").write_text(json.dumps({"pooling_mode_mean_tokens": True}))
    (directory / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    return tensors


def bucket(distance):
    """MPNet's bucket of key - query (relative_position_bucket, 32 buckets, up to 128 apart)."""
    n, first = -distance, 0
    if n < 0:
        n, first = -n, 16
    return first + (n if n < 8 else min(15, 8 + int(np.float32(math.log(n / 8)) / math.log(16) * 8)))


def gelu(x):
    return x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def forward(kind, t, ids):
    _, names, first, types = KINDS[kind]
    t = {k: v.astype(np.float64) for k, v in t.items()}
    n = len(ids)

    def norm(name, x):
        x = x - x.mean(1, keepdims=True)
        return x / np.sqrt((x * x).mean(1, keepdims=True) + 1e-12) * t[name + ".weight"] + t[name + ".bias"]

    def linear(name, x):
        return x @ t[name + ".weight"].T + t[name + ".bias"]

    x = t["embeddings.word_embeddings.weight"][ids] + t["embeddings.position_embeddings.weight"][first:first + n]
    if types:
        x = x + t["embeddings.token_type_embeddings.weight"][0]
    x = norm("embeddings.LayerNorm", x)
    bias = 0
    if kind == "mpnet":
        by_distance = {d: bucket(d) for d in range(1 - n, n)}
        table = np.array([[by_distance[k - q] for k in range(n)] for q in range(n)])
        bias = t["encoder.relative_attention_bias.weight"][table].transpose(2, 0, 1)
    for i in range(LAYERS):
        p = f"{names['layers']}{i}."
        q, k, v = (linear(p + names[c], x).reshape(n, HEADS, -1).transpose(1, 0, 2) for c in "qkv")
        scores = q @ k.transpose(0, 2, 1) / math.sqrt(HIDDEN // HEADS) + bias
        weights = np.exp(scores - scores.max(2, keepdims=True))
        weights /= weights.sum(2, keepdims=True)
        mixed = (weights @ v).transpose(1, 0, 2).reshape(n, HIDDEN)
        x = norm(p + names["n1"], x + linear(p + names["o"], mixed))
        x = norm(p + names["n2"], x + linear(p + names["down"], gelu(linear(p + names["up"], x))))
    v = x.mean(0)
    return v / np.linalg.norm(v)


@pytest.mark.parametrize("kind", KINDS)
def test_against_a_plain_forward_pass(kind, tmp_path):
    tensors = make(tmp_path, kind)
    rng = np.random.default_rng(1)
    picks = [rng.integers(5, len(WORDS), n) for n in LENGTHS]
    texts = "\n".join(" ".join(WORDS[i] for i in p) for p in picks) + "\n"
    want = np.stack([forward(kind, tensors, [0, *p, 2]) for p in picks])
    for precision, least in LEAST.items():
        run = subprocess.run([AKIN, "embed", "--model", str(tmp_path), "--format", "npy", "--precision", precision],
                             input=texts.encode(), capture_output=True)
        assert run.returncode == 0, run.stderr.decode()
        cosines = (np.load(io.BytesIO(run.stdout)) * want).sum(1)
        print(f"{kind} {precision}: mean {cosines.mean():.7f}, least {cosines.min():.7f}")
        assert cosines.min() >= least
