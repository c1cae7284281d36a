"""Redis/account, backupConfig, maintenanceWindow, paramTemplate and ssl. Source: docs/sources.md, Redis."""

import re
from typing import Any

from sandbox.plugins.tencentcloud.handler import Cloud, Created, Handler, Partial, Props, ProviderError, given, resource
from sandbox.plugins.tencentcloud.resources import shapes
from sandbox.plugins.tencentcloud.resources.redis import GONE, find, status, wait_task

ACCOUNT_S = SSL_S = 1080.0
WEEK = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


@resource("tencentcloud:Redis/account:Account")
class Account(Handler):
    """An account; id `<instance>#<name>`."""

    write_only = ("accountPassword",)

    def _params(self, props: Props) -> dict[str, Any]:
        return given(
            props,
            {
                "instanceId": "InstanceId",
                "accountName": "AccountName",
                "accountPassword": "AccountPassword",
                "privilege": "Privilege",
                "readonlyPolicies": "ReadonlyPolicy",
                "remark": "Remark",
            },
        )

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """CreateInstanceAccount, wait for its task, SetId."""
        answer = cloud.call("redis", "CreateInstanceAccount", self._params(props))
        wait_task(cloud, answer["TaskId"], ACCOUNT_S)
        return Created(f"{props['instanceId']}#{props['accountName']}")

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """DescribeInstanceAccount; the password is never read."""
        instance_id, _, name = id.partition("#")
        if status(cloud, instance_id) == GONE:
            return None
        accounts: list[dict[str, Any]] = cloud.call(
            "redis", "DescribeInstanceAccount", {"InstanceId": instance_id, "Limit": 100}
        )["Accounts"]
        doc = next((each for each in accounts if each["AccountName"] == name), None)
        if doc is None:
            return None
        return {
            "instanceId": instance_id,
            "accountName": name,
            "privilege": doc["Privilege"],
            "readonlyPolicies": doc["ReadonlyPolicy"],
            "remark": doc["Remark"] or None,
        }

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """ModifyInstanceAccount sends everything again."""
        wait_task(cloud, cloud.call("redis", "ModifyInstanceAccount", self._params(new))["TaskId"], ACCOUNT_S)

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """DeleteInstanceAccount."""
        instance_id, _, name = id.partition("#")
        if self.read(cloud, id, props) is not None:
            answer = cloud.call("redis", "DeleteInstanceAccount", {"InstanceId": instance_id, "AccountName": name})
            wait_task(cloud, answer["TaskId"], ACCOUNT_S)


def _hour_fault(text: Any) -> str | None:
    found = re.fullmatch(r"([01]\d|2[0-3]):00-([01]\d|2[0-4]):00", str(text))
    if found and int(found[2]) % 24 == (int(found[1]) + 1) % 24:
        return None
    return f"is {text!r}; it must be one whole hour such as 02:00-03:00"


@resource("tencentcloud:Redis/backupConfig:BackupConfig")
class BackupConfig(Handler):
    """When the daily backup is; its id is the instance's."""

    def check(self, props: Props) -> dict[str, str]:
        """One whole hour."""
        return shapes.faults(props, {"backupTime": _hour_fault})

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """ModifyAutoBackupConfig; the days are always all seven."""
        self._write(cloud, props["redisId"], props["backupTime"])
        return Created(props["redisId"])

    def _write(self, cloud: Cloud, instance_id: str, time: str) -> None:
        params = {"InstanceId": instance_id, "WeekDays": WEEK, "TimePeriod": time}
        cloud.call("redis", "ModifyAutoBackupConfig", params)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """DescribeAutoBackupConfig."""
        if find(cloud, id) is None:
            return None
        doc = cloud.call("redis", "DescribeAutoBackupConfig", {"InstanceId": id})
        return {"redisId": id, "backupTime": doc["TimePeriod"], "backupPeriods": doc["WeekDays"]}

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """ModifyAutoBackupConfig."""
        self._write(cloud, id, new["backupTime"])

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """Back to midnight."""
        if find(cloud, id) is not None:
            self._write(cloud, id, "00:00-01:00")


