"""What an architect should know before trusting a sweep's machines: clocks, and shapes of SRAMs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

from eiesim.base.tables import Row
from eiesim.energy.area import describe_wider_words as compare_widths
from eiesim.energy.clock import check_clock
from eiesim.hardware import Hardware
from eiesim.sweep.answers import find_best, name_judged
from eiesim.sweep.spec import Sweep

FIELDS = tuple(field.name for field in fields(Hardware))


def describe_clock(sweep: Sweep, rows: Sequence[Row]) -> str:
    """Return a sentence where SRAMs of machines do not keep up with their clock, or may not.

    Parameters
    ----------
    rows : sequence of dict
        What is judged, each with ``clock_fits``.

    Returns
    -------
    str
        How many there are, and for the best one of the first objective, if it is among them, what
        would do; empty where there are none.
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
        if text := check_clock(_make_machine(sweep, row)).describe():
            sentences.append(f"best {name}, point {row['number']}: {text}")
    return "; ".join(sentences)


def describe_wider_words(sweep: Sweep, rows: Sequence[Row]) -> str:
    """Return a sentence where wider words of the sparse-matrix SRAM make the chip smaller.

    Returns
    -------
    str
        Of the best machine of the first objective, at all widths of the sweep.
    """
    widths = {row["spmat_width_bits"] for row in rows if "spmat_width_bits" in row}
    for row in find_best(rows, sweep.objectives[:1]).values():
        return compare_widths(_make_machine(sweep, row), sorted(widths))
    return ""


def _make_machine(sweep: Sweep, row: Row) -> Hardware:
    own = {name: row[name] for name in FIELDS if name in row}
    return replace(sweep.base, **own)
