"""A cluster's authorities and certificates, in STATE/clusters/<name>/pki, made once and kept with the cluster.

ca.pem, ca.key              who is a client, and who is the API server
front.pem, front.key        who may speak for others to servers behind the API server
accounts.key, accounts.pem  what service accounts' tokens are signed with
issued/                     certificates by whom they are for
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

from sandbox import layout
from sandbox.substrate import authority, files
from sandbox.substrate.certificates import Issuer, new_key, public_key
from sandbox.substrate.errors import SubstrateError
from sandbox.substrate.locks import holding

DAYS = 3650
ADMIN = ("sanmen", ("system:masters",))
"""User and groups of the sandbox itself: may do all."""


@dataclass(frozen=True)
class Pair:
    """The files of a certificate and its private key."""

    certificate: Path
    key: Path

    def texts(self) -> tuple[str, str]:
        """Both, PEM."""
        return self.certificate.read_text(), self.key.read_text()


def directory(cluster: str) -> Path:
    """Where they lie."""
    return layout.STATE / "clusters" / cluster / "pki"


def ensure(cluster: str) -> None:
    """Make what a cluster has one of. A key without its certificate was left by a killed start: both are made anew."""
    for stem in ("ca", "front"):
        certificate, key = directory(cluster) / f"{stem}.pem", directory(cluster) / f"{stem}.key"
        if not certificate.exists():
            made = Issuer.create(f"{cluster} {stem}", DAYS)
            files.write(key, made.key)
            files.write(certificate, made.certificate)
    signing, public = directory(cluster) / "accounts.key", directory(cluster) / "accounts.pem"
    if not public.exists():
        files.write(signing, new_key())
        files.write(public, public_key(signing.read_text()))


def ca(cluster: str) -> str:
    """The certificate of the cluster's authority, PEM. Raises SubstrateError if there is no such cluster."""
    return _issuer(cluster, "ca").certificate


def issued(cluster: str, user: str, groups: Sequence[str] = (), *, names: Sequence[str] = (), by: str = "ca") -> Pair:
    """The certificate of a user with these groups, made when first asked for.

    names: the domains and addresses it is to be a server's for. Other names make it anew, with the same key.
    Raises SubstrateError if there is no such cluster.
    """
    # A user's name may have any character.
    told = json.dumps([by, user, sorted(groups)])
    stem = directory(cluster) / "issued" / hashlib.sha256(told.encode()).hexdigest()[:24]
    pair = Pair(stem.with_suffix(".pem"), stem.with_suffix(".key"))
    with holding("certificate", f"{cluster}/{stem.name}"):
        issuer = _issuer(cluster, by)
        if not pair.certificate.exists() or _names(pair) != tuple(names):
            known = pair.key.read_text() if pair.key.exists() else ""
            certificate, key = issuer.issue(user, DAYS, names=names, groups=groups, key=known)
            files.write(pair.key, key)
            files.write(pair.certificate, certificate)
        return pair


def api_server(cluster: str, services: IPv4Network, names: Sequence[str]) -> Pair:
    """The API server's own: for `names`, and for what it is called inside the cluster."""
    inside = [f"kubernetes{rest}" for rest in ("", ".default", ".default.svc", ".default.svc.cluster.local")]
    everywhere = dict.fromkeys([*inside, "localhost", "127.0.0.1", str(services[1]), *names])
    return issued(cluster, "kube-apiserver", names=tuple(everywhere))


def _issuer(cluster: str, stem: str) -> Issuer:
    try:
        certificate, key = (directory(cluster).joinpath(f"{stem}.{kind}").read_text() for kind in ("pem", "key"))
    except FileNotFoundError as error:
        raise SubstrateError(f"there is no cluster {cluster!r}") from error
    return Issuer(certificate, key)


def _names(pair: Pair) -> tuple[str, ...]:
    certificate = authority.read(pair.certificate.read_text())
    return authority.alternative_names(certificate)
