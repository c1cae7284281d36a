"""`python -m sandbox.upstream --bind IP:PORT --certificate chain.pem --key key.pem --settings file.json`."""

import argparse
import asyncio
import signal
import ssl
import sys
from pathlib import Path

from sandbox.upstream.behaviour import BehaviourFile, UnusableError
from sandbox.upstream.server import StandIn


async def serve(bind: str, context: ssl.SSLContext, settings: Path) -> None:
    """Serve until SIGTERM or SIGINT."""
    host, _, port = bind.rpartition(":")
    server = await StandIn(BehaviourFile(settings)).start(host.strip("[]"), int(port), context)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    bound = server.sockets[0].getsockname()
    print(f"upstream: listening on {bound[0]}:{bound[1]}", flush=True)
    await stop.wait()
    server.close()


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.upstream", description="The sandbox's LLM API stand-in")
    parser.add_argument("--bind", required=True, help="IP:PORT")
    parser.add_argument("--certificate", required=True, type=Path, help="PEM chain")
    parser.add_argument("--key", required=True, type=Path, help="PEM key")
    parser.add_argument("--settings", required=True, type=Path, help="JSON, read again when it changes")
    given = parser.parse_args()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(given.certificate, given.key)
    try:
        asyncio.run(serve(given.bind, context, given.settings))
    except UnusableError as reason:
        sys.exit(f"upstream: {reason}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
