"""Near-copies of older documents: found when they are planted, followed through changes, kept over a restart."""
import random
import re

import pytest
from conftest import problem, wait_for

C = "/v1/collections/"
PRECISION, RECALL = .99, .95


def vocabulary(rng, size=3000):
    sounds = ["ba", "ker", "lin", "mo", "sta", "tru", "vel", "wi", "za", "qu", "ren", "dol", "fa", "gim", "hu", "no"]
    return ["".join(rng.choice(sounds) for _ in range(rng.randint(1, 4))) for _ in range(size)]


class Texts:
    """Texts with the frequencies of a language; sentences of 6 to 16 words."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.words = vocabulary(self.rng)

    def word(self):
        return self.words[int(len(self.words) * self.rng.random() ** 3)]

    def sentence(self):
        return " ".join(self.word() for _ in range(self.rng.randint(6, 16))).capitalize() + "."

    def text(self, sentences):
        return " ".join(self.sentence() for _ in range(sentences))

    def edit(self, text, kind):
        words, rng = text.split(" "), self.rng
        at = lambda: rng.randrange(len(words))
        few = max(1, min(4, len(words) // 16))
        if kind == "change":
            for _ in range(few):
                words[at()] = self.word()
        elif kind == "insert":
            for _ in range(few):
                words.insert(at(), self.word())
        elif kind == "delete":
            for _ in range(few):
                del words[at()]
        elif kind == "case":
            words = [w.upper() if rng.random() < .3 else w.strip(".") + rng.choice(["", ",", "!"]) for w in words]
        elif kind == "space":
            return re.sub(" ", lambda _: rng.choice([" ", "  ", "\n", "\t "]), text)
        sentences = re.split(r"(?<=\.) ", " ".join(words))
        if kind == "move":
            sentences.append(sentences.pop(rng.randrange(len(sentences))))
        elif kind == "append":
            sentences.append(" ".join(self.word() for _ in range(max(4, len(words) // 10))) + ".")
        return " ".join(sentences)


KINDS = ["change", "insert", "delete", "case", "space", "move", "append"]


def originals(server, name):
    """id -> duplicate_of, of all documents."""
    out, cursor = {}, None
    while True:
        page = server.get(f"{C}{name}/documents", limit=500, **({"cursor": cursor} if cursor else {}))
        out.update({d["id"]: d.get("duplicate_of") for d in page["data"]})
        cursor = page["next_cursor"]
        if not cursor:
            return out


def test_planted_edits_are_found_and_nothing_else(server):
    texts = Texts(7)
    server.collection("planted")
    base = {f"o{i}": texts.text(texts.rng.randint(3, 14)) for i in range(700)}
    footer = texts.text(3)  # boilerplate: up to half of a text
    base.update({f"b{i}": texts.text(4) + " " + footer for i in range(150)})
    # About the same thing: the same words in other sentences.
    topic = [texts.word() for _ in range(120)]
    base.update({f"t{i}": " ".join(texts.rng.choice(topic) for _ in range(80)) for i in range(150)})
    planted = {f"c{i}": (o, texts.edit(base[o], KINDS[i % len(KINDS)])) for i, o in enumerate(texts.rng.sample(sorted(base), 500))}
    server.lines("planted", [{"id": i, "text": t} for i, t in base.items()])
    server.lines("planted", [{"id": i, "text": t} for i, (_, t) in planted.items()])
    marked = {i: o for i, o in originals(server, "planted").items() if o}
    right = sum(planted[i][0] == o for i, o in marked.items() if i in planted)
    print("marked", len(marked), "right", right, "planted", len(planted))
    assert right >= PRECISION * len(marked)
    assert right >= RECALL * len(planted)


@pytest.fixture
def copies(server, request):
    """Three near-copies of one text, and another text."""
    name = re.sub("[^a-z0-9]", "", request.node.name)[:40]
    texts = Texts(3)
    server.collection(name)
    text = texts.text(6)
    for i, t in enumerate([text, texts.edit(text, "change"), texts.edit(text, "delete"), texts.text(6)]):
        server.post(f"{C}{name}/documents", {"id": f"d{i}", "text": t})
    return name, text


def of(server, name, i):
    return server.get(f"{C}{name}/documents/d{i}").get("duplicate_of")


def test_marked_at_once_in_documents_lists_and_hits(server, copies):
    name, text = copies
    assert [of(server, name, i) for i in range(4)] == [None, "d0", "d0", None]
    assert originals(server, name) == {"d0": None, "d1": "d0", "d2": "d0", "d3": None}
    for path, body in (("search", {"q": text[:60]}), ("similar", {"text": text})):
        hits = server.post(f"{C}{name}/{path}", body)["data"]
        assert {h["id"]: h["document"].get("duplicate_of") for h in hits}["d1"] == "d0"
        shown = server.post(f"{C}{name}/{path}", {**body, "duplicates": "hide"})
        assert sorted(h["id"] for h in shown["data"] if h["id"] != "d3") == ["d0"]
        problem(server.ask("POST", f"{C}{name}/{path}", {**body, "duplicates": "no"}), 422, pointer="/duplicates")
    hits = server.get(f"{C}{name}/search", q=text[:60], duplicates="hide")["data"]
    assert "d1" not in [h["id"] for h in hits]


def test_as_a_filter(server, copies):
    name, text = copies

    def listed(filter):
        return [d["id"] for d in server.get(f"{C}{name}/documents", filter=filter)["data"]]

    assert listed("duplicate_of EXISTS") == ["d1", "d2"]
    assert listed("NOT duplicate_of EXISTS") == ["d0", "d3"]
    assert listed("duplicate_of = d0 AND id != d1") == ["d2"]
    assert listed("duplicate_of != d0") == ["d0", "d3"]
    hits = server.post(f"{C}{name}/search", {"q": text[:60], "filter": "duplicate_of EXISTS"})["data"]
    assert sorted(h["id"] for h in hits) == ["d1", "d2"]
    server.ask("DELETE", f"{C}{name}/documents/d0", status=204)
    assert listed("duplicate_of IN [d0, d1]") == ["d2"]


def test_deleting_the_original_re_points(server, copies):
    name, _ = copies
    server.ask("DELETE", f"{C}{name}/documents/d0", status=204)
    assert [of(server, name, i) for i in range(1, 4)] == [None, "d1", None]
    server.ask("DELETE", f"{C}{name}/documents/d1", status=204)
    assert of(server, name, 2) is None


def test_changing_the_original_re_points_and_back(server, copies):
    name, text = copies
    server.ask("PUT", f"{C}{name}/documents/d0", {"text": "Something else: pumpkins, lanterns and a long walk home."}, status=200)
    assert [of(server, name, i) for i in range(4)] == [None, None, "d1", None]
    server.ask("PUT", f"{C}{name}/documents/d0", {"text": text}, status=200)
    assert [of(server, name, i) for i in range(4)] == [None, "d0", "d0", None]


def test_attributes_alone_change_nothing(server, copies):
    name, _ = copies
    server.ask("PATCH", f"{C}{name}/documents/d0", {"attributes": {"year": 2024}}, status=200)
    server.ask("PATCH", f"{C}{name}/documents/d1", {"attributes": {"year": 2025}}, status=200)
    assert [of(server, name, i) for i in range(4)] == [None, "d0", "d0", None]


def test_an_expired_original_re_points(server, copies):
    name, text = copies
    server.ask("PUT", f"{C}{name}/documents/d0", {"text": text, "expires": "2020-01-01T00:00:00Z"}, status=200)
    wait_for(lambda: of(server, name, 1) is None and of(server, name, 2) == "d1", 20)


def test_any_script(server):
    server.collection("scripts")
    long = {
        "zh": "南瓜汤是一种由南瓜制成的汤。将南瓜切块烤软，加入生姜和洋葱，用搅拌机打成泥，最后加入奶油和盐调味即可食用。",
        "th": "ซุปฟักทองเป็นซุปที่ทำจากฟักทอง หั่นฟักทองเป็นชิ้นแล้วอบจนนิ่ม ใส่ขิงและหัวหอม ปั่นให้ละเอียด แล้วเติมครีมและเกลือ",
        "ru": "Тыквенный суп готовят из запечённой тыквы с имбирём и луком, затем измельчают и добавляют сливки и немного соли по вкусу.",
        "ar": "حساء اليقطين هو حساء يصنع من اليقطين المشوي مع الزنجبيل والبصل ثم يطحن ويضاف إليه القليل من الكريمة والملح حسب الذوق",
    }
    for lang, text in long.items():
        server.post(C + "scripts/documents", {"id": lang, "text": text})
        server.post(C + "scripts/documents", {"id": lang + "2", "text": text.upper().replace("。", " ！").replace("，", "") + " 2024"})
    assert originals(server, "scripts") == {**{k: None for k in long}, **{k + "2": k for k in long}}


def test_kept_over_a_restart_and_a_lost_index(make_server):
    server = make_server()
    texts = Texts(9)
    server.collection("kept")
    base = [texts.text(5) for _ in range(60)]
    server.lines("kept", [{"id": f"o{i}", "text": t} for i, t in enumerate(base)])
    server.lines("kept", [{"id": f"c{i}", "text": texts.edit(t, "change")} for i, t in enumerate(base)])
    before = originals(server, "kept")
    assert sum(o is not None for o in before.values()) >= 57
    for lose in (False, True):
        assert server.stop() == 0
        if lose:
            rows = list(server.data.glob("index/*/documents/rows"))
            assert rows
            data = bytearray(rows[0].read_bytes())
            data[-40] ^= 4  # in the section of near-duplicates
            rows[0].write_bytes(data)
        server.start()
        assert originals(server, "kept") == before
    server.ask("DELETE", C + "kept/documents/o0", status=204)
    assert server.get(C + "kept/documents/c0").get("duplicate_of") is None


def test_copies_within_one_batch(server):
    """Originals and copies in one request: the one that came first is the original."""
    server.collection("batch")
    texts = Texts(31)
    rows, of = [], {}
    for i in range(60):
        text = texts.text(6)
        rows.append({"id": f"o{i}", "text": text})
        rows.append({"id": f"c{i}", "text": texts.edit(text, KINDS[i % len(KINDS)])})
        of[f"c{i}"] = f"o{i}"
    assert server.post(C + "batch/documents", rows)["failed"] == 0
    listed = server.get(C + "batch/documents?limit=200")["data"]
    assert {d["id"]: d["duplicate_of"] for d in listed if "duplicate_of" in d} == of


def test_given_back_it_is_not_an_attribute(server, copies):
    name, _ = copies
    d = server.get(f"{C}{name}/documents/d1")
    d.pop("revision")
    assert server.post(f"{C}{name}/documents", d)["data"][0]["status"] == "unchanged"
    assert "attributes" not in server.get(f"{C}{name}/documents/d1")
