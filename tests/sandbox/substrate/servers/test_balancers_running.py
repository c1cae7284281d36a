"""A real haproxy over time: sick targets, changes under open streams, crashes."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from sandbox import layout
from sandbox.substrate.errors import SubstrateError
from sandbox.substrate.network import namespaces
from sandbox.substrate.servers import balancers, haproxy_runtime
from sandbox.substrate.supervision import processes
from tests.sandbox.substrate.reach import restart_machine
from tests.sandbox.substrate.servers import balancer_stage as stage
from tests.sandbox.substrate.servers.balancer_stage import (
    BACKENDS,
    CHECK,
    CLIENT,
    LB,
    Backend,
    answered_by,
    eventually,
    http,
    pid,
    route,
    serving,
    status,
    targets,
    tls,
)


@pytest.fixture(scope="module", autouse=True)
def cell() -> Iterator[None]:
    with stage.cell():
        yield


@pytest.fixture
def backends() -> Iterator[dict[str, Backend]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(serving(Backend(name))) for name in BACKENDS}


@pytest.fixture(autouse=True)
def no_balancer_left() -> Iterator[None]:
    yield
    balancers.remove("clb")


def test_a_sick_target_is_left_out_and_taken_back(backends: dict[str, Backend]) -> None:
    balancers.ensure(http(route(check=CHECK)))
    eventually(lambda: balancers.health("clb") == {"all": {"one": True, "two": True}}, "both are healthy")
    backends["one"].status = 500
    eventually(lambda: balancers.health("clb") == {"all": {"one": False, "two": True}}, "one is out")
    assert {answered_by() for _ in range(4)} == {"two"}
    backends["one"].status = 200
    eventually(lambda: balancers.health("clb")["all"]["one"], "one is back")


def test_a_balancer_serves_again_after_a_restart_of_the_machine() -> None:
    balancers.ensure(http(route(check=CHECK)))
    restart_machine()
    stage.stand()
    with ExitStack() as stack:
        for name in BACKENDS:
            stack.enter_context(serving(Backend(name)))
        balancers.ensure(http(route(check=CHECK)))
        eventually(lambda: balancers.health("clb") == {"all": {"one": True, "two": True}}, "both are healthy")
        assert {answered_by() for _ in range(4)} == {"one", "two"}


def test_all_targets_get_requests_when_none_is_healthy(backends: dict[str, Backend]) -> None:
    for backend in backends.values():
        backend.status = 500
    balancers.ensure(http(route(check=CHECK)))
    eventually(lambda: balancers.health("clb") == {"all": {"one": False, "two": False}}, "both are out")
    assert {answered_by() for _ in range(4)} == {"one", "two"}


def test_a_new_target_gets_nothing_before_its_first_passed_check() -> None:
    with serving(Backend("one")), serving(Backend("two", status=500)) as two:
        balancers.ensure(http(route(check=CHECK, targets=targets(one=10))))
        eventually(lambda: balancers.health("clb")["all"]["one"], "one is healthy")
        balancers.ensure(http(route(check=CHECK)))
        assert balancers.health("clb") == {"all": {"one": True, "two": False}}
        assert {answered_by() for _ in range(4)} == {"one"}
        two.status = 200
        eventually(lambda: balancers.health("clb")["all"]["two"], "two is healthy")
        assert {answered_by() for _ in range(4)} == {"one", "two"}


class Stream:
    """A client that reads a stream in its own thread."""

    def __init__(self) -> None:
        def connect() -> socket.socket:
            return socket.create_connection((str(LB), 80), timeout=20)

        self._socket = namespaces.inside(CLIENT, connect)
        self._socket.sendall(b"GET /stream HTTP/1.1\r\nHost: api.test\r\n\r\n")

    def read_until(self, mark: bytes) -> bytes:
        got = b""
        while mark not in got:
            part = self._socket.recv(4096)
            if not part:
                break
            got += part
        return got


def test_events_pass_at_once_and_a_stream_survives_draining_and_a_reload(backends: dict[str, Backend]) -> None:
    spec = http(route(targets=targets(one=10, two=0)))
    balancers.ensure(spec)
    master = pid()
    stream = Stream()
    assert b"data: first" in stream.read_until(b"first\n\n")
    balancers.ensure(http(route(targets=targets(one=0, two=10))))
    assert {answered_by() for _ in range(4)} == {"two"}
    reloaded = http(route(targets=targets(one=0, two=10)), read_timeout_s=600)
    balancers.ensure(reloaded)
    assert pid() == master
    assert {answered_by() for _ in range(4)} == {"two"}
    backends["one"].go_on.set()
    assert b"data: last" in stream.read_until(b"0\r\n\r\n")


def test_weights_alone_change_without_a_new_worker(backends: dict[str, Backend]) -> None:
    balancers.ensure(http(route(check=CHECK)))
    path = layout.STATE / "balancers" / "clb" / "admin.sock"

    def worker() -> str:
        return next(line for line in haproxy_runtime.ask(path, "show info").splitlines() if line.startswith("Pid"))

    before = worker()
    balancers.ensure(http(route(check=CHECK, targets=targets(one=0, two=10))))
    assert worker() == before
    assert {answered_by() for _ in range(4)} == {"two"}


def test_no_request_fails_while_configurations_are_taken_over(backends: dict[str, Backend]) -> None:
    spec = http(route())
    balancers.ensure(spec)
    failures: list[str] = []
    over = threading.Event()
    made = 0

    def ask() -> None:
        nonlocal made
        while not over.is_set():
            with socket.create_connection((str(LB), 80), timeout=10) as connection:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\n\r\n")
                answer = connection.recv(100)
            made += 1
            if b" 200 " not in answer:
                failures.append(repr(answer))

    client = threading.Thread(target=lambda: namespaces.inside(CLIENT, ask), daemon=True)
    client.start()
    for keepalive_s in (10, 20, 30):
        balancers.ensure(http(route(), keepalive_s=keepalive_s))
    over.set()
    client.join(10)
    assert made > 10
    assert failures == []


def test_a_bad_configuration_is_refused_and_the_old_one_goes_on(backends: dict[str, Backend]) -> None:
    balancers.ensure(http(route(targets=targets(one=1))))
    with pytest.raises(SubstrateError, match="haproxy"):
        balancers.ensure(tls("no certificate at all"))
    assert answered_by() == "one"


def test_a_balancer_comes_back_by_itself_with_what_it_had(backends: dict[str, Backend]) -> None:
    balancers.ensure(http(route(targets=targets(one=1))))
    before = pid()
    processes.reload("balancer-clb", "KILL")
    eventually(lambda: pid() not in (None, before), "the supervisor started it again")
    again = ("--retry", "20", "--retry-delay", "1", "--retry-connrefused")
    assert status(*again, "http://api.test/") == "200"


def test_a_removed_balancer_is_gone_and_may_be_removed_again() -> None:
    balancers.ensure(http(route()))
    balancers.remove("clb")
    balancers.remove("clb")
    with pytest.raises(SubstrateError, match="does not answer"):
        balancers.health("clb")
