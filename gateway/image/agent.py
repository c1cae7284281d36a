#!/usr/bin/env python3
"""Brings secrets from Tencent's Secrets Manager (SSM) to files, and keeps them fresh. Python's own library only.

The machine's CAM role gives temporary keys by the metadata service; they sign GetSecretValue (TC3-HMAC-SHA256). The
secret's value is a JSON object: file name -> content. Nothing is printed but names, error codes and request ids.
"""

import argparse
import hashlib
import hmac
import json
import os
import pwd
import re
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError

METADATA = "http://metadata.tencentyun.com/latest/meta-data/cam/security-credentials/"
VERSION = "2019-09-23"
TIMEOUT_S = 10
FIRST_TRIES = 60
"""A machine's role and its network may come a little after its first process."""
OWNER = "www-data"
FILE_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")


class AgentError(Exception):
    """Secrets could not be fetched; the text holds none."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """agent.json."""

    secret_name: str
    region: str
    api_domain: str
    role: str
    poll_s: float

    @classmethod
    def load(cls, path: Path) -> "Settings":
        """Raises AgentError."""
        try:
            return cls(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError) as reason:
            raise AgentError(f"{path}: {reason}") from None


@dataclass(frozen=True, kw_only=True)
class Keys:
    """Temporary keys of the machine's role."""

    secret_id: str
    secret_key: str
    token: str


def temporary_keys(role: str) -> Keys:
    """From the metadata service. Raises AgentError."""
    try:
        with urllib.request.urlopen(METADATA + role, timeout=TIMEOUT_S) as answer:
            given: dict[str, Any] = json.load(answer)
        return Keys(secret_id=given["TmpSecretId"], secret_key=given["TmpSecretKey"], token=given["Token"])
    except (OSError, ValueError) as reason:
        raise AgentError(f"metadata service: {reason}") from None
    except KeyError as missing:
        raise AgentError(f"metadata service: no {missing.args[0]} for role {role}") from None


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def authorization(keys: Keys, service: str, host: str, body: bytes, timestamp: int) -> str:
    """The Authorization header of TC3-HMAC-SHA256 over content-type and host."""
    date = time.strftime("%Y-%m-%d", time.gmtime(timestamp))
    signed = "content-type;host"
    canonical = "\n".join(
        ("POST", "/", "", "content-type:application/json", f"host:{host}", "", signed, hashlib.sha256(body).hexdigest())
    )
    scope = f"{date}/{service}/tc3_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = _hmac(_hmac(_hmac(f"TC3{keys.secret_key}".encode(), date), service), "tc3_request")
    signature = _hmac(key, f"TC3-HMAC-SHA256\n{timestamp}\n{scope}\n{digest}").hex()
    return f"TC3-HMAC-SHA256 Credential={keys.secret_id}/{scope}, SignedHeaders={signed}, Signature={signature}"


def secret_files(settings: Settings, keys: Keys) -> dict[str, str]:
    """The secret's current value: file name -> content. Raises AgentError."""
    host = f"ssm.{settings.api_domain}"
    body = json.dumps({"SecretName": settings.secret_name, "VersionId": "current"}).encode()
    timestamp = int(time.time())
    headers = {
        "Authorization": authorization(keys, "ssm", host, body, timestamp),
        "Content-Type": "application/json",
        "X-TC-Action": "GetSecretValue",
        "X-TC-Version": VERSION,
        "X-TC-Region": settings.region,
        "X-TC-Timestamp": str(timestamp),
        "X-TC-Token": keys.token,
    }
    request = urllib.request.Request(f"https://{host}/", data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            response: dict[str, Any] = json.load(answer)["Response"]
        if error := response.get("Error"):
            raise AgentError(f"GetSecretValue: {error['Code']} (request {response.get('RequestId')})")
        return parse(response["SecretString"])
    except (URLError, OSError, ValueError, KeyError) as reason:
        raise AgentError(f"{host}: {type(reason).__name__} {reason if isinstance(reason, OSError) else ''}") from None


def parse(text: str) -> dict[str, str]:
    """A secret's value as files. Raises AgentError without quoting it."""
    try:
        files: Any = json.loads(text)
    except ValueError:
        raise AgentError("the secret's value is not JSON") from None
    if not isinstance(files, dict):
        raise AgentError("the secret's value is not a JSON object")
    checked: dict[str, str] = {}
    for name, content in files.items():  # pyright: ignore[reportUnknownVariableType]  # JSON
        if not isinstance(name, str) or not FILE_NAME.fullmatch(name) or not isinstance(content, str):
            raise AgentError("the secret's value: plain file names with text are wanted")
        checked[name] = content
    return checked


def store(directory: Path, files: dict[str, str]) -> list[str]:
    """Write what differs, each file whole or not at all, mode 0600, owned by the gateway. Returns their names."""
    directory.mkdir(mode=0o711, parents=True, exist_ok=True)
    changed = [name for name, content in files.items() if _read(directory / name) != content]
    for name in changed:
        with tempfile.NamedTemporaryFile("w", dir=directory, prefix=".", delete=False) as draft:
            draft.write(files[name])
        os.chmod(draft.name, 0o600)
        if os.geteuid() == 0:
            owner = pwd.getpwnam(OWNER)
            os.chown(draft.name, owner.pw_uid, owner.pw_gid)
        os.replace(draft.name, directory / name)
    return changed


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None


def refresh(settings: Settings, directory: Path) -> None:
    """One round. Raises AgentError."""
    changed = store(directory, secret_files(settings, temporary_keys(settings.role)))
    if changed:
        print(f"agent: wrote {', '.join(sorted(changed))}", flush=True)


def once(settings: Settings, directory: Path) -> int:
    """The first round, tried until it works or a minute has passed."""
    said: str | None = None
    for left in range(FIRST_TRIES, 0, -1):
        try:
            refresh(settings, directory)
        except AgentError as reason:
            said = _say_once(str(reason), said)
            if left > 1:
                time.sleep(1)
        else:
            return 0
    return 1


def follow(settings: Settings, directory: Path) -> None:
    """Round after round. A failed one changes nothing; the next one comes."""
    said: str | None = None
    while True:
        try:
            refresh(settings, directory)
            said = None
        except AgentError as reason:
            said = _say_once(str(reason), said)
        time.sleep(settings.poll_s)


def _say_once(text: str, said: str | None) -> str:
    """One line per change of what is wrong."""
    if text != said:
        print(f"agent: {text}", file=sys.stderr, flush=True)
    return text


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--settings", type=Path, default=Path("/etc/sanmen/agent.json"))
    parser.add_argument("--secrets", type=Path, default=Path("/run/sanmen/secrets"))
    parser.add_argument("--once", action="store_true", help="one round, tried for a minute")
    given = parser.parse_args()
    try:
        settings = Settings.load(given.settings)
    except AgentError as reason:
        print(f"agent: {reason}", file=sys.stderr)
        return 1
    if given.once:
        return once(settings, given.secrets)
    follow(settings, given.secrets)
    return 0


if __name__ == "__main__":
    sys.exit(main())
