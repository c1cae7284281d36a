"""What a stack creates, by type and by the values that matter, as golden files pin it.

Renew them after a wanted change: `python -m tests.infra.plans`, then read the difference.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from pulumi.output import Unknown

from tests.infra.engine import STACKS, Engine, Made, run

GOLDEN = Path(__file__).parent / "golden"
RENEW = "renew with: python -m tests.infra.plans"
MATTERS: dict[str, tuple[str, ...]] = {
    "tencentcloud:As/scalingConfig:ScalingConfig": (
        "imageId",
        "instanceTypes",
        "publicIpAssigned",
        "systemDiskType",
        "systemDiskSize",
    ),
    "tencentcloud:As/lifecycleHook:LifecycleHook": ("lifecycleTransition", "heartbeatTimeout", "defaultResult"),
    "tencentcloud:As/scalingGroup:ScalingGroup": ("minSize", "maxSize", "healthCheckType", "multiZoneSubnetPolicy"),
    "tencentcloud:As/scalingPolicy:ScalingPolicy": ("policyType", "predefinedMetricType", "targetValue"),
    "tencentcloud:Clb/customizedConfigV2:CustomizedConfigV2": ("configContent", "configType"),
    "tencentcloud:Clb/instance:Instance": (
        "networkType",
        "dynamicVip",
        "masterZoneId",
        "slaveZoneId",
        "slaType",
        "internetBandwidthMaxOut",
        "deleteProtect",
        "loadBalancerPassToTarget",
    ),
    "tencentcloud:Clb/listener:Listener": ("protocol", "port", "keepaliveEnable"),
    "tencentcloud:Clb/listenerRule:ListenerRule": (
        "domain",
        "url",
        "scheduler",
        "forwardType",
        "healthCheckSwitch",
        "healthCheckHttpPath",
        "healthCheckHttpCode",
        "healthCheckIntervalTime",
    ),
    "tencentcloud:Cls/topic:Topic": ("period", "partitionCount", "storageType"),
    "tencentcloud:Dnspod/domainInstance:DomainInstance": ("domain",),
    "tencentcloud:Dnspod/record:Record": ("subDomain", "recordType", "recordLine", "ttl"),
    "tencentcloud:Eip/instance:Instance": ("internetChargeType", "internetMaxBandwidthOut"),
    "tencentcloud:Igtm/instance:Instance": ("domain", "accessDomain", "accessSubDomain", "globalTtl", "packageType"),
    "tencentcloud:Igtm/monitor:Monitor": ("checkProtocol", "checkInterval", "timeout", "failTimes", "host", "path"),
    "tencentcloud:Igtm/strategy:Strategy": ("sources", "switchPoolType"),
    "tencentcloud:Kubernetes/addon:Addon": ("addonName", "addonVersion"),
    "tencentcloud:Kubernetes/cluster:Cluster": (
        "clusterVersion",
        "clusterLevel",
        "networkType",
        "serviceCidr",
        "clusterMaxServiceNum",
        "deletionProtection",
    ),
    "tencentcloud:Kubernetes/clusterEndpoint:ClusterEndpoint": ("clusterIntranet", "clusterInternet"),
    "tencentcloud:Kubernetes/nativeNodePool:NativeNodePool": ("native",),
    "tencentcloud:Monitor/tmpAlertRule:TmpAlertRule": ("expr", "duration"),
    "tencentcloud:Monitor/tmpInstance:TmpInstance": ("dataRetentionTime", "zone"),
    "tencentcloud:Nat/gateway:Gateway": ("bandwidth", "maxConcurrent"),
    "tencentcloud:Redis/backupConfig:BackupConfig": ("backupTime",),
    "tencentcloud:Redis/instance:Instance": (
        "typeId",
        "memSize",
        "redisReplicasNum",
        "availabilityZone",
        "replicaZoneIds",
        "noAuth",
        "forceDelete",
    ),
    "tencentcloud:Redis/paramTemplate:ParamTemplate": ("productType", "paramsOverrides"),
    "tencentcloud:Security/groupRuleSet:GroupRuleSet": ("ingresses", "egresses"),
    "tencentcloud:Ssl/freeCertificate:FreeCertificate": ("domain", "dvAuthMethod", "validityPeriod"),
    "tencentcloud:Ssm/secret:Secret": ("secretName", "recoveryWindowInDays"),
    "tencentcloud:Subnet/instance:Instance": ("availabilityZone", "cidrBlock"),
    "tencentcloud:Tcr/instance:Instance": ("name", "instanceType", "deleteBucket", "securityPolicies", "replications"),
    "tencentcloud:Tcr/namespace:Namespace": ("isAutoScan", "isPreventVul", "isPublic"),
    "tencentcloud:Tcr/serviceAccount:ServiceAccount": ("name", "permissions", "duration"),
    "tencentcloud:Tcr/vpcAttachment:VpcAttachment": ("regionName", "enablePublicDomainDns"),
    "tencentcloud:Vpc/flowLog:FlowLog": ("resourceType", "trafficType", "storageType"),
    "tencentcloud:Vpc/instance:Instance": ("cidrBlock",),
    "kubernetes:apps/v1:Deployment": ("spec",),
    "kubernetes:autoscaling/v2:HorizontalPodAutoscaler": ("spec",),
    "kubernetes:policy/v1:PodDisruptionBudget": ("spec",),
    "kubernetes:core/v1:Service": ("spec",),
    "pulumi:providers:tencentcloud": ("region",),
}
"""Type -> the inputs that are pinned. Other types are pinned by name alone."""


def plan(engine: Engine) -> dict[str, Any]:
    """Counts by type, and each resource by type and name: values that matter, and what keeps it."""
    resources: dict[str, dict[str, Any]] = {}
    for made in sorted(engine.made, key=lambda made: (made.type, made.name)):
        if made.custom:
            resources.setdefault(made.type, {})[made.name] = _values(made)
    counts = Counter(made.type for made in engine.made if made.custom)
    return {"counts": dict(sorted(counts.items())), "resources": resources}


def _values(made: Made) -> dict[str, Any]:
    values = {key: made.inputs[key] for key in MATTERS.get(made.type, ()) if key in made.inputs}
    kept = {"protect": made.protect, "retainOnDelete": made.retain, "deleteBeforeReplace": made.delete_first}
    options = [name for name, on in kept.items() if on]
    return values | ({"options": options} if options else {})


def text(stack: str) -> str:
    """The golden file of a stack, from a preview of its file."""
    document = plan(run(stack, preview=True))
    return json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True, default=_unknown) + "\n"


def _unknown(value: Any) -> str:
    if isinstance(value, Unknown):
        return "<unknown>"
    raise TypeError(f"{value!r} is no plain value")


if __name__ == "__main__":
    for name in STACKS:
        (GOLDEN / f"{name}.json").write_text(text(name))
