"""The images as the pod runs them: as nobody, without capabilities, on a read-only root."""

import contextlib
import json
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.image import containers, oci
from sandbox import layout
from tests.gateway.containers import pods
from tests.gateway.world import (
    CREDENTIALS,
    KEY,
    REDIS_PASSWORD,
    WAIT_S,
    Program,
    World,
    free_port,
    listening,
    registry,
    until,
)

GATEWAY_ROOM = ("/run/sanmen/nginx", "/tmp")
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
CORES = len(os.sched_getaffinity(0)) + 1
"""Another number than the machine's."""
ASKED = {"model": "stand-in-large", "max_tokens": 64, "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture(scope="module")
def images() -> Path:
    return containers.build(layout.CACHE, lambda _text: None)


def test_nothing_of_the_machine_that_made_them_is_in_the_images(images: Path) -> None:
    for name in oci.digests(images):
        paths = {path for layer in pods.layers(images, name) for path in layer.getnames()}
        written_there = ("etc/machine-id", "etc/ld.so.cache", "etc/hostname", "etc/resolv.conf", "root", "home")
        kept_there = ("var/log/", "var/cache/", "var/lib/apt/", "var/lib/dpkg/info/")
        assert not paths.intersection(written_there)
        assert not [path for path in paths if path.startswith(kept_there) or path.endswith(".pyc")]
        assert "usr/lib/x86_64-linux-gnu/libc.so.6" in paths or "usr/lib/aarch64-linux-gnu/libc.so.6" in paths


Run = Callable[..., Program]


@pytest.fixture
def run(images: Path, tmp_path: Path) -> Iterator[Run]:
    """Start a container of an image; ended with the test."""
    made: dict[str, Program] = {}

    def start(name: str, **options: Any) -> Program:
        rootfs = tmp_path / name / "rootfs"
        rootfs.mkdir(parents=True)
        image = pods.unpack(images, name, rootfs)
        made[name] = pods.run(name, rootfs, image, **options)
        return made[name]

    yield start
    for name, program in made.items():
        if program.process.poll() is None:
            pods.kill(name, tmp_path / name / "rootfs", "KILL")
            program.process.wait(WAIT_S)


class Pod:
    """The gateway's container with settings and secrets as the pod mounts them."""

    def __init__(self, world: World, run: Run, directory: Path, **changes: Any) -> None:
        self.config = world.config(**{"drain_notice_s": 1, "workers": None, **changes})
        self.config = self.config.model_copy(update={"listen": self.config.listen.model_copy(update={"tls": None})})
        self.settings, self.secrets = directory / "settings", directory / "secrets"
        self.settings.mkdir()
        (self.settings / "gateway.json").write_text(self.config.render())
        self.secrets.mkdir()
        files = {f"upstream-{name}": credential for name, credential in CREDENTIALS.items()}
        for name, content in {**files, "redis-password": REDIS_PASSWORD, "tenants.json": registry().render()}.items():
            file = self.secrets / name
            file.write_text(content)
            file.chmod(0o440)  # and of the pod's group, as kubelet has it for fsGroup
            os.chown(file, 0, pods.USER)
        mounts = {"/etc/sanmen": self.settings, "/run/sanmen/secrets": self.secrets}
        self.program = run(
            "gateway",
            mounts=mounts | {CERTIFICATES: world.authority.certificate},
            writable=GATEWAY_ROOM,
            environment={"SANMEN_CORES": str(CORES)},
        )
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.config.listen.http_port}", timeout=WAIT_S)
        until(lambda: listening(self.config.listen.http_port) or self._ended(), "the gateway listens")
        assert not self._ended(), self.program.text()

    def _ended(self) -> bool:
        return self.program.process.poll() is not None

    def status(self, path: str) -> int:
        return self.client.get(path).status_code


@pytest.fixture
def pod(world: World, upstreams_behave: None, run: Run, tmp_path: Path) -> Pod:
    return Pod(world, run, tmp_path)


def test_a_pod_is_live_and_ready_and_serves(pod: Pod) -> None:
    assert pod.status("/healthz") == 200
    until(lambda: pod.status("/readyz") == 200, "ready")
    answer = pod.client.post("/v1/messages", json=ASKED, headers={"x-api-key": KEY})
    assert answer.status_code == 200, pod.program.text()
    assert answer.json()["content"]
    until(lambda: '"tenant":"one"' in pod.program.text(), "the usage record on standard output")


