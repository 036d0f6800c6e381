"""The papers, number by number, as one page."""

from __future__ import annotations

from collections.abc import Sequence

from eiesim.base.labels import UNITS
from eiesim.base.tables import Row
from eiesim.paper.record import (
    DONE,
    FAILED,
    Record,
    count_constructed,
    count_kinds,
    list_differences,
)
from eiesim.paper.verdict import MATCH, WITHIN
from eiesim.report import markup
from eiesim.report.markup import Html
from eiesim.report.page import Section, date_line, describe_manifest, render_page

TITLE = "EIE and Deep Compression, number by number"
ROWS_AT_MOST = 200
"""Rows of a table that the page shows folded."""
PAPERS = (("eie", "EIE", False), ("deep-compression", "Deep Compression", True))
DEEP_COMPRESSION = "Deep Compression, "
"""Start of the titles of Deep Compression's experiments."""


def render_reproduction(records: Sequence[Record], manifest: Row) -> str:
    """Return the page of the papers' tables and figures, in the order of the records."""
    sections = [
        Section("experiments", "All experiments", _tabulate_experiments(records)),
        Section("differences", "What differs, and why", _tabulate_differences(records)),
        *(
            Section(anchor, paper, parts=tuple(_make_section(record, paper) for record in group))
            for anchor, paper, deep in PAPERS
            if (group := [r for r in records if r.title.startswith(DEEP_COMPRESSION) == deep])
        ),
        Section("about", "How this page was made", describe_manifest(manifest)),
    ]
    return render_page(TITLE, _summarise(records), sections, date_line(manifest))


def _summarise(records: Sequence[Record]) -> Html:
    kinds = count_kinds(records)
    states = [record.state for record in records]
    words = ", ".join(
        f"{states.count(state)} {state}" for state in (DONE, FAILED) if state in states
    )
    return markup.join(
        [
            markup.paragraphs(
                "Every table and figure of the two papers computed again, with each printed number "
                f"beside ours. Of {sum(kinds.values()):,} numbers and statements, "
                f"{kinds[MATCH]:,} match to the printed digits and {kinds[WITHIN]:,} lie within a "
                f"stated tolerance; {count_constructed(records):,} of these agree by construction, "
                "wholly or in part, as numbers quoted from the papers, put into the model or "
                f"calibrated to, and are no evidence. Experiments: {words}."
            ),
            markup.tiles((f"{count:,}", kind, kind) for kind, count in kinds.items()),
        ]
    )


def _tabulate_experiments(records: Sequence[Record]) -> Html:
    rows = [
        {
            "name": markup.link(record.name, record.name),
            "what": record.title,
            "state": markup.badge(record.state, record.state),
            **count_kinds([record]),
            "seconds": round(record.seconds, 1) if record.state == DONE else None,
        }
        for record in records
    ]
    return markup.table(rows, "experiments", fold=False)


def _tabulate_differences(records: Sequence[Record]) -> Html:
    rows = []
    for row in list_differences(records):
        experiment = markup.link(row["experiment"], row["experiment"])
        shown = {"layer": "", "quantity": "", "experiment": experiment} | _describe(row)
        del shown["verdict"]  # it is the same for all
        rows.append(shown)
    return markup.table(rows, "differences") if rows else markup.paragraphs("Nothing does.")


def _describe(row: Row) -> Row:
    deviation = row["deviation_percent"]
    return {
        "layer": row["layer"],
        "quantity": row["quantity"],
        "workload": row["workload"],
        "verdict": markup.badge(row["words"], row["kind"]),
        "paper": row["paper"],
        "ours": row["ours"],
        "unit": UNITS.get(row["unit"].lower(), row["unit"]),
        "deviation_percent": None if deviation is None else round(deviation, 2) + 0.0,
        "why": row["why"],
    }


def _make_section(record: Record, paper: str) -> Section:
    is_done = record.state == DONE
    counts = [
        markup.badge(f"{count:,} {kind}", kind)
        for kind, count in count_kinds([record]).items()
        if count
    ]
    state = [] if is_done else [markup.badge(record.state, record.state)]
    return Section(
        record.name,
        record.title.removeprefix(f"{paper}, "),
        markup.join(_show_done(record) if is_done else _show_failed(record)),
        markup.join([*state, *counts]),
        {"experiment": record.name, "state": record.state},
    )


def _show_done(record: Record) -> list[Html]:
    verdicts = [_describe(row) for row in record.verdicts]
    tables = record.tables
    return [
        markup.paragraphs(record.note),
        *(markup.figure(chart, f"{record.name}-{name}") for name, chart in record.charts.items()),
        *([markup.table(verdicts, record.name)] if verdicts else []),
        *(_show_table(record, name) for name in record.shown),
        *(
            markup.folded(f"{name}: {len(tables[name]):,} rows", _show_table(record, name))
            for name in tables
            if name not in record.shown
        ),
        markup.preformatted(f"eiesim reproduce {record.name}", "command"),
        markup.folded("Machine, sources and prices", _show_configuration(record)),
    ]


def _show_table(record: Record, name: str) -> Html:
    shown = name in record.shown
    return markup.table(record.tables[name], f"{record.name}-{name}", ROWS_AT_MOST, fold=shown)


def _show_configuration(record: Record) -> Html:
    return markup.join(
        [
            *([markup.table(record.sources, f"{record.name}-sources")] if record.sources else []),
            markup.paragraphs(
                f"SHA-256 of the table of prices: {record.energy_table}\n\n"
                f"Computed in {record.seconds:.1f} s."
            ),
            markup.preformatted(record.hardware_toml, "hardware.toml, for --hardware"),
        ]
    )


def _show_failed(record: Record) -> list[Html]:
    return [
        markup.paragraphs(
            "This experiment stopped with an error; the others are not touched by it."
        ),
        markup.notice(record.note, FAILED),
        markup.preformatted(f"eiesim reproduce {record.name}", "command"),
    ]
