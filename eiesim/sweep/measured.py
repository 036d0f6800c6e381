"""The metrics of runs on one machine."""

from __future__ import annotations

import math
from collections.abc import Sequence

from eiesim.base.tables import Row
from eiesim.counters import RunResult
from eiesim.energy.estimate import count_actions
from eiesim.energy.prices import Price
from eiesim.image import MemoryUse
from eiesim.sweep.metrics import REASONS, PointEnergy, PointRun, Quality, measure_run
from eiesim.sweep.priced import explain_machine, find_prices


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
    hw = results[0].hardware
    run = PointRun(hw, tuple(results), tuple(memories), _price(results), inputs, quality)
    row = measure_run(run)
    missing = None in (row["energy_pj"], row["area_mm2"])
    return row | (explain_machine(hw) if missing else dict.fromkeys(REASONS))


def _price(runs: Sequence[RunResult]) -> PointEnergy | None:
    """Return the energy of runs on one machine; None if an action has no price."""
    prices = find_prices(runs[0].hardware)
    spent: list[tuple[Price, float]] = []
    for run in runs:
        counts = count_actions(run)
        if not prices.keys() >= counts.keys():
            return None
        spent += [(prices[key], float(count) * prices[key].value) for key, count in counts.items()]
    by_kind: dict[str, list[float]] = {}
    for price, energy_pj in spent:
        by_kind.setdefault(price.kind, []).append(energy_pj)
    return PointEnergy(
        math.fsum(energy_pj for _, energy_pj in spent),
        math.fsum(energy_pj for price, energy_pj in spent if price.component == "dram"),
        {kind: math.fsum(energies_pj) for kind, energies_pj in by_kind.items()},
    )
