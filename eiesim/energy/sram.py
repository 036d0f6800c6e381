"""SRAM by size, word width, node and cell type: runs of CACTI 7, and values between them.

Where the package hwcomponents-cacti is installed, CACTI is run for an SRAM that the table lacks.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from eiesim.base.errors import EnergyError
from eiesim.base.published import read_table
from eiesim.energy.cacti import name_cacti, run_cacti

Point = tuple[float, ...]


@dataclass(frozen=True)
class Sram:
    """One plain single-port SRAM bank.

    Energies are of one access to a word, the leakage of the whole bank at 300 K. A word is out
    after the access time; an access can follow another after the cycle time. The kind is
    ``CACTI run``, or ``scaled`` for a value between runs.
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

    What is not in the table is asked of CACTI, see `eiesim.energy.cacti`. Where that gives no
    answer, the logarithm of each quantity is interpolated linearly in the logarithms of width, size
    and node, and the source says why. `cell` is ``itrs-hp``, ``itrs-lop`` or ``itrs-lstp``. Raises
    EnergyError if the bank lies outside of the runs then.

    Source: CACTI 7 (HewlettPackard/cacti), plain RAM, one read-write port, one bank, no ECC, 300 K,
    objective: cycle time, ED^2; eiesim/data/energy/README.md.
    """
    runs = _load_runs(cell)
    target = (float(node_nm), float(size_bytes), float(width_bits))
    where = f"{size_bytes} bytes, {width_bits} bits, {node_nm:g} nm, {cell}, 300 K"
    if target in runs:
        return _make_sram(runs[target], "CACTI run", f"CACTI 7: {where}")
    try:
        quantities = run_cacti(size_bytes, width_bits, node_nm, cell)
    except EnergyError as error:
        reason = str(error)
    else:
        values = tuple(quantities[name] for name in QUANTITIES)
        return _make_sram(values, "CACTI run", f"{name_cacti()}: {where}")
    try:
        values = _interpolate(runs, (), target)
    except EnergyError as error:
        raise EnergyError(f"{error}, or let CACTI be asked, which cannot be: {reason}") from error
    return _make_sram(values, "scaled", f"between runs of CACTI 7: {where}; {reason}")


def _make_sram(values: Sequence[float], kind: str, source: str) -> Sram:
    return Sram(**dict(zip(QUANTITIES, values, strict=True)), kind=kind, source=source)


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


def _interpolate(runs: dict[Point, Point], fixed: Point, target: Point) -> Point:
    """Return the quantities at `target`, on the first axes at `fixed`."""
    axis = len(fixed)
    if axis == len(AXES):
        return runs[fixed]
    known = sorted({point[axis] for point in runs if point[:axis] == fixed})
    below, above = _bracket(known, target, fixed)
    low = _interpolate(runs, (*fixed, below), target)
    if below == above:
        return low
    high = _interpolate(runs, (*fixed, above), target)
    share = math.log(target[axis] / below) / math.log(above / below)
    return tuple(a * (b / a) ** share for a, b in zip(low, high, strict=True))


def _bracket(known: Sequence[float], target: Point, fixed: Point) -> tuple[float, float]:
    value = target[len(fixed)]
    index = bisect_left(known, value)
    if index == len(known) or (index == 0 and value < known[0]):
        settled = "".join(f" at {name} {x:g}" for name, x in zip(AXES, fixed, strict=False))
        raise EnergyError(
            f"CACTI was not run for an SRAM of {target[1]:g} bytes and {target[2]:g} bits at "
            f"{target[0]:g} nm, but for {AXES[len(fixed)]} {known[0]:g} to {known[-1]:g}{settled}; "
            "choose one within"
        )
    return (value, value) if known[index] == value else (known[index - 1], known[index])
