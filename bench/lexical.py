#!/usr/bin/env python3
"""The inverted index beside tantivy: the same tokens and queries, one thread each on one processor, taking turns in each round.

    ./dev bench lexical [--documents N] [--whole] [--queries N] [--rounds N] [--json FILE]

Texts: the descriptions of Debian's packages, as bench/texts.py has them; with --whole a package's whole text is a document. Tokens:
runs of letters and digits in lower case, found beforehand. Both engines get a text as its tokens between single blanks and split it
there (tantivy: its whitespace tokenizer, in memory, terms with positions, nothing stored, one indexing thread, ended by a commit of
one segment; its Document objects are made outside the time). Queries: 2 or 3 words in a row out of the texts, top 10, numbers of
documents only. tantivy: Searcher.search with count=False of a query made beforehand; what its Python binding takes is that of an
empty query, told apart and subtracted where a ratio says net. Goals: net p50 and p99 at most tantivy's, documents/s at least.
Apart: akin's full analysis (text to terms to index), its dictionary (corrections of a wrong letter, continuations), its file."""
import argparse
import json
import os
import pathlib
import random
import re
import statistics
import subprocess
import sys
import time

import texts
from setting import AKIN, WORK, machine, packages

BENCH = pathlib.Path(os.environ.get("AKIN_BUILD", pathlib.Path(AKIN).parent)) / "bench" / "bench_lexical"
K = 10


