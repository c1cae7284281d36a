"""Free certificates: the authority issues once its DNS query finds the validation record.

DNS_AUTO puts that record into the account's own zone. With DNS the caller does, then completes the order; the sandbox
also looks by itself, as the cloud does.
"""

import secrets
from typing import Any

from cryptography import x509
from tencentcloud.ssl.v20191205 import models

from sandbox.api.actions import Context, action, task
from sandbox.api.errors import ApiError
from sandbox.api.store import Doc
from sandbox.services import plane, zones
from sandbox.services.dnspod import records
from sandbox.services.params import Params, given, stamp
from sandbox.services.ssl import pem
from sandbox.services.ssl.certificates import STATUS_NAMES, base, new_id
from sandbox.services.ssl.kinds import CANCELLED, CERTIFICATE, ISSUED, PENDING, RECORD_ADDED
from sandbox.substrate.errors import SubstrateError

FREE_PACKAGE = "83"
VALIDITY_MONTHS = "3"
VALIDITY_DAYS = 90
FIRST_LOOK_S, LONGEST_PAUSE_S = 0.05, 10.0
LOOKS = 200
"""So often the authority looks for the record by itself, ever more rarely; then it waits for CompleteCertificate."""


@action
def apply_certificate(ctx: Context, request: models.ApplyCertificateRequest) -> dict[str, Any]:
    """Order a free DV certificate; its status is 0 (or 4: record added) until it is issued."""
    asked = given(request)
    domain = asked["DomainName"].lower().rstrip(".")
    _check(asked)
    with zones.changing():
        zone = records.zone_of(ctx, domain)
        if asked["DvAuthMethod"] == "DNS_AUTO" and zone is None:
            message = f"`DNS_AUTO` needs `{domain}` in a DNSPod zone of this account."
            raise ApiError("FailedOperation.InvalidParam", message)
        id = new_id()
        key = f"_dnsauth.{domain.removeprefix('*.')}"
        value = secrets.token_hex(16)
        sub = key.removesuffix(f".{zone}") if zone else key
        auth = {
            "DvAuthKey": key,
            "DvAuthValue": value,
            "DvAuthDomain": zone or domain,
            "DvAuthPath": "",
            "DvAuthSubDomain": sub,
            "DvAuthVerifyType": "TXT",
        }
        detail = {k: auth[k] for k in ("DvAuthKey", "DvAuthValue", "DvAuthDomain", "DvAuthPath")}
        doc = base(ctx, id, asked) | {
            "From": "trustasia",
            "PackageType": FREE_PACKAGE,
            "ProductZhName": "TrustAsia C1 DV Free",
            "TypeName": "TrustAsia C1 DV Free",
            "Domain": domain,
            "SubjectAltName": [domain],
            "Status": PENDING,
            "StatusName": STATUS_NAMES[PENDING],
            "VerifyType": asked["DvAuthMethod"],
            "ValidityPeriod": VALIDITY_MONTHS,
            "IsDv": True,
            "Deployable": False,
            "DvAuthDetail": detail | {"DvAuthKeySubDomain": sub, "DvAuths": [auth]},
            "_record": None,
        }
        if zone is not None and asked["DvAuthMethod"] == "DNS_AUTO":
            record = {"SubDomain": sub, "RecordType": "TXT", "RecordLine": zones.DEFAULT_LINE, "Value": value}
            doc |= {"_record": records.add(ctx, zone, Params(record | {"TTL": 600})), "Status": RECORD_ADDED}
            doc["StatusName"] = STATUS_NAMES[RECORD_ADDED]
        CERTIFICATE.create(ctx, doc)
    ctx.later(FIRST_LOOK_S, "ssl.look", {"id": id, "times": 0})
    return {"CertificateId": id}


def _check(asked: dict[str, Any]) -> None:
    method = asked["DvAuthMethod"]
    if method not in ("DNS_AUTO", "DNS"):
        given_method = "the sandbox checks domains by DNS; FILE is not provided" if method == "FILE" else "unknown"
        raise ApiError("InvalidParameterValue", f"`DvAuthMethod` {method}: {given_method}. Allowed: DNS_AUTO, DNS.")
    if asked.get("PackageType", FREE_PACKAGE) != FREE_PACKAGE:
        raise ApiError("InvalidParameterValue", f"`PackageType` is {asked['PackageType']}; allowed: {FREE_PACKAGE}.")
    if asked.get("ValidityPeriod", VALIDITY_MONTHS) != VALIDITY_MONTHS:
        message = f"`ValidityPeriod` is {asked['ValidityPeriod']}; free certificates live {VALIDITY_MONTHS} months."
        raise ApiError("InvalidParameterValue", message)
    if "*" in asked["DomainName"]:
        raise ApiError("InvalidParameterValue", f"`{asked['DomainName']}`: a free certificate is for one domain.")


