"""`.sanmen/`: what a person's shell needs to talk to the sandbox with the tools they know."""

import os
import shlex
import shutil
from collections.abc import Mapping

from sandbox import layout
from sandbox.api.credentials import AccountKey
from sandbox.commands import secret_file
from sandbox.substrate import files
from sandbox.toolchain import local_bin

PASSPHRASE = "sanmen-local"
"""Of the `local` stack alone: its state lies in the sandbox, readable by its owner only, and goes with it."""
BACKEND = layout.STATE / "pulumi"
PASSPHRASE_FILE = layout.LOCAL / "passphrase"
TCCLI = """
# tccli takes keys and region from the environment, but no endpoint: without one it would call the real cloud.
tccli() {
    case "${1-}" in
    '' | -* | configure | auth) command tccli "$@" ;;
    *) command tccli "$@" --endpoint "$TENCENTCLOUD_ENDPOINT" ;;
    esac
}
"""


def engine_variables() -> dict[str, str]:
    """What any run of the engine with the project's own plugins needs. No credentials, no endpoint, no backend."""
    return {
        "PATH": f"{local_bin.BIN}:{os.environ.get('PATH', os.defpath)}",
        "PULUMI_HOME": str(local_bin.PULUMI_HOME),
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
        **engine_variables(),
        "PULUMI_BACKEND_URL": f"file://{BACKEND}",
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(PASSPHRASE_FILE),
        "TENCENTCLOUD_PROTOCOL": "HTTP",
        "TENCENTCLOUD_DOMAIN": f"{layout.API_ROOT_DOMAIN}:{layout.API_PORT}",
        "TENCENTCLOUD_ENDPOINT": f"http://{layout.API_HOST}:{layout.API_PORT}",
        "TENCENTCLOUD_SECRET_ID": key.secret_id,
        "TENCENTCLOUD_SECRET_KEY": key.secret_key,
        "TENCENTCLOUD_REGION": "ap-guangzhou",
        **{f"SANMEN_SECRET_{name.upper()}": value for name, value in secrets.items()},
    }


def _env_text(exported: Mapping[str, str]) -> str:
    head = "# Source this: '. .sanmen/env'. Then pulumi and tccli work with the sandbox. Written by 'make up'.\n"
    path = f"export PATH={shlex.quote(str(local_bin.BIN))}:$PATH\n"
    rest = (f"export {name}={shlex.quote(value)}\n" for name, value in exported.items() if name != "PATH")
    return head + path + "".join(rest) + TCCLI


def write() -> None:
    """Write `.sanmen/env`, `ca.pem`, `demo-key` and `passphrase` for this checkout."""
    BACKEND.mkdir(mode=0o700, parents=True, exist_ok=True)
    files.write(PASSPHRASE_FILE, PASSPHRASE)
    files.write(layout.LOCAL / "demo-key", secret_file.ensure()["demo_key"] + "\n")
    files.write(layout.LOCAL / "env", _env_text(variables()))
    shutil.copyfile(layout.CA_CERTIFICATE, layout.LOCAL / "ca.pem")
