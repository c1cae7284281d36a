"""Certificates (Ssl/certificate, Ssl/freeCertificate). Source: docs/fidelity/ssl.md."""

from typing import Any

from sandbox.plugins.tencentcloud.handler import (
    Cloud,
    CloudError,
    Created,
    Handler,
    Partial,
    Props,
    ProviderError,
    given,
    read_tags,
    resource,
    write_tags,
)

ISSUED = 1
UPLOAD_WAIT_S = 180.0
NOT_FOUND = "FailedOperation.CertificateNotFound"
NO_PROJECT = 2**64 - 1
"""What an unset project of a free certificate becomes on the wire: -1 without a sign."""
_NEEDED = (
    "Alias",
    "CertificateType",
    "ProjectId",
    "CertificatePublicKey",
    "ProductZhName",
    "Domain",
    "Status",
    "CertBeginTime",
    "CertEndTime",
    "InsertTime",
)
"""Fields of an uploaded certificate without which the provider refuses to read it."""


def _detail(cloud: Cloud, id: str, retry_s: float | None = None) -> dict[str, Any]:
    return cloud.call("ssl", "DescribeCertificateDetail", {"CertificateId": id}, retry_s=retry_s)


def _move(cloud: Cloud, id: str, project: int, retry_s: float | None = None) -> None:
    params = {"CertificateIdList": [id], "ProjectId": project}
    answer = cloud.call("ssl", "ModifyCertificateProject", params, retry_s=retry_s)
    if id in (answer.get("FailCertificates") or ()):
        raise ProviderError(f"failed to modify the project. certificateId={id}")


