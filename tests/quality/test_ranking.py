"""Ranking on judged collections, with floors. AKIN_JUDGED names a folder that holds sets (corpus.jsonl, queries.jsonl, qrels.tsv);
without it, or without the model, nothing is tested here."""
import collections, json, math, os, pathlib, subprocess

import pytest

AKIN = os.environ.get("AKIN_BIN", "build/akin")
MODEL = os.environ.get("AKIN_TEST_MODEL")
JUDGED = pathlib.Path(os.environ.get("AKIN_JUDGED", "/nonexistent"))

FLOORS = {"cranfield": {"semantic": 0.3925, "hybrid": 0.42, "lexical": 0.37},
          "xquad-en": {"semantic": 0.942, "hybrid": 0.97, "lexical": 0.95}}


def ndcg(qrels_file, run_file):
    """nDCG@10 by its definition, to hold `akin eval` itself to."""
    qrels, run = collections.defaultdict(dict), collections.defaultdict(list)
    for line in qrels_file.read_text().splitlines()[1:]:
        query, document, grade = line.split("\t")
        qrels[query][document] = int(grade)
    for line in run_file.read_text().splitlines():
        query, _, document, _, score, _ = line.split()
        run[query].append((-float(score), document))
    total, count = 0, 0
    for query, grades in qrels.items():
        ideal = sum(g / math.log2(i + 2) for i, g in enumerate(sorted(grades.values(), reverse=True)[:10]))
        if ideal > 0:
            count += 1
            total += sum(grades.get(d, 0) / math.log2(i + 2) for i, (_, d) in enumerate(sorted(run[query])[:10])) / ideal
    return total / count


def akin(*arguments):
    run = subprocess.run([AKIN, *map(str, arguments)], capture_output=True, text=True)
    assert run.returncode == 0 or arguments[0] == "add", run.stderr  # cranfield has two documents without any text
    return run.stdout


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tmp_path_factory.mktemp("ranking") / "data"


@pytest.mark.parametrize("name,mode", [(n, m) for n, floors in FLOORS.items() for m in floors])
def test_floor(data, tmp_path, name, mode):
    folder = JUDGED / name
    if not MODEL or not folder.is_dir():
        pytest.skip("needs AKIN_TEST_MODEL and AKIN_JUDGED")
    common = ("-c", name, "--data", data, "--model", MODEL)
    akin("add", *common, "--quiet", "--map", "id=_id", folder / "corpus.jsonl")
    out = json.loads(akin("eval", "search", *common, "--queries", folder / "queries.jsonl", "--qrels", folder / "qrels.tsv",
                          "--mode", mode, "--run", tmp_path / "run", "--json"))
    print(f"{name} {mode}: nDCG@10 {out['ndcg@10']}")
    assert out["ndcg@10"] == pytest.approx(ndcg(folder / "qrels.tsv", tmp_path / "run"), abs=2e-3)
    assert out["ndcg@10"] >= FLOORS[name][mode]
