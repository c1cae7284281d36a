"""A balancer's spec as an haproxy 2.6 configuration. Pure: reads no file and starts nothing.

Every route has a backend `<listener>.<route>`; if it is health-checked it also has `<listener>.<route>..all`, the
same targets unchecked, which answers when none is healthy: a balancer that has lost every probe is more likely wrong
than right (Tencent's 全死全活; source: docs/sources.md, CLB).
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from sandbox.substrate.errors import SubstrateError
from sandbox.substrate.specs import Balancer, Check, Listener, Route, Target

HARD_STOP_S = 600
"""How long an old worker may finish its streams after a reload."""
HEADER_TIMEOUT_S = 60
TCP_IDLE_S = 900
"""Idle time of layer 4 connections. Source: docs/sources.md, CLB (IdleConnectTimeout)."""
BALANCE = ("roundrobin", "leastconn", "source")
TLS_VERSIONS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
HAPROXY_TLS = {"TLSv1": "TLSv1.0"}
REDIRECT_CODES = (301, 302, 303, 307, 308)
NO_ROUTE = "no-route"
ALL = "..all"
LOG_FORMAT = '"%ci:%cp [%tr] %f %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %tsc %sslv %HM %[var(txn.host)] %{+Q}HPO"'
"""Path without query, and no header: either may hold a secret."""

_NAME = re.compile(r"[A-Za-z0-9_:-]{1,64}")
_DOMAIN = re.compile(r"~\S+|[a-z0-9_.*-]{0,253}")
_PATH = re.compile(r"(= ?)?/[!-~]*")
_WEIGHT = re.compile(r" weight \d+")


@dataclass(frozen=True, kw_only=True)
class Paths:
    """Where one balancer keeps its things."""

    directory: Path

    @property
    def config(self) -> Path:
        """The configuration haproxy runs with."""
        return self.directory / "haproxy.cfg"

    @property
    def socket(self) -> Path:
        """The runtime socket."""
        return self.directory / "admin.sock"

    @property
    def server_state(self) -> Path:
        """What the next worker takes over about each target."""
        return self.directory / "servers"

    @property
    def certificates(self) -> Path:
        """The directory of certificates and their lists."""
        return self.directory / "certificates"


def backend_name(listener: Listener, route: Route) -> str:
    """The backend of a route."""
    return f"{listener.name}.{route.name}"


def certificate_files(balancer: Balancer, paths: Paths) -> dict[Path, str]:
    """File -> content of every certificate and certificate list. Named by content: a new one disturbs no old worker."""
    files: dict[Path, str] = {}
    for listener in balancer.listeners:
        for pem in listener.certificates:
            files[_certificate_path(pem, paths)] = pem
        if listener.certificates:
            files[_list_path(listener, paths)] = _certificate_list(listener, paths)
    return files


def fingerprint(config: str) -> str:
    """What identifies a configuration, weights left out: those change while it runs."""
    return hashlib.sha256(_WEIGHT.sub("", config).encode()).hexdigest()[:24]


def render(balancer: Balancer, paths: Paths) -> str:
    """The whole configuration; its `description` is its fingerprint.

    Raises SubstrateError naming the listener or route that cannot be rendered.
    """
    _refuse_doubles(balancer)
    blocks = [_defaults(balancer)]
    for listener in balancer.listeners:
        blocks += _listener(listener, paths, log=balancer.access_log)
    body = "\n\n".join("\n".join(block) for block in blocks) + "\n"
    head = _global(balancer, paths)
    mark = fingerprint("\n".join(head) + body)
    return "\n".join([head[0], f"    description {mark}", *head[1:]]) + "\n\n" + body


def _global(balancer: Balancer, paths: Paths) -> list[str]:
    lines = [
        "global",
        f"    stats socket {paths.socket} mode 600 level admin expose-fd listeners",
        f"    server-state-file {paths.server_state}",
        f"    hard-stop-after {HARD_STOP_S}s",
        "    maxconn 8000",
        # A machine that allows fewer open files gets a smaller balancer, not none.
        "    no strict-limits",
        "    nbthread 1",
        "    tune.ssl.default-dh-param 2048",
        # Any version may be asked for by a listener; each bind line sets its own range.
        "    ssl-default-bind-options ssl-min-ver TLSv1.0",
        "    ssl-default-bind-ciphers DEFAULT@SECLEVEL=0" if _old_tls(balancer) else "",
    ]
    if balancer.access_log:
        lines.append("    log stdout format raw local0")
    return [line for line in lines if line]


def _old_tls(balancer: Balancer) -> bool:
    # OpenSSL 3 allows TLS 1.0 and 1.1 at security level 0 only.
    return any(version in ("TLSv1", "TLSv1.1") for listener in balancer.listeners for version in listener.tls_versions)


def _defaults(balancer: Balancer) -> list[str]:
    return [
        "defaults",
        "    load-server-state-from-file global",
        "    option redispatch",
        "    option http-no-delay",
        "    option dontlognull",
        "    retries 2",
        "    timeout queue 5s",
        "    timeout connect 4s",
        "    timeout client 60s",
        "    timeout server 60s",
        *(["    log global"] if balancer.access_log else []),
    ]


def _listener(listener: Listener, paths: Paths, *, log: bool) -> Iterator[list[str]]:
    if not 0 < listener.port < 65536:
        raise SubstrateError(f"listener {listener.name}: port {listener.port} is not one of 1-65535")
    if listener.protocol == "tcp":
        yield _tcp_frontend(listener, log=log)
    elif listener.protocol in ("http", "https"):
        yield _http_frontend(listener, paths, log=log)
        yield [
            f"backend {listener.name}.{NO_ROUTE}",
            "    mode http",
            '    http-request return status 404 content-type text/plain string "no rule for this host and path"',
        ]
    else:
        raise SubstrateError(f"listener {listener.name}: protocol is http, https or tcp, given {listener.protocol!r}")
    for route in listener.routes:
        yield _backend(listener, route, checked=True)
        if route.check and route.redirect_port is None:
            yield _backend(listener, route, checked=False)


def _tcp_frontend(listener: Listener, *, log: bool) -> list[str]:
    if len(listener.routes) > 1:
        raise SubstrateError(f"listener {listener.name}: a tcp listener has one route, given {len(listener.routes)}")
    lines = [
        f"frontend {listener.name}",
        f"    bind :{listener.port}",
        "    mode tcp",
        *(["    option tcplog"] if log else []),
        f"    timeout client {TCP_IDLE_S}s",
    ]
    for route in listener.routes:
        name = backend_name(listener, route)
        if route.check:
            lines.append(f"    use_backend {name}{ALL} if {{ nbsrv({name}) eq 0 }}")
        lines.append(f"    default_backend {name}")
    return lines


def _http_frontend(listener: Listener, paths: Paths, *, log: bool) -> list[str]:
    idle_s = max(listener.read_timeout_s, listener.send_timeout_s)
    proto = listener.protocol
    return [
        f"frontend {listener.name}",
        f"    bind :{listener.port}{_tls(listener, paths)}",
        "    mode http",
        *([f"    log-format {LOG_FORMAT}"] if log else []),
        f"    timeout client {idle_s}s",
        f"    timeout http-request {HEADER_TIMEOUT_S}s",
        # haproxy takes 0 as "no limit"; the cloud's 0 means no keep-alive at all.
        *(
            [f"    timeout http-keep-alive {listener.keepalive_s}s"]
            if listener.keepalive_s
            else ["    option httpclose"]
        ),
        f"    http-request deny deny_status 413 if {{ req.hdr_val(content-length) gt {listener.body_limit_bytes} }}",
        "    http-request set-var(txn.host) req.hdr(host),field(1,:),lower",
        *_domain_rules(listener),
        '    http-request set-header X-Forwarded-For "%[req.fhdr(x-forwarded-for)], %[src]"'
        " if { req.fhdr(x-forwarded-for) -m found }",
        "    http-request set-header X-Forwarded-For %[src] if !{ req.fhdr(x-forwarded-for) -m found }",
        f"    http-request set-header X-Forwarded-Proto {proto}",
        *_path_rules(listener),
        f"    default_backend {listener.name}.{NO_ROUTE}",
    ]


def _tls(listener: Listener, paths: Paths) -> str:
    if listener.protocol != "https":
        return ""
    if not listener.certificates:
        raise SubstrateError(f"listener {listener.name}: an https listener needs a certificate")
    unknown = set(listener.tls_versions) - set(TLS_VERSIONS)
    if unknown or not listener.tls_versions:
        raise SubstrateError(
            f"listener {listener.name}: tls_versions is one or more of {TLS_VERSIONS}, given {listener.tls_versions!r}"
        )
    places = sorted(TLS_VERSIONS.index(version) for version in listener.tls_versions)
    if any(after - before > 1 for before, after in pairwise(places)):
        raise SubstrateError(f"listener {listener.name}: tls_versions has a gap: {listener.tls_versions!r}")
    lowest, highest = TLS_VERSIONS[places[0]], TLS_VERSIONS[places[-1]]
    alpn = "h2,http/1.1" if listener.http2 else "http/1.1"
    return (
        f" ssl crt-list {_list_path(listener, paths)} alpn {alpn}"
        f" ssl-min-ver {HAPROXY_TLS.get(lowest, lowest)} ssl-max-ver {HAPROXY_TLS.get(highest, highest)}"
    )


def _certificate_path(pem: str, paths: Paths) -> Path:
    return paths.certificates / f"{hashlib.sha256(pem.encode()).hexdigest()[:24]}.pem"


def _certificate_list(listener: Listener, paths: Paths) -> str:
    return "".join(f"{_certificate_path(pem, paths)}\n" for pem in dict.fromkeys(listener.certificates))


def _list_path(listener: Listener, paths: Paths) -> Path:
    digest = hashlib.sha256(_certificate_list(listener, paths).encode()).hexdigest()[:12]
    return paths.certificates / f"{listener.name}-{digest}.list"


def _domains(listener: Listener) -> list[str]:
    return list(dict.fromkeys(route.domain for route in listener.routes))


def _domain_rules(listener: Listener) -> Iterator[str]:
    """Which of the listener's domains a request is for: exact, longest wildcard, regular expression, then the first."""
    domains = _domains(listener)
    for domain in domains:
        if not _DOMAIN.fullmatch(domain) or "'" in domain:
            raise SubstrateError(f"listener {listener.name}: cannot match the domain {domain!r}")
    unset = "!{ var(txn.domain) -m found } "
    for domain in sorted(domains, key=_domain_rank):
        match = _domain_match(domain)
        if match:
            place = domains.index(domain)
            yield f"    http-request set-var(txn.domain) str(d{place}) if {unset}{{ var(txn.host) {match} }}"
    if domains:
        default = next((domains.index(domain) for domain in domains if domain in ("", "*")), 0)
        yield f"    http-request set-var(txn.domain) str(d{default}) if {unset.strip()}"


