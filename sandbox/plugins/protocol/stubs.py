"""The engine's gRPC messages and services, from the `pulumi` package, without importing `pulumi`.

`import pulumi` loads the whole SDK, about 0.3 s of CPU, and a preview starts a process per provider. The generated
modules need only their own package, so empty packages with the right search path stand in for `pulumi`,
`pulumi.runtime` and `pulumi.runtime.proto` while they load, unless this process has imported the real ones.
"""

import importlib.util
import sys
import types


def _stand_in() -> None:
    """Put the empty packages in place; where `pulumi` is already imported, or cannot be, nothing is touched."""
    if "pulumi" in sys.modules:
        return
    spec = importlib.util.find_spec("pulumi")
    if spec is None or not spec.submodule_search_locations:
        return
    folder = spec.submodule_search_locations[0]
    for name, path in (
        ("pulumi", folder),
        ("pulumi.runtime", f"{folder}/runtime"),
        ("pulumi.runtime.proto", f"{folder}/runtime/proto"),
    ):
        package = types.ModuleType(name)
        package.__path__ = [path]
        sys.modules[name] = package


_before = "pulumi" in sys.modules
_stand_in()

from pulumi.runtime.proto import (  # noqa: E402  the stand-ins come first
    analyzer_pb2,
    engine_pb2,
    engine_pb2_grpc,
    errors_pb2,
    language_pb2,
    language_pb2_grpc,
    plugin_pb2,
    provider_pb2,
    provider_pb2_grpc,
    status_pb2,
)

if not _before:
    # A later `import pulumi` in this process (tests do) gets the real package; the loaded modules stay.
    for _name in ("pulumi", "pulumi.runtime", "pulumi.runtime.proto"):
        sys.modules.pop(_name, None)

__all__ = [
    "analyzer_pb2",
    "engine_pb2",
    "engine_pb2_grpc",
    "errors_pb2",
    "language_pb2",
    "language_pb2_grpc",
    "plugin_pb2",
    "provider_pb2",
    "provider_pb2_grpc",
    "status_pb2",
]
