"""What is known of a point after its run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

METRICS: Mapping[str, str] = {
    "cycles": "cycles of the run",
    "latency_us": "time of the run, us",
    "energy_pj": "energy of the run, pJ; null where an action has no price",
    "power_mw": "mean power over the run, mW",
    "area_mm2": "area of the chip, mm2; null where an SRAM lies outside of what CACTI was run for",
    "edp_pj_us": "energy x delay, pJ us",
    "edp_pj_us_mm2": "energy x delay x area, pJ us mm2",
    "load_balance": "work over PEs and cycles, 0 to 1",
    "stall_cycles": "cycles in which a broadcast waited for a full queue",
    "macs": "multiply-accumulates",
    "padding_macs": "padding zeros that took a cycle",
    "ptr_reads": "pointer look-ups",
    "spmat_reads": "sparse-matrix words read",
    "dram_bytes": "bytes streamed from DRAM",
    "sram_bytes": "bytes of all SRAMs of the chip",
    "fits": "whether the SRAMs and registers hold the layer",
    "chips": "chips that would hold the layer",
}
"""By name, in the order of the columns."""
OF_MACHINE = ("area_mm2", "sram_bytes")
"""Those that need no run."""


def derive_metrics(
    latency_us: float, energy_pj: float | None, area_mm2: float | None
) -> dict[str, Any]:
    """Return the metrics that follow from time, energy and area; None where one of them lacks.

    Parameters
    ----------
    latency_us, energy_pj, area_mm2 : float or None
        Of a run, or of several, one after the other, on one machine.
    """
    edp = None if energy_pj is None else energy_pj * latency_us
    return {
        "latency_us": latency_us,
        "energy_pj": energy_pj,
        "power_mw": None if energy_pj is None else energy_pj / 1000 / latency_us,
        "area_mm2": area_mm2,
        "edp_pj_us": edp,
        "edp_pj_us_mm2": None if edp is None or area_mm2 is None else edp * area_mm2,
    }
