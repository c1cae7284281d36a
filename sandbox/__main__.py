"""`python -m sandbox up|down|status|exec|preview`."""

import argparse
import os
import signal
import sys

from gateway.image.recipe import ImageError
from sandbox import layout
from sandbox.commands.ownership import CommandError
from sandbox.substrate.errors import SubstrateError
from sandbox.toolchain.steps import ToolchainError

ROOT_COMMANDS = ("up", "down", "exec", "status")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    bring = commands.add_parser("up", help="bring up the sandbox and the local stack")
    commands.add_parser("down", help="remove this machine's sandbox")
    commands.add_parser("status", help="regions, resources, processes, addresses, health")
    which = "the tencentcloud plugin: own, official, or the path of one"
    bring.add_argument("--plugin", default="own", metavar="WHICH", help=which)
    run = commands.add_parser("exec", help="run a command as a client out on the internet")
    run.add_argument("--from", dest="region", choices=tuple(layout.REGIONS), help="near this region")
    run.add_argument("argv", nargs=argparse.REMAINDER, metavar="-- CMD", help="the command and its arguments")
    look = commands.add_parser("preview", help="what a stack would create, without credentials")
    look.add_argument("--plugin", default="own", metavar="WHICH", help=which)
    look.add_argument("stack")
    look.add_argument("words", nargs=argparse.REMAINDER, help="further words for pulumi preview")
    return top


def run(given: argparse.Namespace) -> int:
    """Do one command. Modules are imported when they are used: `preview` must not load the sandbox."""
    if given.command == "preview":
        from sandbox.commands.preview import preview

        return preview(given.stack, given.words, given.plugin)
    if given.command in ROOT_COMMANDS and os.geteuid() != 0:
        raise CommandError(f"'{given.command}' needs root, you are user {os.geteuid()}: become root first, 'sudo -i'")
    if given.command == "exec":
        from sandbox.substrate.network import clients

        argv = given.argv[1:] if given.argv[:1] == ["--"] else given.argv
        if not argv:
            raise CommandError("exec: no command given; 'python -m sandbox exec -- curl https://…' is the form")
        return clients.run(argv, given.region)
    if given.command == "up":
        from sandbox.commands.up import up

        up(given.plugin)
    elif given.command == "down":
        from sandbox.commands.down import down

        down()
    else:
        from sandbox.commands.status import status

        status()
    return 0


def main() -> None:
    """Exit code 1 and one message when a command fails."""
    # A request to end is an interrupt; and what a shell starts in the background would ignore interrupts.
    for wish in (signal.SIGINT, signal.SIGTERM):
        signal.signal(wish, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # under nohup a lost terminal is no reason to end
        signal.signal(signal.SIGHUP, signal.default_int_handler)
    os.umask(0o022)  # servers without privileges read what is made here; secrets have their own modes
    try:
        sys.exit(run(parser().parse_args()))
    except (CommandError, SubstrateError, ToolchainError, ImageError) as error:
        sys.exit(f"sanmen: {error}")
    except BrokenPipeError:  # as in `make status | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        sys.exit("\nsanmen: interrupted; 'make up' goes on from here, 'make down' removes it")


if __name__ == "__main__":
    main()
