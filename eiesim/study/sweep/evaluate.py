"""Exact runs of the points of a task, what they share done once."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from eiesim import __version__
from eiesim.arrays import take_array
from eiesim.benchmark import draw_benchmark, find_spec_file, load_spec
from eiesim.counters import RunResult
from eiesim.energy.area import estimate_area
from eiesim.energy.machine import price_clock, price_machine
from eiesim.energy.model import count_actions
from eiesim.energy.prices import Key
from eiesim.energy.technology import scale_price
from eiesim.errors import ConfigError, EieError, EnergyError
from eiesim.hardware import Hardware
from eiesim.image import (
    InterleavedCSC,
    MemoryUse,
    balance_rows,
    count_chips,
    encode,
    encode_passes,
    fit_images,
)
from eiesim.importers.dump import is_dump
from eiesim.importers.npz import read_activations
from eiesim.layer import CompressedLayer
from eiesim.model import EIE, Model, load_model
from eiesim.sim.passes import simulate_passes
from eiesim.study.examples import draw_examples, read_examples
from eiesim.study.experiment import hash_file, load_layer
from eiesim.study.network_run import run_examples
from eiesim.study.sweep.metrics import METRICS
from eiesim.study.sweep.points import Task, Values
from eiesim.study.sweep.shared import Encoded, share
from eiesim.study.sweep.spec import LAYER
from eiesim.study.workloads import draw_matched
from eiesim.trained import trained_names

Row = dict[str, Any]
SCHEMA = "eiesim sweep 1"
MATCHED = "matched/"
"""Before the name of a layer of the paper: drawn with the work of Table IV."""
MACHINES = 4096
"""Of which prices and areas are remembered."""
PRICED = (
    "spmat_width_bits", "spmat_sram_bytes", "ptr_sram_bytes", "ptr_bits",
    "act_sram_bytes", "accumulators_per_pe", "node_nm", "multiplier", "sram_cell",
)  # fmt: skip
"""Fields of a machine on which prices depend, beside `queue_depth` and `dram`, and its area, beside
`queue_depth` and `n_pes`."""
FIT_FIELDS = ("spmat_width_bits", "codebook_bits", "spmat_sram_bytes", "ptr_sram_bytes",
              "ptr_bits", "act_sram_bytes", "accumulators_per_pe", "act_batches")  # fmt: skip
"""Fields of a machine on which it depends how full its memories are, beside its image."""
OF_NETWORK = ("layer.seed", "layer.activation_density")
"""Axes that networks know."""
COUNTED = ("stall_cycles", "macs", "padding_macs", "ptr_reads", "spmat_reads")
NOTHING = np.zeros(0, np.float32)


class Operands(NamedTuple):
    """A layer and one input."""

    layer: CompressedLayer
    activations: npt.NDArray[np.float32]


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
    return json.dumps([SCHEMA, __version__, _find_hash(layer), _hash_inputs(shared)], default=str)


def _hash_inputs(shared: Values) -> Row:
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


def evaluate(task: Task) -> list[tuple[int, Row]]:
    """Run the points of a task.

    Parameters
    ----------
    task : Task
        The task.

    Returns
    -------
    list of (int, dict)
        Number of each point, and its metrics, or ``error`` where it cannot be run.
    """
    try:
        measure = _prepare(task)
    except EieError as error:
        return [(number, {"error": str(error)}) for number, _ in task.machines]
    rows = []
    for number, hw in task.machines:
        try:
            rows.append((number, measure(hw)))
        except EieError as error:
            rows.append((number, {"error": str(error)}))
    return rows


def _prepare(task: Task) -> Callable[[Hardware], Row]:
    """Return a function from a machine to a row."""
    if Path(task.layer).suffix.lower() == EIE:
        return _prepare_network(task)
    largest = max((hw for _, hw in task.machines), key=lambda hw: hw.codebook_bits)
    shared = json.dumps(task.shared, sort_keys=True)
    sizes = largest.n_pes, largest.index_bits, largest.codebook_bits
    wanted = Wanted(task.folder, task.image, task.identity, task.layer, shared, sizes)
    return _prepare_shared(wanted).measure


class Wanted(NamedTuple):
    """An image: where it is shared, what it is of, and its PEs, index bits and code bits."""

    folder: str
    image: str
    identity: str
    layer: str
    shared: str
    sizes: tuple[int, int, int]


@lru_cache(maxsize=1)
def _prepare_shared(wanted: Wanted) -> Measured:
    """Return a layer prepared; kept, since tasks of one image come one after the other."""
    n_pes, index_bits, codebook_bits = wanted.sizes
    hw = Hardware(
        n_pes=n_pes, index_bits=index_bits, codebook_bits=codebook_bits, spmat_width_bits=64
    )

    def make() -> Encoded:
        told = json.loads(wanted.shared)
        own = json.dumps(_tell_shared(told), sort_keys=True)
        operands = _load_operands(wanted.identity, wanted.layer, own)
        found = operands.layer
        if told.get("balance"):
            found = found.take(balance_rows(found, n_pes))
        return Encoded(encode(found, hw), operands.activations)

    return Measured(*share(wanted.folder, wanted.image, make))


class Measured:
    """A layer and an input, to be run on machines with the same image.

    Parameters
    ----------
    image : InterleavedCSC
        The layer.
    activations : float32 [cols]
        The input.
    """

    def __init__(self, image: InterleavedCSC, activations: npt.NDArray[np.float32]) -> None:
        from eiesim.sim.fast.engine import Prepared  # noqa: PLC0415 - compiled code

        self.image, self.activations = image, activations
        self._prepared = Prepared(image, activations)
        self._fits: dict[Any, list[MemoryUse]] = {}

    def measure(self, hw: Hardware) -> Row:
        """Return the metrics of a machine.

        Parameters
        ----------
        hw : Hardware
            The machine.

        Raises
        ------
        EieError
            It cannot run the layer.
        """
        if hw.act_batches:
            images = encode_passes(self.image.decode(), hw)
            run = simulate_passes(images, self.activations, hw)
            return _describe(run, fit_images(images, hw))
        self.image.require(hw)
        counters = self._prepared.count(hw)
        key = tuple(getattr(hw, name) for name in FIT_FIELDS)
        if key not in self._fits:
            self._fits[key] = fit_images([self.image], hw)
        return _describe(RunResult(self.image.name, "fast", hw, NOTHING, counters), self._fits[key])


def measure_machines(
    layer: CompressedLayer, activations: npt.NDArray[np.float32], machines: Sequence[Hardware]
) -> list[Row]:
    """Run a layer and an input on many machines, what they share done once.

    Parameters
    ----------
    layer : CompressedLayer
        The layer.
    activations : float32 [cols]
        The input.
    machines : sequence of Hardware
        The machines.

    Returns
    -------
    list of dict
        The metrics of each, see `eiesim.study.sweep.metrics.METRICS`.

    Raises
    ------
    EieError
        One of them cannot run the layer.
    """
    given = take_array(activations, f"{layer.name}: activations", np.float32, (layer.cols,))
    measured: dict[tuple[int, int], Measured] = {}
    for hw in machines:
        key = hw.n_pes, hw.index_bits
        if key not in measured:
            measured[key] = Measured(encode(layer, hw), given)
    return [measured[hw.n_pes, hw.index_bits].measure(hw) for hw in machines]


def _tell_shared(shared: Values) -> Row:
    return {key: value for key, value in shared.items() if key != "balance"}


@lru_cache(maxsize=2)
def _load_operands(_identity: str, layer: str, shared: str) -> Operands:
    """Return layer and input; kept by content, since tasks of one come one after the other."""
    told: Mapping[str, Any] = json.loads(shared)
    drawn = {key.removeprefix(LAYER): it for key, it in told.items() if key.startswith(LAYER)}
    if layer.startswith(MATCHED):
        if drawn:
            raise ConfigError(f"{layer}: its densities are found from Table IV: leave out {LAYER}*")
        operands = draw_matched(layer.removeprefix(MATCHED)).operands
        found, own = operands.layer, operands.activations
    elif drawn:
        benchmark = draw_benchmark(replace(load_spec(find_spec_file(layer)), **drawn))
        found, own = benchmark.layer, benchmark.activations
    else:
        found, given, _ = load_layer(layer)
        own = given if given is not None else NOTHING
    if "inputs" in told:
        own = read_activations(told["inputs"])
    what = f"{told.get('inputs', layer)}: activations"
    return Operands(found, take_array(own, what, np.float32, (found.cols,)))


def _prepare_network(task: Task) -> Callable[[Hardware], Row]:
    model, seed = _load_network(task.identity, task.layer), int(task.shared.get("layer.seed", 0))
    if unknown := [key for key in task.shared if key.startswith(LAYER) and key not in OF_NETWORK]:
        raise ConfigError(f"{task.layer}: a network: axis {unknown[0]!r} is of drawn layers")
    density = float(task.shared.get("layer.activation_density", 1.0))
    inputs = task.shared.get("inputs")
    examples = read_examples(inputs, model) if inputs else draw_examples(model, 1, density, seed)

    def measure(hw: Hardware) -> Row:
        balance = bool(task.shared.get("balance"))
        runs = list(run_examples(model, examples[:1], hw, price_machine(hw), balance=balance))
        (run,) = runs
        cycles = run.cycles
        energy = None if run.energy_pj is None else sum(run.energy_pj)
        uses = [use for step in run.steps for use in step.memories]
        entries = sum(step.result.entries for step in run.steps)
        totals = [step.result.counters.totals() for step in run.steps]
        counted = {key: sum(it[key] for it in totals) for key in COUNTED}
        dram = sum(step.result.dram_bytes for step in run.steps)
        return _finish(hw, cycles, energy, entries, counted | {"dram_bytes": dram}, uses)

    return measure


@lru_cache(maxsize=1)
def _load_network(_identity: str, path: str) -> Model:
    return load_model(path)


def _describe(run: RunResult, uses: Sequence[MemoryUse]) -> Row:
    prices, counts = find_prices(run.hardware), count_actions(run)
    energy = None
    if prices.keys() >= counts.keys():
        energy = math.fsum(float(count) * prices[key] for key, count in counts.items())
    counted = {key: int(getattr(run.counters, key)) for key in COUNTED}
    counted["dram_bytes"] = run.dram_bytes
    return _finish(run.hardware, run.cycles, energy, run.entries, counted, uses)


def _finish(
    hw: Hardware,
    cycles: int,
    energy: float | None,
    entries: int,
    counted: Row,
    uses: Sequence[MemoryUse],
) -> Row:
    latency_us = cycles / hw.clock_mhz
    area = measure_machine(hw)
    edp = None if energy is None else energy * latency_us
    row = {
        "cycles": cycles,
        "latency_us": latency_us,
        "energy_pj": energy,
        "power_mw": None if energy is None else energy / 1000 / latency_us,
        **area,
        "edp_pj_us": edp,
        "edp_pj_us_mm2": None
        if edp is None or area["area_mm2"] is None
        else edp * area["area_mm2"],
        "load_balance": entries / hw.n_pes / cycles if cycles else None,
        **counted,
        "fits": all(use.fits for use in uses),
        "chips": count_chips(uses),
    }
    return {name: row[name] for name in METRICS}


def measure_machine(hw: Hardware) -> Row:
    """Return the metrics that need no run.

    Parameters
    ----------
    hw : Hardware
        The machine.
    """
    return {
        "area_mm2": find_area(hw),
        "sram_bytes": hw.n_pes * (hw.spmat_sram_bytes + hw.ptr_sram_bytes + hw.act_sram_bytes),
    }


@dataclass(frozen=True)
class Part:
    """A machine, known by some of its fields: what is alike in them is looked up once."""

    fields: tuple[Any, ...]
    hw: Hardware = field(compare=False)


def _part(hw: Hardware, last: str) -> Part:
    return Part(tuple(getattr(hw, name) for name in (*PRICED, last)), hw)


def find_prices(hw: Hardware) -> dict[Key, float]:
    """Return the price of each action, pJ, or pJ a nanosecond.

    The depth of the queue changes the price of its clock alone: the others are looked up.

    Parameters
    ----------
    hw : Hardware
        The machine.
    """
    clock = scale_price(price_clock("act_queue", hw), hw.node_nm)
    return {**_find_prices(_part(hw, "dram")), clock.key: clock.value}


@lru_cache(maxsize=MACHINES)
def _find_prices(part: Part) -> dict[Key, float]:
    return {price.key: price.value for price in price_machine(part.hw).prices}


def find_area(hw: Hardware) -> float | None:
    """Return the area of the chip, mm2; None where CACTI was not run for an SRAM.

    Every slot of the queues adds as much: two depths tell all.

    Parameters
    ----------
    hw : Hardware
        The machine.
    """
    found = _find_areas(_part(hw, "n_pes"))
    return None if found is None else found[0] + hw.queue_depth * found[1]


@lru_cache(maxsize=MACHINES)
def _find_areas(part: Part) -> tuple[float, float] | None:
    """Return the area without slots, and of one slot in every PE."""
    few, many = 8, 16
    try:
        low, high = (
            estimate_area(replace(part.hw, queue_depth=depth)).chip_mm2 for depth in (few, many)
        )
    except EnergyError:
        return None
    slot = (high - low) / (many - few)
    return low - few * slot, slot
