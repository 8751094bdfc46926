#!/usr/bin/env python3
"""The generated halves of the clients, from the server's OpenAPI document:

    make_clients.py OPENAPI.json [--check]      clients/python/akin/{types,client}.py, clients/js/client.{mjs,d.mts}

The hand-written halves (clients/python/akin/http.py, clients/js/http.mjs) send and receive. --check writes nothing and fails where a file is not what would be written."""
import json, keyword, pathlib, re, sys

ROOT = pathlib.Path(__file__).resolve().parent.parent / "clients"
NOTE = "made by tools/make_clients.py from /openapi.json; not edited by hand"
SKIPPED = {"search", "exportDocuments", "openapi", "page", "pageStyle", "pageScript", "docs", "docsStyle", "docsScript", "docsExamples"}  # searchPost is the same search, typed; lines are read in http.*
RENAMED = {"searchPost": "search", "c": "collection"}


def snake(name):
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda m: "_" + m.group(1).lower(), name).replace("-", "_").lower()


def safe(name):
    name = snake(RENAMED.get(name, name))
    return name + "_" if keyword.iskeyword(name) or name in ("self", "body") else name


def camel(name):
    return re.sub(r"[-_](\w)", lambda m: m.group(1).upper(), RENAMED.get(name, name[0].lower() + name[1:] if name[1:2].islower() else name))


class Language:
    """How a schema is written as a type."""

    def __init__(self, names, array, map_, union, literal, none, any_, reference):
        self.names, self.array, self.map, self.union, self.literal, self.none, self.any, self.reference = \
            names, array, map_, union, literal, none, any_, reference

    def type(self, s):
        if "$ref" in s:
            return self.reference(s["$ref"].rsplit("/", 1)[1])
        alone = "type" not in s  # beside a type they are rules between fields
        if alone and "allOf" in s:
            return self.type(s["allOf"][0])
        for word in ("oneOf", "anyOf"):
            if alone and word in s:
                return self.union(list(dict.fromkeys(self.type(x) for x in s[word])))
        if "enum" in s:
            return self.union([self.none if v is None else self.literal(v) for v in s["enum"]])
        kind = s.get("type")
        if isinstance(kind, list):
            return self.union(list(dict.fromkeys(self.type({**s, "type": k}) for k in kind)))
        if kind == "array":
            return self.array(self.type(s.get("items", {})))
        if kind == "object":
            values = s.get("additionalProperties")
            if not s.get("properties") and isinstance(values, dict):
                return self.map(self.type(values))
            return self.map(self.any)
        return self.none if kind == "null" else self.names.get(kind, self.any)


def python_union(types_):
    words = [t[8:-1] for t in types_ if t.startswith("Literal[")]
    rest = [t for t in types_ if not t.startswith("Literal[")]
    all_ = ([f"Literal[{', '.join(words)}]"] if words else []) + rest
    return all_[0] if len(all_) == 1 else f"Union[{', '.join(all_)}]"


PYTHON = Language({"string": "str", "integer": "int", "number": "float", "boolean": "bool"}, lambda t: f"List[{t}]", lambda t: f"Dict[str, {t}]",
                  lambda ts: python_union(ts), lambda v: f"Literal[{json.dumps(v)}]", "None", "Any", lambda n: f'"types.{n}"')
SCRIPT = Language({"string": "string", "integer": "number", "number": "number", "boolean": "boolean"}, lambda t: f"Array<{t}>", lambda t: f"{{ [name: string]: {t} }}",
                  lambda ts: " | ".join(ts), json.dumps, "null", "unknown", lambda n: n)


def line(text, width=150):
    text = " ".join((text or "").replace('"""', "'''").replace("*/", "* /").replace("\\", "\\\\").split())
    return text if len(text) <= width else text[:width].rsplit(" ", 1)[0] + " ..."


# ---- one operation, whatever the language ----

def schema(p):  # of a parameter; arrays and objects are sent as JSON
    return p["schema"] if "schema" in p else next(iter(p["content"].values()))["schema"]


