"""Backup time, maintenance window and TLS of an instance: recorded only. Source: docs/sources.md, Redis."""

import re
from typing import Any

from tencentcloud.redis.v20180412 import models

from sandbox.api.actions import Context, action, task
from sandbox.api.errors import ApiError
from sandbox.services.params import given
from sandbox.services.redis import inventory
from sandbox.services.redis.inventory import KIND, SETTLE_S

WEEK = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_BACKUP: dict[str, Any] = {
    "AutoBackupType": 1,
    "WeekDays": WEEK,
    "TimePeriod": "00:00-01:00",
    "BackupStorageDays": 7,
    "BinlogStorageDays": 7,
}
_WINDOW = {"StartTime": "03:00", "EndTime": "06:00"}


def _keep(ctx: Context, instance_id: str, key: str, value: Any) -> None:
    with ctx.store.lock:
        doc = inventory.instance(ctx, instance_id)
        ctx.store.put(KIND, instance_id, {**doc, key: value})


@action
def modify_auto_backup_config(ctx: Context, request: models.ModifyAutoBackupConfigRequest) -> dict[str, Any]:
    """The hour of the daily backup; week days and days of storage cannot be changed."""
    asked = given(request)
    period = asked["TimePeriod"]
    found = re.fullmatch(r"([01]\d|2[0-3]):00-([01]\d|2[0-4]):00", period)
    if not found or int(found[2]) % 24 != (int(found[1]) + 1) % 24:
        message = f"`TimePeriod` {period} must be one whole hour such as 02:00-03:00."
        raise ApiError("InvalidParameterValue", message)
    if asked.get("BackupStorageDays", 7) != 7:
        raise ApiError("InvalidParameterValue", "`BackupStorageDays` is 7; more only by ticket.")
    _keep(ctx, asked["InstanceId"], "_backup", {**_BACKUP, "TimePeriod": period})
    return {"AutoBackupType": 1, "WeekDays": WEEK, "TimePeriod": period, "BackupStorageDays": 7}


@action
def describe_auto_backup_config(ctx: Context, request: models.DescribeAutoBackupConfigRequest) -> dict[str, Any]:
    """When the daily backup is."""
    return inventory.instance(ctx, given(request)["InstanceId"]).get("_backup", _BACKUP)


@action
def modify_maintenance_window(ctx: Context, request: models.ModifyMaintenanceWindowRequest) -> dict[str, Any]:
    """From and to, HH:mm."""
    asked = given(request)
    for name in ("StartTime", "EndTime"):
        if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", asked[name]):
            raise ApiError("InvalidParameterValue", f"`{name}` {asked[name]} must be HH:mm.")
    _keep(ctx, asked["InstanceId"], "_window", {"StartTime": asked["StartTime"], "EndTime": asked["EndTime"]})
    return {"Status": "success"}


@action
def describe_maintenance_window(ctx: Context, request: models.DescribeMaintenanceWindowRequest) -> dict[str, Any]:
    """The maintenance window."""
    return inventory.instance(ctx, given(request)["InstanceId"]).get("_window", _WINDOW)


def _switch(ctx: Context, instance_id: str, on: bool) -> dict[str, Any]:
    with ctx.store.lock:
        doc = inventory.online(ctx, instance_id)
        number = inventory.begin_task(ctx, instance_id, "030_ssl")
        ctx.store.put(KIND, instance_id, {**doc, "_ssl": on})
    ctx.later(SETTLE_S, "redis.end_task", {"task": number})
    return {"TaskId": number}


@task("redis.end_task")
def finish(ctx: Context, payload: dict[str, Any]) -> None:
    """A task that only needed its time."""
    inventory.end_task(ctx.store, payload["task"])


@action
def open_ssl(ctx: Context, request: models.OpenSSLRequest) -> dict[str, Any]:
    """TLS on, recorded: the sandbox's server keeps speaking plain Redis."""
    return _switch(ctx, given(request)["InstanceId"], True)


@action
def close_ssl(ctx: Context, request: models.CloseSSLRequest) -> dict[str, Any]:
    """TLS off."""
    return _switch(ctx, given(request)["InstanceId"], False)


@action
def describe_ssl_status(ctx: Context, request: models.DescribeSSLStatusRequest) -> dict[str, Any]:
    """Whether TLS is on, and whether a switch is under way (Status 1; 2: done)."""
    doc = inventory.instance(ctx, given(request)["InstanceId"])
    return {
        "CertDownloadUrl": "",
        "UrlExpiredTime": "",
        "SSLConfig": bool(doc.get("_ssl", False)),
        "FeatureSupport": True,
        "Status": 2,
    }
