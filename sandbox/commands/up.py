"""`up`: from nothing to an answered request."""

import json
import subprocess
import sys
import time
from collections.abc import Set
from typing import Any

from gateway import image
from sandbox import layout
from sandbox.api.credentials import make_account_key
from sandbox.api.store import Store
from sandbox.commands import engine, internet, leftovers, ownership, secret_file, session
from sandbox.commands.engine import pulumi
from sandbox.commands.ownership import CommandError
from sandbox.substrate import authority, files
from sandbox.substrate.network import topology
from sandbox.substrate.servers import balancers
from sandbox.substrate.specs import Process
from sandbox.substrate.supervision import own_code, processes
from sandbox.toolchain.steps import Steps

STACK = "local"
API = "api"
READY_TRIES = 60


def up() -> None:
    """Bring up the sandbox, apply the program, send a request through the whole chain. Again: changes nothing."""
    steps = Steps()
    with ownership.exclusively("bring up the sandbox"):
        ownership.claim()
        with steps.step("Gateway machine image", "1 min the first time"):
            image.build(layout.CACHE, lambda _text: None)
        with steps.step("Sandbox: three regions, name server, upstream stand-ins, cloud API"):
            start()
        deploy(steps)
        outputs = json.loads(pulumi("stack", "output", "--json", "--stack", STACK, quiet=True))
        with steps.step("Every gateway is healthy"):
            wait_for_health({region["clb_domain"] for region in outputs["regions"].values()})
        with steps.step("A request through the whole chain"):
            answer = prove(outputs["endpoint"])
    _tell(steps, outputs["endpoint"], answer)


def start() -> None:
    """Start what `pulumi up` will talk to. Does nothing that is done already."""
    topology.start()
    processes.start()
    authority.ensure()
    if not layout.CREDENTIALS.exists():
        key = make_account_key()
        told = {"secret_id": key.secret_id, "secret_key": key.secret_key}
        files.write(layout.CREDENTIALS, json.dumps(told))
    internet.start()
    ready = (layout.API_HOST, layout.API_PORT)
    env = {**layout.variables(), **own_code.variables()}
    processes.ensure(Process(name=API, argv=(sys.executable, "-m", "sandbox.api"), env=env, ready=ready))
    session.write()


def deploy(steps: Steps) -> None:
    """`pulumi up` on the stack; its output is the engine's own. Mends what an unfinished run left behind."""
    engine.forget_dead_lock()
    pulumi("stack", "select", "--create", STACK, quiet=True)
    if leftovers.begin():
        _mend(steps)
    began = time.monotonic()
    pulumi("up", "--yes", "--skip-preview", "--stack", STACK)
    steps.note(f"pulumi up {time.monotonic() - began:.1f} s")
    if leftovers.anything_new():  # a create that was repeated because its answer got lost has made two
        _remove_leftovers(steps)
    leftovers.end()


def _mend(steps: Steps) -> None:
    """After a run that did not come to its end: the state forgets what it waited for, the cloud what nobody knows."""
    forgotten = engine.forget_pending_creates(STACK)
    if forgotten:
        steps.note(f"the last run was killed while it made {', '.join(forgotten)}")
    _remove_leftovers(steps)


def _remove_leftovers(steps: Steps) -> None:
    found = leftovers.find(engine.exported(STACK))
    if not found:
        return
    gone, left = leftovers.remove(found, session.variables())
    for each in gone:
        steps.note(f"removed {each}: an interrupted create had left it, no state knows it")
    for each, reason in left.items():
        steps.note(f"could not remove {each}, which no state knows: {reason}")


def wait_for_health(domains: Set[str]) -> None:
    """Until these load balancers' checks have passed: before that they send requests to gateways that still boot.

    Raises CommandError naming the targets that do not pass.
    """
    sick: list[str] = []
    for _ in range(READY_TRIES):
        sick = _sick_targets(domains)
        if not sick:
            return
        time.sleep(1)
    raise CommandError(f"these gateways do not pass their health checks: {', '.join(sick)}; see 'make status'")


def _sick_targets(domains: Set[str]) -> list[str]:
    store = Store(layout.DATABASE)
    try:
        documents = store.list("clb.load_balancer")
        ids = [doc["LoadBalancerId"] for doc in documents if doc["LoadBalancerDomain"] in domains]
    finally:
        store.close()
    return [
        f"{id} {target}"
        for id in ids
        for targets in balancers.health(id).values()
        for target, alive in targets.items()
        if not alive
    ]


def prove(endpoint: str) -> dict[str, Any]:
    """One request as a tenant out on the internet. Names may need a moment after the first `up`.

    Returns the API's answer. Raises CommandError with the last thing that went wrong.
    """
    argv = [sys.executable, "-m", "sandbox", "exec", "--", *_request(endpoint)]
    key = f"x-api-key: {secret_file.ensure()['demo_key']}\n"
    last = ""
    for _ in range(READY_TRIES):
        done = subprocess.run(argv, cwd=layout.CHECKOUT, input=key, capture_output=True, text=True, check=False)
        last = (done.stdout or done.stderr).strip()
        if done.returncode == 0:
            return json.loads(done.stdout)
        time.sleep(1)
    raise CommandError(f"the gateway at {endpoint} does not answer: {last}")


def _request(endpoint: str) -> list[str]:
    body = {"model": "demo", "max_tokens": 16, "messages": [{"role": "user", "content": "你好"}]}
    headers = ("content-type: application/json", "anthropic-version: 2023-06-01")
    argv = ["curl", "--silent", "--show-error", "--fail-with-body", "--max-time", "10", f"{endpoint}/v1/messages"]
    for header in headers:
        argv += ["-H", header]
    return [*argv, "-H", "@-", "-d", json.dumps(body)]  # the key by standard input: arguments are for all to see


def _tell(steps: Steps, endpoint: str, answer: dict[str, Any]) -> None:
    said = "".join(part.get("text", "") for part in answer.get("content", []))
    print(f"\n{endpoint} answers ({steps.elapsed_s:.0f} s in all): {said}\n")
    print("Try it:\n")
    print(
        f"  .venv/bin/python -m sandbox exec --from ap-shanghai -- curl {endpoint}/v1/messages \\\n"
        "    -H 'content-type: application/json' -H \"x-api-key: $(cat .sanmen/demo-key)\" \\\n"
        '    -d \'{"model":"demo","max_tokens":64,"stream":true,"messages":[{"role":"user","content":"hi"}]}\'\n'
    )
    print("Then: 'make status', '. .sanmen/env' for plain pulumi and tccli, 'make down' to remove it all.")
