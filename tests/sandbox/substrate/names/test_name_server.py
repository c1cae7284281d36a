"""A real gdnsd on the internet of the test's own, asked with dig by resolvers near and far."""

import http.server
import ssl
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest

from sandbox import layout
from sandbox.substrate import authority
from sandbox.substrate.commands import run
from sandbox.substrate.errors import SubstrateError
from sandbox.substrate.names import name_server
from sandbox.substrate.network import namespaces, topology
from sandbox.substrate.specs import Failover, Host, Probe, Record, Zone
from sandbox.substrate.supervision import processes
from sandbox.substrate.waiting import until
from tests.sandbox.substrate.reach import restart_machine

BEIJING = layout.REGIONS["ap-beijing"]
ASKERS = {"dns-asker-bj": BEIJING.clients[40], "dns-asker-any": layout.ANYWHERE_CLIENTS[40]}
TARGETS = {"dns-target-a": layout.CORE_RANGE[90], "dns-target-b": layout.CORE_RANGE[91]}
BALANCERS = Zone(
    domain="clb.test",
    records=tuple(Record(name=n[-1], type="A", value=str(own), ttl_s=60) for n, own in TARGETS.items()),
)


@pytest.fixture(scope="module", autouse=True)
def internet() -> Iterator[None]:
    topology.start()
    processes.start()
    stand()
    yield
    for name in ASKERS | TARGETS:
        topology.remove_host(name)


def stand() -> None:
    for name, address in (ASKERS | TARGETS).items():
        topology.ensure_host(Host(name=name, public=address, internet=True))
    name_server.start()


def dig(*question: str, asker: str = "dns-asker-any") -> list[str]:
    argv = ["dig", f"@{layout.NAME_SERVER}", "+short", "+time=1", "+tries=3", "+norecurse", *question]
    told = namespaces.inside(asker, lambda: run(argv)).splitlines()
    return [line for line in told if not line.startswith(";")]  # tries without an answer


def record(name: str, value: str, **settings: Any) -> Record:
    return replace(Record(name=name, type="A", value=value), **settings)


def served(*records: Record) -> None:
    name_server.apply([Zone(domain="example.test", records=records)])


def serial() -> int:
    return int(dig("example.test", "SOA")[0].split()[2])


def test_plain_records_are_answered_over_udp_and_tcp_with_their_ttl() -> None:
    served(
        record("@", "192.0.2.1", ttl_s=120),
        record("www", "api.example.test", type="CNAME"),
        record("_dnsauth", 'a "quoted" \\ token', type="TXT"),
        record("@", "10 mail.other.test.", type="MX"),
        record("*.wild", "192.0.2.2"),
    )
    assert dig("example.test") == ["192.0.2.1"]
    assert dig("+tcp", "example.test") == ["192.0.2.1"]
    assert dig("www.example.test", "CNAME") == ["api.example.test."]
    assert dig("_dnsauth.example.test", "TXT") == ['"a \\"quoted\\" \\\\ token"']
    assert dig("example.test", "MX") == ["10 mail.other.test."]
    assert dig("any.wild.example.test") == ["192.0.2.2"]
    assert dig("+noshort", "+noall", "+answer", "example.test")[0].split()[1] == "120"
    assert dig("example.test", "NS") == ["ns1.sandbox-dns.test."]
    assert dig("ns1.sandbox-dns.test") == [str(layout.NAME_SERVER)]


def test_a_changed_zone_has_a_new_serial_and_an_unchanged_one_has_not() -> None:
    served(record("a", "192.0.2.1"))
    before = serial()
    served(record("a", "192.0.2.1"))
    assert serial() == before
    served(record("a", "192.0.2.2"))
    assert serial() == before + 1
    assert dig("a.example.test") == ["192.0.2.2"]


def test_zones_are_served_again_after_a_restart_of_the_machine() -> None:
    served(record("kept", "192.0.2.1"))
    restart_machine()
    stand()
    assert dig("kept.example.test") == ["192.0.2.1"]
    served(record("kept", "192.0.2.1"), record("new", "192.0.2.2"))
    assert dig("new.example.test") == ["192.0.2.2"]


