"""`up`: from nothing to an answered request."""

import json
import sys
import time
import urllib.request
from collections.abc import Set
from pathlib import Path
from typing import Any

from gateway import image
from sandbox import layout
from sandbox.api.credentials import make_account_key
from sandbox.api.store import Store
from sandbox.commands import engine, internet, leftovers, ownership, plugin, proof, session
from sandbox.commands.engine import pulumi
from sandbox.commands.ownership import CommandError
from sandbox.services.clb.kinds import LOAD_BALANCER
from sandbox.services.ssm import VALUES
from sandbox.substrate import authority, files
from sandbox.substrate.names import host_names
from sandbox.substrate.network import topology
from sandbox.substrate.servers import balancers
from sandbox.substrate.specs import Process
from sandbox.substrate.supervision import own_code, processes
from sandbox.toolchain.steps import Steps

STACK = "local"
API = "api"
READY_TRIES = 60
SECRETS_ARRIVE_S = 10
"""In `local` a gateway looks for changed secrets every 5 s, and its workers for changed files every 2 s."""


def up(wanted: str = plugin.OWN) -> None:
    """Bring up the sandbox, apply the program, send a request through the whole chain. Again: changes nothing.

    wanted: which tencentcloud plugin shall answer, as commands/plugin.py has it.
    """
    steps = Steps()
    home, who = plugin.home(wanted)
    with ownership.exclusively("bring up the sandbox"):
        ownership.claim()
        with steps.step("Gateway machine image", "1 min the first time"):
            image.build(layout.CACHE, lambda _text: None)
        with steps.step("Sandbox: three regions, name server, upstream stand-ins, cloud API"):
            start(home)
        steps.note(f"tencentcloud plugin: {who}")
        deploy(steps)
        outputs = json.loads(pulumi("stack", "output", "--json", "--stack", STACK, quiet=True))
        with steps.step("Every gateway is healthy"):
            wait_for_health({region["clb_domain"] for region in outputs["regions"].values()})
        with steps.step("A request through the whole chain, and one to each upstream"):
            answer = proof.prove(outputs["endpoint"])
    _tell(steps, outputs["endpoint"], answer)


def start(pulumi_home: Path) -> None:
    """Start what `pulumi up` will talk to. Does nothing that is done already."""
    plugin.use(pulumi_home)
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
    with urllib.request.urlopen(f"http://{layout.API_HOST}:{layout.API_PORT}/.sanmen", timeout=10) as about:
        services: list[str] = json.load(about)["services"]
    host_names.ensure([layout.API_ROOT_DOMAIN, *(f"{service}.{layout.API_ROOT_DOMAIN}" for service in services)])
    session.write()


def deploy(steps: Steps) -> None:
    """`pulumi up` on the stack; its output is the engine's own. Mends what an unfinished run left behind."""
    engine.forget_dead_lock()
    pulumi("stack", "select", "--create", STACK, quiet=True)
    if leftovers.begin():
        _mend(steps)
    began = time.monotonic()
    secrets = _secrets()
    pulumi("up", "--yes", "--skip-preview", "--stack", STACK)
    steps.note(f"pulumi up {time.monotonic() - began:.1f} s")
    if secrets and _secrets() != secrets:  # what serves already still has the old ones
        with steps.step("Gateways take their changed secrets", f"{SECRETS_ARRIVE_S} s"):
            time.sleep(SECRETS_ARRIVE_S)
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


def _secrets() -> list[str]:
    """What the stack's secrets are, sealed: other texts when a value was written anew."""
    store = Store(layout.DATABASE)
    try:
        return [doc["_sealed"] for doc in VALUES.all(store)]
    finally:
        store.close()


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
        documents = LOAD_BALANCER.all(store)
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
