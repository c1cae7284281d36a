"""Lookups (`tencentcloud_iac_pulumi.<module>.get_…`) that the sandbox can answer."""

from collections.abc import Callable
from typing import Any

from sandbox.plugins.protocol.values import Values
from sandbox.plugins.tencentcloud.cloud import Cloud
from sandbox.plugins.tencentcloud.errors import ProviderError

USER_INFO = "tencentcloud:User/getInfo:getInfo"


def invoke(token: str, arguments: Values, cloud: Callable[[], Cloud]) -> Values:
    """The lookup's result. cloud: called only by lookups that exist. Raises ProviderError for any other."""
    if token != USER_INFO:
        raise ProviderError(f"the sandbox does not provide the lookup {token}; it has {USER_INFO}")
    answer: dict[str, Any] = cloud().call("cam", "GetUserAppId")
    uin = str(answer.get("Uin", ""))
    return {
        "id": f"user-{uin}",
        "appId": str(answer.get("AppId", "")),
        "uin": uin,
        "ownerUin": str(answer.get("OwnerUin", "")),
        "name": str(arguments.get("name") or ""),
    }
