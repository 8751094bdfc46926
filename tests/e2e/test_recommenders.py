"""Training, promotion, rollback, tasks: over HTTP and on the command line."""
import json
import os
import random
import signal
import threading

import pytest
import requests
from conftest import akin, problem, wait_for

HERE = "/v1/collections/{}/recommenders"
TOPICS, EACH, READERS = 4, 12, 80


def document(topic, n):
    return f"d{topic}-{n}"


def acts(readers=READERS, seed=1, first=0):
    """Each reader reads of one topic, from left to right: who read n reads n + 1 next, which neither popularity nor texts tell."""
    rnd = random.Random(seed)
    rows = []
    for u in range(first, first + readers):
        topic, start = u % TOPICS, rnd.randrange(EACH)
        rows += [{"event_id": f"{u}-{n}", "user": f"u{u}", "document": document(topic, (start + n) % EACH), "type": "like"} for n in range(6)]
    return rows


def fill(server, name, readers=READERS):
    server.collection(name, training={"schedule": "manual"}, feedback={"half_life_days": None})
    server.post(f"/v1/collections/{name}/documents", [{"id": document(t, n), "text": f"words{n % 3} text{(t + n) % 5}"}
                                                      for t in range(TOPICS) for n in range(EACH)])
    rows = acts(readers)
    for i in range(0, len(rows), 1000):
        assert server.post(f"/v1/collections/{name}/feedback", rows[i:i + 1000])["failed"] == 0


def train(server, name, status="done", **options):
    """-> the task, ended."""
    task = server.post(HERE.format(name) + ":train", options, status=202)
    task = wait_for(lambda: ended(server.get(f"/v1/tasks/{task['id']}", wait=10)), 60)
    assert task["status"] == status, task
    return task


def ended(task):
    return task if task["status"] not in ("queued", "running") else None


def states(server, name):
    return {r["id"]: r["state"] for r in server.get(HERE.format(name))["data"]}


def answer(server, name, user="u3"):
    a = server.post(f"/v1/collections/{name}/recommend", {"user": user, "limit": 5})
    return a["model"], [(x["id"], round(x["score"], 5)) for x in a["data"]]


def served_by(server, name):
    return server.post(f"/v1/collections/{name}/recommend", {"user": "u3"})["recommender"]


def promote(server, name, recommender):
    return server.ask("POST", f"{HERE.format(name)}/{recommender}:promote", status=200).json()


def cli(server, *args, code=0):
    run = akin(*args, "--url", server.url, code=code)
    return run.stderr if code else run.stdout


@pytest.fixture(scope="module")
def news(server):
    fill(server, "news")
    return server


def test_life(news):
    before = answer(news, "news")
    task = train(news, "news", seed=7, kind="walks", promote=False)
    one = task["details"]["recommender"]
    assert task["details"]["promoted"] is False and task["details"]["seconds"] > 0
    made = news.get(f"{HERE.format('news')}/{one}")
    assert made["state"] == "candidate" and made["kind"] == "walks" and made["acts"] == len(acts())
    assert made["embedding_version"] == 1 and made["bytes"] > 0 and len(made["digest"]) == 64
    assert made["report"]["seed"] == 7 and made["report"]["counts"]["readers"] == READERS
    assert answer(news, "news") == before and served_by(news, "news") == 0  # a candidate serves nobody
    two = train(news, "news", seed=7, kind="ease", promote=False)["details"]["recommender"]
    assert promote(news, "news", one)["state"] == "active"
    with_one = answer(news, "news")
    assert served_by(news, "news") == one
    assert with_one != before
    promote(news, "news", two)
    with_two = answer(news, "news")
    assert with_two != with_one and states(news, "news") == {one: "retired", two: "active"}
    back = news.ask("POST", HERE.format("news") + ":rollback", status=200).json()
    assert back["id"] == one and answer(news, "news") == with_one
    problem(news.ask("DELETE", f"{HERE.format('news')}/{one}"), 409, says="active")
    assert news.ask("POST", f"{HERE.format('news')}/{one}:retire", status=200).json()["state"] == "retired"
    assert answer(news, "news") == before
    news.ask("DELETE", f"{HERE.format('news')}/{two}", status=204)
    problem(news.ask("GET", f"{HERE.format('news')}/{two}"), 404)
    types = [c["type"] for c in news.get("/v1/changes", limit=1000)["data"]]
    assert types.count("model.trained") == 2 and types.count("model.promoted") == 3
    assert "model.retired" in types and "model.deleted" in types and types.count("task.finished") == 2