@resource("tencentcloud:Redis/maintenanceWindow:MaintenanceWindow")
class MaintenanceWindow(Handler):
    """The maintenance window; its id is the instance's. Deleting does nothing."""

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """SetId, then ModifyMaintenanceWindow."""
        partial.id(props["instanceId"])
        self.update(cloud, props["instanceId"], {}, props, frozenset())
        return Created(props["instanceId"])

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """DescribeMaintenanceWindow."""
        if find(cloud, id) is None:
            return None
        doc = cloud.call("redis", "DescribeMaintenanceWindow", {"InstanceId": id})
        return {"instanceId": id, "startTime": doc["StartTime"], "endTime": doc["EndTime"]}

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """ModifyMaintenanceWindow."""
        window = {"StartTime": new["startTime"], "EndTime": new["endTime"]}
        cloud.call("redis", "ModifyMaintenanceWindow", {"InstanceId": id, **window})

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """Nothing, as the official provider."""


@resource("tencentcloud:Redis/ssl:Ssl")
class Ssl(Handler):
    """Whether an instance speaks TLS; its id is the instance's. Deleting does nothing: TLS stays on."""

    def check(self, props: Props) -> dict[str, str]:
        """enabled or disabled."""
        return shapes.faults(props, {"sslConfig": shapes.one_of("enabled", "disabled")})

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """SetId before the call."""
        partial.id(props["instanceId"])
        self.update(cloud, props["instanceId"], {}, props, frozenset())
        return Created(props["instanceId"])

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """DescribeSSLStatus."""
        if find(cloud, id) is None:
            return None
        on = cloud.call("redis", "DescribeSSLStatus", {"InstanceId": id})["SSLConfig"]
        return {"instanceId": id, "sslConfig": "enabled" if on else "disabled"}

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """OpenSSL or CloseSSL, and its task."""
        action = "OpenSSL" if new["sslConfig"] == "enabled" else "CloseSSL"
        wait_task(cloud, cloud.call("redis", action, {"InstanceId": id})["TaskId"], SSL_S)

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """Nothing, as the official provider."""


@resource("tencentcloud:Redis/paramTemplate:ParamTemplate")
class ParamTemplate(Handler):
    """A parameter template."""

    kind = "redis.template"
    key = ("TemplateId",)
    immutable = ("productType", "templateId")
    write_only = ("paramsOverrides",)

    def _overrides(self, props: Props) -> list[dict[str, str]] | None:
        overrides: list[Props] = props.get("paramsOverrides") or []
        return [{"Key": each["key"], "Value": each["value"]} for each in overrides] or None

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """CreateParamTemplate; the type or another template must be given."""
        if not props.get("productType") and not props.get("templateId"):
            raise ProviderError("one of `product_type` and `template_id` must be set")
        params = given(
            props,
            {"name": "Name", "description": "Description", "productType": "ProductType", "templateId": "TemplateId"},
        )
        params["ParamList"] = self._overrides(props)
        template_id: str = cloud.call("redis", "CreateParamTemplate", params)["TemplateId"]
        partial.id(template_id)
        return Created(template_id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """DescribeParamTemplateInfo. A missing template is an error."""
        doc = cloud.call("redis", "DescribeParamTemplateInfo", {"TemplateId": id})
        items: list[dict[str, Any]] = doc["Items"]
        shown: Props = {
            "name": doc["Name"],
            "description": doc["Description"] or None,
            "paramDetails": [
                {
                    "name": each["Name"],
                    "paramType": each["ParamType"],
                    "default": each["Default"],
                    "description": each["Description"],
                    "currentValue": each["CurrentValue"],
                    "needReboot": each["NeedReboot"],
                    "max": each["Max"],
                    "min": each["Min"],
                    "enumValues": each["EnumValue"],
                }
                for each in items
            ],
        }
        if "templateId" not in props:
            shown["productType"] = doc["ProductType"]
        return shown

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """ModifyParamTemplate; an override that is taken out stays in force."""
        params = given(new, {"name": "Name", "description": "Description"})
        cloud.call("redis", "ModifyParamTemplate", {"TemplateId": id, **params, "ParamList": self._overrides(new)})

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """DeleteParamTemplate."""
        shapes.delete(cloud, "redis", "DeleteParamTemplate", {"TemplateId": id})
