"""The metrics of a point, one row each, for runs, tables and pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from operator import attrgetter
from typing import Any, NamedTuple

from eiesim.base.tables import Row
from eiesim.base.units import cycles_to_us
from eiesim.counters import Totals
from eiesim.energy.kinds import weigh_kinds
from eiesim.sweep.priced import PricedMachine


class Over(Enum):
    """What a metric is computed over for several layers; limits and objectives are judged on it."""

    SUM = "the sum over all layers"
    OF_SUMS = "the sums over all layers"
    MACHINE = "the machine alone"
    EVERY = "every layer"
    LARGEST = "the largest over all layers"
    NETWORK = "the network of [network] alone"


@dataclass(frozen=True)
class Quality:
    """What a compressed network weighs, and how well it does on its data.

    Attributes
    ----------
    file_bytes
        Of the `.dcz` file that `eiesim compress` would write.
    mean, deviation
        Mean and standard error of what its metric counts: 0 or 1 for each input, or the bits of
        each character.
    number
        Inputs or characters that are counted.
    metric
        ``error_rate`` or ``bits_per_character``.
    """

    file_bytes: int
    mean: float
    deviation: float
    number: int
    metric: str

    def find(self, metric: str) -> float | None:
        """Return the mean if it is of a metric."""
        return self.mean if metric == self.metric else None

    def find_deviation(self, metric: str) -> float | None:
        """Return the standard error if it is of a metric."""
        return self.deviation if metric == self.metric else None


class PointEnergy(NamedTuple):
    """Energy of a point: all of it, DRAM's part, and what rests on prices of each kind."""

    total_pj: float
    dram_pj: float
    by_kind_pj: Mapping[str, float]


class PointRun(NamedTuple):
    """Runs of one layer, or of all of a network, on one machine, one after the other.

    Metrics are means over `inputs`, the inputs or characters that the runs are of.

    Attributes
    ----------
    totals, dram_bytes
        Over all runs.
    output_error
        What thresholds cost the outputs, of the worst run; 0 without any.
    fits, chips
        Whether the machine holds all, and how many would.
    energy
        None if an action has no price.
    quality
        That of a network with data.
    """

    machine: PricedMachine
    totals: Totals
    dram_bytes: int
    output_error: float
    fits: bool
    chips: int
    energy: PointEnergy | None
    inputs: int = 1
    quality: Quality | None = None

    def average(self, total: float | None) -> Any:
        """Return what one input takes of a total, in the mean; of one, the total as it is."""
        return total if total is None or self.inputs == 1 else total / self.inputs


@dataclass(frozen=True)
class Metric:
    """A metric; its unit is empty for counts and shares.

    Attributes
    ----------
    find
        Returns it, or None if it is missing. Its argument is a `PricedMachine` for `Over.MACHINE`,
        for `Over.OF_SUMS` a row with the other metrics and the number of PEs, otherwise a
        `PointRun`.
    """

    meaning: str
    unit: str
    over: Over
    find: Callable[..., Any]


def _count(name: str) -> Callable[[PointRun], Any]:
    find = attrgetter(name)
    return lambda run: run.average(find(run.totals))


def _find_latency_us(run: PointRun) -> float:
    return cycles_to_us(run.average(run.totals.cycles), run.machine.hw.clock_mhz)


def _find_kind_pj(kind: str, run: PointRun) -> float | None:
    return run.average(run.energy.by_kind_pj.get(kind, 0.0)) if run.energy else None


def _count_sram_bytes(machine: PricedMachine) -> int:
    hw = machine.hw
    return hw.n_pes * (hw.spmat_sram_bytes + hw.ptr_sram_bytes + hw.act_sram_bytes)


def _multiply(*factors: float | None) -> float | None:
    product = 1.0
    for factor in factors:
        if factor is None:
            return None
        product *= factor
    return product


def _find_power_mw(row: Row, _n_pes: int) -> float | None:
    energy_pj: float | None = row["energy_pj"]
    return None if energy_pj is None else energy_pj / 1000 / row["latency_us"]


