"""Recommendations in a world whose best possible ranking is known: what share of its quality is reached, and that neither popularity, nor texts,
nor what is read together are enough.

    AKIN_BIN=build/akin pytest -s tests/quality/test_recommend.py

A document has a topic, which its text shows beside a style that nobody reads by, and a circle, which no text shows. A reader has a taste, a topic and
a circle, and reads each document with a probability that follows from popularity, topic and circle alone:

    p(document | taste) = popularity * (TOPIC if of the taste's topic) * (CIRCLE if of the taste's circle)

each independently of the others. So for what a reader was given (and how many are hidden) the probability of every other document to be among the
hidden ones is a sum over all tastes, exactly: with odds o = p / (1 - p), the k hidden of the tastes' documents are weighed by elementary symmetric
polynomials e_k of the odds. The ranking by it has the highest NDCG and recall that can be expected; no ranking that does not know the hidden
documents does better but by luck. It knows popularities, circles and the shares of all tastes, which akin has to learn from some thousand readers."""
import json
import math
import os
import subprocess

import pytest
from test_related import ROOT, module

np = pytest.importorskip("numpy")
binary = module("e2e", ROOT / "tests" / "e2e" / "conftest.py").binary

DOCUMENTS, READERS, JUDGED = 2000, 3000, 300
TOPICS, CIRCLES, STYLES, DIMS = 24, 12, 6, 32
TOPIC, CIRCLE, READ = 14, 8, 22  # how much likelier; documents that a reader reads, on average
HIDDEN_MAX = 24
# Shares of the best possible: at least of what is chosen, at most of popularity, of texts and of what is read together, alone.
KNOWN = {"chosen": {"ndcg@100": .56, "recall@20": .59}, "popularity": .25, "content": .33, "margin": 1.03}
NEW = {"chosen": {"ndcg@100": .90, "recall@20": .77}, "content": .66}


class World:
    def __init__(self, seed=7):
        r = np.random.RandomState(seed)
        self.topic, self.circle = r.randint(TOPICS, size=DOCUMENTS), r.randint(CIRCLES, size=DOCUMENTS)
        self.popularity = np.exp(.7 * r.normal(size=DOCUMENTS))
        taste_topic, taste_circle = np.divmod(np.arange(TOPICS * CIRCLES), CIRCLES)
        self.taste_topic = taste_topic
        of_topic, of_circle = self.topic == taste_topic[:, None], self.circle == taste_circle[:, None]
        p = self.popularity * np.where(of_topic, TOPIC, 1) * np.where(of_circle, CIRCLE, 1)
        self.scale = READ / p.sum(1).mean()
        self.p = np.minimum(p * self.scale, .9)  # tastes x documents
        self.reads = [np.flatnonzero(r.random_sample(DOCUMENTS) < self.p[z]) for z in r.randint(len(self.p), size=READERS)]
        directions = r.normal(size=(TOPICS + STYLES, DIMS)) / math.sqrt(DIMS)
        self.styles = directions[TOPICS:]
        self.topics, self.noise = directions[:TOPICS], .15
        style = r.randint(STYLES, size=DOCUMENTS)
        self.vectors = self.topics[self.topic] + self.styles[style] + self.noise * r.normal(size=(DOCUMENTS, DIMS))

    def shown_topic(self):
        """documents x topics: what the text says of the topic."""
        means = self.topics[:, None] + self.styles[None]  # topics x styles x dims
        distance = ((self.vectors[:, None, None] - means) ** 2).sum(-1) / (2 * self.noise ** 2)
        likely = np.exp(-(distance - distance.min((1, 2), keepdims=True))).sum(2)
        return likely / likely.sum(1, keepdims=True)

    def p_by_text(self):
        """tastes x documents: what can be known of a document that nobody has read, popularity and circle averaged."""
        topic = 1 + (TOPIC - 1) * self.shown_topic()[:, self.taste_topic].T
        return self.scale * self.popularity.mean() * topic * (1 + (CIRCLE - 1) / CIRCLES)


class Best:
    """Rankings of the documents `ids` by the probability to be among those hidden of a reader; p: tastes x ids."""

    def __init__(self, p, ids):
        self.ids, odds = ids, p / (1 - p)
        self.powers = [odds ** m for m in range(1, HIDDEN_MAX + 1)]
        self.sums = [x.sum(1) for x in self.powers]
        self.none_read = np.log1p(-p).sum(1)

    def ranking(self, evidence, given, k):
        """evidence: log probability of what was given, by taste; given: documents that are not ranked."""
        out = np.isin(self.ids, given)
        none_read = self.none_read + np.log1p(self.powers[0][:, out]).sum(1)
        sums = [s - x[:, out].sum(1) for s, x in zip(self.sums, self.powers)]
        e = [np.ones(len(none_read))]  # by Newton's identities
        for j in range(1, k + 1):
            e.append(sum((-1) ** (m - 1) * e[j - m] * sums[m - 1] for m in range(1, j + 1)) / j)
        log = evidence + none_read + np.log(e[k])
        taste = np.exp(log - log.max())
        taste /= taste.sum()
        hidden = sum((-1) ** j * (taste * e[k - 1 - j] / e[k]) @ self.powers[j] for j in range(k))[~out]
        assert abs(hidden.sum() - k) < 1e-6 * k and hidden.min() > -1e-9
        return self.ids[~out][np.argsort(-hidden, kind="stable")]


