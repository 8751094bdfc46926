"""How a request is sent: one connection a thread, the standard library alone."""
from __future__ import annotations

import http.client
import json
import ssl
import threading
import time
import urllib.parse
import uuid
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional


def quote(part: object) -> str:
    return urllib.parse.quote(str(part), safe="")


def _query_values(value: Any) -> List[str]:
    """A list of texts is a parameter for each; of anything else, JSON."""
    if isinstance(value, (list, tuple)) and all(isinstance(v, str) for v in value):
        return list(value)
    return [value if isinstance(value, str) else json.dumps(value)]


class AkinError(Exception):
    """What the server refused, as its problem document says it (RFC 9457)."""

    def __init__(self, status: int, problem: Mapping[str, Any]):
        self.status = status
        self.code: str = problem.get("code", "")
        self.detail: str = problem.get("detail", "")
        self.errors = problem.get("errors", [])  # [{"pointer": "/limit", "detail": ".."}]
        self.trace_id: str = problem.get("trace_id", "")
        super().__init__(f"{status} {self.code}: {self.detail}")


class Http:
    def __init__(self, url: str = "http://127.0.0.1:8000", key: Optional[str] = None, timeout: float = 30, retries: int = 2, context: Optional[ssl.SSLContext] = None):
        """`retries`: how often a request is sent again when the server says 429 or 503 and when to come back, or when a connection that was kept open has been closed.
        Writes by POST carry an Idempotency-Key for that, a new one for each call unless one is given: they are also sent again when a connection breaks, and done once. With 0 none is made."""
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"url is {url!r}; it looks like http://127.0.0.1:8000")
        self._https, self._host, self._port, self._base = parts.scheme == "https", parts.hostname, parts.port, parts.path.rstrip("/")
        self._key, self._timeout, self._retries, self._context = key, timeout, retries, context
        self._local = threading.local()

    def close(self) -> None:
        """Closes this thread's connection; the next request opens another."""
        connection = self._local.__dict__.pop("connection", None)
        if connection:
            connection.close()

    def __enter__(self) -> "Http":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def import_documents(self, collection: str, documents: Iterable[Mapping[str, Any]], *, async_: bool = False) -> Iterator[Dict[str, Any]]:
        """Streams any number of documents; yields a result for each, in their order, the last line with the counts."""
        lines = (json.dumps(d).encode() + b"\n" for d in documents)
        answer = self._send("POST", f"/v1/collections/{quote(collection)}/documents" + ("?async=true" if async_ else ""), lines, {"Content-Type": "application/x-ndjson"})
        if answer.status != 200:
            self._refused(answer.status, answer.read())
        try:
            for line in answer:
                yield json.loads(line)
            answer.read()  # at its end: the connection can be used again
        finally:
            if not answer.isclosed():
                self.close()

    def export_documents(self, collection: str, *, filter: Optional[str] = None, fields: Optional[List[str]] = None, after: Optional[str] = None) -> "Export":
        """Streams all documents by id, as import_documents takes them. Raises http.client.IncompleteRead where the answer is cut: go on with `after`."""
        given = {"filter": filter, "fields": fields, "after": after}
        path = f"/v1/collections/{quote(collection)}/documents:export?" + urllib.parse.urlencode({k: v for k, v in given.items() if v is not None}, doseq=True)
        answer = self._send("GET", path, None, {})
        if answer.status != 200:
            self._refused(answer.status, answer.read())
        return Export(self, answer)

    def _connection(self) -> http.client.HTTPConnection:
        connection = self._local.__dict__.get("connection")
        if connection is None:
            connection = http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout, context=self._context) if self._https else \
                http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
            self._local.connection = connection
        return connection

    def _send(self, method: str, path: str, body: Any, headers: Dict[str, str]) -> http.client.HTTPResponse:
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        reused = "connection" in self._local.__dict__
        connection = self._connection()
        try:
            connection.request(method, self._base + path, body, headers, encode_chunked=not isinstance(body, (bytes, type(None))))
            return connection.getresponse()
        except (http.client.HTTPException, OSError) as e:
            self.close()
            if reused and isinstance(e, (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError)) and (method in ("GET", "PUT", "DELETE") or "Idempotency-Key" in headers or isinstance(e, http.client.RemoteDisconnected)) and isinstance(body, (bytes, type(None))):
                return self._send(method, path, body, headers)
            raise

    def _refused(self, status: int, data: bytes) -> None:
        try:
            problem = json.loads(data)
            problem = problem.get("error", problem) if isinstance(problem.get("error"), dict) else problem
        except ValueError:
            problem = {"detail": data[:200].decode(errors="replace")}
        raise AkinError(status, problem)

    def _ask(self, method: str, path: str, *, query: Optional[Mapping[str, Any]] = None, headers: Optional[Mapping[str, Any]] = None, body: Any = None, media: str = "application/json") -> Any:
        given = [(k, v) for k, value in (query or {}).items() if value is not None for v in _query_values(value)]
        if given:
            path += "?" + urllib.parse.urlencode(given)
        send = {k: str(v) for k, v in (headers or {}).items() if v is not None}
        if headers and "Idempotency-Key" in headers and self._retries:
            send.setdefault("Idempotency-Key", str(uuid.uuid4()))
        data = None
        if body is not None:
            if isinstance(body, dict) and media == "application/json":
                body = {k: v for k, v in body.items() if v is not None}
            data, send["Content-Type"] = json.dumps(body).encode(), media
        for attempt in range(self._retries + 1):
            try:
                answer = self._send(method, path, data, dict(send))
                content = answer.read()
            except (http.client.HTTPException, OSError):
                self.close()
                if "Idempotency-Key" not in send or attempt == self._retries:
                    raise
                time.sleep(.1 * 2 ** attempt)
                continue
            running = answer.status == 409 and "Retry-After" in answer.headers  # the one that was sent before
            if not (answer.status in (429, 503) or running) or attempt == self._retries:
                break
            time.sleep(min(float(answer.headers.get("Retry-After", 1)), self._timeout))
        if answer.status == 304:
            return None
        if answer.status >= 400:
            self._refused(answer.status, content)
        if not content:
            return None
        return json.loads(content) if "json" in answer.headers.get("Content-Type", "") else content.decode()


class Export:
    """Documents as they come. What was changed behind `position` may have come or not; list_changes tells of it."""

    def __init__(self, server: Http, answer: http.client.HTTPResponse):
        self._server, self._answer = server, answer
        self.position = answer.headers["Akin-Position"]

    def __iter__(self) -> Iterator[Dict[str, Any]]:
        left = b""
        try:
            while piece := self._answer.read(65536):  # which raises at a cut; readline takes that for the end
                *lines, left = (left + piece).split(b"\n")
                for line in lines:
                    yield json.loads(line)
        finally:
            if not self._answer.isclosed():
                self._server.close()
