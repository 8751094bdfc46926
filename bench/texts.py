"""Real short texts, each once: lines of given files, or the descriptions of Debian's packages (their one-line summaries first, then their
paragraphs). Texts are never repeated, changed or made up: who asks for more than there are gets what there is, and is told."""
import random, re

from setting import packages

SHORTEST, LONGEST = 24, 400  # characters


def lines_of(path):
    """A text a line. A table (tabs in its first line) gives its column "summary", "description" or "text"."""
    with open(path, encoding="utf-8", errors="replace") as f:
        head = f.readline()
        column = None
        if "\t" in head:
            names = head.rstrip("\n").split("\t")
            column = next((names.index(n) for n in ("summary", "description", "text") if n in names), None)
            if column is None:
                raise SystemExit(f'{path}: this table has none of the columns "summary", "description", "text"')
        else:
            yield head
        for line in f:
            if column is None:
                yield line
            else:
                fields = line.rstrip("\n").split("\t")
                yield fields[column] if column < len(fields) else ""


def descriptions():
    documents = list(packages())
    for d in documents:
        yield d["title"].partition(": ")[2]
    for d in documents:
        yield from re.split(r"\n\n+", d["text"])


def distinct(sources, count, seed=1):
    """At most `count` texts in a shuffled order (the same each time). Two that differ in case, blanks or signs only count as one."""
    seen = {}
    for source in sources:
        some = []
        for text in source:
            text = " ".join(text.split())
            key = re.sub(r"[\W_]+", " ", text.lower()).strip()
            if SHORTEST <= len(text) <= LONGEST and text.count(" ") >= 2 and key not in seen:
                seen[key] = True
                some.append(text)
        random.Random(seed).shuffle(some)
        yield from some[:count]
        count -= len(some)
        if count <= 0:
            return


def short_texts(paths, count):
    return list(distinct([lines_of(p) for p in paths] if paths else [descriptions()], count))
