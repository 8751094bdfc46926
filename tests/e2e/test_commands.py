"""The commands beside a running server and without one: the same answers, help with an example, errors with a next step."""
import json
import os
import pty
import subprocess

import pytest

from conftest import Server, akin, binary

COMMANDS = "serve add search similar recommend feedback embed tokenize model eval export backup restore config doctor version".split()


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    path = tmp_path_factory.mktemp("texts") / "d.jsonl"
    path.write_text("".join(json.dumps({"sku": f"s{n}", "body": f"apple number{n}", "year": 2000 + n}) + "\n" for n in range(20)))
    return path


def add(texts, *where, code=0):
    return akin("add", "-c", "shop", "--map", "id=sku,text=body", *where, texts, code=code)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_shows_an_example(name):
    out = akin(name, "--help").stdout
    assert f"akin {name}" in out and "example:" in out


def test_beside_a_server_and_without_one(texts, tmp_path):
    data = tmp_path / "data"
    common = ("--data", data, "--model", "stub")
    assert "20 created" in add(texts, *common).stdout  # no server: a node of its own
    alone = json.loads(akin("search", "-c", "shop", "--json", "number7", *common).stdout)
    assert alone["data"][0]["id"] == "s7"
    with_server = Server(data=data).start()
    try:
        beside = json.loads(akin("search", "-c", "shop", "--json", "number7", *common).stdout)  # through the address in LOCK
        assert [(h["id"], h["score"]) for h in beside["data"]] == [(h["id"], h["score"]) for h in alone["data"]]
        assert "20 unchanged" in add(texts, "--url", with_server.url).stdout
        assert json.loads(akin("search", "--json", "number7", "--filter", "year > 2010", *common).stdout)["data"][0]["id"] != "s7"
        assert akin("similar", "-c", "shop", "s3", "-n", "2", *common).stdout
        assert akin("recommend", "-c", "shop", "--like", "s3", "--explain", *common).stdout
        assert "nothing is wrong" in akin("doctor", *common).stdout
    finally:
        with_server.stop()


def on_terminal(*args, **env):
    """What the command writes to a terminal."""
    leader, follower = pty.openpty()
    env = {k: v for k, v in os.environ.items() if not k.startswith("AKIN_") and k != "NO_COLOR"} | env
    run = subprocess.run([binary(), *map(str, args)], stdout=follower, stderr=subprocess.PIPE, timeout=30, env=env)
    os.close(follower)
    assert run.returncode == 0, run.stderr
    out = b""
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:  # nobody writes any more
            break
        if not piece:
            break
        out += piece
    os.close(leader)
    return out.decode()


def test_search_for_people(texts, tmp_path):
    at = ("-c", "shop", "--data", tmp_path / "data", "--model", "stub")
    add(texts, "--data", tmp_path / "data", "--model", "stub")
    evil = tmp_path / "evil.jsonl"
    evil.write_text(json.dumps({"sku": "evil", "lang": "en", "title": "A number7 \x1b[2J", "body": "caf\u00e9 number7\n\n \x07 Caf\u00e9s end"}) + "\n")
    add(evil, "--data", tmp_path / "data", "--model", "stub")
    plain = akin("search", "number7 cafe", *at, "-n", "3", "--facet", "year").stdout
    assert "\x1b" not in plain and "\x07" not in plain and "year: " in plain
    shown = on_terminal("search", "number7 cafe", *at, "-n", "3")
    assert "\x1b[1;33mcaf\u00e9\x1b[0m \x1b[1;33mnumber7\x1b[0m ? \x1b[1;33mCaf\u00e9s\x1b[0m end" in shown
    assert "A \x1b[1;33mnumber7\x1b[0m ?[2J" in shown and "\x07" not in shown  # what a text holds is not sent to the terminal
    assert "\x1b" not in on_terminal("search", "number7", *at, NO_COLOR="1")
    ordered = json.loads(akin("search", "--json", "*", *at, "--sort", "year:desc", "-n", "2", "--exact").stdout)["data"]
    assert [h["document"]["attributes"]["year"] for h in ordered] == sorted((h["document"]["attributes"]["year"] for h in ordered), reverse=True)
    assert "/sort" in akin("search", "x", *at, "--sort", "nothing", code=1).stderr
    assert "/q" in akin("search", "\udcff", *at, code=1).stderr and "/filter" in akin("search", "x", *at, "--filter", "\udcff", code=1).stderr


