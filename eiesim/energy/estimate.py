"""Energy of a run: every count times its price."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from eiesim.base.cards import make_card
from eiesim.base.errors import EnergyError
from eiesim.base.frames import make_frame
from eiesim.base.labels import show_number
from eiesim.base.schema import show_value
from eiesim.base.tables import Row
from eiesim.counters import RunResult
from eiesim.energy.actions import ACTIONS, count_actions
from eiesim.energy.calibrate import MODULES, PARTS, count_steady_actions
from eiesim.energy.kinds import weigh_kinds
from eiesim.energy.machine import price_machine
from eiesim.energy.prices import Key, Price, PriceTable
from eiesim.hardware import Hardware
from eiesim.views import SteadyView

if TYPE_CHECKING:
    import pandas as pd

PRICED_ONLY = ("multiplier", "sram_cell", "dram", "node_nm")
"""Fields of a machine that change prices, and no count."""


@dataclass(frozen=True)
class EnergyRow:
    """One action of a run, with what is known of its price, as in `Price`.

    Attributes
    ----------
    count
        How often; for what costs power, the nanoseconds over all PEs.
    pj_each
        Price of one, pJ; for what costs power, mW, that is pJ a nanosecond.
    """

    component: str
    part: str
    action: str
    count: float
    pj_each: float
    energy_pj: float
    per: str
    node_nm: float
    voltage_v: float | None
    kind: str
    source: str

    @property
    def is_standing(self) -> bool:
        """Whether time alone spends it: the clock and the leakage."""
        return self.part == "clock" or self.action == "leakage"


@dataclass(frozen=True)
class EnergyReport:
    """Where the energy of a run went; raises ValueError if the rows do not add up to the total.

    Attributes
    ----------
    rows
        Every action. Their energies lie on one binary grid, so that they add up without rounding,
        in any order and group.
    overrides
        A sentence for each price that replaces eiesim's own.
    """

    name: str
    rows: tuple[EnergyRow, ...]
    total_pj: float
    latency_us: float
    overrides: tuple[str, ...]

    def __post_init__(self) -> None:
        for sums in (self.by_component(), self.by_part(), self.by_kind()):
            if sum(sums.values()) != self.total_pj:
                raise ValueError("the rows do not add up to the total energy")

    @property
    def power_mw(self) -> float:
        """Mean power over the run, DRAM included, mW; nJ a microsecond."""
        return self.total_pj / 1000 / self.latency_us

    def by_component(self) -> dict[str, float]:
        """Return the energy of each module, of LNZD, broadcast and DRAM, pJ."""
        return self._add_by("component")

    def by_part(self) -> dict[str, float]:
        """Return the energy of memory, clock, register, combinational logic and wires, pJ."""
        return self._add_by("part")

    def by_kind(self) -> dict[str, float]:
        """Return how much of the energy rests on prices of each kind, pJ; see `weigh_kinds`."""
        return self._add_by("kind")

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain values, for JSON."""
        return {
            "total_pj": self.total_pj,
            "power_mw": self.power_mw,
            "by_component_pj": self.by_component(),
            "by_part_pj": self.by_part(),
            "by_kind_pj": self.by_kind(),
            "kinds": weigh_kinds(self.by_kind()),
            "overrides": list(self.overrides),
            "rows": [asdict(row) for row in self.rows],
        }

    def to_frame(self) -> pd.DataFrame:
        """Return every action, a row each, as in `EnergyRow`; EieError if pandas is missing."""
        return make_frame([asdict(row) for row in self.rows])

    def _repr_html_(self) -> str:
        row: Row = {
            "energy_uj": self.total_pj / 1e6,
            "latency_us": self.latency_us,
            "power_mw": self.power_mw,
        }
        for name, energy_pj in sorted(self.by_component().items(), key=lambda it: -it[1]):
            row[name] = f"{show_number(energy_pj / 1e6)} µJ, {energy_pj / self.total_pj:.0%}"
        if self.overrides:
            row["prices_replaced"] = len(self.overrides)
        return make_card(f"EnergyReport {self.name}", row)

    def _add_by(self, field: str) -> dict[str, float]:
        sums: dict[str, float] = {}
        for row in self.rows:
            group = getattr(row, field)
            sums[group] = sums.get(group, 0.0) + row.energy_pj
        return sums


