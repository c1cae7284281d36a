"""One world for all gateway tests; gateways of their own where a test changes them."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.scripted import Dialogue, ScriptedUpstream
from tests.gateway.world import REPOSITORY, Gateway, World, registry

MakeGateway = Callable[..., Gateway]
MakeUpstream = Callable[..., ScriptedUpstream]
PatchLua = Callable[[str, str, str], Path]


@pytest.fixture(scope="session")
def open_directory() -> Iterator[Path]:
    """nginx's workers are another user when the tests run as root, and pytest's own directory shuts others out."""
    with tempfile.TemporaryDirectory(prefix="sanmen-gateway-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="session")
def world(open_directory: Path) -> Iterator[World]:
    """Redis, name server, upstreams, CA."""
    made = World(open_directory)
    yield made
    made.close()


@pytest.fixture
def upstreams_behave(world: World) -> None:
    """Fresh, healthy upstreams."""
    world.alpha.behave()
    world.beta.behave()


@pytest.fixture
def make_gateway(world: World, open_directory: Path, upstreams_behave: None) -> Iterator[MakeGateway]:
    """Start gateways with changed settings; ended with the test."""
    made: list[Gateway] = []

    def make(tenants: str | None = registry().render(), lua: Path | None = None, **changes: Any) -> Gateway:
        directory = Path(tempfile.mkdtemp(prefix="gateway-", dir=open_directory))
        made.append(Gateway(directory, world.config(**changes), world.authority.certificate, tenants, lua))
        return made[-1]

    yield make
    for gateway in made:
        gateway.stop()


@pytest.fixture
def make_upstream(world: World) -> Iterator[MakeUpstream]:
    """Start upstreams that do what the test says; ended with the test."""
    made: list[ScriptedUpstream] = []

    def make(serve: Callable[[Dialogue], None], **options: Any) -> ScriptedUpstream:
        made.append(ScriptedUpstream(world, serve, **options))
        return made[-1]

    yield make
    for upstream in made:
        upstream.close()


@pytest.fixture
def patch_lua(open_directory: Path) -> PatchLua:
    """A copy of the gateway's Lua with one text replaced: for what no request can bring about, or only in minutes."""

    def patch(module: str, old: str, new: str) -> Path:
        copy = Path(tempfile.mkdtemp(prefix="lua-", dir=open_directory)) / "lua"
        shutil.copytree(REPOSITORY / "gateway" / "lua", copy)
        copy.parent.chmod(0o755)
        file = copy / "sanmen" / f"{module}.lua"
        assert file.read_text().count(old) == 1
        file.write_text(file.read_text().replace(old, new))
        return copy

    return patch


@pytest.fixture(scope="session")
def shared_gateway(world: World, open_directory: Path) -> Iterator[Gateway]:
    """A gateway with the usual settings."""
    gateway = Gateway(open_directory / "shared", world.config(), world.authority.certificate, registry().render())
    yield gateway
    gateway.stop()


@pytest.fixture
def gateway(shared_gateway: Gateway, upstreams_behave: None) -> Gateway:
    """The usual gateway before healthy upstreams."""
    return shared_gateway