def _domain_rank(domain: str) -> tuple[int, int]:
    if domain.startswith("~"):
        return (2, 0)
    return (1 if "*" in domain else 0, -len(domain))


def _domain_match(domain: str) -> str | None:
    if domain in ("", "*"):
        return None
    if domain.startswith("~"):
        return f"-m reg '{domain[1:]}'"
    if domain.startswith("*"):
        return f"-m end '{domain[1:]}'"
    if domain.endswith("*"):
        return f"-m beg '{domain[:-1]}'"
    return f"-m str '{domain}'"


def _path_rules(listener: Listener) -> Iterator[str]:
    """Exact paths (`= /path`) first, then prefixes, the longest first."""
    domains = _domains(listener)
    for route in sorted(listener.routes, key=lambda route: (not route.path.startswith("="), -len(route.path))):
        if not _PATH.fullmatch(route.path) or "'" in route.path or "\\" in route.path:
            raise SubstrateError(
                f"route {route.name}: path is a prefix such as /v1, or `= /exact`, given {route.path!r}"
            )
        kind, path = ("str", route.path[1:].strip()) if route.path.startswith("=") else ("beg", route.path)
        name = backend_name(listener, route)
        match = f"{{ var(txn.domain) -m str d{domains.index(route.domain)} }} {{ path -m {kind} '{path}' }}"
        if route.check and route.redirect_port is None:
            yield f"    use_backend {name}{ALL} if {match} {{ nbsrv({name}) eq 0 }}"
        yield f"    use_backend {name} if {match}"


