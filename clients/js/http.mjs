// How a request is sent: fetch, so it runs in Node 18 and in browsers.

/** What the server refused, as its problem document says it (RFC 9457). */
export class AkinError extends Error {
  constructor(status, problem) {
    super(`${status} ${problem.code ?? ""}: ${problem.detail ?? ""}`);
    this.name = "AkinError";
    this.status = status;
    this.code = problem.code ?? "";
    this.detail = problem.detail ?? "";
    this.errors = problem.errors ?? []; // [{pointer: "/limit", detail: ".."}]
    this.traceId = problem.trace_id ?? "";
  }
}

/** A list of texts is a parameter for each; of anything else, JSON. */
const queryValues = (v) => Array.isArray(v) && v.every((one) => typeof one === "string") ? v : [typeof v === "string" ? v : JSON.stringify(v)];
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const unique = () => globalThis.crypto?.randomUUID?.() ?? Array.from({ length: 4 }, () => Math.random().toString(36).slice(2, 10)).join("-");

export class Http {
  /** `retries`: how often a request is sent again when the server says 429 or 503 and when to come back. Writes by POST carry an Idempotency-Key for that, a new one for each
   *  call unless one is given: they are also sent again when a connection breaks, and done once. With 0 none is made. */
  constructor(url = "http://127.0.0.1:8000", { key, timeout = 30000, retries = 2 } = {}) {
    this.url = url.replace(/\/+$/, "");
    this.key = key;
    this.timeout = timeout;
    this.retries = retries;
  }

  async ask(method, path, { query = {}, headers = {}, body, media = "application/json" } = {}) {
    const given = Object.entries(query).filter(([, v]) => v !== undefined && v !== null).flatMap(([k, v]) => queryValues(v).map((one) => [k, one]));
    const send = Object.fromEntries(Object.entries(headers).filter(([, v]) => v !== undefined && v !== null));
    if (this.key) send.Authorization = `Bearer ${this.key}`;
    if (body !== undefined) send["Content-Type"] = media;
    const writes = "Idempotency-Key" in headers;
    if (writes && this.retries && !send["Idempotency-Key"]) send["Idempotency-Key"] = unique();
    const address = this.url + path + (given.length ? "?" + new URLSearchParams(given) : "");
    for (let attempt = 0; ; attempt++) {
      let answer, text;
      try {
        answer = await fetch(address, { method, headers: send, body: body === undefined ? undefined : JSON.stringify(body), signal: AbortSignal.timeout(this.timeout) });
        text = await answer.text();
      } catch (e) {
        if (!send["Idempotency-Key"] || attempt >= this.retries) throw e;
        await sleep(100 * 2 ** attempt);
        continue;
      }
      const running = answer.status === 409 && answer.headers.has("Retry-After"); // the one that was sent before
      if ((answer.status === 429 || answer.status === 503 || running) && attempt < this.retries) {
        await sleep(Math.min(1000 * Number(answer.headers.get("Retry-After") ?? 1), this.timeout));
        continue;
      }
      if (answer.status === 304 || (answer.ok && !text)) return null;
      const json = (answer.headers.get("Content-Type") ?? "").includes("json");
      if (answer.ok) return json ? JSON.parse(text) : text;
      let problem = { detail: text.slice(0, 200) };
      try { problem = JSON.parse(text); } catch { /* no JSON: the text says it */ }
      throw new AkinError(answer.status, problem.error && typeof problem.error === "object" ? problem.error : problem);
    }
  }

  /** All documents by id, as they come; throws where the answer is cut: go on with `after`. `began` gets the position of the beginning. */
  async *exportDocuments(collection, { filter, fields, after, began } = {}) {
    const query = [["filter", filter], ...(fields ?? []).map((f) => ["fields", f]), ["after", after]].filter(([, v]) => v !== undefined && v !== null);
    const answer = await fetch(`${this.url}/v1/collections/${encodeURIComponent(collection)}/documents:export?${new URLSearchParams(query)}`, { headers: this.key ? { Authorization: `Bearer ${this.key}` } : {} });
    if (!answer.ok) throw new AkinError(answer.status, await answer.json());
    began?.(answer.headers.get("Akin-Position"));
    let left = "";
    for await (const piece of answer.body.pipeThrough(new TextDecoderStream())) {
      const lines = (left + piece).split("\n");
      left = lines.pop();
      for (const line of lines) yield JSON.parse(line);
    }
  }
}
