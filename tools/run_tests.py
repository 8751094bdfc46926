#!/usr/bin/env python3
"""Run akin's tests group by group; the last line is "N passed, N failed[, N skipped]".

usage: run_tests.py [--state DIR] [GROUP...]      groups: unit asan tsan e2e quality crash fuzz
"""
import argparse, concurrent.futures, json, os, pathlib, re, subprocess, sys, time

ROOT = pathlib.Path(__file__).resolve().parent.parent
CORES = str(os.cpu_count())
WAITING = str(os.cpu_count() + 1)  # of tests that wait for a clock or a disk some of the time
LIGHT = ["--buildtype=plain", "-Doptimization=1", "-Dc_args=-g1", "-Db_lundef=false"]  # half of a sanitizer's time is compiling
BUILDS = {
    "build": ["--buildtype=release", "-Db_ndebug=false"],
    "build-asan": [*LIGHT, "-Db_sanitize=address,undefined"],
    "build-tsan": [*LIGHT, "-Db_sanitize=thread"],
}
# What one thread does tells the thread sanitizer nothing, and what waits for faults of a disk what others tell too.
ONE_THREAD = {"embed model", "embed pull", "faults", "filter", "filter_meaning", "lexical dictionary", "lexical file", "migration", "passage", "seeded", "terms",
              "train adapter", "train rank"}
ONE_THREAD_FOLDERS = ("math ", "text ", "recommend ", "classify ", "fuzz_")
SANITIZER_ENV = {
    "ASAN_OPTIONS": "abort_on_error=1:detect_leaks=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
}


class Tally:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def add(self, passed, failed, skipped=0):
        self.passed, self.failed, self.skipped = self.passed + passed, self.failed + failed, self.skipped + skipped


def build(name, env=None):
    if not (ROOT / name / "build.ninja").exists():
        subprocess.run(["meson", "setup", name, *BUILDS[name]], cwd=ROOT, check=True, stdout=subprocess.DEVNULL, env=env)
    subprocess.run(["ninja", "-C", name, "-j", CORES, "--quiet"], cwd=ROOT, check=True)


def threaded(name):
    tests = json.loads(subprocess.run(["meson", "introspect", "--tests", name], cwd=ROOT, capture_output=True, check=True).stdout)
    return [t["name"] for t in tests if t["name"] not in ONE_THREAD and not t["name"].startswith(ONE_THREAD_FOLDERS)]


def meson(tally, name, env, tests=()):
    """cmocka's own counts where a program prints them, else a program is one test."""
    build(name)
    subprocess.run(["meson", "test", "-C", name, "--no-rebuild", "--num-processes", WAITING, "--print-errorlogs",
                    "--suite", "unit", *(tests() if tests else [])], cwd=ROOT, env=env)
    for line in (ROOT / name / "meson-logs" / "testlog.json").read_text().splitlines():
        test = json.loads(line)
        text = (test.get("stdout") or "") + (test.get("stderr") or "")
        counts = {k: sum(map(int, re.findall(rf"\[  {k} *\] (\d+) test\(s\)", text))) for k in ("PASSED", "FAILED", "SKIPPED")}
        if test["result"] == "OK":
            tally.add(counts["PASSED"] or 1, 0, counts["SKIPPED"])
        elif test["result"] == "SKIP":
            tally.add(0, 0, 1)
        else:
            tally.add(counts["PASSED"], max(counts["FAILED"], 1))


def pytest(tally, folder, env, *options):
    report = ROOT / "build" / f"pytest-{folder.replace('/', '-')}.xml"
    code = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", CORES if "quality" in folder else WAITING, "--dist", "loadfile",
                           f"--junitxml={report}", *options, folder],
                          cwd=ROOT, env=env).returncode
    suite = re.search(r'<testsuite .*?errors="(\d+)" failures="(\d+)" skipped="(\d+)" tests="(\d+)"',
                      report.read_text() if report.exists() else "")
    if not suite:
        return tally.add(0, 1)
    errors, failures, skipped, tests = map(int, suite.groups())
    failed = errors + failures or int(code not in (0, 5))
    tally.add(tests - errors - failures - skipped, failed, skipped)


def fuzz(tally, env):
    if not (ROOT / "build-fuzz" / "build.ninja").exists():
        subprocess.run(["meson", "setup", "build-fuzz", *LIGHT, "-Db_sanitize=address,undefined", "-Dfuzz=true", "-Dtests=disabled"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL,
                       env={**env, "CC": "clang"})
    subprocess.run(["ninja", "-C", "build-fuzz", "-j", CORES, "--quiet", "fuzz-targets"], cwd=ROOT, check=True)
    targets = [t.name for t in sorted((ROOT / "build-fuzz" / "fuzz").glob("fuzz_*")) if t.is_file() and os.access(t, os.X_OK)]

    def run(target):  # a moment each, one a core; ./dev fuzz takes longer
        return subprocess.run([sys.executable, "tools/run_fuzz.py", "build-fuzz", target, "3"], cwd=ROOT).returncode

    with concurrent.futures.ThreadPoolExecutor(int(CORES)) as pool:
        for code in pool.map(run, targets):
            tally.add(code == 0, code != 0)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--state", default=".akin")
    p.add_argument("groups", nargs="*")
    a = p.parse_args()
    state = (ROOT / a.state).resolve()
    model = next(iter(sorted((state / "models").glob("*/config.json"))), None)
    env = {**os.environ, **SANITIZER_ENV, "AKIN_BIN": str(ROOT / "build" / "akin"), "AKIN_STATE": str(state),
           "AKIN_BUILD": str(ROOT / "build")}
    if model:
        env["AKIN_TEST_MODEL"] = str(model.parent)
    if (state / "languages.table").exists():
        env["AKIN_TEST_LANGUAGES"] = str(state / "languages.table")
    asan = {**env, "AKIN_BIN": str(ROOT / "build-asan" / "akin")}
    groups = {
        "unit": lambda t: meson(t, "build", env),
        "asan": lambda t: meson(t, "build-asan", env),
        "tsan": lambda t: meson(t, "build-tsan", env, lambda: threaded("build-tsan")),
        "e2e": lambda t: (build("build-asan"), pytest(t, "tests/e2e", asan)),
        "quality": lambda t: pytest(t, "tests/quality", env),
        "crash": lambda t: pytest(t, "tests/crash", env),
        "fuzz": lambda t: fuzz(t, env),
    }
    for name in a.groups:
        if name not in groups:
            sys.exit(f"run_tests.py: unknown group {name}; there are {' '.join(groups)}")
    build("build")
    total = Tally()
    for name in a.groups or groups:
        tally, start = Tally(), time.monotonic()
        try:
            groups[name](tally)
        except subprocess.CalledProcessError as e:
            print(e, file=sys.stderr)
            tally.add(0, 1)
        print(f"-- {name}: {tally.passed} passed, {tally.failed} failed, {tally.skipped} skipped, "
              f"{time.monotonic() - start:.0f} s", flush=True)
        total.add(tally.passed, tally.failed, tally.skipped)
    print(f"{total.passed} passed, {total.failed} failed" + (f", {total.skipped} skipped" if total.skipped else ""))
    sys.exit(1 if total.failed or not total.passed else 0)


main()
