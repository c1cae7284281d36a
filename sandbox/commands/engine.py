"""Runs the engine on the sandbox, and what a killed or interrupted run of it leaves in its state."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

from sandbox import layout
from sandbox.commands import session
from sandbox.commands.ownership import CommandError
from sandbox.substrate.supervision import processes


def pulumi(*words: str, quiet: bool = False, given: str | None = None) -> str:
    """Run the engine with the sandbox's session. `quiet`: return what it prints. `given`: its standard input.

    Raises CommandError when it fails; unless `quiet`, it has said why itself. An interrupt is passed on: the engine
    then ends what it has begun, writes it down and leaves, and KeyboardInterrupt is raised. A second one ends it at
    once.
    """
    # Marked as ours, with the plugins it starts: should this process be killed, `down` ends them.
    env = {**os.environ, **session.variables(), processes.MARK: str(layout.STATE)}
    output = subprocess.PIPE if quiet else None
    engine = subprocess.Popen(
        ["pulumi", "--non-interactive", *words],
        cwd=layout.CHECKOUT,
        env=env,
        stdin=subprocess.DEVNULL if given is None else subprocess.PIPE,
        stdout=output,
        stderr=output,
        text=True,
        # A group of its own: ^C reaches it once, from here. The engine takes a second one as "drop everything".
        process_group=0,
    )
    said, why = _to_the_end(engine, given)
    if engine.returncode:
        told = f": {why.strip()}" if quiet else "; it says why above. 'make up' goes on from there once that is mended"
        raise CommandError(f"'pulumi {' '.join(words)}' failed{told}")
    return said


def _to_the_end(engine: "subprocess.Popen[str]", given: str | None) -> tuple[str, str]:
    interrupted = False
    while True:
        try:
            said, why = engine.communicate(given)
            break
        except KeyboardInterrupt:
            if not interrupted:
                print("\n  interrupted: waiting for what has begun; once more ends it at once", flush=True)
            interrupted, given = True, None  # what was given is on its way; it cannot be given twice
            engine.send_signal(signal.SIGINT)
    if interrupted:
        raise KeyboardInterrupt
    return said or "", why or ""


def forget_dead_lock() -> None:
    """Remove the lock that a killed engine left behind. Raises CommandError when its holder lives."""
    for lock in session.BACKEND.glob(".pulumi/locks/**/*.json"):
        holder = json.loads(lock.read_text()).get("pid")
        if _is_engine(holder):
            raise CommandError(
                f"'pulumi' is at work on this stack already (process {holder}).\n"
                f"  Wait for it, or interrupt it: kill -INT {holder}"
            )
        lock.unlink()


def _is_engine(pid: object) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() == "pulumi"
    except OSError:
        return False


def exported(stack: str) -> dict[str, Any]:
    """The stack's state, its secrets sealed: {"deployment": {"resources": […], "pending_operations": […]}, …}."""
    return json.loads(pulumi("stack", "export", "--stack", stack, quiet=True))


def forget_pending_creates(stack: str) -> list[str]:
    """Take out of the state what a killed engine was creating. Returns the names.

    `pulumi refresh --clear-pending-creates` does this too, but asks the cloud about every resource first.
    """
    state = exported(stack)
    operations: list[dict[str, Any]] = state["deployment"].get("pending_operations") or []
    creating = [each for each in operations if each["type"] == "creating"]
    if creating:
        state["deployment"]["pending_operations"] = [each for each in operations if each["type"] != "creating"]
        pulumi("stack", "import", "--stack", stack, quiet=True, given=json.dumps(state))
    return [str(each["resource"]["urn"]).rsplit("::", 1)[-1] for each in creating]
