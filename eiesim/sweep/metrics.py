"""What is known of a point after its run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

SUM = "the sum over all layers"
OF_SUMS = "the sums over all layers"
MACHINE = "the machine alone"
EVERY = "every layer"
LARGEST = "the largest over all layers"


class Metric(NamedTuple):
    """A metric.

    Attributes
    ----------
    meaning : str
        With its unit.
    judged_on : str
        What is compared with a limit, and what an objective is, where a sweep has several layers.
    """

    meaning: str
    judged_on: str


METRICS: Mapping[str, Metric] = {
    "cycles": Metric("cycles of the run", SUM),
    "latency_us": Metric("time of the run, us", SUM),
    "energy_pj": Metric("energy of the run, DRAM included, pJ", SUM),
    "dram_energy_pj": Metric("what of it DRAM takes, pJ", SUM),
    "power_mw": Metric("mean power over the run, DRAM included, mW", OF_SUMS),
    "chip_run_power_mw": Metric("mean power of the chip alone over the run, mW", OF_SUMS),
    "chip_power_mw": Metric(
        "power of the chip alone when no PE waits, as EIE's Table II, mW", MACHINE
    ),
    "area_mm2": Metric("area of the chip, mm2", MACHINE),
    "edp_pj_us": Metric("energy x delay, DRAM included, pJ us", OF_SUMS),
    "edp_pj_us_mm2": Metric("energy x delay x area, DRAM included, pJ us mm2", OF_SUMS),
    "load_balance": Metric("work over PEs and cycles, 0 to 1", OF_SUMS),
    "stall_cycles": Metric("cycles in which a broadcast waited for a full queue", SUM),
    "macs": Metric("multiply-accumulates", SUM),
    "padding_macs": Metric("padding zeros that took a cycle", SUM),
    "ptr_reads": Metric("pointer look-ups", SUM),
    "spmat_reads": Metric("sparse-matrix words read", SUM),
    "dram_bytes": Metric("bytes streamed from DRAM", SUM),
    "sram_bytes": Metric("bytes of all SRAMs of the chip", MACHINE),
    "fits": Metric("whether the SRAMs and registers hold the layer", EVERY),
    "chips": Metric("chips that would hold the layer", LARGEST),
    "clock_fits": Metric(
        "whether the SRAMs, by CACTI, keep up with the clock; null where it was not run", MACHINE
    ),
}
"""By name, in the order of the columns."""
OF_MACHINE = tuple(name for name, metric in METRICS.items() if metric.judged_on == MACHINE)
"""Those that need no run."""
SUMMED = tuple(name for name, metric in METRICS.items() if metric.judged_on == SUM)
REASONS = ("no_energy", "no_area")
"""Columns that say why energies and powers, or area, are missing; null where none is."""


def derive_metrics(
    latency_us: float, energy_pj: float | None, dram_pj: float | None, area_mm2: float | None
) -> dict[str, Any]:
    """Return the metrics that follow from time, energy and area; None where one of them lacks.

    Parameters
    ----------
    latency_us, energy_pj, dram_pj, area_mm2 : float or None
        Of a run, or of several, one after the other, on one machine.
    """
    edp = None if energy_pj is None else energy_pj * latency_us
    chip_pj = None if energy_pj is None or dram_pj is None else energy_pj - dram_pj
    return {
        "latency_us": latency_us,
        "energy_pj": energy_pj,
        "dram_energy_pj": dram_pj,
        "power_mw": None if energy_pj is None else energy_pj / 1000 / latency_us,
        "chip_run_power_mw": None if chip_pj is None else chip_pj / 1000 / latency_us,
        "area_mm2": area_mm2,
        "edp_pj_us": edp,
        "edp_pj_us_mm2": None if edp is None or area_mm2 is None else edp * area_mm2,
    }


def explain_missing(metric: str, row: Mapping[str, Any]) -> str:
    """Return why a metric of a row is missing.

    Parameters
    ----------
    row : mapping
        With `REASONS`.
    """
    reasons = [row[name] for name in REASONS if row[name] is not None]
    if metric == "area_mm2":
        reasons = [row["no_area"]]
    return f"{metric} is missing: {reasons[0]}"