def test_backup_while_serving_and_restore(texts, tmp_path):
    server = Server(data=tmp_path / "data").start()
    where = ("--data", tmp_path / "data", "--model", "stub")
    try:
        add(texts, *where)
        out = akin("backup", tmp_path / "b.akin", *where).stdout
        assert "position" in out and (tmp_path / "b.akin").stat().st_mode & 0o077 == 0
        assert not list((tmp_path / "data" / "backups").iterdir())
        server.post("/v1/collections/shop/documents", {"id": "later", "text": "zebra"})
    finally:
        server.stop()
    akin("restore", tmp_path / "b.akin", *where)
    assert akin("doctor", *where)
    found = json.loads(akin("search", "-c", "shop", "--mode", "lexical", "--json", "zebra", *where).stdout)
    assert found["data"] == []
    assert json.loads(akin("search", "-c", "shop", "--json", "number3", *where).stdout)["data"][0]["id"] == "s3"
    akin("restore", tmp_path / "no-such-file", *where, code=1)
    (tmp_path / "bad").write_bytes(b"not a backup" * 100)
    akin("restore", tmp_path / "bad", *where, code=1)


def test_a_bad_line_is_reported_by_its_number(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text('{"id":"a","text":"fine"}\n{"id":"b","text":""}\nnot json\n{"id":"c","text":"fine too"}\n')
    run = akin("add", "-c", "x", "--data", tmp_path / "data", "--model", "stub", path, code=1)
    assert "line 2" in run.stderr and "line 3" in run.stderr and "2 created" in run.stdout


def test_eval_misses_a_file_aloud(texts, tmp_path):
    at = ["--data", tmp_path / "data", "--model", "stub"]
    add(texts, *at)
    (tmp_path / "q.jsonl").write_text('{"_id": "1", "text": "apple"}\n')
    asks = ["eval", "search", "-c", "shop", *at, "--queries"]
    assert "1 queries" in akin(*asks, tmp_path / "q.jsonl").stdout
    assert "none.tsv" in akin(*asks, tmp_path / "q.jsonl", "--qrels", tmp_path / "none.tsv", code=1).stderr
    assert "none.jsonl" in akin(*asks, tmp_path / "none.jsonl", code=1).stderr


def test_embed_and_tokenize():
    out = akin("embed", "--model", "stub", "--stats", stdin="one two\nthree\n")
    rows = [json.loads(line) for line in out.stdout.splitlines()]
    assert len(rows) == 2 and abs(sum(x * x for x in rows[0]) - 1) < 1e-5
    assert out.stderr.startswith("texts 2 tokens ") and "tokens_per_s" in out.stderr
    assert len(akin("tokenize", "--model", "stub", stdin="one two\n").stdout.splitlines()) == 1
    npy = subprocess.run([binary(), "embed", "--model", "stub", "--format", "npy"], input=b"one\n", capture_output=True).stdout
    assert npy[:8] == b"\x93NUMPY\x01\x00" and len(npy) == 128 + 4 * 64


def test_config_print_says_where_from(tmp_path):
    (tmp_path / "akin.yaml").write_text("server:\n  port: 8123\n  admin_key: hidden-secret\n")
    out = akin("config", "print", "--config", tmp_path / "akin.yaml", "--set", "store.readers=7", AKIN_LOG__LEVEL="warn").stdout
    assert "8123" in out and "akin.yaml" in out and "AKIN_LOG__LEVEL" in out and "hidden-secret" not in out
    (tmp_path / "bad.yaml").write_text("server:\n  prot: 1\n")
    assert "port" in akin("config", "print", "--config", tmp_path / "bad.yaml", code=1).stderr


@pytest.mark.parametrize("arguments,says", [
    (["serch"], "search"),
    (["search", "--limt", "3", "x"], "--limit"),
    (["search", "-n", "many", "x"], "many"),
    (["add"], "files"),
    (["serve", "--port", "70000"], "65535"),
    (["serve", "--address", "0.0.0.0", "--port", "0", "--model", "stub"], "server.tls"),
    (["serve", "--model", "no-such-model"], "akin model pull"),
    (["model", "verify", "/tmp"], "/tmp"),
])
def test_wrong_use_names_what_would_be_right(arguments, says, tmp_path):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("AKIN_")}
    run = subprocess.run([binary(), *arguments, *(["--data", str(tmp_path)] if arguments[0] in ("serve", "model") else [])],
                         capture_output=True, text=True, env=clean, timeout=20)
    assert run.returncode in (1, 2) and says in run.stderr, run.stderr
