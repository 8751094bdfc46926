"""Token ids and byte offsets of akin against those of Hugging Face `tokenizers`, text by text; and decoding.

    AKIN_BUILD=build AKIN_TEST_MODEL=DIR AKIN_STATE=DIR pytest tests/quality/test_tokenizer_ids.py

`bench_tokenize` of the build reads texts and writes ids and offsets. AKIN_TEST_MODEL is a WordPiece model; the others
are trained here, a second or two each: byte-level BPE as RoBERTa, GPT-2, Llama and CLIP have it, Unigram as XLM-R and
ALBERT, WordPiece with other rules. models/multilingual-e5-small in AKIN_STATE is compared too, and lends its charsmap
(without it, a small one made here). The texts: the package descriptions of this machine's apt lists, texts in several
scripts, every code point alone and within a word, and generated hard ones. Skipped where something is missing. Each is
compared on a seeded share of the texts; AKIN_THOROUGH=1 takes them all (half an hour).
"""
import base64
import functools
import glob
import json
import os
import random
import subprocess
import sys
import unicodedata

import pytest

THOROUGH = os.environ.get("AKIN_THOROUGH") == "1"
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


def share(texts, part, seed=3):
    """A seeded share of them."""
    r = random.Random(seed)
    return [t for t in texts if THOROUGH or r.random() < part]


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
                "\t tab\x0bvt\x0cff\x1cfs\x85nel\xa0nbsp\u3000ideographic", "\ufeffbom", "a\ufffdb", "\x00nul\x00", "\u1cf2\u1cf3\u1cf4\u1cf5 \u1cf5\u1cf6")
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


def driver():
    build = os.environ.get("AKIN_BUILD")
    if not build:
        pytest.skip("AKIN_BUILD is needed")
    subprocess.run(["ninja", "-C", build, "--quiet", "bench/bench_tokenize"], check=True)
    return os.path.join(build, "bench", "bench_tokenize")


def by_akin(model, texts):
    coded = [t.encode() for t in texts]
    done = subprocess.run([driver(), model, "encode"], input=b"".join(b"%d\n%b" % (len(c), c) for c in coded),
                          stdout=subprocess.PIPE, check=True)
    rows = done.stdout.decode().split("\n")[:-1]
    assert len(rows) == len(texts)
    for row in rows:
        numbers = list(map(int, row.split()))
        yield numbers[0::3], list(zip(numbers[1::3], numbers[2::3]))


def peer_of(model):
    tokenizers = pytest.importorskip("tokenizers")
    peer = tokenizers.Tokenizer.from_file(os.path.join(model, "tokenizer.json"))
    peer.no_truncation()
    peer.no_padding()
    return peer


def by_peer(peer, texts):
    for at in range(0, len(texts), 1000):
        for encoding in peer.encode_batch(texts[at:at + 1000]):
            yield encoding.ids, encoding.offsets


def in_characters(text, offsets):
    """The peer counts characters, akin bytes."""
    if text.isascii():
        return offsets
    place, at = {}, 0
    for i, c in enumerate(text):
        place[at] = i
        at += len(c.encode())
    place[at] = len(text)
    return [(place[a], place[b]) for a, b in offsets]


def compare(model, texts):
    texts, peer, wrong, count = list(texts), peer_of(model), [], 0
    for text, (ids, offsets), (peer_ids, peer_offsets) in zip(texts, by_akin(model, texts), by_peer(peer, texts)):
        if ids != peer_ids or in_characters(text, offsets) != peer_offsets:
            count += 1
            wrong[5:] = []
            wrong.append((text, ids, offsets, peer_ids, peer_offsets))
    print(f"{os.path.basename(model)}: {len(texts)} texts, {count} differ", file=sys.stderr)
    for text, ids, offsets, peer_ids, peer_offsets in wrong[:5]:
        print(ascii(text[:200]), ids[:40], offsets[:40], "\n    peer:", peer_ids[:40], peer_offsets[:40], file=sys.stderr)
    assert not wrong


# --- tokenizers trained here ---

@functools.lru_cache
def corpus():
    """A few thousand texts: the machine's packages, the judged sets in four languages, and some of every script."""
    texts = debian()
    random.Random(1).shuffle(texts)
    texts = texts[:2000]
    for path in sorted(glob.glob(os.path.join(os.environ.get("AKIN_JUDGED", ""), "xquad-*", "corpus.jsonl"))):
        with open(path, encoding="utf-8") as f:
            texts += [json.loads(line).get("text", "") for line in list(f)[:150]]
    for block in range(0x20, 0x20000, 0x80):
        letters = [chr(c) for c in range(block, block + 0x80) if unicodedata.category(chr(c))[0] in "LMN"]
        texts += ["".join(letters[i:i + 7]) + " " + "".join(letters[i + 3:i + 5]) for i in range(0, len(letters), 9)]
    return texts


