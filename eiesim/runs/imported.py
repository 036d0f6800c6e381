"""A network as it was imported: its steps, its layers, and what is not on EIE."""

from __future__ import annotations

from collections.abc import Iterator

from eiesim import __version__
from eiesim.base.tables import Row
from eiesim.catalog.model import Imported
from eiesim.compress.pipeline import Change
from eiesim.report.report import Report

SCHEMA = "eiesim import 1"


def report_imported(imported: Imported) -> Report:
    """Return the report of a network that was imported."""
    model = imported.model
    rows = list(_describe_steps(imported))
    return Report(
        title=f"{model.name}, imported",
        summary={
            "schema": SCHEMA,
            "eiesim": __version__,
            "inputs": {name: list(shape) for name, shape in model.graph.inputs.items()},
            "outputs": list(model.graph.outputs),
            "steps": rows,
            "skipped": [{"name": it.name, "reason": it.reason} for it in imported.skipped],
            "notes": list(imported.notes),
        },
        shown=(
            *(f"not on EIE: {it.name}: {it.reason}" for it in imported.skipped),
            rows,
            *(
                f"input: {name}: {' x '.join(map(str, shape)).replace('-1', 'steps')}"
                for name, shape in model.graph.inputs.items()
            ),
            f"output: {', '.join(model.graph.outputs)}",
            *(f"note: {note}" for note in imported.notes),
        ),
        list_tables=lambda: {"steps": rows},
    )


def _describe_steps(imported: Imported) -> Iterator[Row]:
    model = imported.model
    for step in model.graph.steps:
        stored = model.layers.get(step.layer)
        change = imported.changes.get(step.layer)
        yield {
            "step": step.name,
            "op": step.op,
            "shape": list(model.shapes[step.name]),
            "weights": stored and stored.layer.weights,
            "density": stored and stored.layer.density,
            "code_bits": stored and stored.layer.codebook_bits,
            **(change._asdict() if change else dict.fromkeys(Change._fields)),
        }
