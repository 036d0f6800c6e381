"""What the gates mean for each price: a row of a table each, judged by its numbers."""

from __future__ import annotations

from collections.abc import Iterable

from eiesim.energy.calibrate import MODULES
from eiesim.energy.operations import list_prices
from rtl.silicon.measure import Silicon
from rtl.silicon.simulation import PARTS

NEAR = 0.20
"""Two numbers agree where they differ by no more than this share of the larger one."""
SIZE = 2.0
"""A price is of the right size where the gates are within this factor of it."""


def is_near(one: float, other: float) -> bool:
    """Return whether two numbers differ by no more than `NEAR` of the larger one."""
    return abs(one - other) <= NEAR * max(one, other)


def judge(ratios: Iterable[float]) -> str:
    """Say what gates over a price mean, in one case or in several."""
    many = list(ratios)
    low, high = min(many), max(many)
    rules = {
        f"holds within {NEAR:.0%}": is_near(low, 1.0) and is_near(high, 1.0),
        f"right within a factor of {SIZE:.0f}": low >= 1 / SIZE and high <= SIZE,
        "these gates take less": high < 1 / SIZE,
        "these gates take more": low > SIZE,
        "in some cases these gates take more": low >= 1 / SIZE,
        "in some cases these gates take less": high <= SIZE,
        "in some cases these gates take less, in others more": True,
    }
    return next(words for words, holds in rules.items() if holds)


def show(ratios: Iterable[float]) -> str:
    """Return one ratio, or the least and the largest of several."""
    words = sorted({f"{it:.2f}" for it in ratios}, key=float)
    return words[0] if len(words) == 1 else f"{words[0]} to {words[-1]}"


def list_verdicts(silicon: Silicon) -> list[list[str]]:
    """Return price, kind, gates over price and what it means, of every price."""
    run = next(run for run in silicon.runs if run.name.startswith("drawn"))
    rows = []
    for part in PARTS:
        gates = {it: run.sum_pj(it, part) * silicon.to_paper for it in MODULES}
        priced = {it: silicon.priced_pj[run.name, it, part] for it in MODULES}
        total = [sum(gates.values()) / sum(priced.values())]
        split = [gates[it] / priced[it] for it in MODULES]
        name = "combinational, multiply and add within" if part == "combinational" else part
        rows.append([f"{name}: all modules", "calibrated", show(total), judge(total)])
        rows.append([f"{name}: module by module", "calibrated", show(split), judge(split)])
    multiply, add = list_prices("arithm", "fixed16")
    (node,) = list_prices("lnzd")
    units = [unit for (_, bits), unit in silicon.multiplications.items() if bits == 16]
    cases = {
        multiply: ("multiply, with glitches", [it.events_pj for it in units]),
        add: ("add, with glitches", [silicon.addition.events_pj]),
        node: ("LNZD detect", [silicon.node_pj]),
    }
    for price, (name, energies_pj) in cases.items():
        ratios = [it * silicon.to_paper / price.value for it in energies_pj]
        rows.append([name, price.kind, show(ratios), judge(ratios)])
    rows.append(["memory, leakage, DRAM, wires", "", "", "not in this check"])
    return rows
