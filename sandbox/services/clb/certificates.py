"""Certificates of listeners and of SNI domains."""

from typing import Any

from sandbox.api.actions import Context
from sandbox.api.errors import ApiError
from sandbox.api.store import Store
from sandbox.services.clb.kinds import LISTENER, RULE
from sandbox.services.ssl.kinds import CERTIFICATE, ISSUED, USERS


def settle(ctx: Context, asked: dict[str, Any]) -> dict[str, Any] | None:
    """models.CertificateOutput of what `Certificate` or `MultiCertInfo` ask; None if they ask nothing.

    Raises ApiError: unknown, not issued or wrong-typed certificates, a missing CA with MUTUAL.
    """
    several = asked.get("MultiCertInfo")
    if several:
        ids = [each["CertId"] for each in several["CertList"]]
        if not 1 <= len(ids) <= 2:
            message = f"`MultiCertInfo` has {len(ids)} certificates; allowed: one of each algorithm."
            raise ApiError("InvalidParameterValue", message)
        for id in ids:
            _need(ctx, id, "SVR")
        return _answer(several["SSLMode"], ids[0], "", ids[1:])
    one = asked.get("Certificate")
    if not one:
        return None
    mode = one.get("SSLMode", "UNIDIRECTIONAL")
    if mode not in ("UNIDIRECTIONAL", "MUTUAL"):
        raise ApiError("InvalidParameterValue", f"`SSLMode` is `{mode}`; allowed: UNIDIRECTIONAL, MUTUAL.")
    if not one.get("CertId"):
        raise ApiError(
            "MissingParameter", "`Certificate.CertId` is needed; upload the certificate with the SSL service."
        )
    _need(ctx, one["CertId"], "SVR")
    if mode == "MUTUAL":
        if not one.get("CertCaId"):
            raise ApiError("MissingParameter", "`SSLMode` MUTUAL needs `CertCaId`.")
        _need(ctx, one["CertCaId"], "CA")
    return _answer(mode, one["CertId"], one.get("CertCaId", ""), [])


def _answer(mode: str, id: str, ca_id: str, more: list[str]) -> dict[str, Any]:
    verify = "ON" if mode == "MUTUAL" else "OFF"
    return {"SSLMode": mode, "SSLVerifyClient": verify, "CertId": id, "CertCaId": ca_id, "ExtCertIds": more}


def _need(ctx: Context, id: str, kind: str) -> None:
    doc = CERTIFICATE.anywhere(ctx.store, id)
    if doc is None:
        raise ApiError("InvalidParameterValue", f"The certificate `{id}` does not exist.")
    if doc["CertificateType"] != kind:
        message = f"The certificate `{id}` is of type {doc['CertificateType']}; {kind} is needed."
        raise ApiError("InvalidParameterValue", message)
    if doc["Status"] != ISSUED:
        message = f"The certificate `{id}` is not issued (status {doc['Status']}, {doc['StatusName']})."
        raise ApiError("InvalidParameterValue", message)


def _users(store: Store, certificate_id: str) -> list[str]:
    """The load balancers, in every region, whose listeners or rules use a certificate."""
    found: set[str] = set()
    for doc in (*LISTENER.all(store), *RULE.all(store)):
        certificate: dict[str, Any] = doc.get("Certificate") or {}
        more: list[str] = certificate.get("ExtCertIds") or []
        if certificate_id in (certificate.get("CertId"), certificate.get("CertCaId"), *more):
            found.add(doc["_lb"])
    return sorted(found)


USERS.append(_users)