@resource("tencentcloud:Ssl/certificate:Certificate")
class Certificate(Handler):
    """An uploaded certificate."""

    write_only = ("key",)

    def check(self, props: Props) -> dict[str, str]:
        """Preview-time validators."""
        reasons: dict[str, str] = {}
        for name in ("cert", "key"):
            value = props.get(name)
            if isinstance(value, str) and (value.startswith("\n") or value.endswith("\n")):
                reasons[name] = f"{name} can't have \\n prefix or suffix"
        if props.get("type") not in (None, "CA", "SVR"):
            reasons["type"] = f"expected type to be one of [CA SVR], got {props['type']}"
        return reasons

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """The id is set last: a failure before leaves an orphan."""
        if props["type"] == "SVR" and not props.get("key"):
            raise ProviderError("when type is SVR, key can't be empty")
        request = {
            "CertificatePublicKey": props["cert"],
            "CertificatePrivateKey": props.get("key"),
            "CertificateType": props["type"],
            "Alias": props.get("name") or "",
            "ProjectId": props.get("projectId") or 0,
        }
        id = cloud.call("ssl", "UploadCertificate", request)["CertificateId"]

        def state() -> int:
            return int(_detail(cloud, id)["Status"])

        cloud.wait(state, (ISSUED,), UPLOAD_WAIT_S, what=f"certificate {id}")
        write_tags(cloud, "ssl", "certificate", id, None, props.get("tags"))
        partial.id(id)
        return Created(id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """`cert` is what the API has; `key` is never read."""
        try:
            found = _detail(cloud, id)
        except CloudError as error:
            if error.code == NOT_FOUND:
                return None
            raise
        missing = [name for name in _NEEDED if found.get(name) is None]
        if missing:
            raise ProviderError(f"certificate {missing} are nil")
        return {
            "name": found["Alias"],
            "type": found["CertificateType"],
            "projectId": int(found["ProjectId"]),
            "cert": found["CertificatePublicKey"].rstrip("\n"),
            "productZhName": found["ProductZhName"],
            "domain": found["Domain"],
            "subjectNames": found.get("SubjectAltName") or [],
            "status": found["Status"],
            "beginTime": found["CertBeginTime"],
            "endTime": found["CertEndTime"],
            "createTime": found["InsertTime"],
            "tags": read_tags(cloud, "ssl", "certificate", id),
        }

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Name, project, tags."""
        if "name" in changed:
            cloud.call("ssl", "ModifyCertificateAlias", {"CertificateId": id, "Alias": new.get("name") or ""})
        if "projectId" in changed:
            _move(cloud, id, new.get("projectId") or 0)
        if "tags" in changed:
            write_tags(cloud, "ssl", "certificate", id, old.get("tags"), new.get("tags"))

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """Refused by the API while a listener uses it. One that is gone is an error, as with the provider."""
        if not cloud.call("ssl", "DeleteCertificate", {"CertificateId": id})["DeleteResult"]:
            raise ProviderError("failed to delete certificate")


_ORDERED = {
    "packageType": "PackageType",
    "contactEmail": "ContactEmail",
    "contactPhone": "ContactPhone",
    "validityPeriod": "ValidityPeriod",
    "csrEncryptAlgo": "CsrEncryptAlgo",
    "csrKeyParameter": "CsrKeyParameter",
    "csrKeyPassword": "CsrKeyPassword",
    "alias": "Alias",
    "projectId": "ProjectId",
    "oldCertificateId": "OldCertificateId",
}
_READ = {
    "VerifyType": "dvAuthMethod",
    "Domain": "domain",
    "PackageType": "packageType",
    "ValidityPeriod": "validityPeriod",
    "Alias": "alias",
    "ProductZhName": "productZhName",
    "Status": "status",
    "StatusMsg": "statusMsg",
    "VulnerabilityStatus": "vulnerabilityStatus",
    "CertBeginTime": "certBeginTime",
    "CertEndTime": "certEndTime",
    "InsertTime": "insertTime",
    "CertificatePrivateKey": "certificatePrivateKey",
    "CertificatePublicKey": "certificatePublicKey",
    "StatusName": "statusName",
    "RenewAble": "renewable",
    "Deployable": "deployable",
}


@resource("tencentcloud:Ssl/freeCertificate:FreeCertificate")
class FreeCertificate(Handler):
    """An ordered free certificate; create does not wait for its issue. Nothing of it is ever repeated."""

    kind = "ssl.certificate"
    key = ("CertificateId",)
    immutable = (
        "dvAuthMethod",
        "packageType",
        "contactEmail",
        "contactPhone",
        "validityPeriod",
        "csrEncryptAlgo",
        "csrKeyParameter",
        "csrKeyPassword",
    )
    write_only = (
        "contactEmail",
        "contactPhone",
        "csrEncryptAlgo",
        "csrKeyParameter",
        "csrKeyPassword",
        "oldCertificateId",
    )

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """Order it; the id is known at once."""
        request = {"DvAuthMethod": props["dvAuthMethod"], "DomainName": props["domain"]}
        request |= {parameter: props[name] for name, parameter in _ORDERED.items() if props.get(name)}
        id = cloud.call("ssl", "ApplyCertificate", request, retry_s=0)["CertificateId"]
        partial.id(id)
        return Created(id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """Times and keys are empty until it is issued. One that is gone is an error, as with the provider."""
        found = _detail(cloud, id, retry_s=0)
        answer = given(found, _READ)
        if found.get("ProjectId") is not None:
            answer["projectId"] = int(found["ProjectId"])
        proof: dict[str, Any] = found.get("DvAuthDetail") or {}
        listed: list[dict[str, Any]] = proof.get("DvAuths") or []
        if listed:
            answer["dvAuths"] = [
                {
                    "dvAuthKey": auth["DvAuthKey"],
                    "dvAuthValue": auth["DvAuthValue"],
                    "dvAuthVerifyType": auth["DvAuthVerifyType"],
                }
                for auth in listed
            ]
        return answer

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Alias and project."""
        if "alias" in changed:
            params = {"CertificateId": id, "Alias": new.get("alias") or ""}
            cloud.call("ssl", "ModifyCertificateAlias", params, retry_s=0)
        if "projectId" in changed:
            _move(cloud, id, new.get("projectId") or NO_PROJECT, retry_s=0)

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """One in review cannot be deleted."""
        cloud.call("ssl", "DeleteCertificate", {"CertificateId": id}, retry_s=0)
