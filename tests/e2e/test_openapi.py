"""The server is held to its own OpenAPI document by schemathesis: seeded, with bounded examples."""

import pytest
from conftest import fill

schemathesis = pytest.importorskip("schemathesis")
from hypothesis import HealthCheck, Phase, given, seed, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from schemathesis import checks  # noqa: E402
from schemathesis.specs.openapi import checks as openapi_checks  # noqa: E402

EXAMPLES = 12
SEED = 20261122


def test_document(server):
    document = server.get("/openapi.json")
    assert document["openapi"] == "3.1.0"
    names = [o["operationId"] for p in document["paths"].values() for o in p.values()]
    assert len(names) == len(set(names)) > 30
    tags = {t["name"] for t in document["tags"]}
    used = set()
    for path in document["paths"].values():
        for operation in path.values():
            assert "default" in operation["responses"]
            assert any(status.startswith("4") for status in operation["responses"]), operation["operationId"]
            assert operation["summary"] and not operation["summary"].endswith(".") and operation["summary"] in operation["description"]
            used |= set(operation["tags"])
    assert used == tags and all(t["description"] for t in document["tags"])


@pytest.fixture(scope="module")
def schema(server):
    fill(server, "news")
    return schemathesis.openapi.from_dict(server.get("/openapi.json"))


# Not held to: a filter is a language that a schema does not describe, and ids are bounded in bytes, so data that the schema calls sound
# may be refused (positive_data_acceptance).
CHECKS = [checks.not_a_server_error, openapi_checks.status_code_conformance, openapi_checks.content_type_conformance,
          openapi_checks.response_headers_conformance, openapi_checks.response_schema_conformance,
          openapi_checks.unsupported_method, openapi_checks.missing_required_header]
NEGATIVE = CHECKS + [openapi_checks.negative_data_rejection]


def operations(server_document):
    return [(path, method) for path, item in server_document["paths"].items() for method in item]


