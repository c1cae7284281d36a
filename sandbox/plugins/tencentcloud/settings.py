"""The provider's own arguments and environment, and the cloud they lead to.

Source: docs/sources.md, provider. Nothing here makes an API call: the region is never validated, keys are asked for
when the first operation needs them.
"""

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.plugins.protocol.values import UNKNOWN, Values, has_unknown, plain
from sandbox.plugins.tencentcloud.cloud import Cloud, Credentials
from sandbox.plugins.tencentcloud.endpoint import Endpoint
from sandbox.plugins.tencentcloud.errors import ProviderError

DEFAULT_REGION = "ap-guangzhou"
DEFAULT_PROTOCOL = "HTTPS"
ARGUMENTS = frozenset(
    {
        "allowedAccountIds",
        "assumeRole",
        "assumeRoleWithSaml",
        "assumeRoleWithWebIdentity",
        "camRoleName",
        "cosDomain",
        "domain",
        "enablePodOidc",
        "forbiddenAccountIds",
        "mfaCertification",
        "profile",
        "protocol",
        "region",
        "secretId",
        "secretKey",
        "securityToken",
        "sharedCredentialsDir",
    }
)
"""What the official provider takes."""
HERE = frozenset({"domain", "protocol", "region", "secretId", "secretKey", "securityToken"})
"""What this plugin can act on; the others would be believed to work, so they are refused."""
ENGINE_KEYS = frozenset({"version", "pluginDownloadURL"})
"""Arguments of the engine's own, echoed."""


def check_config(news: Values) -> dict[str, str]:
    """What is wrong with provider arguments: name -> reason. Unknown values pass."""
    found: dict[str, str] = {}
    for name, value in news.items():
        if name in ENGINE_KEYS or name.startswith("__"):
            continue
        if name not in ARGUMENTS:
            found[name] = f"unknown provider argument; known are {', '.join(sorted(ARGUMENTS))}"
        elif name not in HERE:
            found[name] = f"the sandbox's tencentcloud plugin has no {name}; it takes {', '.join(sorted(HERE))}"
        elif not has_unknown(value) and not isinstance(plain(value), str):
            found[name] = "expected a string"
    protocol = plain(news.get("protocol"))
    if protocol is not None and protocol is not UNKNOWN and protocol not in ("HTTP", "HTTPS"):
        found.setdefault("protocol", f"expected HTTP or HTTPS, got {protocol!r}")
    return found


NO_KEYS = (
    "Please set your `secret_id` and `secret_key` (TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY: "
    "for a preview any pair will do, the sandbox's is in .sanmen/env)."
)
"""Begins with the official provider's words, which asks for a pair before anything else, for a preview too."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A configured provider. Empty key or domain: not configured."""

    region: str = DEFAULT_REGION
    protocol: str = DEFAULT_PROTOCOL
    domain: str = ""
    secret_id: str = ""
    secret_key: str = ""
    token: str = ""

    @classmethod
    def of(cls, arguments: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> "Settings":
        """Arguments first, then `TENCENTCLOUD_*`, then the official defaults."""
        env = os.environ if environment is None else environment

        def pick(argument: str, variable: str, default: str = "") -> str:
            return str(plain(arguments.get(argument)) or env.get(f"TENCENTCLOUD_{variable}") or default)

        return cls(
            region=pick("region", "REGION", DEFAULT_REGION),
            protocol=pick("protocol", "PROTOCOL", DEFAULT_PROTOCOL),
            domain=pick("domain", "DOMAIN"),
            secret_id=pick("secretId", "SECRET_ID"),
            secret_key=pick("secretKey", "SECRET_KEY"),
            token=pick("securityToken", "SECURITY_TOKEN"),
        )

    @property
    def has_keys(self) -> bool:
        """Whether there is a pair, unknown ones too."""
        return bool(self.secret_id and self.secret_key)

    def cloud(self, stopped: threading.Event, announce: Callable[[str], None]) -> Cloud:
        """The cloud these settings name; whether it is a sandbox is asked before its first call.

        Raises ProviderError when there is no endpoint or a wrong protocol.
        """
        if self.protocol not in ("HTTP", "HTTPS"):
            raise ProviderError(f"TENCENTCLOUD_PROTOCOL={self.protocol}: HTTP or HTTPS is needed")
        endpoint = Endpoint(protocol=self.protocol.lower(), domain=self.domain, announce=announce)
        endpoint.require_configured()
        keys = Credentials(secret_id=self.secret_id, secret_key=self.secret_key, token=self.token)
        return Cloud(region=self.region, endpoint=endpoint, credentials=keys, stopped=stopped)
