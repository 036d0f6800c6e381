"""SRAM by size, word width, node and cell type: runs of CACTI 7, and between them."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from eiesim.base.errors import EnergyError
from eiesim.base.published import read_table

Point = tuple[float, ...]


@dataclass(frozen=True)
class Sram:
    """One plain single-port SRAM bank.

    Attributes
    ----------
    read_energy_pj, write_energy_pj
        Of one access to a word, pJ.
    leakage_mw
        Of the whole bank, mW at 300 K.
    access_time_ns, cycle_time_ns
        Time until a word is out; time between two accesses.
    kind
        ``CACTI run``, or ``scaled`` where it lies between runs.
    """

    read_energy_pj: float
    write_energy_pj: float
    leakage_mw: float
    access_time_ns: float
    cycle_time_ns: float
    area_mm2: float
    kind: str
    source: str


QUANTITIES = (
    "read_energy_pj", "write_energy_pj", "leakage_mw", "access_time_ns", "cycle_time_ns",
    "area_mm2",
)  # fmt: skip
AXES = ("node_nm", "size_bytes", "width_bits")


@lru_cache(maxsize=4096)
def find_sram(size_bytes: int, width_bits: int, node_nm: float, cell: str) -> Sram:
    """Return an SRAM bank, as CACTI 7 gives it or interpolated between its runs.

    Between runs the logarithm of each quantity is taken to be linear in the logarithms of width,
    size and node, as it is for powers of them.

    Parameters
    ----------
    cell
        ``itrs-hp``, ``itrs-lop`` or ``itrs-lstp``.

    Raises
    ------
    EnergyError : The bank lies outside of what was run.

    References
    ----------
    CACTI 7 (HewlettPackard/cacti), plain RAM, one read-write port, one bank, no ECC, 300 K,
    objective: cycle time, ED^2; eiesim/data/energy/README.md.
    """
    runs = _load_runs(cell)
    target = (float(node_nm), float(size_bytes), float(width_bits))
    values = _interpolate(runs, (), target)
    where = f"{size_bytes} bytes, {width_bits} bits, {node_nm:g} nm, {cell}, 300 K"
    exact = target in runs
    return Sram(
        **dict(zip(QUANTITIES, values, strict=True)),
        kind="CACTI run" if exact else "scaled",
        source=f"CACTI 7: {where}" if exact else f"between runs of CACTI 7: {where}",
    )


@cache
def _load_runs(cell: str) -> dict[Point, Point]:
    runs = {
        tuple(float(row[axis]) for axis in AXES): tuple(float(row[name]) for name in QUANTITIES)
        for row in read_table("energy/cacti_sram")
        if row["cell"] == cell
    }
    if not runs:
        raise EnergyError(f"sram_cell {cell!r}: there is no CACTI run of it")
    return runs


def _interpolate(runs: dict[Point, Point], at: Point, target: Point) -> Point:
    """Return the quantities at `at` followed by the axes still open, taken from `target`."""
    axis = len(at)
    if axis == len(AXES):
        return runs[at]
    known = sorted({point[axis] for point in runs if point[:axis] == at})
    below, above = _bracket(known, target, at)
    low = _interpolate(runs, (*at, below), target)
    if below == above:
        return low
    high = _interpolate(runs, (*at, above), target)
    share = math.log(target[axis] / below) / math.log(above / below)
    return tuple(a * (b / a) ** share for a, b in zip(low, high, strict=True))


def _bracket(known: Sequence[float], target: Point, at: Point) -> tuple[float, float]:
    value = target[len(at)]
    place = bisect_left(known, value)
    if place == len(known) or (place == 0 and value < known[0]):
        settled = "".join(f" at {name} {x:g}" for name, x in zip(AXES, at, strict=False))
        raise EnergyError(
            f"CACTI was not run for an SRAM of {target[1]:g} bytes and {target[2]:g} bits at "
            f"{target[0]:g} nm, but for {AXES[len(at)]} {known[0]:g} to {known[-1]:g}{settled}; "
            "choose one within"
        )
    return (value, value) if known[place] == value else (known[place - 1], known[place])
