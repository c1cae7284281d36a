"""A gateway with everything around it, on free loopback ports: Redis, a name server, two upstreams, a CA.

Nothing is mocked: nginx, redis-server and the upstream stand-ins are the real programs.
"""

import contextlib
import hashlib
import json
import os
import random
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from gateway.config import (
    GatewayConfig,
    Licence,
    Limits,
    Listen,
    ModelFiling,
    Redis,
    Retries,
    Shape,
    Tenant,
    TenantRegistry,
    Tls,
    Upstream,
)
from tests.gateway.surroundings import Authority, NameServer

REPOSITORY = Path(__file__).resolve().parents[2]
IMAGE = REPOSITORY / "gateway" / "image"
KEY = "sk-tenant-one-0123456789"
SMALL_KEY = "sk-tenant-small-0123456789"
MAINLAND_KEY = "sk-tenant-mainland-0123456789"
DISABLED_KEY = "sk-tenant-disabled-0123456789"
CREDENTIALS = {"alpha": "upstream-alpha-credential", "beta": "upstream-beta-credential"}
REDIS_PASSWORD = "redis-test-password"
WAIT_S = 30.0
PORTS = range(20_000, 32_000)
"""Below those that the kernel takes for clients: one of them could be a client's before a server binds it."""


_ports = iter(random.sample(PORTS, len(PORTS)))


def free_port() -> int:
    """A TCP port that nobody listens on, and that is given out once."""
    for port in _ports:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no free port is left")


def until(condition: Callable[[], bool], about: str) -> None:
    """Wait for something that gives no event of its own."""
    deadline = time.monotonic() + WAIT_S
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {WAIT_S} s: {about}")
        select.select([], [], [], 0.02)


def listening(port: int) -> bool:
    """Whether a connection is accepted."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def sha256(key: str) -> str:
    """What a registry holds of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


