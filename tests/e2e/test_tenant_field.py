"""A collection with a tenant_field: what other tenants put, edit, delete and read changes no byte of what one tenant's key is answered.

Proved by two worlds: `alone` holds tenant a's documents only, `beside` others' too, with the same words, copies of a's documents and acts
of their readers, in between. Everything that a does is done in both; every question must have the same answer in both."""
import json
import random
import re

import pytest
from conftest import Keyed, problem, running

WORDS = ("harbour ship winter cargo captain lantern storm island anchor rope sails market pepper silk ledger garden flower flowers bridge "
         "tower bells river rivers miller bakery wheat engine engines whistle station ticket letter stamps mailbox courier").split()
TIME = "2026-01-%02dT%02d:00:00Z"
# Ids and times of answers, and numbers of the log of changes, in which every write counts.
OTHERS = re.compile(r'"(took_ms|search_id|recommendation_id|revision|position|created|updated|trace_id|next_cursor|embedding_version)":\s*("[^"]*"|[\d.]+|null),?')

AGES = re.compile(r'"score":[^,]*,("source":"newest"),"relevance":[^,]*,|("explanation":\[\]),"others":[^,]*,')  # what is new scores by its age now


def text_of(r, n):
    return " ".join(WORDS[int(r.random() ** 2 * len(WORDS))] for _ in range(n))


