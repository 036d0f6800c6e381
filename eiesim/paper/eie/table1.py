"""EIE's Table I: energy of operations at 45 nm, beside the prices that eiesim uses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from eiesim.base.published import read_table
from eiesim.energy.operations import list_prices
from eiesim.energy.prices import Price
from eiesim.energy.sram import find_sram
from eiesim.hardware import Hardware
from eiesim.paper.experiment import Experiment, Outcome, Work
from eiesim.paper.verdict import EXACT, Tolerance, Verdict

CELLS = ("itrs-hp", "itrs-lop", "itrs-lstp")
TOLERANCE = Tolerance(10, "Table I tells neither cell nor clock of its SRAM")
CHANGED = "the price was changed"
FROM_PAPER = "eiesim takes this price from Table I"
NOTE = f"""\
Arithmetic and DRAM: eiesim takes these prices from Table I, so that they agree is no evidence.
SRAM: CACTI 7 for 32 KB and 32 bits, within {TOLERANCE.percent} %; eiesim prices SRAM by CACTI.
What to see: Table I's 5 pJ lie below what CACTI 7 gives for 32 KB with any cell; the 120x between
DRAM and SRAM of the abstract rests on it."""


WORK = Work(("prices",), lambda _: iter((Hardware(),)))


def judge(parts: Iterable[Hardware]) -> Outcome:
    """Compare each price with the printed one."""
    (hw,) = parts
    return Outcome(NOTE, hw, tuple(_judge(hw)))


def _judge(hw: Hardware) -> Iterator[Verdict]:
    printed = {row["operation"]: row["energy_pj"] for row in read_table("paper/eie_table1")}
    for number in ("int32", "float32"):
        for action, short in (("add", "add"), ("multiply", "mult")):
            yield Verdict(
                "operation", f"{number} {action}", "pJ", printed[f"{number}_{short}"],
                _find(list_prices("arithm", number), action), EXACT, CHANGED, "", FROM_PAPER,
            )  # fmt: skip
    for cell in CELLS:
        yield Verdict(
            "memory", f"read of 32 bits, SRAM of 32 KB, {cell}", "pJ",
            printed["sram_32kb_read_32bit"],
            find_sram(32 * 1024, 32, 45, cell).read_energy_pj, TOLERANCE,
            "Table I does not tell the cell; Horowitz gives 5 pJ for 32 bits of 8 KB",
        )  # fmt: skip
    yield Verdict(
        "memory", "read of 32 bits, DRAM", "pJ", printed["dram_read_32bit"],
        32 * _find(list_prices("dram", hw.dram), "read"), EXACT, CHANGED, "", FROM_PAPER,
    )  # fmt: skip


def _find(prices: Sequence[Price], action: str) -> float:
    return next(price.value for price in prices if price.action == action)


EXPERIMENT = Experiment(WORK, judge)
