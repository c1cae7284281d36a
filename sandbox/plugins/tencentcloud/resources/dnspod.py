"""Zones and records (Dnspod/domainInstance, record). Source: docs/sources.md, provider."""

from typing import Any

from sandbox.plugins.tencentcloud.handler import Cloud, CloudError, Created, Handler, Partial, Props, resource

_RECORD = {
    "recordType": "RecordType",
    "recordLine": "RecordLine",
    "value": "Value",
    "subDomain": "SubDomain",
    "mx": "MX",
    "ttl": "TTL",
    "weight": "Weight",
    "status": "Status",
}


@resource("tencentcloud:Dnspod/domainInstance:DomainInstance")
class DomainInstance(Handler):
    """A zone: id = the domain."""

    immutable = ("domain",)

    def check(self, props: Props) -> dict[str, str]:
        """Preview-time validators."""
        reasons: dict[str, str] = {}
        for name, allowed in (("status", ("enable", "disable")), ("isMark", ("yes", "no"))):
            if props.get(name) not in (None, *allowed):
                reasons[name] = f"expected {name} to be one of {list(allowed)}, got {props[name]}"
        return reasons

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """One call, then status and remark."""
        request = {"Domain": props["domain"], "GroupId": props.get("groupId"), "IsMark": props.get("isMark")}
        cloud.call("dnspod", "CreateDomain", request)
        partial.id(props["domain"])
        self._after(cloud, props["domain"], props, props.keys())
        return Created(props["domain"])

    def _after(self, cloud: Cloud, domain: str, props: Props, names: Any) -> None:
        if "status" in names and props.get("status"):
            cloud.call("dnspod", "ModifyDomainStatus", {"Domain": domain, "Status": props["status"]})
        if "remark" in names:
            cloud.call("dnspod", "ModifyDomainRemark", {"Domain": domain, "Remark": props.get("remark") or ""})

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """By name."""
        try:
            found = cloud.call("dnspod", "DescribeDomain", {"Domain": id})["DomainInfo"]
        except CloudError as error:
            if error.matches("InvalidParameterValue.DomainNotExists"):
                return None
            raise
        return {
            "domain": found["Domain"],
            "domainId": found["DomainId"],
            "status": {"ENABLE": "enable", "PAUSE": "disable"}.get(found["Status"], found["Status"].lower()),
            "remark": found["Remark"] or props.get("remark"),
            "isMark": found["IsMark"].lower(),
            "slaveDns": found["SlaveDNS"],
            "createTime": found["CreatedOn"],
        }

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Status and remark."""
        self._after(cloud, id, new, changed or new.keys())

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """With all its records."""
        try:
            cloud.call("dnspod", "DeleteDomain", {"Domain": id})
        except CloudError as error:
            if not error.matches("InvalidParameterValue.DomainNotExists"):
                raise


@resource("tencentcloud:Dnspod/record:Record")
class Record(Handler):
    """A record: id `<domain>#<recordId>`."""

    def check(self, props: Props) -> dict[str, str]:
        """Preview-time validators."""
        reasons: dict[str, str] = {}
        for name, low, high in (("ttl", 1, 604800), ("mx", 1, 20), ("weight", 0, 100)):
            value = props.get(name)
            if isinstance(value, int) and not low <= value <= high:
                reasons[name] = f"expected {name} to be in the range ({low} - {high}), got {value}"
        if props.get("status") not in (None, "ENABLE", "DISABLE"):
            reasons["status"] = f"expected status to be one of [ENABLE DISABLE], got {props['status']}"
        return reasons

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """The remark is a call of its own."""
        request = {parameter: props.get(name) for name, parameter in _RECORD.items()}
        record = cloud.call("dnspod", "CreateRecord", {"Domain": props["domain"], **request})["RecordId"]
        id = f"{props['domain']}#{record}"
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
            if error.matches("InvalidParameter.RecordIdInvalid"):
                return None
            raise
        # The state keeps the form the user wrote: with or without the last dot.
        value = found["Value"]
        written = props.get("value")
        if isinstance(written, str) and written.rstrip(".") == value.rstrip("."):
            value = written
        answer: Props = {
            "domain": id.split("#")[0],
            "subDomain": found["SubDomain"],
            "recordType": found["RecordType"],
            "recordLine": found["RecordLine"],
            "value": value,
            "ttl": found["TTL"],
            "status": "ENABLE" if found["Enabled"] == 1 else "DISABLE",
            "monitorStatus": found["MonitorStatus"] or "",
        }
        if found.get("MX"):
            answer["mx"] = found["MX"]
        if found.get("Weight") is not None:
            answer["weight"] = found["Weight"]
        if found.get("Remark"):
            answer["remark"] = found["Remark"]
        return answer

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Always with all fields."""
        request = {parameter: new.get(name) for name, parameter in _RECORD.items()}
        cloud.call("dnspod", "ModifyRecord", {**self._place(id), **request})
        if "remark" in changed:
            self._remark(cloud, id, new.get("remark") or "")

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """One that is gone already is an error, as in the provider."""
        cloud.call("dnspod", "DeleteRecord", self._place(id))
