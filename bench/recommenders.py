"""The recommenders that bench/recommend.py compares akin with: implicit, irspack and LensKit, from the package index.

Each has `name`, `grid` (settings to try: as many as akin tries, or all that make a difference), `fit(X, setting)` -> a function of what new
readers have read (sparse) -> scores (dense). Raises ImportError where it is not installed. Settings are those that the authors name as worth tuning."""
import itertools
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as implicit asks for; it has threads of its own
import numpy as np

THREADS = os.cpu_count()


def grid(**values):
    return [dict(zip(values, row)) for row in itertools.product(*values.values())]


class ImplicitALS:
    name = "implicit ALS"
    grid = grid(factors=[128], regularization=[.01, .1, 1], alpha=[1, 4, 10, 40])

    def fit(self, x, setting):
        from implicit.cpu.als import AlternatingLeastSquares
        model = AlternatingLeastSquares(iterations=15, random_state=42, num_threads=THREADS, **setting)
        model.fit(x.astype(np.float32), show_progress=False)
        fold = lambda given: model.recalculate_user(np.arange(given.shape[0]), given.astype(np.float32))
        return lambda given: np.atleast_2d(fold(given)) @ np.asarray(model.item_factors).T


class ImplicitBM25:
    name = "implicit BM25"
    grid = grid(K=[200, 500], K1=[1.2, 10], B=[0, .15, .3])

    def fit(self, x, setting):
        from implicit.nearest_neighbours import BM25Recommender
        model = BM25Recommender(num_threads=THREADS, **setting)
        model.fit(x.astype(np.float32), show_progress=False)
        return lambda given: (given.astype(np.float64) @ model.similarity).toarray()


class Irspack:
    """A class of irspack; it scores readers that it has not seen by itself."""
    common = {}

    def fit(self, x, setting):
        import irspack.recommenders
        model = getattr(irspack.recommenders, self.cls)(x.astype(np.float64), **self.common, **setting)
        model.learn()
        return lambda given: model.get_score_cold_user(given.astype(np.float64))


class IrspackRP3beta(Irspack):
    name, cls, common = "irspack RP3beta", "RP3betaRecommender", {"n_threads": THREADS}
    grid = grid(beta=[0, .05, .1, .2, .3, .5], top_k=[200, 1000])  # alpha changes nothing where all values are 1


class IrspackIALS(Irspack):
    name, cls = "irspack iALS", "IALSRecommender"
    common = {"n_threads": THREADS, "n_components": 256, "train_epochs": 12}
    grid = grid(alpha0=[.01, .03, .1, .3], reg=[.0003, .001, .003])


class IrspackEASE(Irspack):
    name, cls = "irspack EASE (DenseSLIM)", "DenseSLIMRecommender"
    grid = grid(reg=[10, 30, 100, 300])


class IrspackEDLAE(Irspack):
    name, cls = "irspack EDLAE", "EDLAERecommender"
    grid = grid(reg=[10, 30, 100], dropout_p=[.2, .5])


class Lenskit:
    """A scorer of LensKit, which takes readers one by one and knows only items that somebody has read."""

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


class Popularity:
    """What most have read, whoever asks."""
    name, grid = "popularity", [{}]

    def fit(self, x, setting):
        readers = np.asarray(x.sum(axis=0)).ravel()
        return lambda given: np.tile(readers, (given.shape[0], 1))


ALL = (Popularity, ImplicitALS, ImplicitBM25, IrspackRP3beta, IrspackIALS, IrspackEASE, IrspackEDLAE, LenskitItemKNN, LenskitImplicitMF)
