"""A balancer's surroundings: a host for it, backends that can be sick or slow, and a client."""

import json
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from sandbox import layout
from sandbox.substrate import authority
from sandbox.substrate.commands import run
from sandbox.substrate.network import namespaces, topology
from sandbox.substrate.specs import Balancer, Check, Host, Listener, Route, Router, Subnet, Target
from sandbox.substrate.supervision import processes
from sandbox.substrate.waiting import until

CLIENT = "lb-client"
LB = IPv4Address("10.5.0.10")
BACKENDS = {"one": IPv4Address("10.5.0.21"), "two": IPv4Address("10.5.0.22")}
HOSTS = {"lb-host": LB, CLIENT: IPv4Address("10.5.0.30"), **{f"lb-{name}": own for name, own in BACKENDS.items()}}
CHECK = Check(path="/healthz", host="health.test", interval_s=1, timeout_s=1, rise=2, fall=2)


@dataclass
class Backend:
    """A server on a host: says its name, can be sick, can hold a stream until it is let go."""

    name: str
    port: int = 8080
    status: int = 200
    seen: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    go_on: threading.Event = field(default_factory=threading.Event)


@contextmanager
def serving(backend: Backend) -> Generator[Backend]:
    """The backend's server, for as long as the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path == "/healthz":
                with suppress(ConnectionError):  # haproxy hangs up once it has the status.
                    self._answer(backend.status, b"")
            elif self.path == "/stream":
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                self._chunk(b"data: first\n\n")
                backend.go_on.wait(30)
                self._chunk(b"data: last\n\n")
                self._chunk(b"")
            elif self.headers.get("Upgrade") == "websocket":
                self.send_response(101)
                self.send_header("Upgrade", "websocket")
                self.send_header("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")  # RFC 6455, 1.3
                self.send_header("Connection", "Upgrade")
                self.end_headers()
                self.wfile.write(self.rfile.read(4)[::-1])
                self.close_connection = True
            else:
                backend.seen.append({name.lower(): value for name, value in self.headers.items()})
                self._answer(200, json.dumps({"backend": backend.name, "path": self.path}).encode())

        do_POST = do_GET

        def _chunk(self, data: bytes) -> None:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = namespaces.inside(f"lb-{backend.name}", lambda: ThreadingHTTPServer(("0.0.0.0", backend.port), Handler))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield backend
    finally:
        backend.go_on.set()
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def cell() -> Generator[None]:
    """A private network with a balancer's host, two backends' hosts and a client."""
    topology.start()
    processes.start()
    stand()
    yield
    for name in HOSTS:
        topology.remove_host(name)
    topology.remove_router("lb-vpc")


def stand() -> None:
    """The private network with its hosts."""
    topology.ensure_router(Router(name="lb-vpc", region="ap-beijing"))
    topology.ensure_subnet(Subnet(name="lb-net", router="lb-vpc", cidr=IPv4Network("10.5.0.0/24")))
    for name, address in HOSTS.items():
        topology.ensure_host(Host(name=name, subnet="lb-net", private=address))


def targets(**weights: int) -> tuple[Target, ...]:
    chosen = weights or {"one": 10, "two": 10}
    return tuple(Target(name=n, address=BACKENDS[n], port=8080, weight=w) for n, w in chosen.items())


def http(*routes: Route, **settings: Any) -> Balancer:
    return Balancer(
        name="clb",
        host="lb-host",
        listeners=(Listener(name="web", port=80, protocol="http", routes=routes, **settings),),
    )


def route(**settings: Any) -> Route:
    return replace(Route(name="all", domain="api.test", targets=targets()), **settings)


def curl(*arguments: str, host: str = "api.test", scheme: str = "http") -> str:
    port = 443 if scheme == "https" else 80
    resolve = f"{host}:{port}:{LB}"
    argv = ["curl", "-sS", "--max-time", "10", "--resolve", resolve, "--cacert", str(layout.CA_BUNDLE), *arguments]
    return namespaces.inside(CLIENT, lambda: run(argv))


def answered_by(path: str = "/", host: str = "api.test") -> str:
    return json.loads(curl(f"http://{host}{path}", host=host))["backend"]


def status(*arguments: str, host: str = "api.test") -> str:
    return curl("-o", "/dev/null", "-w", "%{http_code}", *arguments, host=host)


def pair(*domains: str) -> str:
    chain, key = authority.issue(domains, days=30)
    return chain + key


def pid() -> int | None:
    return next(s.pid for s in processes.statuses() if s.name == "balancer-clb")


def eventually(condition: Callable[[], bool], what: str) -> None:
    until(condition, what, 15)


def tls(*certificates: str, **settings: Any) -> Balancer:
    listener = Listener(
        name="secure", port=443, protocol="https", routes=(route(),), certificates=certificates, **settings
    )
    return Balancer(name="clb", host="lb-host", listeners=(listener,))
