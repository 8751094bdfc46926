#!/usr/bin/env python3
"""Each header compiles alone: check_headers.py BUILD (flags are taken from its compile_commands.json)."""
import json, pathlib, re, shlex, subprocess, sys

root = pathlib.Path(__file__).resolve().parent.parent
commands = json.loads((root / sys.argv[1] / "compile_commands.json").read_text())
flags = {}
for c in commands:
    folder = re.search(r"src/(\w+)/", c["file"])
    if folder:
        flags.setdefault(folder.group(1), [a for a in shlex.split(c["command"]) if a.startswith(("-I", "-D", "-std", "-m"))])
bad = 0
for header in sorted((root / "src").rglob("*.h")):
    folder = header.relative_to(root / "src").parts[0]
    run = subprocess.run(["cc", *flags.get(folder, []), "-fsyntax-only", "-Wall", "-x", "c", "-include", str(header), "/dev/null"],
                         cwd=root / sys.argv[1], capture_output=True, text=True)
    if run.returncode:
        bad += 1
        print(f"{header.relative_to(root)} does not compile alone:\n{run.stderr[:800]}")
print(f"headers: {bad} do not compile alone" if bad else "headers: each compiles alone")
sys.exit(1 if bad else 0)
