"""`.sanmen/`: what a person's shell needs to talk to the sandbox with the tools they know."""

import os
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

from sandbox import layout
from sandbox.api.credentials import AccountKey
from sandbox.commands import plugin, secret_file
from sandbox.plugins.tencentcloud.cloud import CLIENT
from sandbox.substrate import files
from sandbox.toolchain import local_bin

PASSPHRASE = "sanmen-local"
"""Of the `local` stack alone: its state lies in the sandbox, readable by its owner only, and goes with it."""
BACKEND = layout.STATE / "pulumi"
PASSPHRASE_FILE = layout.LOCAL / "passphrase"
NO_PROXY = ("NO_PROXY", "no_proxy")
NEAR = ".localhost,127.0.0.1"
TCCLI = """
# tccli takes keys and region from the environment, but no endpoint: without one it would call the real cloud.
tccli() {
    case "${1-}" in
    '' | -* | configure | auth) command tccli "$@" ;;
    *) command tccli "$@" --endpoint "$TENCENTCLOUD_ENDPOINT" ;;
    esac
}
"""


def engine_variables(home: Path = local_bin.PULUMI_HOME) -> dict[str, str]:
    """What any run of the engine needs; `home`: PULUMI_HOME. No credentials, no endpoint, no backend."""
    return {
        "PATH": f"{local_bin.BIN}:{os.environ.get('PATH', os.defpath)}",
        "PULUMI_HOME": str(home),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        # A plugin on PATH would be taken whatever its version, before those in PULUMI_HOME.
        "PULUMI_IGNORE_AMBIENT_PLUGINS": "true",
    }


def variables() -> dict[str, str]:
    """Everything that `.sanmen/env` exports."""
    key = AccountKey.read(layout.CREDENTIALS)
    secrets = {name: value for name, value in secret_file.ensure().items() if name != "demo_key"}
    return {
        **engine_variables(plugin.home_in_use()),
        "PULUMI_BACKEND_URL": f"file://{BACKEND}",
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(PASSPHRASE_FILE),
        # Those whose names end so are this machine; a proxy would take signed calls away from it.
        **{name: _joined(NEAR, os.environ.get(name)) for name in NO_PROXY},
        "TENCENTCLOUD_PROTOCOL": "HTTP",
        "TENCENTCLOUD_DOMAIN": f"{layout.API_ROOT_DOMAIN}:{layout.API_PORT}",
        "TENCENTCLOUD_ENDPOINT": f"http://{layout.API_HOST}:{layout.API_PORT}",
        "TENCENTCLOUD_SECRET_ID": key.secret_id,
        "TENCENTCLOUD_SECRET_KEY": key.secret_key,
        "TENCENTCLOUD_REGION": "ap-guangzhou",
        # How the official plugin shall call itself, so that what an unfinished run of it leaves is known as its own.
        "TENCENTCLOUD_API_REQUEST_CLIENT": f"official; {CLIENT}",
        **{f"SANMEN_SECRET_{name.upper()}": value for name, value in secrets.items()},
    }


def _env_text(exported: Mapping[str, str]) -> str:
    head = "# Source this: '. .sanmen/env'. Then pulumi and tccli work with the sandbox. Written by 'make up'.\n"
    path = f"export PATH={shlex.quote(str(local_bin.BIN))}:$PATH\n"
    near = (f"export {name}={NEAR}${{{name}:+,${name}}}\n" for name in NO_PROXY)
    own = {"PATH", *NO_PROXY}  # in another shell they are something else
    rest = (f"export {name}={shlex.quote(value)}\n" for name, value in exported.items() if name not in own)
    return head + path + "".join(near) + "".join(rest) + TCCLI


def _joined(*lists: str | None) -> str:
    return ",".join(each for each in lists if each)


def write() -> None:
    """Write `.sanmen/env`, `ca.pem`, `demo-key` and `passphrase` for this checkout."""
    BACKEND.mkdir(mode=0o700, parents=True, exist_ok=True)
    files.write(PASSPHRASE_FILE, PASSPHRASE)
    files.write(layout.LOCAL / "demo-key", secret_file.ensure()["demo_key"] + "\n")
    files.write(layout.LOCAL / "env", _env_text(variables()))
    shutil.copyfile(layout.CA_CERTIFICATE, layout.LOCAL / "ca.pem")
