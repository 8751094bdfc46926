"""Ranking on judged collections, with floors. AKIN_JUDGED names a folder that holds sets (corpus.jsonl, queries.jsonl, qrels.tsv);
without it, or without the models, nothing is tested here. English sets with AKIN_TEST_MODEL (all-MiniLM-L6-v2), the others with
multilingual-e5-small of AKIN_STATE/models, if it is there; lexical floors need no more than any model."""
import json
import math
import os
import pathlib
import random
import re
import subprocess

import pytest

AKIN = os.environ.get("AKIN_BIN", "build/akin")
JUDGED = pathlib.Path(os.environ.get("AKIN_JUDGED", "/nonexistent"))
STATE = pathlib.Path(os.environ.get("AKIN_STATE", ".akin"))
ENGLISH = os.environ.get("AKIN_TEST_MODEL")
MULTILINGUAL = STATE / "models" / "multilingual-e5-small"

FLOORS = {"cranfield": {"lexical": .38, "semantic": .3925, "hybrid": .425}, "xquad-en": {"lexical": .965, "semantic": .942, "hybrid": .97},
          "xquad-de": {"lexical": .935}, "xquad-zh": {"lexical": .965}, "xquad-th": {"lexical": .96}}
FOREIGN = {"cranfield": "xquad-en", "xquad-en": "cranfield"}
AUC = .97
TYPO_SETS, TYPO_LOSS, TYPO_KEPT = ("cranfield", "xquad-en", "xquad-de"), .002, .90


def akin(*arguments):
    run = subprocess.run([AKIN, *map(str, arguments)], capture_output=True, text=True)
    assert run.returncode == 0 or arguments[0] == "add", run.stderr  # cranfield has two documents without any text
    return run.stdout


def model_of(name):
    model = pathlib.Path(ENGLISH) if ENGLISH and name in FOREIGN else MULTILINGUAL
    if not (JUDGED / name).is_dir() or not (model / "model.safetensors").exists():
        pytest.skip("needs AKIN_JUDGED, and AKIN_TEST_MODEL or AKIN_STATE/models/multilingual-e5-small")
    return model


def ndcg(qrels_file, run_file):
    """nDCG@10 by its definition, to hold `akin eval` itself to. A list is in the order of its lines."""
    qrels, run = {}, {}
    for line in qrels_file.read_text().splitlines()[1:]:
        query, document, grade = line.split("\t")
        qrels.setdefault(query, {})[document] = int(grade)
    for line in run_file.read_text().splitlines():
        run.setdefault(line.split()[0], []).append(line.split()[2])
    total, count = 0, 0
    for query, grades in qrels.items():
        ideal = sum(g / math.log2(i + 2) for i, g in enumerate(sorted(grades.values(), reverse=True)[:10]))
        if ideal > 0:
            count += 1
            total += sum(grades.get(d, 0) / math.log2(i + 2) for i, d in enumerate(run.get(query, [])[:10])) / ideal
    return total / count


@pytest.fixture(scope="module")
def evaluate(tmp_path_factory):
    """A set's answers: {way: its numbers}, each set imported once, and each asked once."""
    folder, done = tmp_path_factory.mktemp("ranking"), {}

    def ask(name, *options, queries=None):
        model = model_of(name)
        common = ("-c", name, "--data", folder / model.name, "--model", model)
        if name not in done:
            done[name] = akin("add", *common, "--quiet", "--map", "id=_id", JUDGED / name / "corpus.jsonl")
        out = json.loads(akin("eval", "search", "-q", *common, "--queries", queries or JUDGED / name / "queries.jsonl", "--qrels",
                              JUDGED / name / "qrels.tsv", "--depth", 10, "--json", *options))
        return {r["name"]: r for r in out["runs"]}

    def evaluate(name):
        if (name, "ways") not in done:
            options = ["--mode", "lexical,semantic,hybrid", "--run", folder / f"{name}.run"]
            if name in FOREIGN:
                options += ["--foreign", JUDGED / FOREIGN[name] / "queries.jsonl"]
            done[name, "ways"] = ask(name, *options)
        return done[name, "ways"]

    evaluate.ask, evaluate.folder = ask, folder
    return evaluate


@pytest.mark.parametrize("name,mode", [(n, m) for n, floors in FLOORS.items() for m in floors])
def test_floor(evaluate, name, mode):
    way = evaluate(name)[mode]
    print(f"{name} {mode}: nDCG@10 {way['ndcg@10']}")
    assert way["ndcg@10"]["mean"] == pytest.approx(ndcg(JUDGED / name / "qrels.tsv", pathlib.Path(way["run"])), abs=1e-6)
    assert way["ndcg@10"]["mean"] >= FLOORS[name][mode]


@pytest.mark.parametrize("name", FLOORS)
def test_both_are_as_good_as_the_better_one(evaluate, name):
    """Cranfield's parts are equally good: there both together are better; elsewhere not worse."""
    means = {mode: way["ndcg@10"]["mean"] for mode, way in evaluate(name).items()}
    print(f"{name} with {model_of(name).name}: {means}")
    assert means["hybrid"] >= max(means["lexical"], means["semantic"]) + (1e-9 if name == "cranfield" else 0)


@pytest.mark.parametrize("name", FOREIGN)
def test_scores_tell_foreign_queries(evaluate, name):
    auc = {mode: way["auc"]["value"] for mode, way in evaluate(name).items()}
    print(f"{name} against the queries of {FOREIGN[name]}: AUC {auc}")
    assert auc["hybrid"] >= AUC


def misspelt(text, rng):
    """One word of five letters or more, of those that say what is looked for: two letters swapped, one left out, doubled or changed."""
    words = [m for m in re.finditer(r"[^\W\d_]{5,}", text)]
    if not words:
        return text
    word = rng.choice(words)
    w, at = word.group(), rng.randrange(len(word.group()) - 1)
    edits = (w[:at] + w[at + 1] + w[at] + w[at + 2:], w[:at] + w[at + 1:], w[:at] + w[at] + w[at:],
             w[:at] + rng.choice("abcdefghijklmnopqrstuvwxyz") + w[at + 1:])
    return text[:word.start()] + rng.choice(edits) + text[word.end():]


@pytest.mark.parametrize("name", TYPO_SETS)
def test_typos(evaluate, tmp_path, name):
    """By words alone. Without the correction a misspelt word is lost."""
    ways = ("--run-with", "on=mode=lexical,typos=true", "--run-with", "off=mode=lexical,typos=false")
    model_of(name)
    rng = random.Random(3)
    rows = [json.loads(line) for line in open(JUDGED / name / "queries.jsonl", encoding="utf-8")]
    (tmp_path / "typos.jsonl").write_text("".join(json.dumps({**r, "text": misspelt(r["text"], rng)}) + "\n" for r in rows))
    clean, wrong = ({way: r["ndcg@10"]["mean"] for way, r in evaluate.ask(name, *ways, queries=q).items()}
                    for q in (JUDGED / name / "queries.jsonl", tmp_path / "typos.jsonl"))
    print(f"{name}: clean {clean}, one word misspelt {wrong}, kept {wrong['on'] / clean['off']:.3f}")
    assert clean["on"] >= clean["off"] - TYPO_LOSS
    assert wrong["on"] >= TYPO_KEPT * clean["off"] and wrong["on"] > wrong["off"]