def test_same_seed_same_model(news):
    one, two = (train(news, "news", kind="ease", promote=False)["details"]["recommender"] for _ in range(2))
    a, b = (news.get(f"{HERE.format('news')}/{x}") for x in (one, two))
    assert a["report"]["parameters"] == b["report"]["parameters"] and a["report"]["metrics"] == b["report"]["metrics"]


def test_swapped_under_load(news):
    """Each answer is wholly of one recommender, and an acknowledged swap is in effect."""
    one, two = (train(news, "news", kind=k, promote=False)["details"]["recommender"] for k in ("ease", "walks"))
    expected = {}
    for r in (one, two):
        promote(news, "news", r)
        expected[r] = answer(news, "news")[1]
    assert expected[one] != expected[two]
    wrong, stop = [], threading.Event()

    def ask():
        session = requests.Session()
        while not stop.is_set():
            a = session.post(f"{news.url}/v1/collections/news/recommend", json={"user": "u3", "limit": 5}, timeout=30)
            alone = expected.get(a.json().get("recommender")) if a.status_code == 200 else None
            if not alone or a.json()["model"] != "model" or [x["id"] for x in a.json()["data"]] != [i for i, _ in alone] \
                    or any(abs(x["score"] - score) > 1e-3 for x, (_, score) in zip(a.json()["data"], alone)):
                wrong.append((a.status_code, a.text))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for t in threads:
        t.start()
    for n in range(10):
        promote(news, "news", (one, two)[n % 2])
        assert served_by(news, "news") == (one, two)[n % 2]
        news.ask("POST", HERE.format("news") + ":rollback", status=200)
        assert served_by(news, "news") == (two, one)[n % 2]
    stop.set()
    for t in threads:
        t.join()
    assert not wrong, wrong[:3]


def test_gate(news):
    """What passes is promoted, tells why, and is seen in the metrics; the last five are kept."""
    fill(news, "gate")
    task = train(news, "gate")
    details = task["details"]
    assert details["why"] and "ndcg" in details["why"]
    report = news.get(f"{HERE.format('gate')}/{details['recommender']}")["report"]
    assert details["promoted"] == report["promote"]
    promote(news, "gate", details["recommender"])
    wanted = report["metrics"]["ndcg@100"]["mean"]
    assert abs(news.metrics()['akin_model_metric_ratio{collection="gate",metric="ndcg@100"}'] - wanted) < 1e-6
    assert news.metrics()["akin_model_train_seconds_count"] >= 1
    assert news.metrics()['akin_tasks{status="done",type="train"}'] >= 1
    for _ in range(6):
        last = train(news, "gate", kind="neighbours", promote=False)["details"]["recommender"]
    kept = states(news, "gate")
    assert len(kept) == 5 and kept[details["recommender"]] == "active" and last in kept


def test_few_readers(news):
    fill(news, "few", readers=19)
    says = problem(news.ask("POST", HERE.format("few") + ":train", {}), 409, says="19 of at least 20")
    assert "profiles" in says["detail"]
    assert answer(news, "few")[1]  # others serve


def test_refused(news):
    problem(news.ask("POST", HERE.format("nowhere") + ":train", {}), 404)
    for body, pointer in (({"kind": "magic"}, "/kind"), ({"seed": -1}, "/seed"), ({"held_out": 1.5}, "/held_out"), ({"hurry": 1}, "/hurry")):
        problem(news.ask("POST", HERE.format("news") + ":train", body), 422, pointer=pointer)
    problem(news.ask("POST", HERE.format("news") + "/99:promote"), 404)
    problem(news.ask("POST", HERE.format("news") + "/x:promote"), 404)
    problem(news.ask("GET", "/v1/tasks/99999"), 404)
    problem(news.ask("POST", "/v1/tasks/1:cancel"), 409, says="already")
    news.collection("empty")
    problem(news.ask("POST", HERE.format("empty") + ":rollback"), 409)
    for settings, pointer in (({"training": {"schedule": "daily"}}, "/training/schedule"), ({"training": {"every_hours": 0}}, "/training/every_hours")):
        problem(news.ask("PATCH", "/v1/collections/empty", settings), 422, pointer=pointer)