class Operation:
    def __init__(self, document, path, method, o):
        self.path, self.method, self.id = path, method.upper(), o["operationId"]
        self.summary = o.get("description", "")
        parameters = o.get("parameters", [])
        self.in_path = [p for p in parameters if p["in"] == "path"]
        self.query = [p for p in parameters if p["in"] == "query"]
        self.headers = [p for p in parameters if p["in"] == "header"]
        content = o.get("requestBody", {}).get("content", {})
        self.media = next((m for m in content if m.startswith("application/") and "ndjson" not in m), None)
        if "application/merge-patch+json" in content:
            self.media = "application/merge-patch+json"
        self.body = content[self.media].get("schema") if self.media else None
        self.body_required = o.get("requestBody", {}).get("required", False)
        self.fields, self.required = self.body_fields(document)
        answer = next((a for status, a in sorted(o["responses"].items()) if status.startswith("2")), {})
        answers = answer.get("content", {})
        self.text = bool(answers) and not any("json" in m for m in answers)
        self.answer = answers.get("application/json", {}).get("schema")

    def body_fields(self, document):
        """Of a closed object its fields, else None: then the body is one argument."""
        s = self.body
        if s and "$ref" in s:
            s = document["components"]["schemas"][s["$ref"].rsplit("/", 1)[1]]
        if not s or s.get("type") != "object" or s.get("additionalProperties", True) is not False:
            return None, set()
        return s.get("properties", {}), set(s.get("required", []))


def operations(document):
    for path, methods in document["paths"].items():
        for method, o in methods.items():
            if isinstance(o, dict) and "operationId" in o and o["operationId"] not in SKIPPED:
                yield Operation(document, path, method, o)


# ---- Python ----

def python_types(document):
    out = [f'"""{NOTE[0].upper()}{NOTE[1:]}."""', "from __future__ import annotations", "", "import sys", "from typing import Any, Dict, List, Literal, TypedDict, Union", "",
           "types = sys.modules[__name__]", ""]
    for name, s in document["components"]["schemas"].items():
        out.append("")
        fields = s.get("properties")
        if s.get("type") != "object" or not fields:
            out += [f"{name} = {PYTHON.type({k: v for k, v in s.items() if k != '$ref'})}", ""]
            continue
        # A dict by name may have a field that is a keyword: then the other way to write it.
        body = {k: PYTHON.type(v) for k, v in fields.items()}
        if any(keyword.iskeyword(k) or not k.isidentifier() for k in body):
            out.append(f"{name} = TypedDict({json.dumps(name)}, {{" + ", ".join(f"{json.dumps(k)}: {json.dumps(t) if not t.startswith(chr(34)) else t}" for k, t in body.items()) + "}, total=False)")
            continue
        out.append(f"class {name}(TypedDict, total=False):")
        if s.get("description"):
            out.append(f'    """{line(s["description"])}"""')
        for k, t in body.items():
            out.append(f"    {k}: {t}" + (f"  # {line(fields[k]['description'], 110)}" if fields[k].get("description") else ""))
    return "\n".join(out).replace('"types.', '"') + "\n"


def python_method(o):
    first = [f"{safe(p['name'])}: {PYTHON.type(schema(p))}" for p in o.in_path]
    named, sent = [], []
    if o.body is not None and o.fields is None:
        first.append(f"body: {PYTHON.type(o.body)}" + ("" if o.body_required else " = None"))
    for k, s in sorted((o.fields or {}).items(), key=lambda x: x[0] not in o.required):
        named.append(f"{safe(k)}: {PYTHON.type(s)}" if k in o.required else f"{safe(k)}: Optional[{PYTHON.type(s)}] = None")
        sent.append(f'"{k}": {safe(k)}')
    taken = {safe(k) for k in o.fields or {}}
    extra = [p for p in o.query + o.headers if safe(p["name"]) not in taken]
    named += [f"{safe(p['name'])}: Optional[{PYTHON.type(schema(p))}] = None" for p in extra]
    answer = "str" if o.text else PYTHON.type(o.answer) if o.answer else "None"
    path = re.sub(r"\{(\w+)\}", lambda m: "{quote(" + safe(m.group(1)) + ")}", o.path)
    out = [f"    def {snake(RENAMED.get(o.id, o.id))}(" + ", ".join(["self"] + first + (["*"] + named if named else [])) + f") -> {answer}:",
           f'        """{line(o.summary)}"""']
    call = [f'"{o.method}"', f'f"{path}"' if "{" in path else f'"{path}"']
    if o.query:
        call.append("query={" + ", ".join(f'"{p["name"]}": {safe(p["name"])}' for p in o.query if p in extra) + "}")
    if o.headers:
        call.append("headers={" + ", ".join(f'"{p["name"]}": {safe(p["name"])}' for p in o.headers) + "}")
    if o.fields is not None:
        call.append("body={" + ", ".join(sent) + "}")
    elif o.body is not None:
        call.append("body=body")
    if o.media and o.media != "application/json":
        call.append(f'media="{o.media}"')
    out.append(f"        return self._ask({', '.join(call)})  # type: ignore[no-any-return]")
    return "\n".join(out)