@dataclass
class Program:
    """A child process whose output is kept in a file. Ended by its own pid."""

    process: subprocess.Popen[bytes]
    output: Path

    @classmethod
    def start(cls, command: Sequence[str | Path], output: Path, env: Mapping[str, str] | None = None) -> "Program":
        """Start it."""
        with output.open("ab") as stream:
            process = subprocess.Popen(
                command, stdout=stream, stderr=stream, cwd=REPOSITORY, env={**os.environ, **(env or {})}
            )
        return cls(process, output)

    def stop(self, number: int = signal.SIGKILL) -> None:
        """End it and wait."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.wait(WAIT_S)

    def text(self) -> str:
        """What it has printed."""
        return self.output.read_text(errors="replace")


@dataclass
class StandIn:
    """An upstream stand-in of its own process."""

    name: str
    port: int
    settings: Path
    program: Program | None = None
    client: httpx.Client = field(default_factory=lambda: httpx.Client(verify=False, trust_env=False))

    @property
    def host(self) -> str:
        """Its name on the certificate and in the name server."""
        return f"{self.name}.upstream.test"

    def start(self, certificate: Path, key: Path) -> None:
        """Run it; the caller waits until it listens."""
        command = [sys.executable, "-m", "sandbox.upstream", "--bind", f"127.0.0.1:{self.port}"]
        command += ["--certificate", f"{certificate}", "--key", f"{key}", "--settings", f"{self.settings}"]
        self.program = Program.start(command, self.settings.with_suffix(".log"))

    def behave(self, **behaviour: Any) -> None:
        """Change speed and failures; effective from the next request on."""
        draft = self.settings.with_suffix(".draft")
        draft.write_text(json.dumps({"credentials": [CREDENTIALS[self.name]], **behaviour}))
        draft.replace(self.settings)

    def report(self) -> dict[str, Any]:
        """What it has seen."""
        return self.client.get(f"https://127.0.0.1:{self.port}/.stand-in").json()

    def close(self) -> None:
        """End it."""
        self.client.close()
        if self.program:
            self.program.stop()


class World:
    """Everything around a gateway, and gateways by configuration."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.authority = Authority(directory)
        self.names = NameServer()
        self.redis_port = free_port()
        self.redis: Program | None = None
        self.start_redis()
        self.alpha, self.beta = self._stand_in("alpha"), self._stand_in("beta")
        for stand_in in (self.alpha, self.beta):
            until(lambda port=stand_in.port: listening(port), f"{stand_in.name} listens")

    def start_redis(self) -> None:
        """A Redis with a password, without persistence."""
        command = ["redis-server", "--port", str(self.redis_port), "--bind", "127.0.0.1", "--save", ""]
        command += ["--requirepass", REDIS_PASSWORD, "--dir", str(self.directory)]
        self.redis = Program.start(command, self.directory / "redis.log")
        until(lambda: listening(self.redis_port), "redis listens")

    def stop_redis(self) -> None:
        """Gone, connections refused."""
        if self.redis:
            self.redis.stop()

    def _stand_in(self, name: str) -> StandIn:
        stand_in = StandIn(name, free_port(), self.directory / f"{name}.json")
        stand_in.behave()
        self.names.table[stand_in.host] = "127.0.0.1"
        stand_in.start(*self.authority.issue(stand_in.host))
        return stand_in

    def upstream(self, stand_in: StandIn, **changes: Any) -> Upstream:
        """An upstream's settings, with time-outs that suit tests."""
        settings: dict[str, Any] = {
            "name": stand_in.name,
            "host": stand_in.host,
            "port": stand_in.port,
            "shapes": (Shape.ANTHROPIC, Shape.OPENAI),
            "order": 0 if stand_in.name == "alpha" else 1,
            "mainland": stand_in.name == "beta",
        }
        return Upstream(**(settings | changes))

    def config(self, **changes: Any) -> GatewayConfig:
        """A gateway's settings."""
        certificate, key = self.directory / "api.sanmen.test.pem", self.directory / "api.sanmen.test.key"
        if not certificate.exists():
            self.authority.issue("api.sanmen.test")
        settings: dict[str, Any] = {
            "env": "test",
            "region": "ap-beijing",
            "domain": "api.sanmen.test",
            "licence": Licence(
                icp_number="京ICP备00000000号-1",
                owner="测试 <公司>",
                site_name="三门",
                contact="ops@sanmen.test",
                public_security_number="京公网安备00000000000000号",
                model_filings=(ModelFiling(model="stand-in-large", number="Beijing-StandIn-0000"),),
            ),
            "upstreams": (self.upstream(self.alpha), self.upstream(self.beta)),
            "redis": Redis(host="127.0.0.1", port=self.redis_port, timeout_ms=20, retry_s=0.2),
            "listen": Listen(
                http_port=free_port(),
                tls_port=free_port(),
                metrics_port=free_port(),
                status_port=free_port(),
                tls=Tls(certificate_file=str(certificate), key_file=str(key)),
            ),
            "limits": Limits(requests_per_minute=100_000),
            "retries": Retries(minimum_per_s=1000),
            "resolvers": (f"127.0.0.1:{self.names.port}",),
            "tenants_poll_s": 0.1,
            "drain_notice_s": 0,
            "drain_s": 20,
            "workers": 2,
            "worker_connections": 1024,
        }
        return GatewayConfig(**(settings | changes))

    def close(self) -> None:
        """End everything."""
        self.alpha.close()
        self.beta.close()
        self.stop_redis()
        self.names.close()


def registry(**rates: int) -> TenantRegistry:
    """The tests' tenants."""
    return TenantRegistry(
        tenants=(
            Tenant(name="one", key_sha256=(sha256(KEY),), requests_per_minute=rates.get("one")),
            Tenant(name="small", key_sha256=(sha256(SMALL_KEY),), requests_per_minute=rates.get("small", 5)),
            Tenant(name="mainland", key_sha256=(sha256(MAINLAND_KEY),), mainland_only=True),
            Tenant(name="disabled", key_sha256=(sha256(DISABLED_KEY),), enabled=False),
        )
    )


