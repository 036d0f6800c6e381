"""Answers in words: numbers in units for a reader, and what they are many times of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eiesim.base.labels import show_number
from eiesim.base.published import PAPER_LAYERS
from eiesim.base.tables import Row
from eiesim.baselines.published import find_time_us

PAPER_PLATFORMS = {"cpu": "CPU", "gpu": "GPU"}
"""Those whose times a layer of the paper is compared with, dense and one input at a time."""
TIMES = ((1e6, "s"), (1e3, "ms"), (1.0, "us"))
ENERGIES = ((1e12, "J"), (1e9, "mJ"), (1e6, "uJ"))
"""Units, the largest first, in microseconds and picojoules."""


def name_time(time_us: float) -> str:
    """Return a time with the unit that suits it: s, ms or us."""
    return _scale(time_us, TIMES)


def name_energy(energy_pj: float | None) -> str:
    """Return an energy with the unit that suits it: J, mJ or uJ; in words where there is none."""
    return "an unknown energy" if energy_pj is None else _scale(energy_pj, ENERGIES)


def _scale(value: float, units: Sequence[tuple[float, str]]) -> str:
    size, unit = next((it for it in units if value >= it[0]), units[-1])
    return f"{show_number(value / size)} {unit}"


def find_speedups(given: str, latency_us: float) -> dict[str, float]:
    """Return how many times as long the paper's CPU and GPU take for a layer, by their names.

    Empty for what is no layer of the paper. Source: EIE, ISCA 2016, Table IV, dense, batch 1.

    Parameters
    ----------
    given : str
        The name or file that the layer came from.
    """
    layer = given.lower()
    if layer not in PAPER_LAYERS:
        return {}
    return {
        name: float(find_time_us(layer, platform, 1, "dense")) / latency_us
        for platform, name in PAPER_PLATFORMS.items()
    }


def describe_speedups(speedups: Mapping[str, float]) -> str:
    """Return how much faster or slower than others a run is."""
    words = (f"{name_ratio(ratio)} the paper's {name}" for name, ratio in speedups.items())
    return " and ".join(words)


def name_ratio(speedup: float) -> str:
    """Return a speedup as it goes before what it is over: ``2 times as fast as``."""
    if f"{speedup:.3g}" == "1":
        return "as fast as"
    if speedup > 1:
        return f"{show_number(speedup, 3)} times as fast as"
    return f"{show_number(1 / speedup, 3)} times as slow as"


def describe_clock(clock: Row) -> str:
    """Return in brief that SRAMs are too slow for the clock, from `ClockCheck.to_dict`."""
    most_mhz = clock["highest_clock_mhz"]
    if clock["fits"] or clock["fits"] is None or most_mhz is None:
        return str(clock["text"])
    text = f"clock: the SRAMs keep up with {most_mhz:.0f} MHz, not with {clock['clock_mhz']:g}"
    remedy = clock["remedy"]
    return text if remedy is None else f"{text}; with sram_cell = {remedy['sram_cell']} they do"


def to_uj(energy_pj: float | None) -> float | None:
    """Return picojoules as microjoules; None stays."""
    return None if energy_pj is None else energy_pj / 1e6
