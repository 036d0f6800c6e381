"""What a result depends on, as a name: hashes of files, draws and machines."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any

from eiesim.base.digest import hash_program
from eiesim.base.errors import EieError
from eiesim.catalog.operands import hash_file
from eiesim.catalog.readers import Form, find_reader
from eiesim.energy.cacti import name_cacti
from eiesim.hardware import Hardware
from eiesim.sweep.points import Values
from eiesim.sweep.subject import Lesson, Retraining, Subject

SCHEMA = "eiesim sweep 2"


def identify(layer: str, shared: Values) -> str:
    """Return the hashes of a layer, its input and the program, as text.

    `shared` are values of the axes that are not the machine's. Raises EieError if a name is
    unknown, or a file is missing.
    """
    program = f"{hash_program()} {name_cacti()}"  # with CACTI other SRAMs have prices of their own
    return json.dumps([SCHEMA, program, _find_hash(layer), _hash_inputs(shared)])


def identify_weights(network: str, compression: Values, lesson: Lesson | None) -> str:
    """Return the hash of all that compressed weights depend on.

    Parameters
    ----------
    network
        SHA-256 of the network and its weights.
    compression
        How each layer is compressed, as `eiesim.sweep.compression.describe` says it.
    lesson
        How they are trained; None where they are not.
    """
    how = None
    if lesson is not None:
        how = [asdict(lesson.training) | _hash_data(lesson.training), lesson.scale]
    content = json.dumps([SCHEMA, hash_program(), network, compression, how], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:32]


def identify_network(weights: str, subject: Subject, shared: Values) -> str:
    """Return what a compressed network, its data and how it is run depend on, as text.

    `weights` is that of `identify_weights`. Raises EieError if a file is missing.
    """
    data = _hash_data(subject) | {"scale": subject.scale, "limit": subject.limit}
    run = {
        "program": hash_program(),
        "timed": subject.timed,
        "balance": bool(shared.get("balance")),
    }
    return json.dumps([SCHEMA, weights, data, run], sort_keys=True)


def _hash_data(data: Subject | Retraining) -> dict[str, str]:
    files = ((key, getattr(data, key)) for key in ("inputs", "labels", "text"))
    return {key: hash_file(file) for key, file in files if file}


def require_same(identity: str, layer: str, shared: Values) -> None:
    """Check that layer, input and program still have the identity of the sweep's begin.

    It is called after they were read. Raises EieError if one of them has changed, or a file is
    missing.
    """
    _, program, *before = json.loads(identity)
    _, now_program, *now = json.loads(identify(layer, shared))
    if program != now_program:
        raise EieError(
            "eiesim: expected the program and packages that the sweep began with, found others; "
            "run the sweep again, with the same eiesim wherever it runs"
        )
    if before != now:
        name = layer if before[0] != now[0] else shared["inputs"]
        raise EieError(
            f"{name}: expected the file that the sweep began with, found another; run the sweep "
            "again"
        )


def _hash_inputs(shared: Values) -> dict[str, Any]:
    values = dict(sorted(shared.items()))
    if "inputs" in values:
        values["inputs"] = hash_file(values["inputs"])
    return values


def _find_hash(layer: str) -> str:
    reader = find_reader(layer, "layer")
    digest = reader.hash_content(layer)
    # all layers of a trained network lie in one file; a matched one is described by a drawn one's
    return f"{layer} {digest}" if reader.form in (Form.TRAINED, Form.MATCHED) else digest


def make_key(identity: str, hw: Hardware) -> str:
    """Return the name of a point: the hash of everything that its result depends on."""
    content = identity + json.dumps(vars(hw), sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:32]
