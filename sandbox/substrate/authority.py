"""The sandbox's certificate authority: what its clients and instances trust beside the machine's own authorities.

Made once into STATE/ca and kept for the sandbox's life. EC P-256, as public authorities issue today.
"""

import datetime as dt
import fcntl
import ipaddress
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sandbox import layout
from sandbox.substrate import files
from sandbox.substrate.errors import SubstrateError

CA_KEY = layout.CA_CERTIFICATE.with_name("ca.key")
MACHINE_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
CA_DAYS = 3650
CLOCK_SKEW = dt.timedelta(minutes=5)


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
    authority = x509.load_pem_x509_certificate(layout.CA_CERTIFICATE.read_bytes())
    signer = serialization.load_pem_private_key(CA_KEY.read_bytes(), password=None)
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        raise SubstrateError(f"{CA_KEY} holds no EC key: remove {CA_KEY.parent} to have the authority made anew")
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, domains[0])]
        if len(domains[0]) <= 64
        else []  # RFC 5280, ub-common-name
    )
    usage = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    leaf = (
        _builder(subject, authority.subject, key.public_key(), days)
        .add_extension(x509.SubjectAlternativeName([_name(domain) for domain in domains]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usage), critical=False)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .sign(signer, hashes.SHA256())
    )
    return _pem(leaf) + _pem(authority), _key_pem(key)


def read(pem: str) -> x509.Certificate:
    """The first certificate of a PEM text. Raises SubstrateError if there is none."""
    try:
        return x509.load_pem_x509_certificate(pem.encode())
    except ValueError as bad:
        raise SubstrateError(f"not a PEM certificate: {bad}") from bad


def domains_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """The domains and addresses a certificate is for, in its order; without such an extension its common name."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return tuple(str(attribute.value) for attribute in common)
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
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Sanmen sandbox CA")])
    certificate = (
        _builder(name, name, key.public_key(), CA_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    # The certificate comes last: it is what says that the authority is whole.
    files.write(CA_KEY, _key_pem(key))
    files.write(layout.CA_CERTIFICATE, _pem(certificate), mode=0o644)


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _name(domain: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(domain))
    except ValueError:
        return x509.DNSName(domain)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
