"""The three workloads of a layer that experiments share, each under its own label, and their runs.

- published: drawn from Table III's size and densities.
- matched: drawn as well, with the work that the paper timed: the density of the activations, or if
  these are dense that of the weights, is solved so that the theoretical time is Table IV's. This is
  a calibration, which each number that depends on it states.
- real: weights and activations of a trained network, from files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from eiesim.base.published import PAPER_LAYERS
from eiesim.base.tables import Row
from eiesim.catalog.layers import load_spec
from eiesim.catalog.matched import (
    CALIBRATED_ROW_VARIATION,
    MATCHED,
    PRESET,
    PUBLISHED,
    REAL,
    Workload,
    draw_matched,
)
from eiesim.catalog.operands import Source, hash_file
from eiesim.catalog.readers import load_operands
from eiesim.counters import RunResult
from eiesim.energy.machine import price_machine
from eiesim.hardware import Hardware
from eiesim.paper.experiment import Work
from eiesim.paper.verdict import Tolerance
from eiesim.runs.layer import LayerRun, run_operands

REAL_NAME, ALEX8 = "alex-8", "alex8/layer.npz"
"""AlexNet's fc8 with one image's activations, in the folder of real data."""
MISSING = f"{ALEX8} is missing"
"""Reason why there is no real layer."""
QUOTED = "a quotient of the papers' own numbers"
"""Reason why a number made of printed ones must agree."""
Part = TypeVar("Part")
TOLERANCES = {
    PUBLISHED: Tolerance(
        10,
        "Table III rounds weight densities to whole percent, 1 in 9 is 11 %, and averages "
        "activation densities over many inputs, Table IV timed one",
    ),
    MATCHED: Tolerance(8, "the work is the paper's, but where the weights stand is drawn"),
    REAL: Tolerance(0, "the real layer must give the printed digits"),
}
"""Tolerances of times, by workload."""
WORKLOADS_NOTE = f"""\
published: drawn from Table III's sizes and densities; {PRESET}, 8 slots. matched: drawn with the
density that gives Table IV's theoretical time, which is calibrated and so no evidence; actual
times then are, but for VGG-6, whose row variation is calibrated to its actual time as well, and in
part for every mean that holds VGG-6."""


@dataclass(frozen=True, eq=False)
class WorkloadRun:
    """A workload on a machine; the name of a layer is the same in every workload."""

    workload: Workload
    run: LayerRun

    @property
    def kind(self) -> str:
        """Kind of the workload."""
        return self.workload.kind

    @property
    def name(self) -> str:
        """Name of the layer, as in Table III."""
        return REAL_NAME if self.kind == REAL else self.run.name

    @property
    def result(self) -> RunResult:
        """Cycles, output and counters."""
        return self.run.result


def draw_published(name: str) -> Workload:
    """Draw one of `PAPER_LAYERS` from Table III."""
    return Workload(PUBLISHED, load_operands(name), load_spec(name))


def load_alex8(data: Path) -> Workload | None:
    """Return AlexNet's fc8 as the EIE authors simulated it; None if the file is missing."""
    file = data / ALEX8
    if not file.is_file():
        return None
    operands = load_operands(str(file))
    return Workload(REAL, replace(operands, sources=(Source(ALEX8, hash_file(file)),)))


def share_layers(run: Callable[[str, Workload], Part], suffix: str = "") -> Work[Part | None]:
    """Return the work on the nine layers, matched, and on the real one; None if it is missing.

    `run` returns a layer's part, by its name and workload; `suffix` is added in the progress.
    """

    def compute(data: Path) -> Iterator[Part | None]:
        for name in PAPER_LAYERS:
            yield run(name, draw_matched(name))
        real = load_alex8(data)
        yield run(REAL_NAME, real) if real else None

    layers = (*PAPER_LAYERS, f"{REAL_NAME}, {REAL}")
    return Work(tuple(f"{name}{suffix}" for name in layers), compute, (ALEX8,))


def note_real(workloads: Iterable[str]) -> str:
    """Return a note's sentence on the real layer, by the kinds of workloads that were run."""
    return "The real Alex-8 is in the table." if REAL in workloads else f"{MISSING}."


def run_workloads(workloads: Iterable[Workload], hw: Hardware) -> Iterator[WorkloadRun]:
    """Run workloads on a machine, one after the other."""
    prices = price_machine(hw)
    for workload in workloads:
        yield WorkloadRun(workload, run_operands(workload.operands, hw, prices))


def work(data: Path) -> Iterator[WorkloadRun | None]:
    """Run the nine layers drawn in both ways, and the real one; None if it is missing."""
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
    """Return the runs that are not None, of some kinds of workload or of all."""
    return [part for part in parts if part is not None and (not kinds or part.kind in kinds)]


def list_sources(runs: Iterable[WorkloadRun]) -> tuple[Source, ...]:
    """Return the sources of runs."""
    return tuple(source for run in runs for source in run.workload.operands.sources)


def note_workloads(runs: Iterable[WorkloadRun]) -> str:
    """Return a note on the workloads, the real one if it is there."""
    real = "AlexNet's fc8 with one image's activations, from the EIE authors' repository"
    there = any(run.kind == REAL for run in runs)
    return f"{WORKLOADS_NOTE} {REAL}: {real if there else MISSING}."


def explain_calibrated(run: WorkloadRun) -> str:
    """Return why the actual time of a run must be the paper's, if it was calibrated to it."""
    if run.kind == MATCHED and run.name in CALIBRATED_ROW_VARIATION:
        return "its row variation was calibrated to Table IV's actual time"
    return ""


def explain_calibrated_mean(names: Iterable[str]) -> str:
    """Return why a mean over matched layers must be near the paper's, if one is calibrated."""
    calibrated = " and ".join(name for name in names if name in CALIBRATED_ROW_VARIATION)
    if not calibrated:
        return ""
    return f"in part, the row variation of {calibrated} was calibrated to Table IV's time"


def describe_workload(run: WorkloadRun) -> Row:
    """Return a workload, and its calibration, as one row."""
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
