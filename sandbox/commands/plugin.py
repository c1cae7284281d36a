"""Which tencentcloud plugin answers the engine: the sandbox's own, or the official one where this machine has it.

The official one is the better proof: it was not written by those who wrote the sandbox.
"""

import shutil
from pathlib import Path

from sandbox import layout
from sandbox.commands.ownership import CommandError
from sandbox.plugins.protocol import ask
from sandbox.plugins.tencentcloud.schema import VERSION
from sandbox.toolchain import found, local_bin

OWN, OFFICIAL = "own", "official"
NAME = "pulumi-resource-tencentcloud"
FOLDER = f"resource-tencentcloud-v{VERSION}"
HOME = layout.LOCAL / "official"
"""PULUMI_HOME with the official plugin: all others are those of the project's own."""
IN_USE = layout.STATE / "official-plugin"
"""Stands while the sandbox's session uses the official plugin."""
ALLOWED = f"allowed are '{OWN}', '{OFFICIAL}' and the path of a {NAME} of version {VERSION}"


def home(given: str) -> tuple[Path, str]:
    """PULUMI_HOME in which the engine finds the plugin that was asked for, and who answers, in words.

    given: `own`, `official` (from the user's plugin folder) or the path of a plugin.
    Raises CommandError naming what was given, what is wrong with it and what is allowed.
    """
    if given == OWN:
        words = f"the sandbox's own, in place of the official {VERSION} (PLUGIN=official takes that, if you have it)"
        return local_bin.PULUMI_HOME, words
    path = _found() if given == OFFICIAL else _named(given)
    try:
        version = ask.version(path)
    except ask.PluginError as error:
        raise CommandError(f"PLUGIN={given}: {error}; {ALLOWED}") from None
    if version != VERSION:
        raise CommandError(
            f"PLUGIN={given}: {path} is version {version or 'unknown'}; {VERSION} is needed, for which the program's "
            f"Python package was made; {ALLOWED}"
        )
    _lay_out(path)
    return HOME, f"official {version}, {path}"


def use(home: Path) -> None:
    """Have the sandbox's session use the plugin of this PULUMI_HOME."""
    if home == HOME:
        IN_USE.touch()
    else:
        IN_USE.unlink(missing_ok=True)


def home_in_use() -> Path:
    """PULUMI_HOME of the sandbox's session."""
    return HOME if IN_USE.exists() else local_bin.PULUMI_HOME


def _found() -> Path:
    """The official plugin, where the user has one."""
    path = found.plugin(NAME, VERSION)
    if path is None:
        raise CommandError(
            f"PLUGIN={OFFICIAL}: there is no {FOLDER} in $PULUMI_HOME/plugins or {Path.home()}/.pulumi/plugins, and no "
            f"{NAME} {VERSION} on PATH.\n"
            f"  'pulumi plugin install resource tencentcloud {VERSION} --server github://api.github.com/tencentcloudstack'\n"
            f"  brings it, in a shell without .sanmen/env; or name the file: PLUGIN=PATH"
        )
    return path


def _named(given: str) -> Path:
    path = Path(given).expanduser().absolute()
    if path.is_dir():
        path /= NAME
    if not path.is_file():
        raise CommandError(f"PLUGIN={given}: there is no file {path}; {ALLOWED}")
    if path.resolve().is_relative_to(local_bin.PULUMI_HOME.resolve()):
        raise CommandError(f"PLUGIN={given}: this is the sandbox's own plugin; {ALLOWED}")
    return path


def _lay_out(official: Path) -> None:
    """Plugins by links: the engine reads folders, and starts what is in them."""
    shutil.rmtree(HOME / "plugins", ignore_errors=True)
    for folder in (local_bin.PULUMI_HOME / "plugins").iterdir():
        if folder.is_dir() and folder.name != FOLDER:
            (HOME / "plugins" / folder.name).mkdir(parents=True)
            for file in folder.iterdir():
                (HOME / "plugins" / folder.name / file.name).symlink_to(file)
    (HOME / "plugins" / FOLDER).mkdir(parents=True)
    (HOME / "plugins" / FOLDER / NAME).symlink_to(official)
