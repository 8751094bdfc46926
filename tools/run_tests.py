#!/usr/bin/env python3
"""Run akin's tests group by group; the last line is "N passed, N failed[, N skipped]".

usage: run_tests.py [--state DIR] [GROUP...]      groups: unit crash quality asan e2e tsan fuzz
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
    "build-fuzz": [*LIGHT, "-Db_sanitize=address,undefined", "-Dfuzz=true", "-Dtests=disabled"],
}
NEEDS = {"asan": "build-asan", "e2e": "build-asan", "tsan": "build-tsan", "fuzz": "build-fuzz"}  # of groups; all need "build"
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


def build(name, *nice):
    if not (ROOT / name / "build.ninja").exists():
        env = {**os.environ, "CC": "clang"} if name == "build-fuzz" else None
        subprocess.run(["meson", "setup", name, *BUILDS[name]], cwd=ROOT, check=True, stdout=subprocess.DEVNULL, env=env)
    targets = {"build-fuzz": lambda: ["fuzz-targets"], "build-tsan": lambda: [program for _, program in threaded(name)]}.get(name, list)()
    subprocess.run([*nice, "ninja", "-C", name, "-j", CORES, "--quiet", *targets], cwd=ROOT, check=True)


class Builds:
    """What later groups need, built beside the tests of earlier ones, which wait for clocks and disks."""

    def __init__(self, names):
        self.pool = concurrent.futures.ThreadPoolExecutor(1)
        self.begun = {name: self.pool.submit(build, name, "nice", "-n", "15") for name in names}

    def wait(self, name):
        self.begun[name].result()

    def stop(self):
        self.pool.shutdown(cancel_futures=True)


def threaded(name):
    tests = json.loads(subprocess.run(["meson", "introspect", "--tests", name], cwd=ROOT, capture_output=True, check=True).stdout)
    return [(t["name"], os.path.relpath(t["cmd"][0], ROOT / name)) for t in tests
            if t["name"] != "layers" and t["name"] not in ONE_THREAD and not t["name"].startswith(ONE_THREAD_FOLDERS)]


def meson(tally, name, env, tests=()):
    """cmocka's own counts where a program prints them, else a program is one test."""
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


def fuzz(tally):
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
    groups = {  # those that need the release alone come first: the sanitizers' builds are made beside them
        "unit": lambda t: meson(t, "build", env),
        "crash": lambda t: pytest(t, "tests/crash", env),
        "quality": lambda t: pytest(t, "tests/quality", env),
        "asan": lambda t: meson(t, "build-asan", env),
        "e2e": lambda t: pytest(t, "tests/e2e", asan),
        "tsan": lambda t: meson(t, "build-tsan", env, lambda: [test for test, _ in threaded("build-tsan")]),
        "fuzz": fuzz,
    }
    for name in a.groups:
        if name not in groups:
            sys.exit(f"run_tests.py: unknown group {name}; there are {' '.join(groups)}")
    build("build")
    asked = [name for name in groups if name in a.groups or not a.groups]
    builds, total = Builds(dict.fromkeys(NEEDS[name] for name in asked if name in NEEDS)), Tally()
    for name in asked:
        tally, start = Tally(), time.monotonic()
        try:
            if name in NEEDS:
                builds.wait(NEEDS[name])
            groups[name](tally)
        except subprocess.CalledProcessError as e:
            print(e, file=sys.stderr)
            tally.add(0, 1)
        print(f"-- {name}: {tally.passed} passed, {tally.failed} failed, {tally.skipped} skipped, "
              f"{time.monotonic() - start:.0f} s", flush=True)
        total.add(tally.passed, tally.failed, tally.skipped)
    builds.stop()
    print(f"{total.passed} passed, {total.failed} failed" + (f", {total.skipped} skipped" if total.skipped else ""))
    sys.exit(1 if total.failed or not total.passed else 0)


main()
