"""The vector indexes that bench/index.py compares: akin's graph, and peers from the package index, each on one thread.

An engine has `ask(width)`: (recall, queries a second) of one round over all queries, the better of two; `build_cpu_s`, None if a kept index was
read; `bytes` a vector. Raises Missing when it is not there."""
import json
import os
import pathlib
import resource
import subprocess
import sys
import time

import numpy as np

import setting

BENCH = pathlib.Path(os.environ.get("AKIN_BUILD", pathlib.Path(setting.AKIN).parent)) / "bench" / "index"
K = 10


class Missing(Exception):
    pass


def cpu():
    return sum(resource.getrusage(resource.RUSAGE_SELF)[:2])


def recall(found, best):
    return float(np.mean([len(set(f) & set(b)) / K for f, b in zip(found.tolist(), best.tolist())]))


class Peer:
    """`find(queries, width)`: ids. `built` and `read` make the index, which is kept with the seconds that it took."""
    module = None

    def __init__(self, base, queries, best, kept):
        probe = subprocess.run([sys.executable, "-c", f"import {self.module}"], capture_output=True, text=True)
        if probe.returncode:  # apart: a wheel made for other processors ends the process
            raise Missing((probe.stderr.strip().splitlines() or [f"{self.module} ended with {probe.returncode}"])[-1])
        self.queries, self.best, path = queries, best, kept / self.name
        took = path.with_suffix(".cpu")
        if path.exists():
            self.read(path, base)
        else:
            print(f"# building {self.name}", flush=True)
            begin = cpu()
            self.built(base)
            took.write_text(str(cpu() - begin))
            self.write(path)
        self.build_cpu_s = float(took.read_text()) if took.exists() else None
        self.bytes = path.stat().st_size / len(base)

    def ask(self, width):
        took = []
        for _ in range(2):
            begin = time.perf_counter()
            found = self.find(self.queries, width)
            took.append(time.perf_counter() - begin)
        return recall(np.asarray(found), self.best), len(self.queries) / min(took)

    def close(self):
        self.index = None


class SymphonyQG(Peer):
    name, module = "symphonyqg", "rabitqlib"

    def built(self, base):
        import rabitqlib
        self.index = rabitqlib.SymqgIndex(base.shape[1], 32)
        self.index.build(base, 128, 1)

    def read(self, path, base):
        import rabitqlib
        self.index = rabitqlib.SymqgIndex.load(str(path))

    def write(self, path):
        self.index.save(str(path))

    def find(self, queries, width):
        return self.index.search(queries, K, width, 1)[0]


class Hnswlib(Peer):
    name, module = "hnswlib", "hnswlib"

    def built(self, base):
        import hnswlib
        self.index = hnswlib.Index("ip", base.shape[1])
        self.index.init_index(len(base), M=16, ef_construction=200)
        self.index.add_items(base, num_threads=1)

    def read(self, path, base):
        import hnswlib
        self.index = hnswlib.Index("ip", base.shape[1])
        self.index.load_index(str(path))

    def write(self, path):
        self.index.save_index(str(path))

    def find(self, queries, width):
        self.index.set_ef(width)
        return self.index.knn_query(queries, K, num_threads=1)[0]


class Faiss(Peer):
    """HNSW over 8-bit rows, its answers refined with the floats."""
    name, module = "faiss", "faiss"

    def built(self, base):
        import faiss
        faiss.omp_set_num_threads(1)
        hnsw = faiss.IndexHNSWSQ(base.shape[1], faiss.ScalarQuantizer.QT_8bit, 16)
        hnsw.hnsw.efConstruction = 200
        self.index = faiss.IndexRefineFlat(hnsw)
        self.index.train(base)
        self.index.add(base)

    def read(self, path, base):
        import faiss
        self.index = faiss.read_index(str(path))

    def write(self, path):
        import faiss
        faiss.write_index(self.index, str(path))

    def find(self, queries, width):
        import faiss
        faiss.omp_set_num_threads(1)
        p = faiss.IndexRefineSearchParameters(k_factor=2, base_index_params=faiss.SearchParametersHNSW(efSearch=width))
        return self.index.search(queries, K, params=p)[1]


class Akin:
    """build/bench/index, asked over its standard input."""
    name = "akin"

    def __init__(self, base, queries, kept=None, *options, rounds=2):
        graph = ["--graph", str(kept / "akin"), "--truth", str(kept / "truth")] if kept else []
        self.queries = len(np.load(queries, mmap_mode="r"))
        self.rounds, self.total = rounds, {}
        self.process = subprocess.Popen([BENCH, "--base", base, "--queries", queries, "--json", "--ask", "--rounds", str(rounds), *graph, *options],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def send(self, width):
        self.process.stdin.write(f"{width}\n")
        self.process.stdin.flush()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("build/bench/index ended")
        return json.loads(line)

    def ask(self, width):
        self.send(width)
        r = self.answer()
        return r["recall"], r["qps"]

    def close(self):
        """What it says at its end: the build, bytes, inserts and deletes."""
        if self.process.poll() is None:
            self.process.stdin.close()
            self.total = self.answer()
            self.process.wait()
        return self.total


PEERS = {p.name: p for p in (SymphonyQG, Hnswlib, Faiss)}
