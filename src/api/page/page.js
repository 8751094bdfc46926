"use strict";
// The search page. All text from documents goes through textContent; links are taken only if they are http(s).

const $ = (id) => document.getElementById(id);
const state = { asked: 0, similar: null, likes: new Map(), recommendation: "" };
const names = { lexical: "By words", semantic: "By meaning", hybrid: "Best of both", similar: "More like this" };

// ---- what the browser keeps ----

function remember(key, make) {
  try {
    let value = localStorage.getItem(key);
    if (value === null && make) localStorage.setItem(key, (value = make()));
    return value;
  } catch {
    return make ? make() : null;
  }
}
function keep(key, value) {
  try { localStorage.setItem(key, value); } catch { /* private mode: forgotten at the end */ }
}
const user = remember("akin.user", () => {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return "web-" + Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
});
function keyHeader() {
  try {
    const key = sessionStorage.getItem("akin.key");
    return key ? { Authorization: "Bearer " + key } : {};
  } catch { return {}; }
}

// ---- asking ----

class Problem extends Error {}
async function ask(method, path, body, signal) {
  const headers = { Accept: "application/json", ...keyHeader() };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), signal });
  } catch (e) {
    if (e.name === "AbortError") throw e;
    throw new Problem("The server does not answer. Is it running?");
  }
  if (answer.status === 401) $("key").hidden = false;
  const text = await answer.text();
  let value = null;
  try { value = text ? JSON.parse(text) : null; } catch { throw new Problem("The server answered with something that is not JSON."); }
  if (!answer.ok) throw new Problem((value && value.detail) || "The server answered " + answer.status + ".");
  return value;
}
const base = () => "/v1/collections/" + encodeURIComponent($("collection").value);

// ---- building ----

function make(tag, className, text) {
  const x = document.createElement(tag);
  if (className) x.className = className;
  if (text !== undefined) x.textContent = text;
  return x;
}
function title(d) {
  return d.title || (d.text ? d.text.slice(0, 80) : d.id);
}
function safeLink(url) {
  try {
    const u = new URL(url);
    return u.protocol === "https:" || u.protocol === "http:" ? u.href : null;
  } catch { return null; }
}
// Highlights are byte ranges of UTF-8; cutting the bytes and decoding each part keeps them exact.
function passage(into, text, ranges) {
  const bytes = new TextEncoder().encode(text), decode = (a, b) => new TextDecoder().decode(bytes.subarray(a, b));
  let at = 0;
  for (const r of ranges) {
    if (r.start < at || r.end > bytes.length) continue;
    into.append(decode(at, r.start), make("mark", "", decode(r.start, r.end)));
    at = r.end;
  }
  into.append(decode(at, bytes.length));
}
function shorten(text, ranges) {
  const most = 420, bytes = new TextEncoder().encode(text);
  if (bytes.length <= most) return [text, ranges];
  let from = ranges.length ? Math.max(0, ranges[0].start - 120) : 0;
  while (from > 0 && bytes[from - 1] !== 32) from--;
  let to = Math.min(bytes.length, from + most);
  while (to < bytes.length && to > from + most - 60 && bytes[to] !== 32) to--;
  while (to < bytes.length && (bytes[to] & 0xc0) === 0x80) to++;
  const before = from ? "… " : "", shift = new TextEncoder().encode(before).length - from;
  const inside = ranges.filter((r) => r.start >= from && r.end <= to).map((r) => ({ start: r.start + shift, end: r.end + shift }));
  return [before + new TextDecoder().decode(bytes.subarray(from, to)) + (to < bytes.length ? " …" : ""), inside];
}
function button(text, label, act) {
  const b = make("button", "", text);
  b.type = "button";
  b.setAttribute("aria-label", label);
  b.addEventListener("click", act);
  return b;
}
function likeButton(d) {
  const b = button("", "", () => like(d, b));
  paintLike(b, d);
  return b;
}
function paintLike(b, d) {
  const on = state.likes.get(d.id) === "like";
  b.textContent = on ? "♥ Liked" : "♡ Like";
  b.setAttribute("aria-pressed", String(on));
  b.setAttribute("aria-label", (on ? "Liked: " : "Like: ") + title(d));
  b.dataset.like = d.id;
}
function moreButton(d) {
  return button("More like this", "More like " + title(d), () => showSimilar(d));
}
function heading(d, ranges) {
  const h = make("h3"), href = d.url && safeLink(d.url);
  if (!d.title) ranges = [];
  if (!href) { passage(h, title(d), ranges); return h; }
  const a = make("a");
  passage(a, title(d), ranges);
  a.href = href;
  a.rel = "noopener noreferrer";
  h.append(a);
  return h;
}
function scoreBar(score) {
  const bar = make("span", "meter"), fill = make("i"), part = Math.max(0, Math.min(1, score));
  bar.setAttribute("role", "meter");
  bar.setAttribute("aria-label", "Score");
  bar.setAttribute("aria-valuemin", "0");
  bar.setAttribute("aria-valuemax", "1");
  bar.setAttribute("aria-valuenow", part.toFixed(2));
  fill.style.width = 100 * part + "%";
  bar.append(fill);
  return bar;
}
function hit(h) {
  const li = make("li", "hit"), d = h.document;
  li.append(heading(d, h.title_highlights || []));
  const shown = h.snippet || h.passage || { text: d.text || "", highlights: [] };
  if (shown.text) {
    const p = make("p");
    passage(p, ...shorten(shown.text, shown.highlights));
    li.append(p);
  }
  const meta = make("div", "meta"), score = make("span", "score");
  score.append(scoreBar(h.score), h.score.toFixed(2));
  meta.append(score, moreButton(d), likeButton(d));
  li.append(meta);
  return li;
}
function column(kind, answer) {
  const s = make("section", "column " + kind), h = make("h2", "", names[kind]), list = make("ol");
  s.setAttribute("aria-label", names[kind]);
  const t = answer.total;
  h.append(" ", make("span", "quiet", (t.relation === "gte" ? "at least " : "") + t.value.toLocaleString("en") + " · " + answer.took_ms.toFixed(1) + " ms"));
  for (const one of answer.data) list.append(hit(one));
  s.append(h);
  if (answer.data.length) s.append(list);
  else s.append(make("p", "empty", kind === "lexical" ? "No document has these words. Try by meaning." : "Nothing found."));
  return s;
}

