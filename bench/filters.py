#!/usr/bin/env python3
"""The vector index under filters that pass 50, 10, 1, .1 and .01 %, at random, following clusters, and excluding the query's own
cluster: recall@10, queries a second beside those of an exact scan of what passes, one thread, and which way the planner took.

    ./dev bench filters [--base A.npy --queries Q.npy] [--count N] [--k N] [--width N]

Without files: sentences of the sample's descriptions, embedded by akin, as `./dev bench index` has them. The index is kept in the
state folder. Fails where recall is below .97 or an answer has fewer than min(k, matches) hits."""
import argparse, hashlib, json, os, pathlib, subprocess, sys
from index import embedded
from setting import AKIN, WORK, machine

BENCH = pathlib.Path(os.environ.get("AKIN_BUILD", pathlib.Path(AKIN).parent)) / "bench" / "bench_filters"
RECALL_MIN, SLOWER = .97, .9  # two measurements of one way differ by a tenth


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--base"), p.add_argument("--queries")
    p.add_argument("--count", type=int, default=60000)
    p.add_argument("--k", type=int, default=10)
    p.add_argument("--width", type=int)
    o = p.parse_args()
    machine()
    paths = (o.base, o.queries) if o.base else embedded(o.count)
    name = f"{os.path.abspath(paths[0])} {os.path.getmtime(paths[0])} {BENCH.stat().st_mtime}"
    kept = WORK / ("filters-" + hashlib.sha256(name.encode()).hexdigest()[:12])
    for old in WORK.glob("filters-*"):
        if old != kept:
            old.unlink()
    command = [str(BENCH), "--base", str(paths[0]), "--queries", str(paths[1]), "--keep", str(kept), "--json", "1", "--k", str(o.k)]
    run = subprocess.Popen(command + (["--width", str(o.width)] if o.width else []), stdout=subprocess.PIPE, text=True)
    print(f"{'filter':10} {'passes':>8} {'recall':>7} {'short':>5} {'q/s':>8} {'scan q/s':>9} {'ratio':>6}   scanned/walked/gave up")
    rows = []
    for row in map(json.loads, run.stdout):
        rows.append(row)
        row["ratio"] = round(row["qps"] / row["scan_qps"], 2)
        note = "  recall!" * (row["recall"] < RECALL_MIN) + "  short!" * (row["shorter"] > 0) + "  slower!" * (row["ratio"] < SLOWER)
        print(f"{row['filter']:10} {100 * row['share']:7.4g}% {row['recall']:7.4f} {row['shorter']:5} {row['qps']:8.0f} {row['scan_qps']:9.0f} "
              f"{row['ratio']:6.2f}   {row['scanned']}/{row['walked']}/{row['gave_up']}{note}", flush=True)
    if run.wait():
        return 1
    print(json.dumps(rows))
    return int(any(r["recall"] < RECALL_MIN or r["shorter"] for r in rows))


if __name__ == "__main__":
    sys.exit(main())
