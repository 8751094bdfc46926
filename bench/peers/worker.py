"""A peer of bench/embed.py, in a process of its own: worker.py PEER PRECISION MODEL IDS THREADS WORK

The token ids (IDS: a text a line) are read and put into batches beforehand; each line on stdin is a wish, as bench/embed.c has them:
    (at start)      -> "ready precision P resident_mb N batch_tokens N engines N"
    all             -> "tokens N wall S cpu S": all texts
    one             -> the milliseconds of each text alone
    vectors PATH    -> "done"; PATH is then count x dims floats of length 1

What a peer is, is told by peer_<name>.py beside this file:
    PRECISIONS                            what it can do
    prepare(model, precision, work, ids)  its own form of the model, made once and kept in `work`; -> what Engine takes
    Engine(prepared, precision, threads)
        .feed(texts)                      lists of ids as one batch in its own form; not timed
        .run(feed)                        the encoder; timed
        .vectors(result, texts)           of what run gave: mean pooled
Batches are sorted by length; their size, and whether two threads share a batch or work apart, is tried out at the start: each peer at its best."""
import importlib
import itertools
import pathlib
import re
import sys
import threading
import time

import numpy as np

BATCH_TOKENS = (256, 512, 1024, 2048)
TRIED_TOKENS = 3000  # of texts on which the best way is found


def resident_mb():
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path("/proc/self/status").read_text()).group(1)) // 1024


def padded(texts, width=None):
    """-> ids and mask [count, width] of int32."""
    width = width or max(map(len, texts))
    ids, mask = np.zeros((len(texts), width), np.int32), np.zeros((len(texts), width), np.int32)
    for i, t in enumerate(texts):
        ids[i, :len(t)], mask[i, :len(t)] = t, 1
    return ids, mask


def pooled(hidden, texts):
    """Mean over each text's own tokens of [count, width, dims]."""
    return np.stack([h[:len(t)].mean(0) for h, t in zip(hidden, texts)])


def batches(texts, tokens):
    out, at = [], 0
    while at < len(texts):
        end = at + 1
        while end < len(texts) and (end + 1 - at) * len(texts[end]) <= tokens:
            end += 1
        out.append(texts[at:end])
        at = end
    return out


def pass_over(engines, feeds):
    """CPU and wall seconds of all feeds; several engines take the next one each."""
    numbers = itertools.count()

    def work(engine):
        while (i := next(numbers)) < len(feeds):
            engine.run(feeds[i])
    cpu, wall = time.process_time(), time.perf_counter()
    threads = [threading.Thread(target=work, args=(e,)) for e in engines[1:]]
    for t in threads:
        t.start()
    work(engines[0])
    for t in threads:
        t.join()
    return time.process_time() - cpu, time.perf_counter() - wall


def best(ways, texts, threads):
    """(seconds, batch tokens, engines) of the quickest way; CPU seconds of one thread, wall seconds of more."""
    part, tried = texts[::max(1, sum(map(len, texts)) // TRIED_TOKENS)], []
    for engines in ways:
        for tokens in BATCH_TOKENS:
            feeds = [engines[0].feed(b) for b in batches(part, tokens)]
            if len(feeds) > 1 or tokens == BATCH_TOKENS[0]:
                tried.append((min(pass_over(engines, feeds)[threads > 1] for _ in range(2)), tokens, engines))
    return min(tried, key=lambda x: x[0])


def one_by_one(engine, feeds):
    out = []
    for f in feeds:
        start = time.perf_counter()
        engine.run(f)
        out.append((time.perf_counter() - start) * 1000)
    return out


def write_vectors(engine, texts, tokens, path):
    rows = np.concatenate([engine.vectors(engine.run(engine.feed(b)), b) for b in batches(texts, tokens)]).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    rows.tofile(path)


def main():
    name, precision, model, ids, threads, work = sys.argv[1:7]
    threads = int(threads)
    texts = [[int(i) for i in line.split()] for line in open(ids)]
    tokens = sum(map(len, texts))
    peer = importlib.import_module("peer_" + name)
    prepared = peer.prepare(pathlib.Path(model), precision, pathlib.Path(work), texts)
    ways = [[peer.Engine(prepared, precision, threads)]]
    pass_over(ways[0], [ways[0][0].feed(b) for b in batches(texts[:8], BATCH_TOKENS[0])])
    resident = resident_mb()  # of one engine that has worked
    if threads > 1:
        ways.append([peer.Engine(prepared, precision, 1) for _ in range(threads)])
    _, batch, engines = best(ways, texts, threads)
    alone = ways[0][0]
    feeds, single = [alone.feed(b) for b in batches(texts, batch)], [alone.feed([t]) for t in texts]
    print(f"ready precision {precision} resident_mb {resident} batch_tokens {batch} engines {len(engines)}", flush=True)
    for line in sys.stdin:
        wish, _, path = line.strip().partition(" ")
        if wish == "one":
            print(*(f"{ms:.4f}" for ms in one_by_one(alone, single)), flush=True)
        elif wish == "vectors":
            write_vectors(alone, texts, batch, path)
            print("done", flush=True)
        else:
            cpu, wall = pass_over(engines, feeds)
            print(f"tokens {tokens} wall {wall:.6f} cpu {cpu:.6f}", flush=True)


if __name__ == "__main__":
    main()
