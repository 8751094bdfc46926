"""Near-duplicates in real texts: edits that are planted are found, texts from one mould are not taken for copies.

    AKIN_BIN=build/akin AKIN_JUDGED=folder pytest -s tests/quality/test_duplicates.py

AKIN_JUDGED names a folder with the sets cranfield and xquad-* (corpus.jsonl of each); AKIN_TEXTS, if given, a file of other texts, one a
line, of which a sample is taken. What counts as an edit is below, with its share of the words; the floors are for each kind of text.
Precision counts every mark on a planted copy that names another document than the one edited, and every mark on a text from a mould;
marks among the texts themselves are printed, since nobody has judged those."""
import importlib.util
import json
import os
import pathlib
import random
import re

import pytest

JUDGED = pathlib.Path(os.environ.get("AKIN_JUDGED", "/nonexistent"))
TEXTS = os.environ.get("AKIN_TEXTS")
E2E = pathlib.Path(__file__).resolve().parents[1] / "e2e" / "conftest.py"
PRECISION, RECALL = .99, .95
SHORT = 20  # words; below, another word is another thing


def corpus(name, field):
    path = JUDGED / name / "corpus.jsonl"
    if not path.exists():
        pytest.skip("needs AKIN_JUDGED")
    texts = [" ".join(json.loads(line)[field].split()) for line in path.open(encoding="utf-8")]
    return [t for t in texts if t]


# ---- edits: text -> text; of units, which are words, or characters of a script without spaces ----

