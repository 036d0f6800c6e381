"""Layers on machines that differ in one field, as Figures 8 and 11 to 13 show them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from eiesim.catalog.matched import Workload
from eiesim.catalog.operands import Source
from eiesim.hardware import Hardware
from eiesim.sweep.evaluate import measure_machines


class LayerPoint(NamedTuple):
    """A layer on one machine; `entries` include padding zeros, `macs` do not."""

    n_pes: int
    cycles: int
    entries: int
    macs: int

    @property
    def real_work(self) -> float:
        """Entries that are no padding zeros over all entries, 0 to 1."""
        return self.macs / self.entries

    @property
    def load_balance(self) -> float:
        """Cycles that the entries take with perfect balance over the cycles, 0 to 1."""
        return self.entries / self.n_pes / self.cycles


@dataclass(frozen=True)
class Curve:
    """One layer on several machines, by the number of each in the figure."""

    layer: str
    workload: str
    points: dict[int, LayerPoint]
    sources: tuple[Source, ...]


def run_machines(name: str, workload: Workload, machines: Mapping[int, Hardware]) -> Curve:
    """Run one layer on every machine."""
    operands = workload.operands
    rows = measure_machines(operands.layer, operands.activations, [*machines.values()])
    points = {
        number: LayerPoint(hw.n_pes, row["cycles"], row["macs"] + row["padding_macs"], row["macs"])
        for (number, hw), row in zip(machines.items(), rows, strict=True)
    }
    return Curve(name, workload.kind, points, operands.sources)
