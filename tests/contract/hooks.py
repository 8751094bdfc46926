"""What schemathesis cannot know of akin: the languages inside strings, and things that are there. Loaded by `run.py`."""
import atexit
import collections
import json
import os
import re
import threading

import requests
import schemathesis
from hypothesis import strategies as st

import world

FILTERS = ['lang = "en"', 'tags IN ["s","b"]', "length > 40 AND NOT hidden = true", 'id != "soup"', "updated >= 2024-01-01T00:00:00Z",
           "geo(place, 52.5, 13.4) <= 10km", "duplicate_of EXISTS", "length 10 TO 60", ""]
IDS = st.text(st.characters(blacklist_categories=["Cc", "Cs"]), min_size=1, max_size=60).filter(lambda s: s not in (".", ".."))

schemathesis.openapi.format("akin-id", IDS)
schemathesis.openapi.format("akin-model", IDS.filter(lambda s: s[0] != "." and "/" not in s and len(s.encode()) <= 95))
SAMPLES = {  # of a property or parameter: what is meant by a name or a language
    "filter": FILTERS, "cursor": [""],  # the beginning: others are signed
    "addresses": ["192.0.2.1", "10.0.0.0/8", "2001:db8::/32"], "field": ["tags", "lang", "length", "topic"], "exclude_seen": ["click", "view", "dislike"],
    "blend": ["model", "model + 0.3 * trending", "max(profile, popular)"], "Akin-Min-Position": ["", os.environ["CONTRACT_POSITION"]],
    "expires": ["2100-01-01T00:00:00Z"],
}
for name, values in SAMPLES.items():
    schemathesis.openapi.format("akin-" + name.lower(), st.sampled_from(values))


def walk(node, name=None):
    """Marks strings that are more than strings, so that what is generated as sound is sound."""
    if isinstance(node, list):
        for x in node:
            walk(x, name)
    if not isinstance(node, dict):
        return
    for key, x in node.get("properties", {}).items():
        if key in SAMPLES and (key != "expires" or "addresses" in node["properties"]):  # documents may have expired
            mark(x, key)
        walk(x, key)
    for begins, name_of in (("^(?!\\.{1,2}$)", "akin-id"), ("^(?!\\.)[^/", "akin-model")):  # bounded in bytes, which a schema has no word for
        if str(node.get("pattern", "")).startswith(begins):
            node.pop("pattern")
            node["format"] = name_of
    if node.get("name") in SAMPLES and "schema" in node:
        mark(node["schema"], node["name"])
    for key, x in node.items():
        if key not in ("properties", "example", "examples", "default"):
            walk(x, name)


def mark(schema, name):
    if "string" in schema.get("type", ()):
        schema["format"] = "akin-" + name.lower()
        schema.pop("examples", None)
    for x in [*schema.get("allOf", []), *schema.get("oneOf", []), *([schema["items"]] if "items" in schema else [])]:
        mark(x, name)


@schemathesis.hook
def before_load_schema(context, raw_schema):
    schemas = raw_schema["components"]["schemas"]
    walk(raw_schema)
    # Whose a document is, is settled when a collection is made: a change that names a field is refused, whatever else is in it.
    settled = dict(schemas["CollectionSettings"]["properties"], tenant_field={"type": "null"})
    schemas["SettingsLater"] = dict(schemas["CollectionSettings"], properties=settled)
    for media in raw_schema["paths"]["/v1/collections/{c}"]["patch"]["requestBody"]["content"].values():
        media["schema"] = {"$ref": "#/components/schemas/SettingsLater"}
    for item in raw_schema["paths"].values():
        for operation in item.values():  # this server asks for keys: nothing is open that does not say so
            operation["security"] = [x for x in operation.get("security", []) if x]


# A sound request may be refused for what no schema says; each of these is a rule of its own, between fields or with what is stored.
# Anything else that a schema could have said is a finding: a 422 or 400 of another wording fails.
RULES = [
    r"no document has the field", r"is excluded, at", r"is liked too, at", r"dimensions of this collection", r"is the name of variant \d+ already",
    r"lies before `from`", r"is given under attributes too", r"at most 1000 examples", r"more than 64 parameters", r"too big (negative )?integer",
    r"the body is not readable JSON: JSON needs more memory", r"/type: must be one of", r"a document needs a text or a title", r"which no name and no text may hold",
    r"there is no document ", r"collection .* has no recommender", r"/dimensions: ", r"UTF-8 without NUL",
    r"came with another request before", r"is not of this model's vocabulary", r"must be the id of the path", r"is named twice",
    r"is that of /(pins|caps)/\d+ too", r"is pinned by /pins/\d+ too", r"is asked for twice", r"is /users/\d+ too",
    r"(passage|overlap)_tokens: must be (a whole number|less)", r"have weights of", r"times limit must not pass", r"without q nothing has a score",
    r"ranges/\d+: needs from, to or both", r"exclude_seen/\d+: must be one of", r"is no id of this model's vocabulary", r"name: is there twice",
    r"a key is in the address", r"must not be empty: to delete",
]
# Between parameters, for which OpenAPI has no words: in a body a schema says the same.
OF_PARAMETERS = [r"does not go with a cursor", r"needs the (linear fusion|fusion linear)", r"needs q: without", r"exclude each other"]
# Each row of these is judged alone, and the answer says which failed.
ROWS = {"addDocuments", "addFeedback", "uploadScores", "multiSearch"}


excused = collections.Counter()


@atexit.register
def tell():
    """Which rules were needed, for run.py: one that nothing needs in a long run may go."""
    with open(os.environ["CONTRACT_EXCUSED"], "w") as f:
        json.dump({rule: excused[rule] for rule in RULES + OF_PARAMETERS}, f)


SHARE = int(os.environ.get("CONTRACT_SHARE", 1))
met = collections.Counter()


@schemathesis.hook
def filter_case(context, case):
    """A bounded run takes one of SHARE cases of the coverage phase, others of each operation."""
    if SHARE == 1 or not case.meta or case.meta.phase.name.value != "coverage":
        return True
    met[case.operation.label] += 1
    return (met[case.operation.label] + len(case.operation.label)) % SHARE == 0


@schemathesis.hook
def filter_failure(context, failure, case, response):
    if response.status_code in (414, 431):  # a head over 32 kB is answered by libmicrohttpd, with a page of its own
        return False
    if type(failure).__name__ == "RejectedPositiveData":
        rule = next((x for x in RULES + OF_PARAMETERS * (case.method == "GET") if re.search(x, response.text)), None)
        excused[rule] += 1
        return rule is None
    if type(failure).__name__ == "AcceptedNegativeData" and case.operation.definition.raw.get("operationId") in ROWS:
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
        if calls % 4 and case.meta and case.meta.generation.mode.is_positive and "Idempotency-Key" in (case.headers or {}):
            case.headers["Idempotency-Key"] = f"contract-{os.environ['CONTRACT_SEED']}-{calls}"  # most are no repetition of another request
    if case.method == "DELETE" and case.path == "/v1/collections/{c}" and case.path_parameters.get("c") == world.NAME:
        case.path_parameters["c"] = world.SPARE