def python_client(document):
    return "\n".join([f'"""{NOTE[0].upper()}{NOTE[1:]}."""', "from __future__ import annotations", "", "from typing import Any, Dict, List, Literal, Optional, Union", "",
                      "from . import types", "from .http import Http, quote", "", "", "class Akin(Http):",
                      '    """A server; each method is one route. Fields that are None are not sent."""', ""]) + \
        "\n" + "\n\n".join(python_method(o) for o in operations(document)) + "\n"


# ---- JavaScript, with types beside it ----

def script_field(name):
    return name if re.fullmatch(r"[A-Za-z_]\w*", name) else json.dumps(name)


def script_types(document):
    out = [f"// {NOTE[0].upper()}{NOTE[1:]}.", 'import { Http } from "./http.mjs";', 'export { AkinError } from "./http.mjs";', ""]
    for name, s in document["components"]["schemas"].items():
        fields = s.get("properties")
        if s.get("type") != "object" or not fields:
            out.append(f"export type {name} = {SCRIPT.type({k: v for k, v in s.items() if k != '$ref'})};")
            continue
        out.append(f"export interface {name} {{")
        for k, v in fields.items():
            if v.get("description"):
                out.append(f"  /** {line(v['description'], 140)} */")
            out.append(f"  {script_field(k)}{'' if k in s.get('required', []) else '?'}: {SCRIPT.type(v)};")
        if s.get("additionalProperties", True) is not False:
            out.append("  [name: string]: any;")
        out.append("}")
    out += ["", "export class Akin extends Http {"]
    for o in operations(document):
        arguments = [f"{camel(p['name'])}: {SCRIPT.type(schema(p))}" for p in o.in_path]
        optional = [f"{script_field(p['name'])}?: {SCRIPT.type(schema(p))}" for p in o.query + o.headers]
        if o.body is not None:
            arguments.append(f"body{'' if o.body_required else '?'}: {SCRIPT.type(o.body)}")
        if optional:
            arguments.append("options?: { " + "; ".join(optional) + " }")
        answer = "string" if o.text else SCRIPT.type(o.answer) if o.answer else "null"
        out += [f"  /** {line(o.summary)} */", f"  {RENAMED.get(o.id, o.id)}({', '.join(arguments)}): Promise<{answer}>;"]
    return "\n".join(out + ["}"]) + "\n"


def script_client(document):
    out = [f"// {NOTE[0].upper()}{NOTE[1:]}.", 'import { Http } from "./http.mjs";', 'export { AkinError } from "./http.mjs";', "", "const part = encodeURIComponent;", "",
           "/** A server; each method is one route. Fields that are undefined are not sent. */", "export class Akin extends Http {"]
    for o in operations(document):
        arguments = [camel(p["name"]) for p in o.in_path] + (["body"] if o.body is not None else [])
        path = re.sub(r"\{(\w+)\}", lambda m: "${part(" + camel(m.group(1)) + ")}", o.path)
        call = [json.dumps(o.method), f"`{path}`" if "$" in path else json.dumps(path)]
        more = []
        for word, list_ in (("query", o.query), ("headers", o.headers)):
            if list_:
                more.append(f"{word}: {{ " + ", ".join(f"{script_field(p['name'])}: options[{json.dumps(p['name'])}]" for p in list_) + " }")
        more += ["body"] if o.body is not None else []
        more += [f"media: {json.dumps(o.media)}"] if o.media and o.media != "application/json" else []
        if o.query or o.headers:
            arguments.append("options = {}")
        if more:
            call.append("{ " + ", ".join(more) + " }")
        out += [f"  {RENAMED.get(o.id, o.id)}({', '.join(arguments)}) {{", f"    return this.ask({', '.join(call)});", "  }"]
    return "\n".join(out + ["}"]) + "\n"


def main():
    document = json.loads(pathlib.Path(sys.argv[1]).read_text())
    made = {"python/akin/types.py": python_types(document), "python/akin/client.py": python_client(document),
            "js/client.d.mts": script_types(document), "js/client.mjs": script_client(document)}
    if "--check" in sys.argv:
        stale = [name for name, text in made.items() if not (ROOT / name).exists() or (ROOT / name).read_text() != text]
        sys.exit("stale, run ./dev clients: " + ", ".join(stale) if stale else 0)
    for name, text in made.items():
        (ROOT / name).write_text(text)


main()
