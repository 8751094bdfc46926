"""Token ids of akin against those of Hugging Face `tokenizers`, text by text.

    AKIN_BIN=build/akin AKIN_TEST_MODEL=DIR pytest tests/quality/tokenizer_ids.py

DIR holds tokenizer.json. `akin tokenize --model DIR` reads a text a line and writes a JSON array of
ids a line. The texts are made here: the package descriptions of this machine's apt lists, every
code point alone and within a word, and generated hard ones. Skipped where something is missing.
"""
import glob
import json
import os
import random
import subprocess
import sys
import unicodedata

import pytest

APT_LISTS = "/var/lib/apt/lists/*_Packages*"
DEBIAN_LEAST = 50_000
SPECIALS = ["[CLS]", "[SEP]", "[MASK]", "[PAD]", "[UNK]"]
ACCENTS = [chr(c) for c in range(0x300, 0x370)]
# Combining marks that strip_accents leaves (Mc), and others whose class matters to them.
STAYING = [chr(c) for c in (0x302E, 0x302F, 0x1D165, 0x1D16D, 0x16FF0, 0x1BC9E, 0x1133C, 0x94D,
                            0x1B44, 0xA9C0, 0x111C0, 0x1715, 0x1734, 0x11938, 0x1193D, 0x8D4)]


def apt_open(path):
    helper = ["/usr/lib/apt/apt-helper", "cat-file", path]  # whatever it is compressed with
    return subprocess.run(helper, stdout=subprocess.PIPE, check=True).stdout


def debian():
    """One text a package: its name, and the short description and what else a list says in prose."""
    texts = []
    for path in sorted(glob.glob(APT_LISTS)):
        for stanza in apt_open(path).decode("utf-8", "replace").split("\n\n"):
            fields = dict(line.split(": ", 1) for line in stanza.split("\n")
                          if ": " in line and not line.startswith(" "))
            if "Description" in fields:
                texts.append(" ".join(fields.get(k, "") for k in (
                    "Package", "Description", "Maintainer", "Homepage", "Depends", "Tag")))
    return texts


def code_points():
    for c in range(0x110000):
        if not 0xD800 <= c < 0xE000 and c not in (0x0A, 0x0D):
            yield chr(c)


def random_texts(count, seed):
    r = random.Random(seed)
    valid = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000 and c not in (0x0A, 0x0D)]
    assigned = [c for c in valid if unicodedata.category(chr(c)) not in ("Cn", "Co")]
    few = [chr(c) for c in assigned if c < 0x3000]
    marks = [chr(c) for c in assigned if unicodedata.category(chr(c))[0] == "M"]
    words = ["hello", "World", "naïve", "Straße", "İstanbul", "ﬁnance", "Ǆ", "ΣΊΣΥΦΟΣ", "한국어", "東京",
             "かが", "ｶﾞ", "don't", "e\u0301te\u0301", "ﷺ", "🧑\u200d🚀", "a\u200bb", "x\u00adz", "5\u20e3"]
    kinds = [
        lambda: chr(r.choice(valid)), lambda: chr(r.choice(assigned)), lambda: r.choice(few),
        lambda: r.choice(marks), lambda: r.choice(ACCENTS), lambda: r.choice(STAYING),
        lambda: r.choice(words), lambda: r.choice(SPECIALS), lambda: chr(r.randrange(0x20, 0x7F)),
        lambda: r.choice("abcdefghij"), lambda: " ", lambda: chr(r.randrange(0x4E00, 0x4F00)),
        lambda: chr(r.randrange(0xAC00, 0xD7A4)), lambda: chr(r.randrange(0x1F300, 0x1FA00)),
    ]
    for _ in range(count):
        some = r.sample(kinds, r.randrange(1, 6))
        yield "".join(r.choice(some)() for _ in range(r.randrange(1, 60)))


def hard():
    yield from ("", " ", "[CLS] [MASK]x", "[CLS][SEP]", "x[MASK]y", "[cls]", "[ MASK ]", "[MASK", "##ing ##",
                "\t tab\x0bvt\x0cff\x1cfs\x85nel\xa0nbsp\u3000ideographic", "\ufeffbom", "a\ufffdb", "\x00nul\x00")
    for n in (99, 100, 101, 102, 1000, 100_000):
        for c in ("a", "é", "e\u0301", "中", "🙂", "가", "İ", "\u0301", "\u302e", "x "):
            yield c * n
            yield "ok " + c * n + " [SEP] ok"
    for c in code_points():
        if unicodedata.category(c)[0] == "M" and ord(c) < 0x1F000:
            yield "a" + c + "b " + c + " \u0345" + c + "\u0334x"
    for a in STAYING:
        for b in STAYING:
            yield "k" + a + b + a + "\u0301" + b + "k \u034f" + b + "\u200d" + a
    yield from random_texts(60_000, seed=1)


def by_peer(model, texts):
    tokenizers = pytest.importorskip("tokenizers")
    peer = tokenizers.Tokenizer.from_file(os.path.join(model, "tokenizer.json"))
    peer.no_truncation()
    peer.no_padding()
    for at in range(0, len(texts), 1000):
        for encoding in peer.encode_batch_fast(texts[at:at + 1000]):
            yield encoding.ids


def by_akin(binary, model, texts):
    lines = "".join(t + "\n" for t in texts).encode()
    done = subprocess.run([binary, "tokenize", "--model", model], input=lines, stdout=subprocess.PIPE,
                          check=True)
    rows = done.stdout.decode().splitlines()
    assert len(rows) == len(texts)
    return map(json.loads, rows)


def compare(texts):
    binary, model = os.environ.get("AKIN_BIN"), os.environ.get("AKIN_TEST_MODEL")
    if not binary or not model:
        pytest.skip("AKIN_BIN and AKIN_TEST_MODEL are needed")
    texts = [t for t in texts if "\n" not in t and "\r" not in t]
    wrong = [(t, a, b) for t, a, b in zip(texts, by_akin(binary, model, texts), by_peer(model, texts))
             if a != b]
    print(f"{len(texts)} texts, {len(wrong)} differ", file=sys.stderr)
    for text, ours, theirs in wrong[:5]:
        print(ascii(text[:200]), ours[:40], theirs[:40], file=sys.stderr)
    assert not wrong
    return len(texts)


def test_debian_descriptions():
    texts = debian()
    if len(texts) < DEBIAN_LEAST:
        pytest.skip("the apt lists of this machine have too few packages")
    compare(texts)


def test_every_code_point():
    compare([form % c for c in code_points() for form in ("%s", "a%sb")])


def test_hard_texts():
    compare(hard())
