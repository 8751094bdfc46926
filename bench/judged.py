"""nDCG@10 by meaning alone on the judged sets of AKIN_JUDGED: corpus and queries through an encoder, texts cut at what the model was trained for,
all cosines, no index. So a difference is the encoder's."""
import json
import math
import os
import pathlib

from tokenizers import Tokenizer

import encoders
from setting import WORK

JUDGED = pathlib.Path(os.environ.get("AKIN_JUDGED", "/nonexistent"))
SETS = ("cranfield", "xquad-en")


def sets():
    return [s for s in SETS if (JUDGED / s).is_dir()]


def read(path):
    """-> names, texts"""
    rows = [json.loads(line) for line in open(path, encoding="utf-8")]
    texts = [" ".join(filter(None, (r.get("title"), r.get("text")))) for r in rows]
    return [str(r.get("_id", r.get("id"))) for r in rows], texts


def vectors(name, texts, precision, model):
    best = json.loads((model / "sentence_bert_config.json").read_text())["max_seq_length"]
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(best)
    path = WORK / f"judged-{name}.ids"
    path.write_text("\n".join(" ".join(map(str, e.ids)) for e in tokenizer.encode_batch(texts)) + "\n")
    e = encoders.akin(precision, model, path, os.cpu_count())
    out = e.vectors(len(texts))
    e.close()
    return out


def ndcg_of(name, precision, model):
    documents, texts = read(JUDGED / name / "corpus.jsonl")
    queries, questions = read(JUDGED / name / "queries.jsonl")
    grades = {}
    for line in (JUDGED / name / "qrels.tsv").read_text().splitlines()[1:]:
        query, document, grade = line.split("\t")
        grades.setdefault(query, {})[document] = int(grade)
    scores = vectors(f"{name}-queries", questions, precision, model) @ vectors(name, texts, precision, model).T
    total, count = 0.0, 0
    for query, row in zip(queries, scores):
        ideal = sum(g / math.log2(i + 2) for i, g in enumerate(sorted(grades.get(query, {}).values(), reverse=True)[:10]))
        if ideal > 0:
            found = [grades[query].get(documents[j], 0) for j in (-row).argsort()[:10]]
            total, count = total + sum(g / math.log2(i + 2) for i, g in enumerate(found)) / ideal, count + 1
    return total / count
