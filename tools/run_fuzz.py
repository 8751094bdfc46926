#!/usr/bin/env python3
"""Run fuzz targets: run_fuzz.py BUILD [TARGET [SECONDS]]. Seeds are in fuzz/corpus/TARGET; what is found stays in BUILD."""
import os, pathlib, subprocess, sys

root = pathlib.Path(__file__).resolve().parent.parent
build = root / sys.argv[1]
only = sys.argv[2] if len(sys.argv) > 2 else None
seconds = sys.argv[3] if len(sys.argv) > 3 else "60"
failed = 0
for target in sorted((build / "fuzz").glob("fuzz_*")):
    if not target.is_file() or not os.access(target, os.X_OK) or (only and target.name not in (only, f"fuzz_{only}")):
        continue
    found = build / "corpus" / target.name
    found.mkdir(parents=True, exist_ok=True)
    seeds = [str(p) for p in [root / "fuzz" / "corpus" / target.name] if p.is_dir()]
    command = [str(target), f"-max_total_time={seconds}", "-rss_limit_mb=3000", "-timeout=20", "-print_final_stats=1",
               f"-artifact_prefix={build}/{target.name}-", str(found), *seeds]
    run = subprocess.run(command, stderr=subprocess.PIPE, text=True, errors="replace",
                         env={**os.environ, "ASAN_OPTIONS": "abort_on_error=0:detect_leaks=1:allocator_may_return_null=1"})
    runs = [l.split()[-1] for l in run.stderr.splitlines() if l.startswith("stat::number_of_executed_units")]
    print(f"{target.name}: {runs[0] if runs else '?'} runs in {seconds} s, {'clean' if run.returncode == 0 else 'FAILED'}", flush=True)
    if run.returncode:
        print(run.stderr[-4000:])
        failed += 1
sys.exit(1 if failed else 0)
