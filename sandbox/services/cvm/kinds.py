"""The documents of the CVM service."""

from sandbox.api.kinds import Kind, TagNames

INSTANCE = Kind(
    name="cvm.instance",
    key="InstanceId",
    noun="instance",
    missing="InvalidInstanceId.NotFound",
    tags=TagNames(service="cvm", prefix="instance", field="Tags"),
)
