"""The JSON schema of stack files, for editors. `python -m infra.settings.schema` writes it anew."""

import json
from pathlib import Path
from typing import Any

from infra.settings.stack import NAMESPACE, Stack

PATH = Path(__file__).resolve().parents[2] / "stacks" / "settings.schema.json"


def document() -> dict[str, Any]:
    """The schema of a file stacks/Pulumi.<env>.yaml."""
    stack = Stack.model_json_schema(mode="validation")
    definitions = stack.pop("$defs")
    properties: dict[str, Any] = stack["properties"]
    properties.pop("env")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Sanmen stack settings",
        "type": "object",
        "required": ["config"],
        "properties": {
            "encryptionsalt": {"type": "string"},
            "secretsprovider": {"type": "string"},
            "encryptedkey": {"type": "string"},
            "config": {
                "type": "object",
                "required": [f"{NAMESPACE}:{name}" for name in stack["required"] if name != "env"],
                "properties": {f"{NAMESPACE}:{name}": schema for name, schema in properties.items()},
            },
        },
        "$defs": definitions,
    }


def text() -> str:
    """The file's content."""
    return json.dumps(document(), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    PATH.write_text(text())
