"""`up`: from nothing to an answered request."""

import json
import os
import subprocess
import sys
import time
from typing import Any

from gateway import image
from sandbox import layout
from sandbox.api.credentials import make_account_key
from sandbox.commands import internet, ownership, secret_file, session
from sandbox.commands.ownership import CommandError
from sandbox.substrate import authority, network, processes
from sandbox.substrate.specs import Process
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
    with steps.step("A request through the whole chain"):
        answer = prove()
    _tell(steps, answer)


def start() -> None:
    """Start what `pulumi up` will talk to. Does nothing that is done already."""
    network.start()
    processes.start()
    authority.ensure()
    if not layout.CREDENTIALS.exists():
        key = make_account_key()
        told = {"secret_id": key.secret_id, "secret_key": key.secret_key}
        secret_file.write_private(layout.CREDENTIALS, json.dumps(told))
    internet.start()
    ready = (layout.API_HOST, layout.API_PORT)
    processes.ensure(Process(name=API, argv=(sys.executable, "-m", "sandbox.api"), env=layout.variables(), ready=ready))
    session.write()


def deploy(steps: Steps) -> None:
    """`pulumi up` on the stack; its output is the engine's own."""
    pulumi("stack", "select", "--create", STACK, quiet=True)
    _forget_dead_lock()
    began = time.monotonic()
    pulumi("up", "--yes", "--skip-preview", "--stack", STACK)
    steps.note(f"pulumi up {time.monotonic() - began:.1f} s")


def pulumi(*words: str, quiet: bool = False) -> str:
    """Run the engine with the sandbox's session. Raises CommandError when it fails; it has said why itself."""
    env = {**os.environ, **session.variables()}
    output = subprocess.PIPE if quiet else None
    done = subprocess.run(
        ["pulumi", "--non-interactive", *words], cwd=layout.CHECKOUT, env=env, stdout=output, stderr=output, text=True
    )
    if done.returncode:
        raise CommandError(f"'pulumi {' '.join(words)}' failed{': ' + done.stderr.strip() if quiet else ''}")
    return done.stdout if quiet else ""


def _forget_dead_lock() -> None:
    """A killed engine leaves its lock behind. Only one whose process is gone is removed."""
    for lock in session.BACKEND.glob(".pulumi/locks/**/*.json"):
        holder = json.loads(lock.read_text()).get("pid")
        if not os.path.exists(f"/proc/{holder}"):
            lock.unlink()


def prove() -> dict[str, Any]:
    """One request as a tenant out on the internet. DNS and health checks may need a moment after the first `up`.

    Returns the API's answer. Raises CommandError with the last thing that went wrong.
    """
    outputs = json.loads(pulumi("stack", "output", "--json", "--stack", STACK, quiet=True))
    argv = [sys.executable, "-m", "sandbox", "exec", "--", *_request(outputs["endpoint"])]
    last = ""
    for _ in range(READY_TRIES):
        done = subprocess.run(argv, cwd=layout.CHECKOUT, capture_output=True, text=True, check=False)
        last = (done.stdout or done.stderr).strip()
        if done.returncode == 0:
            return json.loads(done.stdout)
        time.sleep(1)
    raise CommandError(f"the gateway at {outputs['endpoint']} does not answer: {last}")


def _request(endpoint: str) -> list[str]:
    body = {"model": "demo", "max_tokens": 16, "messages": [{"role": "user", "content": "你好"}]}
    headers = ("content-type: application/json", "anthropic-version: 2023-06-01")
    argv = ["curl", "--silent", "--show-error", "--fail-with-body", "--max-time", "10", f"{endpoint}/v1/messages"]
    for header in headers:
        argv += ["-H", header]
    return [*argv, "-H", f"x-api-key: {secret_file.ensure()['demo_key']}", "-d", json.dumps(body)]


def _tell(steps: Steps, answer: dict[str, Any]) -> None:
    outputs = json.loads(pulumi("stack", "output", "--json", "--stack", STACK, quiet=True))
    endpoint = outputs["endpoint"]
    said = "".join(part.get("text", "") for part in answer.get("content", []))
    print(f"\n{endpoint} answers ({steps.elapsed_s:.0f} s in all): {said}\n")
    print("Try it:\n")
    print(
        f"  .venv/bin/python -m sandbox exec --from ap-shanghai -- curl {endpoint}/v1/messages \\\n"
        "    -H 'content-type: application/json' -H \"x-api-key: $(cat .sanmen/demo-key)\" \\\n"
        '    -d \'{"model":"demo","max_tokens":64,"stream":true,"messages":[{"role":"user","content":"hi"}]}\'\n'
    )
    print("Then: 'make status', '. .sanmen/env' for plain pulumi and tccli, 'make down' to remove it all.")
