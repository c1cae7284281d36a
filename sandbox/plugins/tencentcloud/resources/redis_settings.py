"""Redis/backupConfig and paramTemplate. Source: docs/fidelity/redis.md."""

from typing import Any

from sandbox.plugins.tencentcloud.handler import (
    Cloud,
    CloudError,
    Created,
    Handler,
    Partial,
    Props,
    nonzero,
    resource,
)
from sandbox.plugins.tencentcloud.resources import arguments

WEEK = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
HOURS = [f"{hour:02d}:00-{(hour + 1) % 24:02d}:00" for hour in range(24)]


@resource("tencentcloud:Redis/backupConfig:BackupConfig")
class BackupConfig(Handler):
    """When the daily backup is; its id is the instance's."""

    def check(self, props: Props) -> dict[str, str]:
        """One whole hour."""
        return arguments.faults(props, {"backupTime": arguments.one_of(*HOURS)})

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """SetId, then ModifyAutoBackupConfig; the days are always all seven."""
        partial.id(props["redisId"])
        _write(cloud, props["redisId"], props["backupTime"])
        return Created(props["redisId"])

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """DescribeAutoBackupConfig; gone when the instance is."""
        try:
            doc = cloud.call("redis", "DescribeAutoBackupConfig", {"InstanceId": id})
        except CloudError as error:
            if error.code == "ResourceNotFound.InstanceNotExists":
                return None
            raise
        return {"redisId": id, "backupTime": doc["TimePeriod"], "backupPeriods": sorted(doc["WeekDays"])}

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """ModifyAutoBackupConfig."""
        if changed & {"backupTime", "backupPeriods"}:
            _write(cloud, id, new["backupTime"])

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """Back to midnight."""
        _write(cloud, id, HOURS[0])


def _write(cloud: Cloud, instance_id: str, time: str) -> None:
    params = {"InstanceId": instance_id, "WeekDays": WEEK, "TimePeriod": time}
    cloud.call("redis", "ModifyAutoBackupConfig", params)


_DETAILS = {
    "name": "Name",
    "paramType": "ParamType",
    "default": "Default",
    "description": "Description",
    "currentValue": "CurrentValue",
    "needReboot": "NeedReboot",
    "max": "Max",
    "min": "Min",
    "enumValues": "EnumValue",
}


@resource("tencentcloud:Redis/paramTemplate:ParamTemplate")
class ParamTemplate(Handler):
    """A parameter template."""

    kind = "redis.template"
    key = ("TemplateId",)
    immutable = ("productType", "templateId")
    write_only = ("paramsOverrides", "templateId")

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """CreateParamTemplate."""
        names = {"name": "Name", "description": "Description", "productType": "ProductType", "templateId": "TemplateId"}
        params = {**nonzero(props, names), "ParamList": _overrides(props)}
        template_id: str = cloud.call("redis", "CreateParamTemplate", params)["TemplateId"]
        partial.id(template_id)
        return Created(template_id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """DescribeParamTemplateInfo. A missing template is an error."""
        doc = cloud.call("redis", "DescribeParamTemplateInfo", {"TemplateId": id})
        items: list[dict[str, Any]] = doc["Items"]
        shown: Props = {"name": doc["Name"], "description": doc["Description"]}
        shown["paramDetails"] = [{name: item[key] for name, key in _DETAILS.items()} for item in items]
        if props.get("productType"):
            shown["productType"] = doc["ProductType"]
        return shown

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """ModifyParamTemplate with what changed; an override that is taken out stays in force."""
        params: dict[str, Any] = {"TemplateId": id}
        if "name" in changed:
            params["Name"] = new["name"]
        if "description" in changed:
            params["Description"] = new.get("description", "")
        if "paramsOverrides" in changed:
            params["ParamList"] = _overrides(new)
        cloud.call("redis", "ModifyParamTemplate", params)

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """DeleteParamTemplate."""
        cloud.call("redis", "DeleteParamTemplate", {"TemplateId": id})


def _overrides(props: Props) -> list[dict[str, str]] | None:
    overrides: list[Props] = props.get("paramsOverrides") or []
    return [{"Key": each["key"], "Value": each["value"]} for each in overrides] or None
