"""A full disk: writes are refused with 507, reads go on, and writes work again once there is room."""
import os, subprocess, time

import pytest
import requests

from test_kill import Node, doctor


@pytest.mark.parametrize("small_disk", ["12m"], indirect=True)
def test_full_disk(small_disk):
    data = str(small_disk / "data")
    node = Node(data)
    url = f"{node.url}/v1/collections"
    assert requests.post(url, json={"name": "c"}, timeout=10).status_code == 201
    stored, status = [], None
    for n in range(200):
        answer = requests.post(f"{url}/c/documents", json={"id": f"d{n}", "text": f"number{n} " + os.urandom(100_000).hex()}, timeout=30)
        status = answer.status_code
        if status == 507:
            assert answer.headers["Content-Type"].startswith("application/problem+json")
            break
        assert status in (200, 201), answer.text
        stored.append(n)
    assert status == 507 and len(stored) > 3
    assert requests.get(f"{url}/c/documents/d0", timeout=10).status_code == 200
    hits = requests.get(f"{url}/c/search", params={"q": "number1"}, timeout=10)
    assert hits.status_code == 200 and hits.json()["data"]
    subprocess.run(["mount", "-o", "remount,size=200m", small_disk], check=True)
    for _ in range(60):  # the indexes try again by themselves, every few seconds
        status = requests.post(f"{url}/c/documents", json={"id": "after", "text": "there is room again"}, timeout=10).status_code
        if status in (200, 201):
            break
        time.sleep(0.5)
    assert status in (200, 201)
    for n in stored:
        assert requests.get(f"{url}/c/documents/d{n}", timeout=10).status_code == 200
    node.process.terminate()
    assert node.process.wait(timeout=10) == 0
    assert doctor(data)["ok"]
