"""EIE's Figure 11: speedup from 1 to 256 PEs."""

from __future__ import annotations

from collections.abc import Iterable

from eiesim.base.published import find_claim
from eiesim.catalog.matched import MATCHED, PRESET
from eiesim.hardware import Hardware
from eiesim.paper.experiment import Experiment, Outcome
from eiesim.paper.parts import scaling
from eiesim.paper.parts.layer_runs import tell_calibrated_mean
from eiesim.paper.parts.scaling import PES, WORK
from eiesim.paper.parts.workloads import note_real
from eiesim.paper.verdict import Statement, Tolerance, Verdict
from eiesim.runs.ratios import find_geomean

DRAWN = Tolerance(10, "the layers are drawn")
SCALES_WELL = 0.8
"""Share of perfect scaling that still counts as near-linear."""
NOTE = f"""\
Layers are drawn with the work that Table IV tells on 64 PEs (matched, calibrated). Speedup is over
one PE, which holds the whole layer, whatever its SRAMs hold: what they do not comes from DRAM with
all the bandwidth it takes. What to see: near-linear up to 64 PEs, in part better, since with more
PEs there are fewer padding zeros (Figure 12); beyond, the load gets less even (Figure 13). A layer
scales well that reaches {SCALES_WELL:.0%} of 64x on 64 PEs."""


def judge(parts: Iterable[scaling.Curve | None]) -> Outcome:
    """Set what the text says of the figure beside what the curves show."""
    drawn, curves = scaling.list_curves(parts)
    at_64 = {curve.layer: curve.speedups[PES.index(64)] / 64 for curve in drawn}
    worst = min(at_64, key=lambda layer: at_64[layer])
    others = min(share for layer, share in at_64.items() if layer != worst)
    gains = {c.layer: c.cycles[PES.index(64)] / c.cycles[PES.index(256)] for c in drawn}
    balances = [
        find_geomean([curve.load_balances[PES.index(n_pes)] for curve in drawn])
        for n_pes in (64, 256)
    ]
    without = find_geomean([gain for layer, gain in gains.items() if layer != worst])
    see = "Near-linear speedup up to 64 PEs and beyond, but for NT-We."
    return Outcome(
        note=f"{NOTE} {note_real(curve.workload for curve in curves)}",
        hardware=Hardware.preset(PRESET),
        verdicts=(
            Statement(
                "9 layers", "all but NT-We scale well", "section VI-C, Figure 11",
                f"on 64 PEs {worst} reaches {at_64[worst]:.0%} of 64x, the others {others:.0%} and "
                "more",
                worst == "nt-we" and others >= SCALES_WELL, "another layer scales badly", MATCHED,
            ),
            Verdict(
                "geometric mean", "speed of 256 PEs over 64 PEs", "x",
                find_claim("throughput of 256 PEs over 64 PEs"), find_geomean([*gains.values()]),
                DRAWN, f"load balance goes from {balances[0]:.0%} to {balances[1]:.0%}; without "
                f"{worst} it is {without:.2f}, and the paper does not tell over which layers it "
                "averages", MATCHED, tell_calibrated_mean(gains),
            ),
        ),
        tables={"curves": scaling.tabulate(curves)},
        charts={"figure11": scaling.chart(drawn, "speedups", "speedup over one PE, x", see)},
        sources=tuple(source for curve in curves for source in curve.sources),
    )  # fmt: skip


EXPERIMENT = Experiment(WORK, judge)
