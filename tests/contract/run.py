"""Holds a running akin to its own OpenAPI document: schemathesis over every route, in all its phases, with all its checks but one.

    ./dev contract [--examples N] [--share N] [--seed N] [--only OPERATION_ID ...] [--report DIR]

The server is a real one with the stub model, keys asked for, and one of everything that an address can name. What is left out:

- object_level_authorization wants two users that own different objects. In akin what a key sees is by collection and filter, held to by
  tests/e2e/test_keys.py and test_tenants.py over every route.

How long an answer may take is bounded by the timeout alone: it says as much of what else the machine does.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "e2e"), str(HERE)]
import world  # noqa: E402
from conftest import Server  # noqa: E402

EXCLUDED = ["object_level_authorization"]
TIMEOUT = 90  # seconds


def table(name, rows):
    return f"[{name}]\n" + "".join(f"{json.dumps(k)} = {v}\n" for k, v in rows.items())


def configuration(folder, names):
    """Three of four values of an address are things that are there. Statuses: what a sound request may still meet, and a wrong one."""
    text = f"hooks = {json.dumps(str(HERE / 'hooks.py'))}\nrequest-timeout = {TIMEOUT}\n\n"
    text += "".join(table(f"dictionaries.{k}", {"values": json.dumps(v)}) for k, v in names.items())
    text += table("parameters", {f"path.{k}": f'{{ dictionary = "{k}", probability = 0.75 }}' for k in names})
    # 404, 409, 410, 412: it is not there, or in a state that does not allow it. 503: a queue is full. 507: no disk.
    text += table("generation", {"with-security-parameters": "false"})  # a second key beside the one that counts is refused
    text += table("checks.positive_data_acceptance", {"expected-statuses": '["2xx", "304", "404", "409", "410", "412", "429"]'})
    text += table("checks.negative_data_rejection", {"expected-statuses": '["400", "401", "403", "404", "405", "406", "409", "410", "412", "413", "414", "415", "422", "428", "431"]'})
    path = folder / "schemathesis.toml"
    path.write_text(text)
    return path


def command(config, server, args):
    out = [str(pathlib.Path(sys.executable).parent / "schemathesis"), "--config-file", str(config), "run", server.url + "/openapi.json", "--url", server.url,
           "--phases", args.phases, "--checks", "all", "--exclude-checks", ",".join(EXCLUDED), "--mode", "all", "--continue-on-failure",
           "--max-examples", str(args.examples), "--seed", str(args.seed), "--suppress-health-check", "all", "--generation-database", "none",
           "--workers", "1", "--max-response-time", str(TIMEOUT), "-H", "Authorization: Bearer " + world.KEY, "--report", "ndjson", "--report-dir", str(args.report)]
    for name in args.only:
        out += ["--include-operation-id", name]
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=150, help="of an operation and phase at most")
    parser.add_argument("--phases", default="examples,coverage,fuzzing,stateful")
    parser.add_argument("--seed", type=int, default=20261123)
    parser.add_argument("--share", type=int, default=1, metavar="N", help="of the coverage phase one case of N; its number does not hang on --examples")
    parser.add_argument("--only", action="append", default=[], metavar="OPERATION_ID")
    parser.add_argument("--report", type=pathlib.Path, default=pathlib.Path(tempfile.gettempdir()) / "akin-contract")
    args = parser.parse_args()
    args.report = args.report.resolve()
    args.report.mkdir(parents=True, exist_ok=True)
    server = Server(env={"AKIN_AUTH__REQUIRED": "always", "AKIN_SERVER__ADMIN_KEY": world.KEY, "AKIN_LOG__LEVEL": "warn"}).start()
    began = time.monotonic()
    try:
        world.make(server.url, server.session)
        config = configuration(args.report, world.names(server.url, server.session))
        position = world.ask(server.url, server.session, "GET", "/v1/changes").json()["next_cursor"]
        excused = args.report / "excused.json"
        env = dict(os.environ, PYTHONPATH=str(HERE), CONTRACT_URL=server.url, CONTRACT_POSITION=position, CONTRACT_SEED=str(args.seed),
                   CONTRACT_SHARE=str(args.share), CONTRACT_EXCUSED=str(excused))
        code = subprocess.call(command(config, server, args), env=env, cwd=args.report)
        requests = sum(v for k, v in asked(server).items())
        print(f"contract: {requests:.0f} requests in {time.monotonic() - began:.0f} s, seed {args.seed}; report: {args.report}")
        print("excused, each by a rule of hooks.py:", excused.read_text() if excused.exists() else "?")
        if server.process.poll() is not None:
            print("the server ended:", server.log()[-3000:])
            code = 1
    finally:
        server.stop(wait=60)
        server.remove()
    return code


def asked(server):
    server.session.headers["Authorization"] = "Bearer " + world.KEY
    return {k: v for k, v in server.metrics().items() if k.startswith("akin_http_requests_total")}


if __name__ == "__main__":
    sys.exit(main())
