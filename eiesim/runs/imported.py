"""A network as it was imported: its steps, its layers, and what is not on EIE."""

from __future__ import annotations

from eiesim import __version__
from eiesim.base.tables import Row
from eiesim.catalog.model import Imported
from eiesim.compress.pipeline import Change
from eiesim.graph.step import Step
from eiesim.report.report import Report

SCHEMA = "eiesim import 1"
BRIEF = ("step", "op", "shape", "weights", "density")


def report_imported(imported: Imported) -> Report:
    """Return the report of a network that was imported."""
    graph = imported.model.graph
    rows = [_describe_step(imported, step) for step in graph.steps]
    return Report(
        title=f"{imported.model.name}, imported",
        summary={
            "schema": SCHEMA,
            "eiesim": __version__,
            "inputs": {name: list(shape) for name, shape in graph.inputs.items()},
            "outputs": list(graph.outputs),
            "steps": rows,
            "skipped": [{"name": part.name, "reason": part.reason} for part in imported.skipped],
            "notes": list(imported.notes),
        },
        answer=(_answer(imported),),
        brief=(
            *(f"not on EIE: {part.name}: {part.reason}" for part in imported.skipped),
            [{key: row[key] for key in BRIEF} for row in rows],
            *(f"note: {note}" for note in imported.notes),
        ),
        shown=(
            *(f"not on EIE: {part.name}: {part.reason}" for part in imported.skipped),
            rows,
            *(f"note: {note}" for note in imported.notes),
        ),
        list_tables=lambda: {
            "steps": [row | {"shape": " x ".join(map(str, row["shape"]))} for row in rows]
        },
    )


def _answer(imported: Imported) -> str:
    """Return how many steps there are, and how many have weights; inputs and outputs."""
    graph, layers = imported.model.graph, imported.model.layers
    weighted = sum(step.layer in layers for step in graph.steps)
    inputs = ", ".join(
        f"{name} ({' x '.join(map(str, shape)).replace('-1', 'steps')})"
        for name, shape in graph.inputs.items()
    )
    left = f"; {len(imported.skipped)} not on EIE" if imported.skipped else ""
    return (
        f"{imported.model.name}: {len(graph.steps)} steps, {weighted} with weights for EIE{left}, "
        f"from {inputs} to {', '.join(graph.outputs)}."
    )


def _describe_step(imported: Imported, step: Step) -> Row:
    stored = imported.model.layers.get(step.layer)
    change = imported.changes.get(step.layer)
    return {
        "step": step.name,
        "op": step.op,
        "shape": list(imported.model.shapes[step.name]),
        "weights": stored and stored.layer.weights,
        "density": stored and stored.layer.density,
        "code_bits": stored and stored.layer.codebook_bits,
        **(change._asdict() if change else dict.fromkeys(Change._fields)),
    }
