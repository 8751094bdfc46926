#!/usr/bin/env python3
"""Recommendations on CiteULike-a (5,551 readers, 16,980 articles) beside implicit, irspack and LensKit (bench/recommenders.py), what each wanted
number is, what was reached, and how fast it is.

FOLDER holds, fetched by whoever runs this and never part of akin:
  users.dat, citations.dat   of github.com/js05212/citeulike-a: a line a reader, a line an article; a count, then articles
  titles.txt                 of github.com/ericproffitt/TopicModelsVB.jl, datasets/citeu/citeutitles.txt: a line an article
  e.npy                      vectors of the titles; without it they are made by `akin embed` and kept

How it is judged: five seeded splits (42 to 46), 555 readers to validate, 555 to test, the others to train on (Liang et al. 2018); of each reader
80 % is given; every article is ranked but those given. `akin eval recommend --cases` writes who and what, and all train and are judged on that.
Everybody has 12 fits to tune with, chosen by N@100 on the validation readers of the first split, and is then fitted on all five. Intervals: 95 %,
bootstrap over the test readers of all splits; p: paired randomisation test, two-sided. A library that is not installed is named and left out.
Fits of others take up to a minute each, an hour in all: what was measured is kept in --state, and a second run goes on from there."""
import argparse
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np

import recommend_cases
import recommenders
from setting import AKIN, MODEL, ROOT, WORK, Server, machine

BUILD = pathlib.Path(os.environ.get("AKIN_BUILD", pathlib.Path(AKIN).parent)) / "bench"
PARTS = ("known", "new", "related", "train", "latency", "feedback", "swap")
TRIES = recommenders.TRIES

p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
p.add_argument("folder", nargs="?", type=pathlib.Path, help="feedback and swap need none")
p.add_argument("--only", metavar="PART,...", help=", ".join(PARTS))
p.add_argument("--peers", metavar="NAME,...", help="only those whose name has one of these; none: none")
p.add_argument("--seeds", type=int, default=5)
p.add_argument("--rounds", type=int, default=10000, help="of the paired test (default 10000)")
p.add_argument("--state", type=pathlib.Path, default=WORK / "recommend", help="what was measured (default %(default)s)")
p.add_argument("--kept", action="store_true", help="of others only what --state has: no fit is begun")
p.add_argument("--json", type=pathlib.Path, help="all numbers into this file")
a = p.parse_args()
parts = a.only.split(",") if a.only else [*PARTS]
if set(parts) - set(PARTS):
    p.error(f"--only is of {', '.join(PARTS)}")
if not a.folder and set(parts) - {"feedback", "swap"}:
    p.error("FOLDER is missing: what belongs there says --help")
a.state.mkdir(parents=True, exist_ok=True)
rows, numbers = [], {}


def want(what, wanted, reached, met, shown):
    rows.append((what, wanted, shown, bool(met)))
    numbers[what] = {"wanted": wanted, "reached": reached, "met": bool(met)}
    print(f"  {what}: {shown} (wanted {wanted}): {'met' if met else 'NOT MET'}", flush=True)


def left_out(what, why):
    numbers[what] = {"left_out": why}
    print(f"  {what}: left out: {why}", flush=True)


def tell(line):
    print(f"  {line}", flush=True)


def files(*names):
    for name in names:
        if not (a.folder / name).is_file():
            raise SystemExit(f"{a.folder / name} is missing; where it is from says ./dev bench recommend --help")
    return [str(a.folder / name) for name in names]


def vectors():
    given = a.folder / "e.npy"
    made = a.state / "titles.npy"
    if given.is_file():
        return str(given)
    if not made.is_file():
        tell("embedding the titles")
        with open(made.with_suffix(".tmp"), "wb") as f:
            subprocess.run([AKIN, "embed", "--model", MODEL, "--format", "npy", *files("titles.txt")], stdout=f, check=True)
        made.with_suffix(".tmp").rename(made)
    return str(made)


def akin_eval(*options):
    run = subprocess.run([AKIN, "eval", "recommend", *files("users.dat"), "--format", "counted", "--quiet", "--json", *map(str, options)], capture_output=True, text=True)
    if run.returncode:
        raise SystemExit(run.stderr)
    return json.loads(run.stdout)


def program(name, *arguments):
    """-> its JSON lines"""
    run = subprocess.run([BUILD / name, *map(str, arguments)], capture_output=True, text=True)
    if run.returncode:
        raise SystemExit(f"{name}: {run.stderr}")
    return [json.loads(line) for line in run.stdout.splitlines()]


# ---- known documents ----

def akin_chosen(texts):
    """By the first split -> {kind: recipe}, and the validation N@100 of each"""
    out = akin_eval("--kinds", "ease", "--tries", TRIES, "--validation", 555, "--test", 555, *(["--vectors", vectors()] if texts else []))
    chosen = {c["name"]: c for c in out["seeds"][0]["chosen"]}
    return {k: (c["parameters"], max(t["ndcg@100"] for t in c["tried"]), len(c["tried"])) for k, c in chosen.items()}


