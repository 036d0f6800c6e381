"""What limits layers and steps, as columns of a row and as a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from eiesim.base.tables import Row
from eiesim.counters import LEAST_CYCLES, WORDS, Cause, Limits, add_counters, find_limits
from eiesim.inference import StepRun

ADDED = {cause: f"{cause.value}_added_cycles" for cause in Cause}
"""Column of what each cause adds."""
PARTS = {"entries": "entries_mean_cycles"} | {WORDS[cause]: ADDED[cause] for cause in Cause}
PARTS["fill and drain"] = "ends_cycles"
"""Column of each part of the cycles; they add up."""
WITHOUT = {
    Cause.BUSIEST_PE: "With its rows dealt evenly to the PEs",
    Cause.EMPTY_COLUMNS: "If empty columns took no cycle",
    Cause.PADDING: "If padding zeros took no cycle",
    Cause.SCAN: "If the scan had a non-zero to send in every cycle",
    Cause.QUEUE: "With endless queues",
    Cause.DRAM: "With endless bandwidth",
}


def tabulate_limits(limits: Limits, cycles_without_limit: float | None, inputs: int = 1) -> Row:
    """Return the columns of a row that say where its cycles go and what limits it.

    Parameters
    ----------
    limits
        Of all inputs, one after the other; the columns are means.
    cycles_without_limit
        Mean of the cycles without the first cause; None where it is not known, or there is none.
    """
    names = [cause.value for cause in limits.causes] + [None, None]
    return {
        "limit": names[0],
        "second_limit": names[1],
        "cycles_without_limit": cycles_without_limit,
        "busiest_pe": limits.busiest_pe,
        "entries_mean_cycles": limits.entries_cycles / inputs,
        **{ADDED[cause]: added / inputs for cause, added in limits.added_cycles.items()},
        "ends_cycles": limits.ends_cycles / inputs,
    }


def tabulate_step_limits(steps: Sequence[StepRun]) -> Row:
    """Return the columns of `tabulate_limits` for a step, and why one of them is missing.

    Parameters
    ----------
    steps : sequence of StepRun
        The step for each input, at least one.
    """
    counters = add_counters([step.result.counters for step in steps])
    passes = sum(step.result.passes for step in steps)
    limits = find_limits(counters, steps[0].result.hardware, passes)
    timed = [step.cycles_without_cause for step in steps if step.cause is limits.first]
    without = [cycles for cycles in timed if cycles is not None]
    mean, reason = None, None
    if limits.first is None:
        reason = "nothing limits it"
    elif len(without) == len(steps):
        mean = sum(without) / len(steps)
    elif None in timed:
        reason = "a profile keeps no inputs to time again"
    else:
        reason = "another cause limits it for the first input"
    return tabulate_limits(limits, mean, len(steps)) | {"no_cycles_without_limit": reason}


def split_cycles(rows: Sequence[Row]) -> dict[str, list[float]]:
    """Return the parts of the cycles of some rows, those that are 0 in all of them left out."""
    parts = {name: [row[key] for row in rows] for name, key in PARTS.items()}
    return {name: cycles for name, cycles in parts.items() if any(cycles)}


def name_limit(rows: Sequence[Row]) -> str | None:
    """Return the first cause of rows one after the other, None where there is none."""
    sums = {cause: sum(row[key] for row in rows) for cause, key in ADDED.items()}
    first = max(sums, key=lambda cause: sums[cause])
    return first.value if sums[first] >= LEAST_CYCLES else None


def describe_limits(row: Row, name: str) -> str:
    """Return what limits a layer or a step, from its row.

    Parameters
    ----------
    row
        With ``cycles`` and the columns of `tabulate_limits`.
    """
    cycles, ends = row["cycles"], row["ends_cycles"]
    if row["limit"] is None:
        return (
            f"{name} is limited by its entries alone: they take {row['entries_mean_cycles']:,.0f} "
            f"of its {cycles:,.0f} cycles; to fill and drain, the machine takes {ends:,.0f}."
        )
    first = Cause(row["limit"])
    added = row[ADDED[first]]
    text = (
        f"{name} is limited by {_name(first, row)}: {added:,.0f} of its {cycles:,.0f} cycles, "
        f"{added / cycles:.0%}"
    )
    if row["second_limit"] is not None:
        second = Cause(row["second_limit"])
        added = row[ADDED[second]]
        text += f"; then by {_name(second, row)}: {added:,.0f}, {added / cycles:.0%}"
    text += "."
    without = row["cycles_without_limit"]
    if without is not None:
        time = "as long" if without == cycles else f"{without:,.0f} cycles"
        text += f" {WITHOUT[first]}, it would take {time}."
    if ends > row[ADDED[first]]:
        text += f" To fill and drain, the machine takes {ends:,.0f}."
    return text


def name_imbalance(limits: Limits) -> str:
    """Return what adds most to the time with perfect balance, which has padding zeros, in words."""
    causes = [cause for cause in limits.causes if cause is not Cause.PADDING]
    return _name(causes[0], {"busiest_pe": limits.busiest_pe}) if causes else "fill and drain"


def describe_longest(rows: Sequence[Row], key: str) -> str:
    """Return which part of a network takes most, and what limits it.

    Parameters
    ----------
    key
        Column of the names.
    """
    most = max(rows, key=lambda row: row["cycles"])
    share = most["cycles"] / sum(row["cycles"] for row in rows)
    name = most[key]
    return f"{name} takes {share:.0%} of the cycles. {describe_limits(most, name)}"


def _name(cause: Cause, row: Row) -> str:
    """Return a cause as part of a sentence."""
    if cause is Cause.BUSIEST_PE:
        return f"the work of PE {row['busiest_pe']} beyond the mean"
    return WORDS[cause]
