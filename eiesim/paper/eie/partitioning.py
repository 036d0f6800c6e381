"""EIE's section VII-A: rows, blocks or columns of the matrix to each PE, as an experiment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eiesim.base.published import PAPER_LAYERS
from eiesim.catalog.matched import MATCHED, PRESET, REAL, Workload
from eiesim.catalog.operands import Source
from eiesim.counters import RunResult
from eiesim.hardware import Hardware
from eiesim.image import encode
from eiesim.layer.weights import CompressedLayer
from eiesim.paper.experiment import Experiment, Outcome, Work
from eiesim.paper.parts.workloads import ALEX8, list_matched_and_real, note_real
from eiesim.paper.verdict import Judgement, Statement
from eiesim.report.charts import Chart, Panel
from eiesim.runs.ratios import find_geomean
from eiesim.sim.engines import simulate

SCHEMES = {"rows": 1, "blocks": 8, "columns": 64}
"""Groups of PEs: each group has its own columns, and deals the rows to its PEs."""
STEPS = (*PAPER_LAYERS, "alex-8, real")
READS = (ALEX8,)
Row = dict[str, Any]
NOTE = """\
64 PEs in groups: one of 64 PEs (rows, as EIE does), 8 of 8 (blocks), 64 of one (columns). A group
is an EIE of its own, simulated exactly, with the columns j whose j modulo the groups is its
number; it broadcasts its non-zero activations to its own PEs. The time of the product is that of
the slowest group. Then the groups' partial sums are added: each PE sends half of its sums to
another one and gets the other half, and so on, one sum a cycle; this is our assumption, since EIE
has no such network. activation_deliveries: activations that reach a PE which does not hold them.
partial_sum_transfers: partial sums that leave a PE. accumulators_per_pe: outputs that each PE
keeps, of which the paper's PE has 64. Layers are drawn with the work that Table IV tells
(matched, calibrated)."""


@dataclass(frozen=True)
class Division:
    """One layer on 64 PEs in some groups.

    Attributes
    ----------
    scheme
        One of `SCHEMES`.
    product_cycles, reduction_cycles
        Until the slowest group has its partial sums, and from there to the outputs.
    entries
        Processed over all PEs, padding zeros included.
    activation_deliveries, partial_sum_transfers
        Words between PEs.
    accumulators_per_pe
        Outputs or partial sums that a PE keeps.
    """

    layer: str
    workload: str
    scheme: str
    product_cycles: int
    reduction_cycles: int
    entries: int
    activation_deliveries: int
    partial_sum_transfers: int
    accumulators_per_pe: int

    @property
    def cycles(self) -> int:
        """From the input to the outputs."""
        return self.product_cycles + self.reduction_cycles

    @property
    def load_balance(self) -> float:
        """Cycles that the entries take with perfect balance over those of the product, 0 to 1."""
        return self.entries / (Hardware.preset(PRESET).n_pes * self.product_cycles)


@dataclass(frozen=True)
class Divided:
    """One layer in all schemes."""

    divisions: tuple[Division, ...]
    sources: tuple[Source, ...]


def work(data: Path) -> Iterator[Divided | None]:
    """Divide each layer in each way, one after the other; None where the real one is missing."""
    for name, workload in list_matched_and_real(data):
        yield _divide_all(name, workload) if workload else None


WORK = Work(STEPS, work, READS)


def _divide_all(name: str, workload: Workload) -> Divided:
    operands = workload.operands
    layer, hw = operands.layer, Hardware.preset(PRESET)
    active = int(np.count_nonzero(operands.activations))
    divisions = []
    for scheme, groups in SCHEMES.items():
        machine = replace(hw, n_pes=hw.n_pes // groups)
        results = run_groups(layer, operands.activations, machine, groups)
        kept = -(-layer.rows // machine.n_pes)
        divisions.append(
            Division(
                name, workload.kind, scheme,
                product_cycles=max(result.cycles for result in results),
                reduction_cycles=-(-kept * (groups - 1) // groups),
                entries=sum(result.entries for result in results),
                activation_deliveries=active * (machine.n_pes - 1),
                partial_sum_transfers=layer.rows * (groups - 1),
                accumulators_per_pe=kept,
            )
        )  # fmt: skip
    return Divided(tuple(divisions), operands.sources)


def run_groups(
    layer: CompressedLayer, activations: npt.NDArray[np.float32], hw: Hardware, groups: int
) -> list[RunResult]:
    """Run the columns of each group on a machine of its own; the outputs add up to the layer's.

    Parameters
    ----------
    layer
        Its bias goes to the first group.
    activations : float32 [cols]
    groups
        Column j goes to group j modulo this.
    """
    codes, results = layer.codes, []
    for group in range(groups):
        bias = layer.bias_codes if group == 0 else None
        part = CompressedLayer(codes[:, group::groups], layer.codebook, bias, layer.name)
        results.append(simulate(encode(part, hw), activations[group::groups], hw))
    return results


def judge(parts: Iterable[Divided | None]) -> Outcome:
    """Set what the section argues beside what was measured."""
    divided = [part for part in parts if part is not None]
    divisions = [division for part in divided for division in part.divisions]
    drawn = [division for division in divisions if division.workload != REAL]
    return Outcome(
        note=f"{NOTE} {note_real(division.workload for division in divisions)}",
        hardware=Hardware.preset(PRESET),
        verdicts=tuple(_judge(drawn)),
        tables={"divisions": [_describe(division) for division in divisions]},
        shown=("divisions",),
        charts={
            "partitioning-cycles": _draw(
                drawn, "cycles, reduction included", lambda division: division.cycles
            ),
            "partitioning-words": _draw(drawn, "words between PEs", _count_words),
        },
        sources=tuple(source for part in divided for source in part.sources),
    )


def _judge(divisions: Sequence[Division]) -> Iterator[Judgement]:
    by_scheme = {
        scheme: [division for division in divisions if division.scheme == scheme]
        for scheme in SCHEMES
    }
    rows = by_scheme["rows"]
    product, whole = (
        {
            scheme: find_geomean([
                getattr(other, time) / getattr(own, time)
                for other, own in zip(by_scheme[scheme], rows, strict=True)
            ])
            for scheme in SCHEMES
        }
        for time in ("product_cycles", "cycles")
    )  # fmt: skip
    yield _judge_idle(by_scheme["columns"], rows, product["columns"])
    yield Statement(
        "9 layers", "columns to each PE take a reduction over all PEs", "section VII-A",
        f"with it they take {whole['columns']:.2f} times the cycles of rows, and each PE keeps "
        f"{_tell_range(by_scheme['columns'])} partial sums instead of {_tell_range(rows)} outputs",
        whole["columns"] > product["columns"], "the reduction costs nothing", MATCHED,
        "the time of the reduction is assumed",
    )  # fmt: skip
    traffic = {
        scheme: sum(_count_words(division) for division in found)
        for scheme, found in by_scheme.items()
    }
    yield Statement(
        "9 layers", "blocks broadcast and reduce in a smaller scale each", "section VII-A",
        f"{traffic['blocks'] / traffic['rows']:.2f} times the words of rows between PEs "
        f"(columns {traffic['columns'] / traffic['rows']:.2f} times), in {whole['blocks']:.2f} "
        "times the cycles",
        traffic["blocks"] < traffic["rows"], "they move more words than rows do", MATCHED,
    )  # fmt: skip
    yield Statement(
        "9 layers", "rows to each PE are the best choice for EIE", "section VII-A",
        f"cycles over those of rows: blocks {whole['blocks']:.2f}, columns {whole['columns']:.2f}",
        min(whole.values()) == 1, "another scheme takes fewer cycles", MATCHED,
    )  # fmt: skip


def _judge_idle(columns: Sequence[Division], rows: Sequence[Division], lost: float) -> Statement:
    """Judge how long PEs are idle, apart from what longer columns add in padding zeros."""
    padding = find_geomean([
        other.entries / own.entries for other, own in zip(columns, rows, strict=True)
    ])  # fmt: skip
    idle = find_geomean([
        own.load_balance / other.load_balance for other, own in zip(columns, rows, strict=True)
    ])  # fmt: skip
    better = [
        other.layer
        for other, own in zip(columns, rows, strict=True)
        if other.load_balance > own.load_balance
    ]
    words = f"; {', '.join(better)} are balanced better" if better else ""
    return Statement(
        f"{len(rows)} layers", "columns to each PE leave PEs idle, since activations are sparse",
        "section VII-A",
        f"the product takes {lost:.2f} times the cycles of rows: {padding:.2f} times for padding "
        f"zeros, {idle:.2f} times for idle PEs{words}",
        idle > 1, "PEs idle no longer than with rows", MATCHED,
    )  # fmt: skip


def _tell_range(divisions: Sequence[Division]) -> str:
    kept = [division.accumulators_per_pe for division in divisions]
    return f"{min(kept)} to {max(kept)}"


def _count_words(division: Division) -> int:
    return division.activation_deliveries + division.partial_sum_transfers


def _describe(division: Division) -> Row:
    return {
        "layer": division.layer,
        "workload": division.workload,
        "scheme": division.scheme,
        "cycles": division.cycles,
        "product_cycles": division.product_cycles,
        "reduction_cycles": division.reduction_cycles,
        "entries": division.entries,
        "activation_deliveries": division.activation_deliveries,
        "partial_sum_transfers": division.partial_sum_transfers,
        "accumulators_per_pe": division.accumulators_per_pe,
    }


def _draw(divisions: Sequence[Division], label: str, measure: Callable[[Division], int]) -> Chart:
    series = {
        scheme: [measure(division) for division in divisions if division.scheme == scheme]
        for scheme in SCHEMES
    }
    least = [min(SCHEMES, key=lambda scheme: series[scheme][at]) for at in range(len(PAPER_LAYERS))]
    told = ", ".join(f"{scheme} on {least.count(scheme)}" for scheme in SCHEMES)
    panel = Panel("bars", PAPER_LAYERS, series, "", label, log=True)
    return Chart(
        f"Ways to divide a matrix among 64 PEs: {label} ({MATCHED})", (panel,),
        f"Fewest of the three ways, of nine layers: {told}.", height_inches=3.0,
    )  # fmt: skip


EXPERIMENT = Experiment(WORK, judge)