class Gateway:
    """nginx as serve.py runs it, with its files in a directory of its own."""

    def __init__(
        self, directory: Path, config: GatewayConfig, ca: Path, tenants: str | None, lua: Path | None = None
    ) -> None:
        self.config = config
        self.directory = directory
        self.secrets = directory / "secrets"
        self.secrets.mkdir(parents=True)
        directory.chmod(0o755)
        self.write_secret("redis-password", REDIS_PASSWORD)
        for name, credential in CREDENTIALS.items():
            self.write_secret(f"upstream-{name}", credential)
        if tenants is not None:
            self.write_secret("tenants.json", tenants)
        settings = directory / "gateway.json"
        settings.write_text(config.render())
        home = directory / "home"
        home.mkdir()
        (home / "lua").symlink_to(lua or REPOSITORY / "gateway" / "lua")
        (home / "limits.lua").symlink_to(REPOSITORY / "gateway" / "redis" / "limits.lua")
        (home / "nginx.conf.template").symlink_to(REPOSITORY / "gateway" / "nginx.conf.template")
        self.records_file = directory / "records.log"
        command: list[str | Path] = [sys.executable, IMAGE / "serve.py", "--settings", settings, "--home", home]
        command += ["--secrets", self.secrets, "--run", directory / "run", "--spool", directory / "spool"]
        command += ["--ca", ca, "--log", self.records_file]
        self.program = Program.start(command, directory / "gateway.log")
        self.url = f"http://127.0.0.1:{config.listen.http_port}"
        self.client = httpx.Client(base_url=self.url, trust_env=False, timeout=WAIT_S)
        until(lambda: self._answers() or self.program.process.poll() is not None, "the gateway listens")
        if not self._answers():
            raise AssertionError(f"the gateway ended: {self.program.text()}")

    def _answers(self) -> bool:
        return listening(self.config.listen.metrics_port)

    def write_secret(self, name: str, content: str) -> None:
        """As the agent does: whole files, replaced."""
        draft = self.secrets / f".{name}"
        draft.write_text(content)
        draft.chmod(0o644)
        draft.replace(self.secrets / name)

    def post(self, path: str, body: Mapping[str, Any], key: str = KEY, **headers: str) -> httpx.Response:
        """A request with a tenant's key."""
        return self.client.post(path, json=body, headers={"x-api-key": key, **headers})

    def message(self, key: str = KEY, **body: Any) -> httpx.Response:
        """POST /v1/messages."""
        asked = {"model": "stand-in-large", "max_tokens": 64, "messages": [{"role": "user", "content": "hello"}]}
        return self.post("/v1/messages", asked | body, key)

    def metrics(self) -> str:
        """The Prometheus text."""
        address = f"http://127.0.0.1:{self.config.listen.metrics_port}/metrics"
        return httpx.get(address, trust_env=False).text

    def sample(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that have these labels."""
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        total = 0.0
        for line in self.metrics().splitlines():
            if line.split("{")[0].split(" ")[0] == name and all(item in line for item in wanted):
                total += float(line.rpartition(" ")[2])
        return total

    def records(self) -> list[dict[str, Any]]:
        """The usage records so far."""
        if not self.records_file.exists():
            return []
        return [json.loads(line) for line in self.records_file.read_text().splitlines()]

    def record_of(self, request_id: str) -> dict[str, Any]:
        """The usage record of a request; it is written when the request has ended."""
        found = list[dict[str, Any]]()

        def there() -> bool:
            found[:] = [record for record in self.records() if record["request_id"] == request_id]
            return bool(found)

        until(there, f"record of {request_id}: {self.program.text()[-2000:]}")
        assert len(found) == 1
        return found[0]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it and wait."""
        self.client.close()
        self.program.stop(number)
        return self.program.process.returncode
