"""EIE's Table III: the nine layers' sizes, densities and work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from eiesim.base.published import read_table
from eiesim.catalog.matched import PRESET, PUBLISHED, REAL
from eiesim.hardware import Hardware
from eiesim.paper.experiment import Experiment, Outcome
from eiesim.paper.parts import workloads
from eiesim.paper.parts.workloads import MISSING, REAL_NAME, WorkloadRun
from eiesim.paper.verdict import Judgement, Tolerance, Unreproducible, Verdict

CHANCE = Tolerance(1, "a drawn layer hits its density but for chance")
ROUNDED_WORK = Tolerance(
    10, "FLOP% is printed in whole percent, and as the product of densities that are rounded, too"
)
NOTE = """\
Sizes and densities of the published workload are Table III's own, and so is its FLOP%, the product
of its two densities, here counted in the simulator as multiply-accumulates over those of the dense
layer: that they agree is no evidence. The real Alex-8 with the one image that the authors simulated
is evidence, where it is there."""
QUANTITIES = (
    ("inputs", "activations", "inputs"),
    ("outputs", "activations", "outputs"),
    ("weight density", "%", "weight_percent"),
    ("activation density", "%", "act_percent"),
    ("work of the dense layer", "%", "flop_percent"),
)
"""Name, unit and column of Table III."""


def judge(parts: Iterable[WorkloadRun | None]) -> Outcome:
    """Compare sizes, densities and counted work with the printed ones."""
    runs = workloads.list_runs(parts, PUBLISHED, REAL)
    printed = {row["layer"]: row for row in read_table("paper/eie_table3")}
    verdicts: list[Judgement] = [v for run in runs for v in _judge(run, printed[run.name])]
    if not workloads.list_runs(runs, REAL):
        verdicts += [
            Unreproducible(REAL_NAME, quantity, unit, printed[REAL_NAME][column], MISSING, REAL)
            for quantity, unit, column in QUANTITIES
        ]
    return Outcome(
        note=NOTE,
        hardware=Hardware.preset(PRESET),
        verdicts=tuple(verdicts),
        sources=workloads.list_sources(runs),
    )


def _judge(run: WorkloadRun, printed: dict[str, str]) -> Iterator[Verdict]:
    layer, activations = run.workload.operands.layer, run.workload.operands.activations
    # the bias, which only the real layer has, is no part of Table III's matrix
    biases = 0 if layer.bias_codes is None else int(np.count_nonzero(layer.bias_codes))
    macs = run.result.counters.macs - biases
    weight_percent = 100 * layer.density
    act_percent = 100 * float((activations != 0).mean())
    ours = (layer.cols, layer.rows, weight_percent, act_percent,
            100 * macs / (layer.rows * layer.cols))  # fmt: skip
    densities = (
        f"{weight_percent:.1f} % of its weights and {act_percent:.1f} % of its activations are not "
        f"0, in Table III {printed['weight_percent']} and {printed['act_percent']} %"
    )
    for (quantity, unit, column), value in zip(QUANTITIES, ours, strict=True):
        is_work = column == "flop_percent"
        put_in = "the product of two densities that are drawn so" if is_work else "drawn so"
        tolerance = workloads.TOLERANCES[REAL] if run.kind == REAL else CHANCE
        yield Verdict(
            run.name, quantity, unit, printed[column], value,
            ROUNDED_WORK if is_work else tolerance, f"it is one image's: {densities}", run.kind,
            "" if run.kind == REAL else put_in,
        )  # fmt: skip


EXPERIMENT = Experiment(workloads.WORK, judge)
