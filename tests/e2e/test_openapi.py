"""The server is held to its own OpenAPI document: what a linter does not see, and a bounded run of tests/contract."""
import os
import pathlib
import re
import subprocess
import sys

import pytest
from conftest import binary

RUN = pathlib.Path(__file__).resolve().parents[1] / "contract" / "run.py"
SHARE = 12  # of the coverage phase one case of so many


def test_document(server):
    document = server.get("/openapi.json")
    assert document["openapi"] == "3.1.0"
    names = [o["operationId"] for p in document["paths"].values() for o in p.values()]
    assert len(names) == len(set(names)) > 30
    tags = {t["name"] for t in document["tags"]}
    used = set()
    for path in document["paths"].values():
        for operation in path.values():
            assert "default" in operation["responses"]
            assert any(status.startswith("4") for status in operation["responses"]), operation["operationId"]
            assert operation["summary"] and not operation["summary"].endswith(".") and operation["summary"] in operation["description"]
            used |= set(operation["tags"])
    assert used == tags and all(t["description"] for t in document["tags"])


def test_every_route_keeps_the_contract(tmp_path):
    """All phases and checks of schemathesis over every route, with few cases each; `./dev contract` is the long run."""
    pytest.importorskip("schemathesis")
    run = subprocess.run([sys.executable, str(RUN), "--examples", "2", "--share", str(SHARE), "--report", str(tmp_path)], env={**os.environ, "AKIN_BIN": binary()},
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600)
    assert run.returncode == 0, run.stdout[-20000:]
    selected, of, tested = re.search(r"Selected: (\d+)/(\d+)\s+Tested: (\d+)", run.stdout).groups()
    assert selected == of == tested, run.stdout[-3000:]
