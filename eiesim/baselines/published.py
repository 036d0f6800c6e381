"""Published times and powers of the CPU, GPU and mobile GPU that EIE is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from typing import Literal

from eiesim.base.errors import WorkloadError, did_you_mean
from eiesim.base.published import PAPER_LAYERS, read_table
from eiesim.baselines.rows import Baseline

PLATFORMS = ("cpu", "gpu", "mgpu")
"""Core i7-5930K, GeForce Titan X and Tegra K1."""
EIE_POWER_W = Decimal("0.600")
"""EIE's power in Figure 7: 6187.1 us x 72.8 W / (12.2 us x 0.600 W) = 61,533, as for Alex-7."""


@dataclass(frozen=True)
class Power:
    """A power, with the bounds that rounding of the printed digits leaves.

    It is ``published``, or ``derived`` from other printed numbers.
    """

    power_w: float
    low_w: float
    high_w: float
    kind: Literal["published", "derived"]
    source: str


def find_time_us(layer: str, platform: str, batch: int, matrix: str) -> str:
    """Return a time of EIE's Table IV in microseconds, as printed.

    `platform` is ``cpu``, ``gpu``, ``mgpu`` or ``eie``, `batch` 1 or 64, `matrix` ``dense`` or
    ``sparse``, for EIE ``theoretical`` or ``actual``.
    """
    wanted = (platform, str(batch), matrix, layer)
    return next(
        row["time_us"]
        for row in read_table("paper/eie_table4")
        if (row["platform"], row["batch"], row["matrix"], row["layer"]) == wanted
    )


def find_power_w(layer: str, platform: str, batch: int, matrix: str) -> Power | None:
    """Return the power of one of the nine layers; None if no printed number gives it.

    AlexNet's and VGG-16's layers are printed. NeuralTalk's follow for batch 1 from Figure 7, whose
    numbers are (time x power of the CPU, dense) / (time x power of the platform):

    - CPU, dense: all times are given to 0.1 us and the CPU's powers to 0.1 W. For each of the nine
      layers one pair of EIE's time and the CPU's power, so rounded, gives both Figure 6 and
      Figure 7 as printed. For the six layers it is the pair of Table IV and Table 9. For NT-We it
      is 9.6 us and 90.3 W, for NT-Wd 13.9 us and 66.8 W, for NT-LSTM 7.8 us and 80.1 W. So the
      figures were drawn with other times of EIE than Table IV's 8.0 and 7.5 us, with which no
      such power gives Figure 7; and with them the mean speedups are the paper's 189x and 307x.
    - The others: Figure 7, printed to whole numbers, with the times of Table IV.

    Source: Han et al., Deep Compression, ICLR 2016, Table 9; EIE, ISCA 2016, Table IV, Figures 6
    and 7.
    """
    wanted = {"platform": platform, "batch": str(batch), "matrix": matrix, "layer": layer}
    for row in read_table("paper/dc_table9"):
        if wanted.items() <= row.items():
            power = Decimal(row["power_w"])
            return _to_power(power, *_rounding(power), "published", row["source"])
    if batch != 1:
        return None
    eie_us, cpu_power = derive_cpu_power(layer)
    if (platform, matrix) == ("cpu", "dense"):
        source = f"EIE, ISCA 2016, Figures 6 and 7, with {eie_us} us and {EIE_POWER_W} W for EIE"
        return _to_power(cpu_power, *_rounding(cpu_power), "derived", source)
    efficiency = _read_figure("paper/eie_fig7", "energy_efficiency", layer, platform, matrix)
    cpu_uj = cpu_power * Decimal(find_time_us(layer, "cpu", 1, "dense"))
    saved_w = cpu_uj / Decimal(find_time_us(layer, platform, 1, matrix))
    low, high = _rounding(efficiency)
    source = f"EIE, ISCA 2016, Figure 7, with Table IV and {cpu_power} W for the CPU, dense"
    return _to_power(saved_w / efficiency, saved_w / high, saved_w / low, "derived", source)


def list_published(layer: str, batches: Sequence[int]) -> list[Baseline]:
    """Return the published times and powers of a layer, for batches of 1, 64 or both.

    The layer's name is in any case. Raises WorkloadError if nothing is published of it.
    """
    name = layer.lower()
    if name not in PAPER_LAYERS:
        raise WorkloadError(
            f"layer {layer!r}: nothing is published of it, {did_you_mean(name, PAPER_LAYERS)}"
        )
    rows = []
    for platform, batch, matrix in product(PLATFORMS, batches, ("dense", "sparse")):
        power = find_power_w(name, platform, batch, matrix)
        power_text = "power: printed nowhere" if power is None else (
            f"power: {power.kind}, {power.low_w:.4g} to {power.high_w:.4g} W, {power.source}"
        )  # fmt: skip
        time_us = float(find_time_us(name, platform, batch, matrix))
        power_w = None if power is None else power.power_w
        source = f"time: EIE, ISCA 2016, Table IV; {power_text}"
        rows.append(Baseline(name, platform, batch, matrix, "published", time_us, power_w, source))
    return rows


def derive_cpu_power(layer: str) -> tuple[Decimal, Decimal]:
    """Return EIE's time, us, and the power of the CPU, dense, W, of Figures 6 and 7 for a layer.

    They are the only numbers of one decimal that round to what both figures of EIE, ISCA 2016,
    print.
    """
    cpu_us = Decimal(find_time_us(layer, "cpu", 1, "dense"))
    speedup = _read_figure("paper/eie_fig6", "speedup", layer, "eie", "actual")
    efficiency = _read_figure("paper/eie_fig7", "energy_efficiency", layer, "eie", "actual")
    tenth = Decimal("0.1")
    pairs = []
    for steps in (-1, 0, 1):
        eie_us = (cpu_us / speedup).quantize(tenth) + steps * tenth
        power = (efficiency * EIE_POWER_W * eie_us / cpu_us).quantize(tenth)
        saved = cpu_us * power / (EIE_POWER_W * eie_us)
        if round(cpu_us / eie_us) == int(speedup) and round(saved) == int(efficiency):
            pairs.append((eie_us, power))
    (pair,) = pairs
    return pair


def _read_figure(table: str, column: str, layer: str, platform: str, matrix: str) -> Decimal:
    wanted = {"platform": platform, "matrix": matrix, "layer": layer}
    rows = read_table(table)
    return next(Decimal(row[column]) for row in rows if wanted.items() <= row.items())


def _rounding(printed: Decimal) -> tuple[Decimal, Decimal]:
    """Return the bounds of what rounds to a printed number, half a unit of its last digit away."""
    half = Decimal((0, (5,), int(printed.as_tuple().exponent) - 1))
    return printed - half, printed + half


def _to_power(
    power: Decimal, low: Decimal, high: Decimal, kind: Literal["published", "derived"], source: str
) -> Power:
    return Power(float(power), float(low), float(high), kind, source)
