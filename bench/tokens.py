#!/usr/bin/env python3
"""Tokens a second of akin's tokenizers against Hugging Face `tokenizers` (encode_batch_fast), one thread each.

WordPiece is the model's (AKIN_TEST_MODEL), Unigram that of models/multilingual-e5-small in AKIN_STATE (left out if it is
not there), byte-level BPE is trained here on the sample. The two take turns and the ratio is taken within the round, in
seconds of processor time; both must make the same number of tokens. --json: {"wordpiece": ratio, ...} and nothing else."""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

from setting import MODEL, ROOT, STATE, WORK, machine, packages  # noqa: E402
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers  # noqa: E402

p = argparse.ArgumentParser(description=__doc__)
p.add_argument("--rounds", type=int, default=5)
p.add_argument("--texts", type=int, default=2000)
p.add_argument("--file", type=pathlib.Path, help="a text a line, in place of the sample")
p.add_argument("--json", action="store_true")
a = p.parse_args()
BENCH = os.path.join(os.environ.get("AKIN_BUILD", str(ROOT / "build")), "bench", "bench_tokenize")


def sample():
    if a.file:
        return a.file.read_text(encoding="utf-8").splitlines()[:a.texts]
    return [" ".join(d["text"].split()) for d, _ in zip(packages(), range(a.texts))]


def byte_level(texts):
    folder = WORK / "bpe"
    folder.mkdir(exist_ok=True)
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False)
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=20000, special_tokens=["<s>", "<pad>", "</s>", "<unk>"], show_progress=False,
                                                     initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    t.save(str(folder / "tokenizer.json"))
    return str(folder)


def measure(folder, texts, path):
    peer = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
    peer.no_padding()
    peer.no_truncation()
    akin = subprocess.Popen([BENCH, folder, "speed", str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    own, other = [], []
    for _ in range(a.rounds + 1):
        akin.stdin.write("\n")
        akin.stdin.flush()
        fields = akin.stdout.readline().split()
        own.append(float(fields[3]))
        begin = time.process_time()
        encoded = peer.encode_batch_fast(texts)
        other.append(time.process_time() - begin)
        tokens = sum(len(e.ids) for e in encoded)
        if tokens != int(fields[1]):
            raise SystemExit(f"{folder}: akin made {fields[1]} tokens, the peer {tokens}")
    akin.stdin.close()
    akin.wait()
    ratios = [q / s for q, s in zip(other[1:], own[1:])]  # the first round is for the caches
    return tokens, statistics.median(own[1:]), statistics.median(other[1:]), ratios


def main():
    if not a.json:
        machine()
    texts = sample()
    path = WORK / "tokenize.txt"
    path.write_text("".join(t + "\n" for t in texts), encoding="utf-8")
    folders = {"wordpiece": MODEL, "bpe": byte_level(texts)}
    if (STATE / "models" / "multilingual-e5-small" / "tokenizer.json").exists():
        folders["unigram"] = str(STATE / "models" / "multilingual-e5-small")
    found = {}
    for name, folder in folders.items():
        tokens, own, other, ratios = measure(folder, texts, path)
        found[name] = round(statistics.median(ratios), 2)
        if not a.json:
            print(f"{name:9} akin {tokens / own / 1e6:6.2f}, Hugging Face {tokens / other / 1e6:6.2f} M tokens/s; ratio {found[name]:.1f} "
                  f"({min(ratios):.1f}-{max(ratios):.1f})", flush=True)
    if a.json:
        print(json.dumps(found))
    return 0 if all(found[k] >= 3 for k in found if k != "bpe") else 1


if __name__ == "__main__":
    sys.exit(main())
