"""What a stack's settings file says that decides what must be built. Read as text: nothing is installed yet."""

import re

from sandbox import layout

FOLDER = layout.CHECKOUT / "stacks"
ON_TKE = re.compile(r"^[^#\n]*\bcompute[\"']?\s*:\s*[\"']?tke\b", re.MULTILINE)
"""A region whose gateways run on Kubernetes."""


def names() -> list[str]:
    """The stacks that have a file."""
    return sorted(path.name.split(".")[1] for path in FOLDER.glob("Pulumi.*.yaml"))


def on_tke(stack: str) -> bool:
    """True if some region of the stack is on TKE. A stack without a file has none: whoever uses it is told then."""
    settings = FOLDER / f"Pulumi.{stack}.yaml"
    return settings.exists() and bool(ON_TKE.search(settings.read_text(encoding="utf-8")))
