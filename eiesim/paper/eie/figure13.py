"""EIE's Figure 13: load balance from 1 to 256 PEs."""

from __future__ import annotations

from collections.abc import Iterable

from eiesim.catalog.matched import MATCHED, PRESET
from eiesim.hardware import Hardware
from eiesim.paper.experiment import Experiment, Outcome
from eiesim.paper.parts import scaling
from eiesim.paper.parts.scaling import PES, WORK
from eiesim.paper.parts.workloads import note_real
from eiesim.paper.verdict import Statement

NOISE, FALLS = 0.005, 0.15
NOTE = f"""\
Layers are drawn with the work that Table IV tells on 64 PEs (matched, calibrated). Load balance:
the time the entries take with perfect balance over the actual time, 8 slots in each queue. It may
rise by {NOISE:.1%} from one machine to the next, a draw's chance; efficiency, real work times load
balance, is nearly constant that falls by {FALLS:.0%} at most. What to see: the more PEs, the fewer
entries of a column each holds, and the more their numbers differ."""


def judge(parts: Iterable[scaling.Curve | None]) -> Outcome:
    """Set what the text says of the figure beside what the curves show."""
    drawn, curves = scaling.list_curves(parts)
    falling = all(
        after < before + NOISE
        for curve in curves
        for before, after in zip(curve.load_balances[:-1], curve.load_balances[1:], strict=True)
    )
    few, many = ([curve.load_balances[PES.index(n_pes)] for curve in drawn] for n_pes in (4, 256))
    constant = [
        (curve.load_balances[number] * curve.real_work[number])
        for curve in drawn
        if curve.layer != "nt-we"
        for number in (0, PES.index(64))
    ]
    see = "The more PEs, the less even the load; NT-We falls first."
    return Outcome(
        note=f"{NOTE} {note_real(curve.workload for curve in curves)}",
        hardware=Hardware.preset(PRESET),
        verdicts=(
            Statement(
                "9 layers", "more PEs are balanced worse", "section VI-C, Figure 13",
                f"from {min(few):.0%} and more on 4 PEs to {min(many):.0%} to {max(many):.0%} on "
                "256",
                falling, "a layer is balanced better on more PEs", MATCHED,
            ),
            Statement(
                "8 layers, without NT-We",
                "fewer padding zeros make up for it up to 64 PEs",
                "section VI-C: efficiency stays nearly constant for most benchmarks",
                _tell_efficiency(constant),
                all(
                    many_pes >= (1 - FALLS) * one
                    for one, many_pes in zip(constant[::2], constant[1::2], strict=True)
                ),
                f"a layer loses more than {FALLS:.0%} of its efficiency", MATCHED,
            ),
        ),
        tables={"curves": scaling.tabulate(curves)},
        charts={
            "figure13": scaling.chart(
                drawn, "load_balances", "load balance, theoretical over actual time", see
            )
        },
        sources=tuple(source for curve in curves for source in curve.sources),
    )  # fmt: skip


def _tell_efficiency(constant: list[float]) -> str:
    changes = [
        many_pes / one - 1 for one, many_pes in zip(constant[::2], constant[1::2], strict=True)
    ]
    return (
        "real work times load balance changes from 1 to 64 PEs by "
        f"{min(changes):+.0%} to {max(changes):+.0%}"
    )


EXPERIMENT = Experiment(WORK, judge)