@task("ssl.look")
def look(ctx: Context, payload: dict[str, Any]) -> None:
    """Issue if the record is there, else look again later."""
    doc = CERTIFICATE.find(ctx, payload["id"])
    if doc is None or doc["Status"] not in (PENDING, RECORD_ADDED):
        return
    if not try_issue(ctx, doc["CertificateId"]) and payload["times"] < LOOKS:
        again: dict[str, Any] = {"id": payload["id"], "times": payload["times"] + 1}
        pause = min(FIRST_LOOK_S * 2 ** again["times"], LONGEST_PAUSE_S)
        ctx.later(pause, "ssl.look", again)


def _proven(doc: Doc) -> tuple[bool, list[str]]:
    auth = doc["DvAuthDetail"]["DvAuths"][0]
    try:
        seen = list(plane.current().query_text(auth["DvAuthKey"]))
    except SubstrateError:
        return False, []
    return auth["DvAuthValue"] in seen, seen


def try_issue(ctx: Context, id: str) -> bool:
    """Issue the certificate if the name server answers with its validation record."""
    doc = CERTIFICATE.need(ctx, id)
    if not _proven(doc)[0]:
        return False
    chain, key = plane.current().issue_certificate([doc["Domain"]], VALIDITY_DAYS)
    leaf = x509.load_pem_x509_certificate(chain.encode())
    with ctx.store.lock:
        doc = CERTIFICATE.need(ctx, id)
        if doc["Status"] not in (PENDING, RECORD_ADDED):
            return True
        doc |= pem.facts(leaf) | {
            "Status": ISSUED,
            "StatusName": STATUS_NAMES[ISSUED],
            "CertificatePublicKey": chain,
            "CertificatePrivateKey": key,
            "ValidityPeriod": VALIDITY_MONTHS,
            "Deployable": True,
            "RenewAble": True,
        }
        CERTIFICATE.save(ctx.store, doc)
    return True


@action
def complete_certificate(ctx: Context, request: models.CompleteCertificateRequest) -> dict[str, Any]:
    """Ask the authority to look now."""
    doc = CERTIFICATE.need(ctx, request.CertificateId)
    if doc["Status"] not in (PENDING, RECORD_ADDED):
        raise ApiError("FailedOperation.CertificateStatusNotAllowed", f"The certificate's status is {doc['Status']}.")
    if not try_issue(ctx, doc["CertificateId"]):
        key = doc["DvAuthDetail"]["DvAuthKey"]
        message = f"The name server has no TXT record `{key}` with the value wanted."
        raise ApiError("FailedOperation.InvalidParam", message)
    return {"CertificateId": doc["CertificateId"]}


@action
def check_certificate_domain_verification(
    ctx: Context, request: models.CheckCertificateDomainVerificationRequest
) -> dict[str, Any]:
    """Whether the record is seen: LocalCheck 0 yes, -3 other values, -1 none; CaCheck 2 found, -1 not."""
    doc = CERTIFICATE.need(ctx, request.CertificateId)
    if doc["DvAuthDetail"] is None:
        raise ApiError("FailedOperation.InvalidParam", "An uploaded certificate has nothing to verify.")
    proven, seen = _proven(doc)
    result = {
        "Domain": doc["Domain"],
        "VerifyType": doc["VerifyType"],
        "LocalCheck": 0 if proven else -3 if seen else -1,
        "CaCheck": 2 if proven else -1,
        "CheckValue": seen,
        "Frequently": False,
        "Issued": doc["Status"] == ISSUED,
    }
    return {"VerificationResults": [result]}


@action
def cancel_certificate_order(ctx: Context, request: models.CancelCertificateOrderRequest) -> dict[str, Any]:
    """Only while it is not issued."""
    with ctx.store.lock:
        doc = CERTIFICATE.need(ctx, request.CertificateId)
        if doc["Status"] not in (PENDING, RECORD_ADDED):
            message = f"The certificate's status is {doc['Status']}: its order cannot be cancelled."
            raise ApiError("FailedOperation.CancelOrderFailed", message)
        doc |= {"Status": CANCELLED, "StatusName": STATUS_NAMES[CANCELLED], "StatusMsg": stamp(ctx)}
        CERTIFICATE.save(ctx.store, doc)
    return {"CertificateId": doc["CertificateId"]}