ROUTES = [
    ("/v1/collections", "GET"), ("/v1/collections", "POST"), ("/v1/collections/{c}", "GET"), ("/v1/collections/{c}", "PATCH"),
    ("/v1/aliases", "GET"), ("/v1/aliases:swap", "POST"), *(("/v1/aliases/{alias}", m) for m in ("GET", "PUT", "DELETE")),
    ("/v1/collections/{c}/documents", "GET"), ("/v1/collections/{c}/documents", "POST"), ("/v1/collections/{c}/documents:delete", "POST"), ("/v1/collections/{c}/documents:get", "POST"), ("/v1/collections/{c}/documents:export", "GET"),
    ("/v1/collections/{c}/documents/{id}", "GET"), ("/v1/collections/{c}/documents/{id}", "PUT"),
    ("/v1/collections/{c}/documents/{id}", "PATCH"), ("/v1/collections/{c}/documents/{id}", "DELETE"),
    ("/v1/collections/{c}/embedding-versions", "GET"), ("/v1/collections/{c}/embedding-versions", "POST"),
    ("/v1/collections/{c}/embedding-versions:rollback", "POST"), ("/v1/collections/{c}/embedding-versions/{version}", "GET"),
    ("/v1/collections/{c}/embedding-versions/{version}", "DELETE"), ("/v1/collections/{c}/embedding-versions/{version}:promote", "POST"),
    ("/v1/collections/{c}/embedding-versions/{version}:compare", "POST"),
    ("/v1/collections/{c}/recommenders", "GET"), ("/v1/collections/{c}/recommenders:train", "POST"),
    ("/v1/collections/{c}/recommenders:rollback", "POST"), ("/v1/collections/{c}/recommenders/{recommender}", "GET"),
    ("/v1/collections/{c}/recommenders/{recommender}", "DELETE"), ("/v1/collections/{c}/recommenders/{recommender}:promote", "POST"),
    ("/v1/collections/{c}/recommenders/{recommender}:retire", "POST"),
    ("/v1/tasks", "GET"), ("/v1/tasks/{task}", "GET"), ("/v1/tasks/{task}:cancel", "POST"),
    ("/v1/collections/{c}/search", "GET"), ("/v1/collections/{c}/search", "POST"), ("/v1/multi-search", "POST"), ("/v1/collections/{c}/similar", "POST"), ("/v1/collections/{c}/classify", "POST"), ("/v1/collections/{c}/facets/{field}", "GET"),
    ("/v1/collections/{c}/recommend", "POST"), ("/v1/collections/{c}/recommend:batch", "POST"),
    ("/v1/collections/{c}/documents/{id}/readers", "GET"), ("/v1/collections/{c}/feedback", "POST"), ("/v1/collections/{c}/feedback", "GET"),
    ("/v1/collections/{c}/users/{id}", "PUT"), ("/v1/collections/{c}/users/{id}", "GET"), ("/v1/collections/{c}/users/{id}", "DELETE"),
    ("/v1/collections/{c}/users/{id}:export", "GET"),
    ("/v1/collections/{c}/experiments", "GET"), ("/v1/collections/{c}/experiments", "POST"),
    *(("/v1/collections/{c}/experiments/{experiment}", m) for m in ("GET", "PUT", "DELETE")),
    ("/v1/collections/{c}/experiments/{experiment}:start", "POST"), ("/v1/collections/{c}/experiments/{experiment}:stop", "POST"),
    ("/v1/collections/{c}/recommendations/stats", "GET"), ("/v1/collections/{c}/recommendations/estimate", "GET"), ("/v1/collections/{c}/scores", "GET"),
    *(("/v1/collections/{c}/scores/{source}", m) for m in ("POST", "DELETE")),
    *(("/v1/collections/{c}/scores/{source}/" + who, m) for who in ("all", "users/{id}") for m in ("GET", "PUT", "DELETE")),
    ("/v1/collections/{c}/users/{id}/recommendations", "GET"), ("/v1/embeddings", "POST"), ("/v1/models", "GET"),
    ("/v1/models/{model}", "GET"), ("/", "POST"), ("/embed", "POST"), ("/embed_all", "POST"), ("/similarity", "POST"), ("/tokenize", "POST"),
    ("/decode", "POST"), ("/info", "GET"), ("/mcp", "POST"), ("/v1/changes", "GET"), ("/v1/keys", "GET"), ("/v1/keys", "POST"),
    *(("/v1/keys/{key}", m) for m in ("GET", "PATCH", "DELETE")), ("/v1/keys/{key}:rotate", "POST"), ("/v1/backups", "POST"), ("/v1/checks", "POST"),
    ("/livez", "GET"), ("/readyz", "GET"), ("/version", "GET"), ("/metrics", "GET"), ("/openapi.json", "GET"), ("/", "GET"), ("/page/style.css", "GET"), ("/page/page.js", "GET"), ("/docs", "GET"), ("/page/docs.css", "GET"), ("/page/docs.js", "GET"), ("/page/examples.json", "GET"),
]


def test_no_route_is_left_out(server):
    """All but the one that would delete the collection that the others use."""
    named = {(p, m.lower()) for p, m in ROUTES} | {("/v1/collections/{c}", "delete")}
    assert named == set(operations(server.get("/openapi.json")))


@pytest.mark.parametrize("mode", ["positive", "negative"])
@pytest.mark.parametrize("path, method", ROUTES)
def test_route(server, schema, path, method, mode):
    operation = schema[path][method]
    generation = schemathesis.GenerationMode(mode)
    try:
        strategy = operation.as_strategy(generation_mode=generation)
    except Exception as e:  # nothing in it that could be wrong
        pytest.skip(str(e))

    @seed(SEED)
    @settings(max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.explicit, Phase.generate],
              suppress_health_check=list(HealthCheck))
    @given(st.booleans(), strategy)
    def run(known, case):
        if known and "c" in (case.path_parameters or {}):
            case.path_parameters["c"] = "news"
        answer = case.call(base_url=server.url, session=server.session)
        if answer.status_code in (414, 431):  # an address longer than the bounds of a head never becomes a request
            return
        rows = path == "/v1/multi-search"  # each of its searches is judged alone
        held = CHECKS if known or rows or mode == "positive" else NEGATIVE
        case.validate_response(answer, checks=held)

    try:
        run()
    except schemathesis.errors.InvalidSchema as e:
        pytest.fail(str(e))
    except Exception as e:
        if type(e).__name__ in ("Unsatisfiable", "SkipTest"):
            pytest.skip("nothing of this mode can be made")
        raise
