"""What an experiment gives: printed numbers beside ours, tables, and charts to draw."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from eiesim.catalog.operands import Source
from eiesim.hardware import Hardware
from eiesim.paper.verdict import Judgement
from eiesim.report.charts import Chart

Row = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Outcome:
    """One table or figure of a paper, again.

    Attributes
    ----------
    note : str
        Where our numbers come from, what the tolerances are, and what to see.
    hardware : Hardware
        The machine.
    verdicts : tuple of Verdict, Statement or Unreproducible
        What the paper prints beside ours.
    tables : mapping
        Rows behind it, by the name of their file.
    shown : tuple of str
        Tables short enough to be printed.
    charts : mapping
        Charts by the name of their files.
    sources : tuple of Source
        Files that were read.
    """

    note: str
    hardware: Hardware
    verdicts: tuple[Judgement, ...]
    tables: dict[str, list[Row]] = field(default_factory=dict)
    shown: tuple[str, ...] = ()
    charts: dict[str, Chart] = field(default_factory=dict)
    sources: tuple[Source, ...] = ()
