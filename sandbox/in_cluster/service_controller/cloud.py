"""The cloud's API as the controller calls it: signed by the official SDK, load balancer tasks waited for.

The SDK's generic client sends what its typed ones send; their models alone would take 45 MB of memory per cluster.
"""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from requests.exceptions import RequestException
from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile

VERSIONS = {"clb": "2018-03-17", "ssl": "2019-12-05", "tag": "2018-08-13"}
TASK_POLL_S, TASK_TIMEOUT_S = 0.1, 60.0
BUSY_PAUSE_S, BUSY_TIMEOUT_S = 0.2, 30.0
"""A balancer takes one change at a time: how long another's is waited for."""
BUSY = "FailedOperation.ResourceInOperating"
SUCCESS, FAILED = 0, 1
PAGE = 20
"""How many targets, and how many ids, one call takes."""


class CloudError(Exception):
    """The cloud refused, or could not be asked. `code`: as the API has it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Cloud:
    """One account in one region."""

    def __init__(self, address: str, credentials: Path, region: str) -> None:
        """address: host:port of the API. credentials: a file as layout.CREDENTIALS, read again at every call."""
        self.region = region
        self._address = address
        self._credentials = credentials

    def read(self, service: str, action: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """The body of an answer. Raises CloudError."""
        try:
            key = json.loads(self._credentials.read_text())
            profile = ClientProfile(
                httpProfile=HttpProfile(protocol="http", endpoint=self._address, reqTimeout=20), language="en-US"
            )
            credential = Credential(key["secret_id"], key["secret_key"])
            client = CommonClient(service, VERSIONS[service], credential, self.region, profile)
            return client.call_json(action, dict(params))["Response"]
        except TencentCloudSDKException as error:
            raise CloudError(error.get_code() or "ClientError", error.get_message() or "") from None
        except RequestException as error:
            raise CloudError("ClientNetworkError", str(error)) from None
        except (OSError, ValueError, KeyError) as error:
            raise CloudError("ClientError.Credentials", f"{self._credentials}: {error!r}") from None

    def change(self, action: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Change a load balancer and wait for the task. Raises CloudError, also for a task that failed."""
        answer = self._when_idle(action, params)
        deadline = time.monotonic() + TASK_TIMEOUT_S
        while True:
            status = self.read("clb", "DescribeTaskStatus", {"TaskId": answer["RequestId"]})["Status"]
            if status == SUCCESS:
                return answer
            if status == FAILED:
                raise CloudError("TaskFailed", f"the task of {action} failed")
            if time.monotonic() > deadline:
                raise CloudError("TaskTimeout", f"the task of {action} has not ended after {TASK_TIMEOUT_S:.0f} s")
            time.sleep(TASK_POLL_S)

    def _when_idle(self, action: str, params: Mapping[str, Any]) -> dict[str, Any]:
        deadline = time.monotonic() + BUSY_TIMEOUT_S
        while True:
            try:
                return self.read("clb", action, params)
            except CloudError as error:
                if error.code != BUSY or time.monotonic() > deadline:
                    raise
            time.sleep(BUSY_PAUSE_S)
