"""The sandbox's certificate authority: what its clients and instances trust beside the machine's own authorities.

Made once into STATE/ca and kept for the sandbox's life.
"""

import fcntl
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID

from sandbox import layout
from sandbox.substrate import files
from sandbox.substrate.certificates import Issuer
from sandbox.substrate.errors import SubstrateError

CA_KEY = layout.CA_CERTIFICATE.with_name("ca.key")
MACHINE_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
CA_DAYS = 3650


def ensure() -> None:
    """Make the authority if it is missing, and the bundle of the machine's authorities and this one.

    A private key whose certificate is missing was left by a killed start; both are made anew.
    """
    layout.CA_CERTIFICATE.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Two starts at once must not each make an authority.
    with layout.CA_CERTIFICATE.with_name("lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (CA_KEY.exists() and layout.CA_CERTIFICATE.exists()):
            _create()
        own = layout.CA_CERTIFICATE.read_text()
        machine = MACHINE_BUNDLE.read_text() if MACHINE_BUNDLE.exists() else ""
        files.write(layout.CA_BUNDLE, f"{machine.rstrip()}\n{own}".lstrip(), mode=0o644)


def issue(domains: Sequence[str], days: int) -> tuple[str, str]:
    """A leaf certificate for domains (or IP addresses): (chain, key), both PEM.

    The first domain is the common name where it fits (64 characters). The chain is leaf, then authority.
    The caller decides who may have it, and where the key is kept (mode 600).
    Raises SubstrateError if `domains` is empty or `days` is not positive.
    """
    if not domains or days <= 0:
        raise SubstrateError(f"a certificate needs a domain and a positive number of days, given {domains!r}, {days}")
    ensure()
    authority = Issuer(layout.CA_CERTIFICATE.read_text(), CA_KEY.read_text())
    try:
        leaf, key = authority.issue(domains[0], days, names=domains)
    except SubstrateError as error:
        raise SubstrateError(f"{CA_KEY}: {error}; remove {CA_KEY.parent} to have the authority made anew") from error
    return leaf + authority.certificate, key


def read(pem: str) -> x509.Certificate:
    """The first certificate of a PEM text. Raises SubstrateError if there is none."""
    try:
        return x509.load_pem_x509_certificate(pem.encode())
    except ValueError as bad:
        raise SubstrateError(f"not a PEM certificate: {bad}") from bad


def domains_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """The domains and addresses a certificate is for, in its order; without such an extension its common name."""
    common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return alternative_names(certificate) or tuple(str(attribute.value) for attribute in common)


def alternative_names(certificate: x509.Certificate) -> tuple[str, ...]:
    """The domains and addresses in a certificate's extension for them, in its order."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(str(name.value) for name in names)


def matches(chain_pem: str, key_pem: str) -> bool:
    """Whether a private key (PEM, not encrypted) belongs to a certificate. False for what is no key."""
    try:
        key = serialization.load_pem_private_key(key_pem.encode(), password=None)
    except (ValueError, TypeError):
        return False
    spki = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return key.public_key().public_bytes(*spki) == read(chain_pem).public_key().public_bytes(*spki)


def _create() -> None:
    authority = Issuer.create("Sanmen sandbox CA", CA_DAYS)
    # The certificate comes last: it is what says that the authority is whole.
    files.write(CA_KEY, authority.key)
    files.write(layout.CA_CERTIFICATE, authority.certificate, mode=0o644)
