"""What Debian packages in a root file system consist of: their dependencies and the files they brought."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

_FIELD = re.compile(r"^(\S+): *(.*)$", re.MULTILINE)
_NOISE = re.compile(r"\(.*?\)|\[.*?\]|:any|:native")
"""Versions and architectures: what is installed satisfies them already."""


class MissingPackageError(Exception):
    """A package is not installed; the text names it."""


@dataclass(frozen=True, kw_only=True)
class Package:
    """An installed package. `needs`: choices of names, the first that is installed holds. `stanza`: as dpkg has it."""

    name: str
    architecture: str
    needs: tuple[tuple[str, ...], ...]
    provides: tuple[str, ...]
    stanza: str


@dataclass(frozen=True)
class Installed:
    """The packages of a root file system."""

    root: Path
    packages: Mapping[str, Package]

    @classmethod
    def read(cls, root: Path) -> "Installed":
        """From dpkg's own list."""
        text = (root / "var/lib/dpkg/status").read_text()
        found = [_package(stanza) for stanza in text.split("\n\n") if stanza.strip()]
        return cls(root, {package.name: package for package in found})

    def closure(self, names: Iterable[str], cut: Collection[str] = ()) -> set[str]:
        """Packages with all that they need, without those in `cut` and what only those need.

        Raises MissingPackageError.
        """
        found: set[str] = set()
        waiting = [self._choose((name,)) for name in names]
        while waiting:
            name = waiting.pop()
            if name in found or name in cut:
                continue
            found.add(name)
            waiting += [self._choose(choice) for choice in self.packages[name].needs]
        return found

    def _choose(self, names: tuple[str, ...]) -> str:
        for name in names:
            if name in self.packages:
                return name
            provider = next((each.name for each in self.packages.values() if name in each.provides), None)
            if provider:
                return provider
        raise MissingPackageError(f"no package {' or '.join(names)} in {self.root}")

    def paths(self, name: str) -> list[Path]:
        """A package's files and links, relative to the root; links that stand for a directory are followed."""
        lists = self.root / "var/lib/dpkg/info"
        package = self.packages[name]
        listed = next(
            path for path in (lists / f"{name}.list", lists / f"{name}:{package.architecture}.list") if path.is_file()
        )
        given = (Path(line.lstrip("/")) for line in listed.read_text().splitlines())
        paths = (self._merged(path) for path in given)
        return [path for path in paths if (self.root / path).is_symlink() or (self.root / path).is_file()]

    def _merged(self, path: Path) -> Path:
        """`lib/x` is `usr/lib/x` where `lib` is a link, as dpkg's lists do not know."""
        first, *rest = path.parts or (".",)
        top = self.root / first
        return Path(top.readlink(), *rest) if rest and top.is_symlink() else path


def _package(stanza: str) -> Package:
    fields: dict[str, str] = dict(_FIELD.findall(stanza))
    return Package(
        name=fields["Package"],
        architecture=fields["Architecture"],
        needs=(*_needs(fields.get("Pre-Depends", "")), *_needs(fields.get("Depends", ""))),
        provides=tuple(name for choice in _needs(fields.get("Provides", "")) for name in choice),
        stanza=stanza.strip() + "\n",
    )


def _needs(text: str) -> list[tuple[str, ...]]:
    """`a (>= 1), b | c` as ((a,), (b, c))."""
    choices = (_NOISE.sub("", choice).split("|") for choice in text.split(","))
    return [tuple(name.strip() for name in choice) for choice in choices if choice[0].strip()]
