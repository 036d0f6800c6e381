"""An experiment: its work, part by part, and what is made of the parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from eiesim.catalog.operands import Source
from eiesim.hardware import Hardware
from eiesim.paper.verdict import Judgement
from eiesim.report.charts import Chart

Row = dict[str, Any]
Part = TypeVar("Part")


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


@dataclass(frozen=True)
class Work(Generic[Part]):
    """What is computed, once for all experiments that judge it.

    Attributes
    ----------
    steps : tuple of str
        Names of the parts, for the progress.
    compute : callable
        Yields the parts, in the same order; its argument is the folder of real data, which need not
        be there.
    reads : tuple of str
        Files of this folder that it reads.
    """

    steps: tuple[str, ...]
    compute: Callable[[Path], Iterator[Part]]
    reads: tuple[str, ...] = ()


@dataclass(frozen=True)
class Experiment(Generic[Part]):
    """A table, figure or section of a paper, again.

    Attributes
    ----------
    work : Work
        What is computed.
    judge : callable
        Sets the parts of the work beside what the paper prints.
    """

    work: Work[Part]
    judge: Callable[[Iterable[Part]], Outcome]
