"""What the release binary is made of, and how it is hardened."""
import json
import os
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("AKIN_BUILD") or ROOT / "build") / "akin"
pytestmark = pytest.mark.skipif(not BINARY.exists(), reason="no release build")


def readelf(*options):
    return subprocess.run(["readelf", "-W", *options, BINARY], capture_output=True, text=True, check=True).stdout


def test_hardened():
    assert "Type:" in readelf("-h") and re.search(r"Type:\s+DYN", readelf("-h")), "position-independent"
    dynamic, segments, symbols = readelf("-d"), readelf("-l"), readelf("--dyn-syms")
    assert "BIND_NOW" in dynamic and "GNU_RELRO" in segments, "full RELRO"
    stack = next(line for line in segments.splitlines() if "GNU_STACK" in line)
    assert " RW " in stack and "RWE" not in stack
    assert "__stack_chk_fail" in symbols, "stack protector"
    assert re.search(r"__\w+_chk@GLIBC", symbols.replace("__stack_chk_fail", "")), "fortified"
    assert "SHSTK" in readelf("-n"), "shadow stack"


def dependencies(*arguments):
    return json.loads(subprocess.run([sys.executable, ROOT / "tools" / "dependencies.py", *arguments], capture_output=True, text=True, check=True).stdout)


def test_bill_of_materials():
    digest = "ab" * 32
    bill = dependencies("sbom", BINARY, "--package", f"some-model==1.2,{digest},Apache-2.0")
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
    assert bill["metadata"]["component"]["name"] == "akin"
    parts = {c["name"]: c for c in bill["components"]}
    assert parts["some-model"]["hashes"] == [{"alg": "SHA-256", "content": digest}]
    assert {"libsqlite3-0", "libjansson4", "libc6"} <= set(parts) and all(c["version"] and c["purl"] for c in parts.values())
    assert parts["libjansson4"]["licenses"] == [{"license": {"id": "MIT"}}]
    refs = {c["bom-ref"] for c in bill["components"]}
    assert set(bill["dependencies"][0]["dependsOn"]) <= refs
    assert bill == dependencies("sbom", BINARY, "--package", f"some-model==1.2,{digest},Apache-2.0"), "the same of the same"


def test_dependencies_of_use_are_told_from_theirs():
    parts = {c["name"]: c for c in dependencies("list", BINARY, "--json")}
    assert parts["libsqlite3-0"]["direct"] and not parts["libidn2-0"]["direct"]
