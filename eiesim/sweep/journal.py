"""Results of sweeps in one SQLite file: nothing lost, nothing twice, whatever is killed when."""

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
"""How long a writer waits for another one."""
AT_ONCE = 500
"""Keys of a query."""


class Journal:
    """The results of points by their key.

    Several processes may write to one file at once: a point that is there already stays as it is,
    which is the same, since a key is the hash of everything that a result depends on. What failed
    for a passing reason is remembered until the journal is closed, and not written.

    Parameters
    ----------
    path : str or Path
        The file; made where there is none.

    Raises
    ------
    EieError
        It cannot be opened, or is another file.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._passing: dict[str, Mapping[str, Any]] = {}
        with self._asked():
            self._connection = sqlite3.connect(self.path, timeout=WAIT_S, isolation_level=None)
            self._prepare()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def write(self, rows: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """Write results, all or none.

        Parameters
        ----------
        rows : iterable of (str, mapping)
            Key and result of each point, ``passing`` in it where it may be another soon.

        Raises
        ------
        EieError
            The disk is full, or the file cannot be written; what was written before stays.
        """
        told = []
        for key, row in rows:
            if row.get("passing"):
                self._passing[key] = row
            else:
                told.append((key, json.dumps(row, allow_nan=False)))
        with self._asked():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._connection.executemany("INSERT OR IGNORE INTO results VALUES (?, ?)", told)
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def find(self, keys: Iterable[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield key and result of those points that are there.

        Parameters
        ----------
        keys : iterable of str
            Keys of points.

        Raises
        ------
        EieError
            The file cannot be read.
        """
        wanted = list(keys)
        yield from ((key, self._passing[key]) for key in wanted if key in self._passing)
        for first in range(0, len(wanted), AT_ONCE):
            some = wanted[first : first + AT_ONCE]
            marks = ", ".join("?" * len(some))
            query = f"SELECT key, row FROM results WHERE key IN ({marks})"
            with self._asked():
                found = self._connection.execute(query, some).fetchall()
            for key, row in found:
                yield key, json.loads(row)

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
    def _asked(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise EieError(
                f"{self.path}: expected a store of eiesim sweep that can be written, found: "
                f"{error}; what was stored before is kept"
            ) from error


@contextmanager
def open_journal(path: str | Path) -> Iterator[Journal]:
    """Open a store, and close it at the end.

    Parameters
    ----------
    path : str or Path
        The file; made where there is none.

    Raises
    ------
    EieError
        It cannot be opened, or is another file.
    """
    with closing(Journal(path)) as journal:
        yield journal
