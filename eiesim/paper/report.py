"""Experiments as one report."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from eiesim import __version__
from eiesim.base.tables import Row
from eiesim.paper.page import TITLE, render_reproduction
from eiesim.paper.record import DONE, FAILED, Record, count_constructed, count_kinds
from eiesim.paper.verdict import IMPOSSIBLE
from eiesim.report.report import Report

SCHEMA = "eiesim reproduce 2"
NOTE_WIDTH = 100
COLUMNS = (
    "layer", "quantity", "workload", "unit", "paper", "ours", "deviation_percent", "verdict",
)  # fmt: skip
BRIEF = {
    "layer": "layer", "quantity": "quantity", "workload": "workload", "paper": "paper",
    "ours": "ours", "deviation_percent": "off_percent", "kind": "verdict",
}  # fmt: skip
"""Columns of a terminal, by those of `COLUMNS`."""


def report_experiments(records: Sequence[Record], brief: bool) -> Report:
    """Return the report of experiments; a brief one shows one row of each."""
    return Report(
        title=TITLE,
        summary=_summarise(records),
        answer=tuple(_answer(records)),
        brief=tuple(_show_briefly(records)),
        shown=tuple(_show(records, brief)),
        list_tables=lambda: _list_tables(records),
        charts={name: chart for record in records for name, chart in record.charts.items()},
        page=lambda manifest: render_reproduction(records, manifest),
        has_index=True,
        provenance={"experiments": {record.name: _describe(record) for record in records}},
        failed=any(record.state == FAILED for record in records),
    )


def _list_tables(records: Sequence[Record]) -> dict[str, list[Row]]:
    tables = {record.name: list(record.verdicts) for record in records}
    for record in records:
        tables |= {f"{record.name}-{name}": rows for name, rows in record.tables.items()}
    return tables


def _summarise(records: Sequence[Record]) -> Row:
    experiments = {
        record.name: {
            "title": record.title,
            "state": record.state,
            "note": record.note,
            "verdicts": list(record.verdicts),
            "tables": record.tables,
        }
        for record in records
    }
    return {
        "schema": SCHEMA,
        "eiesim": __version__,
        "verdicts": count_kinds(records),
        "experiments": experiments,
    }


def _describe(record: Record) -> Row:
    return {
        "hardware_toml": record.hardware_toml,
        "energy_table_sha256": record.energy_table,
        "sources": record.sources,
        "seconds": record.seconds,
    }


def _show(records: Sequence[Record], brief: bool) -> list[Sequence[Row] | str]:
    finished = [record for record in records if record.state == DONE]
    shown: list[Sequence[Row] | str] = []
    if brief and finished:
        shown.append([{"name": record.name} | count_kinds([record]) for record in finished])
    for record in records:
        if record.state == FAILED:
            shown.append(f"{record.name}: failed: {record.note}")
        elif not brief:
            shown += _show_record(record)
    return shown


def _answer(records: Sequence[Record]) -> Iterator[str]:
    """Yield how many numbers agree with the papers', and what failed."""
    finished = [record for record in records if record.state == DONE]
    if finished:
        counts = ", ".join(f"{number} {kind}" for kind, number in count_kinds(finished).items())
        yield (f"{counts}; {count_constructed(finished)} of those that agree do so by construction")
    failed = [record.name for record in records if record.state == FAILED]
    if failed:
        yield f"failed: {', '.join(failed)}"


def _show_briefly(records: Sequence[Record]) -> Iterator[Sequence[Row] | str]:
    """Yield the papers' numbers beside ours; of several experiments how many agree."""
    finished = [record for record in records if record.state == DONE]
    if len(records) > 1:
        yield [{"name": record.name} | count_kinds([record]) for record in finished]
    elif finished:
        yield finished[0].title
        for unit, rows in _group_by_unit(finished[0].verdicts).items():
            yield f"Numbers in {unit}:" if unit else ""
            yield rows
    for record in records:
        if record.state == FAILED:
            yield f"{record.name}: failed: {record.note}"


def _group_by_unit(verdicts: Sequence[Row]) -> dict[str, list[Row]]:
    """Return those that are reproducible here, without unit and reason."""
    filled = [key for key in BRIEF if any(row[key] not in ("", None) for row in verdicts)]
    groups: dict[str, list[Row]] = {}
    for row in verdicts:
        if row["kind"] != IMPOSSIBLE:
            brief = {name: row[key] for key, name in BRIEF.items() if key in filled}
            groups.setdefault(row["unit"], []).append(brief)
    return groups


def _show_record(record: Record) -> list[Sequence[Row] | str]:
    return [
        record.title,
        [{column: row[column] for column in COLUMNS} for row in record.verdicts],
        *(record.tables[table] for table in record.shown),
        textwrap.fill(record.note, NOTE_WIDTH),
    ]
