"""Uploading, describing and deleting certificates."""

import base64
import hashlib
import io
import secrets
import zipfile
from typing import Any

from tencentcloud.ssl.v20191205 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.paging import page
from sandbox.api.store import Doc
from sandbox.services.params import check_name, check_one_of, given, public, stamp
from sandbox.services.ssl import pem
from sandbox.services.ssl.kinds import CERTIFICATE, ISSUED, PENDING, RECORD_ADDED, USERS

STATUS_NAMES = {0: "Pending", 1: "Issued", 2: "Rejected", 3: "Expired", 4: "DNS record added", 7: "Cancelled"}
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def new_id() -> str:
    """Eight letters and digits, without a prefix."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(8))


def base(ctx: Context, id: str, asked: dict[str, Any]) -> Doc:
    """A certificate's document before anything is known of what it holds."""
    return {
        "CertificateId": id,
        "OwnerUin": ctx.account.uin,
        "ProjectId": str(asked.get("ProjectId", 0)),
        "From": "upload",
        "CertificateType": "SVR",
        "PackageType": "0",
        "ProductZhName": "",
        "TypeName": "",
        "Domain": "",
        "Alias": asked.get("Alias", ""),
        "Status": ISSUED,
        "StatusName": STATUS_NAMES[ISSUED],
        "StatusMsg": "",
        "VerifyType": "",
        "VulnerabilityStatus": "INACTIVE",
        "VulnerabilityReport": None,
        "CertBeginTime": "",
        "CertEndTime": "",
        "ValidityPeriod": "",
        "InsertTime": stamp(ctx),
        "OrderId": "",
        "CertificatePublicKey": "",
        "CertificatePrivateKey": "",
        "CertFingerprint": "",
        "DvAuthDetail": None,
        "SubjectAltName": [],
        "IsVip": False,
        "IsWildcard": False,
        "IsDv": False,
        "IsVulnerability": False,
        "RenewAble": False,
        "Deployable": True,
        "Tags": asked.get("Tags", []),
        "EncryptAlgorithm": "",
    }


@action
def upload_certificate(ctx: Context, request: models.UploadCertificateRequest) -> dict[str, Any]:
    """A server certificate with its chain and key (SVR), or a client authority's (CA)."""
    asked = given(request)
    kind = asked.get("CertificateType", "SVR")
    check_one_of("CertificateType", kind, ("SVR", "CA"))
    chain = pem.chain(asked["CertificatePublicKey"])
    pem.check_current(chain[0], ctx.now())
    if kind == "SVR":
        if not asked.get("CertificatePrivateKey"):
            raise ApiError(
                "FailedOperation.CertificateInvalid", "A certificate of type SVR needs `CertificatePrivateKey`."
            )
        pem.check_chain(chain)
        pem.check_key(chain[0], asked["CertificatePrivateKey"], asked.get("KeyPassword"))
    with ctx.store.lock:
        same = _same(ctx, asked["CertificatePublicKey"]) if asked.get("Repeatable") is False else None
        if same is not None:
            return {"CertificateId": same["CertificateId"], "RepeatCertId": same["CertificateId"]}
        id = new_id()
        doc = base(ctx, id, asked) | pem.facts(chain[0])
        doc |= {
            "CertificateType": kind,
            "ProductZhName": "第三方证书",
            "CertificatePublicKey": asked["CertificatePublicKey"],
            "CertificatePrivateKey": asked.get("CertificatePrivateKey", ""),
            "CertFingerprint": _fingerprint(asked["CertificatePublicKey"]),
        }
        CERTIFICATE.create(ctx, doc)
    return {"CertificateId": id, "RepeatCertId": ""}


def _fingerprint(public_key: str) -> str:
    return hashlib.sha256(public_key.strip().encode()).hexdigest()


def _same(ctx: Context, public_key: str) -> Doc | None:
    wanted = _fingerprint(public_key)
    return next((doc for doc in CERTIFICATE.list(ctx) if doc["CertFingerprint"] == wanted), None)


@action
def describe_certificate_detail(ctx: Context, request: models.DescribeCertificateDetailRequest) -> dict[str, Any]:
    """With the certificate and its key."""
    doc = public(CERTIFICATE.need(ctx, request.CertificateId))
    chain = [
        part + "-----END CERTIFICATE-----" for part in doc["CertificatePublicKey"].split("-----END CERTIFICATE-----")
    ]
    roots = {"Standard": chain[-2].strip() if len(chain) > 2 else ""}
    return doc | {"RootCert": roots}


_SECRET = ("CertificatePrivateKey", "CertificatePublicKey", "CertFingerprint")


def _listed(doc: Doc) -> Doc:
    return {key: value for key, value in public(doc).items() if key not in _SECRET}


