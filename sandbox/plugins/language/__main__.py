"""`python -m sandbox.plugins.language [flags] ENGINE_ADDRESS`: serve until the engine interrupts."""

import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc

from sandbox.plugins.language.host import LanguageHost
from sandbox.plugins.language.policy_proxy import OPTIONS
from sandbox.plugins.protocol.stubs import language_pb2_grpc


def main() -> None:
    """Print the port as the first line, then serve."""
    positional = [word for word in sys.argv[1:] if not word.startswith("-")]
    done = threading.Event()

    def leave(_number: int, _frame: object) -> None:
        done.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, leave)
    server = grpc.server(ThreadPoolExecutor(max_workers=32), options=OPTIONS)
    host = LanguageHost(positional[-1] if positional else "")
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    parent = os.getppid()
    while not done.wait(2.0) and os.getppid() == parent:
        pass  # a killed engine signals nobody
    host.children.end_all()
    server.stop(None)
    os._exit(0)


if __name__ == "__main__":
    main()
