"""akin eval search: its numbers against their definitions, ways side by side, run files, and what it says of bad input."""
import json
import math
import random

import pytest

from conftest import Server, akin

WORDS = "apple river stone cloud bread night paper green horse light".split()


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """60 documents of few words, 25 queries of two, graded by how many of the words a document has; two documents that nobody has."""
    folder, rng = tmp_path_factory.mktemp("judged"), random.Random(5)
    documents = {f"d {n}": rng.choices(WORDS, k=rng.randint(2, 9)) for n in range(60)}
    queries = {f"q{n}": rng.sample(WORDS, 2) for n in range(25)}
    qrels = {q: {d: sum(w in words for w in asked) for d, words in documents.items() if rng.random() < .3} for q, asked in queries.items()}
    qrels["q1"]["gone/1"], qrels["q2"]["gone 2"], qrels["q2"]["gone 3"] = 1, 2, 0
    qrels["q3"], qrels["stranger"] = {"d 1": 0}, {"d 1": 1}
    write = lambda name, lines: (folder / name).write_text("".join(f"{line}\n" for line in lines))
    write("corpus.jsonl", [json.dumps({"id": d, "text": " ".join(words)}) for d, words in documents.items()])
    write("queries.jsonl", [json.dumps({"_id": q, "text": " ".join(words)}) for q, words in queries.items()])
    write("queries.tsv", [f"{q}\t{' '.join(words)}" for q, words in queries.items()])
    write("foreign.jsonl", [json.dumps({"_id": n, "text": text}) for n, text in enumerate(["zebra", "guitar opera", "xylophone"])])
    rows = [(q, d, g) for q, grades in qrels.items() for d, g in grades.items()]
    write("qrels.tsv", ["query-id\tcorpus-id\tscore", *(f"{q}\t{d}\t{g}" for q, d, g in rows)])
    write("qrels.trec", [(f"{q}\t0\t{d}\t{g}" if " " in d else f"{q} 0 {d}  {g}") for q, d, g in rows])
    akin("add", "-c", "set", "--data", folder / "data", "--model", "stub", folder / "corpus.jsonl")
    return folder, qrels


def common(folder):
    return ["eval", "search", "--data", folder / "data", "--model", "stub", "--queries", folder / "queries.jsonl"]


def defined(qrels, path):
    """nDCG@10, recall@100, MRR@10 of a run file by their definitions, a query each, in its order."""
    ranked = {}
    for line in path.read_text().splitlines():
        query, q0, document, rank, _, _ = line.split()
        assert q0 == "Q0" and int(rank) == len(ranked.setdefault(query, [])) + 1
        ranked[query].append(document.replace("%20", " "))
    out = {}
    for query, found in ranked.items():
        grades = qrels.get(query, {})
        relevant = [d for d, g in grades.items() if g > 0]
        if relevant:
            dcg = sum(grades.get(d, 0) / math.log2(i + 2) for i, d in enumerate(found[:10]))
            ideal = sum(g / math.log2(i + 2) for i, g in enumerate(sorted(grades.values(), reverse=True)[:10]))
            first = next((i + 1 for i, d in enumerate(found[:10]) if d in relevant), 0)
            out[query] = (dcg / ideal, sum(d in relevant for d in found[:100]) / len(relevant), 1 / first if first else 0)
    return out


def mean(values):
    return sum(values) / len(values)


