"""Running the system's own tools, with errors that say what went wrong."""

import subprocess
from collections.abc import Sequence

from sandbox.substrate.errors import SubstrateError


def run(argv: Sequence[str], stdin: str | None = None, timeout_s: float = 30) -> str:
    """Run a command to its end and return what it printed.

    Raises SubstrateError with the command's first words and its complaint if it is missing, fails or hangs.
    """
    asked = " ".join(argv[:6])
    try:
        done = subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=timeout_s, check=False)
    except FileNotFoundError as error:
        raise SubstrateError(f"{argv[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise SubstrateError(f"{asked}: no answer within {timeout_s:.0f} s") from error
    if done.returncode != 0:
        complaint = (done.stderr.strip() or done.stdout.strip() or f"status {done.returncode}")[-600:]
        raise SubstrateError(f"{asked}: {complaint}")
    return done.stdout
