"""The power and the area of each module's parts, which EIE's Table II leaves open, filled in.

Table II gives the power of one PE twice: by module, and by component type. It does not give what a
module's memory, clock, registers and logic take one by one. Known parts are set (memory from CACTI,
the 16-bit multiplier and adder); the rest is the table nearest to independence that has both sets
of sums, found by iterative proportional fitting.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from eiesim.base.errors import EnergyError
from eiesim.base.published import read_table
from eiesim.energy.operations import find_arithmetic
from eiesim.energy.sram import Sram, find_sram
from eiesim.energy.technology import BASE_CLOCK_MHZ, BASE_NM

MODULES = ("act_queue", "ptr_read", "spmat_read", "arithm", "act_rw")
PARTS = ("memory", "clock", "register", "combinational")
COMPONENTS = (*MODULES, "lnzd", "broadcast", "dram")
MEMORY_MODULES = ("ptr_read", "spmat_read", "act_rw")
TABLE2 = "EIE, ISCA 2016, Table II, filled in by proportional fitting"
STEADY_PERIOD_CYCLES = 8
"""In the steady state both SRAMs are accessed every 8 cycles (EIE, section VI)."""
PJ_PER_CYCLE = 1e3 / BASE_CLOCK_MHZ
"""1 mW at 800 MHz in pJ a cycle."""

Cells = Mapping[tuple[str, str], float]


@cache
def count_steady_actions(spmat_period_cycles: int = STEADY_PERIOD_CYCLES) -> Cells:
    """Return how often each action happens in a cycle of a PE that never waits.

    `spmat_period_cycles` is the entries in a word of the sparse-matrix SRAM. Source: EIE, section
    VI: in the steady state a PE does an entry a cycle, and both of its SRAMs are accessed every 8
    cycles.
    """
    column = 1 / STEADY_PERIOD_CYCLES
    entry_actions = {
        ("spmat_read", "entry"), ("arithm", "entry"), ("arithm", "multiply"), ("arithm", "add"),
        ("act_rw", "register_read"), ("act_rw", "register_write"),
    }  # fmt: skip
    return (
        {(module, "cycle"): 1.0 for module in MODULES}
        | dict.fromkeys(entry_actions, 1.0)
        | {("act_queue", "push"): column, ("act_queue", "pop"): column}
        | {("ptr_read", "look-up"): column, ("ptr_read", "read"): 2 * column}
        | {("spmat_read", "read"): 1 / spmat_period_cycles}
    )


@dataclass(frozen=True)
class Calibration:
    """Parts of one PE of the paper's chip in the steady state.

    Power and area are of each (module, part); leakage is within the memory's power. The factors
    are of each module: energy of a memory's access, and its area, over CACTI's.
    """

    power_mw: Cells
    area_um2: Cells
    energy_factors: Mapping[str, float]
    area_factors: Mapping[str, float]


def find_paper_memories() -> dict[str, tuple[Sram, int]]:
    """Return each module's SRAM and its banks in the paper's chip: 128 KB, 2 x 16 KB, 2 KB.

    Source: EIE, section VI. It does not give the cell type; the low-standby one is assumed.
    """
    cell = "itrs-lstp"
    return {
        "spmat_read": (find_sram(128 * 1024, 64, BASE_NM, cell), 1),
        "ptr_read": (find_sram(16 * 1024, 16, BASE_NM, cell), 2),
        "act_rw": (find_sram(2 * 1024, 16, BASE_NM, cell), 1),
    }


@cache
def calibrate() -> Calibration:
    """Fill in EIE's Table II, which has power and area of one PE by component type and module."""
    memories = find_paper_memories()
    steady = count_steady_actions()
    # in the steady state the activations are in registers, so that their SRAM rests
    access_mw = {
        module: sram.read_energy_pj * steady.get((module, "read"), 0.0) / PJ_PER_CYCLE
        for module, (sram, _) in memories.items()
    }
    leakage_mw = {
        (module, "memory"): banks * sram.leakage_mw for module, (sram, banks) in memories.items()
    }
    cacti_um2 = {module: 1e6 * banks * sram.area_mm2 for module, (sram, banks) in memories.items()}
    multiply_add = find_arithmetic("fixed16")
    logic = ("arithm", "combinational")
    power_mw = _fill(
        "power_mw", leakage_mw | {logic: multiply_add.energy_pj / PJ_PER_CYCLE}, access_mw
    )
    area_um2 = _fill("area_um2", {logic: multiply_add.area_um2}, cacti_um2)
    return Calibration(
        power_mw,
        area_um2,
        {
            module: (power_mw[module, "memory"] - leakage_mw[module, "memory"]) / access
            for module, access in access_mw.items()
            if access
        },
        {module: area_um2[module, "memory"] / cacti for module, cacti in cacti_um2.items()},
    )


@cache
def read_table2(quantity: str, breakdown: str) -> Mapping[str, float]:
    """Return one column of Table II: ``power_mw`` or ``area_um2`` by module, component or total."""
    return {
        row["part"].removesuffix("_network"): float(row[quantity])
        for row in read_table("paper/eie_table2")
        if row["breakdown"] == breakdown and row[quantity]
    }


def _fill(quantity: str, known: Cells, memory: Mapping[str, float]) -> Cells:
    modules, parts = read_table2(quantity, "module"), read_table2(quantity, "component")
    fixed = np.array([[known.get((module, part), 0.0) for part in PARTS] for module in MODULES])
    seed = np.ones_like(fixed)
    for number, module in enumerate(MODULES):
        seed[number, PARTS.index("memory")] = memory.get(module, 0.0)
    rows = np.array([modules[module] for module in MODULES])
    columns = np.array([parts[part] for part in PARTS])
    columns *= rows.sum() / columns.sum()  # the two sums differ in the last printed digit
    filled = fixed + fit_sums(seed, rows - fixed.sum(axis=1), columns - fixed.sum(axis=0))
    return {
        (module, part): float(filled[row, column])
        for row, module in enumerate(MODULES)
        for column, part in enumerate(PARTS)
    }


def fit_sums(
    seed: npt.NDArray[np.float64],
    rows: npt.NDArray[np.float64],
    columns: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Scale rows and columns [rows, columns] in turn until both have the given sums.

    Zeros stay zeros. Raises EnergyError if no table with the seed's zeros has these sums. Source:
    Deming and Stephan, Annals of Mathematical Statistics 11 (1940), iterative proportional fitting.
    """
    table: npt.NDArray[np.float64] = seed
    for _ in range(10_000):
        table = table * (columns / table.sum(axis=0))
        table = table * (rows / table.sum(axis=1))[:, np.newaxis]
        if np.abs(table.sum(axis=0) - columns).max() <= 1e-12 * columns.max():
            return table
    raise EnergyError("the sums cannot be met: expected rows and columns of the same total")
