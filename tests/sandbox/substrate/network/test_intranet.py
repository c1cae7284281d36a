"""What a private network offers its instances, with a stand-in for the API behind its socket."""

import json
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from ipaddress import IPv4Address, IPv4Network

import pytest

from sandbox import layout
from sandbox.substrate import authority
from sandbox.substrate.commands import run
from sandbox.substrate.network import namespaces, topology
from sandbox.substrate.specs import Host, Router, Subnet


class _Echo(BaseHTTPRequestHandler):
    """Answers with what it was asked."""

    def do_GET(self) -> None:
        body = json.dumps({"path": self.path} | {key.lower(): value for key, value in self.headers.items()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "socket"  # A unix socket's client has no address.


@pytest.fixture
def api(substrate: None) -> Iterator[None]:
    authority.ensure()
    topology.ensure_router(Router(name="i-net", region="ap-beijing"))
    topology.ensure_subnet(Subnet(name="i-a", router="i-net", cidr=IPv4Network("10.6.0.0/24")))
    topology.ensure_host(Host(name="i-1", subnet="i-a", private=IPv4Address("10.6.0.10")))
    layout.API_SOCKET.unlink(missing_ok=True)
    with socketserver.ThreadingUnixStreamServer(str(layout.API_SOCKET), _Echo) as server:
        threading.Thread(target=server.serve_forever).start()
        yield
        server.shutdown()
    layout.API_SOCKET.unlink()


def ask(url: str, *options: str) -> dict[str, str]:
    """What the API was asked when an instance fetches a URL. Names are pinned: curl asks the machine's resolver."""
    pinned = ["--connect-to", f"{url.split('/')[2]}::{layout.METADATA}:"]
    command = ["curl", "-sS", "--cacert", str(layout.CA_BUNDLE), *pinned, *options, url]
    return json.loads(namespaces.inside("i-1", lambda: run(command)))


@pytest.mark.usefixtures("api")
def test_metadata_is_asked_for_by_a_known_router_and_instance_whatever_the_asker_claims() -> None:
    claims = ("-H", "X-Sanmen-Router: other", "-H", "X-Forwarded-For: 10.0.0.99")
    asked = ask("http://metadata.tencentyun.com/latest/meta-data/", *claims)
    assert asked["path"] == "/latest/meta-data/"
    assert (asked["x-sanmen-router"], asked["x-forwarded-for"]) == ("i-net", "10.6.0.10")


@pytest.mark.usefixtures("api")
def test_the_api_answers_over_verified_tls_under_its_intranet_names() -> None:
    asked = ask("https://ssm.internal.tencentcloudapi.com/")
    assert asked["host"] == "ssm.internal.tencentcloudapi.com"
    assert asked["x-forwarded-proto"] == "https"
