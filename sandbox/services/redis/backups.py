"""When an instance's daily backup is: recorded only."""

from typing import Any

from tencentcloud.redis.v20180412 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.services.params import given
from sandbox.services.redis.kinds import INSTANCES

WEEK = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
HOURS = [f"{hour:02d}:00-{(hour + 1) % 24:02d}:00" for hour in range(24)]


def _shown(period: str) -> dict[str, Any]:
    return {"AutoBackupType": 1, "WeekDays": WEEK, "TimePeriod": period, "BackupStorageDays": 7}


@action
def modify_auto_backup_config(ctx: Context, request: models.ModifyAutoBackupConfigRequest) -> dict[str, Any]:
    """The hour of the daily backup; week days and days of storage cannot be changed."""
    asked = given(request)
    if asked["TimePeriod"] not in HOURS:
        message = f"`TimePeriod` {asked['TimePeriod']} must be one whole hour such as 02:00-03:00."
        raise ApiError("InvalidParameter.Period", message)
    if asked.get("BackupStorageDays", 7) != 7:
        raise ApiError("InvalidParameter.NotSupported", "`BackupStorageDays` is 7; more only by ticket.")
    with ctx.store.lock:
        doc = INSTANCES.need(ctx, asked["InstanceId"])
        INSTANCES.save(ctx.store, {**doc, "_backup": asked["TimePeriod"]})
    return _shown(asked["TimePeriod"])


@action
def describe_auto_backup_config(ctx: Context, request: models.DescribeAutoBackupConfigRequest) -> dict[str, Any]:
    """When the daily backup is."""
    doc = INSTANCES.need(ctx, given(request)["InstanceId"])
    return _shown(doc.get("_backup", HOURS[0])) | {"BinlogStorageDays": 7}
