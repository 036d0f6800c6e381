"""The tables of a sweep's file that are about a network: its data, its compression, its recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any, NamedTuple, TypeAlias

from eiesim.base.errors import EieError
from eiesim.base.schema import find_problems
from eiesim.catalog.model import Weighed, weigh_network
from eiesim.compress.plan import LAYERS
from eiesim.importers.described import Effect
from eiesim.sweep.compression import RETRAIN, explain_unknown, is_of_compression, split_axis
from eiesim.sweep.subject import Retraining, Subject

Problems: TypeAlias = "list[tuple[str, str]]"
"""Keys, each with what is wrong with it."""
NO_NETWORK = Weighed({}, (), "", ())
OF_COMPRESSION = ("retraining", "compression", "recipe")
"""Tables that go with ``[network]``."""
NOT_OF_NETWORK = ("inputs", "steps")
"""Axes of other sweeps, beside those of drawn layers."""


class SweptNetwork(NamedTuple):
    """A network as a sweep's file describes it, and what of it is compressed."""

    subject: Subject | None = None
    retraining: Retraining | None = None
    weighed: Weighed = NO_NETWORK


def take_network(taken: Mapping[str, Any], problems: Problems) -> SweptNetwork:
    """Return the network of a file's content, read once; nothing where there is none."""
    if not taken["network"]:
        given = [key for key in OF_COMPRESSION if taken[key]]
        problems += [(key, f"{key}: goes with a table [network]") for key in given]
        return SweptNetwork()
    wrong = [(key, f"network: {text}") for key, text in find_problems(Subject, taken["network"])]
    wrong += [
        (key, f"{key}: does not go with [network], whose file is what is run")
        for key in ("layers", "inputs") if taken[key]
    ]  # fmt: skip
    wrong += [
        (LAYERS, f"{table}.{LAYERS}: expected tables [{table}.{LAYERS}.NAME]")
        for table in ("compression", "recipe") if not _has_tables(taken[table].get(LAYERS, {}))
    ]  # fmt: skip
    retraining = None
    if taken["retraining"]:
        more = find_problems(Retraining, taken["retraining"])
        wrong += [(key, f"retraining: {text}") for key, text in more]
    problems += wrong
    if wrong:
        return SweptNetwork()
    if taken["retraining"]:
        retraining = Retraining(**taken["retraining"])
    subject = Subject(**taken["network"])
    try:
        weighed = weigh_network(subject.file, subject.steps, subject.interface)
    except EieError as error:
        problems.append(("network", f"network: {error}"))
        return SweptNetwork()
    problems += [
        ("network", f"network: {subject.file}: would be run as a part, without {part.name}: "
         f"{part.reason}")
        for part in weighed.skipped if part.effect is Effect.PART
    ]  # fmt: skip
    if len(weighed.outputs) != 1:
        problems.append(
            ("network", "network: expected one output, which scores classes or characters, found "
             f"{', '.join(weighed.outputs)}; name it by output")
        )  # fmt: skip
    return SweptNetwork(subject, retraining, weighed)


def _has_tables(entry: Any) -> bool:
    return isinstance(entry, dict) and all(isinstance(table, dict) for table in entry.values())


def check_axes(
    rows: Sequence[Mapping[str, Any]], network: SweptNetwork, problems: Problems
) -> None:
    """Check which axes go with a network, and which layers of it they name."""
    axes = dict.fromkeys(axis for row in rows for axis in row)
    retrained = any(True in _list(row.get(RETRAIN)) for row in rows)
    if network.subject is None:
        problems += [
            (axis, f"axis {axis}: goes with a table [network]")
            for axis in axes if is_of_compression(axis)
        ]  # fmt: skip
        return
    for axis in axes:
        if axis.startswith("layer.") or axis in NOT_OF_NETWORK:
            problems.append((axis, f"axis {axis}: does not go with [network]"))
        elif is_of_compression(axis) and not network.weighed.usual:
            problems.append((axis, f"axis {axis}: {network.subject.file} is compressed already: "
                             "leave the axis out, or name a file with weights"))  # fmt: skip
        elif is_of_compression(axis) and (problem := explain_unknown(axis, network.weighed.usual)):
            layer, key = split_axis(axis)
            problems.append((f"compression.{LAYERS}.{layer}" if layer else key, problem))
    if retrained and network.retraining is None:
        problems.append(("retrain", "retrain: true goes with a table [retraining], found none"))
    elif retrained and find_spec("torch") is None:
        problems.append(("retrain", "retrain: expected PyTorch, found none; pip install "
                         "'eiesim[train]'"))  # fmt: skip
    elif network.retraining is not None and not retrained:
        problems.append(("retraining", "retraining: goes with retrain = true among the values of "
                         "[compression]"))  # fmt: skip


def _list(values: Any) -> Sequence[Any]:
    return values if isinstance(values, list | tuple) else (values,)
