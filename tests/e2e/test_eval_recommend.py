"""akin eval recommend: its numbers against their definitions and against pytrec_eval, splits, formats, and what it says of bad input."""
import json
import math
import random
import struct

import pytest

from conftest import akin

USERS, ITEMS, GROUPS, DIMS = 160, 150, 5, 8


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Readers who read mostly within their group of documents, one after the other; the same as CSV and as lists; texts by group."""
    folder, rng = tmp_path_factory.mktemp("plain"), random.Random(3)
    reads = {}
    for u in range(USERS):
        own = [i for i in range(ITEMS) if i % GROUPS == u % GROUPS]
        reads[u] = list(dict.fromkeys(rng.choice(own) if rng.random() < .85 else rng.randrange(ITEMS) for _ in range(rng.randint(8, 20))))
    rows = [(f"u{u}", i, 1 + (u + i) % 5, 1_500_000_000 + 1000 * u + n) for u, items in reads.items() for n, i in enumerate(items)]
    rng.shuffle(rows)
    (folder / "acts.csv").write_text("timestamp,userId,movieId,rating\n" + "".join(f"{t},{u},{i},{v}\n" for u, i, v, t in rows))
    (folder / "counted.dat").write_text("".join(f"{len(items)} {' '.join(map(str, items))}\n" for items in reads.values()))
    (folder / "lists.txt").write_text("".join(f"{' '.join(map(str, items))}\n" for items in reads.values()))
    head = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({ITEMS}, {DIMS}), }}".ljust(117) + "\n"
    vectors = [rng.gauss(0, .4) + (d == i % GROUPS) for i in range(ITEMS) for d in range(DIMS)]
    (folder / "texts.npy").write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + struct.pack(f"<{len(vectors)}f", *vectors))
    return folder, reads


def evaluate(*args):
    return json.loads(akin("eval", "recommend", *args, "--tries", "2", "--quiet", "--json").stdout)


def runs(base):
    qrels, lists = {}, {}
    for line in (base.parent / f"{base.name}.qrels").read_text().splitlines():
        q, _, d, g = line.split()
        qrels.setdefault(q, {})[d] = int(g)
    for path in base.parent.glob(f"{base.name}.*.run"):
        run = lists[path.name.split(".")[-2]] = {}
        for line in path.read_text().splitlines():
            q, _, d, rank, score, _ = line.split()
            assert int(rank) == len(run.setdefault(q, {})) + 1
            assert not run[q] or float(score) < min(run[q].values())
            run[q][d] = float(score)
    return qrels, lists


@pytest.fixture(scope="module")
def judged(data, tmp_path_factory):
    base = tmp_path_factory.mktemp("runs") / "a"
    out = evaluate(data[0] / "acts.csv", "--vectors", data[0] / "texts.npy", "--kinds", "walks", "--seeds", 2, "--run", f"{base}.run", "--cases", f"{base}.cases")
    return out, *runs(base), [json.loads(line) for line in (base.parent / f"{base.name}.cases").read_text().splitlines()]


def test_definitions(judged):
    """Mean over the readers, from the runs alone."""
    out, qrels, lists, _ = judged
    assert [c["name"] for c in out["contenders"]] == ["popularity", "content", "neighbours", "walks"] and out["best"] == "walks"
    assert out["split"]["test"] == len(qrels) and all(len(run) == len(qrels) for run in lists.values())
    for c in out["contenders"]:
        means = {"recall@20": 0, "plain_recall@50": 0, "ndcg@10": 0, "mrr@100": 0}
        listed = set()
        for q, run in lists[c["name"]].items():
            found = [d in qrels[q] for d in run]
            listed |= {(q.split("/")[1], d) for d in list(run)[:20]}
            means["recall@20"] += sum(found[:20]) / min(20, len(qrels[q]))
            means["plain_recall@50"] += sum(found[:50]) / len(qrels[q])
            means["mrr@100"] += 1 / (found.index(True) + 1) if any(found) else 0
            ideal = sum(1 / math.log2(i + 2) for i in range(min(10, len(qrels[q]))))
            means["ndcg@10"] += sum(f / math.log2(i + 2) for i, f in enumerate(found[:10])) / ideal
        for name, total in means.items():
            m = c["metrics"][name]
            assert m["mean"] == pytest.approx(total / len(qrels), abs=1e-9) and m["low"] <= m["mean"] <= m["high"]
        assert 0 < c["metrics"]["coverage@20"] <= 1 and 0 <= c["metrics"]["gini@20"] < 1
        assert c["metrics"]["coverage@20"] * ITEMS * 2 == pytest.approx(len(listed), rel=.1)  # the mean of two seeds


@pytest.fixture(scope="module")
def short(data, tmp_path_factory):
    """New documents alone: lists end early."""
    base = tmp_path_factory.mktemp("short") / "a"
    out = evaluate(data[0] / "acts.csv", "--vectors", data[0] / "texts.npy", "--kinds", "walks", "--split", "items", "--run", f"{base}.run")
    return out, *runs(base)


@pytest.mark.parametrize("which", ["judged", "short"])
def test_trec_eval_agrees(which, request):
    pytrec_eval = pytest.importorskip("pytrec_eval")
    out, qrels, lists, *_ = request.getfixturevalue(which)
    assert which == "judged" or all(len(run) < 60 for of in lists.values() for run in of.values())
    theirs = {"plain_recall@20": "recall_20", "plain_recall@100": "recall_100", "ndcg@10": "ndcg_cut_10", "ndcg@100": "ndcg_cut_100", "mrr@100": "recip_rank"}
    for c in out["contenders"]:
        values = pytrec_eval.RelevanceEvaluator(qrels, {"recall", "ndcg_cut", "recip_rank"}).evaluate(lists[c["name"]])
        for ours, name in theirs.items():
            assert c["metrics"][ours]["mean"] == pytest.approx(sum(v[name] for v in values.values()) / len(qrels), abs=1e-6), (c["name"], ours)


def test_given_is_not_ranked_and_wanted_was_hidden(judged, data):
    _, qrels, lists, _ = judged
    for q, wanted in qrels.items():
        own = {str(i) for i in data[1][int(q.split("/")[0][1:])]}
        assert set(wanted) <= own and len(wanted) == max(1, len(own) // 5)
        for run in lists.values():
            assert not set(run[q]) & (own - set(wanted))
            assert len(run[q]) == 100


def test_cases_are_what_was_judged(judged, data):
    """Others can train and be judged on the same: nothing of theirs that is wanted is given, and what is left is all there was."""
    out, qrels, _, cases = judged
    by_part = {p: [c for c in cases if c["part"] == p] for p in ("validation", "test")}
    assert len(by_part["validation"]) == out["split"]["validation"] and len(by_part["test"]) == out["split"]["test"]
    assert {f"{c['reader']}/{c['seed']}": dict.fromkeys(c["wanted"], 1) for c in by_part["test"]} == qrels
    for c in cases:
        assert sorted(c["given"] + c["wanted"], key=int) == sorted(map(str, data[1][int(c["reader"][1:])]), key=int)
    for seed in {c["seed"] for c in cases}:
        readers = [c["reader"] for c in cases if c["seed"] == seed]
        assert len(readers) == len(set(readers)) < USERS


def test_cases_of_new_documents(data, tmp_path):
    evaluate(data[0] / "acts.csv", "--vectors", data[0] / "texts.npy", "--split", "items", "--kinds", "walks", "--cases", tmp_path / "cases")
    head, *cases = map(json.loads, (tmp_path / "cases").read_text().splitlines())
    assert head["part"] == "new documents" and .1 < len(head["documents"]) / ITEMS < .3
    for c in cases:
        assert c["wanted"] and set(c["wanted"]) <= set(head["documents"]) and not set(c["given"]) & set(head["documents"])


def test_recipe_is_taken_as_it_is(judged, data):
    tuned, base = judged[0], (data[0] / "acts.csv", "--vectors", data[0] / "texts.npy")
    recipe = next(c["parameters"] for c in tuned["seeds"][0]["chosen"] if c["name"] == "walks")
    out, again = (evaluate(*base, *options) for options in (["--recipe", json.dumps(recipe)], ["--kinds", "walks"]))
    own = out["seeds"][0]["chosen"][0]
    assert own["parameters"] == recipe and own["tried"] == [] and out["best"] == "walks"
    assert out["contenders"][-1] == again["contenders"][-1]  # the same as when it is found


def test_best_is_held_against_the_others(judged):
    out, _, _, _ = judged
    differences = {d["name"]: d for d in out["differences"]}
    means = {c["name"]: c["metrics"]["ndcg@100"]["mean"] for c in out["contenders"]}
    assert set(differences) == {"popularity", "content", "neighbours"}
    for name, d in differences.items():
        assert d["mean"] == pytest.approx(means["walks"] - means[name]) and d["p"] <= d["p_holm"] <= 1
    assert differences["popularity"]["mean"] > .1 and differences["popularity"]["p_holm"] < .01
    for seed in out["seeds"]:  # what was tried is there, and the best of it was taken
        for c in seed["chosen"]:
            best = max(c["tried"], key=lambda t: t["ndcg@100"])
            assert len(c["tried"]) == 2 and c["parameters"] == best["parameters"]


def test_formats_give_the_same(data):
    folder, _ = data
    same = [evaluate(folder / name, "--format", f, "--kinds", "walks") for name, f in (("counted.dat", "counted"), ("lists.txt", "lists"))]
    assert same[0]["contenders"] == same[1]["contenders"]
    assert same[0] | {"file": 0, "seeds": 0} == same[1] | {"file": 0, "seeds": 0}
    liked = evaluate(folder / "acts.csv", "--liked-from", "3.5", "--kinds", "walks")
    assert liked["acts"] < same[0]["acts"] * .5


def test_time(data):
    out = evaluate(data[0] / "acts.csv", "--split", "time", "--kinds", "walks")
    assert 5 < out["split"]["new_readers"] <= out["split"]["test"]
    for c in out["contenders"]:
        assert c["new_readers"]["recall@20"]["low"] <= c["new_readers"]["recall@20"]["mean"]


def test_table(data):
    out = akin("eval", "recommend", data[0] / "acts.csv", "--kinds", "walks", "--tries", "1", "--quiet").stdout
    for word in ("popularity", "neighbours", "walks", "ndcg@100", "coverage", "chosen on validation", '"alpha"', "p 0."):
        assert word in out


@pytest.mark.parametrize("text, args, says", [
    ("a,x,1\na,y,q\n", [], 'line 2: the value "q" is not a number'),
    ("a,x\n", ["--split", "days"], "readers, time or items"),
    ("a,x\n", ["--held-out", "1"], "between 0 and 1"),
    ("a,x\n", ["--kinds", "ease,magic"], '"magic" is none of'),
    ("a,x\n", ["--format", "xml"], "csv, lists or counted"),
    ("a,x\n", ["--test", "5"], "go together"),
    ("a,x\n", ["--seeds", "0"], "--seeds"),
    ("a,x\n", ["--recipe", '{"kind":"eas"}'], "kind is one of ease"),
    ("a,x\n", ["--recipe", '{"kind":"ease","lambda":-1}'], "lambda is a number"),
    ("a,x\n", ["--recipe", '{"kind":"ease"}', "--kinds", "walks"], "--kinds does not go with it"),
    ("a,x\n", ["--vectors", "SELF"], "is not a .npy file"),
    ("a,x\nb,x\n", [], "nobody can be judged"),
    ("a,x\nb,x\n", ["--split", "time"], "nobody can be judged by time"),
    ("", [], "nothing in it"),
])
def test_bad_input(tmp_path, text, args, says):
    path = tmp_path / "acts.csv"
    path.write_text(text)
    assert says in akin("eval", "recommend", path, *[path if a == "SELF" else a for a in args], "--quiet", code=1).stderr


def test_file_that_is_not_there(tmp_path):
    assert "nowhere" in akin("eval", "recommend", tmp_path / "nowhere", code=1).stderr
