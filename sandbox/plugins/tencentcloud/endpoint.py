"""Where the API is, and the proof that it is a sandbox: this plugin talks to nothing else."""

import ipaddress
import json
import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.plugins.tencentcloud.errors import ProviderError

SANDBOX_RANGE = ipaddress.ip_network("198.18.0.0/15")
HELLO_PATH = "/.sanmen"
RESTART_S, RETRY_S = 5.0, 0.1
"""How long an API that died may take to be started again by its supervisor, and how often it is asked meanwhile."""
ONLY_SANDBOX = (
    "this tencentcloud plugin is the sandbox's own and talks to sandboxes only; "
    "for the real cloud install the official one (pulumi plugin install resource tencentcloud 0.2.3)"
)


@dataclass(kw_only=True)
class Endpoint:
    """`<service>.<domain>` over `protocol`. `domain` may carry a port; empty: none configured."""

    protocol: str
    domain: str
    announce: Callable[[str], None] = print
    """Told once who answered."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _proven: bool = False

    def require_sandbox(self) -> None:
        """Return if a sandbox answers here; ask once. Raises ProviderError, and sends no request to any other host."""
        with self._lock:
            if self._proven:
                return
            self.require_configured()
            host, port = self._address()
            require_sandbox_host(host)
            use_loopback_for_localhost()
            version = self._ask(host, port)
            self._proven = True
        self.announce(f"tencentcloud: the sandbox {version} at {self.protocol}://{self.domain} answers")

    def require_configured(self) -> None:
        """Raises ProviderError, saying what to do, when there is no domain."""
        if not self.domain:
            raise ProviderError(
                "no cloud is configured: TENCENTCLOUD_DOMAIN is not set. Preview works without; for the rest start "
                "the sandbox (make up) and source .sanmen/env"
            )

    def _address(self) -> tuple[str, int]:
        host, _, port = self.domain.rpartition(":") if ":" in self.domain else (self.domain, "", "")
        if port and not port.isdigit():
            raise ProviderError(f"TENCENTCLOUD_DOMAIN={self.domain}: <host> or <host>:<port> is needed")
        return host, int(port) if port else (443 if self.protocol == "https" else 80)

    def _ask(self, host: str, port: int) -> str:
        """The sandbox's version."""
        import http.client  # here: a preview starts this plugin once per region and asks nobody

        connection_type = http.client.HTTPSConnection if self.protocol == "https" else http.client.HTTPConnection
        connection = connection_type(host, port, timeout=10)
        deadline = time.monotonic() + RESTART_S
        try:
            while connection.sock is None:
                try:
                    connection.connect()
                except ConnectionRefusedError:  # one that died is started again, and calls that met that are repeated
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(RETRY_S)
            connection.request("GET", HELLO_PATH)
            response = connection.getresponse()
            hello: Any = json.loads(response.read(65536))
        except (OSError, http.client.HTTPException) as error:
            raise ProviderError(
                f"nothing answers at {self.protocol}://{self.domain} ({error}): is the sandbox up? (make up)"
            ) from None
        except ValueError:
            hello = None
        finally:
            connection.close()
        if not isinstance(hello, dict) or hello.get("sandbox") != "sanmen":  # pyright: ignore[reportUnknownMemberType]
            raise ProviderError(f"{self.protocol}://{self.domain} is not a sandbox: {ONLY_SANDBOX}")
        return str(hello.get("version", "?"))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]


def require_sandbox_host(host: str) -> None:
    """Refuse, without a packet or a DNS question, any host that cannot be a sandbox. Raises ProviderError.

    Allowed: `localhost` and below, loopback addresses, and the sandbox's public range 198.18.0.0/15.
    """
    if host == "localhost" or host.endswith(".localhost"):
        return
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        address = None
    if address is None or not (address.is_loopback or address in SANDBOX_RANGE):
        raise ProviderError(f"endpoint {host}: {ONLY_SANDBOX}")


def use_loopback_for_localhost() -> None:
    """Make this process resolve `*.localhost` to 127.0.0.1 and use no proxy.

    RFC 6761 asks resolvers for the former; glibc's does it only for `localhost` itself, so `vpc.<domain>` would go out
    as a DNS question. A proxy from the environment would carry signed calls away from this machine.
    """
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        os.environ.pop(name, None)
    if getattr(socket.getaddrinfo, "loopback", False):
        return
    system = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **options: Any) -> Any:
        inside = isinstance(host, str) and host.rstrip(".").endswith(".localhost")
        return system("127.0.0.1" if inside else host, *args, **options)

    getaddrinfo.loopback = True  # pyright: ignore[reportFunctionMemberAccess] marks the replacement
    socket.getaddrinfo = getaddrinfo