def small_charsmap():
    """A darts trie of a few entries, as SentencePiece writes it."""
    entries = {"ﬁ": "fi", "™": "TM", "\x01": "", "e\u0301": "é", "Ａ": "A", "\r": " ", "\n": " ", "\t": " ", "\u3000": " ",
               "\u200b": "", "ﷺ": "صلى الله عليه وسلم", "…": "...", "½": "1\u20442", "ガ": "ガ", "ｶﾞ": "ガ"}
    keys = sorted((k.encode(), v.encode()) for k, v in entries.items())
    texts, starts = b"", {}
    for k, v in keys:
        starts[k] = len(texts)
        texts += v + b"\0"
    units, used = [0] * 4096, {0}

    def place(node, prefix):
        below = sorted({k[len(prefix)] for k, _ in keys if k.startswith(prefix) and len(k) > len(prefix)})
        labels = ([0] if prefix in starts else []) + below
        base = next(b for b in range(1, 4096) if all(b ^ x < 4096 and b ^ x not in used for x in labels))
        units[node] |= (node ^ base) << 10
        for x in labels:
            used.add(base ^ x)
        if prefix in starts:
            units[node] |= 1 << 8
            units[base] = 1 << 31 | starts[prefix]
        for x in below:
            units[base ^ x] |= x
        for x in below:
            place(base ^ x, prefix + bytes([x]))

    place(0, b"")
    trie = b"".join(u.to_bytes(4, "little") for u in units)
    return len(trie).to_bytes(4, "little") + trie + texts


def e5():
    path = os.path.join(os.environ.get("AKIN_STATE", ""), "models", "multilingual-e5-small")
    return path if os.path.exists(os.path.join(path, "tokenizer.json")) else None


def charsmap():
    if not e5():
        return small_charsmap()
    with open(os.path.join(e5(), "tokenizer.json"), encoding="utf-8") as f:
        steps = json.load(f)["normalizer"]["normalizers"]
    return base64.b64decode(next(s["precompiled_charsmap"] for s in steps if s["type"] == "Precompiled"))


LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
CLIP = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]


def bpe(k, model={}, train={}, alphabet=True):
    t = k.Tokenizer(k.models.BPE(**model))
    return t, k.trainers.BpeTrainer(vocab_size=3000, special_tokens=SPECIAL, show_progress=False, **train,
                                    initial_alphabet=k.pre_tokenizers.ByteLevel.alphabet() if alphabet else [])


def roberta(k, prefix=False):
    t, trainer = bpe(k)
    t.pre_tokenizer = k.pre_tokenizers.ByteLevel(add_prefix_space=prefix)
    t.post_processor = k.processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=prefix)
    t.decoder = k.decoders.ByteLevel()
    return t, trainer


def gpt2(k):
    t, trainer = bpe(k)
    t.pre_tokenizer = k.pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.post_processor = k.processors.ByteLevel(trim_offsets=False)
    t.decoder = k.decoders.ByteLevel()
    return t, trainer


def llama3(k):
    t, trainer = bpe(k, {"ignore_merges": True})
    t.pre_tokenizer = k.pre_tokenizers.Sequence([k.pre_tokenizers.Split(k.Regex(LLAMA3), "isolated"),
                                                 k.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    t.post_processor = k.processors.Sequence([
        k.processors.ByteLevel(trim_offsets=True, add_prefix_space=False),
        k.processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 0)])])
    t.decoder = k.decoders.ByteLevel()
    return t, trainer


def llama2(k):
    t, trainer = bpe(k, {"unk_token": "<unk>", "fuse_unk": True}, alphabet=False)
    t.normalizer = k.normalizers.Sequence([k.normalizers.Prepend("▁"), k.normalizers.Replace(" ", "▁")])
    t.pre_tokenizer = k.pre_tokenizers.Metaspace(prepend_scheme="never")
    t.decoder = k.decoders.Sequence([k.decoders.Replace("▁", " "), k.decoders.ByteFallback(), k.decoders.Fuse(),
                                     k.decoders.Strip(" ", 1, 0)])
    return t, trainer


def clip(k):
    t, trainer = bpe(k, {"unk_token": "<unk>", "end_of_word_suffix": "</w>"}, {"end_of_word_suffix": "</w>"})
    n = k.normalizers
    t.normalizer = n.Sequence([n.NFC(), n.Replace(k.Regex(r"\s+"), " "), n.Lowercase()])
    t.pre_tokenizer = k.pre_tokenizers.Sequence([k.pre_tokenizers.Split(k.Regex(CLIP), "removed", invert=True),
                                                 k.pre_tokenizers.ByteLevel(add_prefix_space=False)])
    t.decoder = k.decoders.ByteLevel()
    return t, trainer


