"""Doubts about a sweep's machines: clocks too fast for their SRAMs, and shapes of SRAMs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from eiesim.base.tables import Row
from eiesim.energy.area import describe_wider_words as compare_widths
from eiesim.energy.clock import check_clock
from eiesim.hardware import Hardware
from eiesim.sweep.answers import find_best, name_judged
from eiesim.sweep.points import find_fields, list_axes
from eiesim.sweep.spec import Sweep


def describe_clock(sweep: Sweep, rows: Sequence[Row]) -> str:
    """Return a sentence if SRAMs of judged machines do not keep up with their clock, or may not.

    It has the number of these machines and, if the best one of the first objective is among them,
    what would help it.
    """
    slow = sum(row["clock_fits"] is False for row in rows)
    unknown = sum(row["clock_fits"] is None for row in rows)
    if not slow + unknown:
        return ""
    sentences = [f"clock: {slow} of {len(rows)} {name_judged(sweep)} have SRAMs that are by CACTI "
                 "slower than their clock; the condition clock_fits leaves them out"]  # fmt: skip
    if unknown:
        sentences.append(f"of {unknown} it is not known")
    for name, row in find_best(rows, sweep.objectives[:1]).items():
        if text := check_clock(make_machine(sweep, row)).describe():
            sentences.append(f"best {name}, point {row['number']}: {text}")
    return "; ".join(sentences)


def describe_wider_words(sweep: Sweep, rows: Sequence[Row]) -> str:
    """Return a sentence if wider words of the sparse-matrix SRAM make the best machine smaller.

    The best machine is that of the first objective, at all widths of the sweep.
    """
    widths = {row["spmat_width_bits"] for row in rows if "spmat_width_bits" in row}
    for row in find_best(rows, sweep.objectives[:1]).values():
        return compare_widths(make_machine(sweep, row), sorted(widths))
    return ""


def make_machine(sweep: Sweep, row: Row) -> Hardware:
    """Return the machine of a row."""
    values = {axis: row[axis] for axis in list_axes(sweep) if row[axis] is not None}
    return replace(sweep.base, **find_fields(sweep, values))
