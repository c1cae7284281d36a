"""Calls to the cloud API for handlers: signing, errors, retries and waits."""

import os
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from sandbox.plugins.tencentcloud.endpoint import Endpoint
from sandbox.plugins.tencentcloud.errors import Cancelled, CloudError, ProviderError, WaitTimeout

API_VERSIONS = {
    "as": "2018-04-19",
    "cam": "2019-01-16",
    "cbs": "2017-03-12",
    "clb": "2018-03-17",
    "cls": "2020-10-16",
    "cvm": "2017-03-12",
    "dnspod": "2021-03-23",
    "igtm": "2023-10-24",
    "kms": "2019-01-18",
    "monitor": "2018-07-24",
    "redis": "2018-04-12",
    "region": "2022-06-27",
    "ssl": "2019-12-05",
    "ssm": "2019-09-23",
    "sts": "2018-08-13",
    "tag": "2018-08-13",
    "tcr": "2019-09-24",
    "tke": "2018-05-25",
    "vpc": "2017-03-12",
}
"""Service -> API version the official provider uses. Source: the official SDK's clients."""

READ_RETRY_S, WRITE_RETRY_S = 180.0, 300.0
"""How long the official provider repeats a read, and a write, that meet an always-retried code."""
READS = ("Describe", "Get", "List", "Query", "Search")
"""How the names of reading actions begin."""
TIME_SCALE_VARIABLE = "SANMEN_TIME_SCALE"
"""Setting: seconds here per second of the official provider's retry loops; default 0.1, so three minutes are 18 s."""

CLIENT = "pulumi-tencentcloud"
"""What the plugin calls itself in its requests."""

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """The key pair, and the token of temporary keys."""

    secret_id: str
    secret_key: str
    token: str = ""


class Cloud:
    """One account in one region, behind one endpoint. Thread-safe."""

    def __init__(
        self, *, region: str, endpoint: Endpoint, credentials: Credentials, stopped: threading.Event | None = None
    ) -> None:
        self.region = region
        """The provider's region, as configured; the API decides whether it exists."""
        self._endpoint = endpoint
        self._credentials = credentials
        self._stopped = stopped or threading.Event()
        self._clients = threading.local()
        self._scale = time_scale()

    def call(
        self,
        service: str,
        action: str,
        params: Mapping[str, Any] | None = None,
        *,
        version: str | None = None,
        region: str | None = None,
        retry_s: float | None = None,
        retry: Callable[[CloudError], bool] | None = None,
    ) -> dict[str, Any]:
        """Call an action and return the body of its response (without the `Response` wrapper).

        params: in the API's casing; None values are left out at any depth. version: default by service
        (node pools of TKE: "2022-05-01"). retry_s, retry: see `repeat`; by default three minutes for what only reads
        and five for the rest; 0 where the provider does not repeat. Raises CloudError, the last one after retries.
        """
        body = _without_none(params or {})
        where = version or API_VERSIONS[service], region or self.region
        if retry_s is None:
            retry_s = READ_RETRY_S if action.startswith(READS) else WRITE_RETRY_S
        return self.repeat(lambda: self._send(service, *where, action, body), retry_s, retry, f"{service} {action}")

    def repeat(
        self, work: Callable[[], T], retry_s: float, retry: Callable[[CloudError], bool] | None = None, what: str = ""
    ) -> T:
        """Do `work` until it ends without an error that is retried, and return what it returns.

        Retried are the always-retried codes and what `retry` accepts, for `retry_s` seconds in the cloud's time. what:
        names the work when the engine stops it. Raises CloudError, the last one; other errors of `work` pass through.
        """
        deadline = time.monotonic() + retry_s * self._scale
        pause = 0.05
        while True:
            try:
                return work()
            except CloudError as error:
                again = error.always_retried or (retry is not None and retry(error))
                if not again or time.monotonic() + pause > deadline:
                    raise
            self._sleep(pause, what)
            pause = min(pause * 2, 1.0)

    def wait(
        self,
        state: Callable[[], T],
        until: Callable[[T], bool] | Collection[T],
        timeout_s: float,
        *,
        what: str = "",
        interval_s: float = 0.2,
    ) -> T:
        """Ask `state` until it is in `until` (a collection of states, or a predicate), and return that state.

        timeout_s, interval_s: real seconds, not scaled: a state that comes ends the wait. what: names the awaited thing
        in the error. Raises WaitTimeout with the last state seen; errors of `state` pass through.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            now = state()
            if until(now) if callable(until) else now in until:
                return now
            if time.monotonic() + interval_s > deadline:
                raise WaitTimeout(f"timeout while waiting for {what or 'the expected state'}: still {now!r}")
            self._sleep(interval_s, what)

    def _sleep(self, seconds: float, what: str) -> None:
        if self._stopped.wait(seconds):
            raise Cancelled(f"stopped while waiting for {what or 'the cloud'}")

    def _send(self, service: str, version: str, region: str, action: str, body: dict[str, Any]) -> dict[str, Any]:
        self._endpoint.require_sandbox()
        from requests.exceptions import RequestException
        from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

        try:
            answer: dict[str, Any] = self._client(service, version, region).call_json(action, body)
        except TencentCloudSDKException as error:
            raise _cloud_error(error) from None
        except RequestException as error:
            # The SDK translates what fails while it connects, not an answer that breaks off.
            raise CloudError("ClientError.NetworkError", str(error), "") from None
        return answer["Response"]

    def _client(self, service: str, version: str, region: str) -> Any:
        """A signing client of the official SDK. One per thread: its HTTP session is not made for several."""
        from tencentcloud.common.common_client import CommonClient
        from tencentcloud.common.credential import Credential
        from tencentcloud.common.profile.client_profile import ClientProfile
        from tencentcloud.common.profile.http_profile import HttpProfile

        clients: dict[str, Any] = self._clients.__dict__
        key = f"{service} {version} {region}"
        if key not in clients:
            host = f"{service}.{self._endpoint.domain}"
            profile = ClientProfile(
                httpProfile=HttpProfile(
                    protocol=self._endpoint.protocol, endpoint=host, certification=os.environ.get("SSL_CERT_FILE")
                ),
                language="en-US",
                request_client=CLIENT,
            )
            credential = Credential(
                self._credentials.secret_id, self._credentials.secret_key, self._credentials.token or None
            )
            clients[key] = CommonClient(service, version, credential, region, profile)
        return clients[key]


def time_scale() -> float:
    """The retry loops' scale from the environment. Raises ProviderError when it is not a number of 0 or more."""
    given = os.environ.get(TIME_SCALE_VARIABLE, "0.1")
    try:
        scale = float(given)
    except ValueError:
        scale = -1.0
    if not 0 <= scale <= 1:
        raise ProviderError(f"{TIME_SCALE_VARIABLE}={given}: a number from 0 to 1 is needed")
    return scale


def _cloud_error(error: Any) -> CloudError:
    """The SDK's exception with the codes the official (Go) provider would see."""
    code = {"ClientNetworkError": "ClientError.NetworkError", "ServerNetworkError": "ClientError.HttpStatusCodeError"}
    given = error.get_code() or "ClientError"
    return CloudError(code.get(given, given), error.get_message() or "", error.get_request_id() or "")


def _without_none(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _without_none(v) for k, v in value.items() if v is not None}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, list | tuple | set | frozenset):
        return [_without_none(v) for v in value]  # pyright: ignore[reportUnknownVariableType]
    return value
