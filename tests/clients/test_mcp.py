"""/mcp by the official SDKs (Python, JavaScript) and by the official conformance runner, whose report is printed (pytest -s)."""
import asyncio
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest
from conftest import CALLS

NPM = pathlib.Path(os.environ.get("AKIN_STATE", ".akin")).resolve() / "npm" / "node_modules"
# The runner wants node 22 or newer; npm has that too.
NODE = next((str(p) for p in (NPM / "node" / "bin" / "node", pathlib.Path(shutil.which("node") or "/nothing")) if p.exists()), None)
RUNNER = NPM / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"

# What a server of tools alone can be held to. The runner's other scenarios call tools, prompts and resources of its own test server by
# name (test_simple_text, test_missing_capability ...), or ask for what is not offered here.
SCENARIOS = [("2026-07-28", s) for s in ("tools-list", "http-header-validation", "dns-rebinding-protection", "server-sse-multiple-streams")] + \
            [("2025-11-25", s) for s in ("server-initialize", "server-session-lifecycle", "ping", "tools-list", "dns-rebinding-protection")] + \
            [("2025-06-18", s) for s in ("server-initialize", "ping", "tools-list")]
# Of these scenarios some checks need what is named here, and say so or say that the method is none.
PARTLY = {"server-stateless": "Not testable|test_streaming_elicitation|test_logging_tool|test_missing_capability",
          "caching": "prompts/list|resources/list|resources/templates/list"}


@pytest.mark.parametrize("mode, version", [("auto", "2026-07-28"), ("2026-07-28", "2026-07-28"), ("legacy", "2025-11-25")])
def test_python_sdk(url, mode, version):
    mcp = pytest.importorskip("mcp")

    async def talk():
        async with mcp.Client(url, mode=mode) as c:
            assert c.protocol_version == version
            names = [t.name for t in (await c.list_tools()).tools]
            assert names == [name for name, _ in CALLS]
            for name, arguments in CALLS:
                result = await c.call_tool(name, arguments)
                assert not result.is_error and result.structured_content is None and json.loads(result.content[0].text)
            wrong = await c.call_tool("search", {"limit": 0})
            assert wrong.is_error and json.loads(wrong.content[0].text)["errors"][0]["pointer"] == "/limit"
            with pytest.raises(mcp.MCPError):
                await c.call_tool("nothing", {})
    asyncio.run(talk())


SCRIPT = {
    "client": """
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
""",
    "sdk": """
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
"""}
TALK = """
const client = new Client({ name: "test", version: "1" });
await client.connect(new StreamableHTTPClientTransport(new URL(process.argv[2])));
const out = { server: client.getServerVersion()?.name, tools: (await client.listTools()).tools.map((t) => t.name), calls: [] };
for (const [name, args] of JSON.parse(process.argv[3])) {
  const r = await client.callTool({ name, arguments: args });
  out.calls.push(!r.isError && r.structuredContent === undefined && typeof JSON.parse(r.content[0].text) === "object");
}
out.wrong = (await client.callTool({ name: "search", arguments: { limit: 0 } })).isError;
out.nothing = await client.callTool({ name: "nothing", arguments: {} }).then(() => "answered", (e) => e.code);
await client.close();
console.log(JSON.stringify(out));
"""


@pytest.mark.parametrize("package", sorted(SCRIPT))
def test_javascript_sdk(url, tmp_path, package):
    if not NODE or not (NPM / "@modelcontextprotocol" / package).is_dir():
        pytest.skip(f"@modelcontextprotocol/{package} is not in {NPM}")
    (tmp_path / "talk.mjs").write_text(SCRIPT[package] + TALK)
    (tmp_path / "node_modules").symlink_to(NPM)
    done = subprocess.run([NODE, tmp_path / "talk.mjs", url, json.dumps(CALLS)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    out = json.loads(done.stdout)
    assert out["server"] == "akin" and out["tools"] == [name for name, _ in CALLS] and all(out["calls"]) and out["wrong"] is True
    assert out["nothing"] == -32602


def conformance(url, version, scenario):
    if not NODE or not RUNNER.exists():
        pytest.skip(f"@modelcontextprotocol/conformance is not in {NPM}")
    done = subprocess.run([NODE, RUNNER, "server", "--url", url, "--scenario", scenario, "--spec-version", version], capture_output=True, text=True, timeout=120)
    text = re.sub(r"\x1b\[\d*m", "", done.stdout)
    assert "Test Results" in text, text + done.stderr
    for line in re.findall(r"\[\S+\s*\] (?:SUCCESS|FAILURE|WARNING|SKIPPED|INFO)\b.{0,110}", text):
        print(f"  {version} {scenario}: {line}")
    return text


@pytest.mark.parametrize("version, scenario", SCENARIOS)
def test_conformance(url, version, scenario):
    text = conformance(url, version, scenario)
    assert re.search(r"Passed: \d+/\d+, 0 failed, 0 warnings", text), text


@pytest.mark.parametrize("scenario", sorted(PARTLY))
def test_conformance_of_what_is_offered(url, scenario):
    text = conformance(url, "2026-07-28", scenario)
    failed = re.search(r"Passed: \d+/\d+, (\d+) failed, 0 warnings", text)
    reasons = [e for e in re.findall(r"Error: (.+)", text)]
    assert failed and len(reasons) == int(failed.group(1)) and all(re.search(PARTLY[scenario], e) for e in reasons), text