@action
def describe_certificate(ctx: Context, request: models.DescribeCertificateRequest) -> dict[str, Any]:
    """Without the certificate and its key."""
    doc = _listed(CERTIFICATE.need(ctx, request.CertificateId))
    return {key: value for key, value in doc.items() if key not in ("TypeName", "EncryptAlgorithm")}


@action
def describe_certificates(ctx: Context, request: models.DescribeCertificatesRequest) -> dict[str, Any]:
    """By type, status, id, or a word in id, alias or domain; newest first."""
    asked = given(request)
    word = asked.get("SearchKey", "")
    docs = [
        doc
        for doc in reversed(CERTIFICATE.list(ctx))
        if doc["CertificateType"] == asked.get("CertificateType", doc["CertificateType"])
        and doc["Status"] in asked.get("CertificateStatus", [doc["Status"]])
        and doc["CertificateId"] in asked.get("CertIds", [doc["CertificateId"]])
        and doc["ProjectId"] == str(asked.get("ProjectId", doc["ProjectId"]))
        and any(word in text for text in (doc["CertificateId"], doc["Alias"], doc["Domain"], *doc["SubjectAltName"]))
    ]
    found = page(docs, request.Offset, request.Limit, default=20, maximum=1000)
    return {"TotalCount": len(docs), "Certificates": [_row(doc) for doc in found]}


def _row(doc: Doc) -> dict[str, Any]:
    """models.Certificates of a certificate."""
    hidden = ("TypeName", "OrderId", "DvAuthDetail", "VulnerabilityReport")
    issued = doc["Status"] == ISSUED
    return {key: value for key, value in _listed(doc).items() if key not in hidden} | {
        "CertSANs": doc["SubjectAltName"],
        "AllowDownload": issued,
        "SupportDownloadType": {"NGINX": issued},
        "ProjectInfo": {"ProjectId": doc["ProjectId"]},
        "CertificateExtra": {"DomainNumber": str(len(doc["SubjectAltName"]))},
        "PreAuditInfo": {},
    }


@action
def modify_certificate_alias(ctx: Context, request: models.ModifyCertificateAliasRequest) -> dict[str, Any]:
    """Another alias."""
    check_name("Alias", request.Alias or "", 200, 0)
    with ctx.store.lock:
        doc = CERTIFICATE.need(ctx, request.CertificateId)
        CERTIFICATE.save(ctx.store, doc | {"Alias": request.Alias or ""})
    return {"CertificateId": request.CertificateId}


@action
def modify_certificate_project(ctx: Context, request: models.ModifyCertificateProjectRequest) -> dict[str, Any]:
    """Another project; it only reads back."""
    asked = given(request)
    with ctx.store.lock:
        for id in asked["CertificateIdList"]:
            doc = CERTIFICATE.need(ctx, id)
            CERTIFICATE.save(ctx.store, doc | {"ProjectId": str(asked["ProjectId"])})
    return {"SuccessCertificates": asked["CertificateIdList"], "FailCertificates": []}


@action
def delete_certificate(ctx: Context, request: models.DeleteCertificateRequest) -> dict[str, Any]:
    """Refused while a load balancer uses it, or while it is being issued."""
    with ctx.store.lock:
        doc = CERTIFICATE.need(ctx, request.CertificateId)
        users = [user for users in USERS for user in users(ctx.store, doc["CertificateId"])]
        if users:
            message = f"The certificate `{doc['CertificateId']}` is used by load balancer {', '.join(users)}."
            raise ApiError("FailedOperation.DeleteResourceFailed", message)
        if doc["Status"] in (PENDING, RECORD_ADDED):
            message = f"The certificate `{doc['CertificateId']}` is being issued: cancel its order first."
            raise ApiError("FailedOperation.CertificateStatusNotAllowDelete", message)
        CERTIFICATE.drop(ctx, doc["CertificateId"])
    return {"DeleteResult": True}


@action
def download_certificate(ctx: Context, request: models.DownloadCertificateRequest) -> dict[str, Any]:
    """A zip, as base64, with Nginx/1_<domain>_bundle.crt and Nginx/2_<domain>.key."""
    doc = CERTIFICATE.need(ctx, request.CertificateId)
    if doc["Status"] != ISSUED:
        raise ApiError("FailedOperation.CertificateStatusNotAllowDownload", "The certificate is not issued.")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(f"Nginx/1_{doc['Domain']}_bundle.crt", doc["CertificatePublicKey"])
        archive.writestr(f"Nginx/2_{doc['Domain']}.key", doc["CertificatePrivateKey"])
    return {"Content": base64.b64encode(content.getvalue()).decode(), "ContentType": "application/zip"}
