"""An issuer of X.509 certificates, and what it issues. EC P-256, as public authorities issue today."""

import datetime as dt
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sandbox.substrate.errors import SubstrateError

CLOCK_SKEW = dt.timedelta(minutes=5)
COMMON_NAME_LIMIT = 64
"""Source: RFC 5280, ub-common-name."""


def new_key() -> str:
    """A private key, PEM."""
    return _key_pem(ec.generate_private_key(ec.SECP256R1()))


def public_key(key_pem: str) -> str:
    """The public part of a private key, PEM."""
    spki = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return _read_key(key_pem).public_key().public_bytes(*spki).decode()


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _read_key(pem: str) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise SubstrateError("not the private key of an elliptic curve")
    return key


@dataclass(frozen=True)
class Issuer:
    """An authority: its certificate and its private key, both PEM."""

    certificate: str
    key: str

    @classmethod
    def create(cls, common_name: str, days: int) -> Self:
        """A new one, signed by itself."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        certificate = (
            _builder(name, name, key.public_key(), days)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .sign(key, hashes.SHA256())
        )
        return cls(_pem(certificate), _key_pem(key))

    def issue(
        self, common_name: str, days: int, *, names: Sequence[str] = (), groups: Sequence[str] = (), key: str = ""
    ) -> tuple[str, str]:
        """A leaf certificate for clients and servers: (certificate, key), both PEM.

        common_name: left out where it does not fit (64 characters). names: the domains and addresses of a server.
        groups: its organizations. key: the private key to use, PEM; without one, a new one.
        """
        signer = _read_key(self.key)
        own = _read_key(key) if key else ec.generate_private_key(ec.SECP256R1())
        subject = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
        if len(common_name) <= COMMON_NAME_LIMIT:
            subject.append(x509.NameAttribute(NameOID.COMMON_NAME, common_name))
        issuer = x509.load_pem_x509_certificate(self.certificate.encode()).subject
        usage = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = _builder(x509.Name(subject), issuer, own.public_key(), days)
        if names:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_name(name) for name in names]), critical=False
            )
        leaf = (
            builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usage), critical=False)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
            .sign(signer, hashes.SHA256())
        )
        return _pem(leaf), _key_pem(own)


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
