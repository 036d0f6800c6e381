"""What a result depends on, as a name: hashes of files, draws and machines."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from eiesim import __version__
from eiesim.benchmark import find_spec_file
from eiesim.hardware import Hardware
from eiesim.importers.dump import is_dump
from eiesim.model import EIE
from eiesim.study.experiment import hash_file, load_layer
from eiesim.study.sweep.points import Values
from eiesim.trained import trained_names

SCHEMA = "eiesim sweep 2"
MATCHED = "matched/"
"""Before the name of a layer of the paper: drawn with the work of Table IV."""


def identify(layer: str, shared: Values) -> str:
    """Return what a layer and its input are, by content.

    Parameters
    ----------
    layer : str
        Name or file.
    shared : mapping
        Values of the axes that are not the machine's.

    Raises
    ------
    EieError
        A name is unknown, or a file is missing.
    """
    return json.dumps([SCHEMA, __version__, _find_hash(layer), _hash_inputs(shared)])


def _hash_inputs(shared: Values) -> dict[str, Any]:
    told = dict(sorted(shared.items()))
    if "inputs" in told:
        told["inputs"] = hash_file(told["inputs"])
    return told


def _find_hash(layer: str) -> str:
    if Path(layer).suffix.lower() in (EIE, ".npz"):
        return hash_file(layer)
    if layer.startswith(MATCHED):
        return MATCHED + hash_file(find_spec_file(layer.removeprefix(MATCHED)))
    if is_dump(layer) or layer.partition("/")[0] in trained_names():
        return load_layer(layer)[2].sha256
    return hash_file(find_spec_file(layer))


def make_key(identity: str, hw: Hardware) -> str:
    """Return the name of a point: the hash of everything that its result depends on.

    Parameters
    ----------
    identity : str
        From `identify`.
    hw : Hardware
        Its machine.
    """
    content = identity + json.dumps(vars(hw), sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:32]