def test_a_pod_has_a_worker_for_each_core_it_may_use_and_no_rights(pod: Pod) -> None:
    def processes() -> dict[str, str]:
        """Pid -> status of all that runs as the pod's user."""
        found = dict[str, str]()
        for path in Path("/proc").glob("[0-9]*/status"):
            with contextlib.suppress(OSError):  # of others that end meanwhile
                found[path.parent.name] = path.read_text()
        return {pid: text for pid, text in found.items() if f"Uid:\t{pods.USER}\t" in text}

    def workers() -> int:
        titles = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in processes()]
        return len([title for title in titles if title.startswith(b"nginx: worker")])

    until(lambda: workers() == CORES, "a worker for each core")
    statuses = processes().values()
    assert len(statuses) == CORES + 2, "nginx's first process and the one that drains it"
    assert all("CapEff:\t0000000000000000" in text and "NoNewPrivs:\t1" in text for text in statuses)


def test_a_pod_that_shall_end_finishes_its_streams_first(pod: Pod, world: World, tmp_path: Path) -> None:
    until(lambda: pod.status("/readyz") == 200, "ready")
    world.alpha.behave(tokens=60, tokens_per_s=20)
    headers = {"x-api-key": KEY}
    with pod.client.stream("POST", "/v1/messages", json=ASKED | {"stream": True}, headers=headers) as answer:
        lines = answer.iter_lines()
        next(line for line in lines if "content_block_delta" in line)
        pods.kill("gateway", tmp_path / "gateway" / "rootfs", "TERM")
        with httpx.Client(base_url=pod.client.base_url) as other:
            until(lambda: other.get("/readyz").status_code == 503, "readiness fails first")
        rest = list(lines)
    assert len([line for line in rest if "content_block_delta" in line]) > 20, "it had ended before"
    assert any("message_stop" in line for line in rest), "the stream was cut"
    assert pod.program.process.wait(WAIT_S) == 0, pod.program.text()


def test_settings_that_cannot_be_end_a_pod_with_the_reason(world: World, run: Run, tmp_path: Path) -> None:
    settings = tmp_path / "settings"
    settings.mkdir()
    (settings / "gateway.json").write_text("{}")
    program = run("gateway", mounts={"/etc/sanmen": settings}, writable=GATEWAY_ROOM)
    assert program.process.wait(WAIT_S) == 1
    assert "/etc/sanmen/gateway.json: listen is missing" in program.text()


def test_the_redis_exporter_takes_its_password_from_the_file_that_the_pod_mounts(
    world: World, run: Run, tmp_path: Path
) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    address = f"redis://127.0.0.1:{world.redis_port}"
    (secrets / "redis-exporter.json").write_text(json.dumps({address: REDIS_PASSWORD}))
    program = run(
        "redis-exporter",
        arguments=[f"--redis.addr={address}", "--redis.password-file=/run/sanmen/secrets/redis-exporter.json"],
        mounts={"/run/sanmen/secrets": secrets},
    )
    assert "redis_up 1" in _metrics(9121, program)


def test_the_nginx_exporter_waits_for_an_nginx_that_comes_later(run: Run) -> None:
    port = free_port()
    program = run("nginx-prometheus-exporter", arguments=[f"--nginx.scrape-uri=http://127.0.0.1:{port}/stub_status"])
    until(lambda: "etry" in program.text(), "it has asked nginx, and nobody was there")
    with socket.create_server(("127.0.0.1", port)) as server:
        server.settimeout(WAIT_S)
        _answer(server)  # what it begins with
        until(lambda: listening(9113), program.text())
        asked = subprocess.Popen(["curl", "-sS", "http://127.0.0.1:9113/metrics"], stdout=subprocess.PIPE)
        _answer(server)
        said, _ = asked.communicate(timeout=WAIT_S)
    assert b"nginx_connections_active 3" in said


def _answer(server: socket.socket) -> None:
    """One answer as nginx gives it at stub_status."""
    body = b"Active connections: 3 \nserver accepts handled requests\n 9 9 20 \nReading: 0 Writing: 1 Waiting: 2 \n"
    peer, _ = server.accept()
    with peer:
        peer.recv(4096)
        peer.sendall(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))


def _metrics(port: int, program: Program) -> str:
    until(lambda: listening(port) or program.process.poll() is not None, program.text())
    assert program.process.poll() is None, program.text()
    return httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