def estimate_energy(
    result: RunResult, hw: Hardware | None = None, prices: PriceTable | None = None
) -> EnergyReport:
    """Return what a run costs: every count times its price.

    Raises EnergyError if an action has no price, or `hw` is not the machine of the run. Source:
    EIE, ISCA 2016, Tables I and II; docs/energy.md.

    Parameters
    ----------
    hw
        The machine of the run; it may differ in `multiplier`, `sram_cell`, `dram` and `node_nm`,
        which change prices and no count.
    prices
        Prices to use instead of those of `price_machine(hw)`.
    """
    hw = result.hardware if hw is None else hw
    _require_same(result.hardware, hw)
    table = price_machine(hw) if prices is None else prices
    counts = count_actions(result.counters, result.hardware)
    priced = [(table.find(key), count) for key, count in zip(ACTIONS, counts, strict=True)]
    energies_pj = _put_on_grid([count * Fraction(price.value) for price, count in priced])
    rows = tuple(
        _make_row(price, count, energy_pj)
        for (price, count), energy_pj in zip(priced, energies_pj, strict=True)
    )
    return EnergyReport(result.name, rows, sum(energies_pj), result.latency_us, table.overrides)


def try_estimate(result: RunResult, prices: PriceTable) -> tuple[EnergyReport | None, str]:
    """Return what a run costs and an empty text, or None and why an action has no price."""
    try:
        return estimate_energy(result, prices=prices), ""
    except EnergyError as error:
        return None, str(error)


def _require_same(run: Hardware, priced: Hardware) -> None:
    differing = [
        f"{field.name}: expected the run's {show_value(getattr(run, field.name))}, "
        f"found {show_value(getattr(priced, field.name))}; run the layer on this machine"
        for field in fields(Hardware)
        if field.name not in PRICED_ONLY and getattr(run, field.name) != getattr(priced, field.name)
    ]
    if differing:
        raise EnergyError(*differing)


def _put_on_grid(exact: Sequence[Fraction]) -> list[float]:
    """Round energies to multiples of a power of two, fine enough that floats add them exactly."""
    _, exponent = math.frexp(float(sum(exact)))
    grid = Fraction(2) ** (exponent - 52)
    return [float(round(energy / grid) * grid) for energy in exact]


def _make_row(price: Price, count: int | Fraction, energy_pj: float) -> EnergyRow:
    return EnergyRow(
        component=price.component,
        part=price.part,
        action=price.action,
        count=int(count) if count.denominator == 1 else float(count),
        pj_each=price.value,
        energy_pj=energy_pj,
        per="PE and ns" if price.unit == "mW" else price.per,
        node_nm=price.node_nm,
        voltage_v=price.voltage_v,
        kind=price.kind,
        source=price.source,
    )


def find_steady_power_mw(
    hw: Hardware | SteadyView, prices: PriceTable
) -> dict[tuple[str, str], float]:
    """Return the power of one PE that never waits, by module and part; EIE, Table II, section VI.

    Raises EnergyError if an action has no price.
    """
    for price in prices.missing:
        prices.find(price.key)  # raises, with the reason
    steady = count_steady_actions(hw.entries_per_word)
    power_mw = {(module, part): 0.0 for module in MODULES for part in PARTS}
    for price in prices.prices:
        if price.component not in MODULES:
            continue
        per_ns = steady.get((price.component, price.action), 0.0) * hw.clock_mhz / 1000
        power_mw[price.component, price.part] += price.value * (1 if price.unit == "mW" else per_ns)
    return power_mw


def find_pes_power_mw(hw: Hardware | SteadyView, prices: PriceTable) -> float:
    """Return the power of all PEs that never wait, and of the LNZD tree, mW.

    Raises EnergyError if an action has no price. This is what the paper's 0.59 W for 64 PEs and 21
    LNZD units are (EIE, section VI): no wire between them is in it.
    """
    detect = prices.find(Key("lnzd", "combinational", "detect"))
    lnzd_mw = hw.lnzd_nodes * detect.value * hw.clock_mhz / 1000
    return hw.n_pes * sum(find_steady_power_mw(hw, prices).values()) + lnzd_mw


def find_wires_power_mw(hw: Hardware | SteadyView, prices: PriceTable) -> float:
    """Return the power of the broadcast's wires where no PE waits, mW: a broadcast in 8 cycles."""
    return find_sends_power_mw(hw, prices.find(Key("broadcast", "wire", "send")).value)


def find_sends_power_mw(hw: Hardware | SteadyView, send_pj: float) -> float:
    """Return the power of the broadcast's wires, as `find_wires_power_mw` does."""
    sends = count_steady_actions()["act_queue", "push"] * hw.clock_mhz / 1000
    return hw.n_pes * sends * send_pj


def find_chip_power_mw(hw: Hardware | SteadyView, prices: PriceTable) -> float:
    """Return the power of a chip whose PEs never wait, with LNZD tree and broadcast's wires, mW.

    Raises EnergyError if an action has no price.
    """
    return find_pes_power_mw(hw, prices) + find_wires_power_mw(hw, prices)
