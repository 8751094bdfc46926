"""The recommenders that bench/recommend.py compares akin with: implicit, irspack and LensKit, from the package index.

Each has `name`, `library`, `fit(X, setting)` -> a function of what new readers have read (sparse) -> scores (dense), and what to try, 12 fits at
most: `grid`, settings that are all tried, or, where a fit takes a minute, `walk`, values of parameters: from the middle one step along one of
them at a time, as long as it gets better. `fit` raises ImportError where the library is not installed. What is tuned is what the authors name as worth tuning."""
import contextlib
import io
import itertools
import json
import os
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as implicit asks for; it has threads of its own
import numpy as np

THREADS = os.cpu_count()
TRIES = 12


def grid(**values):
    out = [dict(zip(values, row)) for row in itertools.product(*values.values())]
    assert len(out) <= TRIES
    return out


class ImplicitALS:
    name, library = "implicit ALS", "implicit"
    grid = grid(factors=[128], regularization=[.01, .1, 1], alpha=[1, 4, 10, 40])

    def fit(self, x, setting):
        from implicit.cpu.als import AlternatingLeastSquares
        model = AlternatingLeastSquares(iterations=15, random_state=42, num_threads=THREADS, **setting)
        model.fit(x.astype(np.float32), show_progress=False)
        fold = lambda given: model.recalculate_user(np.arange(given.shape[0]), given.astype(np.float32))
        return lambda given: np.atleast_2d(fold(given)) @ np.asarray(model.item_factors).T


class ImplicitBM25:
    name, library = "implicit BM25", "implicit"
    grid = grid(K=[200, 500], K1=[1.2, 10], B=[0, .15, .3])

    def fit(self, x, setting):
        from implicit.nearest_neighbours import BM25Recommender
        model = BM25Recommender(num_threads=THREADS, **setting)
        model.fit(x.astype(np.float32), show_progress=False)
        return lambda given: (given.astype(np.float64) @ model.similarity).toarray()


class Irspack:
    """A class of irspack; it scores readers that it has not seen by itself."""
    library = "irspack"
    common = {}

    def fit(self, x, setting):
        import irspack.recommenders
        model = getattr(irspack.recommenders, self.cls)(x.astype(np.float64), **self.common, **setting)
        with contextlib.redirect_stdout(io.StringIO()):  # a bar of progress
            model.learn()
        return lambda given: model.get_score_cold_user(given.astype(np.float64))


class IrspackRP3beta(Irspack):
    name, cls, common = "irspack RP3beta", "RP3betaRecommender", {"n_threads": THREADS}
    grid = grid(beta=[.05, .1, .2, .3, .4, .5], top_k=[200, 1000])  # alpha changes nothing where all values are 1


class IrspackKNN(Irspack):
    name, cls, common = "irspack neighbours", "CosineKNNRecommender", {"n_threads": THREADS, "normalize": True}
    grid = grid(feature_weighting=["TF_IDF", "BM_25"], top_k=[100, 500], shrinkage=[0, 10, 100])


class IrspackIALS(Irspack):
    name, cls = "irspack iALS", "IALSRecommender"
    common = {"n_threads": THREADS, "n_components": 256, "train_epochs": 12}
    grid = grid(alpha0=[.01, .03, .1], reg=[.00003, .0001, .0003, .001])


class IrspackEASE(Irspack):
    name, cls = "irspack EASE (DenseSLIM)", "DenseSLIMRecommender"
    walk = dict(reg=[3, 5, 8, 13, 20, 30, 45, 70, 100, 150, 250, 400])


class IrspackEDLAE(Irspack):
    name, cls = "irspack EDLAE", "EDLAERecommender"
    walk = dict(reg=[1, 2, 5, 10, 20, 40, 80], dropout_p=[.05, .15, .3, .45, .6])


class Lenskit:
    """A scorer of LensKit, which takes readers one by one and knows only items that somebody has read."""
    library = "lenskit"

    def fit(self, x, setting):
        import pandas
        from lenskit.data import ItemList, RecQuery, from_interactions_df
        rows = x.tocoo()
        scorer = self.scorer(setting)
        scorer.train(from_interactions_df(pandas.DataFrame({"user_id": rows.row, "item_id": rows.col})))
        known = np.unique(rows.col)
        items = ItemList(item_ids=known)

        def score(given):
            out = np.full(given.shape, -1e30)
            for i in range(given.shape[0]):
                read = np.intersect1d(given[i].indices, known)
                out[i, known] = np.nan_to_num(scorer(query=RecQuery(user_items=ItemList(item_ids=read)), items=items).scores("numpy"), nan=-1e30)
            return out

        return score


