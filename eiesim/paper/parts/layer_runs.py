"""The runs that several experiments share: nine layers, published and matched, and the real one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from eiesim.base.published import PAPER_LAYERS
from eiesim.base.tables import Row
from eiesim.catalog.matched import (
    CALIBRATED_ROW_VARIATION,
    MATCHED,
    PRESET,
    PUBLISHED,
    REAL,
    draw_matched,
)
from eiesim.catalog.operands import Source
from eiesim.hardware import Hardware
from eiesim.paper.experiment import Work
from eiesim.paper.parts.workloads import (
    ALEX8,
    MISSING,
    REAL_NAME,
    WorkloadRun,
    draw_published,
    load_alex8,
    run_workloads,
)
from eiesim.paper.verdict import Tolerance

TOLERANCES = {
    PUBLISHED: Tolerance(
        10,
        "Table III rounds weight densities to whole percent, 1 in 9 is 11 %, and averages "
        "activation densities over many inputs, Table IV timed one",
    ),
    MATCHED: Tolerance(8, "the work is the paper's, but where the weights stand is drawn"),
    REAL: Tolerance(0, "the real layer must give the printed digits"),
}
"""Of times, by workload."""
WORKLOADS_NOTE = f"""\
published: drawn from Table III's sizes and densities; {PRESET}, 8 slots. matched: drawn with the
density that gives Table IV's theoretical time, which is calibrated and so no evidence; actual
times then are, but for VGG-6, whose row variation is calibrated to its actual time as well, and in
part for every mean that holds VGG-6."""


def work(data: Path) -> Iterator[WorkloadRun | None]:
    """Run the nine layers drawn in both ways, and the real one; None where it is missing."""
    hw = Hardware.preset(PRESET)
    yield from run_workloads(map(draw_published, PAPER_LAYERS), hw)
    yield from run_workloads(map(draw_matched, PAPER_LAYERS), hw)
    real = load_alex8(data)
    yield from run_workloads([real], hw) if real else [None]


WORK = Work(
    (
        *(f"{name}, {kind}" for kind in (PUBLISHED, MATCHED) for name in PAPER_LAYERS),
        f"{REAL_NAME}, {REAL}",
    ),
    work,
    (ALEX8,),
)


def list_runs(parts: Iterable[WorkloadRun | None], *kinds: str) -> list[WorkloadRun]:
    """Return the runs that are there, of some kinds of workload or of all."""
    return [part for part in parts if part is not None and (not kinds or part.kind in kinds)]


def list_sources(runs: Iterable[WorkloadRun]) -> tuple[Source, ...]:
    """Return what runs were read or drawn from."""
    return tuple(source for run in runs for source in run.workload.operands.sources)


def note_workloads(runs: Iterable[WorkloadRun]) -> str:
    """Return what the workloads are, the real one if it is there."""
    real = "AlexNet's fc8 with one image's activations, from the EIE authors' repository"
    there = any(run.kind == REAL for run in runs)
    return f"{WORKLOADS_NOTE} {REAL}: {real if there else MISSING}."


def tell_calibrated(run: WorkloadRun) -> str:
    """Return why the actual time of a run must be the paper's, where it was calibrated to it."""
    if run.kind == MATCHED and run.name in CALIBRATED_ROW_VARIATION:
        return "its row variation was calibrated to Table IV's actual time"
    return ""


def tell_calibrated_mean(names: Iterable[str]) -> str:
    """Return why a mean over matched layers must come near the paper's, where one is calibrated."""
    calibrated = " and ".join(name for name in names if name in CALIBRATED_ROW_VARIATION)
    if not calibrated:
        return ""
    return f"in part, the row variation of {calibrated} was calibrated to Table IV's time"


def describe_workload(run: WorkloadRun) -> Row:
    """Return what was run, and what of it was calibrated, as one row."""
    layer, spec = run.workload.operands.layer, run.workload.spec
    activations = run.workload.operands.activations
    return {
        "layer": run.name,
        "workload": run.kind,
        "weight_percent": 100 * layer.density,
        "activation_percent": 100 * float((activations != 0).mean()),
        "row_variation": spec.row_variation if spec else None,
        "column_variation": spec.column_variation if spec else None,
        "calibrated": run.workload.calibrated,
    }