def akin_judged(name, recipe, texts):
    """On all splits, by the rankings that it wrote -> {measure: a value a case}. Its cases are those of the others."""
    run = a.state / f"{name}.run"
    out = akin_eval("--recipe", json.dumps(recipe), "--seeds", a.seeds, "--validation", 555, "--test", 555, "--run", run, "--cases", a.state / "cases.jsonl",
                    *(["--vectors", vectors()] if texts else []))
    return {c["name"]: c for c in out["contenders"]}


def runs_values(splits, path):
    values = recommend_cases.run_values(path, splits)
    path.unlink()
    return values


def known_akin(readers, items):
    """-> {name: (values, setting, tried)}, splits"""
    tuned = {"akin": (akin_chosen(True), "ease", True), "plain EASE (akin)": (akin_chosen(False), "ease", False)}
    for kind in ("neighbours", "walks"):
        tuned[f"akin {kind}"] = (tuned["plain EASE (akin)"][0], kind, False)
    out, splits = {}, None
    for name, (chosen, kind, texts) in tuned.items():
        recipe, validated, tried = chosen[kind]
        judged = akin_judged("akin", recipe, texts)
        splits = splits or recommend_cases.splits(a.state / "cases.jsonl", readers, items)
        own = {name: kind} | ({"popularity": "popularity", "content": "content"} if texts else {})
        for shown, contender in own.items():
            values = runs_values(splits, a.state / f"akin.{contender}.run")
            told = judged[contender]["metrics"]["ndcg@100"]["mean"]
            assert abs(values["ndcg@100"].mean() - told) < 1e-9, (values["ndcg@100"].mean(), told)
            out[shown] = (values, recipe if shown == name else {}, tried if shown == name else 0)
        tell(f"{name} {recipe}: validated {validated:.4f} of {tried} tried")
    for leftover in a.state.glob("akin.*"):
        leftover.unlink()
    return out, splits


def known_others(splits):
    key = hashlib.sha256((a.state / "cases.jsonl").read_bytes()).hexdigest()[:16]
    kept = recommenders.Kept(a.state / "peers.jsonl", key, a.kept)
    out, missing = {}, 0
    for peer in recommenders.ALL:
        if a.peers and not any(n.lower() in peer.name.lower() for n in a.peers.split(",")):
            continue
        try:
            r = recommenders.judged(peer, kept, splits, tell)
            out[peer.name] = (r["values"], r["setting"], r["tried"])
        except recommenders.Missing as e:
            left_out(peer.name, str(e))
            missing += 1
    return out, missing


def known_table(all_):
    print(f"\n  {'known documents':<28}{'ndcg@100':>9}{'':18}{'recall@20':>10}{'recall@50':>10}{'recall@100':>11}  tried, chosen")
    for name, (values, setting, tried) in sorted(all_.items(), key=lambda x: -x[1][0]["ndcg@100"].mean()):
        mean, low, high = recommend_cases.interval(values["ndcg@100"])
        others = [recommend_cases.interval(values[m]) for m in ("recall@20", "recall@50", "recall@100")]
        numbers[f"known: {name}"] = {"ndcg@100": (mean, low, high), "recall": others, "setting": setting, "tried": tried}
        shown = " ".join(f"{k}={v:.4g}" if isinstance(v, float) else f"{k}={v}" for k, v in setting.items() if not k.startswith("text_"))
        print(f"  {name:<28}{mean:9.4f} [{low:.4f} {high:.4f}] {others[0][0]:10.4f}{others[1][0]:10.4f}{others[2][0]:11.4f}  {tried or ''} {shown}")
    print(flush=True)


def against(all_, name):
    d = recommend_cases.difference(all_["akin"][0]["ndcg@100"], all_[name][0]["ndcg@100"], a.rounds)
    numbers[f"akin less {name}"] = d
    return d, f"{d[0]:+.4f} [{d[1]:+.4f} {d[2]:+.4f}], p {d[3]:.4f}"


def known():
    readers = recommend_cases.read_counted(files("users.dat")[0])
    items = np.load(vectors(), mmap_mode="r").shape[0]
    all_, splits = known_akin(readers, items)
    others, missing = ({}, 0) if a.peers == "none" else known_others(splits)
    all_.update(others)
    known_table(all_)
    for name in all_:
        if name != "akin":
            tell(f"akin less {name}: {against(all_, name)[1]}")
    mean = float(all_["akin"][0]["ndcg@100"].mean())
    want("known documents, N@100", ">= .355", mean, mean >= .355, f"{mean:.4f}")
    d, shown = against(all_, "plain EASE (akin)")
    want("gain over plain EASE", ">= .01", d[0], d[0] >= .01, shown)
    if others:
        best = max(others, key=lambda n: others[n][0]["ndcg@100"].mean())
        d, shown = against(all_, best)
        want(f"gain over the best {f'of {len(others)} peers, {missing} left out' if missing else 'peer'} ({best})", "> 0, p < .05", d[0], d[0] > 0 and d[3] < .05, shown)


# ---- the others ----

