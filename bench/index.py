#!/usr/bin/env python3
"""The vector graph beside hnswlib, faiss and SymphonyQG, one thread, same vectors, same run: queries a second at recall@10
of .90, .95 and .99, processor seconds of the build. A peer that is not installed is named as missing.

    ./dev bench index [--base A.npy --queries Q.npy] [--count N] [--peers akin,symphonyqg,hnswlib,faiss] [--rounds N]

Without files: sentences of the sample's descriptions, embedded by akin. Built indexes are kept in the state folder."""
import argparse, hashlib, json, pathlib, random, re, resource, subprocess, sys, time
import numpy as np
from setting import AKIN, MODEL, STATE, WORK, machine, packages
import os

BENCH = pathlib.Path(os.environ.get("AKIN_BUILD", pathlib.Path(AKIN).parent)) / "bench" / "bench_index"
K, WIDTHS = 10, [10, 16, 24, 32, 40, 48, 64, 80, 96, 128, 160, 192, 256, 320, 384, 512, 768]


def sentences():
    """Distinct titles, sentences and paragraphs, shuffled."""
    seen = {}
    for d in packages():
        pieces = [d["title"].partition(": ")[2]] + re.split(r"\n\n+", d["text"]) + re.split(r"(?<=[.!?])\s+|\n+", d["text"])
        for piece in pieces:
            piece = " ".join(piece.split())[:900]
            if piece.count(" ") >= 3:
                seen.setdefault(re.sub(r"\W+", " ", piece.lower()).strip(), piece)
    out = list(seen.values())
    random.Random(1).shuffle(out)
    return out


def vectors(count, queries=1000):
    paths = WORK / f"index-base-{count}.npy", WORK / f"index-queries-{count}.npy"
    if not all(p.exists() for p in paths):
        texts = sentences()
        count = min(count, len(texts) - queries)
        for path, some in zip(paths, (texts[queries:queries + count], texts[:queries])):
            print(f"# embedding {len(some)} sentences", flush=True)
            with open(path.with_suffix(".part"), "wb") as f:
                subprocess.run([AKIN, "embed", "-m", MODEL, "--format", "npy"], input="\n".join(some).encode(), stdout=f, check=True)
            path.with_suffix(".part").rename(path)
    return paths


def truth(base, queries):
    best = np.empty((len(queries), K), np.int64)
    for at in range(0, len(queries), 100):
        scores = queries[at:at + 100] @ base.T
        top = np.argpartition(-scores, K, axis=1)[:, :K]
        best[at:at + 100] = top
    return best


def recall(found, best):
    return float(np.mean([len(set(f) & set(b)) / K for f, b in zip(found.tolist(), best.tolist())]))


def cpu():
    return sum(resource.getrusage(resource.RUSAGE_SELF)[:2])


class Peer:
    """`make` builds or loads; `find(queries, width)` gives an array of ids."""

    def sweep(self, queries, best, rounds):
        out = []
        for width in WIDTHS:
            took = []
            for _ in range(rounds):
                begin = time.perf_counter()
                found = self.find(queries, width)
                took.append(time.perf_counter() - begin)
            r = recall(found, best)
            out.append({"ef": width, "recall": r, "qps": len(queries) / min(took)})
            if r > .997:
                break
        return out


class SymphonyQG(Peer):
    def __init__(self, base, kept):
        import rabitqlib
        path = kept / "symphonyqg"
        self.build_cpu_s = None
        if path.exists():
            self.index = rabitqlib.SymqgIndex.load(str(path))
            return
        self.index = rabitqlib.SymqgIndex(base.shape[1], 32)
        begin = cpu()
        self.index.build(base, 128, 1)
        self.build_cpu_s = cpu() - begin
        self.index.save(str(path))

    def find(self, queries, width):
        return np.asarray(self.index.search(queries, K, width, 1)[0])


