"""The three workloads of a layer that experiments run, each under its own label.

- published: drawn from Table III's size and densities.
- matched: drawn as well, with the work that the paper timed: the density of the activations, or
  where these are dense that of the weights, is solved so that the theoretical time is Table IV's.
  A calibration, and said so wherever a number rests on it.
- real: weights and activations of a trained network, from files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from eiesim.base.published import PAPER_LAYERS
from eiesim.catalog.layers import load_spec
from eiesim.catalog.matched import PUBLISHED, REAL, Workload, draw_matched
from eiesim.catalog.operands import Source, hash_file
from eiesim.catalog.readers import load_operands
from eiesim.counters import RunResult
from eiesim.energy.machine import price_machine
from eiesim.hardware import Hardware
from eiesim.paper.experiment import Work
from eiesim.runs.layer import LayerRun, run_operands

REAL_NAME, ALEX8 = "alex-8", "alex8/layer.npz"
"""AlexNet's fc8 with one image's activations, in the folder of real data."""
MISSING = f"{ALEX8} is missing"
"""Why there is nothing of the real layer."""
Part = TypeVar("Part")


@dataclass(frozen=True, eq=False)
class WorkloadRun:
    """A workload on a machine; one layer's name is the same whatever its workload."""

    workload: Workload
    run: LayerRun

    @property
    def kind(self) -> str:
        """What the workload is."""
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
    """Return AlexNet's fc8 as the EIE authors simulated it, or None where the file is missing."""
    file = data / ALEX8
    if not file.is_file():
        return None
    operands = load_operands(str(file))
    return Workload(REAL, replace(operands, sources=(Source(ALEX8, hash_file(file)),)))


def share_layers(run: Callable[[str, Workload], Part], what: str = "") -> Work[Part | None]:
    """Return the work on the nine layers, matched, and on the real one; None where it is missing.

    Parameters
    ----------
    run
        Gives a layer's part, by its name and workload.
    what
        What is done with a layer, for the progress.
    """

    def compute(data: Path) -> Iterator[Part | None]:
        for name in PAPER_LAYERS:
            yield run(name, draw_matched(name))
        real = load_alex8(data)
        yield run(REAL_NAME, real) if real else None

    layers = (*PAPER_LAYERS, f"{REAL_NAME}, {REAL}")
    return Work(tuple(f"{name}{what}" for name in layers), compute, (ALEX8,))


def note_real(workloads: Iterable[str]) -> str:
    """Return a note's sentence on the real layer, by the kinds of workloads that were run."""
    return "The real Alex-8 is in the table." if REAL in workloads else f"{MISSING}."


def run_workloads(workloads: Iterable[Workload], hw: Hardware) -> Iterator[WorkloadRun]:
    """Run workloads on a machine, one after the other."""
    prices = price_machine(hw)
    for workload in workloads:
        yield WorkloadRun(workload, run_operands(workload.operands, hw, prices))