def test_an_answer_depends_on_the_resolvers_range_and_on_the_client_subnet_it_tells() -> None:
    near = record("api", "192.0.2.1", lines=(BEIJING.clients,), ttl_s=60)
    served(near, record("api", "192.0.2.2", ttl_s=60), record("only", "192.0.2.3", lines=(BEIJING.clients,)))
    assert dig("api.example.test", asker="dns-asker-bj") == ["192.0.2.1"]
    assert dig("api.example.test") == ["192.0.2.2"]
    assert dig(f"+subnet={BEIJING.clients}", "api.example.test") == ["192.0.2.1"]
    assert dig("only.example.test", asker="dns-asker-bj") == ["192.0.2.3"]
    assert dig("only.example.test") == []


def test_lines_may_be_names_and_several_addresses_come_together() -> None:
    served(
        record("api", "near.clb.test", type="CNAME", lines=(BEIJING.clients,)),
        record("api", "far.clb.test", type="CNAME"),
        record("pair", "192.0.2.1"),
        record("pair", "192.0.2.2"),
        record("pair", "192.0.2.3", lines=(BEIJING.clients,)),
    )
    assert dig("api.example.test", asker="dns-asker-bj") == ["near.clb.test."]
    assert dig("api.example.test") == ["far.clb.test."]
    assert sorted(dig("pair.example.test")) == ["192.0.2.1", "192.0.2.2"]
    assert dig("pair.example.test", asker="dns-asker-bj") == ["192.0.2.3"]


def test_weights_decide_how_often_a_record_is_the_answer() -> None:
    served(record("w", "192.0.2.1", weight=90), record("w", "192.0.2.2", weight=10), record("w", "192.0.2.3", weight=0))
    answers = [answer for _ in range(10) for answer in dig(*["w.example.test"] * 20)]
    assert len(answers) == 200
    assert set(answers) == {"192.0.2.1", "192.0.2.2"}
    assert answers.count("192.0.2.1") > 140


def test_a_bad_set_is_refused_and_what_was_served_stays() -> None:
    served(record("a", "192.0.2.1"))
    with pytest.raises(SubstrateError, match="gdnsd"):
        served(record("a", "not an address"))
    with pytest.raises(SubstrateError, match="lies inside zone"):
        name_server.apply([Zone(domain="example.test"), Zone(domain="sub.example.test")])
    with pytest.raises(SubstrateError, match="TXT"):
        served(record("t", "x", type="TXT", weight=1))
    assert dig("a.example.test") == ["192.0.2.1"]


def test_no_query_is_lost_while_zones_and_configuration_change() -> None:
    served(record("a", "192.0.2.1"))
    over = threading.Event()
    answers: list[list[str]] = []

    def ask() -> None:
        argv = ["dig", f"@{layout.NAME_SERVER}", "+short", "+time=1", "+tries=1", *["a.example.test"] * 5]
        while not over.is_set():
            answers.append(run(argv).splitlines())

    client = threading.Thread(target=lambda: namespaces.inside("dns-asker-any", ask), daemon=True)
    client.start()
    for number in range(3):
        served(record("a", "192.0.2.1"), record("b", f"192.0.2.{number}", lines=(BEIJING.clients,)))
        served(record("a", "192.0.2.1"), record("b", f"192.0.2.{number}"))
    over.set()
    client.join(20)
    assert len(answers) > 3
    assert all(answer == ["192.0.2.1"] * 5 for answer in answers)


class Target:
    """A web server with TLS on a target's host; says which names were asked for by SNI and Host."""

    def __init__(self) -> None:
        self.status = 200
        self.named: set[str | None] = set()
        self.asked: set[tuple[str | None, str]] = set()


