#!/usr/bin/env python3
"""Import against bare embedding: the same 20,000 descriptions through `akin add` into an empty server and through
`akin embed`. Embedding must be the bottleneck: the loss is what everything else costs. Interleaved, best of both runs."""
import argparse, json, re, shutil, subprocess, threading, time

from setting import AKIN, MODEL, Server, WORK, add, machine, packages

p = argparse.ArgumentParser(description=__doc__)
p.add_argument("--count", type=int, default=20000)
p.add_argument("--rounds", type=int, default=1)
p.add_argument("--precision", default="auto")
a = p.parse_args()
machine()

# Texts that a model reads whole, so that both ways embed the same tokens; a document is its text, without a title.
texts = []
for d in packages():
    text = " ".join(d["text"].split())
    if 40 < len(text) < 900:
        texts.append(text)
    if len(texts) == a.count:
        break
(WORK / "import.txt").write_text("\n".join(texts) + "\n")
with open(WORK / "import.jsonl", "w") as f:
    for n, text in enumerate(texts):
        f.write(json.dumps({"id": f"d{n}", "text": text}) + "\n")


def embed():
    run = subprocess.run([AKIN, "embed", "--model", MODEL, "--precision", a.precision, "--format", "npy", "--stats", str(WORK / "import.txt")],
                         stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True)
    tokens, seconds = re.search(r"tokens (\d+) seconds ([\d.]+)", run.stderr).groups()
    return int(tokens), float(seconds)


def bulk():
    data = WORK / "import-data"
    shutil.rmtree(data, ignore_errors=True)
    with Server(data, "--set", f"embed.precision={a.precision}") as s:
        memory, done = [], threading.Event()

        def watch():
            while not done.wait(0.5):
                memory.append(s.rss_mb())
        threading.Thread(target=watch, daemon=True).start()
        start = time.monotonic()
        print("  " + add(s.url, "bench", WORK / "import.jsonl").strip())
        seconds = time.monotonic() - start
        done.set()
    return seconds, memory


alone, whole = [], []
for _ in range(a.rounds):
    tokens, seconds = embed()
    alone.append(seconds)
    seconds, memory = bulk()
    whole.append(seconds)
    quarter = len(memory) // 4
    print(f"embed alone {alone[-1]:.1f} s ({tokens / alone[-1]:.0f} tokens/s), import {seconds:.1f} s ({len(texts) / seconds:.0f} documents/s), "
          f"memory after a quarter {memory[quarter]:.0f} MB, at the end {memory[-1]:.0f} MB")
print(f"loss of the import against embedding alone: {100 * (1 - min(alone) / min(whole)):.1f} %")