def measures(ranking, wanted):
    found = np.isin(ranking[:100], list(wanted))
    gains = 1 / np.log2(np.arange(2, 102))
    return {"ndcg@100": (found * gains[:len(found)]).sum() / gains[:min(100, len(wanted))].sum(), "recall@20": found[:20].sum() / min(20, len(wanted))}


def evidence(p, read, seen):
    """Log probability, by taste, that of the documents `seen` just `read` were read."""
    return np.log(p[:, read]).sum(1) + np.log1p(-p[:, np.setdiff1d(seen, read)]).sum(1)


def evaluate(folder, *options):
    """akin eval recommend: {contender: {reader: ranking}}, {reader: hidden documents}, what it printed."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("AKIN_")}
    out = subprocess.run([binary(), "eval", "recommend", "reads.dat", "--format", "counted", "--vectors", "texts.npy", "--validation", str(JUDGED),
                          "--test", str(JUDGED), "--tries", "4", "--quiet", "--json", "--run", "out.run", *options],
                         cwd=folder, env=env, capture_output=True, text=True, timeout=120)
    assert out.returncode == 0, out.stderr
    hidden, lists = {}, {}
    for line in (folder / "out.qrels").read_text().splitlines():
        reader, _, document, _ = line.split()
        hidden.setdefault(int(reader) - 1, set()).add(int(document))  # a reader's name is the number of the line
    for path in folder.glob("out.*.run"):
        of = lists[path.name.split(".")[1]] = {reader: [] for reader in hidden}
        for line in path.read_text().splitlines():
            reader, _, document, *_ = line.split()
            of[int(reader) - 1].append(int(document))
    return lists, hidden, json.loads(out.stdout)


@pytest.fixture
def folder(world, tmp_path):
    (tmp_path / "reads.dat").write_text("".join(f"{len(r)} {' '.join(map(str, r))}\n" for r in world.reads))
    np.save(tmp_path / "texts.npy", world.vectors.astype(np.float32))
    return tmp_path


@pytest.fixture(scope="module")
def world():
    return World()


def shares(what, lists, hidden, best):
    """Of each contender, of the best possible; printed."""
    mean = lambda of, m: np.mean([measures(of[reader], wanted)[m] for reader, wanted in hidden.items()])
    possible = {m: mean(best, m) for m in ("ndcg@100", "recall@20")}
    out = {name: {m: mean(of, m) / possible[m] for m in possible} for name, of in lists.items()}
    print(f"\n{what}, {len(hidden)} readers; best possible: " + ", ".join(f"{m} {v:.4f}" for m, v in possible.items()) + "; of it: " +
          "; ".join(f"{name} {v['ndcg@100']:.3f} {v['recall@20']:.3f}" for name, v in sorted(out.items())))
    return out


def test_known_documents(world, folder):
    lists, hidden, out = evaluate(folder)
    every = Best(world.p, np.arange(DOCUMENTS))
    best = {}
    for reader, wanted in hidden.items():
        given = np.setdiff1d(world.reads[reader], list(wanted))
        best[reader] = every.ranking(evidence(world.p, given, given), given, len(wanted))
    of = shares("known documents", lists, hidden, best)
    chosen = of[out["best"]]
    for measure, floor in KNOWN["chosen"].items():
        assert floor <= chosen[measure] <= 1
        for name in ("popularity", "content"):
            assert of[name][measure] <= KNOWN[name], name
        for name in ("neighbours", "walks"):  # what is read together, without texts
            assert chosen[measure] >= KNOWN["margin"] * of[name][measure], name


def test_new_documents(world, folder):
    """By their texts alone, and what has been learned of texts: readers do not go by their style."""
    lists, hidden, out = evaluate(folder, "--split", "items")
    new = np.array(sorted({d for of in lists.values() for ranking in of.values() for d in ranking} | set().union(*hidden.values())))
    assert len(new) == out["split"]["new_documents"] and "popularity" not in lists
    known = np.setdiff1d(np.arange(DOCUMENTS), new)
    by_text = Best(world.p_by_text()[:, new], new)
    best = {}
    for reader, wanted in hidden.items():
        read = np.intersect1d(world.reads[reader], known)
        best[reader] = by_text.ranking(evidence(world.p, read, known), [], len(wanted))
    of = shares(f"{len(new)} new documents", lists, hidden, best)
    for measure, floor in NEW["chosen"].items():
        assert floor <= of[out["best"]][measure] <= 1
    assert of["content"]["recall@20"] <= NEW["content"]
