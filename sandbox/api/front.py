"""Answers one API request: who asks, what is asked, may they, does it fit, then the service's own function."""

import json
import logging
import os
import signal
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox import layout
from sandbox.api import access, credentials, shapes, signature, throttle, validation
from sandbox.api.actions import ACTIONS, GLOBAL_SERVICES, SEEDS, Action, Caller, Context
from sandbox.api.credentials import AccountKey
from sandbox.api.errors import ApiError
from sandbox.api.faults import Fault, FaultError, Faults
from sandbox.api.scheduler import Scheduler
from sandbox.api.store import StateError, Store, made_by
from sandbox.substrate.errors import SubstrateError

log = logging.getLogger("sandbox.api")

_READS = ("Describe", "Get", "List", "Query")
"""How the names of actions begin that write nothing."""
_ROOT_DOMAINS = (layout.API_ROOT_DOMAIN, layout.API_INTRANET_DOMAIN, "tencentcloudapi.com")


@dataclass(frozen=True)
class Hang(Exception):
    """A time-out by configuration: the answer is held back this long."""

    seconds: float


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request as it came; header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


def host_service(host: str) -> str | None:
    """The service that a host name stands for (`vpc.<root domain>`, `cvm.ap-beijing.<root domain>`), if it does."""
    name = host.partition(":")[0].lower()
    if any(name.endswith(f".{root}") for root in _ROOT_DOMAINS):
        return name.partition(".")[0]
    return None


def _region(given: str | None, service: str) -> str:
    if service in GLOBAL_SERVICES:
        return ""
    if not given:
        raise ApiError("MissingParameter", "The request is missing a required parameter `Region`.")
    if given not in layout.REGIONS:
        allowed = ", ".join(layout.REGIONS)
        raise ApiError("UnsupportedRegion", f"The region `{given}` is not supported. Supported: {allowed}.")
    return given


def _find_action(service: str, version: str, name: str) -> Action:
    versions = {entry.version for entry in ACTIONS.values() if entry.service == service}
    if not versions:
        raise ApiError("NoSuchProduct", f"The product `{service}` does not exist.")
    if version not in versions:
        raise ApiError("NoSuchVersion", f"The version `{version}` of `{service}` does not exist.")
    found = ACTIONS.get((service, version, name))
    if found is None:
        raise ApiError("InvalidAction", f"The action `{name}` does not exist in `{service}` version `{version}`.")
    return found


class Front:
    """The API without its sockets. `answer` may be called from many threads."""

    def __init__(self, store: Store, account_key: AccountKey, faults: Faults, requests_per_s: int) -> None:
        self.store = store
        self.faults = faults
        self.scheduler = Scheduler(store)
        self._account_key = account_key
        self._throttle = throttle.Throttle(requests_per_s)

    def start(self) -> None:
        """Seed the account, then run tasks and reconcilers."""
        for seed in SEEDS:
            seed(Context(store=self.store, wake=self.scheduler.wake))
        self.scheduler.start()

    def answer(self, request: Request) -> dict[str, Any]:
        """The answer's JSON object; errors of the cloud are answers too. Raises Hang."""
        started, request_id = time.monotonic(), str(uuid.uuid4())
        code = "ok"
        try:
            return {"Response": {**self._answer(request, request_id), "RequestId": request_id}}
        except ApiError as error:
            code = error.code
            return _error(error, request_id)
        except Hang:
            code = "hang"
            raise
        except (SubstrateError, StateError) as error:
            code = "InternalError"
            log.error("%s: %s", request.headers.get("x-tc-action"), error)
            return _error(ApiError(code, str(error)), request_id)
        except Exception:  # whatever a service does, the caller gets the cloud's own error
            code = "InternalError"
            log.exception("%s failed", request.headers.get("x-tc-action"))
            message = "An internal error has occurred. The sandbox's API log says more."
            return _error(ApiError(code, message), request_id)
        finally:
            action, region = (_printable(request.headers.get(name)) for name in ("x-tc-action", "x-tc-region"))
            log.info("%s %s %s %.0fms %s", action, region, code, (time.monotonic() - started) * 1000, request_id)

    def _answer(self, request: Request, request_id: str) -> Mapping[str, Any]:
        headers = request.headers
        if request.method != "POST" or headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            raise ApiError("UnsupportedProtocol", "Only POST with content type `application/json` is supported.")
        service, caller = self._authenticate(request)
        for name in ("X-TC-Action", "X-TC-Version"):
            if not headers.get(name.lower()):
                raise ApiError("MissingParameter", f"The request is missing the required header `{name}`.")
        found = _find_action(service, headers["x-tc-version"], headers["x-tc-action"])
        region = _region(headers.get("x-tc-region"), service)
        self._throttle.take(service, found.name, region)
        try:
            given = json.loads(request.body or b"{}")
        except ValueError:
            raise ApiError("InvalidRequest", "The body of the request is not JSON.") from None
        model = validation.build(given, found.model)
        context = Context(
            store=self.store,
            region=region,
            caller=caller,
            request_id=request_id,
            headers=headers,
            wake=self.scheduler.wake,
        )
        access.check(context, service, found.name, model)
        if not found.name.startswith(_READS):
            self.store.check_room()
        return self._run(found, context, model)

    def _authenticate(self, request: Request) -> tuple[str, Caller]:
        authorization = signature.parse(request.headers.get("authorization"))
        token = request.headers.get("x-tc-token")
        secret_key, caller = credentials.look_up(self.store, self._account_key, authorization.secret_id, token)
        signature.verify(authorization, secret_key, request.path, request.headers, request.body)
        by_host = host_service(request.headers.get("host", ""))
        if by_host is not None and by_host != authorization.service:
            message = f"The credential scope names `{authorization.service}`, the host `{by_host}`."
            raise ApiError(signature.INVALID_AUTHORIZATION, message)
        return authorization.service, caller

    def _run(self, found: Action, context: Context, model: Any) -> Mapping[str, Any]:
        try:
            fault = self.faults.due(found.service, found.name)
        except FaultError as error:
            log.warning("%s", error)
            fault = None
        if fault is not None and fault.when == "before":
            _fire(fault)
        with made_by(_client(context.headers)):
            body = found.run(context, model) or {}
        answered = shapes.answer_of(found.model)
        if answered is not None:
            body = shapes.completed(body, answered)
        if fault is not None:
            _fire(fault)
        return body


def _client(headers: Mapping[str, str]) -> str:
    """What a client calls itself, behind its SDK's name: `SDK_PYTHON_3.1.1; name`."""
    return headers.get("x-tc-requestclient", "").partition(";")[2].strip()


def _fire(fault: Fault) -> None:
    log.warning("fault: %s at %s %s", fault.do, fault.service, fault.action)
    if fault.do == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if fault.do == "timeout":
        raise Hang(fault.seconds)
    if fault.do == "throttle":
        raise throttle.exceeded(21, 20)
    raise ApiError(fault.code, "This error was asked for by a fault of the sandbox.")


def _error(error: ApiError, request_id: str) -> dict[str, Any]:
    return {"Response": {"Error": {"Code": error.code, "Message": error.message}, "RequestId": request_id}}


def _printable(text: str | None) -> str:
    """Keeps a header from breaking the log's lines."""
    return "".join(each for each in (text or "-")[:64] if each.isalnum() or each in "-_.")
