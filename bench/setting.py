"""What the benchmarks share: where things are, the texts, a running akin, and the line that says on what it was measured."""
import json, os, pathlib, random, re, subprocess, time

ROOT = pathlib.Path(__file__).resolve().parent.parent
AKIN = os.environ.get("AKIN_BIN", str(ROOT / "build" / "akin"))
STATE = pathlib.Path(os.environ.get("AKIN_STATE", ROOT / ".akin"))
MODEL = os.environ.get("AKIN_TEST_MODEL", str(STATE / "models" / "all-MiniLM-L6-v2"))
WORK = STATE / "bench"
WORK.mkdir(parents=True, exist_ok=True)


def machine():
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text()).group(1)
    print(f"# akin {commit}, {cpu}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.2f}", flush=True)


def packages():
    """All documents of the sample, the best-known applications first."""
    for name in ("apps.jsonl", "rest.jsonl"):
        with open(STATE / name, encoding="utf-8") as f:
            yield from map(json.loads, f)


def queries(count, seed=7):
    """Distinct queries: two to six words in a row out of the descriptions."""
    rng, out = random.Random(seed), {}
    texts = [d["text"] for d in packages() if len(d["text"]) > 200]
    while len(out) < count:
        words = re.findall(r"[A-Za-z][a-z]+", rng.choice(texts))
        n = rng.randint(2, 6)
        if len(words) > n:
            at = rng.randrange(len(words) - n)
            out[" ".join(words[at:at + n]).lower()] = True
    return list(out)


class Server:
    """`akin serve` on a folder of its own; a context manager."""

    def __init__(self, data, *options):
        self.started = time.monotonic()
        self.process = subprocess.Popen([AKIN, "serve", "--data", str(data), "--model", MODEL, "--port", "0", *options],
                                        stdout=subprocess.PIPE, stderr=open(WORK / "server.log", "ab"), text=True)
        line = self.process.stdout.readline()
        if not line.startswith("listening"):
            raise SystemExit(f"akin did not start; see {WORK}/server.log")
        self.ready_s = time.monotonic() - self.started
        self.url = line.split()[-1]

    def rss_mb(self):
        return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{self.process.pid}/status").read_text()).group(1)) / 1024

    def cpu_s(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=120)


def add(url, collection, path, *options):
    run = subprocess.run([AKIN, "add", "-c", collection, "--url", url, "--quiet", *options, str(path)], capture_output=True, text=True)
    if run.returncode:
        raise SystemExit(run.stdout + run.stderr)
    return run.stdout
