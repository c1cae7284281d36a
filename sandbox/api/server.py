"""The HTTP server around the front: on a port of the loopback, and on a unix socket for what lives in namespaces."""

import asyncio
import importlib.metadata
import json
import logging
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from sandbox.api import instance_metadata
from sandbox.api.actions import ACTIONS, Account
from sandbox.api.faults import FaultError
from sandbox.api.front import Front, Hang, Request

BODY_LIMIT_BYTES = 10 * 1024 * 1024
"""The cloud's own limit for TC3-HMAC-SHA256."""
_ROUTER = "x-sanmen-router"
_STOP_S = 3


def _version() -> str:
    try:
        return importlib.metadata.version("sanmen")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def _router(request: HttpRequest) -> str | None:
    """The router that forwarded the request. Only the unix socket (whose peers have no address) is believed."""
    return request.headers.get(_ROUTER) if request.client is None else None


def application(front: Front) -> Starlette:
    """The ASGI application; its lifespan starts and stops the scheduler."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        await run_in_threadpool(front.start)
        try:
            yield
        finally:
            await run_in_threadpool(front.scheduler.stop)

    async def about(request: HttpRequest) -> Response:
        if _router(request) is not None:
            return PlainTextResponse("Not Found", 404)
        services = sorted({action.service for action in ACTIONS.values()})
        about = {"sandbox": "sanmen", "version": _version(), "services": services, "resources": front.store.kinds()}
        return JSONResponse(about)

    async def faults(request: HttpRequest) -> Response:
        # Over the unix socket alone, which only root may use: a page in a browser reaches the port too.
        if request.client is not None or _router(request) is not None:
            return PlainTextResponse("Not Found", 404)
        try:
            if request.method == "POST":
                front.faults.add(json.loads(await request.body()))
            elif request.method == "DELETE":
                front.faults.clear()
            return JSONResponse(front.faults.waiting())
        except (FaultError, json.JSONDecodeError) as error:
            return JSONResponse({"error": str(error)}, 400)

    async def metadata(request: HttpRequest) -> Response:
        router = _router(request)
        if router is None:
            return PlainTextResponse("Not Found", 404)
        address = request.headers.get("x-forwarded-for", "").split(",")[-1].strip()
        found = await run_in_threadpool(
            instance_metadata.answer, front.store, Account(), router, address, request.url.path
        )
        return PlainTextResponse("Not Found", 404) if found is None else PlainTextResponse(found)

    async def api(request: HttpRequest) -> Response:
        body = await request.body()
        if len(body) > BODY_LIMIT_BYTES:
            return PlainTextResponse("Request Entity Too Large", 413)
        headers = {name.lower(): value for name, value in request.headers.items()}
        given = Request(method=request.method, path=request.url.path, headers=headers, body=body)
        try:
            return JSONResponse(await run_in_threadpool(front.answer, given))
        except Hang as hang:
            await asyncio.sleep(hang.seconds)
            return PlainTextResponse("Gateway Timeout", 504)

    return Starlette(
        lifespan=lifespan,
        routes=[
            Route("/.sanmen", about),
            Route("/.sanmen/faults", faults, methods=["GET", "POST", "DELETE"]),
            Route("/latest/{path:path}", metadata),
            Route("/{path:path}", api, methods=["GET", "POST", "PUT", "DELETE"]),
        ],
    )


class Server:
    """Listens and serves until stopped."""

    def __init__(self, front: Front, host: str, port: int, socket_path: Path | None) -> None:
        """Binds at once; port 0 takes any free one. Raises OSError with a plain message if an address is taken."""
        self._sockets = [_listen_tcp(host, port)]
        if socket_path is not None:
            self._sockets.append(_listen_unix(socket_path))
        config = uvicorn.Config(
            application(front),
            log_config=None,
            access_log=False,
            lifespan="on",
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=_STOP_S,
        )
        self._server = uvicorn.Server(config)
        logging.getLogger("uvicorn.error").setLevel(logging.WARNING)

    @property
    def port(self) -> int:
        """The TCP port."""
        return int(self._sockets[0].getsockname()[1])

    @property
    def started(self) -> bool:
        """Whether it answers."""
        return self._server.started

    def run(self) -> None:
        """Serve until a signal or stop()."""
        self._server.run(sockets=self._sockets)

    def stop(self) -> None:
        """Ask it to end; from any thread."""
        self._server.should_exit = True


def _listen_tcp(host: str, port: int) -> socket.socket:
    # asyncio turns Nagle off only for sockets that say they are TCP; with it on, each answer waits 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"{host}:{port}: cannot listen there: {error.strerror}") from None
    return listener


def _listen_unix(path: Path) -> socket.socket:
    """A socket file that nobody answers on is what a killed server left."""
    path.parent.mkdir(parents=True, exist_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        if probe.connect_ex(str(path)) == 0:
            listener.close()
            raise OSError(f"{path}: another API server answers there")
    path.unlink(missing_ok=True)
    listener.bind(str(path))
    # It is believed about who asks for metadata, so only root's forwarders may use it.
    path.chmod(0o600)
    return listener
