#!/usr/bin/env python3
"""A collection changes its recommender while readers ask: promoted and rolled back in turns. Counted are errors, mixed answers (each names its recommender; its
documents must be those which that one alone gave when it was quiet) and late ones (due after the switch was answered, yet of the one before); the slowest rollback;
and how much longer the slowest hundredth of the requests took than without switches. Readers are generated: each reads on where others read on."""
import argparse, json, random, shutil, sys, time

from load import Client, Load, percentile_ms
from setting import Server, WORK, machine

p = argparse.ArgumentParser(description=__doc__)
p.add_argument("--documents", type=int, default=3000)
p.add_argument("--readers", type=int, default=2000)
p.add_argument("--rate", type=float, default=200)
p.add_argument("--switches", type=int, default=6, help="promotions, each followed by a rollback")
p.add_argument("--pause", type=float, default=1.5, help="seconds between two")
p.add_argument("--quick", action="store_true")
p.add_argument("--json", help="into this file")
a = p.parse_args()
machine()
if a.quick:
    a.documents, a.readers, a.switches, a.pause = 500, 200, 3, 0.5

data, base = WORK / "swap-data", "/v1/collections/bench"
shutil.rmtree(data, ignore_errors=True)
rng, ROW = random.Random(1), 50
requests = [("POST", base + "/recommend", {"user": f"u{u}", "limit": 10}) for u in range(min(200, a.readers))]


def must(answer):
    status, body = answer
    if status not in (200, 201, 202):
        raise SystemExit(f"{status} {body}")
    return body


def filled(client):
    settings = {"training": {"schedule": "manual"}, "feedback": {"half_life_days": None}}
    must(client.ask("POST", "/v1/collections", {"name": "bench", "settings": settings}))
    for first in range(0, a.documents, 500):
        must(client.ask("POST", base + "/documents", [{"id": f"d{n}", "text": f"text about word{n % 97} and word{n % 89}"} for n in range(first, min(first + 500, a.documents))]))
    rows = []
    for u in range(a.readers):
        row, start = rng.randrange(a.documents // ROW) * ROW, rng.randrange(ROW)
        rows += [{"user": f"u{u}", "document": f"d{row + (start + n) % ROW}", "type": "like"} for n in range(15)]
    for first in range(0, len(rows), 1000):
        must(client.ask("POST", base + "/feedback", rows[first:first + 1000]))


def trained(client, kind):
    task = must(client.ask("POST", base + "/recommenders:train", {"kind": kind, "promote": False}))
    while task["status"] in ("queued", "running"):
        time.sleep(0.1)
        task = must(client.ask("GET", f"/v1/tasks/{task['id']}"))
    if task["status"] != "done":
        raise SystemExit(task)
    print(f"{kind}: recommender {task['details']['recommender']} after {task['details']['seconds']:.1f} s", flush=True)
    return task["details"]["recommender"]


def ids(answer):
    return [x["id"] for x in answer["data"]]


def scores(answer):
    return [x["score"] for x in answer["data"]]


def alike(answer, alone):
    """The same scores; documents of equal ones may change places."""
    return len(scores(answer)) == len(alone[1]) and all(abs(x - y) < 1e-3 for x, y in zip(scores(answer), alone[1]))


def recorded(client, recommender):
    must(client.ask("POST", f"{base}/recommenders/{recommender}:promote"))
    answers = [must(client.ask(*r)) for r in requests]
    assert {x["recommender"] for x in answers} == {recommender}
    return [(ids(x), scores(x)) for x in answers]


def switched(client, path, load):
    started = time.monotonic()
    active = must(client.ask("POST", base + "/recommenders" + path))
    ended = time.monotonic()
    return ended - started, ended - load.started, active["id"]


with Server(data, "--set", "log.level=warn") as s:
    client = Client(s.url)
    filled(client)
    one, two = trained(client, "ease"), trained(client, "walks")
    truth = {two: recorded(client, two), one: recorded(client, one)}
    told_apart = sum(x[0] != y[0] for x, y in zip(truth[one], truth[two]))
    assert told_apart > len(requests) / 2, f"only {told_apart} of {len(requests)} readers would show a mixed answer"
    seconds = 2 * a.switches * a.pause
    load = Load(s.url, requests, a.rate).start()
    time.sleep(seconds)
    quiet = load.stop()
    load, turns = Load(s.url, requests, a.rate).start(), []
    for _ in range(a.switches):
        time.sleep(a.pause)
        turns.append(("promote", *switched(client, f"/{two}:promote", load)))
        time.sleep(a.pause)
        turns.append(("rollback", *switched(client, ":rollback", load)))
    time.sleep(a.pause)
    answers = load.stop()

errors = [x for x in answers + quiet if x[3] != 200]
good = [x for x in answers if x[3] == 200]
mixed = [x for x in good if not alike(x[4], truth[x[4]["recommender"]][x[0]])]
late = 0
for number, (_, _, moment, active) in enumerate(turns):
    until = turns[number + 1][2] - turns[number + 1][1] if number + 1 < len(turns) else float("inf")
    late += sum(moment < x[1] and x[1] + x[2] < until and x[4]["recommender"] != active for x in good)
slowest = {k: max(t[1] for t in turns if t[0] == k) for k in ("promote", "rollback")}
result = {"requests": len(answers), "errors": len(errors), "mixed": len(mixed), "late": late, "promote_s": slowest["promote"], "rollback_s": slowest["rollback"],
          "quiet_p99_ms": percentile_ms(quiet, .99), "p50_ms": percentile_ms(answers, .5), "p99_ms": percentile_ms(answers, .99)}
print(f"{len(answers)} recommendations over {len(turns)} switches: {len(errors)} errors, {len(mixed)} mixed, {late} late; slowest promotion {slowest['promote']:.3f} s, "
      f"slowest rollback {slowest['rollback']:.3f} s (wanted 1); p50 {result['p50_ms']:.1f} ms, p99 {result['p99_ms']:.1f} ms, without switches {result['quiet_p99_ms']:.1f} "
      f"({result['p99_ms'] / result['quiet_p99_ms'] - 1:+.0%}; wanted at most +20%)")
for x in errors[:3]:
    print("  error:", x[3], str(x[4])[:200])
for x in mixed[:3]:
    print("  mixed:", x[4]["recommender"], ids(x[4])[:5], "alone:", truth[x[4]["recommender"]][x[0]][0][:5])
if a.json:
    open(a.json, "w").write(json.dumps(result) + "\n")
sys.exit(bool(errors or mixed or late or slowest["rollback"] > 1))