class LenskitItemKNN(Lenskit):
    name = "LensKit item neighbours"
    grid = grid(max_nbrs=[20, 50, 100, 200], save_nbrs=[200, 500, 1000])

    def scorer(self, setting):
        from lenskit.knn import ItemKNNScorer
        return ItemKNNScorer(feedback="implicit", **setting)


class LenskitImplicitMF(Lenskit):
    name = "LensKit implicit MF"
    grid = grid(embedding_size=[128], regularization=[.01, .1, 1], weight=[1, 4, 10, 40])

    def scorer(self, setting):
        from lenskit.als import ImplicitMFScorer
        return ImplicitMFScorer(epochs=10, **setting)


class LenskitEASE(Lenskit):
    name = "LensKit EASE"
    walk = dict(regularization=[3, 5, 8, 13, 20, 30, 45, 70, 100, 150, 250, 400])

    def scorer(self, setting):
        from lenskit.knn import EASEScorer
        return EASEScorer(**setting)


# Cheap ones first: what is stopped early has them all.
ALL = (IrspackRP3beta, ImplicitBM25, IrspackKNN, LenskitItemKNN, ImplicitALS, IrspackIALS, LenskitImplicitMF, IrspackEDLAE, IrspackEASE, LenskitEASE)


# ---- one after the other, kept in a file ----

class Missing(Exception):
    """Its library is not there, or what was asked for is not kept."""


class Kept:
    """What was measured already, a JSON line each: a second run goes on from there. `key` names the cases: of others nothing is taken. `only`: nothing
    new is measured."""

    def __init__(self, path, key, only=False):
        self.path, self.key, self.only, self.all = path, key, only, {}
        if path.exists():
            for line in open(path):
                row = json.loads(line)
                if row["cases"] == key:
                    self.all[self.name(row)] = row

    def name(self, row):
        return row["peer"], json.dumps(row["setting"], sort_keys=True), row["seed"], row["part"]

    def get(self, peer, setting, seed, part, make):
        row = {"cases": self.key, "peer": peer.name, "setting": setting, "seed": seed, "part": part}
        if self.name(row) not in self.all and self.only:
            raise Missing("was not measured to its end yet")
        if self.name(row) not in self.all:
            row.update(make())
            self.all[self.name(row)] = row
            with open(self.path, "a") as f:
                f.write(json.dumps(row) + "\n")
        return self.all[self.name(row)]


def tried(peer, kept, split, setting, part, tell):
    def make():
        began = time.monotonic()
        try:
            score = peer().fit(split.x, setting)
        except ImportError as e:
            raise Missing(f"{peer.library}: {e}")
        seconds = time.monotonic() - began
        values = split.judge(part, score)
        tell(f"{peer.name} {setting} seed {split.seed} {part}: ndcg@100 {values['ndcg@100'].mean():.4f}, {seconds:.0f} s")
        return {"seconds": round(seconds, 2), "values": {m: [round(float(v), 6) for v in x] for m, x in values.items()}}

    return kept.get(peer, setting, split.seed, part, make)


def walked(walk, at):
    """-> (setting, score) of what was tried"""
    place, scores, moved = tuple((len(v) - 1) // 2 for v in walk.values()), {}, True

    def score(p):
        if p not in scores and len(scores) < TRIES:
            scores[p] = at({name: values[i] for (name, values), i in zip(walk.items(), p)})
        return scores.get(p, -1)

    score(place)
    while moved:
        moved = False
        for n, values in enumerate(walk.values()):
            for step in (-1, 1):
                while 0 <= place[n] + step < len(values):
                    next = place[:n] + (place[n] + step,) + place[n + 1:]
                    if score(next) <= scores[place]:
                        break
                    place, moved = next, True
    return [({name: values[i] for (name, values), i in zip(walk.items(), p)}, s) for p, s in scores.items()]


def chosen(peer, kept, split, tell):
    """-> the setting that does best on the validation readers of this split, its N@100, how many were tried"""
    at = lambda setting: float(np.mean(tried(peer, kept, split, setting, "validation", tell)["values"]["ndcg@100"]))
    scores = walked(peer.walk, at) if hasattr(peer, "walk") else [(s, at(s)) for s in peer.grid]
    setting, best = max(scores, key=lambda s: s[1])
    return setting, best, len(scores)


def judged(peer, kept, splits, tell):
    """Chosen by the first split, fitted on all -> {"setting", "validated", "tried", "seconds", "values": {measure: a value a test case}}"""
    setting, validated, count = chosen(peer, kept, splits[0], tell)
    rows = [tried(peer, kept, s, setting, "test", tell) for s in splits]
    return {"setting": setting, "validated": validated, "tried": count, "seconds": float(np.median([r["seconds"] for r in rows])),
            "values": {m: np.concatenate([r["values"][m] for r in rows]) for m in rows[0]["values"]}}
