#!/usr/bin/env python3
"""Hold every #include "folder/x.h" of src/ to src/layers: allowed folder, public header, no cycle."""
import pathlib, re, sys

src = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "src")
allowed, public, faults = {}, {}, []

for line in (src / "layers").read_text().splitlines():
    line = line.split("#")[0].strip()
    if line:
        folder, rest = (s.strip() for s in line.split(":", 1))
        deps, headers = (s.split() for s in rest.split("|"))
        allowed[folder], public[folder] = deps, headers


def visit(folder, path):
    if folder in path:
        faults.append("layers: cycle " + " -> ".join(path + [folder]))
        return
    for dep in allowed.get(folder, []):
        if dep not in allowed:
            faults.append(f"layers: {folder} names the unknown folder {dep}")
        visit(dep, path + [folder])


for folder in allowed:
    visit(folder, [])
for folder in sorted(p.name for p in src.iterdir() if p.is_dir()):
    if folder not in allowed:
        faults.append(f"src/{folder}: not on the list in src/layers")

files = [p for p in sorted(src.rglob("*.[ch]"))]
for path in files:
    own = path.relative_to(src).parts[0]
    for number, line in enumerate(path.read_text().splitlines(), 1):
        found = re.match(r'\s*#\s*include\s+"(?:([\w]+)/)?([\w./]+)"', line)
        if not found:
            continue
        folder, header = found.group(1) or own, found.group(2)
        where = f"{path}:{number}"
        if not (src / folder / header).exists():
            faults.append(f"{where}: {folder}/{header} does not exist")
        elif folder != own and folder not in allowed.get(own, []):
            faults.append(f"{where}: {own} may not include {folder}")
        elif folder != own and "*" not in public[folder] and header not in public[folder]:
            faults.append(f"{where}: {folder}/{header} is private to {folder}")

print("\n".join(faults) or f"layers: {len(files)} files hold to {src}/layers")
sys.exit(1 if faults else 0)
