"""What a result depends on, as a name: hashes of files, draws and machines."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from eiesim.base.digest import hash_program
from eiesim.base.errors import EieError
from eiesim.catalog.layers import find_spec_file
from eiesim.catalog.operands import hash_file, load_layer
from eiesim.catalog.trained import trained_names
from eiesim.hardware import Hardware
from eiesim.importers.dump import is_dump
from eiesim.importers.kinds import Kind, holds
from eiesim.sweep.points import Values

SCHEMA = "eiesim sweep 2"
MATCHED = "matched/"
"""Before the name of a layer of the paper: drawn with the work of Table IV."""


def identify(layer: str, shared: Values) -> str:
    """Return what a layer and its input are, by content.

    Parameters
    ----------
    shared : mapping
        Values of the axes that are not the machine's.

    Raises
    ------
    EieError
        A name is unknown, or a file is missing.
    """
    return json.dumps([SCHEMA, hash_program(), _find_hash(layer), _hash_inputs(shared)])


def require_same(identity: str, layer: str, shared: Values) -> None:
    """Check that layer, input and program are still what the sweep began with.

    Parameters
    ----------
    identity : str
        From `identify`, when the sweep began.
    layer, shared
        As in `identify`; what they name was read since then.

    Raises
    ------
    EieError
        One of them is another now, or a file is missing.
    """
    _, program, *before = json.loads(identity)
    _, now_program, *now = json.loads(identify(layer, shared))
    if program != now_program:
        raise EieError(
            "eiesim: expected the program and packages that the sweep began with, found others; "
            "run the sweep again, with the same eiesim wherever it runs"
        )
    if before != now:
        what = layer if before[0] != now[0] else shared["inputs"]
        raise EieError(
            f"{what}: expected the file that the sweep began with, found another; run the sweep "
            "again"
        )


def _hash_inputs(shared: Values) -> dict[str, Any]:
    told = dict(sorted(shared.items()))
    if "inputs" in told:
        told["inputs"] = hash_file(told["inputs"])
    return told


def _find_hash(layer: str) -> str:
    if holds(layer, Kind.CONTAINER, Kind.ARRAYS):
        return hash_file(layer)
    if layer.startswith(MATCHED):
        return MATCHED + hash_file(find_spec_file(layer.removeprefix(MATCHED)))
    if is_dump(layer):
        return load_layer(layer)[2].sha256
    if layer.partition("/")[0] in trained_names():
        return layer  # one of a network's layers; its files are part of the program's hash
    return hash_file(find_spec_file(layer))


def make_key(identity: str, hw: Hardware) -> str:
    """Return the name of a point: the hash of everything that its result depends on.

    Parameters
    ----------
    identity : str
        From `identify`.
    """
    content = identity + json.dumps(vars(hw), sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:32]
