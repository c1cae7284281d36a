"""The tables of docs/fidelity: what the official provider asks of the API, by resource type."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parents[3] / "docs" / "fidelity"
STEPS = ("create", "read", "update", "delete", "wait")
_COLUMNS = ("step", "action", "wire form", "read fields", "codes")


@dataclass(frozen=True)
class Row:
    """A call. `fields`: paths in the answer; `unchecked` those that the provider reads without a look."""

    step: str
    service: str
    action: str
    fields: tuple[str, ...]
    unchecked: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A resource type's rows, and the file they stand in."""

    file: str
    rows: tuple[Row, ...]

    def actions(self, step: str) -> set[str]:
        """The actions of a step, those of its waits and of the read that ends it."""
        steps = (step, "wait", *(("read",) if step in ("create", "update") else ()))
        return {f"{row.service}:{row.action}" for row in self.rows if row.step in steps}


@cache
def tables() -> Mapping[str, Table]:
    """Type token -> its table. Raises ValueError naming file and line for what is no such table."""
    found: dict[str, Table] = {}
    for path in sorted(FOLDER.glob("*.md")):
        for section in re.split(r"^## ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
            title, _, text = section.partition("\n")
            if re.fullmatch(r"[A-Z]\w*/\w+", title.strip()):
                module, name = title.strip().split("/")
                token = f"tencentcloud:{module}/{name}:{name[0].upper()}{name[1:]}"
                found[token] = Table(path.name, tuple(_rows(path.name, title, text)))
    return found


def _rows(file: str, title: str, text: str) -> list[Row]:
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    if not cells or tuple(cells[0]) != _COLUMNS:
        raise ValueError(f"{file}, {title}: a table with the columns {', '.join(_COLUMNS)} is wanted")
    return [_row(f"{file}, {title}", each) for each in cells[2:]]


def _row(where: str, cells: list[str]) -> Row:
    action = re.fullmatch(r"`?(\w+):(\w+)`?", cells[1]) if len(cells) == len(_COLUMNS) else None
    if action is None or cells[0] not in STEPS:
        raise ValueError(f"{where}: this is no row of such a table: {cells}")
    paths = [path.strip(" `") for path in re.split(r"[,;]", cells[3]) if path.strip()]
    odd = [path for path in paths if not re.fullmatch(r"[A-Z][\w.]*!?", path)]
    if odd:
        raise ValueError(f"{where}, {cells[1]}: these are no paths of fields: {odd}")
    return Row(
        step=cells[0],
        service=action.group(1),
        action=action.group(2),
        fields=tuple(path.removesuffix("!") for path in paths),
        unchecked=tuple(path.removesuffix("!") for path in paths if path.endswith("!")),
    )