class Editor:
    def __init__(self, texts, seed, dense):
        self.rng, self.dense = random.Random(seed), dense
        self.texts = texts
        self.units = [u for t in texts for u in self.split(t) if u.strip(".,:;()-")]

    def split(self, text):
        return list(text) if self.dense else text.split(" ")

    def join(self, units):
        return ("" if self.dense else " ").join(units)

    def long(self, text):
        return len(text) >= 2 * SHORT + 10 if self.dense else len(re.findall(r"\w+", text)) >= SHORT + 4

    def some(self, units, share):
        """Places, one in 1/share of them, at least one."""
        places = [i for i, u in enumerate(units) if re.search(r"\w", u)]
        return self.rng.sample(places, max(1, int(len(places) * share)))

    def misspelt(self, text):
        """1 word in 12: a letter left out, doubled or changed, or two swapped."""
        units = self.split(text)
        words = [i for i, u in enumerate(units) if re.fullmatch(r"[^\W\d]{5,}", u)]
        for i in self.rng.sample(words, min(len(words), max(1, len(units) // 12))):
            w, at = units[i], self.rng.randrange(1, len(units[i]) - 1)
            units[i] = self.rng.choice([w[:at] + w[at + 1:], w[:at] + w[at] + w[at:], w[:at] + self.rng.choice("aeinrst") + w[at + 1:],
                                        w[:at] + w[at + 1] + w[at] + w[at + 2:]])
        return self.join(units)

    def replaced(self, text):
        """1 word in 16 is another one of the corpus; not in short texts."""
        units = self.split(text)
        for i in self.some(units, 1 / 16):
            units[i] = self.rng.choice(self.units)
        return self.join(units)

    def added(self, text):
        """1 word in 12 more."""
        units = self.split(text)
        for i in sorted(self.some(units, 1 / 12), reverse=True):
            units.insert(i, self.rng.choice([u for u in self.rng.sample(self.units, 9) if u.isalpha()] or ["more"]))
        return self.join(units)

    def left_out(self, text):
        """1 word in 12."""
        units = self.split(text)
        for i in sorted(self.some(units, 1 / 12), reverse=True):
            if units[i].isalpha() or self.long(text):
                del units[i]
        return self.join(units)

    def swapped(self, text):
        """1 word in 20 changes places with the next."""
        units = self.split(text)
        for i in self.some(units[:-1], 1 / 20):
            units[i], units[i + 1] = units[i + 1], units[i]
        return self.join(units)

    def case_and_punctuation(self, text):
        text = "".join(c.upper() if self.rng.random() < .3 and c.lower() == c.upper().lower() and c != "ß" else c for c in text)
        return re.sub(r"(?<=\w)[.,;:!?。，、](?!\w)" if not self.dense else r"[。，、；]", lambda _: self.rng.choice(["", "!", " - "]), text)

    def sentences(self, text):
        return [s for s in re.split(r"(?<=[.!?]) +|(?<=。)", text) if s]

    def moved(self, text):
        """The first sentence goes to the end; of three at least."""
        s = self.sentences(text)
        return (" " if not self.dense else "").join(s[1:] + s[:1]) if len(s) >= 3 else text.upper()

    def appended(self, text):
        """Words of another text, a fifth of this one's."""
        own = self.split(text)
        other = self.split(self.rng.choice([t for t in self.rng.sample(self.texts, 9) if self.long(t)] or self.texts))
        return self.join(own) + ("" if self.dense else " ") + self.join(other[:max(1, len(own) // 5)])

    def cut(self, text):
        """The end is missing: a fifth, of short texts the last word."""
        units = self.split(text)
        return self.join(units[:len(units) - len(units) // 5] if self.long(text) else units[:-1])

    def kinds(self, text):
        if self.long(text):
            return [self.misspelt, self.replaced, self.added, self.left_out, self.swapped, self.case_and_punctuation, self.moved,
                    self.appended, self.cut][1 if self.dense else 0:]
        return [self.misspelt, self.added, self.left_out, self.swapped, self.case_and_punctuation, self.cut]


# ---- texts from a mould ----

MOULDS = [
    "documentation for the {a} library", "Python 3 bindings for {a}", "{a} plugin for {b}", "development files for the {a} {b} library",
    "This package contains the header files needed to build programs that use {a}.", "A client for the {a} API, written in {b}.",
    "Price list of {n}: a ticket from {a} to {b} costs {m} crowns and children pay half", "Meta package for {a} version {n}",
    "The {a} module of the {b} cloud SDK. It is generated from the service's description; please do not edit it by hand. Use {a} as you would "
    "use any other module of the SDK, and report what is wrong with it to the maintainers of {a}.",
    "Weather in {a} on day {n}: {m} degrees, wind from {b}. Roads of {a} are open, trains between {a} and {b} run as planned today.",
]


def moulded(rng, units, count):
    """No two texts of a mould have the same name, and names do not begin alike: those would be misspelt."""
    names = {u[:4].lower(): u.lower() for u in units if re.fullmatch(r"[A-Za-z]{4,12}", u)}
    a, out = {}, {}
    for i in range(count):
        if i < len(MOULDS):
            a[i] = rng.sample(sorted(names.values()), len(names))
        out[f"t{i}"] = MOULDS[i % len(MOULDS)].format(a=a[i % len(MOULDS)].pop(), b=rng.choice(sorted(names.values())), n=rng.randrange(1, 10**6),
                                                     m=rng.randrange(1, 10**6))
    return out


# ---- the server ----

@pytest.fixture(scope="module")
def server():
    spec = importlib.util.spec_from_file_location("e2e", E2E)
    e2e = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(e2e)
    with e2e.running(e2e.Server()) as s:
        yield s


def originals(server, name):
    out, cursor = {}, None
    while True:
        page = server.get(f"/v1/collections/{name}/documents", limit=500, **({"cursor": cursor} if cursor else {}))
        out.update({d["id"]: d["duplicate_of"] for d in page["data"] if "duplicate_of" in d})
        cursor = page["next_cursor"]
        if not cursor:
            return out


def hold(server, name, texts, dense=False, moulds=0, planted_max=600):
    rng = random.Random(11)
    edit = Editor(texts, 12, dense)
    base = {f"b{i}": t for i, t in enumerate(texts)}
    server.collection(name)
    server.lines(name, [{"id": i, "text": t} for i, t in {**base, **(moulded(rng, edit.units, moulds) if moulds else {})}.items()])
    before = originals(server, name)
    seeds = [i for i in base if i not in before and (edit.long(base[i]) or len(edit.split(base[i])) >= 8)]
    planted, kind = {}, {}
    for k, i in enumerate(rng.sample(seeds, min(len(seeds), planted_max))):
        kinds = edit.kinds(base[i])
        how = kinds[k % len(kinds)]
        planted[f"p{k}"] = (i, how(base[i]))
        kind[f"p{k}"] = how.__name__
    server.lines(name, [{"id": i, "text": t} for i, (_, t) in planted.items()])
    marked = originals(server, name)
    right = [i for i in planted if marked.get(i) == planted[i][0]]
    wrong = [i for i, o in marked.items() if i[0] == "t" or (i[0] == "p" and planted[i][0] != o)]
    missed = [kind[i] for i in planted if i not in marked]
    precision, recall = len(right) / max(1, len(right) + len(wrong)), len(right) / len(planted)
    print(f"\n{name}: {len(texts)} texts ({sum(i[0] == 'b' for i in marked)} of them marked), {moulds} from moulds, {len(planted)} planted: "
          f"precision {precision:.4f}, recall {recall:.4f}; missed", {k: missed.count(k) for k in sorted(set(missed))})
    assert precision >= PRECISION and recall >= RECALL, (
        [(i, marked[i], server.get(f"/v1/collections/{name}/documents/{i}")["text"], server.get(f"/v1/collections/{name}/documents/{marked[i]}")["text"]) for i in wrong][:10],
        [(kind[i], base[planted[i][0]][:200], planted[i][1][:200]) for i in planted if i not in marked][:10])


def test_long_texts(server):
    hold(server, "long", corpus("cranfield", "text"), moulds=1000)


def test_short_texts(server):
    hold(server, "short", corpus("cranfield", "title"), moulds=1000)


@pytest.mark.parametrize("name, dense", [("xquad-en", False), ("xquad-de", False), ("xquad-zh", True), ("xquad-th", True)])
def test_languages(server, name, dense):
    hold(server, name, corpus(name, "text"), dense)


@pytest.mark.skipif(not TEXTS, reason="needs AKIN_TEXTS")
def test_other_texts(server):
    lines = [" ".join(line.split()) for line in open(TEXTS, encoding="utf-8") if line.strip()]
    hold(server, "other", random.Random(1).sample(lines, min(len(lines), 20000)), moulds=1000, planted_max=2000)
