"""What can go wrong between a resource handler and the cloud, in the words the official provider uses."""

import re
from collections.abc import Iterable

ALWAYS_RETRIED = frozenset(
    {
        "ClientError.NetworkError",
        "ClientError.HttpStatusCodeError",
        "RequestLimitExceeded",
        "ResourceInUse",
        "ResourceUnavailable",
        "ResourceBusy",
        "InvalidParameter.ActionInProgress",
        "OperationDenied.InstanceStatusLimitError",
        "UnsupportedOperation.UnsupportedDeleteService",
        "FailedOperation.ListenerHasTask",
    }
)
"""Codes, or parts of a code before its first dot, that every call retries. Source: docs/sources.md, provider."""


class ProviderError(Exception):
    """A refusal in plain words; the engine shows the text as it is."""


class CloudError(ProviderError):
    """The API answered with an error, or did not answer (`ClientError.*`)."""

    def __init__(self, code: str, message: str, request_id: str = "") -> None:
        super().__init__(f"[TencentCloudSDKError] Code={code}, Message={message}, RequestId={request_id}")
        self.code = code
        self.message = message
        self.request_id = request_id

    def matches(self, *codes: str) -> bool:
        """True if the code, or its part before the first dot, is one of `codes`."""
        return self.code in codes or self.code.split(".", 1)[0] in codes

    @property
    def always_retried(self) -> bool:
        """True for what the official provider retries on every call."""
        return self.matches(*ALWAYS_RETRIED)


class WaitTimeout(ProviderError):
    """A state did not come in time."""


class Cancelled(ProviderError):
    """The engine asked to stop while a handler was waiting."""


class Immutable(ProviderError):
    """An argument that the schema lets change and the provider refuses to: a clean preview, a failing `up`."""

    def __init__(self, names: str | Iterable[str]) -> None:
        wanted = [names] if isinstance(names, str) else sorted(names)
        super().__init__("; ".join(f"argument `{snake_case(name)}` cannot be changed" for name in wanted))


def snake_case(name: str) -> str:
    """`bandwidthPackageId` -> `bandwidth_package_id`: an argument as Python programs and the provider write it."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