def _find_chip_power_mw(row: Row, _n_pes: int) -> float | None:
    energy_pj, dram_pj = row["energy_pj"], row["dram_energy_pj"]
    if energy_pj is None or dram_pj is None:
        return None
    return float((energy_pj - dram_pj) / 1000 / row["latency_us"])


def _find_load_balance(row: Row, n_pes: int) -> float:
    return float((row["macs"] + row["padding_macs"]) / n_pes / row["cycles"])


def _multiply_columns(names: Sequence[str], row: Row, _n_pes: int) -> float | None:
    return _multiply(*(row[name] for name in names))


KIND_COLUMNS = {
    "calibrated_pj": "calibrated", "scaled_pj": "scaled", "published_pj": "published",
    "cacti_run_pj": "CACTI run",
}  # fmt: skip
"""Kinds of eiesim's own prices, by the column with what of the energy rests on them."""
METRICS: dict[str, Metric] = {
    "cycles": Metric("cycles of the run", "", Over.SUM, _count("cycles")),
    "latency_us": Metric("time of the run", "us", Over.SUM, _find_latency_us),
    "energy_pj": Metric("energy of the run, DRAM included", "pJ", Over.SUM,
                        lambda run: run.average(run.energy and run.energy.total_pj)),
    "dram_energy_pj": Metric("what of it DRAM takes", "pJ", Over.SUM,
                             lambda run: run.average(run.energy and run.energy.dram_pj)),
    **{column: Metric(f"what of it rests on prices of the kind {kind}", "pJ", Over.SUM,
                      partial(_find_kind_pj, kind))
       for column, kind in KIND_COLUMNS.items()},
    "power_mw": Metric("mean power over the run, DRAM included", "mW", Over.OF_SUMS,
                       _find_power_mw),
    "chip_run_power_mw": Metric("mean power of the chip alone over the run", "mW", Over.OF_SUMS,
                                _find_chip_power_mw),
    "chip_power_mw": Metric("power of the chip alone when no PE waits, its wires included", "mW",
                            Over.MACHINE, attrgetter("power_mw")),
    "area_mm2": Metric("area of the chip", "mm2", Over.MACHINE, attrgetter("area_mm2")),
    "edp_pj_us": Metric("energy x delay, DRAM included", "pJ us", Over.OF_SUMS,
                        partial(_multiply_columns, ("energy_pj", "latency_us"))),
    "edp_pj_us_mm2": Metric("energy x delay x area, DRAM included", "pJ us mm2", Over.OF_SUMS,
                            partial(_multiply_columns, ("energy_pj", "latency_us", "area_mm2"))),
    "load_balance": Metric("work over PEs and cycles, 0 to 1", "", Over.OF_SUMS,
                           _find_load_balance),
    "stall_cycles": Metric("cycles in which a broadcast waited for a full queue", "", Over.SUM,
                           _count("stall_cycles")),
    "output_error": Metric("what thresholds cost the outputs: root of the squared errors over the "
                           "squared outputs; of a network its worst step", "", Over.LARGEST,
                           attrgetter("output_error")),
    "macs": Metric("multiply-accumulates", "", Over.SUM, _count("macs")),
    "padding_macs": Metric("padding zeros that took a cycle", "", Over.SUM,
                           _count("padding_macs")),
    "ptr_reads": Metric("pointer look-ups", "", Over.SUM, _count("ptr_reads")),
    "spmat_reads": Metric("sparse-matrix words read", "", Over.SUM,
                          _count("spmat_reads")),
    "dram_bytes": Metric("bytes streamed from DRAM", "", Over.SUM,
                         lambda run: run.average(run.dram_bytes)),
    "sram_bytes": Metric("bytes of all SRAMs of the chip", "", Over.MACHINE, _count_sram_bytes),
    "fits": Metric("whether the SRAMs and registers hold the layer", "", Over.EVERY,
                   attrgetter("fits")),
    "chips": Metric("chips that would hold the layer", "", Over.LARGEST,
                    attrgetter("chips")),
    "clock_fits": Metric("whether the SRAMs, by CACTI, keep up with the clock; null where it was "
                         "not run", "", Over.MACHINE, attrgetter("clock_fits")),
    "error_rate": Metric("share of the inputs that are classified wrongly", "", Over.NETWORK,
                    lambda run: run.quality.find("error_rate")),
    "error_rate_se": Metric("standard error of this share", "", Over.NETWORK,
                       lambda run: run.quality.find_deviation("error_rate")),
    "bits_per_character": Metric("mean of -log2 of the probability of each character", "",
                                 Over.NETWORK, lambda run: run.quality.find("bits_per_character")),
    "bits_per_character_se": Metric(
        "standard error of this mean", "", Over.NETWORK,
        lambda run: run.quality.find_deviation("bits_per_character")),
    "judged_inputs": Metric("inputs or characters that the error or the bits are of", "",
                            Over.NETWORK, lambda run: run.quality.number),
    "file_bytes": Metric("bytes of the compressed network as a .dcz file", "", Over.NETWORK,
                         lambda run: run.quality.file_bytes),
}  # fmt: skip
"""By name, in the order of the columns."""
REASONS = ("no_energy", "no_area")
"""Columns that say why energies and powers, or area, are missing; else null."""


