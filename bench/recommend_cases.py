"""The cases of bench/recommend.py, as `akin eval recommend --cases` wrote them: who is held out, what is given and what is wanted, so that
akin's models and others' are trained and judged on the very same. Measures are those of src/train/measure.h."""
import json
import re

import numpy as np
import scipy.sparse

DEPTH = 100
MEASURES = ("ndcg@100", "recall@20", "recall@50", "recall@100")
BATCH = 128


def read_counted(path):
    """users.dat, citations.dat: a line each, its count ahead."""
    return [list(dict.fromkeys(map(int, line.split()[1:]))) for line in open(path)]


def matrix(lists, items):
    rows = np.repeat(np.arange(len(lists)), [len(x) for x in lists])
    columns = np.fromiter((i for x in lists for i in x), dtype=np.int64, count=len(rows))
    return scipy.sparse.csr_matrix((np.ones(len(rows), dtype=np.float32), (rows, columns)), shape=(len(lists), items))


def measure(lists, wanted):
    """Of ranked lists, best first -> {measure: a value a case}"""
    gain = 1 / np.log2(np.arange(DEPTH) + 2)
    out = {m: np.zeros(len(lists)) for m in MEASURES}
    for k, (ranked, want) in enumerate(zip(lists, wanted)):
        hits = np.isin(np.asarray(ranked[:DEPTH]), list(want))
        out["ndcg@100"][k] = gain[:len(hits)][hits].sum() / gain[:min(DEPTH, len(want))].sum()
        for n in (20, 50, 100):
            out[f"recall@{n}"][k] = hits[:n].sum() / min(n, len(want))
    return out


class Split:
    """One seed's: `x` to train on; cases by part, in the order of the file."""

    def __init__(self, seed, readers, items, rows):
        self.seed, self.items = seed, items
        held = {int(r["reader"]) - 1 for r in rows}  # named by their line
        self.x = matrix([readers[u] for u in range(len(readers)) if u not in held], items)
        self.parts = {}
        for part in ("validation", "test"):
            own = [r for r in rows if r["part"] == part]
            self.parts[part] = ([r["reader"] for r in own], [list(map(int, r["given"])) for r in own], [set(map(int, r["wanted"])) for r in own])

    def judge(self, part, score):
        """`score`: of what readers were given (sparse) -> a row of scores each."""
        _, given, wanted = self.parts[part]
        lists = []
        for first in range(0, len(given), BATCH):
            own = matrix(given[first:first + BATCH], self.items)
            scores = np.array(score(own), dtype=np.float64)
            scores[own.nonzero()] = -np.inf
            lists += [row for row in best(scores)]
        return measure(lists, wanted)


def best(scores):
    """The places of the DEPTH largest of each row; of equal ones the first."""
    floor = -np.partition(-scores, DEPTH, axis=1)[:, DEPTH - 1]
    for row, least in zip(scores, floor):
        at = np.flatnonzero(row >= least)
        yield at[np.argsort(-row[at], kind="stable")][:DEPTH]


def splits(path, readers, items):
    rows = {}
    for line in open(path):
        row = json.loads(line)
        rows.setdefault(row["seed"], []).append(row)
    return [Split(seed, readers, items, own) for seed, own in rows.items()]


def run_values(path, all_splits):
    """What akin's rankings are worth, by the same measure as the others': {measure: a value a case, of all splits}"""
    lists = {}
    for line in open(path):
        query, _, item, *_ = line.split()
        reader, _, seed = query.partition("/")
        lists.setdefault((int(seed) if seed else all_splits[0].seed, reader), []).append(int(item))
    out = {m: [] for m in MEASURES}
    for s in all_splits:
        readers, _, wanted = s.parts["test"]
        for m, values in measure([lists[s.seed, r] for r in readers], wanted).items():
            out[m].append(values)
    return {m: np.concatenate(v) for m, v in out.items()}


# ---- intervals and differences: over the readers of all splits ----

def interval(values, rounds=2000, seed=42):
    rng = np.random.default_rng(seed)
    means = [rng.choice(values, len(values)).mean() for _ in range(rounds)]
    return float(np.mean(values)), *map(float, np.percentile(means, [2.5, 97.5]))


def difference(a, b, rounds=10000, seed=42):
    """-> mean, low, high, p: bootstrap, paired randomisation test (two-sided)"""
    d, rng = np.asarray(a) - np.asarray(b), np.random.default_rng(seed)
    mean, low, high = interval(d)
    extreme = sum(abs((rng.integers(0, 2, len(d)) * 2 - 1) @ d) >= abs(d.sum()) for _ in range(rounds))
    return mean, low, high, (extreme + 1) / (rounds + 1)
