"""A server's content for the contract: one of everything that an address can name. Making it again puts back what is gone."""
import os

NAME, SPARE = "news", "spare"
DOCUMENTS = {
    "a1": "Roast the pumpkin, then add ginger.", "a2": "A tram across the river.",  # whom the examples of the document name
    "soup": "Roast the pumpkin in the oven, then add ginger and cream to the soup.",
    "bread": "Knead flour, water and salt, let the dough rise overnight and bake the bread.",
    "bike": "Check the chain and the brakes of the bicycle before a long ride.",
    "tent": "Pitch the tent on dry ground and keep the food away from bears.",
    "stars": "The telescope shows craters of the moon and rings of Saturn.",
    "guitar": "Tune the guitar before the concert and change the old strings.",
}
READERS = [f"u{i}" for i in range(30)]
KEY = "contract-administrator-key-of-forty-characters"


def ask(url, session, method, path, body=None):
    return session.request(method, url + path, json=body, headers={"Authorization": "Bearer " + os.environ.get("CONTRACT_KEY", KEY)}, timeout=60)


def make(url, session):
    """Idempotent. Answers are not judged: a thing may be there already, or be in use."""
    def do(*args):
        return ask(url, session, *args)
    for name in (NAME, SPARE):
        do("POST", "/v1/collections", {"name": name, "settings": {"training": {"schedule": "manual"}}})
    do("PATCH", f"/v1/collections/{NAME}", {"mapping": {}, "extra_fields": "attributes"})
    rows = [{"id": k, "title": k.capitalize(), "text": v, "lang": "en", "tags": [k[0]], "expires": None,
             "attributes": {"length": len(v), "hidden": k == "tent", "place": {"lat": 52.5, "lon": 13.4}, "topic": "food" if k in ("soup", "bread") else "sport",
                            "year": 2000 + len(v) % 20, "site": "north" if k < "c" else "south", "author": k[0]}}
            for k, v in DOCUMENTS.items()]
    do("POST", f"/v1/collections/{NAME}/documents", rows)
    names = list(DOCUMENTS)
    do("POST", f"/v1/collections/{NAME}/feedback", [{"event_id": f"{u}-{j}", "user": u, "document": names[(i + j) % len(names)], "type": "click"}
                                                    for i, u in enumerate(READERS) for j in range(3)])
    for u in READERS[:5]:
        do("PUT", f"/v1/collections/{NAME}/users/{u}", {"labels": ["cook"]})
    do("POST", f"/v1/collections/{NAME}/experiments", {"name": "trial", "variants": [{"name": "a", "weight": 1}, {"name": "b", "weight": 1}]})
    do("PUT", f"/v1/collections/{NAME}/scores/mine/all", {"scores": [{"document": "soup", "score": 1}, {"document": "bike", "score": 0.5}]})
    do("PUT", f"/v1/collections/{NAME}/scores/mine/users/u1", {"scores": [{"document": "soup", "score": 1}]})
    keys = do("GET", "/v1/keys").json().get("data", [])
    if len(keys) < 2:
        for title in ("one", "two"):
            do("POST", "/v1/keys", {"name": title, "scopes": ["search"]})
    elif len(keys) > 50:
        for key in keys[10:]:
            do("DELETE", "/v1/keys/" + key["id"])
    collections = do("GET", "/v1/collections?limit=1000").json().get("data", [])
    for c in collections if len(collections) > 60 else []:  # not those that a sequence of requests is about
        if c["name"] not in (NAME, SPARE):
            do("DELETE", "/v1/collections/" + c["name"])


def names(url, session):
    """What stands for the parameters of addresses: name -> values."""
    keys = [k["id"] for k in ask(url, session, "GET", "/v1/keys").json()["data"]]
    return {"c": [NAME], "id": list(DOCUMENTS) + READERS[:5], "version": ["1", "2"], "recommender": ["1", "2"], "task": ["1", "2", "3"],
            "experiment": ["trial"], "source": ["mine"], "key": keys, "model": ["stub"], "field": ["tags", "lang", "length", "topic"]}
