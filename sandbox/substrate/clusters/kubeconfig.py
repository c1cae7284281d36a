"""A kubeconfig: how a client reaches a cluster's API server, and as whom."""

import base64
from dataclasses import dataclass

import yaml


@dataclass(frozen=True, kw_only=True)
class Access:
    """server: URL. ca, certificate, key: PEM. proxy: URL of the proxy on the way, none: it is reached directly."""

    server: str
    ca: str
    certificate: str
    key: str
    proxy: str | None = None


def text(access: Access, *, cluster: str, user: str = "admin") -> str:
    """The file's text, YAML. `cluster`, `user`: what the two are called in it."""
    reached: dict[str, str] = {"server": access.server, "certificate-authority-data": _data(access.ca)}
    if access.proxy:
        reached["proxy-url"] = access.proxy
    context = f"{user}@{cluster}"
    settings: dict[str, object] = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": cluster, "cluster": reached}],
        "users": [
            {
                "name": user,
                "user": {
                    "client-certificate-data": _data(access.certificate),
                    "client-key-data": _data(access.key),
                },
            }
        ],
        "contexts": [{"name": context, "context": {"cluster": cluster, "user": user}}],
        "current-context": context,
    }
    return yaml.safe_dump(settings, sort_keys=False)


def _data(pem: str) -> str:
    return base64.b64encode(pem.encode()).decode()
