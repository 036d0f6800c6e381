"""Whether the SRAMs of runs keep up with their clock, and what the cell that would changes."""

from __future__ import annotations

from collections.abc import Sequence

from eiesim.base.tables import Row
from eiesim.counters import RunResult
from eiesim.energy.clock import check_clock, swap_cell
from eiesim.energy.estimate import estimate_energy
from eiesim.energy.prices import PriceTable
from eiesim.hardware import Hardware


def check_runs(
    hw: Hardware, prices: PriceTable, results: Sequence[RunResult], inputs: int = 1
) -> Row:
    """Return the check of a machine as plain values, and what its remedy changes in some runs.

    Parameters
    ----------
    results : sequence of RunResult
        Runs on it, one after the other.
    inputs : int
        Number of inputs in these runs: energies are means over them.

    Returns
    -------
    dict
        From `ClockCheck.to_dict`; with a remedy ``energy_pj`` of the runs, and
        ``remedy_energy_pj``. ``text`` is empty where all SRAMs keep up.
    """
    check = check_clock(hw, prices)
    row = check.to_dict()
    if check.remedy is None or not results:
        return row
    before_pj, after_pj = (
        sum(estimate_energy(result, prices=table).total_pj for result in results) / inputs
        for table in (prices, swap_cell(hw, check.remedy.sram_cell, prices))
    )
    what = "this run" if inputs == 1 else "an input, in the mean,"
    text = f"{what} would take {after_pj / 1e6:.4g} uJ instead of {before_pj / 1e6:.4g}"
    energies = {"energy_pj": before_pj, "remedy_energy_pj": after_pj}
    return row | energies | {"text": f"{row['text']}; {text}"}


def note_clock(hw: Hardware) -> str:
    """Return the check's sentence for the note of an experiment; empty where SRAMs keep up."""
    text = check_clock(hw).describe()
    return f"{text[0].upper()}{text[1:]}." if text else ""
