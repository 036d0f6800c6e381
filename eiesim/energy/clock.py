"""Whether the SRAMs of a machine keep up with its clock, by CACTI's times; and cells that would."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from eiesim.base.errors import EnergyError
from eiesim.energy.calibrate import MEMORY_MODULES
from eiesim.energy.estimate import find_chip_power_mw, find_steady_power_mw
from eiesim.energy.machine import price_machine
from eiesim.energy.memories import find_memory
from eiesim.energy.prices import PriceTable
from eiesim.hardware import SRAM_CELLS, Hardware
from eiesim.views import ClockView

NAMES = {
    "ptr_read": "pointer SRAM", "spmat_read": "sparse-matrix SRAM", "act_rw": "activation SRAM",
}  # fmt: skip


@dataclass(frozen=True)
class SramTime:
    """How fast one of the SRAMs of a PE is.

    Attributes
    ----------
    cycle_ns
        From one access to the next. The simulated machine can access each SRAM in every cycle.
    access_ns
        Until a word is out. One that takes more than a cycle needs another pipeline stage, and can
        be read as often as before.
    fits
        Whether accesses can follow one another in every cycle of the clock.
    """

    memory: str
    cycle_ns: float
    access_ns: float
    fits: bool
    source: str


@dataclass(frozen=True)
class Remedy:
    """Of the cells that keep up with the clock the one of least power, and what it changes.

    `cycle_ns` and `access_ns` are those of its slowest SRAM. Powers are of a chip, and of a PE,
    that never waits; "before" is with the machine's own cell. Leakage is of a PE with this cell.
    """

    sram_cell: str
    cycle_ns: float
    access_ns: float
    chip_power_mw: float
    chip_power_before_mw: float
    leakage_mw: float
    pe_power_before_mw: float


@dataclass(frozen=True)
class ClockCheck:
    """The SRAMs of a machine beside its clock.

    Attributes
    ----------
    fits
        Whether all SRAMs keep up; None if the known ones do, and the times of others are unknown.
    highest_clock_mhz
        Highest clock that all SRAMs keep up with; None if one is unknown.
    srams
        Those whose times are known.
    unknown
        Why the times of others are unknown; empty if all are known.
    remedy
        None unless an SRAM is too slow and another cell keeps up.
    """

    clock_mhz: float
    period_ns: float
    fits: bool | None
    highest_clock_mhz: float | None
    srams: tuple[SramTime, ...]
    unknown: str
    remedy: Remedy | None

    def to_dict(self) -> dict[str, Any]:
        """Return the check as plain values, for JSON, with its sentence as ``text``."""
        return {**asdict(self), "text": self.describe()}

    def describe(self) -> str:
        """Return a sentence if the SRAMs do not keep up, or may not; else an empty text."""
        if self.fits:
            return ""
        if self.fits is None:
            return f"clock: not known whether all SRAMs keep up with it: {self.unknown}"
        slow = " and ".join(
            f"{sram.cycle_ns:.3f} ns for the {sram.memory} "
            f"(a word is out after {sram.access_ns:.3f} ns)"
            for sram in self.srams
            if not sram.fits
        )
        most_mhz = self.highest_clock_mhz
        most = "" if most_mhz is None else f", so that {most_mhz:.0f} MHz is the most"
        return (
            f"clock: the priced SRAMs are too slow for {self.clock_mhz:g} MHz: a cycle lasts "
            f"{self.period_ns:.4g} ns, from one access to the next CACTI gives {slow}{most}; "
            f"{self._describe_remedy()}"
        )

    def _describe_remedy(self) -> str:
        cell = self.remedy
        if cell is None:
            return self.unknown or "no cell that CACTI was run for is fast enough"
        share = cell.leakage_mw / cell.pe_power_before_mw
        return (
            f"sram_cell = {cell.sram_cell} would do ({cell.cycle_ns:.3f} ns, a word after "
            f"{cell.access_ns:.3f} ns): a chip whose PEs never wait would draw "
            f"{cell.chip_power_mw:.0f} mW instead of {cell.chip_power_before_mw:.0f}, and a PE "
            f"would leak {cell.leakage_mw:.2g} mW, {share:.0%} of the "
            f"{cell.pe_power_before_mw:.3g} mW that it draws now"
        )


def check_clock(hw: Hardware, prices: PriceTable | None = None) -> ClockCheck:
    """Return whether the SRAMs of a machine keep up with its clock, and a cell that would.

    The changes in power are computed from `prices`, by default those of `price_machine`. Source:
    cycle and access times of eiesim/data/energy/cacti_sram.csv, by CACTI 7.
    """
    srams, unknown = _time_srams(hw.clocked)
    fits = fits_clock(hw)
    highest_mhz = None if unknown else 1000 / max(sram.cycle_ns for sram in srams)
    remedy = _find_remedy(hw, prices or price_machine(hw)) if fits is False else None
    period_ns = 1000 / hw.clock_mhz
    return ClockCheck(hw.clock_mhz, period_ns, fits, highest_mhz, srams, unknown, remedy)


def fits_clock(hw: Hardware) -> bool | None:
    """Return `ClockCheck.fits` alone, by three look-ups."""
    return keep_up(hw.clocked)


def keep_up(hw: ClockView) -> bool | None:
    """Return whether the SRAMs of a machine keep up with its clock, as `fits_clock` does."""
    srams, unknown = _time_srams(hw)
    if not all(sram.fits for sram in srams):
        return False
    return None if unknown else True


def swap_cell(hw: Hardware, cell: str, prices: PriceTable) -> PriceTable:
    """Return a machine's prices with other cells in its SRAMs; a user's own prices stay."""
    standard = {price.key: price for price in price_machine(hw).prices}
    swapped = price_machine(replace(hw, sram_cell=cell))
    users = {price.key: price for price in prices.prices if standard.get(price.key) != price}
    mixed = tuple(users.get(price.key, price) for price in swapped.prices)
    return replace(swapped, prices=mixed, overrides=prices.overrides)


def _time_srams(hw: ClockView) -> tuple[tuple[SramTime, ...], str]:
    """Return the times of the SRAMs, and why those of others are unknown."""
    times, unknown = [], []
    for module in MEMORY_MODULES:
        try:
            sram, _ = find_memory(module, hw)
        except EnergyError as error:
            unknown.append(str(error))
            continue
        cycle_ns, access_ns = sram.cycle_time_ns, sram.access_time_ns
        fits = cycle_ns <= 1000 / hw.clock_mhz
        times.append(SramTime(NAMES[module], cycle_ns, access_ns, fits, sram.source))
    return tuple(times), "; ".join(unknown)


def _find_remedy(hw: Hardware, prices: PriceTable) -> Remedy | None:
    machines = [replace(hw, sram_cell=cell) for cell in SRAM_CELLS]
    fitting = [machine for machine in machines if fits_clock(machine)]
    if not fitting:
        return None
    tables = {machine: swap_cell(hw, machine.sram_cell, prices) for machine in fitting}
    best = min(fitting, key=lambda machine: find_chip_power_mw(machine, tables[machine]))
    slowest = max(_time_srams(best.clocked)[0], key=lambda sram: sram.cycle_ns)
    return Remedy(
        sram_cell=best.sram_cell,
        cycle_ns=slowest.cycle_ns,
        access_ns=slowest.access_ns,
        chip_power_mw=find_chip_power_mw(best, tables[best]),
        chip_power_before_mw=find_chip_power_mw(hw, prices),
        leakage_mw=sum(price.value for price in tables[best].prices if price.action == "leakage"),
        pe_power_before_mw=sum(find_steady_power_mw(hw, prices).values()),
    )
