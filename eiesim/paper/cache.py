"""Stored records of experiments, by the hash of all that they depend on."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from eiesim.base.caches import find_caches
from eiesim.base.digest import hash_program
from eiesim.base.errors import EieError
from eiesim.base.files import replacing
from eiesim.energy.cacti import name_cacti
from eiesim.paper.record import Record

FOLDER_VARIABLE = "EIESIM_CACHE"


def find_folder() -> Path:
    """Return the folder of records: $EIESIM_CACHE, or eiesim in the user's folder for caches."""
    folder = os.environ.get(FOLDER_VARIABLE)
    return Path(folder) if folder else find_caches() / "eiesim"


def make_key(name: str, data: Path, reads: Iterable[str]) -> str:
    """Return the hash of everything that an experiment depends on; a missing file counts, too."""
    digest = hashlib.sha256(f"{name}\0{hash_program()}\0{name_cacti()}".encode())
    for path in reads:
        digest.update(f"\0{path}\0".encode())
        with suppress(OSError):
            digest.update(b"there\0" + (data / path).read_bytes())
    return digest.hexdigest()


def load(name: str, key: str) -> Record | None:
    """Return the record with this key; None if there is none, or a damaged one."""
    with suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
        key_of_record, text = _file(name).read_text(encoding="utf-8").split("\n", 1)
        if key_of_record == key:
            return Record.from_json(text)
    return None


def keep(record: Record, key: str) -> None:
    """Store a record in place of an older one, if the folder can be written."""
    with suppress(OSError, EieError):
        file = _file(record.name)
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file) as stream:
            stream.write(f"{key}\n{record.to_json()}".encode())


def _file(name: str) -> Path:
    return find_folder() / f"{name}.json"
