"""An experiment: its work, part by part, and its judgement of the parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from eiesim.base.tables import Row
from eiesim.catalog.operands import Source
from eiesim.hardware import Hardware
from eiesim.paper.verdict import Judgement
from eiesim.report.charts import Chart

Part = TypeVar("Part")


@dataclass(frozen=True, eq=False)
class Outcome:
    """One table or figure of a paper, computed again.

    Attributes
    ----------
    note
        Sources of our numbers, tolerances, and what to see.
    tables, charts
        By the name of their files.
    shown
        Names of the tables that are short enough to be printed.
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
    """A computation, done once for all experiments that judge it.

    Attributes
    ----------
    steps
        Names of the parts, in their order, for the progress.
    compute
        Yields the parts; its argument is the folder of real data, which may be missing.
    reads
        Files of this folder that it reads.
    """

    steps: tuple[str, ...]
    compute: Callable[[Path], Iterator[Part]]
    reads: tuple[str, ...] = ()


@dataclass(frozen=True)
class Experiment(Generic[Part]):
    """A table, figure or section of a paper: its work, and the comparison with the paper."""

    work: Work[Part]
    judge: Callable[[Iterable[Part]], Outcome]
