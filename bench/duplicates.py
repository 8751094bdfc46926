#!/usr/bin/env python3
"""Near-duplicates among the sample's descriptions: what a document costs when it comes in, memory, and deleting all originals.
--titles: of the titles alone, as short texts; --pairs N: about N of the marked pairs, to read."""
import argparse, os, pathlib, subprocess

from setting import ROOT, WORK, machine, packages

p = argparse.ArgumentParser(description=__doc__)
p.add_argument("--titles", action="store_true")
p.add_argument("--pairs", type=int, default=0)
a = p.parse_args()
machine()
path = WORK / "duplicates.txt"
with open(path, "w", encoding="utf-8") as f:
    for d in packages():
        f.write(" ".join((d["title"] + ("" if a.titles else " " + d["text"])).split()) + "\n")
build = pathlib.Path(os.environ.get("AKIN_BUILD", ROOT / "build"))
subprocess.run([build / "bench" / "bench_duplicates", path, *(["--pairs", str(a.pairs)] if a.pairs else [])], check=True)