def new():
    out = akin_eval("--split", "items", "--kinds", "ease", "--tries", TRIES, "--seeds", a.seeds, "--vectors", vectors())
    best = {c["name"]: c["metrics"]["recall@100"] for c in out["contenders"]}
    for name, m in best.items():
        tell(f"new documents, {name}: R@100 {m['mean']:.4f} [{m['low']:.4f} {m['high']:.4f}]")
    numbers["new documents"] = best
    want("new documents, R@100", ">= .66", best["ease"]["mean"], best["ease"]["mean"] >= .66, f"{best['ease']['mean']:.4f}")


def related():
    users, citations = files("users.dat", "citations.dat")
    out = program("bench_related", users, vectors(), citations)[0]
    tell(f"related documents, texts alone {out['texts']:.4f}, what is read together alone {out['read_together']:.4f}, {out['documents']} documents")
    want("related documents against citations, R@20", ">= .256", out["recall@20"], out["recall@20"] >= .256, f"{out['recall@20']:.4f}")


def train():
    out = program("bench_related", files("users.dat")[0], vectors())[0]
    want("training of dual EASE with texts", "<= 4 s on two idle cores", out["ease_seconds"], out["ease_seconds"] <= 4,
         f"{out['ease_seconds']:.2f} s on {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")


def fill(data):
    """The readers and titles as a collection; embedded by the stub, since what is measured comes after."""
    from load import Client
    titles = [line.strip() or "untitled" for line in open(files("titles.txt")[0], encoding="utf-8", errors="replace")]
    readers = recommend_cases.read_counted(files("users.dat")[0])
    acts = [{"user": f"u{u}", "document": f"d{i}", "type": "like"} for u, own in enumerate(readers) for i in own]
    with Server(data, "--model", "stub") as s:
        client = Client(s.url)
        base = "/v1/collections/cul"

        def must(method, path, body):
            status, answer = client.ask(method, path, body)
            if status not in (200, 201):
                raise SystemExit(f"{path}: {status} {str(answer)[:200]}")

        must("POST", "/v1/collections", {"name": "cul", "settings": {"training": {"schedule": "manual"}}})
        for first in range(0, len(titles), 1000):
            must("POST", base + "/documents", [{"id": f"d{i}", "text": t} for i, t in enumerate(titles[first:first + 1000], first)])
        for first in range(0, len(acts), 1000):
            must("POST", base + "/feedback", acts[first:first + 1000])
    return len(readers)


def latency():
    data = WORK / "recommend-data"
    shutil.rmtree(data, ignore_errors=True)
    count = fill(data)
    out = {r["requests"]: r for r in program("bench_recommend_request", data, "cul", "stub", "u", count) if "requests" in r}
    shutil.rmtree(data, ignore_errors=True)
    numbers["latency"] = out
    for name, r in out.items():
        tell(f"inside the engine, {name}: p50 {r['p50_us'] / 1000:.2f} ms, p99 {r['p99_us'] / 1000:.2f} ms")
    r = out["model"]
    want("a reader's recommendations, p50", "<= 2 ms", r["p50_us"] / 1000, r["p50_us"] <= 2000, f"{r['p50_us'] / 1000:.2f} ms")
    want("a reader's recommendations, p99", "<= 10 ms", r["p99_us"] / 1000, r["p99_us"] <= 10000, f"{r['p99_us'] / 1000:.2f} ms")


def bench(name):
    """Another bench's numbers; what it prints is shown."""
    path = a.state / f"{name}.json"
    path.unlink(missing_ok=True)
    subprocess.run([sys.executable, ROOT / "bench" / f"{name}.py", "--json", path])
    if not path.is_file():
        raise SystemExit(f"bench/{name}.py ended early")
    return json.loads(path.read_text())


def feedback():
    out = bench("feedback")
    want("feedback, durable, in batches of 1,000", ">= 20000 events/s", out["events_per_s"], out["events_per_s"] >= 20000 and not out["faults"], f"{out['events_per_s']:.0f} events/s")


def swap():
    out = bench("swap_recommender")
    more = out["p99_ms"] / out["quiet_p99_ms"] - 1
    want("change of model under load, errors", "0", out["errors"] + out["mixed"] + out["late"], not (out["errors"] or out["mixed"] or out["late"]),
         f"{out['errors']} errors, {out['mixed']} mixed, {out['late']} late of {out['requests']}")
    want("change of model under load, p99", "+20 % at most", more, more <= .2, f"{more:+.0%} ({out['quiet_p99_ms']:.1f} to {out['p99_ms']:.1f} ms)")
    want("rollback", "<= 1 s", out["rollback_s"], out["rollback_s"] <= 1, f"{out['rollback_s']:.3f} s")


machine()
for part in parts:
    print(f"{part}:", flush=True)
    globals()[part]()
print(f"\n{'':<58}{'wanted':<26}reached")
for what, wanted, shown, met in rows:
    print(f"{what:<58}{wanted:<26}{shown}{'' if met else '  NOT MET'}")
if a.json:
    a.json.write_text(json.dumps(numbers, indent=1, default=float) + "\n")
sys.exit(not all(met for *_, met in rows))
