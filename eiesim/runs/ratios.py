"""Speedup and energy efficiency over a reference: what EIE and others take for the same layers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

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
    speedup, energy_efficiency : float
        Time and energy of the reference over its own; no energy where a power is unknown.
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
    """Return EIE as the paper prints it: Table IV's actual time, and the 0.600 W of Figure 7."""
    source = f"time: EIE, ISCA 2016, Table IV; power: {EIE_POWER_W} W, as Figure 7 was made with"
    time_us = float(find_time_us(layer, "eie", 1, "actual"))
    return Baseline(layer, "eie", 1, "sparse", "published", time_us, float(EIE_POWER_W), source)


def take_simulated(
    name: str, result: RunResult, energy: EnergyReport | None, no_energy: str = ""
) -> Baseline:
    """Return EIE as it was simulated: its time, and its mean power or why there is none."""
    power_w = energy.power_mw / 1000 if energy else None
    power = "power: counts times prices over the time" if energy else f"no power: {no_energy}"
    source = f"simulated; {power}"
    return Baseline(name, "eie", 1, "sparse", "simulated", result.latency_us, power_w, source)


def compare(contenders: Iterable[Baseline], references: Iterable[Baseline]) -> list[Ratio]:
    """Return what `find_ratios` gives, and its geometric means over several layers.

    Those of one platform, matrix, batch and kind have one geometric mean.
    """
    groups: dict[tuple[str, str, int, str], list[Ratio]] = {}
    for ratio in find_ratios(contenders, references):
        key = (ratio.platform, ratio.matrix, ratio.batch, ratio.kind)
        groups.setdefault(key, []).append(ratio)
    means = {key: [_average(group)] for key, group in groups.items() if len(group) > 1}
    return [ratio for key, group in groups.items() for ratio in group + means.get(key, [])]


def find_ratios(contenders: Iterable[Baseline], references: Iterable[Baseline]) -> list[Ratio]:
    """Return speedup and energy efficiency of each contender.

    Parameters
    ----------
    references : iterable of Baseline
        One a layer.

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
    ratios = []
    for row in contenders:
        if row.layer not in by_layer:
            raise ConfigError(
                f"{row.layer}: nothing to compare with; known are {', '.join(by_layer)}"
            )
        ratios.append(_divide(row, by_layer[row.layer]))
    return ratios


def _divide(row: Baseline, reference: Baseline) -> Ratio:
    speedup = reference.time_us / row.time_us
    efficiency = None
    if row.power_w is not None and reference.power_w is not None:
        efficiency = speedup * reference.power_w / row.power_w
    over = f"{reference.platform} {reference.matrix} {reference.kind}"
    return Ratio(
        row.layer, row.platform, row.matrix, row.batch, row.kind, over, speedup, efficiency
    )


def _average(group: Sequence[Ratio]) -> Ratio:
    efficiencies = [ratio.energy_efficiency for ratio in group]
    known = [value for value in efficiencies if value is not None]
    return replace(
        group[0],
        layer=GEOMEAN,
        speedup=find_geomean([ratio.speedup for ratio in group]),
        energy_efficiency=find_geomean(known) if len(known) == len(group) else None,
    )


def find_geomean(values: Sequence[float]) -> float:
    """Return the geometric mean of at least one number above 0."""
    return math.exp(math.fsum(map(math.log, values)) / len(values))
