import stat
import subprocess
from pathlib import Path

import pytest

from sandbox import layout
from sandbox.substrate import authority
from sandbox.substrate.errors import SubstrateError


def test_the_authority_is_made_once_and_its_key_is_its_owners_alone() -> None:
    authority.ensure()
    before = layout.CA_CERTIFICATE.read_bytes()
    authority.ensure()
    assert layout.CA_CERTIFICATE.read_bytes() == before
    assert stat.S_IMODE(authority.CA_KEY.stat().st_mode) == 0o600


def test_the_bundle_has_the_machines_authorities_and_this_one() -> None:
    authority.ensure()
    bundle = layout.CA_BUNDLE.read_text()
    assert bundle.endswith(layout.CA_CERTIFICATE.read_text())
    assert bundle.count("BEGIN CERTIFICATE") == authority.MACHINE_BUNDLE.read_text().count("BEGIN CERTIFICATE") + 1


def test_openssl_accepts_an_issued_certificate_for_its_names_alone(tmp_path: Path) -> None:
    chain, _ = authority.issue(["api.example.test", "*.example.test", "10.0.0.7"], days=90)
    leaf = tmp_path / "leaf.pem"
    leaf.write_text(chain)

    def verified(*options: str) -> bool:
        argv = [
            "openssl",
            "verify",
            "-CAfile",
            str(layout.CA_CERTIFICATE),
            "-purpose",
            "sslserver",
            *options,
            str(leaf),
        ]
        return subprocess.run(argv, capture_output=True, check=False).returncode == 0

    assert verified("-verify_hostname", "api.example.test")
    assert verified("-verify_hostname", "x.example.test")
    assert verified("-verify_ip", "10.0.0.7")
    assert not verified("-verify_hostname", "other.test")


def test_a_certificate_tells_its_domains_and_lasts_the_days_asked_for() -> None:
    chain, _ = authority.issue(["a.test", "b.test"], days=90)
    certificate = authority.read(chain)
    assert authority.domains_of(certificate) == ("a.test", "b.test")
    assert 89 <= (certificate.not_valid_after_utc - certificate.not_valid_before_utc).days <= 91
    assert chain.count("BEGIN CERTIFICATE") == 2


def test_a_key_is_matched_with_its_certificate() -> None:
    chain, key = authority.issue(["a.test"], days=1)
    _, other = authority.issue(["a.test"], days=1)
    assert authority.matches(chain, key)
    assert not authority.matches(chain, other)
    assert not authority.matches(chain, "no key")


def test_a_domain_too_long_for_a_common_name_is_still_certified() -> None:
    domain = "a" * 60 + ".example.test"
    chain, _ = authority.issue([domain], days=1)
    assert authority.domains_of(authority.read(chain)) == (domain,)


@pytest.mark.parametrize(("domains", "days"), [([], 1), (["a.test"], 0)])
def test_nothing_is_issued_for_no_domain_or_no_time(domains: list[str], days: int) -> None:
    with pytest.raises(SubstrateError, match="a certificate needs a domain"):
        authority.issue(domains, days)


def test_what_is_no_certificate_is_refused() -> None:
    with pytest.raises(SubstrateError, match="not a PEM certificate"):
        authority.read("hello")
