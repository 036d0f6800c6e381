"""What Figures 11 to 13 share: ten layers on 1 to 256 PEs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eiesim.base.published import PAPER_LAYERS
from eiesim.catalog.matched import MATCHED, PRESET, REAL, Workload
from eiesim.catalog.operands import Source
from eiesim.hardware import Hardware
from eiesim.paper.experiment import Work
from eiesim.paper.parts.workloads import ALEX8, list_matched_and_real
from eiesim.report.charts import Chart, Panel
from eiesim.sweep.evaluate import measure_machines

PES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
STEPS = (*(f"{name}, 1 to 256 PEs" for name in PAPER_LAYERS), "alex-8, real, 1 to 256 PEs")
READS = (ALEX8,)
Row = dict[str, Any]


@dataclass(frozen=True)
class Curve:
    """One layer on machines of more and more PEs.

    Attributes
    ----------
    cycles, entries, macs : of each machine: cycles, entries that were processed, and those that are
        no padding zeros
    """

    layer: str
    workload: str
    cycles: tuple[int, ...]
    entries: tuple[int, ...]
    macs: tuple[int, ...]
    sources: tuple[Source, ...]

    @property
    def speedups(self) -> list[float]:
        """Cycles of one PE over those of each machine."""
        return [self.cycles[0] / cycles for cycles in self.cycles]

    @property
    def real_work(self) -> list[float]:
        """Entries that are no padding zeros over all entries, 0 to 1."""
        return [macs / entries for macs, entries in zip(self.macs, self.entries, strict=True)]

    @property
    def load_balances(self) -> list[float]:
        """Cycles that the entries take with perfect balance over the cycles, 0 to 1."""
        return [
            entries / n_pes / cycles
            for n_pes, entries, cycles in zip(PES, self.entries, self.cycles, strict=True)
        ]


def work(data: Path) -> Iterator[Curve | None]:
    """Run each layer on every machine, one after the other; None for a missing one."""
    for name, workload in list_matched_and_real(data):
        yield _run(name, workload) if workload else None


WORK = Work(STEPS, work, READS)


def _run(name: str, workload: Workload) -> Curve:
    hw, operands = Hardware.preset(PRESET), workload.operands
    machines = [replace(hw, n_pes=n_pes) for n_pes in PES]
    rows = measure_machines(operands.layer, operands.activations, machines)
    return Curve(
        name,
        workload.kind,
        tuple(row["cycles"] for row in rows),
        tuple(row["macs"] + row["padding_macs"] for row in rows),
        tuple(row["macs"] for row in rows),
        operands.sources,
    )


def list_curves(parts: Iterable[Curve | None]) -> tuple[list[Curve], list[Curve]]:
    """Return the nine layers' curves, and all that are there."""
    curves = [part for part in parts if part is not None]
    return [curve for curve in curves if curve.workload != REAL], curves


def tabulate(curves: Iterable[Curve]) -> list[Row]:
    """Return one row a layer and machine."""
    return [
        {
            "layer": curve.layer,
            "workload": curve.workload,
            "n_pes": n_pes,
            "cycles": curve.cycles[number],
            "entries": curve.entries[number],
            "padding_entries": curve.entries[number] - curve.macs[number],
            "speedup": curve.speedups[number],
            "real_work": curve.real_work[number],
            "load_balance": curve.load_balances[number],
        }
        for curve in curves
        for number, n_pes in enumerate(PES)
    ]


def chart(curves: Iterable[Curve], quantity: str, label: str, see: str) -> Chart:
    """Draw one quantity of the layers by PEs.

    Parameters
    ----------
    quantity : ``speedups``, ``real_work`` or ``load_balances``
    label : of the vertical axis, with its unit
    """
    panel = Panel(
        "lines",
        tuple(map(str, PES)),
        {curve.layer: getattr(curve, quantity) for curve in curves},
        "PEs",
        label,
        log=quantity == "speedups",
    )
    title = label.partition(",")[0]
    return Chart(f"{title[0].upper()}{title[1:]} by number of PEs ({MATCHED})", (panel,), see)
