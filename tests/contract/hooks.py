"""What schemathesis cannot know of akin: the languages inside strings, and things that are there. Loaded by `run.py`."""
import os
import threading

import re

import requests
import schemathesis
from hypothesis import strategies as st

import world

FILTERS = ['lang = "en"', 'tags IN ["s","b"]', "length > 40 AND NOT hidden = true", 'id != "soup"', "updated >= 2024-01-01T00:00:00Z",
           "geo(place, 52.5, 13.4) <= 10km", "duplicate_of EXISTS", "length 10 TO 60", ""]
IDS = st.text(st.characters(blacklist_categories=["Cc", "Cs"]), min_size=1, max_size=60).filter(lambda s: s not in (".", ".."))

schemathesis.openapi.format("akin-filter", st.sampled_from(FILTERS))
schemathesis.openapi.format("akin-id", IDS)
schemathesis.openapi.format("akin-address", st.sampled_from(["192.0.2.1", "10.0.0.0/8", "2001:db8::/32"]))


def walk(node, name=None):
    """Marks strings that are more than strings, so that what is generated as sound is sound."""
    if isinstance(node, list):
        for x in node:
            walk(x, name)
    if not isinstance(node, dict):
        return
    for key, x in node.get("properties", {}).items():
        if key == "filter":
            mark(x, "akin-filter")
        if key == "addresses":
            mark(x["allOf"][0]["items"] if "allOf" in x else x["items"], "akin-address")
        walk(x, key)
    if str(node.get("pattern", "")).startswith("^(?!"):  # an id: bounded in bytes, which a schema has no word for
        node.pop("pattern")
        node["format"] = "akin-id"
    if node.get("name") == "filter" and node.get("in") == "query":
        mark(node["schema"], "akin-filter")
    for key, x in node.items():
        if key not in ("properties", "example", "examples", "default"):
            walk(x, name)


def mark(schema, name):
    for x in schema.get("allOf", [schema]):
        if x.get("type") == "string":
            x["format"] = name


@schemathesis.hook
def before_load_schema(context, raw_schema):
    walk(raw_schema)
    for item in raw_schema["paths"].values():
        for operation in item.values():  # this server asks for keys: nothing is open that does not say so
            operation["security"] = [x for x in operation.get("security", []) if x]


# A sound request may be refused for what no schema says; each of these is a rule of its own, between fields or with what is stored.
# Anything else that a schema could have said is a finding: a 422 or 400 of another wording fails.
RULES = [
    r"no document has the field", r"is excluded, at", r"is liked too, at", r"dimensions of this collection", r"is the name of variant \d+ already",
    r"cannot stand beside", r"belongs to the kind", r"lies before `from`", r"is given under attributes too", r"at most 1000 examples",
    r"more than 64 parameters", r"too big (negative )?integer", r"JSON needs more memory", r"/type: must be one of",
    r"score expression, character", r"a document needs a text or a title", r"u0000 is not allowed", r"NUL byte in object key", r"there is no document ",
    r"collection .* has no recommender", r"is of another lineage", r"is not a cursor of this server", r"/dimensions: ", r"UTF-8 without NUL",
    r"came with another request before", r"this time has passed", r"is not of this model's vocabulary", r"must be the id of the path", r"is named twice",
    r"must be the name of an attribute", r"is no id of this model's vocabulary", r"name: is there twice", r"a key is in the address", r"must be \* when writing", r"must not be empty: to delete",
    r"characters, and not \. or \.\., not -?\d",  # an integer as an id, written as 10.0
]
# Each row of these is judged alone, and the answer says which failed.
ROWS = {"addDocuments", "addFeedback", "putScores", "multiSearch"}


@schemathesis.hook
def filter_failure(context, failure, case, response):
    if response.status_code in (414, 431):  # a head over 32 kB is answered by libmicrohttpd, with a page of its own
        return False
    if type(failure).__name__ in ("RejectedPositiveData",):
        return not re.search("|".join(RULES), response.text)
    if type(failure).__name__ in ("AcceptedNegativeData",) and response.status_code == 200:
        return not re.search(r'"failed":[1-9]|"error":\{|"status":4\d\d', response.text)
    return True


lock, calls = threading.Lock(), 0
session = requests.Session()


@schemathesis.hook
def before_call(context, case, kwargs):
    """What other cases deleted is put back now and then, and the collection that all share is not deleted."""
    global calls
    with lock:
        calls += 1
        if calls % 200 == 1:
            world.make(os.environ["CONTRACT_URL"], session)
    if case.method == "DELETE" and case.path == "/v1/collections/{c}" and case.path_parameters.get("c") == world.NAME:
        case.path_parameters["c"] = world.SPARE
