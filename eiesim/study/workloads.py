"""The three workloads of a layer that experiments run, each under its own label.

- published: drawn from Table III's size and densities.
- matched: drawn as well, with the work that the paper timed: the density of the activations, or
  where these are dense that of the weights, is solved so that the theoretical time is Table IV's.
  A calibration, and said so wherever a number rests on it.
- real: weights and activations of a trained network, from files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from eiesim.base.errors import WorkloadError
from eiesim.base.published import PAPER_LAYERS
from eiesim.baselines.published import find_time_us
from eiesim.benchmark import draw_input, draw_layer, find_spec_file, load_spec
from eiesim.counters import RunResult
from eiesim.energy.machine import price_machine
from eiesim.hardware import Hardware
from eiesim.image import encode
from eiesim.layer.weights import CompressedLayer, LayerSpec
from eiesim.study.experiment import (
    LayerRun,
    Operands,
    Source,
    hash_file,
    load_operands,
    run_operands,
)

PUBLISHED, MATCHED, REAL = "published", "matched", "real"
PRESET = "eie-64pe-45nm"
"""The machine of the paper, which Table IV was timed on."""
REAL_NAME, ALEX8 = "alex-8", "alex8/layer.npz"
"""AlexNet's fc8 with one image's activations, in the folder of real data."""
MISSING = f"{ALEX8} is missing"
"""Why there is nothing of the real layer."""
CALIBRATED_ROW_VARIATION = {"vgg-6": 0.9}
"""Row variation of a layer's own, so that its actual time is Table IV's 34.4 us: over eight seeds
it is 34.2 us on average, 30.8 us with the default, which was fitted to other layers."""
NEAR = 5e-4
"""Relative deviation of the work at which a weight density counts as solved."""


@dataclass(frozen=True, eq=False)
class Workload:
    """A layer and one input, and what they are.

    Attributes
    ----------
    kind : str
        ``published``, ``matched`` or ``real``.
    operands : Operands
        Layer and input.
    spec : LayerSpec or None
        What they were drawn from.
    calibrated : str
        What was solved for a matched workload.
    """

    kind: str
    operands: Operands
    spec: LayerSpec | None = None
    calibrated: str = ""


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
    """Draw a layer of the paper from Table III.

    Parameters
    ----------
    name : str
        One of `PAPER_LAYERS`.
    """
    return Workload(PUBLISHED, load_operands(name), load_spec(name))


def draw_matched(name: str) -> Workload:
    """Draw a layer of the paper with the work that Table IV's theoretical time tells.

    Parameters
    ----------
    name : str
        One of `PAPER_LAYERS`.
    """
    printed = load_spec(name)
    own = CALIBRATED_ROW_VARIATION.get(name, printed.row_variation)
    matched = match_work(replace(printed, row_variation=own))
    if own == printed.row_variation:
        return matched
    told = (
        f"row variation {own:g} calibrated to the actual time (default {printed.row_variation:g})"
    )
    return replace(matched, calibrated=f"{matched.calibrated}; {told}")


def match_work(spec: LayerSpec) -> Workload:
    """Draw a layer of the paper, described with any unevenness, with Table IV's work.

    Parameters
    ----------
    spec : LayerSpec
        The layer; its activation density, or if that is 1 its weight density, is solved.

    Raises
    ------
    WorkloadError
        No density gives this work.
    """
    hw = Hardware.preset(PRESET)
    work = float(find_time_us(spec.name, "eie", 1, "theoretical")) * hw.clock_mhz * hw.n_pes
    if spec.activation_density < 1:
        layer = draw_layer(spec)
        solved = replace(spec, activation_density=_solve_input(spec, layer, work, hw))
        told = _tell("activation density", solved.activation_density, spec.activation_density)
    else:
        solved, layer = _solve_weights(spec, work, hw)
        told = _tell("weight density", solved.weight_density, spec.weight_density)
    source = Source(f"{spec.name}, {MATCHED}", hash_file(find_spec_file(spec.name)), spec.seed)
    return Workload(MATCHED, Operands(layer, draw_input(solved), (source,)), solved, told)


def _tell(what: str, solved: float, printed: float) -> str:
    return f"{what} {100 * solved:.1f} % solved for (Table III: {100 * printed:g} %)"


def _solve_input(spec: LayerSpec, layer: CompressedLayer, work: float, hw: Hardware) -> float:
    """Return the activation density whose columns hold `work` entries, found by halving."""
    entries = encode(layer, hw).counts.sum(axis=1, dtype=np.int64)[: spec.inputs]
    low, high = 0, spec.inputs
    while high - low > 1:
        middle = (low + high) // 2
        drawn = draw_input(replace(spec, activation_density=middle / spec.inputs))
        low, high = (low, middle) if entries[drawn != 0].sum() >= work else (middle, high)
    return high / spec.inputs


def _solve_weights(spec: LayerSpec, work: float, hw: Hardware) -> tuple[LayerSpec, CompressedLayer]:
    """Return the description whose layer holds `work` entries, and the layer."""
    for _ in range(20):
        layer = draw_layer(spec)
        ratio = work / encode(layer, hw).entries
        if abs(ratio - 1) <= NEAR:
            return spec, layer
        spec = replace(spec, weight_density=spec.weight_density * ratio)
    raise WorkloadError(f"{spec.name}: no weight density found that gives {work:.0f} entries")


def load_alex8(data: Path) -> Workload | None:
    """Return AlexNet's fc8 as the EIE authors simulated it, or None where the file is missing.

    Parameters
    ----------
    data : Path
        Folder of real data.
    """
    file = data / ALEX8
    if not file.is_file():
        return None
    operands = load_operands(str(file))
    return Workload(REAL, replace(operands, sources=(Source(ALEX8, hash_file(file)),)))


def list_matched_and_real(data: Path) -> Iterator[tuple[str, Workload | None]]:
    """Yield name and workload of the nine layers, matched, and of the real one; None if it misses.

    Parameters
    ----------
    data : Path
        Folder of real data.
    """
    for name in PAPER_LAYERS:
        yield name, draw_matched(name)
    yield REAL_NAME, load_alex8(data)


def note_real(workloads: Iterable[str]) -> str:
    """Return the sentence of a note on the real layer: where it is, or that it is missing.

    Parameters
    ----------
    workloads : iterable of str
        Kinds of what was run.
    """
    return "The real Alex-8 is in the table." if REAL in workloads else f"{MISSING}."


def run_workloads(workloads: Iterable[Workload], hw: Hardware) -> Iterator[WorkloadRun]:
    """Run workloads on a machine, one after the other.

    Parameters
    ----------
    workloads : iterable of Workload
        What to run.
    hw : Hardware
        The machine.
    """
    prices = price_machine(hw)
    for workload in workloads:
        yield WorkloadRun(workload, run_operands(workload.operands, hw, prices))
