"""A running API server and its official clients: real sockets, real signatures, a database of its own."""

import threading
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.credential import Credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile

from sandbox import services
from sandbox.api.actions import ACTIONS
from sandbox.api.credentials import make_account_key
from sandbox.api.faults import Faults
from sandbox.api.front import Front
from sandbox.api.server import Server
from sandbox.api.store import Store
from sandbox.services import plane
from tests.sandbox.recording import Recording

_START_S = 30.0


class LocalCloud:
    """The server of one test. Signs with the account's key unless another credential is given."""

    def __init__(self, directory: Path, requests_per_s: int) -> None:
        self.directory = directory
        self.socket = directory / "api.sock"
        self.key = make_account_key()
        self.store = Store(directory / "cloud.db")
        self.faults = Faults(directory / "faults.json")
        self.front = Front(self.store, self.key, self.faults, requests_per_s)
        self.server = Server(self.front, "127.0.0.1", 0, self.socket)
        self._thread = threading.Thread(target=self.server.run, name="api server")

    @property
    def address(self) -> str:
        """host:port of the server."""
        return f"127.0.0.1:{self.server.port}"

    @property
    def credential(self) -> Credential:
        """The account's own."""
        return Credential(self.key.secret_id, self.key.secret_key)

    def start(self) -> None:
        """Serve in a thread."""
        self._thread.start()
        self.until(lambda: self.server.started, "the API server")

    def stop(self) -> None:
        """End it and close the database."""
        self.server.stop()
        self._thread.join()
        self.store.close()

    def client(
        self, service: str, version: str, region: str = "ap-beijing", credential: Credential | None = None
    ) -> CommonClient:
        """The SDK's generic client."""
        profile = ClientProfile(httpProfile=HttpProfile(protocol="http", endpoint=self.address))
        return CommonClient(service, version, credential or self.credential, region, profile)

    def call(
        self,
        service: str,
        action: str,
        params: Mapping[str, Any] | None = None,
        *,
        region: str = "ap-beijing",
        version: str = "",
        credential: Credential | None = None,
    ) -> dict[str, Any]:
        """The body of an answer. Raises the SDK's TencentCloudSDKException. version: default the registered one."""
        if not version:
            version = next(key[1] for key in ACTIONS if key[0] == service and key[2] == action)
        client = self.client(service, version, region, credential)
        return client.call_json(action, dict(params or {}))["Response"]

    def until(self, happened: Any, what: str, seconds: float = _START_S) -> None:
        """Ask until it has happened. Raises TimeoutError naming it."""
        deadline = time.monotonic() + seconds
        while not happened():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what}: not within {seconds} s")
            time.sleep(0.02)


@contextmanager
def local_cloud(
    directory: Path, requests_per_s: int = 10000, substrate: plane.Plane | None = None
) -> Generator[LocalCloud]:
    """A server of all services whose files stand in `directory`. `substrate`: default one that only records."""
    services.load()
    with plane.use(substrate or Recording()):
        cloud = LocalCloud(directory, requests_per_s)
        cloud.start()
        try:
            yield cloud
        finally:
            cloud.stop()
