#!/usr/bin/env python3
"""A collection changes its embedding version while 100 searches a second go on: promoted and rolled back in turns. Counted are errors, mixed answers (each names
its version; its hits and cosines must be those which that version alone gave when it was quiet) and late ones (due after the switch was answered, yet of
the version before). The other version is the same model at --dimensions, or --other MODEL."""
import argparse, json, shutil, sys, time

from load import Client, Load, percentile_ms
from setting import Server, WORK, add, machine, packages, queries

p = argparse.ArgumentParser(description=__doc__)
p.add_argument("--documents", type=int, default=3000)
p.add_argument("--rate", type=float, default=100)
p.add_argument("--switches", type=int, default=6, help="promotions, each followed by a rollback")
p.add_argument("--pause", type=float, default=3, help="seconds between two")
p.add_argument("--dimensions", type=int, default=128)
p.add_argument("--other", help="a model in the data folder's models, instead of --dimensions")
p.add_argument("--quick", action="store_true")
p.add_argument("--json", help="into this file")
a = p.parse_args()
machine()
if a.quick:
    a.documents, a.switches, a.pause = 300, 2, 1

data, documents, base = WORK / "switch-data", WORK / "switch.jsonl", "/v1/collections/bench"
shutil.rmtree(data, ignore_errors=True)
with open(documents, "w") as f:
    for n, d in enumerate(packages()):
        if n == a.documents:
            break
        f.write(json.dumps({"id": d["id"], "text": d["title"]}) + "\n")
searches = [("POST", base + "/search", {"q": q, "mode": "semantic", "limit": 10}) for q in queries(200)]


def must(answer):
    status, body = answer
    if status not in (200, 201):
        raise SystemExit(f"{status} {body}")
    return body


def hits(answer):
    return [(h["id"], h["scores"]["semantic"]) for h in answer["data"]]


def alike(one, other):
    """The same documents with the same cosines; two that are equally near may change places."""
    return len(one) == len(other) and all(abs(x[1] - y[1]) < 1e-4 for x, y in zip(one, other)) and \
        {i for i, s in one if s > other[-1][1] + 1e-4} <= {i for i, _ in other}


def recorded(client):
    """What the active version alone answers -> version, hits of each query."""
    answers = [must(client.ask(*s)) for s in searches]
    assert len({x["embedding_version"] for x in answers}) == 1
    return answers[0]["embedding_version"], [hits(x) for x in answers]


def built(client):
    version = must(client.ask("POST", base + "/embedding-versions", {"model": a.other} if a.other else {"dimensions": a.dimensions}))
    started = time.monotonic()
    while version["state"] == "building":
        time.sleep(0.1)
        version = must(client.ask("GET", f"{base}/embedding-versions/{version['id']}"))
    print(f"version {version['id']} is {version['state']} after {time.monotonic() - started:.1f} s", flush=True)
    return version["id"]


def switched(client, path, load):
    """-> seconds that it took, the moment of its answer on the load's clock, the version that is active now."""
    started = time.monotonic()
    version = must(client.ask("POST", base + "/embedding-versions" + path))
    ended = time.monotonic()
    return ended - started, ended - load.started, version


with Server(data, "--set", "embed.cache_bytes=0") as s:  # so that each search embeds its query
    print("  " + add(s.url, "bench", documents).strip())
    client = Client(s.url)
    other = built(client)
    truth = dict([recorded(client)])
    before = next(iter(truth))
    must(client.ask("POST", f"{base}/embedding-versions/{other}:promote"))
    truth.update([recorded(client)])
    must(client.ask("POST", base + "/embedding-versions:rollback"))
    assert set(truth) == {before, other}
    told_apart = sum(not alike(x, y) for x, y in zip(*truth.values()))
    assert told_apart > 0.9 * len(searches), f"only {told_apart} of {len(searches)} queries would show a mixed answer"

    load, turns = Load(s.url, searches, a.rate).start(), []
    for _ in range(a.switches):
        time.sleep(a.pause)
        turns.append(("promote", other, *switched(client, f"/{other}:promote", load)[:2]))
        time.sleep(a.pause)
        turns.append(("rollback", before, *switched(client, ":rollback", load)[:2]))
    time.sleep(a.pause)
    answers = load.stop()

errors = [x for x in answers if x[3] != 200]
mixed = [x for x in answers if x[3] == 200 and not alike(hits(x[4]), truth[x[4]["embedding_version"]][x[0]])]
late = 0
for number, (_, active, _, moment) in enumerate(turns):
    until = turns[number + 1][3] - turns[number + 1][2] if number + 1 < len(turns) else float("inf")  # the next one had not begun
    late += sum(x[3] == 200 and moment < x[1] and x[1] + x[2] < until and x[4]["embedding_version"] != active for x in answers)
slowest = {k: max(t[2] for t in turns if t[0] == k) for k in ("promote", "rollback")}
result = {"requests": len(answers), "errors": len(errors), "mixed": len(mixed), "late": late, "of_version": {v: sum(x[3] == 200 and x[4]["embedding_version"] == v for x in answers) for v in truth},
          "promote_s": slowest["promote"], "rollback_s": slowest["rollback"], "p50_ms": percentile_ms(answers, .5), "p99_ms": percentile_ms(answers, .99)}
print(f"{len(answers)} searches over {len(turns)} switches: {len(errors)} errors, {len(mixed)} mixed, {late} late; of each version {result['of_version']}; "
      f"slowest promotion {slowest['promote']:.3f} s, slowest rollback {slowest['rollback']:.3f} s (wanted 1); p50 {result['p50_ms']:.1f} ms, p99 {result['p99_ms']:.1f} ms")
for x in errors[:3]:
    print("  error:", x[3], str(x[4])[:200])
for x in mixed[:3]:
    print("  mixed:", x[4]["embedding_version"], hits(x[4])[:3], "alone:", truth[x[4]["embedding_version"]][x[0]][:3])
if a.json:
    open(a.json, "w").write(json.dumps(result) + "\n")
sys.exit(bool(errors or mixed or late or slowest["rollback"] > 1))
