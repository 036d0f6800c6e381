"""An experiment's result as plain values, to be stored, shown, and put on the page."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from eiesim.base.tables import Row
from eiesim.paper.verdict import DIFFERS, KINDS, MATCH, WITHIN
from eiesim.report.charts import Chart, Panel

DONE = "done"
FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Record:
    """An experiment's `Outcome` as plain values.

    Attributes
    ----------
    state
        ``done`` or ``failed``; then `note` is the error.
    verdicts
        Rows of `Judgement.to_row`.
    sources
        Names, hashes and seeds of the files.
    hardware_toml
        The machine, as a hardware file.
    energy_table
        SHA-256 of the prices of the machine's energy.
    """

    name: str
    title: str
    state: str
    note: str
    verdicts: tuple[Row, ...] = ()
    tables: dict[str, list[Row]]
    shown: tuple[str, ...] = ()
    charts: dict[str, Chart]
    sources: tuple[Row, ...] = ()
    hardware_toml: str = ""
    energy_table: str = ""
    seconds: float = 0.0

    def to_json(self) -> str:
        """Return the record as JSON text that `from_json` reads back to an equal record."""
        return json.dumps(asdict(self), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Record:
        """Read the text of `to_json`; ValueError, TypeError or KeyError for other text."""
        values = json.loads(text)
        charts = {name: _read_chart(chart) for name, chart in values.pop("charts").items()}
        for name in ("verdicts", "shown", "sources"):
            values[name] = tuple(values[name])
        return cls(charts=charts, **values)


def count_kinds(records: Iterable[Record]) -> dict[str, int]:
    """Return the number of verdicts of each kind."""
    kinds = [row["kind"] for record in records for row in record.verdicts]
    return {kind: kinds.count(kind) for kind in KINDS}


def count_constructed(records: Iterable[Record]) -> int:
    """Return the number of verdicts that agree by construction: put in, quoted or calibrated."""
    return sum(
        row["by_construction"] and row["kind"] in (MATCH, WITHIN)
        for record in records
        for row in record.verdicts
    )


def list_differences(records: Iterable[Record]) -> list[Row]:
    """Return the verdicts that differ, each with the name of its experiment."""
    return [
        {"experiment": record.name} | row
        for record in records
        for row in record.verdicts
        if row["kind"] == DIFFERS
    ]


def _read_chart(values: Row) -> Chart:
    panels = (Panel(**panel | {"groups": tuple(panel["groups"])}) for panel in values["panels"])
    return Chart(**values | {"panels": tuple(panels)})
