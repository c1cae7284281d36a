"""Calls that the handlers of the VPC family share. Source: docs/fidelity/vpc.md."""

from collections.abc import Mapping
from typing import Any

from sandbox.plugins.tencentcloud.handler import Cloud, CloudError

DELETE_S = 300.0
"""How long the official provider repeats deletes of VPCs, subnets, route tables and routes, whatever the error."""
PAGE = {"Offset": "0", "Limit": "100"}
"""One page, as text: what these Describe actions take."""


def internal(error: CloudError) -> bool:
    """An error of the cloud itself: some reads and changes repeat it besides the codes that every call repeats."""
    return error.matches("InternalError")


def described(cloud: Cloud, action: str, answer: str, filters: Mapping[str, str], **options: Any) -> dict[str, Any]:
    """The first document that fits the filters; empty when there is none. options: of Cloud.call."""
    params = {"Filters": [{"Name": name, "Values": [value]} for name, value in filters.items()], **PAGE}
    found: list[dict[str, Any]] = cloud.call("vpc", action, params, **options).get(answer) or []
    return found[0] if found else {}


def delete_patiently(cloud: Cloud, action: str, params: Mapping[str, Any]) -> None:
    """Delete, repeating every error but ResourceNotFound itself, which means gone."""

    def unless_gone(error: CloudError) -> bool:
        return error.code != "ResourceNotFound"

    try:
        cloud.call("vpc", action, params, retry_s=DELETE_S, retry=unless_gone)
    except CloudError as error:
        if unless_gone(error):
            raise


def text(flag: Any) -> str:
    """A yes or no as these actions take it."""
    return "true" if flag else "false"


def set_only(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters without those that are unset, empty or zero: the provider cannot tell these apart."""
    return {name: value for name, value in params.items() if value}
