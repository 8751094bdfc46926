"""Files that are damaged or held: an index is rebuilt, a database is refused with the next step, a second server too."""
import os, pathlib, subprocess

import requests

from test_kill import AKIN, Node, doctor


def fill(data, count=50):
    node = Node(data)
    requests.post(f"{node.url}/v1/collections", json={"name": "c"}, timeout=10).raise_for_status()
    rows = [{"id": f"d{n}", "text": f"number{n} apple banana cherry"} for n in range(count)]
    assert requests.post(f"{node.url}/v1/collections/c/documents", json=rows, timeout=30).json()["failed"] == 0
    return node


def stop(node):
    node.process.terminate()
    assert node.process.wait(timeout=10) == 0


def index_files(data):
    return [p for p in pathlib.Path(data, "index").rglob("*") if p.is_file()]


def test_damaged_index_files_are_rebuilt(tmp_path):
    data = str(tmp_path / "data")
    stop(fill(data))
    whole = doctor(data)["digest"]
    assert index_files(data)
    for damage in ("flip", "truncate", "empty", "garbage"):
        for path in index_files(data):
            size = path.stat().st_size
            with open(path, "r+b") as f:
                if damage == "flip" and size:
                    f.seek(size // 2)
                    byte = f.read(1)
                    f.seek(size // 2)
                    f.write(bytes([byte[0] ^ 0x55]))
                elif damage == "truncate":
                    f.truncate(size // 2)
                elif damage == "empty":
                    f.truncate(0)
                else:
                    f.write(os.urandom(min(size, 4096)))
        node = Node(data)
        hits = requests.get(f"{node.url}/v1/collections/c/search", params={"q": "number7"}, timeout=10).json()["data"]
        assert "d7" in [h["id"] for h in hits], damage
        stop(node)
        seen = doctor(data)
        assert (seen["ok"], seen["digest"], seen["report"]) == (True, whole, ""), damage


def serve(data, *options):
    return subprocess.run([AKIN, "serve", "--data", data, "--model", "stub", "--port", "0", *options], capture_output=True, text=True,
                          timeout=20)


def test_damaged_database_is_refused(tmp_path):
    data = str(tmp_path / "data")
    stop(fill(data))
    with open(tmp_path / "data" / "akin.db", "r+b") as f:
        f.write(os.urandom(512))
    run = serve(data)
    assert run.returncode == 1 and "akin restore" in run.stderr


def test_second_server_is_refused(tmp_path):
    data = str(tmp_path / "data")
    node = fill(data)
    run = serve(data)
    assert run.returncode == 1 and str(node.process.pid) in run.stderr and node.url in run.stderr
    stop(node)


def test_port_in_use(tmp_path):
    node = fill(str(tmp_path / "data"))
    run = serve(str(tmp_path / "other"), "--port", node.url.rsplit(":", 1)[1])
    assert run.returncode == 1 and "port" in run.stderr
    stop(node)
