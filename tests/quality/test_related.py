"""Related documents against what maintainers say goes together: Recommends, Suggests and Enhances of Debian's packages.

    AKIN_BIN=build/akin AKIN_STATE=.akin AKIN_TEST_MODEL=model pytest -s tests/quality/test_related.py

Documents: descriptions of applications that a relation names, in both directions, cut to DOCUMENTS by the digest of their names. Pairs of one
source package are dropped, and each text loses its own name and the names of the packages it is related to. Needs the package lists of the
sample (AKIN_STATE/lists) and AKIN_TEST_MODEL."""
import collections
import glob
import hashlib
import importlib.util
import os
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LISTS = pathlib.Path(os.environ.get("AKIN_STATE", ".akin")) / "lists"
MODEL = os.environ.get("AKIN_TEST_MODEL")
DOCUMENTS = 500
RECALL_AT_20 = .48  # floors
OVER_WORDS = 1.15


def module(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def names(field):
    return {n for n in re.split(r"[,|]\s*", re.sub(r"\s*\([^)]*\)|:any|\n", "", field)) if n}


@pytest.fixture(scope="module")
def packages():
    """{name: (text, related names)}"""
    files = sorted(glob.glob(str(LISTS / "*_Packages")))
    if not files or not MODEL:
        pytest.skip("needs AKIN_STATE/lists and AKIN_TEST_MODEL")
    sample = module("debian_sample", ROOT / "tools" / "debian_sample.py")
    all_packages, texts, related = {}, {}, collections.defaultdict(set)
    for path in files:
        for r in sample.records(path):
            all_packages.setdefault(r["Package"], r)
    for path in glob.glob(str(LISTS / "*_i18n_Translation-en")):
        for r in sample.records(path):
            texts[r["Package"], r.get("Description-md5")] = r.get("Description-en", "")
    source = lambda r: r.get("Source", r["Package"]).split()[0]
    fit = {n for n, r in all_packages.items() if r.get("Section", "").split("/")[-1] in sample.SECTIONS and not n.startswith("lib")}
    for name in sorted(fit):
        for field in ("Recommends", "Suggests", "Enhances"):
            for other in names(all_packages[name].get(field, "")) & fit:
                if source(all_packages[name]) != source(all_packages[other]):
                    related[name].add(other)
                    related[other].add(name)
    chosen = set(sorted(related, key=lambda n: hashlib.sha256(n.encode()).digest())[:DOCUMENTS])
    chosen |= {o for n in chosen for o in sorted(related[n])[:2]}
    out = {}
    for name in sorted(chosen):
        summary, *rest = texts.get((name, all_packages[name].get("Description-md5")), all_packages[name].get("Description", "")).split("\n")
        text = f"{summary}. {sample.prose(rest)}"[:400]
        given_away = "|".join(map(re.escape, sorted({name} | related[name], key=len, reverse=True)))
        out[name] = re.sub(rf"(?i)(?<![\w-])({given_away})(?![\w-])", "", text), related[name] & chosen
    return {n: v for n, v in out.items() if v[1]}


@pytest.fixture(scope="module")
def server():
    if not MODEL:
        pytest.skip("needs AKIN_TEST_MODEL")
    e2e = module("e2e", ROOT / "tests" / "e2e" / "conftest.py")
    with e2e.running(e2e.Server(flags=["--model", MODEL])) as s:
        yield s


def recall_at_20(ask, packages):
    total = 0
    for name, (_, related) in packages.items():
        found = [hit["id"] for hit in ask(name)]
        total += len(related & set(found[:20])) / min(20, len(related))
    return total / len(packages)


def test_related(server, packages):
    server.collection("packages")
    server.lines("packages", [{"id": n, "text": t} for n, (t, _) in packages.items()])
    similar = recall_at_20(lambda n: server.post("/v1/collections/packages/similar", {"id": n, "limit": 20})["data"], packages)
    words = recall_at_20(lambda n: [h for h in server.post("/v1/collections/packages/search", {
        "q": " ".join(re.findall(r"\w+", packages[n][0])[:40]) or "x", "mode": "lexical", "limit": 21})["data"] if h["id"] != n], packages)
    print(f"\n{len(packages)} packages, R@20: similar {similar:.4f}, words {words:.4f}, by chance {20 / len(packages):.4f}")
    assert similar >= RECALL_AT_20 and similar >= OVER_WORDS * words