def test_numbers_and_runs(judged, tmp_path):
    folder, qrels = judged
    out = json.loads(akin(*common(folder), "--qrels", folder / "qrels.tsv", "--mode", "lexical,semantic", "--run-with",
                          "few=mode=lexical,filter=id = \"none\"", "--run", tmp_path / "a.run", "--json").stdout)
    assert (out["queries"], out["judged"], out["unjudged"], out["judged_without_query"], out["documents_missing"]) == (25, 24, 1, 1, 2)
    assert [r["name"] for r in out["runs"]] == ["lexical", "semantic", "few"]
    lists = {name: defined(qrels, tmp_path / f"a.{name}.run") for name in ("lexical", "semantic")}
    for r in out["runs"][:2]:
        per_query = list(lists[r["name"]].values())
        for i, measure in enumerate(("ndcg@10", "recall@100", "mrr@10")):
            assert r[measure]["mean"] == pytest.approx(sum(v[i] for v in per_query) / 24, abs=1e-6)
            assert r[measure]["low"] <= r[measure]["mean"] <= r[measure]["high"]
    assert out["runs"][2]["ndcg@10"]["mean"] == 0 and (tmp_path / "a.few.run").read_text() == ""
    pair = out["pairs"][0]
    assert (pair["a"], pair["b"], len(out["pairs"])) == ("lexical", "semantic", 3)
    differences = [lists["lexical"].get(q, (0,))[0] - lists["semantic"].get(q, (0,))[0] for q in qrels if q in lists["semantic"]]
    assert pair["ndcg@10"]["difference"] == pytest.approx(mean(differences), abs=1e-6)
    rng, seen = random.Random(1), abs(sum(differences))
    extreme = mean([abs(sum(rng.choice((d, -d)) for d in differences)) >= seen - 1e-9 for _ in range(4000)])
    assert pair["ndcg@10"]["p"] == pytest.approx(extreme, abs=.04)
    assert pair["ndcg@10"]["p"] <= pair["ndcg@10"]["p_holm"] <= 1


def test_the_same_over_http_and_in_other_formats(judged):
    folder, _ = judged
    offline = akin(*common(folder), "--qrels", folder / "qrels.trec", "--mode", "lexical", "--json").stdout
    server = Server(folder / "data").start()
    try:
        online = akin("eval", "search", "--url", server.url, "--queries", folder / "queries.tsv", "--qrels", folder / "qrels.tsv", "--mode",
                      "lexical", "--json").stdout
    finally:
        server.stop()
    assert online == offline


def test_foreign_queries(judged):
    folder, _ = judged
    out = json.loads(akin(*common(folder), "--foreign", folder / "foreign.jsonl", "--mode", "lexical", "--json").stdout)
    auc = out["runs"][0]["auc"]
    assert out["foreign"] == 3 and auc["value"] == auc["low"] == 1 and auc["foreign_median"] == 0 < auc["own_median"]


def test_a_table_for_people(judged):
    folder, _ = judged
    lines = akin(*common(folder), "--qrels", folder / "qrels.tsv", "--mode", "lexical,semantic").stdout.splitlines()
    assert "25 queries, 24 judged" in lines[0] and "2 judged documents are not in the collection" in lines[0]
    head, row = next(i for i, line in enumerate(lines) if "nDCG@10" in line), [line for line in lines if line.startswith("lexical ")][0]
    for measure in ("nDCG@10", "recall@100", "MRR@10"):
        at = lines[head].index(measure)
        assert row[at - 1] == " " and row[at + 1] == "."


@pytest.mark.parametrize("line,says", [('{"_id": "x"}', "no \"text\""), ('{"text": "apple"}', "no \"_id\""), ('{"_id": "q0", "text": "a"}', "earlier"),
                                       ('{"_id": "x", "text": " "}', "no \"text\""), ("{", "line 26"), ("no tab", "no \"_id\"")])
def test_bad_queries_are_named(judged, tmp_path, line, says):
    folder, _ = judged
    (tmp_path / "q.jsonl").write_text((folder / "queries.jsonl").read_text() + line + "\n")
    run = akin("eval", "search", "--data", folder / "data", "--model", "stub", "--queries", tmp_path / "q.jsonl", code=1)
    assert says in run.stderr and "line 26" in run.stderr


@pytest.mark.parametrize("options,says", [
    (["--mode", "lexcal"], "lexical"), (["--run-with", "x"], "NAME="), (["--run-with", "x=mode"], "member=value"),
    (["--mode", "lexical,lexical"], "two ways"), (["--run-with", "x=fusoin=rrf"], "fusoin"), (["--depth", "0"], "--depth"),
    (["--run", "/nonexistent/a.run"], "cannot write")])
def test_bad_options(judged, options, says):
    assert says in akin(*common(judged[0]), *options, code=1).stderr


def test_bad_judgments(judged, tmp_path):
    folder, _ = judged
    for text, says in (("q0\td 1\tmany\nq0\td 1\tmany\n", "line 2"), ("other\td 1\t1\n", "none of the 25"), ("", "none of the 25")):
        (tmp_path / "qrels.tsv").write_text(text)
        assert says in akin(*common(folder), "--qrels", tmp_path / "qrels.tsv", code=1).stderr