// ---- showing ----

function say(text, kind) {
  const s = $("status");
  s.textContent = text || "";
  s.className = kind || "";
}
function show(columns) {
  $("results").replaceChildren(...columns);
  $("results").className = columns.length === 2 ? "two" : "";
}
function mode() {
  return document.querySelector("input[name=mode]:checked").value;
}

let running = null;
async function run(task) {
  const mine = ++state.asked;
  if (running) running.abort();
  running = new AbortController();
  const slow = setTimeout(() => mine === state.asked && say("Searching", "busy"), 200);
  try {
    const columns = await task(running.signal);
    if (mine !== state.asked) return; // a newer question was asked meanwhile
    say("");
    show(columns);
  } catch (e) {
    if (mine !== state.asked || e.name === "AbortError") return;
    say(e instanceof Problem ? e.message : "Something went wrong: " + e.message, "wrong");
  } finally {
    clearTimeout(slow);
  }
}
function search() {
  const q = $("q").value.trim(), m = mode();
  state.similar = null;
  address(q, m);
  if (!$("collection").value) return;
  if (!q) {
    state.asked++;
    say("");
    show([]);
    return;
  }
  const kinds = m === "both" ? ["lexical", "semantic"] : [m];
  run(async (signal) => {
    const answers = await Promise.all(kinds.map((kind) => ask("POST", base() + "/search", { q, mode: kind, limit: 20, snippet_length: 400 }, signal)));
    return answers.map((a, i) => column(kinds[i], a));
  });
}
function showSimilar(d) {
  state.similar = d.id;
  note(d, "click");
  run(async (signal) => {
    const s = column("similar", await ask("POST", base() + "/similar", { id: d.id, limit: 20 }, signal));
    s.querySelector("h2").firstChild.textContent = "More like “" + title(d) + "”";
    const back = button("← Back to the search", "Back to the search", () => { search(); $("q").focus(); });
    back.className = "back";
    s.prepend(back);
    window.scrollTo({ top: 0 });
    return [s];
  });
}

// ---- what you like ----

