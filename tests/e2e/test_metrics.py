"""Metrics at 0 from the start, counted by template; a log line a request; ops routes."""
import re

from conftest import fill, wait_for


def test_present_at_nought(make_server):
    fresh = make_server()
    metrics = fresh.metrics()
    assert metrics['akin_http_requests_total{method="POST",route="/v1/collections/{c}/search",status="200"}'] == 0
    assert metrics['akin_http_requests_total{method="DELETE",route="/v1/collections/{c}/documents/{id}",status="204"}'] == 0
    assert metrics['akin_http_request_duration_seconds_count{route="/v1/collections/{c}/search"}'] == 0
    names = {re.split(r"[{ ]", name)[0] for name in metrics}
    for name in ("akin_http_requests_in_flight", "akin_embed_tokens_total", "akin_errors_total", "akin_feedback_total", "akin_index_lag_changes",
                 "akin_auth_failures_total", "akin_embed_truncated_total", "akin_build_info", "akin_db_errors_total", "process_resident_memory_bytes"):
        assert name in names, name
    for name in ("akin_embeddings_generated_total", "akin_document_processing_seconds_count", "akin_search_duration_seconds_count",
                 "akin_recommend_duration_seconds_count", "akin_events_published_total"):
        assert any(n.startswith(name) for n in metrics), name


def test_counting_by_template(server):
    fill(server, "count")
    for i in range(3):
        server.ask("GET", f"/v1/collections/count/documents/unknown{i}")
    server.ask("GET", "/v1/collections/count/documents/soup", status=200)
    server.ask("GET", "/nowhere/at/all")
    server.post("/v1/collections/count/search", {"q": "soup"})

    def counted():
        m = server.metrics()
        return (m.get('akin_http_requests_total{method="GET",route="/v1/collections/{c}/documents/{id}",status="404"}') == 3 and
                m.get('akin_http_requests_total{method="GET",route="none",status="404"}') == 1 and
                m.get('akin_http_requests_total{method="POST",route="/v1/collections/{c}/search",status="200"}') == 1)
    wait_for(counted)
    assert "unknown1" not in server.ask("GET", "/metrics").text
    m = server.metrics()
    assert m['akin_documents{collection="count"}'] == 6
    assert m['akin_http_request_duration_seconds_count{route="/v1/collections/{c}/search"}'] == 1
    generated = [v for k, v in m.items() if k.startswith("akin_embeddings_generated_total")]
    assert sum(generated) >= 6


def test_failures_are_timed_too(server):
    server.collection("fails")
    server.ask("POST", "/v1/collections/fails/documents", {"id": "a", "text": ""}, status=422)
    m = server.metrics()
    assert sum(v for k, v in m.items() if k.startswith("akin_document_processing_seconds_count") and 'outcome="ok"' not in k) >= 1


def test_log_line(server):
    fill(server, "logged")
    answer = server.ask("POST", "/v1/collections/logged/search", {"q": "the secret query text"}, status=200)
    trace = answer.headers["Akin-Trace-Id"]
    line = wait_for(lambda: next((x for x in server.log_lines() if x.get("trace_id") == trace), None))
    assert line["method"] == "POST" and line["route"] == "/v1/collections/{c}/search" and line["status"] == 200
    assert line["bytes_in"] > 0 and line["bytes_out"] > 0 and line["duration_ms"] > 0
    assert line["queue_ms"] >= 0 and line["parse_ms"] >= 0 and line["engine_ms"] > 0
    assert "secret query" not in server.log()


def test_trace_id_of_the_caller(server):
    given = "0af7651916cd43dd8448eb211c80319c"
    answer = server.ask("GET", "/nowhere", headers={"traceparent": f"00-{given}-b7ad6b7169203331-01"})
    assert answer.headers["Akin-Trace-Id"] == given == answer.json()["trace_id"]
    other = server.ask("GET", "/nowhere", headers={"traceparent": "nonsense"}).headers["Akin-Trace-Id"]
    assert re.fullmatch(r"[0-9a-f]{32}", other) and other != given


def test_ops(server):
    assert server.get("/livez") == {"status": "live"}
    assert server.get("/readyz") == {"status": "ready"}
    version = server.get("/version")
    assert version["version"] and version["commit"] and version["api"] == "v1"
    answer = server.ask("GET", "/metrics", status=200)
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
