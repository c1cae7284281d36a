"""Monitors: how addresses are probed."""

from collections.abc import Mapping
from typing import Any

from tencentcloud.igtm.v20231024 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.paging import page
from sandbox.api.store import Doc
from sandbox.services import zones
from sandbox.services.igtm.catalogue import DETECTORS, fits
from sandbox.services.igtm.kinds import FOREIGN_MONITOR, MONITOR, POOL
from sandbox.services.params import Params, check_name, given, stamp

_ALLOWED: dict[str, tuple[object, ...]] = {
    "CheckProtocol": ("PING", "TCP", "HTTP", "HTTPS"),
    "CheckInterval": (15, 60, 120, 300),
    "Timeout": (2, 3, 5, 10),
    "FailTimes": (0, 1, 2),
    "FailRate": (20, 30, 40, 50, 60, 70, 80, 100),
    "DetectorStyle": ("AUTO", "INTERNAL", "OVERSEAS", "IPV6", "ALL"),
    "PingNum": (20, 50, 100),
    "PacketLossRate": (10, 30, 50, 80, 90, 100),
    "ReturnCodeThreshold": (400, 500),
    "EnableRedirect": ("ENABLED", "DISABLED"),
    "EnableSni": ("ENABLED", "DISABLED"),
    "ContinuePeriod": (1, 2, 3, 4, 5),
}
"""Source: docs/sources.md, DNS."""
_DEFAULTS: Doc = {
    "PingNum": 20,
    "PacketLossRate": 50,
    "Path": "/",
    "Host": "",
    "ReturnCodeThreshold": 500,
    "EnableRedirect": "DISABLED",
    "EnableSni": "DISABLED",
    "ContinuePeriod": 1,
}
_PORTS = {"HTTPS": 443}


def _settle(ctx: Context, asked: Mapping[str, Any], before: Doc) -> Doc:
    doc = Params({**before, **asked})
    check_name("MonitorName", doc["MonitorName"], 60)
    for other in MONITOR.list(ctx):
        if other["MonitorName"] == doc["MonitorName"] and other["MonitorId"] != doc["MonitorId"]:
            message = f"The name `{doc['MonitorName']}` is that of {other['MonitorId']}."
            raise ApiError("UnsupportedOperation.MonitorNameExist", message)
    for key, allowed in _ALLOWED.items():
        if doc[key] not in allowed:
            listed = ", ".join(str(each) for each in allowed)
            raise ApiError("InvalidParameterValue", f"`{key}` is {doc[key]}; allowed: {listed}.")
    known = {int(group["Gid"]) for group in DETECTORS}
    unknown = sorted(set(doc["DetectorGroupIds"]) - known)
    if unknown or not doc["DetectorGroupIds"]:
        message = f"`DetectorGroupIds`: {unknown or 'none given'}; DescribeDetectors lists {sorted(known)}."
        raise ApiError("InvalidParameterValue", message)
    doc["TcpPort"] = doc.get("TcpPort") or _PORTS.get(doc["CheckProtocol"], 80)
    if not 1 <= doc["TcpPort"] <= 65535:
        raise ApiError("InvalidParameterValue", f"`TcpPort` is {doc['TcpPort']}; allowed: 1 to 65535.")
    if not doc["Path"].startswith("/"):
        raise ApiError("InvalidParameterValue", f"`Path` is `{doc['Path']}`; it begins with `/`.")
    return doc | {"UpdatedOn": stamp(ctx)}


@action
def create_monitor(ctx: Context, request: models.CreateMonitorRequest) -> dict[str, Any]:
    """A monitor; pools name it."""
    with zones.changing():
        id = ctx.store.number("igtm.monitor", 12001)
        fresh = _DEFAULTS | {"MonitorId": id, "Uin": ctx.account.uin, "DetectNum": 1, "CreatedOn": stamp(ctx)}
        MONITOR.create(ctx, _settle(ctx, given(request), fresh))
    return {"MonitorId": id}


@action
def modify_monitor(ctx: Context, request: models.ModifyMonitorRequest) -> dict[str, Any]:
    """What is given changes."""
    asked = given(request)
    with zones.changing():
        before = MONITOR.need(ctx, str(asked["MonitorId"]), FOREIGN_MONITOR)
        zones.keep(ctx, MONITOR, _settle(ctx, asked, before), "FailedOperation.ModifyMonitorFailed")
    return {"Msg": "success"}


@action
def describe_monitor_detail(ctx: Context, request: models.DescribeMonitorDetailRequest) -> dict[str, Any]:
    """A monitor."""
    return {"MonitorDetail": MONITOR.need(ctx, str(given(request)["MonitorId"]))}


@action
def describe_monitors(ctx: Context, request: models.DescribeMonitorsRequest) -> dict[str, Any]:
    """Monitors by MonitorId, MonitorName."""
    docs = [doc for doc in MONITOR.list(ctx) if fits(doc, given(request).get("Filters"))]
    return {"MonitorDataSet": page(docs, request.Offset, request.Limit), "TotalCount": len(docs)}


@action
def delete_monitor(ctx: Context, request: models.DeleteMonitorRequest) -> dict[str, Any]:
    """Refused while a pool names it."""
    with zones.changing():
        id = MONITOR.need(ctx, str(given(request)["MonitorId"]), FOREIGN_MONITOR)["MonitorId"]
        for pool in POOL.list(ctx):
            if pool["MonitorId"] == id:
                message = f"The monitor {id} is used by address pool {pool['PoolId']}."
                raise ApiError("FailedOperation.DeleteMonitorFailed", message)
        MONITOR.drop(ctx, str(id))
    return {"Msg": "success"}