class Worlds:
    def __init__(self, server):
        self.server, self.r = server, random.Random(5)
        for name in ("alone", "beside"):
            server.collection(name, tenant_field="customer", feedback={"half_life_days": None}, synonyms=[{"words": ["ship", "vessel"]}, {"words": ["winter storm", "bridge tower"]}])
        self.key = server.key("admin", filter='customer = "a"')["key"]
        self.texts, self.acts = {}, 0

    def document(self, tenant, name, text):
        return {"id": name, "title": text.split()[0], "text": text, "customer": tenant, "year": 1990 + len(text) % 9,
                "topic": text.split()[-1], "lang": ("en", "de", "fr")[len(text) % 3]}

    def act(self, name, users, kinds, at):
        return {"user": self.r.choice(users), "document": name, "type": self.r.choice(kinds), "time": TIME % (1 + at // 24 % 28, at % 24)}

    def write(self, worlds, documents, acts, deleted):
        """Each in one request, so that few commits are waited for."""
        for world in worlds:
            path = f"/v1/collections/{world}/"
            assert self.server.post(path + "documents", documents)["failed"] == 0
            self.server.post(path + "feedback", acts)
            if deleted:
                self.server.post(path + "documents:delete", {"ids": deleted})

    def ours(self):
        r, documents, acts = self.r, {}, []
        for _ in range(8):
            name = f"a{r.randrange(60)}"
            same = r.random() < .1 and self.texts
            self.texts[name] = text = r.choice(sorted(self.texts.values())) + " indeed" if same else text_of(r, r.randrange(3, 40))
            documents[name] = self.document("a", name, text)
            self.acts += 1
            if r.random() < .7:
                acts.append(self.act(name, [f"u{i}" for i in range(8)] + ["both"], ("click", "like", "save"), self.acts))
        deleted = [name for name in sorted(self.texts) if name not in documents][:1]
        for name in deleted:
            del self.texts[name]
        self.write(("alone", "beside"), list(documents.values()), acts, deleted)

    def theirs(self):
        r, documents, acts = self.r, {}, []
        for _ in range(16):
            name = f"b{r.randrange(120)}"
            text = r.choice(sorted(self.texts.values())) if r.random() < .4 and self.texts else text_of(r, r.randrange(3, 60)) + " captains"
            documents[name] = self.document("b" if int(name[1:]) % 4 else "c", name, text)
            acts += [self.act(name, [f"v{i}" for i in range(20)] + ["both"], ("click", "like"), 28 * 24 - 1) for _ in range(r.randrange(3))]
        self.write(("beside",), list(documents.values()), acts, [f"b{r.randrange(120)}" for _ in range(4)])

    def question(self):
        """(method, path after the collection, body)"""
        r = self.r
        some = r.choice(sorted(self.texts))
        kind = r.randrange(8)
        if kind < 4:
            words = [r.choice(WORDS + ["captains", "vessel"]) for _ in range(r.randrange(1, 4))]
            spoilt = r.random()
            if spoilt < .2:
                words[-1] = words[-1][:3] + "q" + words[-1][3:]
            elif spoilt < .4:
                words[-1] = words[-1][:r.randrange(1, 4)]
            elif spoilt < .5:
                words = [f'"{" ".join(words)}"']
            elif spoilt < .6:
                words[0] = "-" + words[0]
            body = {"q": " ".join(words), "mode": ("hybrid", "lexical", "semantic")[r.randrange(3)], "limit": r.choice((3, 10, 100)),
                    "prefix": r.random() < .5, "typos": r.random() < .5, "match": r.choice(("any", "all")), "exact": True,
                    "explain": r.random() < .5, "facets": ["topic", "lang", {"field": "year", "stats": True}], "snippet_length": 60}
            if body["mode"] == "hybrid":
                body["fusion"] = r.choice(("linear", "rrf", "minmax"))
            if body.get("fusion", "linear") == "linear" and r.random() < .2:
                body["min_score"] = .2
            if r.random() < .2:
                body["boosts"] = [{"field": "year", "pivot": 1995, "weight": .3}]
            if r.random() < .2:
                body["user"] = f"u{r.randrange(8)}"
            if r.random() < .2:
                body["filter"] = r.choice(('lang = "en"', "year > 1993", f'topic = "{r.choice(WORDS)}"', "duplicate_of EXISTS"))
            return "POST", "/search", body
        if kind == 4:
            return "POST", "/similar", {"id": some, "limit": r.choice((3, 50)), "exact": True, "duplicates": r.choice(("show", "hide"))}
        if kind == 5:
            body = {"limit": 20, "explain": True, "diversity": r.choice((0, .5)), "fatigue": 0}
            by = r.choice(({"user": f"u{r.randrange(9)}"}, {"user": "nobody"}, {"positive": [some]}, {"user": "both", "exclude_seen": False}))
            if r.random() < .3:
                body["blend"] = r.choice(("popular + trending", "profile + popular / 2"))
            return "POST", "/recommend", {**body, **by}
        if kind == 6:
            return "GET", f"/documents/{some}", None
        return "GET", r.choice((f"/documents/{some}/readers", "/facets/topic", "/documents?limit=100", "", "/feedback?user=u1", "/documents?filter=duplicate_of%20EXISTS")), None

    def ask(self, world, method, path, body):
        answer = self.server.by(self.key, method, f"/v1/collections/{world}{path}", body)
        return f"{answer.status_code} {AGES.sub('', OTHERS.sub('', answer.text))}".replace("beside", "alone")


@pytest.fixture(scope="module")
def server():
    with running(Keyed()) as s:
        yield s


def test_others_change_no_byte(server):
    w = Worlds(server)
    found = 0
    for _ in range(15):
        w.theirs()
        w.ours()
        w.theirs()
        for _ in range(16):
            question = w.question()
            alone, beside = w.ask("alone", *question), w.ask("beside", *question)
            assert alone == beside, f"{json.dumps(question)}\n{alone}\n{beside}"
            found += '"a' in alone and alone.startswith("200")
    assert found > 150


def test_the_setting(server):
    server.collection("settled", tenant_field="customer")
    assert server.get("/v1/collections/settled")["settings"]["tenant_field"] == "customer"
    assert "tenant_field" not in server.collection("plain")["settings"]
    problem(server.ask("PATCH", "/v1/collections/settled", {"tenant_field": None}), 422, "/tenant_field", says="made")
    problem(server.ask("PATCH", "/v1/collections/plain", {"tenant_field": "customer"}), 422, "/tenant_field")
    server.ask("PATCH", "/v1/collections/settled", {"tenant_field": "customer", "stop_words": ["a"]}, status=200)
    for wrong in ("", "title", "body", "a b", "9a", "a.b", "created", 1):
        problem(server.ask("POST", "/v1/collections", {"name": "wrong", "settings": {"tenant_field": wrong}}), 422, "/settings/tenant_field")
    problem(server.ask("POST", "/v1/collections", {"name": "wrong", "settings": {"tenant_field": "mine", "mapping": {"text": "mine"}}}), 422, "/settings/tenant_field")


def test_a_document_is_one_tenants(server):
    path = "/v1/collections/owned/documents"
    server.collection("owned", tenant_field="customer")
    for document in ({}, {"customer": ["a"]}, {"customer": 7}, {"customer": "2020-01-01"}, {"customer": ""}, {"customer": "x" * 256}, {"attributes": {"customer": None}}):
        problem(server.ask("PUT", path + "/x", {"text": "some text", **document}), 422, "/attributes/customer")
    rows = server.post(path, [{"id": "n", "text": "n"}, {"id": "a", "text": "a", "customer": "x"}])["data"]
    assert [r["status"] for r in rows] == ["failed", "created"] and rows[0]["error"]["errors"][0]["pointer"].endswith("/attributes/customer"), rows
    problem(server.ask("PUT", path + "/a", {"text": "a", "customer": "y"}), 422, "/attributes/customer", says="delete")
    problem(server.ask("PATCH", path + "/a", {"attributes": {"customer": "y"}}), 422, "/attributes/customer", says="delete")
    problem(server.ask("PATCH", path + "/a", {"attributes": {"customer": None}}), 422, "/attributes/customer")
    server.ask("PATCH", path + "/a", {"text": "changed", "attributes": {"customer": "x"}}, status=200)
    server.ask("DELETE", path + "/a", status=204)
    server.ask("PUT", path + "/a", {"text": "a", "customer": "y"}, status=201)


def test_a_filter_that_leaves_one_tenant_asks_as_that_tenant(server):
    server.collection("asked", tenant_field="customer")
    server.post("/v1/collections/asked/documents", [{"id": f"{t}{i}", "text": "ship" if t == "a" or i else "ship harbour", "customer": t} for t in "abb" for i in range(9)][:18])
    server.post("/v1/collections/asked/documents", [{"id": f"b{i}", "text": f"{'harbour ' * 9} {i}", "customer": "b"} for i in range(30)])
    key = server.key("search", filter='customer = "a"')["key"]

    def found(by, **more):
        answer = server.by(by, "POST", "/v1/collections/asked/search", {"q": "ship harbuor", "mode": "lexical", "typos": True, **more})
        return [(h["id"], h["score"]) for h in answer.json()["data"]]

    own = found(key)
    assert len(own) == 9
    for same in ('customer = "a"', 'customer IN ["a"]', 'customer = "a" AND NOT customer = "b"', '(customer = "a" AND lang EXISTS) OR customer = "a"'):
        assert found(server.admin, filter=same) == own, same
    assert found(server.admin, filter='customer IN ["a", "c"]') != own  # may be several: statistics of all
    problem(server.ask("POST", "/v1/collections/asked/similar", {"id": "b1", "filter": 'customer = "a"'}), 404)
