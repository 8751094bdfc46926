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

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

export class Http {
  /** `retries`: how often a request is sent again when the server says 429 or 503 and when to come back. */
  constructor(url = "http://127.0.0.1:8000", { key, timeout = 30000, retries = 2 } = {}) {
    this.url = url.replace(/\/+$/, "");
    this.key = key;
    this.timeout = timeout;
    this.retries = retries;
  }

  async ask(method, path, { query = {}, headers = {}, body, media = "application/json" } = {}) {
    const given = Object.entries(query).filter(([, v]) => v !== undefined && v !== null).map(([k, v]) => [k, typeof v === "string" ? v : JSON.stringify(v)]);
    const send = Object.fromEntries(Object.entries(headers).filter(([, v]) => v !== undefined && v !== null));
    if (this.key) send.Authorization = `Bearer ${this.key}`;
    if (body !== undefined) send["Content-Type"] = media;
    const address = this.url + path + (given.length ? "?" + new URLSearchParams(given) : "");
    for (let attempt = 0; ; attempt++) {
      const answer = await fetch(address, { method, headers: send, body: body === undefined ? undefined : JSON.stringify(body), signal: AbortSignal.timeout(this.timeout) });
      const text = await answer.text();
      if ((answer.status === 429 || answer.status === 503) && attempt < this.retries) {
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
}
