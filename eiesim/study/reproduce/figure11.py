"""EIE's Figure 11: speedup from 1 to 256 PEs."""

from __future__ import annotations

from collections.abc import Iterable

from eiesim.compare import find_geomean
from eiesim.hardware import Hardware
from eiesim.published import find_claim
from eiesim.study.reproduce import scaling
from eiesim.study.reproduce.outcome import Outcome
from eiesim.study.reproduce.scaling import PES, READS, STEPS, work
from eiesim.study.verdict import Statement, Tolerance, Verdict
from eiesim.study.workloads import MATCHED, PRESET

__all__ = ["READS", "STEPS", "judge", "work"]

DRAWN = Tolerance(10, "the layers are drawn")
NOTE = """\
Layers are drawn with the work that Table IV tells on 64 PEs (matched, calibrated); the real
Alex-8 is in the table. Speedup is over one PE, which holds the whole layer, whatever its SRAMs
hold: what they do not comes from DRAM with all the bandwidth it takes. What to see: near-linear
up to 64 PEs, in part better, since with more PEs there are fewer padding zeros (Figure 12);
beyond, the load gets less even (Figure 13). NT-We, whose columns have 600 places, gains least."""


def judge(parts: Iterable[scaling.Curve | None]) -> Outcome:
    """Set what the text says of the figure beside what the curves show.

    Parameters
    ----------
    parts : iterable of Curve or None
        The layers.
    """
    drawn, curves = scaling.list_curves(parts)
    at_64 = {curve.layer: curve.speedups[PES.index(64)] / 64 for curve in drawn}
    worst = min(at_64, key=lambda layer: at_64[layer])
    others = min(share for layer, share in at_64.items() if layer != worst)
    gained = find_geomean([c.cycles[PES.index(64)] / c.cycles[PES.index(256)] for c in drawn])
    see = "Near-linear speedup up to 64 PEs and beyond, but for NT-We."
    return Outcome(
        note=NOTE,
        hardware=Hardware.preset(PRESET),
        verdicts=(
            Statement(
                "9 layers", "all but NT-We scale well", "section VI-C, Figure 11",
                f"on 64 PEs {worst} reaches {at_64[worst]:.0%} of 64x, the others {others:.0%} and "
                "more",
                worst == "nt-we", "another layer scales worse", MATCHED,
            ),
            Verdict(
                "geometric mean", "speed of 256 PEs over 64 PEs", "x",
                find_claim("throughput of 256 PEs over 64 PEs"), gained, DRAWN,
                "on 256 PEs the drawn layers are balanced less evenly than the paper's; it does "
                "not tell over which layers it averages", MATCHED,
            ),
        ),
        tables={"curves": scaling.tabulate(curves)},
        charts={"figure11": scaling.chart(drawn, "speedups", "speedup over one PE, x", see)},
        sources=tuple(source for curve in curves for source in curve.sources),
    )  # fmt: skip