def one_processor():
    """All that is started later, threads and processes, shares one with this."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


class Akin:
    name = "akin"

    def __init__(self, paths):
        self.process = subprocess.Popen([str(BENCH), *map(str, paths)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def tell(self, command):
        print(command, file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())

    def index(self):
        return self.tell("index")

    def ask(self, kind):
        return self.tell(kind)

    def hits(self, kind):
        return self.tell("hits " + kind)

    def close(self):
        self.process.stdin.close()
        if self.process.wait():
            raise SystemExit(f"bench_lexical ended with {self.process.returncode}")


class Tantivy:
    name = "tantivy"

    def __init__(self, lines, queries):
        import tantivy
        self.t = tantivy
        self.documents = [tantivy.Document(text=line) for line in lines]
        self.nothing = [tantivy.Document(text="")] * len(lines)
        builder = tantivy.SchemaBuilder()
        builder.add_text_field("text", stored=False, tokenizer_name="blanks", index_option="position")
        self.schema = builder.build()
        term = lambda w: tantivy.Query.term_query(self.schema, "text", w, index_option="freq")
        query = lambda q, occur: tantivy.Query.boolean_query([(occur, term(w)) for w in q.split()])
        self.queries = {"or": [query(q, tantivy.Occur.Should) for q in queries], "and": [query(q, tantivy.Occur.Must) for q in queries],
                        "empty": [tantivy.Query.empty_query()] * len(queries)}

    def made(self, documents):
        index = self.t.Index(self.schema)
        index.register_tokenizer("blanks", self.t.TextAnalyzerBuilder(self.t.Tokenizer.whitespace()).build())
        writer = index.writer(heap_size=512 << 20, num_threads=1)
        begin, cpu = time.perf_counter(), time.process_time()
        for d in documents:
            writer.add_document(d)
        writer.commit()
        took = {"seconds": time.perf_counter() - begin, "cpu_seconds": time.process_time() - cpu}
        writer.wait_merging_threads()
        index.reload()
        return index, took

    def index(self):
        self.feeding = self.made(self.nothing)[1]["seconds"]
        index, took = self.made(self.documents)
        self.searcher = index.searcher()
        if self.searcher.num_segments != 1:
            raise SystemExit(f"tantivy has {self.searcher.num_segments} segments")
        return took | {"feeding_seconds": self.feeding}

    def ask(self, kind):
        search, us, clock = self.searcher.search, [], time.perf_counter_ns
        for q in self.queries[kind]:
            begin = clock()
            search(q, K, False)
            us.append((clock() - begin) / 1e3)
        total = sum(us)
        us.sort()
        return {"p50_us": us[len(us) // 2], "p99_us": us[len(us) * 99 // 100], "qps": 1e6 * len(us) / total}

    def hits(self, kind):
        return [[address.doc + 1 for _, address in self.searcher.search(q, K, False).hits] for q in self.queries[kind]]

    def bytes(self):
        """Of its files, written once."""
        folder = WORK / "lexical-tantivy"
        subprocess.run(["rm", "-rf", str(folder)], check=True)
        folder.mkdir()
        index = self.t.Index(self.schema, path=str(folder))
        index.register_tokenizer("blanks", self.t.TextAnalyzerBuilder(self.t.Tokenizer.whitespace()).build())
        writer = index.writer(heap_size=512 << 20, num_threads=1)
        for d in self.documents:
            writer.add_document(d)
        writer.commit()
        writer.wait_merging_threads()
        total = sum(f.stat().st_size for f in folder.iterdir())
        subprocess.run(["rm", "-rf", str(folder)], check=True)
        return total


def queries_of(lines, count, seed=7):
    rng, out = random.Random(seed), {}
    for _ in range(100 * count):
        words = rng.choice(lines).split()
        n = rng.randint(2, 3)
        at = rng.randrange(max(1, len(words) - n + 1))
        words = words[at:at + n]
        if len(words) == n == len(set(words)):
            out[" ".join(words)] = True
        if len(out) == count:
            break
    return list(out)


def prepare(o):
    if o.whole:
        found = [" ".join((d["title"] + "\n" + d["text"]).split()) for d in packages()][:o.documents]
    else:
        found = texts.short_texts([], o.documents)
    lines = [" ".join(re.findall(r"[^\W_]+", t.lower())) for t in found]
    queries = queries_of(lines, o.queries)
    paths = [WORK / f"lexical-{name}.txt" for name in ("tokens", "queries", "texts")]
    for path, content in zip(paths, (lines, queries, found)):
        path.write_text("".join(line + "\n" for line in content))
    return lines, queries, paths


def agreement(ours, theirs):
    """How many of the queries find as many, and the share of hits found by both (tantivy rounds lengths: near ties differ)."""
    same = sum(len(a) == len(b) for a, b in zip(ours, theirs))
    shared = sum(len(set(a) & set(b)) for a, b in zip(ours, theirs)) / max(1, sum(len(b) for b in theirs))
    return same / len(ours), shared


def medians(rounds):
    return {key: statistics.median(r[key] for r in rounds) for key in rounds[0]}


missed = []


def ratio_line(what, each, wanted_at_most=None, wanted_at_least=None):
    ratio = statistics.median(each)
    text = f"{what}: {ratio:.2f} ({min(each):.2f}-{max(each):.2f})"
    bad = (wanted_at_most is not None and ratio > wanted_at_most) or (wanted_at_least is not None and ratio < wanted_at_least)
    print("  " + text + ("  MISSED" if bad else ""))
    if bad:
        missed.append(text)
    return ratio


def indexing(engines, count, rounds):
    out = {}
    for e in engines:
        out[e.name] = medians([r[e.name]["index"] for r in rounds])
        rate = count / out[e.name]["seconds"]
        rest = f"{out[e.name]['bytes'] / 1e6:.1f} MB in memory, {out[e.name]['terms']:.0f} terms" if e.name == "akin" else \
            f"{e.bytes() / 1e6:.1f} MB of files; handing over empty documents: {out[e.name]['feeding_seconds']:.2f} s of {out[e.name]['seconds']:.2f} s"
        print(f"index  {e.name:8} {rate:9.0f} documents/s   {rest}")
    if len(engines) > 1:
        ratio_line("akin / tantivy, documents/s, wanted 1 or more", [r["tantivy"]["index"]["seconds"] / r["akin"]["index"]["seconds"] for r in rounds], wanted_at_least=1)
    return out


def asking(engines, kind, rounds):
    out = {e.name: medians([r[e.name][kind] for r in rounds]) for e in engines}
    for name, m in out.items():
        print(f"{kind:6} {name:8} p50 {m['p50_us']:9.2f}  p99 {m['p99_us']:9.2f} us  {m['qps']:9.0f} queries/s")
    if len(engines) > 1 and kind != "empty":
        net = lambda r, name, p: r[name][kind][p] - r[name]["empty"]["p50_us"]
        for p in ("p50_us", "p99_us"):
            ratio_line(f"akin / tantivy, {p[:3]}", [r["akin"][kind][p] / r["tantivy"][kind][p] for r in rounds])
            ratio_line(f"akin / tantivy, {p[:3]} net, wanted 1 or less", [net(r, "akin", p) / net(r, "tantivy", p) for r in rounds], wanted_at_most=1)
    return out


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--documents", type=int, default=60000)
    p.add_argument("--whole", action="store_true", help="a package's whole text a document")
    p.add_argument("--queries", type=int, default=1000)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--no-peer", action="store_true", help="akin alone")
    p.add_argument("--json", type=pathlib.Path, help="everything measured, into this file")
    o = p.parse_args()
    one_processor()
    machine()
    lines, queries, paths = prepare(o)
    print(f"## {len(lines)} texts, {sum(len(x.split()) for x in lines) / len(lines):.1f} words each; {len(queries)} queries of 2-3 words, top {K}; one processor; medians of {o.rounds} rounds")
    akin = Akin(paths)
    engines = [akin]
    try:
        if not o.no_peer:
            engines.append(Tantivy(lines, queries))
    except ImportError as e:
        print(f"missing: tantivy: {e}")
    rounds = []
    for n in range(o.rounds):
        r = {e.name: {} for e in engines}
        for what in ("index", "empty", "or", "and"):
            for e in engines[::1 if n % 2 else -1]:
                r[e.name][what] = e.index() if what == "index" else e.ask(what)
        rounds.append(r)
    result = {"documents": len(lines), "rounds": rounds, "index": indexing(engines, len(lines), rounds)}
    for kind in ("empty", "or", "and"):
        result[kind] = asking(engines, kind, rounds)
    if len(engines) > 1:
        for kind in ("or", "and"):
            same, shared = agreement(akin.hits(kind), engines[1].hits(kind))
            result["agreement " + kind] = [same, shared]
            print(f"check  {kind}: {same:.1%} of the queries find as many in both, {shared:.1%} of the top {K} are the same")
            if same < 1:
                missed.append(f"{kind}: not as many found")
    for kind in ("text", "near", "prefix", "file"):
        result[kind] = akin.tell(kind)
    akin.close()
    print(f"full analysis: {len(lines) / result['text']['seconds']:.0f} documents/s from text to index")
    print(f"dictionary: near p50 {result['near']['p50_us']:.1f}, p99 {result['near']['p99_us']:.1f} us; prefix p50 {result['prefix']['p50_us']:.1f}, p99 {result['prefix']['p99_us']:.1f} us")
    print(f"file: {result['file']['bytes'] / 1e6:.2f} MB, saved in {result['file']['save_ms']:.1f}, loaded in {result['file']['load_ms']:.1f} ms")
    if o.json:
        o.json.write_text(json.dumps(result, indent=1))
    for m in missed:
        print("MISSED: " + m)
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