@contextmanager
def serving(host: str, certificate: Path) -> Generator[Target]:
    target = Target()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            target.asked.add((self.headers.get("Host"), self.path))
            self.send_response(target.status)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def note(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        target.named.add(name)

    context.sni_callback = note
    server = namespaces.inside(host, lambda: http.server.ThreadingHTTPServer(("0.0.0.0", 443), Handler))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield target
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    chain, key = authority.issue(["api.example.test"], days=1)
    path = tmp_path / "server.pem"
    path.write_text(chain + key)
    return path


PROBE = Probe(host="api.example.test", path="/readyz", interval_s=0.3, timeout_s=0.25, fall=2)
FAILOVER = Failover(
    name="api",
    pools={"a": ("a.clb.test",), "b": ("b.clb.test",)},
    default=("a", "b"),
    order={BEIJING.clients: ("b", "a")},
    probe=PROBE,
    ttl_s=60,
)


def both(a: bool, b: bool) -> bool:
    return name_server.states().get("api.example.test") == {"a.clb.test": a, "b.clb.test": b}


def answers_become(far: str, near: str) -> None:
    def reached() -> bool:
        return dig("api.example.test") == [far] and dig("api.example.test", asker="dns-asker-bj") == [near]

    until(reached, f"{far} for far, {near} for near resolvers", 10)


def test_a_name_follows_the_living_targets_by_the_resolvers_order(certificate: Path) -> None:
    zone = Zone(domain="example.test", failovers=(FAILOVER,))
    with serving("dns-target-a", certificate) as a, serving("dns-target-b", certificate) as b:
        name_server.apply([BALANCERS, zone])
        answers_become(far="a.clb.test.", near="b.clb.test.")
        until(lambda: len(a.asked) > 0 and len(b.asked) > 0, "both are probed")
        assert a.named == {"api.example.test"}
        assert a.asked == {("api.example.test", "/readyz")}
        a.status = 503
        until(lambda: both(False, True), "a is down")
        answers_become(far="b.clb.test.", near="b.clb.test.")
        # Zones that change meanwhile do not bring it back.
        name_server.apply([BALANCERS, replace(zone, records=(record("x", "192.0.2.1"),))])
        assert both(False, True)
        assert dig("api.example.test") == ["b.clb.test."]
        a.status = 200
        until(lambda: both(True, True), "a is up")
        answers_become(far="a.clb.test.", near="b.clb.test.")


def test_the_last_pool_of_the_order_answers_when_no_target_lives() -> None:
    name_server.apply([BALANCERS, Zone(domain="example.test", failovers=(FAILOVER,))])
    until(lambda: both(False, False), "both are down")
    answers_become(far="b.clb.test.", near="a.clb.test.")


def test_pools_of_addresses_lose_their_dead_members_only() -> None:
    alive, dead = (str(address) for address in TARGETS.values())
    pools = {"all": (alive, dead), "spare": ("192.0.2.9",)}
    failover = Failover(
        name="@", pools=pools, default=("all", "spare"), probe=replace(PROBE, protocol="tcp", port=8053)
    )
    server = namespaces.inside(
        "dns-target-a", lambda: http.server.ThreadingHTTPServer(("0.0.0.0", 8053), http.server.BaseHTTPRequestHandler)
    )
    try:
        name_server.apply([Zone(domain="example.test", failovers=(failover,))])
        until(lambda: dig("example.test") == [alive], "the dead address is left out", 10)
    finally:
        server.server_close()
    until(lambda: dig("example.test") == ["192.0.2.9"], "the spare answers", 10)


def test_an_order_that_names_an_unknown_pool_is_refused() -> None:
    with pytest.raises(SubstrateError, match=r"api\.example\.test"):
        name_server.apply([Zone(domain="example.test", failovers=(replace(FAILOVER, default=("c",)),))])


def test_the_name_server_comes_back_by_itself_with_its_zones() -> None:
    served(record("a", "192.0.2.1"))

    def pid() -> int | None:
        return next(status.pid for status in processes.statuses() if status.name == name_server.SERVER)

    until(lambda: pid() is not None, "it is supervised")
    before = pid()
    processes.reload(name_server.SERVER, "KILL")
    until(lambda: pid() not in (None, before), "it was started again")
    assert dig("+tries=10", "a.example.test") == ["192.0.2.1"]


def test_ranges_of_two_lines_must_differ() -> None:
    with pytest.raises(SubstrateError, match="belongs to two lines"):
        served(
            record("a", "192.0.2.1", lines=(BEIJING.clients,)),
            record("a", "192.0.2.2", lines=(BEIJING.clients, IPv4Network("10.0.0.0/8"))),
        )
