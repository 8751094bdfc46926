#!/usr/bin/env python3
"""Feedback over HTTP, durable: several clients send batches of 1,000 acts that nobody sent before, each of one of 20,000 documents and 50,000 readers, and
wait for each answer. Reported: events a second, the time of a batch, and beside them what this disk and this machine allow: an fsync of what a batch
weighs, and the bytes that the server wrote to the disk for each event."""
import argparse, http.client, json, os, random, shutil, statistics, sys, threading, time, urllib.parse, uuid

from setting import Server, WORK, machine

p = argparse.ArgumentParser(description=__doc__)
p.add_argument("--clients", type=int, default=4)
p.add_argument("--batches", type=int, default=100, help="of each client")
p.add_argument("--rows", type=int, default=1000)
p.add_argument("--documents", type=int, default=20000)
p.add_argument("--quick", action="store_true")
p.add_argument("--json", help="into this file")
a = p.parse_args()
if a.quick:
    a.clients, a.batches, a.documents = 2, 5, 500
machine()
TYPES = ["view", "click", "like", "save", "read"]


def body(rng):
    """One batch, as a site sends it; written beforehand, so that the clients' share of the processor is small."""
    return json.dumps([{"event_id": str(uuid.UUID(int=rng.getrandbits(128))), "user": f"user-{rng.randrange(50000)}",
                        "document": f"d{int(rng.paretovariate(1)) % a.documents}", "type": rng.choice(TYPES),
                        "session": f"s{rng.randrange(1000000)}", "time": "2026-01-02T03:04:%02dZ" % rng.randrange(60)} for _ in range(a.rows)]).encode()


def client(url, bodies, times, faults):
    at = urllib.parse.urlsplit(url)
    c = http.client.HTTPConnection(at.hostname, at.port)
    for b in bodies:
        started = time.monotonic()
        c.request("POST", "/v1/collections/bench/feedback", b, {"content-type": "application/json"})
        r = c.getresponse()
        answer = r.read()
        times.append(time.monotonic() - started)
        if r.status != 200 or answer.count(b'"created"') != a.rows:
            faults.append(answer[:300])


def fsync_seconds(folder, size, count=50):
    """What the disk takes to make `size` bytes durable at the end of a file."""
    path, times = folder / "fsync", []
    with open(path, "wb") as f:
        for _ in range(count):
            started = time.monotonic()
            f.write(os.urandom(size))
            f.flush()
            os.fdatasync(f.fileno())
            times.append(time.monotonic() - started)
    path.unlink()
    return statistics.median(times)


def used(pid):
    """Processor seconds and bytes written of a process."""
    ticks = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[11:13]
    written = [line.split()[1] for line in open(f"/proc/{pid}/io") if line.startswith("write_bytes")][0]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK"), int(written)


def ask(url, method, path, value):
    at = urllib.parse.urlsplit(url)
    c = http.client.HTTPConnection(at.hostname, at.port)
    c.request(method, path, json.dumps(value), {"content-type": "application/json"})
    r = c.getresponse()
    answer = r.read()
    assert r.status < 300, answer[:300]


data = WORK / "feedback-data"
shutil.rmtree(data, ignore_errors=True)
bodies = [[body(random.Random(1000 * k + i)) for i in range(a.batches)] for k in range(a.clients)]
size = len(bodies[0][0])
with Server(data, "--model", "stub") as s:
    ask(s.url, "POST", "/v1/collections", {"name": "bench"})
    for first in range(0, a.documents, 1000):
        ask(s.url, "POST", "/v1/collections/bench/documents",
            [{"id": f"d{n}", "text": f"document {n}"} for n in range(first, min(first + 1000, a.documents))])
    before = -1.0
    while s.cpu_s() - before > .05:  # the documents' indexes are made
        before = s.cpu_s()
        time.sleep(1)
    fsync_s = fsync_seconds(data, 1 << 20)
    times, faults = [], []
    cpu, written = used(s.process.pid)
    threads = [threading.Thread(target=client, args=(s.url, b, times, faults)) for b in bodies]
    started = time.monotonic()
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    seconds = time.monotonic() - started
    cpu, written = (x - y for x, y in zip(used(s.process.pid), (cpu, written)))
events = a.clients * a.batches * a.rows
times.sort()
result = {"events_per_s": events / seconds, "batch_p50_ms": 1000 * times[len(times) // 2], "batch_p99_ms": 1000 * times[int(len(times) * .99)],
          "faults": len(faults), "server_cpu_us_per_event": 1e6 * cpu / events, "bytes_per_event_in": size / a.rows,
          "bytes_per_event_written": written / events, "fsync_1MiB_ms": 1000 * fsync_s}
print(f"{events} events by {a.clients} clients in batches of {a.rows} ({size // 1000} kB): {result['events_per_s']:.0f} events/s; "
      f"a batch p50 {result['batch_p50_ms']:.0f} ms, p99 {result['batch_p99_ms']:.0f} ms; {len(faults)} faults {faults[:1] or ''}")
disk = (1 << 20) / fsync_s
print(f"the server took {result['server_cpu_us_per_event']:.1f} us of processor an event ({seconds and cpu / seconds:.2f} of {os.cpu_count()} cores) and wrote "
      f"{result['bytes_per_event_written']:.0f} bytes; this disk makes {disk / 1e6:.0f} MB/s durable in steps of 1 MiB ({1000 * fsync_s:.1f} ms each): "
      f"{disk / max(result['bytes_per_event_written'], 1):.0f} events/s at most, of which {100 * result['events_per_s'] * result['bytes_per_event_written'] / disk:.0f} %")
if a.json:
    open(a.json, "w").write(json.dumps(result) + "\n")
print(f"wanted: 20000 events/s: {'yes' if result['events_per_s'] >= 20000 else 'NO'}")
sys.exit(bool(faults) or (not a.quick and result["events_per_s"] < 20000))