async function note(d, type) {
  const row = { user, document: d.id, type };
  if (state.recommendation) row.recommendation_id = state.recommendation;
  try { await ask("POST", base() + "/feedback", row); } catch (e) { if (type !== "click") throw e; }
}
async function like(d, b) {
  const was = state.likes.get(d.id), now = was === "like" ? "dislike" : "like";
  state.likes.set(d.id, now);
  document.querySelectorAll("button[data-like]").forEach((x) => { if (x.dataset.like === d.id) paintLike(x, d); });
  try {
    await note(d, now);
    keep("akin.likes." + $("collection").value, JSON.stringify([...state.likes]));
    await forYou();
  } catch (e) {
    state.likes.set(d.id, was);
    paintLike(b, d);
    say(e.message, "wrong");
  }
}
async function forYou() {
  const collection = $("collection").value;
  if (!collection) return;
  const answer = await ask("GET", base() + "/users/" + encodeURIComponent(user) + "/recommendations?limit=8");
  if (collection !== $("collection").value) return;
  state.recommendation = answer.recommendation_id;
  $("you").hidden = answer.data.length === 0;
  $("you-why").textContent = {
    popular: "what others read; like something to make it yours",
    newest: "the newest; like something to make it yours",
  }[answer.model] || "from what you liked";
  $("you-list").replaceChildren(...answer.data.map((r) => {
    const li = make("li", "card"), d = r.document, meta = make("div", "meta");
    li.append(make("b", "", title(d)), make("span", "", d.title ? (d.text || "").slice(0, 160) : ""));
    meta.append(moreButton(d), likeButton(d));
    li.append(meta);
    return li;
  }));
}

// ---- start ----

function address(q, m) {
  const p = new URLSearchParams();
  if (q) p.set("q", q);
  if (m !== "hybrid") p.set("mode", m);
  if ($("collection").selectedIndex > 0) p.set("c", $("collection").value);
  const text = p.toString();
  history.replaceState(null, "", text ? "/?" + text : "/");
}
function nothingYet() {
  const x = make("div", "empty");
  x.append(make("p", "", "There is no collection yet. Make one and add a document:"));
  const o = location.origin;
  x.append(make("pre", "", `curl ${o}/v1/collections -H 'Content-Type: application/json' -d '{"name":"news"}'\n`
    + `curl ${o}/v1/collections/news/documents -H 'Content-Type: application/json' \\\n  -d '{"id":"a1","title":"Pumpkin soup","text":"Roast the pumpkin, then add ginger."}'`));
  show([x]);
}
function chosen() {
  state.likes = new Map();
  try { state.likes = new Map(JSON.parse(remember("akin.likes." + $("collection").value) || "[]")); } catch { /* starts empty */ }
  state.recommendation = "";
  $("you").hidden = true;
  search();
  forYou().catch(() => { /* the row stays away */ });
}
async function start() {
  const p = new URLSearchParams(location.search);
  $("q").value = p.get("q") || "";
  const m = document.querySelector(`input[name=mode][value="${CSS.escape(p.get("mode") || "hybrid")}"]`);
  if (m) m.checked = true;
  try {
    const { data } = await ask("GET", "/v1/collections?limit=1000");
    $("key").hidden = true;
    say("");
    $("collection").replaceChildren(...data.map((c) => {
      const o = make("option", "", c.name);
      o.value = c.name;
      return o;
    }));
    $("pick-label").hidden = data.length === 0;
    if (!data.length) { nothingYet(); return; }
    if (data.some((c) => c.name === p.get("c"))) $("collection").value = p.get("c");
    chosen();
  } catch (e) {
    say(e.message, "wrong");
  }
}

let timer = 0;
$("q").addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(search, 90); });
$("form").addEventListener("submit", (e) => { e.preventDefault(); clearTimeout(timer); search(); });
document.querySelectorAll("input[name=mode]").forEach((x) => x.addEventListener("change", search));
$("collection").addEventListener("change", chosen);
$("key-form").addEventListener("submit", (e) => {
  e.preventDefault();
  try { sessionStorage.setItem("akin.key", $("key-input").value); } catch { /* asked again */ }
  $("key-input").value = "";
  start();
});
document.addEventListener("keydown", (e) => {
  const typing = e.target.matches("input, select, textarea");
  if (e.key === "/" && !typing && !e.ctrlKey && !e.metaKey) {
    e.preventDefault();
    $("q").focus();
    $("q").select();
  } else if (e.key === "Escape" && state.similar) {
    search();
    $("q").focus();
  } else if ((e.key === "ArrowDown" || e.key === "ArrowUp") && e.target.type !== "radio" && !e.target.matches("select")) {
    const stops = [$("q"), ...document.querySelectorAll(".hit button:first-of-type")];
    const at = stops.indexOf(document.activeElement), next = stops[at + (e.key === "ArrowDown" ? 1 : -1)];
    if (at >= 0 && next) { e.preventDefault(); next.focus(); }
  }
});
start();
