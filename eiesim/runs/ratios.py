"""Speedup and energy efficiency over a reference: what EIE and others take for the same layers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from eiesim.base.errors import ConfigError
from eiesim.baselines.published import EIE_POWER_W, find_time_us
from eiesim.baselines.rows import Baseline
from eiesim.counters import RunResult
from eiesim.energy.estimate import EnergyReport

GEOMEAN = "geomean"


@dataclass(frozen=True)
class Ratio:
    """What one platform gains over the reference on one layer.

    Attributes
    ----------
    layer : str
        The layer, or ``geomean``.
    platform, matrix, batch, kind
        Of the one that is compared, as in `Baseline`.
    reference : str
        Platform, matrix and kind of what it is compared with.
    speedup : float
        Time of the reference over its time.
    energy_efficiency : float or None
        Energy of the reference over its energy; None where a power is unknown.
    """

    layer: str
    platform: str
    matrix: str
    batch: int
    kind: str
    reference: str
    speedup: float
    energy_efficiency: float | None


def take_published(layer: str) -> Baseline:
    """Return EIE as the paper prints it: Table IV's actual time, and the 0.600 W of Figure 7.

    Parameters
    ----------
    layer : str
        Name of one of the nine layers.
    """
    source = f"time: EIE, ISCA 2016, Table IV; power: {EIE_POWER_W} W, as Figure 7 was made with"
    time_us = float(find_time_us(layer, "eie", 1, "actual"))
    return Baseline(layer, "eie", 1, "sparse", "published", time_us, float(EIE_POWER_W), source)


def take_simulated(
    name: str, result: RunResult, energy: EnergyReport | None, no_energy: str = ""
) -> Baseline:
    """Return EIE as it was simulated: cycles at its clock, and the mean power of what was counted.

    Parameters
    ----------
    energy : EnergyReport or None
        What it cost; None leaves the power unknown.
    no_energy : str
        Why it is unknown.
    """
    power_w = energy.power_mw / 1000 if energy else None
    power = "power: counts times prices over the time" if energy else f"no power: {no_energy}"
    source = f"simulated; {power}"
    return Baseline(name, "eie", 1, "sparse", "simulated", result.latency_us, power_w, source)


def compare(contenders: Iterable[Baseline], references: Iterable[Baseline]) -> list[Ratio]:
    """Return speedup and energy efficiency of each contender, by layer and as geometric mean.

    Parameters
    ----------
    contenders : iterable of Baseline
        What is compared. Those of one platform, matrix, batch and kind have one geometric mean.
    references : iterable of Baseline
        What they are compared with: one a layer.

    Raises
    ------
    ConfigError
        A layer has no reference, or two.

    References
    ----------
    EIE, ISCA 2016, section VI: Figures 6 and 7, over the CPU with dense weights and batch 1.
    """
    by_layer: dict[str, Baseline] = {}
    for reference in references:
        if by_layer.setdefault(reference.layer, reference) is not reference:
            raise ConfigError(f"{reference.layer}: expected one reference, found two")
    groups: dict[tuple[str, str, int, str], list[Ratio]] = {}
    for row in contenders:
        if row.layer not in by_layer:
            raise ConfigError(
                f"{row.layer}: nothing to compare with; known are {', '.join(by_layer)}"
            )
        ratio = _divide(row, by_layer[row.layer])
        groups.setdefault((row.platform, row.matrix, row.batch, row.kind), []).append(ratio)
    means = [[_average(group)] if len(group) > 1 else [] for group in groups.values()]
    return [r for group, mean in zip(groups.values(), means, strict=True) for r in group + mean]


def _divide(row: Baseline, reference: Baseline) -> Ratio:
    speedup = reference.time_us / row.time_us
    efficiency = None
    if row.power_w is not None and reference.power_w is not None:
        efficiency = speedup * reference.power_w / row.power_w
    told = f"{reference.platform} {reference.matrix} {reference.kind}"
    return Ratio(
        row.layer, row.platform, row.matrix, row.batch, row.kind, told, speedup, efficiency
    )


def _average(group: Sequence[Ratio]) -> Ratio:
    first = group[0]
    efficiencies = [ratio.energy_efficiency for ratio in group]
    known = [value for value in efficiencies if value is not None]
    return Ratio(
        GEOMEAN, first.platform, first.matrix, first.batch, first.kind, first.reference,
        find_geomean([ratio.speedup for ratio in group]),
        find_geomean(known) if len(known) == len(group) else None,
    )  # fmt: skip


def find_geomean(values: Sequence[float]) -> float:
    """Return the geometric mean of numbers above 0.

    Parameters
    ----------
    values : sequence of float
        At least one.
    """
    return math.exp(math.fsum(map(math.log, values)) / len(values))
