"""Certificates (Ssl/certificate, Ssl/freeCertificate). Source: docs/sources.md, provider."""

from typing import Any

from sandbox.plugins.tencentcloud.handler import (
    Cloud,
    CloudError,
    Created,
    Handler,
    Partial,
    Props,
    ProviderError,
    read_tags,
    resource,
    write_tags,
)

ISSUED = 1
UPLOAD_WAIT_S = 180.0
_NOT_FOUND = "FailedOperation.CertificateNotFound"


def _detail(cloud: Cloud, id: str) -> dict[str, Any] | None:
    try:
        return cloud.call("ssl", "DescribeCertificateDetail", {"CertificateId": id})
    except CloudError as error:
        if error.matches(_NOT_FOUND):
            return None
        raise


def _delete(cloud: Cloud, id: str) -> None:
    try:
        answer = cloud.call("ssl", "DeleteCertificate", {"CertificateId": id})
    except CloudError as error:
        if error.matches(_NOT_FOUND):
            return
        raise
    if not answer["DeleteResult"]:
        raise ProviderError("failed to delete certificate")


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
            "Alias": props.get("name"),
            "ProjectId": props.get("projectId"),
        }
        id = cloud.call("ssl", "UploadCertificate", request)["CertificateId"]

        def state() -> int:
            return int(cloud.call("ssl", "DescribeCertificateDetail", {"CertificateId": id})["Status"])

        cloud.wait(state, (ISSUED,), UPLOAD_WAIT_S, what=f"certificate {id}")
        write_tags(cloud, "ssl", "certificate", id, None, props.get("tags"))
        partial.id(id)
        return Created(id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """`cert` is what the API has; `key` is never read."""
        found = _detail(cloud, id)
        if found is None:
            return None
        return {
            "name": found["Alias"],
            "type": found["CertificateType"],
            "projectId": int(found["ProjectId"]),
            "cert": found["CertificatePublicKey"],
            "productZhName": found["ProductZhName"],
            "domain": found["Domain"],
            "subjectNames": found["SubjectAltName"],
            "status": found["Status"],
            "beginTime": found["CertBeginTime"],
            "endTime": found["CertEndTime"],
            "createTime": found["InsertTime"],
            "tags": read_tags(cloud, "ssl", "certificate", id),
        }

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Name, project, tags."""
        if "name" in changed:
            cloud.call("ssl", "ModifyCertificateAlias", {"CertificateId": id, "Alias": new.get("name")})
        if "projectId" in changed:
            params = {"CertificateIdList": [id], "ProjectId": new.get("projectId")}
            cloud.call("ssl", "ModifyCertificateProject", params)
        if "tags" in changed:
            write_tags(cloud, "ssl", "certificate", id, old.get("tags"), new.get("tags"))

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """Refused by the API while a listener uses it."""
        _delete(cloud, id)


@resource("tencentcloud:Ssl/freeCertificate:FreeCertificate")
class FreeCertificate(Handler):
    """An ordered free certificate; create does not wait for its issue."""

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
        names = {
            "dvAuthMethod": "DvAuthMethod",
            "domain": "DomainName",
            "projectId": "ProjectId",
            "packageType": "PackageType",
            "contactEmail": "ContactEmail",
            "contactPhone": "ContactPhone",
            "validityPeriod": "ValidityPeriod",
            "csrEncryptAlgo": "CsrEncryptAlgo",
            "csrKeyParameter": "CsrKeyParameter",
            "csrKeyPassword": "CsrKeyPassword",
            "alias": "Alias",
            "oldCertificateId": "OldCertificateId",
        }
        request = {parameter: props.get(name) for name, parameter in names.items()}
        id = cloud.call("ssl", "ApplyCertificate", request)["CertificateId"]
        partial.id(id)
        return Created(id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """Times and keys are empty until it is issued."""
        found = _detail(cloud, id)
        if found is None:
            return None
        detail: dict[str, Any] = found.get("DvAuthDetail") or {}
        listed: list[dict[str, Any]] = detail.get("DvAuths") or []
        auths = [
            {
                "dvAuthKey": auth["DvAuthKey"],
                "dvAuthValue": auth["DvAuthValue"],
                "dvAuthVerifyType": auth["DvAuthVerifyType"],
            }
            for auth in listed
        ]
        return {
            "domain": found["Domain"],
            "alias": found["Alias"] or props.get("alias"),
            "dvAuthMethod": found["VerifyType"],
            "packageType": found["PackageType"],
            "validityPeriod": found["ValidityPeriod"],
            "projectId": int(found["ProjectId"]) or props.get("projectId"),
            "productZhName": found["ProductZhName"],
            "status": found["Status"],
            "statusName": found["StatusName"],
            "statusMsg": found["StatusMsg"] or "",
            "vulnerabilityStatus": found["VulnerabilityStatus"],
            "insertTime": found["InsertTime"],
            "certBeginTime": found["CertBeginTime"],
            "certEndTime": found["CertEndTime"],
            "certificatePublicKey": found["CertificatePublicKey"],
            "certificatePrivateKey": found["CertificatePrivateKey"],
            "renewable": bool(found["RenewAble"]),
            "deployable": bool(found["Deployable"]),
            "dvAuths": auths,
        }

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Alias and project."""
        if "alias" in changed:
            cloud.call("ssl", "ModifyCertificateAlias", {"CertificateId": id, "Alias": new.get("alias")})
        if "projectId" in changed:
            params = {"CertificateIdList": [id], "ProjectId": new.get("projectId")}
            cloud.call("ssl", "ModifyCertificateProject", params)

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """One in review cannot be deleted."""
        _delete(cloud, id)
