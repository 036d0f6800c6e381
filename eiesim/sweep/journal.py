"""Results of sweeps in one SQLite file; no kill of a process loses or doubles one."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from eiesim.base.errors import EieError

APPLICATION = 0x45494553
"""SQLite's application_id of such a file: "EIES"."""
WAIT_S = 60.0
"""Longest wait of a writer for another one."""
IN_MEMORY = ":memory:"
"""Path of a journal that is in no file."""
AT_ONCE = 500
"""Keys of a query."""


class Journal:
    """The results of points by their key, in a file that is made if it is missing.

    Several processes may write to one file at once. A point that is stored already stays: its
    result is the same, since a key is the hash of everything that a result depends on. What failed
    for a passing reason is remembered until the journal is closed, and not written. Raises EieError
    if the file cannot be opened, or is another kind of file.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._passing: dict[str, Mapping[str, Any]] = {}
        with self._errors_named():
            self._connection = sqlite3.connect(self.path, timeout=WAIT_S, isolation_level=None)
            self._prepare()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def write(self, rows: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """Write results by key, all or none; ``passing`` ones are only remembered.

        Raises EieError if the file cannot be written; what was written before stays.
        """
        records = []
        for key, row in rows:
            if row.get("passing"):
                self._passing[key] = row
            else:
                records.append((key, json.dumps(row, allow_nan=False)))
        with self._errors_named():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._connection.executemany("INSERT OR IGNORE INTO results VALUES (?, ?)", records)
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def find(self, keys: Iterable[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield key and result of the points that are stored.

        Raises EieError if the file cannot be read.
        """
        wanted = list(keys)
        yield from ((key, self._passing[key]) for key in wanted if key in self._passing)
        for first in range(0, len(wanted), AT_ONCE):
            part = wanted[first : first + AT_ONCE]
            marks = ", ".join("?" * len(part))
            query = f"SELECT key, row FROM results WHERE key IN ({marks})"
            with self._errors_named():
                records = self._connection.execute(query, part).fetchall()
            yield from ((key, json.loads(row)) for key, row in records)

    def _prepare(self) -> None:
        (application,) = self._connection.execute("PRAGMA application_id").fetchone()
        (tables,) = self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if application not in (0, APPLICATION) or (not application and tables):
            raise EieError(f"{self.path}: expected a store of eiesim sweep, found another database")
        if application:
            return
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.execute(f"PRAGMA application_id = {APPLICATION}")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS results (key TEXT PRIMARY KEY, row TEXT NOT NULL) "
            "WITHOUT ROWID"
        )
        self._connection.execute("COMMIT")

    @contextmanager
    def _errors_named(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise EieError(
                f"{self.path}: expected a store of eiesim sweep that can be written, found: "
                f"{error}; what was stored before is kept"
            ) from error


@contextmanager
def open_journal(path: str | Path) -> Iterator[Journal]:
    """Open a `Journal`, and close it at the end."""
    with closing(Journal(path)) as journal:
        yield journal
