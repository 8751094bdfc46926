#!/usr/bin/env python3
"""What akin is made of: the libraries that the binary loads, as the system has them, and the pinned packages.

usage: dependencies.py list BINARY [--package NAME==VERSION,SHA256,LICENCE...] [--updates] [--json]
       dependencies.py sbom BINARY [--package ...]         CycloneDX 1.5

Versions and licences are those of the machine it runs on: the system's package manager is asked, nothing is written down here."""
import argparse, json, pathlib, re, subprocess, sys, uuid

OPENED = {"libopenblas0-pthread": "libopenblas.so.0"}  # by the training process, when it begins (math/dense.c)
SPDX = {"Expat": "MIT", "LGPL-2.1+": "LGPL-2.1-or-later", "LGPL-3+": "LGPL-3.0-or-later", "GPL-2+": "GPL-2.0-or-later", "GPL-3+": "GPL-3.0-or-later",
        "BSD-3-clause": "BSD-3-Clause", "BSD-2-clause": "BSD-2-Clause", "BSD-3-snowball": "BSD-3-Clause", "curl": "curl", "Zlib": "Zlib", "zlib": "Zlib",
        "ISC": "ISC", "MIT": "MIT", "MIT-1": "MIT", "Apache-2.0": "Apache-2.0", "X11": "X11", "public-domain": None}


def said(*command):
    return subprocess.run(command, capture_output=True, text=True).stdout


def owners(paths):
    """The Debian package of each file, by one question; merged /usr has a file under either name."""
    names = {}
    for path in paths:
        real = str(pathlib.Path(path).resolve())
        for name in (path, real, real.removeprefix("/usr"), "/usr" + real):
            names[name] = path
    out = {}
    for line in said("dpkg-query", "-S", *names).splitlines():
        package, _, name = line.partition(": ")
        if name in names:
            out[names[name]] = package.split(":")[0]
    return out


def linked(binary):
    needed = set(re.findall(r"NEEDED.*\[(.+?)\]", said("readelf", "-d", binary)))
    files = {path: name for name, path in re.findall(r"(\S+) => (/\S+)", said("ldd", binary))}
    out = {}
    for path, package in owners(files).items():
        out[package] = out.get(package, False) or files[path] in needed
    for package in OPENED:
        if said("dpkg-query", "-W", package):
            out[package] = True
    return out  # package: directly?


def licence(package):
    """Of the files as a whole, as Debian's copyright file says it; its name there if SPDX has none."""
    try:
        text = pathlib.Path(f"/usr/share/doc/{package}/copyright").read_text(errors="replace")
    except OSError:
        return None
    if not text.startswith("Format:"):
        return None
    for part in re.split(r"\n\s*\n", text):
        if re.search(r"^Files:\s*\*\s*$", part, re.M):
            found = re.search(r"^License:\s*(.+)$", part, re.M)
            return found.group(1).strip() if found else None
    return None


def spdx(name):
    words = (name or "").split()
    parts = [SPDX.get(w) if w not in ("or", "and") else w.upper() for w in words]
    return " ".join(parts) if parts and all(parts) else None


def debian(package, direct):
    version, source, home = said("dpkg-query", "-W", "-f", "${Version}\t${source:Package}\t${Homepage}", package).split("\t")
    return {"name": package, "version": version, "source": source, "home": home, "licence": licence(package), "direct": direct,
            "purl": f"pkg:deb/debian/{package}@{version}?arch={said('dpkg', '--print-architecture').strip()}&distro=debian-12"}


def pinned(text):
    package, digest, name = text.split(",")
    name_, version = package.split("==")
    return {"name": name_, "version": version, "source": "PyPI", "home": f"https://pypi.org/project/{name_}/", "licence": name, "direct": True,
            "sha256": digest, "purl": f"pkg:pypi/{name_}@{version}"}


def update(c):
    """The version that the package lists offer beyond this one; None: none known."""
    if c["source"] == "PyPI":
        found = re.search(r"\(([^)]+)\)", said(sys.executable, "-m", "pip", "index", "versions", c["name"]))
        return found.group(1) if found and found.group(1) != c["version"] else None
    found = re.search(r"Candidate: (\S+)", said("apt-cache", "policy", c["name"]))
    return found.group(1) if found and found.group(1) not in (c["version"], "(none)") else None


def component(c):
    out = {"type": "machine-learning-model" if c.get("model") else "library", "bom-ref": c["purl"], "name": c["name"], "version": c["version"], "purl": c["purl"]}
    if spdx(c["licence"]):
        ids = spdx(c["licence"])
        out["licenses"] = [{"expression": ids}] if " " in ids else [{"license": {"id": ids}}]
    elif c["licence"]:
        out["licenses"] = [{"license": {"name": c["licence"]}}]
    if c.get("sha256"):
        out["hashes"] = [{"alg": "SHA-256", "content": c["sha256"]}]
    if c["home"]:
        out["externalReferences"] = [{"type": "website", "url": c["home"]}]
    return out


def sbom(binary, all_):
    version = said(binary, "version", "--json")
    version = json.loads(version)["version"] if version else "0"
    me = f"pkg:generic/akin@{version}"
    digest = said("sha256sum", binary).split()[0]
    return {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
            "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, digest + ''.join(c['purl'] for c in all_))}",
            "metadata": {"component": {"type": "application", "bom-ref": me, "name": "akin", "version": version, "purl": me,
                                       "licenses": [{"license": {"id": "Apache-2.0"}}], "hashes": [{"alg": "SHA-256", "content": digest}]}},
            "components": [component(c) for c in all_],
            "dependencies": [{"ref": me, "dependsOn": [c["purl"] for c in all_ if c["direct"]]}]}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("what", choices=["list", "sbom"])
    p.add_argument("binary")
    p.add_argument("--package", action="append", default=[])
    p.add_argument("--updates", action="store_true")
    p.add_argument("--json", action="store_true")
    a = p.parse_args()
    all_ = [debian(name, direct) for name, direct in sorted(linked(a.binary).items())] + [pinned(t) for t in a.package]
    if a.what == "sbom":
        return print(json.dumps(sbom(a.binary, all_), indent=1))
    if a.updates:
        for c in all_:
            c["update"] = update(c)
    if a.json:
        return print(json.dumps(all_, indent=1))
    print(f"{'':2}{'package':26}{'version':32}{'licence':28}update")
    for c in all_:
        print(f"{'* ' if c['direct'] else '  '}{c['name']:26}{c['version']:32}{(c['licence'] or 'see /usr/share/doc'):28}{c.get('update') or ''}")
    print("* used by akin itself; the others are loaded by those")


main()
