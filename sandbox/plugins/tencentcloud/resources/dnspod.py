"""Zones and records (Dnspod/domainInstance, record). Source: docs/fidelity/dnspod.md."""

from collections.abc import Iterable
from typing import Any

from sandbox.plugins.tencentcloud.handler import (
    Cloud,
    CloudError,
    Created,
    Doc,
    Handler,
    Partial,
    Props,
    given,
    resource,
)

_RECORD = {"recordType": "RecordType", "recordLine": "RecordLine", "value": "Value", "subDomain": "SubDomain"}
_RECORD_OPTIONAL = {"mx": "MX", "ttl": "TTL", "weight": "Weight", "status": "Status"}
"""Zero counts as unset for these: none of them is sent as 0."""


@resource("tencentcloud:Dnspod/domainInstance:DomainInstance")
class DomainInstance(Handler):
    """A zone: id = the domain. A change of `domain` passes and does nothing, as in the provider."""

    kind = "dnspod.domain"
    key = ("Domain",)

    def check(self, props: Props) -> dict[str, str]:
        """Preview-time validators."""
        reasons: dict[str, str] = {}
        for name, allowed in (("status", ("enable", "disable")), ("isMark", ("yes", "no"))):
            if props.get(name) not in (None, *allowed):
                reasons[name] = f"expected {name} to be one of {list(allowed)}, got {props[name]}"
        return reasons

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """Group and mark are always sent, unset ones as 0 and an empty text; then status and remark."""
        request = {"Domain": props["domain"], "GroupId": props.get("groupId", 0), "IsMark": props.get("isMark", "")}
        id = str(cloud.call("dnspod", "CreateDomain", request, retry_s=0)["DomainInfo"]["Domain"])
        partial.id(id)
        self._after(cloud, id, props, frozenset(name for name in ("status", "remark") if props.get(name)))
        return Created(id)

    def _after(self, cloud: Cloud, domain: str, props: Props, names: frozenset[str]) -> None:
        for name, action, key in (
            ("status", "ModifyDomainStatus", "Status"),
            ("remark", "ModifyDomainRemark", "Remark"),
        ):
            if name in names:
                params = {"Domain": domain, key: props.get(name) or ""}
                cloud.call("dnspod", action, params, retry=lambda error: error.matches("InternalError"))

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """By name. A domain that is gone is an error, as in the provider."""
        found = cloud.call("dnspod", "DescribeDomain", {"Domain": id})["DomainInfo"]
        names = {
            "domain": "Domain",
            "domainId": "DomainId",
            "status": "Status",
            "remark": "Remark",
            "isMark": "IsMark",
            "slaveDns": "SlaveDNS",
            "createTime": "CreatedOn",
            "groupId": "GroupId",
        }
        answer: Props = {name: found[key] for name, key in names.items() if found.get(key) is not None}
        return answer | ({"status": "disable"} if answer.get("status") == "pause" else {})

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Status and remark."""
        unfinished = frozenset(name for name in ("status", "remark") if new.get(name))
        self._after(cloud, id, new, changed or unfinished)

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """With all its records. One that is gone already is an error, as in the provider."""
        cloud.call("dnspod", "DeleteDomain", {"Domain": id})


@resource("tencentcloud:Dnspod/record:Record")
class Record(Handler):
    """A record: id `<domain>#<recordId>`."""

    kind = "dnspod.record"
    key = ("_domain", "RecordId")

    def identify(self, doc: Doc) -> Iterable[str]:
        """But for those that the cloud puts into a zone: its name servers, and what a certificate is validated by."""
        return () if doc.get("DefaultNS") or doc["Name"].startswith("_dnsauth") else super().identify(doc)

    def _request(self, props: Props) -> dict[str, Any]:
        optional = {name: props[name] for name in _RECORD_OPTIONAL if props.get(name)}
        return given(props, _RECORD) | given(optional, _RECORD_OPTIONAL)

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """The remark is a call of its own."""
        request = {"Domain": props["domain"], **self._request(props)}
        id = f"{props['domain']}#{cloud.call('dnspod', 'CreateRecord', request)['RecordId']}"
        partial.id(id)
        if props.get("remark"):
            self._remark(cloud, id, props["remark"])
        return Created(id)

    def _place(self, id: str) -> dict[str, Any]:
        domain, record = id.split("#")
        return {"Domain": domain, "RecordId": int(record)}

    def _remark(self, cloud: Cloud, id: str, remark: str) -> None:
        cloud.call("dnspod", "ModifyRecordRemark", {**self._place(id), "Remark": remark})

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """A record that is gone is gone; a domain that is gone is an error."""
        try:
            found = cloud.call("dnspod", "DescribeRecord", self._place(id))["RecordInfo"]
        except CloudError as error:
            if error.code == "InvalidParameter.RecordIdInvalid":
                return None
            raise
        written = props.get("value")
        # The state keeps the form the user wrote: with or without the last dot.
        undotted = bool(written) and not str(written).endswith(".")
        answer: Props = {
            "domain": id.split("#")[0],
            "subDomain": found["SubDomain"],
            "recordType": found["RecordType"],
            "recordLine": found["RecordLine"],
            "value": found["Value"].removesuffix(".") if undotted else found["Value"],
            "mx": found["MX"],
            "ttl": found["TTL"],
            "status": "DISABLE" if found["Enabled"] == 0 else "ENABLE",
            "monitorStatus": found["MonitorStatus"],
            "remark": found["Remark"],
        }
        return answer | ({"weight": found["Weight"]} if found.get("Weight") is not None else {})

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Always with all fields."""
        cloud.call("dnspod", "ModifyRecord", {**self._place(id), **self._request(new)})
        if "remark" in changed or (not changed and new.get("remark")):
            self._remark(cloud, id, new.get("remark") or "")

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """One that is gone already is an error, as in the provider."""
        cloud.call("dnspod", "DeleteRecord", self._place(id))
