"""The state of the cloud: documents by kind and id, and tasks that wait for their time, in one SQLite file.

A document has the shape of the SDK's response model, plus private keys that begin with "_".
"""

import json
import os
import secrets
import sqlite3
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.api.errors import ApiError

ROOM_BYTES = 16 << 20
"""What must be free on the disk before anything is begun, so that all it writes fits."""

Doc = dict[str, Any]
Docs = list[Doc]

_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS docs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL, id TEXT NOT NULL, region TEXT NOT NULL, doc TEXT NOT NULL, client TEXT NOT NULL,
    UNIQUE (kind, id));
CREATE TABLE IF NOT EXISTS tasks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    due REAL NOT NULL, name TEXT NOT NULL, region TEXT NOT NULL, payload TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, failed TEXT);
"""


_client: ContextVar[str] = ContextVar("client", default="")


@contextmanager
def made_by(client: str) -> Generator[None]:
    """Documents that are new meanwhile, in this thread, are noted as made by this client of the API."""
    token = _client.set(client)
    try:
        yield
    finally:
        _client.reset(token)


class StateError(Exception):
    """The state cannot be written. The message says what to do."""


@dataclass(frozen=True, kw_only=True)
class WaitingTask:
    """A task that is due at `due` (seconds since the epoch). `attempts`: how often it was tried in vain."""

    id: int
    due: float
    name: str
    region: str
    payload: Doc
    attempts: int


def _files(database: Path) -> tuple[Path, Path]:
    return database, database.with_name(f"{database.name}-wal")


class Store:
    """Documents and tasks in one file; every method is safe from any thread, each write is on disk when it returns.

    A service that reads, decides and writes holds `lock` meanwhile.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.written_at = max((each.stat().st_mtime for each in _files(path) if each.exists()), default=0.0)
        """When an earlier process wrote the last time, by the clock of then; seconds since the epoch, 0: never."""
        path.touch(mode=0o600)
        self.path = path
        self.lock = threading.RLock()
        self._busy = threading.Lock()
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=30)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        with self._busy:
            self._database.close()

    def check_room(self) -> None:
        """Raise StateError unless there is room on the disk for what an action or a task writes."""
        disk = os.statvfs(self.path.parent)
        free = disk.f_bavail * disk.f_frsize
        if free < ROOM_BYTES:
            raise StateError(
                f"The disk that holds {self.path.parent} is full: {free >> 20} MiB are free, and "
                f"{ROOM_BYTES >> 20} MiB are needed. Nothing was changed. Make room there and try again."
            )

    @contextmanager
    def _cursor(self) -> Generator[sqlite3.Cursor]:
        with self._busy:
            cursor = self._database.cursor()
            try:
                yield cursor
            finally:
                cursor.close()

    def put(self, kind: str, id: str, doc: Doc, region: str = "") -> None:
        """Write a document. A later put without `region` leaves the document where it is, and in its place in lists."""
        with self._cursor() as cursor:
            cursor.execute(
                "INSERT INTO docs (kind, id, region, doc, client) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (kind, id) DO UPDATE SET "
                "doc = excluded.doc, region = CASE excluded.region WHEN '' THEN region ELSE excluded.region END",
                (kind, id, region, json.dumps(doc, ensure_ascii=False), _client.get()),
            )

    def find(self, kind: str, id: str) -> Doc | None:
        """The document (a fresh copy), or None."""
        with self._cursor() as cursor:
            row = cursor.execute("SELECT doc FROM docs WHERE kind = ? AND id = ?", (kind, id)).fetchone()
        return None if row is None else json.loads(row[0])

    def get(self, kind: str, id: str) -> Doc:
        """The document. Raises ApiError ResourceNotFound; a service whose code differs uses find()."""
        doc = self.find(kind, id)
        if doc is None:
            raise ApiError("ResourceNotFound", f"The resource `{id}` does not exist.")
        return doc

    def region_of(self, kind: str, id: str) -> str | None:
        """The region a document was put in ("" for global), or None if there is none."""
        with self._cursor() as cursor:
            row = cursor.execute("SELECT region FROM docs WHERE kind = ? AND id = ?", (kind, id)).fetchone()
        return None if row is None else str(row[0])

    def list(self, kind: str, region: str | None = None) -> Docs:
        """All documents of a kind in the order they were made; with `region`, that region's alone."""
        query, values = "SELECT doc FROM docs WHERE kind = ?", [kind]
        if region is not None:
            query, values = query + " AND region = ?", [kind, region]
        with self._cursor() as cursor:
            rows = cursor.execute(query + " ORDER BY seq", values).fetchall()
        return [json.loads(row[0]) for row in rows]

    def kinds(self) -> dict[str, int]:
        """How many documents there are of each kind."""
        with self._cursor() as cursor:
            return dict(cursor.execute("SELECT kind, count(*) FROM docs GROUP BY kind ORDER BY kind").fetchall())

    def last(self) -> int:
        """The number of the newest document; numbers only grow."""
        with self._cursor() as cursor:
            return int(cursor.execute("SELECT coalesce(max(seq), 0) FROM docs").fetchone()[0])

    def since(self, number: int, client: str) -> Sequence[tuple[str, str, Doc]]:
        """Kind, region and document of all that a client made after document `number`, oldest first."""
        with self._cursor() as cursor:
            query = "SELECT kind, region, doc FROM docs WHERE seq > ? AND client = ? ORDER BY seq"
            rows = cursor.execute(query, (number, client)).fetchall()
        return [(row[0], row[1], json.loads(row[2])) for row in rows]

    def delete(self, kind: str, id: str) -> bool:
        """Remove a document; False if there was none."""
        with self._cursor() as cursor:
            return cursor.execute("DELETE FROM docs WHERE kind = ? AND id = ?", (kind, id)).rowcount > 0

    def new_id(self, prefix: str) -> str:
        """`vpc-` or `vpc` -> `vpc-` and 8 base-36 characters."""
        return f"{prefix.removesuffix('-')}-{''.join(secrets.choice(_BASE36) for _ in range(8))}"

    def number(self, name: str, first: int = 1) -> int:
        """The next number of a named sequence, from `first` on."""
        with self.lock:
            value = int((self.find("_number", name) or {"next": first})["next"])
            self.put("_number", name, {"next": value + 1})
        return value

    def add_task(self, due: float, name: str, payload: Doc, region: str) -> None:
        """Keep a task until `due` (seconds since the epoch)."""
        with self._cursor() as cursor:
            cursor.execute(
                "INSERT INTO tasks (due, name, region, payload) VALUES (?, ?, ?, ?)",
                (due, name, region, json.dumps(payload, ensure_ascii=False)),
            )

    def tasks(self) -> Sequence[WaitingTask]:
        """The tasks that wait, soonest first; those given up are left out."""
        with self._cursor() as cursor:
            rows = cursor.execute(
                "SELECT id, due, name, region, payload, attempts FROM tasks WHERE failed IS NULL ORDER BY due, id"
            ).fetchall()
        return [
            WaitingTask(id=row[0], due=row[1], name=row[2], region=row[3], payload=json.loads(row[4]), attempts=row[5])
            for row in rows
        ]

    def end_task(self, id: int) -> None:
        """The task is done."""
        with self._cursor() as cursor:
            cursor.execute("DELETE FROM tasks WHERE id = ?", (id,))

    def postpone_task(self, id: int, due: float) -> None:
        """The task failed; try it again at `due`."""
        with self._cursor() as cursor:
            cursor.execute("UPDATE tasks SET due = ?, attempts = attempts + 1 WHERE id = ?", (due, id))

    def shift_tasks(self, seconds: float) -> None:
        """All tasks that wait are due that much later (earlier below 0)."""
        with self._cursor() as cursor:
            cursor.execute("UPDATE tasks SET due = due + ?", (seconds,))

    def give_up_task(self, id: int, reason: str) -> None:
        """The task failed for good; it stays in the file with its reason."""
        with self._cursor() as cursor:
            cursor.execute("UPDATE tasks SET failed = ? WHERE id = ?", (reason, id))
