"""The schema that the official Kubernetes plugin carries, and objects held against it."""

import json
from collections.abc import Mapping
from typing import Any

import grpc
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from sandbox.plugins.protocol.values import UNKNOWN, Secret, Values, is_list, is_mapping

PRIMITIVES = {"string": str, "integer": int, "boolean": bool, "number": int | float}
ANY = "pulumi.json#/Any"
LIMIT_BYTES = 64 << 20


class Schema:
    """Pulumi's schema of the package."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._resources, self._types = document["resources"], document["types"]

    @classmethod
    def of(cls, port: int) -> "Schema":
        """Asked of a running plugin."""
        with grpc.insecure_channel(
            f"127.0.0.1:{port}", options=[("grpc.max_receive_message_length", LIMIT_BYTES)]
        ) as channel:
            stub: Any = provider_pb2_grpc.ResourceProviderStub(channel)
            return cls(json.loads(stub.GetSchema(provider_pb2.GetSchemaRequest()).schema))

    def faults(self, token: str, values: Values) -> dict[str, str]:
        """Field path -> what is wrong. UNKNOWN passes wherever it stands, and so do objects of another's API group."""
        group = token.rpartition(":")[0]
        if not any(known.startswith(f"{group}:") for known in self._resources):
            return {}
        described = self._resources[token]
        found: dict[str, str] = {}
        self._fields(described["inputProperties"], described.get("requiredInputs", []), values, "", found)
        return found

    def _fields(
        self,
        fields: Mapping[str, Any],
        required: list[str],
        values: Mapping[str, Any],
        path: str,
        found: dict[str, str],
    ) -> None:
        for name, value in values.items():
            if name in fields:
                self._value(fields[name], value, path + name, found)
            else:
                found[path + name] = "no such field"
        found |= {path + name: "missing" for name in required if values.get(name) is None}

    def _value(self, kind: Mapping[str, Any], value: Any, path: str, found: dict[str, str]) -> None:
        while isinstance(value, Secret):
            value = value.value
        if value is UNKNOWN or value is None or kind.get("$ref") == ANY:
            return
        if "oneOf" in kind:
            tries: list[dict[str, str]] = []
            for each in kind["oneOf"]:
                tries.append({})
                self._value(each, value, path, tries[-1])
            if all(tries):
                found |= tries[0]
        elif "$ref" in kind:
            described = self._types[kind["$ref"].removeprefix("#/types/")]
            if is_mapping(value):
                self._fields(described["properties"], described.get("required", []), value, f"{path}.", found)
            else:
                found[path] = "an object is wanted"
        elif kind["type"] == "array" and is_list(value):
            for index, item in enumerate(value):
                self._value(kind["items"], item, f"{path}[{index}]", found)
        elif kind["type"] == "object" and is_mapping(value):
            for name, item in value.items():
                self._value(kind["additionalProperties"], item, f"{path}.{name}", found)
        elif not _is(kind["type"], value):
            found[path] = f"{kind['type']} is wanted"


def _is(kind: str, value: Any) -> bool:
    if kind not in PRIMITIVES or isinstance(value, bool) != (kind == "boolean"):
        return False
    return isinstance(value, PRIMITIVES[kind])
