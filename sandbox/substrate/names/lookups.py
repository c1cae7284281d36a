"""Questions to the sandbox's name server, asked on the sandbox's internet."""

import re

from sandbox import layout
from sandbox.substrate.commands import run


def texts(name: str) -> list[str]:
    """The TXT values of a full name, the strings of each joined; none if there is no such record.

    Raises SubstrateError if the name server does not answer.
    """
    inside = ["ip", "netns", "exec", layout.namespace(layout.INTERNET)]
    answer = run(
        [*inside, "dig", "+short", "+tries=2", "+time=2", f"@{layout.NAME_SERVER}", "TXT", f"{name.rstrip('.')}."]
    )
    return ["".join(re.findall(r'"((?:[^"\\]|\\.)*)"', line)) for line in answer.splitlines() if line.startswith('"')]
