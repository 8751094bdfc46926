#!/usr/bin/env python3
"""The descriptions of Debian's packages, from apt's lists, as JSON lines for `akin add`.

usage: debian_sample.py LISTS [--count N] [--short] [--skip N] > sample.jsonl

LISTS   a folder with *_Packages and *_i18n_Translation-en (as `apt-get update` writes it)
--count the N best-known applications first: by section and name, in the order of how many
        other packages name them in Depends, Recommends, Suggests or Enhances; default: all packages
--skip  leave out the first N of that order
--short one-line summaries as text, without the long description
"""
import argparse, collections, glob, json, os, re, sys


SECTIONS = ("admin comm database editors education games gnome graphics hamradio httpd kde mail math net news science "
            "shells sound text utils vcs video web x11 xfce").split()


def records(path):
    record, key = {}, None
    with open(path, encoding="utf-8", errors="replace") as f:
        for line in f:
            if line == "\n":
                if record:
                    yield record
                record, key = {}, None
            elif line[0] in " \t":
                record[key] += "\n" + line.rstrip("\n")
            else:
                key, _, value = line.rstrip("\n").partition(":")
                record[key] = value.strip()
    if record:
        yield record


def prose(lines):
    """Debian's long description: one leading blank, ' .' for an empty line, further indented lines stay lines."""
    out = []
    for line in lines:
        line = line[1:]
        if line.strip() == ".":
            out.append("\n\n")
        elif line.startswith((" ", "*", "-")):
            out.append("\n" + line.strip())
        else:
            out.append(" " + line)
    return re.sub(r" *\n *", "\n", "".join(out)).strip()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("lists")
    p.add_argument("--count", type=int)
    p.add_argument("--skip", type=int, default=0)
    p.add_argument("--short", action="store_true")
    a = p.parse_args()

    packages, named = {}, collections.Counter()
    for path in sorted(glob.glob(os.path.join(a.lists, "*_Packages"))):
        for r in records(path):
            packages.setdefault(r["Package"], r)
    for r in packages.values():
        for field in ("Depends", "Recommends", "Suggests", "Enhances"):
            named.update({m for m in re.split(r"[,|]\s*", re.sub(r"\s*\([^)]*\)|:any", "", r.get(field, ""))) if m})
    if not packages:
        sys.exit(f"debian_sample.py: no *_Packages in {a.lists}; run `apt-get update` into it first")

    long = {}
    for path in glob.glob(os.path.join(a.lists, "*_i18n_Translation-en")):
        for r in records(path):
            long[r["Package"], r.get("Description-md5")] = r.get("Description-en", "")

    def is_application(r):
        parts = r"-(data|common|doc|docs|dev|bin|plugins?|themes?|icons?|core|base|support|l10n)\b|^lib|^fonts?-|^xfonts"
        return r.get("Section", "").split("/")[-1] in SECTIONS and not re.search(parts, r["Package"])

    order = sorted(packages.values(), key=lambda r: (not is_application(r), -named[r["Package"]], r["Package"]))
    if a.count:
        order = order[:a.count]
    for r in order[a.skip:]:
        name = r["Package"]
        text = long.get((name, r.get("Description-md5"))) or r.get("Description", "")
        summary, *rest = text.split("\n")
        tags = re.split(r",\s*", re.sub(r"\s+", " ", r.get("Tag", "")))
        document = {"id": name, "title": f"{name}: {summary}", "text": summary if a.short else prose(rest) or summary,
                    "url": r.get("Homepage") or f"https://packages.debian.org/{name}", "lang": "en",
                    "tags": [t for t in tags if "::" in t][:32],
                    "attributes": {"section": r.get("Section", "").split("/")[-1], "priority": r.get("Priority", ""),
                                   "installed_kb": int(r.get("Installed-Size", 0)), "named_by": named[name]}}
        print(json.dumps(document, ensure_ascii=False))


if __name__ == "__main__":
    main()