def prefixed(k):
    t, trainer = bpe(k, {"unk_token": "<unk>", "continuing_subword_prefix": "##"}, {"continuing_subword_prefix": "##"}, alphabet=False)
    t.normalizer = k.normalizers.NFKC()
    t.pre_tokenizer = k.pre_tokenizers.Sequence([k.pre_tokenizers.Whitespace(), k.pre_tokenizers.Digits(individual_digits=True)])
    t.decoder = k.decoders.BPEDecoder()
    return t, trainer


def unigram(k):
    t = k.Tokenizer(k.models.Unigram())
    return t, k.trainers.UnigramTrainer(vocab_size=8000, special_tokens=SPECIAL, unk_token="<unk>", show_progress=False)


def xlmr(k):
    t, trainer = unigram(k)
    n, p = k.normalizers, k.pre_tokenizers
    t.normalizer = n.Sequence([n.Precompiled(charsmap()), n.Replace(k.Regex(" {2,}"), " ")])
    t.pre_tokenizer = p.Sequence([p.WhitespaceSplit(), p.Metaspace()])
    t.post_processor = k.processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    t.decoder = k.decoders.Metaspace()
    return t, trainer


def first(k):
    t, trainer = unigram(k)
    n = k.normalizers
    t.normalizer = n.Sequence([n.Nmt(), n.NFKC(), n.Strip(), n.Replace(k.Regex(" {2,}"), " ")])
    t.pre_tokenizer = k.pre_tokenizers.Metaspace(prepend_scheme="first")
    t.decoder = k.decoders.Metaspace(prepend_scheme="first")
    return t, trainer


def albert(k):
    t, trainer = unigram(k)
    n = k.normalizers
    t.normalizer = n.Sequence([n.Replace("``", '"'), n.Replace("''", '"'), n.NFKD(), n.StripAccents(), n.Lowercase(),
                               n.Precompiled(charsmap())])
    t.pre_tokenizer = k.pre_tokenizers.Metaspace()
    t.decoder = k.decoders.Metaspace()
    return t, trainer


def wordpiece(k, normalizer, pre_tokenizer):
    t = k.Tokenizer(k.models.WordPiece(unk_token="[UNK]"))
    t.normalizer, t.pre_tokenizer, t.decoder = normalizer, pre_tokenizer, k.decoders.WordPiece()
    t.post_processor = k.processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return t, k.trainers.WordPieceTrainer(vocab_size=3000, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False)


def cased(k):
    return wordpiece(k, k.normalizers.BertNormalizer(lowercase=False, strip_accents=False), k.pre_tokenizers.BertPreTokenizer())


def others(k):
    p = k.pre_tokenizers
    return wordpiece(k, k.normalizers.Sequence([k.normalizers.NFKC(), k.normalizers.BertNormalizer()]),
                     p.Sequence([p.Split("-", "merged_with_previous"), p.Punctuation("contiguous"), p.WhitespaceSplit(), p.Digits()]))


def with_bytes(t):
    """The same with a token for each byte."""
    vocab = t["model"]["vocab"]
    for b in range(256):
        if isinstance(vocab, dict):
            vocab["<0x%02X>" % b] = len(vocab)
        else:
            vocab.append(["<0x%02X>" % b, -20.0])
    for added in t["added_tokens"]:
        added["id"] = added["id"] if added["id"] < 4 else len(vocab) + added["id"] - 4
    t["model"]["byte_fallback"] = True
    return t


def rounded(t):
    """serde_json does not read every number to the nearest double, so that the peer may choose the other of two ways whose
    scores add up to the same but for the last bit. Six decimals both read alike."""
    t["model"]["vocab"] = [[token, round(score, 6)] for token, score in t["model"]["vocab"]]
    return t


def legacy(t):
    t["model"]["merges"] = [" ".join(m) for m in t["model"]["merges"]]
    return t


ALL = {"roberta": roberta, "roberta-prefix": lambda k: roberta(k, True), "gpt2": gpt2, "llama3": llama3, "llama2": llama2,
       "clip": clip, "prefixed": prefixed, "xlmr": (xlmr, rounded), "first": (first, rounded), "albert": (albert, rounded), "cased": cased, "others": others,
       "llama2-bytes": (llama2, with_bytes), "xlmr-bytes": (xlmr, lambda t: with_bytes(rounded(t))), "legacy": (roberta, legacy)}
