"""`akin doctor`: beside a server, alone, with a damaged index, a damaged store; and what it tells to do next."""
import json
import sqlite3
import threading

import pytest

from conftest import Server, akin

C = "/v1/collections/care"
ALL = ["store", "documents", "graph", "words", "near-duplicates"]


@pytest.fixture
def data(tmp_path):
    """A data directory with 200 documents, nobody's."""
    lines = "".join(json.dumps({"id": f"d{n}", "text": f"apple number{n} of {n % 7} sorts", "attributes": {"n": n}}) + "\n" for n in range(200))
    akin("add", "-c", "care", "--data", tmp_path / "data", "--model", "stub", "-", stdin=lines)
    return tmp_path / "data"


def doctor(data, code=0):
    return json.loads(akin("doctor", "--json", "--data", data, "--model", "stub", code=code).stdout)


def states(answer):
    return {x["what"]: x["state"] for x in answer["checks"]}


def test_alone_all_is_checked(data):
    answer = doctor(data)
    assert answer["ok"] and states(answer) == dict.fromkeys(ALL, "ok") and answer["report"] == ""
    documents = next(x for x in answer["checks"] if x["what"] == "documents")
    assert (documents["collection"], documents["count"], documents["unit"], documents["version"]) == ("care", 200, "documents", 1)
    said = akin("doctor", "--data", data, "--model", "stub").stdout
    assert "documents of care, version 1: 200 documents" in said and "nothing is wrong" in said


def test_beside_a_server_which_goes_on(data):
    alone = doctor(data)
    server = Server(data=data).start()
    try:
        answer = doctor(data)
        assert answer["digest"] == alone["digest"]
        assert states(answer) == {**dict.fromkeys(ALL, "left out"), "store": "ok", "documents": "ok"}
        assert all("akin doctor" in x["text"] for x in answer["checks"] if x["state"] == "left out")
        stop, wrote = threading.Event(), []

        def write():
            other = Server(data=data)
            other.url = server.url
            while not stop.is_set():
                n = len(wrote)
                other.post(C + "/documents", [{"id": f"w{n % 9}", "text": f"written {n}", "attributes": {"n": n}}])
                other.post(C + "/documents:delete", {"ids": [f"w{n * 5 % 9}"]})
                wrote.append(n)

        writer = threading.Thread(target=write)
        writer.start()
        try:
            while len(wrote) < 30:
                assert server.post("/v1/checks", None)["ok"]
        finally:
            stop.set()
            writer.join()
        assert doctor(data)["ok"]
    finally:
        server.stop()


def test_a_damaged_index_file_is_made_anew(data):
    before = doctor(data)
    for rows in (data / "index").glob("*/*/rows"):
        body = bytearray(rows.read_bytes())
        body[len(body) // 2] ^= 1
        rows.write_bytes(body)
    answer = doctor(data)
    assert answer["ok"] and answer["digest"] == before["digest"]
    line = next(x for x in answer["checks"] if x["what"] == "index files")
    assert line["count"] == 3 and "made anew" in line["text"]
    assert "index files" not in states(doctor(data))


def test_a_damaged_store(data):
    db = sqlite3.connect(data / "akin.db")
    db.execute("UPDATE payload SET payload = CAST(replace(CAST(payload AS TEXT), 'number77 ', 'number78 ') AS BLOB)")
    db.commit()
    db.close()
    answer = doctor(data, code=1)
    line = next(x for x in answer["checks"] if x["what"] == "store")
    assert line["state"] == "wrong" and "d77" in line["text"] and "akin restore" in line["next"]
    run = akin("doctor", "--data", data, "--model", "stub", code=1)
    assert "wrong" in run.stdout and "next:" in run.stdout and "finding" in run.stderr


def test_no_data_no_server(tmp_path):
    assert "--nothing" in akin("doctor", "--nothing", code=2).stderr
    run = akin("doctor", "--url", "http://127.0.0.1:1", code=1)
    assert "no answer" in run.stderr
