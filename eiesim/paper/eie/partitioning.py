"""EIE's section VII-A: rows, blocks or columns of the matrix to each PE, as an experiment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from eiesim.base.published import PAPER_LAYERS
from eiesim.catalog.matched import MATCHED, PRESET, REAL, Workload
from eiesim.catalog.operands import Source
from eiesim.counters import RunResult
from eiesim.hardware import Hardware
from eiesim.image import encode
from eiesim.layer.weights import CompressedLayer
from eiesim.paper.experiment import Experiment, Outcome
from eiesim.paper.parts.workloads import note_real, share_layers
from eiesim.paper.verdict import Judgement, Statement
from eiesim.report.charts import Chart, Panel
from eiesim.runs.ratios import find_geomean
from eiesim.sim.engines import simulate

SCHEMES = {"rows": 1, "blocks": 8, "columns": 64}
"""Number of groups of PEs; each group has its own columns, and deals the rows to its PEs."""
COLUMNS = (
    "layer", "workload", "scheme", "cycles", "product_cycles", "reduction_cycles", "entries",
    "activation_deliveries", "partial_sum_transfers", "accumulators_per_pe",
)  # fmt: skip
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
    sources: tuple[Source, ...]

    @property
    def cycles(self) -> int:
        """From the input to the outputs."""
        return self.product_cycles + self.reduction_cycles

    @property
    def words(self) -> int:
        """Words between PEs."""
        return self.activation_deliveries + self.partial_sum_transfers

    @property
    def load_balance(self) -> float:
        """Cycles that the entries take with perfect balance over those of the product, 0 to 1."""
        return self.entries / (Hardware.preset(PRESET).n_pes * self.product_cycles)


def _divide(name: str, workload: Workload) -> list[Division]:
    operands = workload.operands
    layer, hw = operands.layer, Hardware.preset(PRESET)
    active = int(np.count_nonzero(operands.activations))
    divisions = []
    for scheme, groups in SCHEMES.items():
        machine = replace(hw, n_pes=hw.n_pes // groups)
        results = run_groups(layer, operands.activations, machine, groups)
        accumulators = -(-layer.rows // machine.n_pes)
        divisions.append(
            Division(
                name, workload.kind, scheme,
                product_cycles=max(result.cycles for result in results),
                reduction_cycles=-(-accumulators * (groups - 1) // groups),
                entries=sum(result.entries for result in results),
                activation_deliveries=active * (machine.n_pes - 1),
                partial_sum_transfers=layer.rows * (groups - 1),
                accumulators_per_pe=accumulators,
                sources=operands.sources,
            )
        )  # fmt: skip
    return divisions


WORK = share_layers(_divide)


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


def judge(parts: Iterable[Sequence[Division] | None]) -> Outcome:
    """Compare the arguments of the section with the measurements."""
    divisions = [division for part in parts if part is not None for division in part]
    drawn = [division for division in divisions if division.workload != REAL]
    return Outcome(
        note=f"{NOTE} {note_real(division.workload for division in divisions)}",
        hardware=Hardware.preset(PRESET),
        verdicts=tuple(_judge(drawn)),
        tables={
            "divisions": [
                {column: getattr(division, column) for column in COLUMNS} for division in divisions
            ]
        },
        shown=("divisions",),
        charts={
            "partitioning-cycles": _plot(drawn, "cycles", "cycles, reduction included"),
            "partitioning-words": _plot(drawn, "words", "words between PEs"),
        },
        sources=tuple(
            dict.fromkeys(source for division in divisions for source in division.sources)
        ),
    )


def _judge(divisions: Sequence[Division]) -> Iterator[Judgement]:
    by_scheme = {
        scheme: [division for division in divisions if division.scheme == scheme]
        for scheme in SCHEMES
    }
    rows, columns = by_scheme["rows"], by_scheme["columns"]
    product, total = (
        {scheme: _compare(of_scheme, rows, time) for scheme, of_scheme in by_scheme.items()}
        for time in ("product_cycles", "cycles")
    )
    yield _judge_idle(columns, rows, product["columns"])
    yield Statement(
        "9 layers", "columns to each PE take a reduction over all PEs", "section VII-A",
        f"with it they take {total['columns']:.2f} times the cycles of rows, and each PE keeps "
        f"{_write_range(columns)} partial sums instead of {_write_range(rows)} outputs",
        total["columns"] > product["columns"], "the reduction costs nothing", MATCHED,
        "the time of the reduction is assumed",
    )  # fmt: skip
    traffic = {
        scheme: sum(division.words for division in scheme_divisions)
        for scheme, scheme_divisions in by_scheme.items()
    }
    yield Statement(
        "9 layers", "blocks broadcast and reduce in a smaller scale each", "section VII-A",
        f"{traffic['blocks'] / traffic['rows']:.2f} times the words of rows between PEs "
        f"(columns {traffic['columns'] / traffic['rows']:.2f} times), in {total['blocks']:.2f} "
        "times the cycles",
        traffic["blocks"] < traffic["rows"], "they move more words than rows do", MATCHED,
    )  # fmt: skip
    yield Statement(
        "9 layers", "rows to each PE are the best choice for EIE", "section VII-A",
        f"cycles over those of rows: blocks {total['blocks']:.2f}, columns {total['columns']:.2f}",
        min(total.values()) == 1, "another scheme takes fewer cycles", MATCHED,
    )  # fmt: skip


def _compare(divisions: Sequence[Division], rows: Sequence[Division], quantity: str) -> float:
    """Return the mean of a quantity over that of rows."""
    return find_geomean([
        getattr(division, quantity) / getattr(row, quantity)
        for division, row in zip(divisions, rows, strict=True)
    ])  # fmt: skip


def _judge_idle(columns: Sequence[Division], rows: Sequence[Division], lost: float) -> Statement:
    """Judge how long PEs are idle, apart from what longer columns add in padding zeros."""
    padding = _compare(columns, rows, "entries")
    idle = _compare(rows, columns, "load_balance")
    better = [
        column.layer
        for column, row in zip(columns, rows, strict=True)
        if column.load_balance > row.load_balance
    ]
    words = f"; {', '.join(better)} are balanced better" if better else ""
    return Statement(
        f"{len(rows)} layers", "columns to each PE leave PEs idle, since activations are sparse",
        "section VII-A",
        f"the product takes {lost:.2f} times the cycles of rows: {padding:.2f} times for padding "
        f"zeros, {idle:.2f} times for idle PEs{words}",
        idle > 1, "PEs idle no longer than with rows", MATCHED,
    )  # fmt: skip


def _write_range(divisions: Sequence[Division]) -> str:
    accumulators = [division.accumulators_per_pe for division in divisions]
    return f"{min(accumulators)} to {max(accumulators)}"


def _plot(divisions: Sequence[Division], quantity: str, label: str) -> Chart:
    series = {
        scheme: [getattr(division, quantity) for division in divisions if division.scheme == scheme]
        for scheme in SCHEMES
    }
    least = [min(SCHEMES, key=lambda scheme: series[scheme][at]) for at in range(len(PAPER_LAYERS))]
    fewest = ", ".join(f"{scheme} on {least.count(scheme)}" for scheme in SCHEMES)
    panel = Panel("bars", PAPER_LAYERS, series, "", label, log=True)
    return Chart(
        f"Ways to divide a matrix among 64 PEs: {label} ({MATCHED})", (panel,),
        f"Fewest of the three ways, of nine layers: {fewest}.", height_inches=3.0,
    )  # fmt: skip


EXPERIMENT = Experiment(WORK, judge)