def _backend(listener: Listener, route: Route, *, checked: bool) -> list[str]:
    mode = "tcp" if listener.protocol == "tcp" else "http"
    lines = [f"backend {backend_name(listener, route)}{'' if checked else ALL}", f"    mode {mode}"]
    if route.redirect_port is not None:
        return lines + _redirect(route)
    if route.balance not in BALANCE:
        raise SubstrateError(f"route {route.name}: balance is one of {BALANCE}, given {route.balance!r}")
    lines.append(f"    balance {route.balance}")
    if route.balance == "source":
        lines.append("    hash-type consistent")
    read_s = TCP_IDLE_S if mode == "tcp" else listener.read_timeout_s
    lines += [
        f"    timeout connect {listener.connect_timeout_s}s",
        f"    timeout server {read_s}s",
        f"    timeout tunnel {read_s}s",
    ]
    if mode == "http":
        lines.append("    http-reuse safe" if listener.target_keepalive else "    option http-server-close")
    check = route.check if checked else None
    if check:
        lines += _check(route, check)
    return lines + [_server(route, target, check) for target in route.targets]


def _redirect(route: Route) -> list[str]:
    if route.redirect_code not in REDIRECT_CODES:
        raise SubstrateError(
            f"route {route.name}: redirect_code is one of {REDIRECT_CODES}, given {route.redirect_code}"
        )
    port = "" if route.redirect_port == 443 else f":{route.redirect_port}"
    return [f"    http-request redirect prefix https://%[var(txn.host)]{port} code {route.redirect_code}"]


