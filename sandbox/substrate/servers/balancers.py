"""Load balancers: an haproxy per balancer, in the balancer's own namespace.

haproxy runs as master and worker in the foreground. A new configuration is checked first, then taken over by a new
worker without closing a socket, while the old worker finishes its streams (up to haproxy.HARD_STOP_S).
Changed weights alone go through the runtime socket. The access log is the process's own log below STATE/logs.
"""

import shutil
from pathlib import Path

from sandbox import layout
from sandbox.substrate import files
from sandbox.substrate.commands import run
from sandbox.substrate.locks import holding
from sandbox.substrate.servers import haproxy, haproxy_runtime
from sandbox.substrate.specs import Balancer, Process
from sandbox.substrate.supervision import processes
from sandbox.substrate.waiting import until


def ensure(balancer: Balancer) -> None:
    """Run a balancer as its spec says. Its host stands already.

    Raises SubstrateError if the spec makes no valid configuration; then what ran before goes on.
    """
    with holding("balancer", balancer.name):
        _ensure(balancer)


def _ensure(balancer: Balancer) -> None:
    paths = _paths(balancer.name)
    text = haproxy.render(balancer, paths)
    wanted = _fingerprint_in(text)
    certificates = haproxy.certificate_files(balancer, paths)
    for path, content in certificates.items():
        files.write(path, content)
    running = haproxy_runtime.fingerprint(paths.socket)
    if running == wanted:
        _apply_weights(balancer, paths)
        files.write(paths.config, text)
        processes.ensure(_process(balancer))
        return
    _check(text, paths)
    files.write(paths.server_state, haproxy_runtime.state_file(balancer, haproxy_runtime.states(paths.socket)))
    files.write(paths.config, text)
    processes.ensure(_process(balancer))
    if running is not None:
        processes.reload(_process_name(balancer.name), "USR2")
    until(
        lambda: haproxy_runtime.fingerprint(paths.socket) == wanted,
        f"balancer {balancer.name} took its new configuration",
    )
    _forget_certificates(paths, set(certificates))


def remove(name: str) -> None:
    """Stop a balancer, cutting its streams, and forget it. Gone already: nothing."""
    with holding("balancer", name):
        processes.stop_process(_process_name(name))
        shutil.rmtree(_paths(name).directory, ignore_errors=True)


def health(name: str) -> dict[str, dict[str, bool]]:
    """Route name -> target name -> healthy. Raises SubstrateError if the balancer does not run."""
    return haproxy_runtime.healthy(_paths(name).socket)


def _paths(name: str) -> haproxy.Paths:
    return haproxy.Paths(directory=layout.STATE / "balancers" / name)


def _process_name(name: str) -> str:
    return f"balancer-{name}"


def _process(balancer: Balancer) -> Process:
    paths = _paths(balancer.name)
    return Process(
        name=_process_name(balancer.name),
        argv=("haproxy", "-W", "-db", "-f", str(paths.config)),
        host=balancer.host,
        ready=paths.socket,
    )


def _fingerprint_in(text: str) -> str:
    return text.split("description ", 1)[1].split("\n", 1)[0]


def _check(text: str, paths: haproxy.Paths) -> None:
    candidate = paths.config.with_name("candidate.cfg")
    files.write(candidate, text)
    try:
        run(["haproxy", "-c", "-q", "-f", str(candidate)])
    finally:
        candidate.unlink()


def _apply_weights(balancer: Balancer, paths: haproxy.Paths) -> None:
    states = haproxy_runtime.states(paths.socket)
    changed: dict[tuple[str, str], int] = {}
    for listener in balancer.listeners:
        for route in listener.routes:
            name = haproxy.backend_name(listener, route)
            for backend in (name, name + haproxy.ALL):
                for target in route.targets:
                    state = states.get((backend, target.name))
                    if state and state.weight != target.weight:
                        changed[backend, target.name] = target.weight
    haproxy_runtime.set_weights(paths.socket, changed)


def _forget_certificates(paths: haproxy.Paths, used: set[Path]) -> None:
    for path in paths.certificates.glob("*"):
        if path not in used:
            path.unlink()