class Hnswlib(Peer):
    def __init__(self, base, kept):
        import hnswlib
        path = kept / "hnswlib"
        self.build_cpu_s = None
        self.index = hnswlib.Index("ip", base.shape[1])
        if path.exists():
            self.index.load_index(str(path))
        else:
            self.index.init_index(len(base), M=16, ef_construction=200)
            begin = cpu()
            self.index.add_items(base, num_threads=1)
            self.build_cpu_s = cpu() - begin
            self.index.save_index(str(path))
        self.index.set_num_threads(1)

    def find(self, queries, width):
        self.index.set_ef(width)
        return self.index.knn_query(queries, K, num_threads=1)[0]


class Faiss(Peer):
    """HNSW over 8-bit rows, its answers refined with the floats."""

    def __init__(self, base, kept):
        import faiss
        path = kept / "faiss"
        self.faiss, self.build_cpu_s = faiss, None
        faiss.omp_set_num_threads(1)
        if path.exists():
            self.index = faiss.read_index(str(path))
        else:
            hnsw = faiss.IndexHNSWSQ(base.shape[1], faiss.ScalarQuantizer.QT_8bit, 16)
            hnsw.hnsw.efConstruction = 200
            self.index = faiss.IndexRefineFlat(hnsw)
            begin = cpu()
            self.index.train(base)
            self.index.add(base)
            self.build_cpu_s = cpu() - begin
            faiss.write_index(self.index, str(path))

    def find(self, queries, width):
        p = self.faiss.IndexRefineSearchParameters(k_factor=2, base_index_params=self.faiss.SearchParametersHNSW(efSearch=width))
        return self.index.search(queries, K, params=p)[1]


class Akin:
    def __init__(self, paths, kept):
        self.command = [str(BENCH), "--base", str(paths[0]), "--queries", str(paths[1]), "--json", "--graph", str(kept / "akin")]
        self.total = {}

    def sweep(self, queries, best, rounds):
        rows = [json.loads(line) for line in subprocess.run(self.command, capture_output=True, text=True, check=True).stdout.splitlines()]
        self.total = rows[-1]
        return rows[:-1]

    @property
    def build_cpu_s(self):
        return self.total.get("build_cpu_s") or None


def at_recall(rows, wanted):
    """Queries a second where the curve crosses, straight between two widths; None: it does not."""
    rows = sorted(rows, key=lambda r: r["recall"])
    for a, b in zip(rows, rows[1:]):
        if a["recall"] < wanted <= b["recall"]:
            t = (wanted - a["recall"]) / (b["recall"] - a["recall"])
            return a["qps"] + t * (b["qps"] - a["qps"])
    return rows[0]["qps"] if rows and rows[0]["recall"] >= wanted else None


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--base"), p.add_argument("--queries")
    p.add_argument("--count", type=int, default=200000)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--peers", default="akin,symphonyqg,hnswlib,faiss")
    o = p.parse_args()
    machine()
    paths = (o.base, o.queries) if o.base else vectors(o.count)
    base, queries = (np.ascontiguousarray(np.load(path), np.float32) for path in paths)
    base, queries = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (base, queries))
    kept = WORK / ("index-" + hashlib.sha256(os.path.abspath(paths[0]).encode()).hexdigest()[:12])
    kept.mkdir(parents=True, exist_ok=True)
    best = truth(base, queries)
    makers = {"akin": lambda: Akin(paths, kept), "symphonyqg": lambda: SymphonyQG(base, kept), "hnswlib": lambda: Hnswlib(base, kept),
              "faiss": lambda: Faiss(base, kept)}
    peers = {}
    for name in o.peers.split(","):
        try:
            peers[name] = makers[name]()
        except ImportError as e:
            print(f"# {name} is missing: {e}")
    rows = {name: peer.sweep(queries, best, o.rounds) for name, peer in peers.items()}
    print(f"{len(base)} x {base.shape[1]}, {len(queries)} queries, recall@{K}, one thread, queries/s")
    for name, peer in peers.items():
        qps = [at_recall(rows[name], r) for r in (.9, .95, .99)]
        build = f"{peer.build_cpu_s:.0f}" if peer.build_cpu_s else "kept"
        print(f"  {name:12}" + "".join(f"{q:10.0f}" if q else "         -" for q in qps) + f"   build CPU s {build}")
    print(json.dumps({"peers": rows, "akin": peers["akin"].total if "akin" in peers else None}))


if __name__ == "__main__":
    sys.exit(main())
