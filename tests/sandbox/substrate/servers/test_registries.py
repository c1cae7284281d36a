"""A real registry, asked over TLS with the sandbox's authority alone."""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from sandbox import layout
from sandbox.substrate import authority
from sandbox.substrate.commands import run
from sandbox.substrate.errors import SubstrateError
from sandbox.substrate.network import namespaces, topology
from sandbox.substrate.servers import registries
from sandbox.substrate.specs import Host, Registry, Router, Subnet
from sandbox.substrate.supervision import processes

ADDRESS = IPv4Address("10.8.0.10")
DOMAIN = "team.tencentcloudcr.test"


@pytest.fixture(scope="module")
def spec() -> Registry:
    chain, key = authority.issue([DOMAIN], days=30)
    return Registry(
        name="tcr",
        host="registry-host",
        domain=DOMAIN,
        certificate=chain + key,
        users={"robot": "pass word", "tcr$pull": "pass-word"},
    )


@pytest.fixture(scope="module", autouse=True)
def cell() -> Iterator[None]:
    topology.start()
    processes.start()
    topology.ensure_router(Router(name="registry-vpc", region="ap-guangzhou"))
    topology.ensure_subnet(Subnet(name="registry-net", router="registry-vpc", cidr=IPv4Network("10.8.0.0/24")))
    for name, address in {"registry-host": ADDRESS, "registry-client": IPv4Address("10.8.0.20")}.items():
        topology.ensure_host(Host(name=name, subnet="registry-net", private=address))
    yield
    registries.remove("tcr")
    for name in ("registry-host", "registry-client"):
        topology.remove_host(name)
    topology.remove_router("registry-vpc")


def status(*options: str, path: str = "/v2/") -> str:
    argv = ["curl", "-sS", "--max-time", "10", "--cacert", str(layout.CA_CERTIFICATE), "-o", "/dev/null"]
    argv += ["-w", "%{http_code}", "--resolve", f"{DOMAIN}:443:{ADDRESS}", *options, f"https://{DOMAIN}{path}"]
    return namespaces.inside("registry-client", lambda: run(argv))


def test_users_get_in_with_their_passwords_and_nobody_else(spec: Registry) -> None:
    registries.ensure(spec)
    assert status() == "401"
    assert status("-u", "robot:wrong") == "401"
    assert status("-u", "robot:pass word") == "200"
    assert status("-u", "tcr$pull:pass-word") == "200", "a service account's name has a $ in it"


def test_an_image_that_was_pushed_can_be_pulled(spec: Registry, tmp_path: Path) -> None:
    registries.ensure(spec)
    digest = "sha256:" + subprocess.check_output(["sha256sum"], input=b"layer").decode().split()[0]
    headers = tmp_path / "headers"
    user = ("-u", "robot:pass word")
    assert status(*user, "-X", "POST", "-D", str(headers), path="/v2/team/app/blobs/uploads/") == "202"
    lines = dict(line.split(": ", 1) for line in headers.read_text().splitlines() if ": " in line)
    location = next(value for name, value in lines.items() if name.lower() == "location")
    assert location.startswith(f"https://{DOMAIN}/")
    upload = location.removeprefix(f"https://{DOMAIN}") + f"&digest={digest}"
    binary = ("-H", "Content-Type: application/octet-stream", "--data-binary", "layer")
    assert status(*user, "-X", "PUT", *binary, path=upload) == "201"
    assert status(*user, path=f"/v2/team/app/blobs/{digest}") == "200"


def test_nothing_restarts_it_without_need_and_a_new_user_does(spec: Registry) -> None:
    def pid() -> int | None:
        return next(state.pid for state in processes.statuses() if state.name == "registry-tcr")

    registries.ensure(spec)
    before = pid()
    registries.ensure(spec)
    assert pid() == before
    registries.ensure(replace(spec, users={"second": "other"}))
    assert status("-u", "second:other") == "200"
    assert status("-u", "robot:pass word") == "401"


def test_no_password_is_kept_and_the_key_is_for_its_owner(spec: Registry) -> None:
    registries.ensure(spec)
    directory = layout.STATE / "registries" / "tcr"
    assert "pass word" not in (directory / "htpasswd").read_text()
    assert (directory / "tls.pem").stat().st_mode & 0o077 == 0


def test_a_certificate_for_another_domain_or_without_its_key_is_refused(spec: Registry) -> None:
    with pytest.raises(SubstrateError, match=r"not for 'other\.test'"):
        registries.ensure(replace(spec, domain="other.test"))
    chain, _ = authority.issue([DOMAIN], days=1)
    with pytest.raises(SubstrateError, match="private key"):
        registries.ensure(replace(spec, certificate=chain))
