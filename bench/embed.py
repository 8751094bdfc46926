#!/usr/bin/env python3
"""Tokens a second of akin's encoder against ONNX Runtime fp32 (fused operators) on the same token ids.

Short texts (one-line summaries) and long ones (descriptions cut at 128 tokens), 1 and 2 threads, fp32 and bf16;
the engines take turns in every round and the ratio is taken within the round, since machines drift. One thread is
measured in CPU seconds, two in wall seconds. The peer's padded batches are made beforehand, at its best size, and
only its session is timed. akin needs `bench_embed` (AKIN_BUILD). --short/--long: files with a text a line."""
import argparse
import pathlib
import random
import statistics
import subprocess
import sys
import time

from setting import MODEL, ROOT, WORK, machine, packages

import os

import numpy as np
from tokenizers import Tokenizer

sys.path.insert(0, str(ROOT / "tests" / "quality"))
import onnx_reference  # noqa: E402

p = argparse.ArgumentParser(description=__doc__)
p.add_argument("--rounds", type=int, default=5)
p.add_argument("--block", type=int, default=256, help="tokens of a packed block of akin's")
p.add_argument("--short", type=pathlib.Path)
p.add_argument("--long", type=pathlib.Path)
p.add_argument("--threads", type=int, nargs="*", default=[1, 2])
a = p.parse_args()
BENCH = os.path.join(os.environ.get("AKIN_BUILD", str(ROOT / "build")), "bench", "bench_embed")


def sample():
    if a.short and a.long:
        return a.short.read_text().splitlines(), a.long.read_text().splitlines()
    documents = list(packages())
    random.Random(1).shuffle(documents)
    short = [d.get("title") or d["text"].split("\n")[0] for d in documents]
    return short, [d["text"] for d in documents if len(d["text"]) > 400]


def ids_of(texts, count):
    tokenizer = Tokenizer.from_file(os.path.join(MODEL, "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(128)
    ids = [e.ids for e in tokenizer.encode_batch([t for t in texts if t.strip()][:count])]
    return sorted(ids, key=len)


class Akin:
    def __init__(self, path, tokens, precision, threads):
        self.tokens = tokens
        self.process = subprocess.Popen([BENCH, MODEL, str(path), precision, str(threads), str(a.block)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def run(self):
        """CPU and wall seconds of all texts."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        f = self.process.stdout.readline().split()
        assert int(f[1]) == self.tokens, "akin did not read the same tokens"
        return float(f[5]), float(f[3])

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Peer:
    def __init__(self, path, ids, threads):
        self.session = onnx_reference.Reference(path, threads).session
        self.best = min((self.measure(ids, tokens), tokens) for tokens in (256, 512, 1024))[1]
        self.feeds = self.batches(ids, self.best)

    @staticmethod
    def batches(ids, tokens):
        feeds, at = [], 0
        while at < len(ids):
            end = at + 1
            while end < len(ids) and (end + 1 - at) * len(ids[end]) <= tokens:
                end += 1
            width = len(ids[end - 1])
            block = np.array([x + [0] * (width - len(x)) for x in ids[at:end]], np.int32)
            mask = np.array([[1] * len(x) + [0] * (width - len(x)) for x in ids[at:end]], np.int32)
            feeds.append({"ids": block, "mask": mask, "positions": np.arange(width, dtype=np.int32)})
            at = end
        return feeds

    def measure(self, ids, tokens):
        feeds = self.batches(ids[::4], tokens)
        return min(self.pass_over(feeds)[1] for _ in range(2))

    def pass_over(self, feeds):
        cpu, wall = time.process_time(), time.perf_counter()
        for feed in feeds:
            self.session.run(None, feed)
        return time.process_time() - cpu, time.perf_counter() - wall

    def run(self):
        return self.pass_over(self.feeds)


machine()
onnx = WORK / "embed.onnx"
onnx_reference.build(MODEL, onnx)
bf16 = "avx512_bf16" in pathlib.Path("/proc/cpuinfo").read_text()
failed = False
for name, texts, count in zip(("short", "long"), sample(), (1500, 160)):
    ids = ids_of(texts, count)
    tokens = sum(map(len, ids))
    print(f"# {name}: {len(ids)} texts, {tokens / len(ids):.1f} tokens each", flush=True)
    path = WORK / f"embed-{name}.ids"
    path.write_text("\n".join(" ".join(map(str, x)) for x in ids) + "\n")
    for threads in a.threads:
        clock = 0 if threads == 1 else 1
        peer = Peer(onnx, ids, threads)
        engines = {k: Akin(path, tokens, k, threads) for k in (["fp32", "bf16"] if bf16 else ["fp32"])}
        for e in engines.values():
            e.run()
        peer_s, own_s = [], {k: [] for k in engines}
        for _ in range(a.rounds):
            for k, e in engines.items():
                own_s[k].append(e.run()[clock])
            peer_s.append(peer.run()[clock])
        for k, e in engines.items():
            e.close()
            ratios = [q / s for q, s in zip(peer_s, own_s[k])]
            ratio = statistics.median(ratios)
            failed |= k == "fp32" and ratio < 1
            print(f"{name:5} {threads} thread{'s' if threads > 1 else ' '} {k}: akin {tokens / statistics.median(own_s[k]):6.0f}, ONNX Runtime fp32 "
                  f"{tokens / statistics.median(peer_s):6.0f} tokens/s (batches of {peer.best}); ratio {ratio:.2f} "
                  f"({min(ratios):.2f}-{max(ratios):.2f}); akin's best {tokens / min(own_s[k]):.0f}", flush=True)
sys.exit("akin fp32 is slower than ONNX Runtime" if failed else 0)