def _check(route: Route, check: Check) -> list[str]:
    if check.timeout_s > check.interval_s:
        raise SubstrateError(
            f"route {route.name}: check timeout_s {check.timeout_s} is longer than interval_s {check.interval_s}"
        )
    lines = [f"    timeout check {check.timeout_s}s"]
    if check.kind == "tcp":
        return [*lines, "    option tcp-check"]
    if check.kind != "http":
        raise SubstrateError(f"route {route.name}: check kind is http or tcp, given {check.kind!r}")
    if not _PATH.fullmatch(check.path) or "'" in check.path:
        raise SubstrateError(f"route {route.name}: check path starts with / and has no blank, given {check.path!r}")
    domain = route.domain if re.fullmatch(r"[a-z0-9.-]+", route.domain) else "health-check"
    return [
        *lines,
        "    option httpchk",
        f"    http-check send meth {check.method} uri '{check.path}' ver HTTP/1.1 hdr Host '{check.host or domain}'",
        f"    http-check expect status {_statuses(check.codes)}",
    ]


def _statuses(codes: Sequence[int]) -> str:
    if not codes or not set(codes) <= {1, 2, 3, 4, 5}:
        raise SubstrateError(f"a check's codes are first digits 1 to 5, given {codes!r}")
    return ",".join(f"{digit}00-{digit}99" for digit in sorted(set(codes)))


def _server(route: Route, target: Target, check: Check | None) -> str:
    if not 0 <= target.weight <= 256:
        raise SubstrateError(f"target {target.name}: weight is 0-256, given {target.weight}")
    line = f"    server {target.name} {target.address}:{target.port} weight {target.weight}"
    if route.https_targets:
        line += " ssl verify none sni var(txn.host)"
    if check:
        line += f" check inter {check.interval_s}s rise {check.rise} fall {check.fall}"
    return line


def _refuse_doubles(balancer: Balancer) -> None:
    _each_once(f"balancer {balancer.name}: listener", (listener.name for listener in balancer.listeners))
    _each_once(f"balancer {balancer.name}: port", (str(listener.port) for listener in balancer.listeners))
    for listener in balancer.listeners:
        _each_once(f"listener {listener.name}: route", (route.name for route in listener.routes))
        for route in listener.routes:
            _each_once(f"route {route.name}: target", (target.name for target in route.targets))


def _each_once(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if not _NAME.fullmatch(name):
            raise SubstrateError(f"{what} {name!r} is not a name of letters, digits, - _ :")
        if name in seen:
            raise SubstrateError(f"{what} {name} is given twice")
        seen.add(name)
