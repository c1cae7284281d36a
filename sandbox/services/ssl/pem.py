"""Reading certificates as the cloud reads them at upload."""

import itertools
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtensionOID, NameOID

from sandbox.api.actions import CHINA
from sandbox.api.errors import ApiError


def chain(text: str) -> list[x509.Certificate]:
    """The certificates of a PEM text. Raises ApiError if there is none, or one cannot be read."""
    try:
        return x509.load_pem_x509_certificates(text.encode())
    except ValueError as error:
        raise ApiError("FailedOperation.CertificateInvalid", f"The certificate is not readable PEM: {error}") from error


def check_key(leaf: x509.Certificate, key_pem: str, password: str | None) -> None:
    """Raise ApiError unless the private key is readable and belongs to the certificate."""
    try:
        key = serialization.load_pem_private_key(key_pem.encode(), password.encode() if password else None)
    except (ValueError, TypeError) as error:
        raise ApiError(
            "FailedOperation.PrivateKeyCheckFailed", f"The private key is not readable PEM: {error}"
        ) from error
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    if key.public_key().public_bytes(*form) != leaf.public_key().public_bytes(*form):
        raise ApiError("FailedOperation.CertificateMismatch", "The private key does not belong to the certificate.")


def check_chain(certificates: list[x509.Certificate]) -> None:
    """Raise ApiError unless each certificate is issued by the next one."""
    for signed, signer in itertools.pairwise(certificates):
        try:
            signed.verify_directly_issued_by(signer)
        except Exception as error:  # cryptography raises several unrelated types here
            message = "The certificates are no chain: each must be issued by the next one."
            raise ApiError("FailedOperation.CertificateInvalid", message) from error


def check_current(leaf: x509.Certificate, now: datetime) -> None:
    """Raise ApiError if the certificate has expired."""
    if leaf.not_valid_after_utc <= now:
        raise ApiError(
            "FailedOperation.CertificateExpired", f"The certificate expired on {stamp(leaf.not_valid_after_utc)}."
        )


def stamp(moment: datetime) -> str:
    """A moment as the cloud writes it (UTC+8)."""
    return moment.astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S")


def names(leaf: x509.Certificate) -> list[str]:
    """The subject's alternative names, else its common name."""
    try:
        extension = leaf.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME)
        value = extension.value
        if isinstance(value, x509.SubjectAlternativeName):
            return [str(name) for name in value.get_values_for_type(x509.DNSName)]
    except x509.ExtensionNotFound:
        pass
    return [str(each.value) for each in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]


def facts(leaf: x509.Certificate) -> dict[str, Any]:
    """What a Describe answer tells of a certificate."""
    common = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    alternative = names(leaf)
    key = leaf.public_key()
    algorithm = (
        "RSA" if isinstance(key, rsa.RSAPublicKey) else "ECC" if isinstance(key, ec.EllipticCurvePublicKey) else ""
    )
    months = round((leaf.not_valid_after_utc - leaf.not_valid_before_utc).days / 30.4)
    return {
        "Domain": str(common[0].value) if common else (alternative or [""])[0],
        "SubjectAltName": alternative,
        "CertBeginTime": stamp(leaf.not_valid_before_utc),
        "CertEndTime": stamp(leaf.not_valid_after_utc),
        "ValidityPeriod": str(months),
        "EncryptAlgorithm": algorithm,
        "IsWildcard": any(name.startswith("*.") for name in alternative),
    }