def worker_of(server):
    """The pid of the training's process, or None."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            stat = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()
            if int(stat[1]) == server.process.pid and b"train-worker" in open(f"/proc/{pid}/cmdline", "rb").read():
                return int(pid)
        except OSError:
            pass


def held(server, name):
    """A training whose worker stands still -> (task, pid)."""
    for _ in range(50):
        task = server.post(HERE.format(name) + ":train", {"promote": False}, status=202)
        while not ended(server.get(f"/v1/tasks/{task['id']}")):
            pid = worker_of(server)
            if pid:
                try:
                    os.kill(pid, signal.SIGSTOP)
                except ProcessLookupError:
                    break
                if not ended(server.get(f"/v1/tasks/{task['id']}")) and worker_of(server) == pid:
                    return task["id"], pid
    raise AssertionError("no worker was caught")


def test_cancel(news):
    task, pid = held(news, "news")
    running = news.get(f"/v1/tasks/{task}")
    assert running["status"] == "running" and running["collection"] == "news" and running["progress"]["step"]
    problem(news.ask("POST", HERE.format("news") + ":train", {}), 409, says=f"task {task}")
    queued = news.post(HERE.format("gate") + ":train", {}, status=202)  # one at a time
    assert news.get(f"/v1/tasks/{queued['id']}")["status"] == "queued"
    assert news.ask("POST", f"/v1/tasks/{queued['id']}:cancel", status=200).json()["status"] == "cancelled"
    assert news.ask("POST", f"/v1/tasks/{task}:cancel", status=200).json()["status"] == "cancelled"
    assert worker_of(news) is None
    assert not [f for f in os.listdir(news.data / "tmp") if f.startswith("train-")]
    assert news.get("/v1/tasks")["data"][0]["id"] == queued["id"]
    page = news.get("/v1/tasks", limit=2)
    assert len(page["data"]) == 2 and news.get("/v1/tasks", limit=2, cursor=page["next_cursor"])["data"][0]["id"] < task


def test_worker_killed(news):
    """Whatever befalls a training, what serves goes on serving."""
    made = train(news, "news", kind="ease", promote=False)["details"]["recommender"]
    promote(news, "news", made)
    before = answer(news, "news")
    task, pid = held(news, "news")
    os.kill(pid, signal.SIGKILL)
    failed = wait_for(lambda: ended(news.get(f"/v1/tasks/{task}", wait=5)), 30)
    assert failed["status"] == "failed" and "signal 9" in failed["details"]["error"]["detail"]
    assert answer(news, "news") == before
    train(news, "news", kind="ease", promote=False)  # the next one is none the worse


def test_memory(make_server):
    s = make_server(flags=["--set", "train.memory_bytes=2000"])
    fill(s, "news")
    task = train(s, "news", status="failed")
    assert task["details"]["error"]["code"] == "full" and "bytes" in task["details"]["error"]["detail"] or "MB" in task["details"]["error"]["detail"], task
    assert answer(s, "news")[1]


def test_schedule(make_server):
    """By itself once there are readers enough, and again when enough has changed."""
    s = make_server(flags=["--set", "train.check_seconds=1"])
    fill(s, "news")
    s.ask("PATCH", "/v1/collections/news", {"training": {"schedule": "automatic", "every_hours": 0.01}}, status=200)
    first = wait_for(lambda: s.get("/v1/tasks")["data"], 30)[0]
    assert first["details"]["reason"] == "changes"
    wait_for(lambda: ended(s.get(f"/v1/tasks/{first['id']}", wait=5)), 30)
    assert s.get("/v1/collections/news")["settings"]["training"]["schedule"] == "automatic"


def test_commands(news):
    text = cli(news, "train", "-c", "news", "--kind", "walks", "--no-promote", "--seed", "3")
    assert "walks" in text and "candidate" in text
    made = max(states(news, "news"))
    assert json.loads(cli(news, "recommenders", "show", str(made), "-c", "news", "--json"))["report"]["seed"] == 3
    assert f"{made}" in cli(news, "recommenders", "list", "-c", "news")
    assert "active" in cli(news, "recommenders", "promote", str(made), "-c", "news")
    assert states(news, "news")[made] == "active"
    cli(news, "recommenders", "rollback", "-c", "news")
    assert states(news, "news")[made] == "retired"
    cli(news, "recommenders", "delete", str(made), "-c", "news")
    assert made not in states(news, "news")
    assert "19 of at least 20" in cli(news, "train", "-c", "few", code=1)
    assert "no recommender 99" in cli(news, "recommenders", "promote", "99", "-c", "news", code=1)
