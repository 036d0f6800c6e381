"""A token through models of today: each matrix is run once for each density that it has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from eiesim.base.processes import Tell, work_in_processes
from eiesim.base.tables import Row
from eiesim.base.units import bits_to_bytes, cycles_to_us
from eiesim.catalog.layers import draw_input, draw_layer
from eiesim.catalog.operands import Operands
from eiesim.catalog.today import TokenMatrix, TokenModel
from eiesim.counters import Counters, RunResult, add_counters
from eiesim.energy.estimate import EnergyReport, try_estimate
from eiesim.energy.kinds import add_kinds, weigh_kinds
from eiesim.energy.prices import PriceTable
from eiesim.hardware import Hardware
from eiesim.image import PTR_SRAM, SPMAT_SRAM, MemoryUse, count_chips
from eiesim.image.csc import require_codebook
from eiesim.layer.weights import LayerSpec
from eiesim.runs.clock import check_runs
from eiesim.runs.layer import lay_out, require_no_delta
from eiesim.sim.engines import Engine
from eiesim.sim.passes import Passes

WORTH_A_PROCESS = 10_000_000
"""Weights below which matrices are drawn before another process could start."""
MOST_PROCESSES = 4
"""Each holds a matrix of tens of millions of weights while it is drawn: up to 1 GB."""


class DrawTask(NamedTuple):
    """Matrices that are drawn alike, and the densities of their inputs.

    Attributes
    ----------
    spec : LayerSpec
        Without the density of the activations, and without names.
    """

    spec: LayerSpec
    densities: tuple[float, ...]
    hw: Hardware
    engine: Engine
    balance: bool


class DrawnRun(NamedTuple):
    """One input of a drawn matrix: what came out, and how full the memories are."""

    result: RunResult
    memories: tuple[MemoryUse, ...]


Runs = Mapping[tuple[LayerSpec, Hardware, float], DrawnRun]


@dataclass(frozen=True, eq=False)
class MatrixRun:
    """A token through a matrix of all blocks, and the experts of it that are used.

    Attributes
    ----------
    densities : tuple of float
        Of the inputs, one a block.
    first : DrawnRun
        Of the first block; its memories are those of all.
    result : RunResult
        All runs of a token, one after the other; the output is that of the first.
    energy : EnergyReport or None
        Of `result`; None where an action has no price.
    """

    matrix: TokenMatrix
    densities: tuple[float, ...]
    first: DrawnRun
    result: RunResult
    energy: EnergyReport | None

    @property
    def counters(self) -> Counters:
        """Counts of a token."""
        return self.result.counters

    @property
    def inputs(self) -> int:
        """Inputs that a token gives such matrices."""
        return len(self.densities) * self.matrix.used

    @property
    def energy_pj(self) -> float | None:
        """Energy of a token; None where an action has no price."""
        return None if self.energy is None else self.energy.total_pj

    @property
    def leakage_pj(self) -> float | None:
        """What of the energy leaks from the SRAMs while the matrix runs."""
        if self.energy is None:
            return None
        return sum(row.energy_pj for row in self.energy.rows if row.action == "leakage")

    def count_bytes(self, memory: str) -> int:
        """Return the bytes of an SRAM that one such matrix takes in the fullest PE."""
        return next(use.used for use in self.first.memories if use.memory == memory)


@dataclass(frozen=True, eq=False)
class ModelRun:
    """A token through a model, matrix after matrix.

    Attributes
    ----------
    context : int
        Tokens that attention looks back on.
    no_energy : str
        Why there is no energy; empty where there is.
    clock : dict
        Whether the SRAMs keep up with the clock, from `check_runs`.
    """

    model: TokenModel
    hw: Hardware
    matrices: tuple[MatrixRun, ...]
    context: int
    no_energy: str
    clock: Row

    @property
    def cycles(self) -> int:
        """Cycles of all matrices, one after the other."""
        return sum(run.counters.cycles for run in self.matrices)

    @property
    def latency_us(self) -> float:
        """Time of all matrices, one after the other."""
        return cycles_to_us(self.cycles, self.hw.clock_mhz)

    @property
    def energy_pj(self) -> float | None:
        """Energy of the chip at work; None where an action has no price."""
        return _add(run.energy_pj for run in self.matrices)

    @property
    def kinds(self) -> list[Row]:
        """Rows of `weigh_kinds` of the chip at work; none where an action has no price."""
        if self.energy_pj is None:
            return []
        return weigh_kinds(add_kinds(run.energy for run in self.matrices if run.energy))

    @property
    def sram_bytes(self) -> int:
        """Bytes of sparse-matrix and pointer SRAM that hold all matrices, in PEs of one size."""
        return self.hw.n_pes * sum(
            run.count_bytes(memory) * run.matrix.stored * self.model.blocks
            for run in self.matrices
            for memory in (SPMAT_SRAM, PTR_SRAM)
        )

    @cached_property
    def chips(self) -> int:
        """Chips that hold all matrices, each whole where it fits, in the order in which they run.

        A matrix that is too large for a chip takes as many as `count_chips` says, for itself.
        """
        chips, free = 0, {SPMAT_SRAM: 0, PTR_SRAM: 0}
        capacities = {SPMAT_SRAM: self.hw.spmat_sram_bytes, PTR_SRAM: self.hw.ptr_sram_bytes}
        for run in self._list_stored():
            needed = {memory: run.count_bytes(memory) for memory in capacities}
            if any(needed[memory] > capacity for memory, capacity in capacities.items()):
                chips += count_chips(run.first.memories)
                free = dict.fromkeys(capacities, 0)
                continue
            if any(needed[memory] > free[memory] for memory in capacities):
                chips, free = chips + 1, dict(capacities)
            free = {memory: free[memory] - needed[memory] for memory in capacities}
        return chips

    def _list_stored(self) -> Iterator[MatrixRun]:
        """List every stored matrix in the order of the blocks."""
        for _ in range(self.model.blocks):
            for run in self.matrices:
                for _ in range(run.matrix.stored):
                    yield run

    @property
    def idle_leakage_pj(self) -> float | None:
        """What the SRAMs of the chips that wait leak meanwhile; their clocks stand still."""
        leaks = _add(run.leakage_pj for run in self.matrices)
        return None if leaks is None else leaks * (self.chips - 1)

    @property
    def read_bytes(self) -> int:
        """Bytes of words and pointers that a token reads: what one chip alone would stream."""
        bits = sum(
            run.counters.spmat_reads * self.hw.spmat_width_bits
            + 2 * run.counters.ptr_reads * self.hw.ptr_bits
            for run in self.matrices
        )
        return bits_to_bytes(bits)

    @property
    def one_chip_us(self) -> float | None:
        """Least time on one chip whose weights all come from DRAM; None if it has no bandwidth."""
        if not self.hw.dram_gbps:
            return None
        return max(self.latency_us, self.read_bytes / self.hw.dram_gbps / 1000)


def _add(parts: Iterable[float | None]) -> float | None:
    """Return the sum, None where a part is missing."""
    total = 0.0
    for part in parts:
        if part is None:
            return None
        total += part
    return total


def plan_draws(
    models: Sequence[tuple[TokenModel, Hardware]], engine: Engine = "fast", balance: bool = False
) -> list[DrawTask]:
    """List what is drawn for models, each on its machine: the largest first, nothing twice.

    Raises ImageError if the codebook of a matrix is wider than its machine's, and ConfigError if a
    machine keeps sums from step to step.
    """
    densities: dict[tuple[LayerSpec, Hardware], dict[float, None]] = {}
    for model, hw in models:
        for matrix in model.matrices:
            name = f"{model.name}/{matrix.name}"
            require_codebook(name, matrix.codebook_bits, hw)
            require_no_delta(name, hw)
            spec = name_draw(model, matrix)
            of_spec = densities.setdefault((spec, hw), {})
            of_spec.update(dict.fromkeys(model.list_densities(matrix)))
    tasks = [
        DrawTask(spec, tuple(found), hw, engine, balance) for (spec, hw), found in densities.items()
    ]
    return sorted(tasks, key=lambda task: -count_kept(task.spec))


def name_draw(model: TokenModel, matrix: TokenMatrix) -> LayerSpec:
    """Return what matrices that are drawn alike have in common."""
    spec = model.describe_matrix(matrix)
    name = f"{spec.inputs} x {spec.outputs} at {spec.weight_density:g}"
    return replace(spec, name=name, title="", activation_density=0.0, source="")


def count_kept(spec: LayerSpec) -> float:
    """Return the expected weights of a drawn matrix."""
    return spec.inputs * spec.outputs * spec.weight_density


def run_draws(tasks: Sequence[DrawTask], jobs: int) -> Iterator[tuple[DrawTask, Runs]]:
    """Draw and run matrices, in several processes if it is worth it; each as it ends.

    Raises
    ------
    EieError
        A matrix cannot be drawn, or does not go with its machine.
    """
    if jobs == 1 or sum(count_kept(task.spec) for task in tasks) < WORTH_A_PROCESS:
        for task in tasks:
            yield task, run_draw(task)
        return
    processes = min(jobs, len(tasks), MOST_PROCESSES)
    with closing(work_in_processes(run_draw, tasks, processes, str)) as work:
        for task, runs in work:
            if isinstance(runs, Exception):
                raise runs
            yield task, runs


def run_draw(task: DrawTask, _: Tell = str) -> Runs:
    """Draw a matrix, encode it, and run an input of each density through it."""
    spec, hw = task.spec, task.hw
    layer = draw_layer(spec)
    images: Passes | None = None
    runs = {}
    for density in task.densities:
        activations = draw_input(replace(spec, activation_density=density))
        if images is None:
            images = lay_out(Operands(layer, activations, ()), hw, task.balance)
        passes = Passes(images.images, activations, hw)
        result = passes.simulate(task.engine)
        runs[spec, hw, density] = DrawnRun(result, passes.memories)
    return runs


def collect_model(
    model: TokenModel, hw: Hardware, runs: Runs, prices: PriceTable, context: int
) -> ModelRun:
    """Return a token through a model, from the runs of what was drawn for it."""
    no_energy = ""
    matrices = []
    for matrix in model.matrices:
        spec, densities = name_draw(model, matrix), tuple(model.list_densities(matrix))
        drawn = [runs[spec, hw, density] for density in densities]
        counters = [run.result.counters for run in drawn for _ in range(matrix.used)]
        result = replace(
            drawn[0].result,
            name=f"{model.name}/{matrix.name}",
            counters=add_counters(counters),
            passes=sum(run.result.passes for run in drawn) * matrix.used,
        )
        energy, reason = try_estimate(result, prices)
        no_energy = reason or no_energy
        matrices.append(MatrixRun(matrix, densities, drawn[0], result, energy))
    clock = check_runs(hw, prices, [run.result for run in matrices])
    return ModelRun(model, hw, tuple(matrices), context, no_energy, clock)
