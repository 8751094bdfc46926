"""Vectors of akin against ONNX Runtime fp32 on the same weights, for texts of 1 to 512 tokens, at every SIMD level.

    AKIN_BIN=build/src/main/akin AKIN_TEST_MODEL=DIR pytest tests/quality/vectors.py

Texts are cut out of this machine's package descriptions by tokens, so that every length occurs. Each
is embedded in packed batches by `akin embed`; single texts and other SIMD levels on a share of them.
Skipped where something is missing.
400 texts; 2,000 with AKIN_THOROUGH=1.
"""
import glob
import io
import json
import os
import pathlib
import random
import re
import subprocess
import sys

import pytest

np = pytest.importorskip("numpy")
pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")
pytest.importorskip("safetensors")
tokenizers = pytest.importorskip("tokenizers")
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import onnx_reference  # noqa: E402

AKIN = os.environ.get("AKIN_BIN", "build/src/main/akin")
MODEL = os.environ.get("AKIN_TEST_MODEL", "")
COUNT = int(os.environ.get("AKIN_VECTOR_TEXTS", "2000" if os.environ.get("AKIN_THOROUGH") == "1" else "400"))
LEAST = {"fp32": 0.99999, "bf16": 0.999, "int8": 0.9975}
LEAST_MEAN = {"fp32": 0.99999, "bf16": 0.9999, "int8": 0.9994}

pytestmark = [
    pytest.mark.skipif(not os.path.exists(os.path.join(MODEL, "model.safetensors")), reason="AKIN_TEST_MODEL is not set"),
    pytest.mark.skipif(not os.path.exists(AKIN), reason="AKIN_BIN is not there"),
]


def words_of_this_machine():
    words = []
    for path in sorted(glob.glob("/var/lib/apt/lists/*_Packages*")):
        text = subprocess.run(["/usr/lib/apt/apt-helper", "cat-file", path], capture_output=True, check=True).stdout
        for line in re.findall(r"^Description: (.*)$", text.decode("utf-8", "replace"), re.M):
            words += line.split()
    return words or [f"word{i} of text number {i * 7 % 13}" for i in range(5000)]


@pytest.fixture(scope="module")
def sample():
    tokenizer = tokenizers.Tokenizer.from_file(os.path.join(MODEL, "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    rng, words, texts = random.Random(3), words_of_this_machine(), []
    for i in range(COUNT):
        want = 510 - i // 4 % 510 if i % 4 == 0 else 1 + rng.randrange(40)  # tokens, without the two special ones
        at = rng.randrange(len(words))
        text = " ".join((words[at:] + words)[:want])
        spans = tokenizer.encode(text, add_special_tokens=False).offsets
        texts.append(text[:spans[min(want, len(spans)) - 1][1]] if spans else "x")
    ids = [e.ids for e in tokenizer.encode_batch(texts)]
    keep = [i for i, x in enumerate(ids) if len(x) <= 512]
    return [texts[i] for i in keep], [ids[i] for i in keep]


@pytest.fixture(scope="module")
def reference(sample, tmp_path_factory):
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    onnx_reference.build(MODEL, path)
    return onnx_reference.Reference(path, threads=os.cpu_count()).embed(sample[1], 2048)


def embed(texts, *options, **env):
    run = subprocess.run([AKIN, "embed", "--model", MODEL, "--format", "npy", *options],
                         input=("\n".join(texts) + "\n").encode(), capture_output=True, env={**os.environ, **env})
    assert run.returncode == 0, run.stderr.decode()
    return np.load(io.BytesIO(run.stdout))


def hold(vectors, reference, precision):
    cosines = np.sum(vectors.astype(np.float64) * reference.astype(np.float64), axis=1)
    print(f"{precision}: {len(cosines)} texts, cosine mean {cosines.mean():.7f}, least {cosines.min():.7f}")
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert cosines.min() >= LEAST[precision] and cosines.mean() >= LEAST_MEAN[precision]


def test_lengths_cover_the_model(sample):
    lengths = {len(x) for x in sample[1]}
    assert max(lengths) == 512 or COUNT < 2000
    assert min(lengths) <= 3


def test_fp32_in_batches(sample, reference):
    hold(embed(sample[0], "--precision", "fp32"), reference, "fp32")


def test_fp32_single(sample, reference):
    for i in range(0, len(sample[0]), max(1, len(sample[0]) // 20)):
        hold(embed([sample[0][i]], "--precision", "fp32", "--threads", "1"), reference[i:i + 1], "fp32")


@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_lower_precisions_in_batches(sample, reference, precision):
    hold(embed(sample[0], "--precision", precision), reference, precision)


# Any precision works on any processor: bf16 without bfloat16 products by widened weights, int8 by portable sums.
@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8"])
@pytest.mark.parametrize("level", ["scalar", "avx2", "avx512"])
def test_simd_levels(sample, reference, level, precision):
    share = slice(0, 24 if level == "scalar" else 100)
    try:
        vectors = embed(sample[0][share], "--precision", precision, AKIN_SIMD=level)
    except AssertionError as fault:
        if "this processor has no" in str(fault):
            pytest.skip(f"no {level} here")
        raise
    hold(vectors, reference[share], precision)


def test_auto_is_one_that_holds(sample, reference):
    run = subprocess.run([AKIN, "model", "verify", MODEL, "--json"], capture_output=True)
    assert run.returncode == 0, run.stderr.decode()
    hold(embed(sample[0], "--precision", "auto"), reference, json.loads(run.stdout)["precision"])


def test_fewer_dimensions(sample, reference):
    vectors = embed(sample[0][:50], "--precision", "fp32", "--dimensions", "64")
    cut = reference[:50, :64]
    hold(vectors, cut / np.linalg.norm(cut, axis=1, keepdims=True), "fp32")


def test_too_long_is_refused_with_the_limit():
    run = subprocess.run([AKIN, "embed", "--model", MODEL], input=b"short\n" + b"word " * 600 + b"\n", capture_output=True)
    assert run.returncode != 0
    assert b"512" in run.stderr
