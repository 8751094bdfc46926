"use strict";
// The API's pages, written from /openapi.json, which the server makes from its table of routes. Text goes through textContent.

const $ = (id) => document.getElementById(id);
const METHODS = ["get", "post", "put", "patch", "delete"];
let schemas = {}, examples = [];

function make(tag, className, text) {
  const x = document.createElement(tag);
  if (className) x.className = className;
  if (text !== undefined) x.textContent = text;
  return x;
}
function add(parent, ...children) { parent.append(...children); return parent; }

// ---- schemas as people read them ----

const nameOf = (schema) => schema.$ref && schema.$ref.split("/").pop();
function flat(schema) { // a field's own words, and what it refers to
  const inner = schema.allOf && !schema.type ? schema.allOf[0] : schema;
  return { ...inner, description: schema.description ?? inner.description, default: schema.default };
}
/** What it may be; beside a type such words are rules between fields. */
const choices = (s) => (s.type ? undefined : s.oneOf || s.anyOf);
function typeText(schema) {
  const s = flat(schema);
  if (s.$ref) return nameOf(s);
  const any = choices(s);
  if (any) return [...new Set(any.map(typeText))].join(" or ");
  if (s.enum) return s.enum.map((v) => JSON.stringify(v)).join(" | ");
  const type = Array.isArray(s.type) ? s.type.join(" or ") : s.type || "anything";
  if (type === "array") return "array of " + typeText(s.items || {});
  const bounds = [];
  if (s.minimum !== undefined || s.maximum !== undefined) bounds.push((s.minimum ?? "") + " to " + (s.maximum ?? ""));
  if (s.maxLength !== undefined) bounds.push("at most " + s.maxLength.toLocaleString("en") + " characters");
  if (s.format) bounds.push(s.format);
  return type + (bounds.length ? ", " + bounds.join(", ") : "");
}
function row(name, schema, required, where) {
  const s = flat(schema), tr = make("tr");
  const head = add(make("th"), make("code", "", name));
  if (required) head.append(make("span", "must", "required"));
  if (where) head.append(make("span", "quiet", where));
  const cell = add(make("td"), make("span", "type", typeText(schema)));
  if (s.default !== undefined) cell.append(make("span", "quiet", " default " + JSON.stringify(s.default)));
  if (s.description) cell.append(make("p", "", s.description));
  fold(cell, schema, 0);
  return add(tr, head, cell);
}
function fields(schema) {
  const table = make("table");
  for (const [name, s] of Object.entries(schema.properties || {})) table.append(row(name, s, (schema.required || []).includes(name)));
  return table;
}
/** What a field consists of opens when it is asked for: schemas may hold themselves. */
function fold(parent, schema) {
  const s = flat(schema), inner = [s, ...(choices(s) || [])].map((x) => (x.type === "array" && x.items ? flat(x.items) : x));
  for (const x of inner) {
    const name = nameOf(x), target = name ? schemas[name] : x;
    if (!target || !target.properties) continue;
    const details = add(make("details"), make("summary", "", name || "its fields"));
    details.addEventListener("toggle", () => { if (details.children.length === 1) details.append(fields(target)); }, { once: true });
    parent.append(details);
  }
}

// ---- one route ----

function exampleBlocks(id) {
  return examples.filter((x) => x.operation === id).flatMap((x) => [make("h4", "", x.title),
    ...["curl", "python", "javascript"].map((language) => {
      const pre = make("pre", "example", x[language]);
      pre.dataset.language = language;
      return pre;
    })]);
}
function bodyPart(o) {
  const content = (o.requestBody || {}).content || {}, media = Object.keys(content);
  if (!media.length) return [];
  const schema = content[media[0]].schema, target = nameOf(schema) ? schemas[nameOf(schema)] : schema;
  const out = [make("h4", "", "Body"), make("p", "quiet", media.join(", "))];
  if (target.description) out.push(make("p", "", target.description));
  if (target.properties) out.push(fields(target));
  else { const p = add(make("p"), make("span", "type", typeText(schema))); fold(p, schema); out.push(p); }
  return out;
}
function answersPart(o) {
  const list = make("ul", "answers");
  for (const [status, answer] of Object.entries(o.responses)) {
    if (answer.$ref || status === "default") continue;
    const content = Object.entries(answer.content || {})[0], li = add(make("li"), make("code", "", status), " " + (content ? content[0] : "no body"));
    if (content) fold(li, content[1].schema);
    list.append(li);
  }
  const problems = Object.keys(o.responses).filter((s) => o.responses[s].$ref && s !== "default");
  if (problems.length) list.append(add(make("li", "quiet"), "problems: " + problems.sort().join(", ")));
  return [make("h4", "", "Answers"), list];
}
function route(path, method, o) {
  const article = make("article");
  article.id = o.operationId;
  const title = add(make("h3"), make("span", "method " + method, method.toUpperCase()), make("code", "", path));
  article.append(title, make("p", "", o.description));
  const scopes = o["x-akin-scopes"];
  if (scopes) article.append(make("p", "quiet", "scope: " + (scopes.length > 8 ? "any" : scopes.join(" or "))));
  article.append(...exampleBlocks(o.operationId));
  if ((o.parameters || []).length) {
    const table = make("table");
    for (const p of o.parameters) table.append(row(p.name, { ...(p.schema || Object.values(p.content)[0].schema), description: p.description }, p.required && p.in !== "path", p.in));
    article.append(make("h4", "", "Parameters"), table);
  }
  article.append(...bodyPart(o), ...answersPart(o));
  return article;
}

// ---- the page ----

function show(documentation) {
  const groups = new Map();
  schemas = documentation.components.schemas;
  for (const [path, methods] of Object.entries(documentation.paths))
    for (const method of METHODS)
      if (methods[method] && !path.startsWith("/page/")) {
        const tag = methods[method].tags[0];
        if (!groups.has(tag)) groups.set(tag, []);
        groups.get(tag).push([path, method, methods[method]]);
      }
  $("routes").replaceChildren();
  for (const [tag, all] of groups) {
    const section = add(make("section"), make("h2", "", tag)), list = add(make("ul"));
    for (const [path, method, o] of all) {
      section.append(route(path, method, o));
      const link = add(make("a"), make("span", "method " + method, method.toUpperCase()), " " + o.operationId);
      link.href = "#" + o.operationId;
      link.title = method.toUpperCase() + " " + path;
      list.append(add(make("li"), link));
    }
    $("routes").append(section);
    $("list").append(add(make("section"), make("h2", "", tag), list));
  }
  language();
  if (location.hash) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
}
function language() {
  const chosen = document.querySelector("input[name=language]:checked").value;
  for (const x of document.querySelectorAll(".example")) x.hidden = x.dataset.language !== chosen;
}
function find() {
  const words = $("find").value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const li of $("list").querySelectorAll("li")) {
    const text = (li.textContent + " " + li.firstChild.title).toLowerCase();
    li.hidden = !words.every((w) => text.includes(w));
  }
  for (const section of $("list").children) section.hidden = ![...section.querySelectorAll("li")].some((li) => !li.hidden);
}
for (const radio of document.querySelectorAll("input[name=language]")) radio.addEventListener("change", language);
$("find").addEventListener("input", find);
language();
Promise.all(["/openapi.json", "/page/examples.json"].map((path) => fetch(path).then((answer) => (answer.ok ? answer.json() : Promise.reject(answer.status)))))
  .then(([documentation, all]) => { examples = all; show(documentation); })
  .catch((why) => { $("routes").replaceChildren(make("p", "quiet", "The routes could not be read (" + why + "). Is the server running?")); });
