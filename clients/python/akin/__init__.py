"""A client of akin: search, similar documents and recommendations over your own text.

    from akin import Akin
    server = Akin("http://127.0.0.1:8000")
    server.create_collection(name="news")
    server.add_documents("news", [{"id": "a1", "title": "Storm over the coast", "text": "..."}])
    for hit in server.search("news", q="bad weather")["data"]:
        print(hit["id"], hit["score"])
"""
from . import types
from .client import Akin
from .http import AkinError

__all__ = ["Akin", "AkinError", "types"]