def measure_machine(machine: PricedMachine) -> Row:
    """Return the metrics that need no run, None for those that are missing."""
    return {
        name: metric.find(machine)
        for name, metric in METRICS.items()
        if metric.over is Over.MACHINE
    }


def name_metrics(quality: str = "") -> list[str]:
    """Return the metrics of a sweep; `quality` is the one of what is right, if it has a network."""
    others = [name for name in ("error_rate", "bits_per_character") if name != quality]
    left_out = {*others, *(f"{name}_se" for name in others)} if quality else set()
    return [
        name
        for name, metric in METRICS.items()
        if name not in left_out and (quality or metric.over is not Over.NETWORK)
    ]


def measure_run(run: PointRun) -> Row:
    """Return all metrics of runs on one machine."""
    row = measure_machine(run.machine)
    for name in name_metrics(run.quality.metric if run.quality else ""):
        metric = METRICS[name]
        if metric.over is not Over.MACHINE and metric.over is not Over.OF_SUMS:
            row[name] = metric.find(run)
    return _derive(row, run.machine.hw.n_pes)


def join_layers(rows: Sequence[Row], n_pes: int) -> Row:
    """Return all metrics over layers on one machine; a sum is missing if one layer lacks it."""
    joined: Row = {}
    for name in name_metrics():  # networks with data are alone in their sweep
        metric, values = METRICS[name], [row[name] for row in rows]
        if metric.over is Over.MACHINE:
            joined[name] = values[0]
        elif metric.over is Over.SUM:
            joined[name] = None if None in values else sum(values)
        elif metric.over is Over.EVERY:
            joined[name] = all(values)
        elif metric.over is Over.LARGEST:
            joined[name] = max(values)
    return _derive(joined, n_pes)


def _derive(row: Row, n_pes: int) -> Row:
    """Return the metrics in their order, with those that follow from others."""
    for name, metric in METRICS.items():
        if metric.over is Over.OF_SUMS:
            row[name] = metric.find(row, n_pes)
    return {name: row[name] for name in METRICS if name in row}


def list_kinds(row: Row) -> list[Row]:
    """Return how the energy of a point rests on prices of each kind; none without an energy."""
    if row["energy_pj"] is None:
        return []
    return weigh_kinds({kind: row[column] for column, kind in KIND_COLUMNS.items() if row[column]})


def explain_missing(metric: str, row: Mapping[str, Any]) -> str:
    """Return why a metric of a row with `REASONS` is missing."""
    reasons = [row[name] for name in REASONS if row[name] is not None]
    if metric == "area_mm2":
        reasons = [row["no_area"]]
    return f"{metric} is missing: {reasons[0]}"
