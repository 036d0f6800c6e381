"""The metrics of runs on one machine."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from eiesim.base.tables import Row
from eiesim.counters import OutputError, RunResult, Totals, count_dram_bytes
from eiesim.energy.actions import ACTIONS, count_actions
from eiesim.hardware import Hardware
from eiesim.image import MemoryUse, count_chips
from eiesim.sweep.metrics import PointEnergy, PointRun, Quality, measure_run
from eiesim.sweep.priced import PricedMachine, price_point

DRAM_PLACES = [place for place, key in enumerate(ACTIONS) if key.component == "dram"]


class Fit(NamedTuple):
    """Whether the memories of a PE hold all, and how many chips would."""

    fits: bool
    chips: int


def judge_fit(memories: Sequence[MemoryUse]) -> Fit:
    """Return what metrics have of how full the memories are."""
    return Fit(all(use.fits for use in memories), count_chips(memories))


def measure_results(
    results: Sequence[RunResult],
    memories: Sequence[MemoryUse],
    inputs: int = 1,
    quality: Quality | None = None,
) -> Row:
    """Return the metrics of runs on one machine, one after the other.

    `inputs` is the number of inputs or characters that they are of; energies and counts are means
    over them.
    """
    totals = [result.counters.add_pes() for result in results]
    errors = [result.error for result in results if result.error is not None]
    return measure_totals(results[0].hardware, totals, errors, judge_fit(memories), inputs, quality)


def measure_totals(
    hw: Hardware,
    totals: Sequence[Totals],
    errors: Sequence[OutputError],
    fit: Fit,
    inputs: int = 1,
    quality: Quality | None = None,
) -> Row:
    """Return the metrics of runs from what they count, as `measure_results` does."""
    machine = price_point(hw)
    run = PointRun(
        machine,
        totals[0] if len(totals) == 1 else Totals(*map(sum, zip(*totals, strict=True))),
        sum(count_dram_bytes(counts, hw) for counts in totals),
        max((error.relative for error in errors), default=0.0),
        *fit,
        _spend(machine, totals),
        inputs,
        quality,
    )
    return measure_run(run) | {"no_energy": machine.no_energy, "no_area": machine.no_area}


def _spend(machine: PricedMachine, totals: Sequence[Totals]) -> PointEnergy | None:
    """Return the energy of runs on one machine; None if an action has no price."""
    hw, rates = machine.hw, machine.rates
    if rates is None:
        return None
    spent_pj: list[float] = []
    dram_pj: list[float] = []
    by_kind_pj: dict[str, list[float]] = {}
    for counts in totals:
        run_pj = [
            float(count) * rate.value
            for count, rate in zip(count_actions(counts, hw), rates, strict=True)
        ]
        spent_pj += run_pj
        dram_pj += [run_pj[place] for place in DRAM_PLACES]
        for rate, energy_pj in zip(rates, run_pj, strict=True):
            by_kind_pj.setdefault(rate.kind, []).append(energy_pj)
    kinds = {kind: math.fsum(energies_pj) for kind, energies_pj in by_kind_pj.items()}
    return PointEnergy(math.fsum(spent_pj), math.fsum(dram_pj), kinds)
