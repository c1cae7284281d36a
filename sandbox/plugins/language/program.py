"""Runs one Pulumi program in the engine's name: `python program.py --monitor … ENTRY`.

Starts in the program's own virtual environment, so it imports nothing but `pulumi` and the standard library.
Exit codes: 0 done, 32 the program failed and said so, 1 it failed in a way that is already logged as its own message.
"""

import argparse
import asyncio
import concurrent.futures
import logging
import os
import runpy
import signal
import sys
import traceback
from pathlib import Path

import pulumi
import pulumi.runtime

FAILED_AND_SAID_SO = 32
DEBUG_VARIABLE = "SANMEN_PROGRAM_DEBUG"
"""Set to `false` where nobody will see the SDK's debug messages: each is a call that the program waits for."""


def arguments() -> argparse.Namespace:
    """What the language host passes on from the engine's Run request."""
    parser = argparse.ArgumentParser()
    for name in ("monitor", "engine", "project", "stack", "organization", "root_directory", "pwd"):
        parser.add_argument(f"--{name}", default="")
    parser.add_argument("--dry_run", choices=("true", "false"), default="false")
    parser.add_argument("--parallel", type=int, default=16)
    parser.add_argument("entry")
    parser.add_argument("rest", nargs=argparse.REMAINDER)
    return parser.parse_args()


def configure(given: argparse.Namespace) -> None:
    """Point the SDK at the engine. Configuration comes in PULUMI_CONFIG, already decrypted."""
    pulumi.runtime.set_all_config(pulumi.runtime.get_config_env(), pulumi.runtime.get_config_secret_keys_env())
    pulumi.runtime.configure(
        pulumi.runtime.Settings(
            monitor=given.monitor,
            engine=given.engine,
            project=given.project,
            stack=given.stack,
            parallel=given.parallel,
            dry_run=given.dry_run == "true",
            organization=given.organization or "organization",
            root_directory=given.root_directory,
        )
    )


def own_frames(error: BaseException, directory: Path) -> str:
    """The traceback from the first frame of the user's program on: the SDK's frames above it help nobody."""
    frames = traceback.extract_tb(error.__traceback__)
    own = (Path(frame.filename) for frame in frames)
    first = next(
        (i for i, path in enumerate(own) if path.is_relative_to(directory) and not path.is_relative_to(sys.prefix)), 0
    )
    lines = traceback.format_list(frames[first:]) + traceback.format_exception_only(error)
    return "".join(lines)


def _unheard(
    msg: str, resource: pulumi.Resource | None = None, stream_id: int | None = None, ephemeral: bool | None = None
) -> None:
    """In the place of `pulumi.log.debug`."""


def run(given: argparse.Namespace) -> int:
    """Run the program until the engine has taken all it registered."""
    configure(given)
    os.chdir(given.pwd)
    entry = str(Path(given.pwd, given.entry))
    sys.argv = [given.entry, *given.rest]
    if os.environ.get(DEBUG_VARIABLE) == "false":
        pulumi.log.debug = _unheard
    loop = asyncio.new_event_loop()
    loop.set_default_executor(concurrent.futures.ThreadPoolExecutor(max_workers=4 * max(given.parallel, 1)))
    asyncio.set_event_loop(loop)
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)

    async def execute() -> None:
        runpy.run_path(entry, run_name="__main__")
        # One turn of the loop, and the SDK's list of registrations is filled. Found empty, it would wait for all
        # outputs at once, anew whenever one comes: time that grows with the square of the program.
        await asyncio.sleep(0)

    try:
        loop.run_until_complete(pulumi.runtime.run_in_stack(execute))
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        return 1
    except KeyboardInterrupt:
        return 1
    except Exception as error:
        pulumi.log.error(
            "Program failed with an unhandled exception:\n" + own_frames(error, Path(given.root_directory))
        )
        return FAILED_AND_SAID_SO
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


if __name__ == "__main__":
    # The engine ends its children with SIGINT; that is no event worth a traceback.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    code = run(arguments())
    # Threads that still wait for the engine must not keep a finished program alive.
    os._exit(code)
