"""Clients and checks of others' making against akin, as they are: `./dev clients --official` installs and runs them. Not in CI: they
are large, and what they ask is asked by tests/e2e too."""
import importlib.util
import pathlib
import sys

import pytest

E2E = pathlib.Path(__file__).resolve().parents[1] / "e2e"
spec = importlib.util.spec_from_file_location("e2e_conftest", E2E / "conftest.py")
e2e = importlib.util.module_from_spec(spec)
sys.modules["e2e_conftest"] = e2e
spec.loader.exec_module(e2e)

TEXTS = {"a1": ("Storm over the coast", "wind and rain until Friday"), "b2": ("Soup", "pumpkin soup with ginger"), "c3": ("Trams", "a tram to the coast")}


@pytest.fixture(scope="module")
def url():
    with e2e.running(e2e.Server()) as s:
        s.collection("news")
        s.post("/v1/collections/news/documents", [{"id": k, "title": t, "text": x} for k, (t, x) in TEXTS.items()])
        yield s.url + "/mcp"


CALLS = [("search", {"q": "rain", "limit": 1}), ("similar", {"id": "a1"}), ("recommend", {"positive": ["a1"]}), ("get_document", {"id": "a1"}),
         ("add_document", {"document": {"id": "d4", "text": "a storm is coming"}}), ("give_feedback", {"user": "anna", "document": "a1", "type": "like"})]
