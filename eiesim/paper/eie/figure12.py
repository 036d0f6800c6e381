"""EIE's Figure 12: real work over total work from 1 to 256 PEs."""

from __future__ import annotations

from collections.abc import Iterable

from eiesim.catalog.matched import MATCHED, PRESET
from eiesim.hardware import Hardware
from eiesim.paper.experiment import Experiment, Outcome
from eiesim.paper.parts import scaling
from eiesim.paper.parts.scaling import PES, WORK
from eiesim.paper.parts.workloads import note_real
from eiesim.paper.verdict import Statement

NOISE = 0.001
"""Share by which neighbours may differ by a draw's chance, where few columns are shorter yet."""
NOTE = """\
Layers are drawn with the work that Table IV tells on 64 PEs (matched, calibrated). Real work:
entries processed that are no padding zeros, over all entries processed. What to see: with more PEs
each holds fewer rows, zeros in a row get fewer, and 4 bits suffice. From 16 rows in a PE on down
there is no padding zero at all, since no gap can exceed 15."""


def judge(parts: Iterable[scaling.Curve | None]) -> Outcome:
    """Set what the text says of the figure beside what the curves show."""
    drawn, curves = scaling.list_curves(parts)
    rising = all(
        after > before - NOISE
        for curve in curves
        for before, after in zip(curve.real_work[:-1], curve.real_work[1:], strict=True)
    )
    one, all_pes = ([curve.real_work[PES.index(n_pes)] for curve in drawn] for n_pes in (1, 256))
    see = "With more PEs padding zeros disappear; the sparser the layer, the more there were."
    return Outcome(
        note=f"{NOTE} {note_real(curve.workload for curve in curves)}",
        hardware=Hardware.preset(PRESET),
        verdicts=(
            Statement(
                "9 layers", "more PEs have fewer padding zeros", "section VI-C, Figure 12",
                f"real work rises from {min(one):.0%} to {max(one):.0%} on one PE to "
                f"{min(all_pes):.0%} to {max(all_pes):.0%} on 256",
                rising, "a layer has more padding zeros on more PEs", MATCHED,
            ),
        ),
        tables={"curves": scaling.tabulate(curves)},
        charts={
            "figure12": scaling.chart(drawn, "real_work", "real work, share of all entries", see)
        },
        sources=tuple(source for curve in curves for source in curve.sources),
    )  # fmt: skip


EXPERIMENT = Experiment(WORK, judge)