ADDED = {"first": [("Debian", {}), ("foo bar", {"single_word": True}), ("ＧＮＵ", {"rstrip": True})],
         "roberta": [("<mask>", {"lstrip": True, "special": True, "normalized": False}), ("ab", {"single_word": True})],
         "xlmr": [("<mask>", {"lstrip": True, "special": True, "normalized": False})]}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    k = pytest.importorskip("tokenizers")
    made = {}

    def make(name):
        if name in made:
            return made[name]
        build, change = ALL[name] if isinstance(ALL[name], tuple) else (ALL[name], None)
        t, trainer = build(k)
        t.train_from_iterator(corpus()[::3 if type(trainer) is k.trainers.BpeTrainer else 12], trainer)
        for content, options in ADDED.get(name, []):
            t.add_tokens([k.AddedToken(content, **options)])
        made[name] = str(tmp_path_factory.mktemp(name))
        path = os.path.join(made[name], "tokenizer.json")
        text = t.to_str()
        if change:
            text = json.dumps(change(json.loads(text)))
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return made[name]

    return make


def base_model():
    model = os.environ.get("AKIN_TEST_MODEL")
    if not model:
        pytest.skip("AKIN_TEST_MODEL is needed")
    return model


def multilingual():
    if not e5():
        pytest.skip("AKIN_STATE has no models/multilingual-e5-small")
    return e5()


def breaks():
    """Lines, spaces and what looks like an added token."""
    some = [" ", "  ", "\n", "\r\n", "\t", "a", "Debian", "foo bar", "ＧＮＵ", "<s>", "<mask>", " <mask>", "ab", "'s", "'ll", "don't",
            "123", "4.5", "--", "!?", "word", "héllo", "中文", "\u200b", "\x01", "\u00a0", "…", "x" * 30]
    r = random.Random(5)
    for _ in range(20_000):
        yield "".join(r.choice(some) for _ in range(r.randrange(1, 14)))


def test_debian_descriptions():
    texts = debian()
    if len(texts) < DEBIAN_LEAST:
        pytest.skip("the apt lists of this machine have too few packages")
    compare(base_model(), share(texts, .3))


def test_every_code_point():
    compare(base_model(), share((form % c for c in code_points() for form in ("%s", "a%sb")), .3))


def test_hard_texts():
    compare(base_model(), hard())
    compare(base_model(), breaks())


def test_multilingual_real_texts():
    compare(multilingual(), corpus() + share(debian()[:20_000], .2))


def test_multilingual_every_code_point():
    compare(multilingual(), share((form % c for c in code_points() for form in ("%s", "a%sb")), .1))


def test_multilingual_hard_texts():
    compare(multilingual(), share(hard(), .3))
    compare(multilingual(), breaks())


@functools.lru_cache
def hard_texts():
    return list(hard())


@pytest.mark.parametrize("name", ALL)
def test_a_trained_one(trained, name):
    points = (form % c for c in share(code_points(), .03) for form in ("%s", "a%sb", " %s1") if THOROUGH or ord(c) % 3 == 0)
    texts = hard_texts()
    compare(trained(name), share(corpus(), .2) + list(points) + texts[:91] + share(texts[91:], .02) + share(breaks(), .1))


def decoded(model, rows):
    lines = "".join(f"{int(skip)} {' '.join(map(str, ids))}\n" for skip, ids in rows)
    out = subprocess.run([driver(), model, "decode"], input=lines.encode(), stdout=subprocess.PIPE, check=True).stdout
    at = 0
    for _ in rows:
        end = out.index(b"\n", at)
        at = end + 1 + int(out[at:end])
        yield out[end + 1:at].decode()


@pytest.mark.parametrize("name", ["base", "multilingual", *ALL])
def test_decoding(trained, name):
    model = base_model() if name == "base" else multilingual() if name == "multilingual" else trained(name)
    peer, r = peer_of(model), random.Random(4)
    count = peer.get_vocab_size()
    rows = [(r.random() < .5, [r.randrange(count + 3) for _ in range(r.randrange(1, 30))]) for _ in range(3000)]
    rows += [(True, e.ids) for e in peer.encode_batch(corpus()[:500] + list(breaks())[:500]) if e.ids]
    wrong = [(ids, ours, theirs) for (skip, ids), ours in zip(rows, decoded(model, rows))
             if ours != (theirs := decoded_by(peer, ids, skip))]
    print(f"{name}: {len(rows)} rows, {len(wrong)} differ", *wrong[:3], sep="\n", file=sys.stderr)
    assert not wrong


def decoded_by(peer, ids, skip):
    if not any(peer.id_to_token(i) is not None for i in ids):
        return ""
    return peer.decode(ids, skip_special_tokens=skip)
