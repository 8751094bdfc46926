"""The unmodified OpenAI client for JavaScript against akin. `./dev test` puts it into AKIN_STATE/npm."""
import json
import os
import pathlib
import shutil
import subprocess

import pytest

PACKAGES = pathlib.Path(os.environ.get("AKIN_STATE", ".akin")).resolve() / "npm"
NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(not NODE or not (PACKAGES / "node_modules" / "openai").is_dir(), reason=f"node or openai's package is not there ({PACKAGES})")
SCRIPT = """
import OpenAI from "openai";
const client = new OpenAI({ baseURL: process.argv[2] + "/v1", apiKey: process.argv[3] ?? "unused", maxRetries: 0 });
const vector = async (x) => (await client.embeddings.create(x)).data[0].embedding;
const refused = async (x) => { try { await client.embeddings.create(x); } catch (e) { return [e.constructor.name, e.status, e.code, e.param, e.requestID]; } };
const floats = await client.embeddings.create({ model: "akin", input: ["pumpkin soup", "a tram"], encoding_format: "float" });
const names = [];
for await (const m of client.models.list()) names.push(m.id);
console.log(JSON.stringify({
  asked: await vector({ model: "text-embedding-3-small", input: "pumpkin soup" }),
  floats: floats.data.map((x) => x.embedding), index: floats.data.map((x) => x.index), usage: floats.usage,
  base64: await vector({ model: "akin", input: "pumpkin soup", encoding_format: "base64" }),
  short: await vector({ model: "akin", input: "x", dimensions: 8 }), names, one: (await client.models.retrieve("akin")).id,
  nobody: await refused({ model: "gpt-9", input: "x" }), ids: await refused({ model: "text-embedding-3-small", input: [1, 2, 3] }),
  empty: await refused({ model: "akin", input: "" }),
}));
"""
RETRY = """
import OpenAI from "openai";
const seen = [];
const client = new OpenAI({ baseURL: process.argv[2] + "/v1", apiKey: "unused", maxRetries: 2,
  fetch: async (url, init) => { const a = await fetch(url, init); seen.push([a.status, a.headers.get("retry-after")]); return a; } });
const outcome = await client.embeddings.create({ model: "akin", input: "x" }).then(() => "answered", (e) => e.constructor.name);
console.log(JSON.stringify({ outcome, seen }));
"""


def run(tmp_path, script, *arguments):
    (tmp_path / "script.mjs").write_text(script)
    (tmp_path / "node_modules").symlink_to(PACKAGES / "node_modules")
    done = subprocess.run([NODE, tmp_path / "script.mjs", *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_embeddings_models_errors(server, tmp_path):
    got = run(tmp_path, SCRIPT, server.url)
    right = [x["embedding"] for x in server.post("/v1/embeddings", {"input": ["pumpkin soup", "a tram"]})["data"]]
    assert got["floats"][0] == pytest.approx(right[0], abs=1e-6) and got["floats"][1] == pytest.approx(right[1], abs=1e-6)
    assert got["asked"] == pytest.approx(right[0], abs=1e-6)  # the client asks for base64 and decodes it
    assert isinstance(got["base64"], str) and len(got["short"]) == 8 and got["index"] == [0, 1] and got["usage"]["total_tokens"] > 0
    assert got["names"] and got["one"] == got["names"][0]
    assert got["nobody"][:3] == ["NotFoundError", 404, "not_found"] and got["ids"][:2] == ["BadRequestError", 400]
    assert got["ids"][3] == got["empty"][3] == "input" and len(got["empty"][4]) == 32


def test_it_comes_again_when_it_is_told_to(make_server, tmp_path):
    s = make_server(flags=["--set", "limits.address=1/s burst 1"])
    s.ask("GET", "/v1/models")
    got = run(tmp_path, RETRY, s.url)
    assert got["outcome"] == "answered" and got["seen"][-1][0] == 200
    assert all(status == 429 and int(after) >= 1 for status, after in got["seen"][:-1])
