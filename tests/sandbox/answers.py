"""Holds every answer of the API against the official SDK's response models, whatever the test is about.

The models say names and types in their docstrings, and of some fields that they may be null; all others are there on
the cloud, and clients written in typed languages read them without a check. What the front fills in by itself
(sandbox.api.shapes) a service may leave out; a nested block it may not.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from tencentcloud.common.abstract_model import AbstractModel

from sandbox.api.actions import ACTIONS, Action, Answer, Context, register
from sandbox.api.shapes import Shape, answer_of, shapes_of

ABSENT = {
    "Address.EipAlgType": "how an address by a customer's own protocol is bound",
    "AutoScalingGroup.HostNameIndexSettings": "numbered host names",
    "AutoScalingGroup.InstanceNameIndexSettings": "numbered instance names",
    "AutoScalingGroup.SpotMixedAllocationPolicy": "spot instances",
    "DescribeCertificateDetailResponse.CertificateExtra": "renewal of bought certificates",
    "EnhancedService.AutomationService": "of launch configurations it is called AutomationToolsService",
    "FlowLog.FlowLogStorage": "flow logs into a stream",
    "Instance.CpuTopology": "chosen hyper-threading",
    "Instance.DisasterRecoverGroupId": "placement groups",
    "Instance.GPUInfo": "instances with GPUs",
    "Instance.LoginSettings": "instances with a key or password",
    "Instance.Metadata": "metadata set by the user",
    "Instance.SystemDisk": "instances that were started without saying which",
    "LaunchConfiguration.HostNameSettings": "host names by pattern",
    "LaunchConfiguration.IPv6InternetAccessible": "IPv6",
    "LaunchConfiguration.InstanceChargePrepaid": "prepaid instances",
    "LifecycleHook.LifecycleCommand": "hooks that run a command",
    "LifecycleHook.NotificationTarget": "hooks that tell a queue",
    "LoadBalancer.AvailableZoneAffinityInfo": "zone affinity",
    "LoadBalancer.ExclusiveCluster": "exclusive clusters",
    "LoadBalancer.Log": "the older log settings",
    "NatGateway.ConnectionStateTimeouts": "chosen connection time-outs",
    "ProductConf.EnableRepicaReadOnly": "a flag that some products lack",
    "ScalingPolicy.MetricAlarm": "policies by an alarm",
    "SecurityGroupPolicySet.PolicyStatistics": "statistics that only some regions count",
    "TcrNamespaceInfo.TagSpecification": "tags of namespaces",
    "TopicInfo.CustomKmsInfo": "topics with a key of the customer's",
}
"""Nested blocks that an answer has only for what the sandbox does not make."""


def faults(value: Any, model: type[AbstractModel], path: str = "") -> Iterator[str]:
    """What of an answer is not as the model says: ill-typed, unknown and missing fields, each with its path."""
    shapes = shapes_of(model)
    for name in sorted(value.keys() - shapes.keys()):
        yield f"{path}{name}: {model.__name__} has no such field"
    for name, shape in shapes.items():
        if name == "RequestId":
            continue
        found = value.get(name)
        if found is not None:
            yield from _ill_typed(found, shape, f"{path}{name}")
        elif shape.blank() is None and not shape.nullable and f"{model.__name__}.{name}" not in ABSENT:
            yield f"{path}{name}: missing, and {model.__name__} does not call it nullable"


def _ill_typed(value: Any, shape: Shape, path: str) -> Iterator[str]:
    if not shape.listed:
        yield from _one(value, shape, path)
    elif not isinstance(value, list | tuple):
        yield f"{path}: a list is wanted, not {value!r}"
    else:
        for each in value:  # pyright: ignore[reportUnknownVariableType]  # JSON of any shape
            yield from _one(each, shape, f"{path}[]")


def _one(value: Any, shape: Shape, path: str) -> Iterator[str]:
    if shape.model is not None:
        if isinstance(value, Mapping):
            yield from faults(value, shape.model, f"{path}.")
        else:
            yield f"{path}: a {shape.model.__name__} is wanted, not {value!r}"
        return
    number = shape.kind is float and isinstance(value, int)
    right = isinstance(value, shape.kind) and (shape.kind is not int or not isinstance(value, bool))
    if not right and not number:
        yield f"{path}: {shape.kind.__name__} is wanted, not {value!r}"


def check_all() -> None:
    """From now on an action that answers unlike its model fails with an AssertionError, which the API's log shows."""
    for action in list(ACTIONS.values()):
        model = answer_of(action.model)
        if model is not None and not hasattr(action.run, "checked"):
            register(replace(action, run=_checked(action, model)))


def _checked(action: Action, model: type[AbstractModel]) -> Any:
    def run(context: Context, request: Any) -> Answer:
        answer = action.run(context, request)
        found = list(faults(answer or {}, model))
        assert not found, f"{action.service} {action.name} answers wrongly: " + "; ".join(dict.fromkeys(found))
        return answer

    run.checked = True  # pyright: ignore[reportFunctionMemberAccess]
    return run
