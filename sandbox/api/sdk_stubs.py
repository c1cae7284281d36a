"""Writes type stubs for the official SDK, which ships without types: `python -m sandbox.api.sdk_stubs typings`.

The types come from the SDK's own docstrings (`:rtype:`). Any field may be unset, and the SDK does not say which, so a
field's type is `T | Any`: uses are checked as T, and a comparison with None stays legal.
"""

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import tencentcloud
from tencentcloud.common.abstract_model import AbstractModel

from sandbox.api.shapes import Shape, shapes_of

_MODEL = """from typing import Any

class AbstractModel:
    def _serialize(self, allow_none: bool = ...) -> dict[str, Any]: ...
    def _deserialize(self, params: dict[str, Any]) -> None: ...
    def to_json_string(self, *args: Any, **kwargs: Any) -> str: ...
    def from_json_string(self, jsonStr: str) -> None: ...
"""
_COMMON = {
    "abstract_model": _MODEL,
    "credential": """class Credential:
    secret_id: str
    secret_key: str
    token: str | None
    def __init__(self, secret_id: str, secret_key: str, token: str | None = ...) -> None: ...
""",
    "abstract_client": """from typing import Any
from tencentcloud.common.credential import Credential
from tencentcloud.common.profile.client_profile import ClientProfile

class AbstractClient:
    def __init__(self, credential: Credential, region: str, profile: ClientProfile | None = ...) -> None: ...
    def call_json(
        self, action: str, params: dict[str, Any], headers: dict[str, str] | None = ..., options: Any = ...
    ) -> dict[str, Any]: ...
""",
    "common_client": """from tencentcloud.common.abstract_client import AbstractClient
from tencentcloud.common.credential import Credential
from tencentcloud.common.profile.client_profile import ClientProfile

class CommonClient(AbstractClient):
    def __init__(
        self, service: str, version: str, credential: Credential, region: str, profile: ClientProfile | None = ...
    ) -> None: ...
""",
    "profile/__init__": "",
    "profile/client_profile": """from typing import Any
from tencentcloud.common.profile.http_profile import HttpProfile

class ClientProfile:
    httpProfile: HttpProfile
    language: str
    request_client: str | None
    disable_region_breaker: bool
    def __init__(
        self,
        signMethod: str | None = ...,
        httpProfile: HttpProfile | None = ...,
        language: str = ...,
        disable_region_breaker: bool = ...,
        region_breaker_profile: Any = ...,
        request_client: str | None = ...,
        retryer: Any = ...,
    ) -> None: ...
""",
    "profile/http_profile": """class HttpProfile:
    rootDomain: str
    endpoint: str | None
    protocol: str
    scheme: str
    reqTimeout: int
    keepAlive: bool
    def __init__(
        self,
        protocol: str | None = ...,
        endpoint: str | None = ...,
        reqMethod: str = ...,
        reqTimeout: int = ...,
        keepAlive: bool = ...,
        proxy: str | None = ...,
        rootDomain: str | None = ...,
        certification: str | None = ...,
        pre_conn_pool_size: int = ...,
    ) -> None: ...
""",
    "exception/__init__": "from .tencent_cloud_sdk_exception import *\n",
    "exception/tencent_cloud_sdk_exception": """class TencentCloudSDKException(Exception):
    code: str | None
    message: str | None
    requestId: str | None
    def __init__(self, code: str | None = ..., message: str | None = ..., requestId: str | None = ...) -> None: ...
    def get_code(self) -> str | None: ...
    def get_message(self) -> str | None: ...
    def get_request_id(self) -> str | None: ...
""",
}


def _hint(shape: Shape) -> str:
    name = shape.model.__name__ if shape.model else shape.kind.__name__
    return f"list[{name}]" if shape.listed else name


def models_stub(module: ModuleType) -> str:
    """The stub of a service's `models` module."""
    lines = ["from typing import Any", "", "from tencentcloud.common.abstract_model import AbstractModel", ""]
    for name, model in inspect.getmembers(module, inspect.isclass):
        if not issubclass(model, AbstractModel) or model is AbstractModel:
            continue
        lines.append(f"class {name}(AbstractModel):")
        lines += [f"    {field}: {_hint(shape)} | Any" for field, shape in shapes_of(model).items()]
        lines += ["    def __init__(self) -> None: ...", ""]
    return "\n".join(lines)


def client_stub(module: ModuleType, client: str) -> str:
    """The stub of a service's client module."""
    lines = ["from tencentcloud.common.abstract_client import AbstractClient", "", "from . import models", ""]
    lines.append(f"class {client}(AbstractClient):")
    for name, _ in inspect.getmembers(getattr(module, client), inspect.isfunction):
        if hasattr(module.models, f"{name}Request"):
            lines.append(f"    def {name}(self, request: models.{name}Request) -> models.{name}Response: ...")
    return "\n".join([*lines, ""])


def _services() -> Iterator[tuple[str, str]]:
    for service in pkgutil.iter_modules(tencentcloud.__path__):
        if service.ispkg and service.name != "common":
            package = importlib.import_module(f"tencentcloud.{service.name}")
            for version in pkgutil.iter_modules(package.__path__):
                yield service.name, version.name


def write(target: Path) -> None:
    """Write the stubs of every installed service below `target`/tencentcloud."""
    root = target / "tencentcloud"
    root.mkdir(parents=True, exist_ok=True)
    (target / ".gitignore").write_text("*\n")
    for name, text in {**{f"common/{name}": text for name, text in _COMMON.items()}, "__init__": ""}.items():
        path = root / f"{name}.pyi"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (root / "common" / "__init__.pyi").write_text("")
    for service, version in _services():
        folder = root / service / version
        folder.mkdir(parents=True, exist_ok=True)
        (root / service / "__init__.pyi").write_text("")
        (folder / "__init__.pyi").write_text("")
        (folder / "models.pyi").write_text(
            models_stub(importlib.import_module(f"tencentcloud.{service}.{version}.models"))
        )
        client = f"{service}_client"
        module = importlib.import_module(f"tencentcloud.{service}.{version}.{client}")
        (folder / f"{client}.pyi").write_text(
            client_stub(module, next(n for n in dir(module) if n.endswith("Client") and n != "AbstractClient"))
        )


if __name__ == "__main__":
    write(Path(sys.argv[1]))
