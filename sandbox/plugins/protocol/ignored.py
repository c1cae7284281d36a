"""Property paths that a program wants left alone (`ignore_changes`)."""

import re
from collections.abc import Iterable


def is_ignored(path: str, ignored: Iterable[str]) -> bool:
    """True if `path` is one of `ignored` or below it; `*` in those stands for any key or index."""
    return any(_pattern(other).match(path) for other in ignored)


def _pattern(path: str) -> re.Pattern[str]:
    literal = re.escape(path).replace(r"\[\*\]", r"\[[^\]]*\]").replace(r"\.\*", r"\.[^.\[]+")
    literal = r"[^.\[]+" if path == "*" else literal
    return re.compile(rf"{literal}(?:$|[.\[])")
