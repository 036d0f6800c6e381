"""EIE's Table III: the nine layers' sizes, densities and work."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from eiesim.hardware import Hardware
from eiesim.published import read_table
from eiesim.study.reproduce import layers
from eiesim.study.reproduce.layers import READS, STEPS, work
from eiesim.study.reproduce.outcome import Outcome
from eiesim.study.verdict import Tolerance, Verdict
from eiesim.study.workloads import PRESET, PUBLISHED, REAL, WorkloadRun

__all__ = ["READS", "STEPS", "judge", "work"]

ROUNDED = Tolerance(1, "a drawn layer hits its density but for chance")
WORK = Tolerance(
    10, "FLOP% is printed in whole percent, and as the product of densities that are rounded, too"
)
NOTE = """\
Sizes and densities of the published workload are Table III's own, so that they agree is no
evidence. What can be checked: its FLOP% is the product of its two densities, here counted in the
simulator as multiply-accumulates over those of the dense layer. What to see: Alex-8 with the one
image that the authors simulated has more non-zero activations than the average that Table III
prints."""


def judge(parts: Iterable[WorkloadRun | None]) -> Outcome:
    """Set sizes, densities and counted work beside the printed ones.

    Parameters
    ----------
    parts : iterable of WorkloadRun or None
        The runs.
    """
    runs = layers.list_runs(parts, PUBLISHED, REAL)
    printed = {row["layer"]: row for row in read_table("paper/eie_table3")}
    return Outcome(
        note=NOTE,
        hardware=Hardware.preset(PRESET),
        verdicts=tuple(verdict for run in runs for verdict in _judge(run, printed[run.name])),
        sources=layers.list_sources(runs),
    )


def _judge(run: WorkloadRun, printed: dict[str, str]) -> list[Verdict]:
    layer, activations = run.workload.operands.layer, run.workload.operands.activations
    # the bias, which only the real layer has, is no part of Table III's matrix
    biases = 0 if layer.bias_codes is None else int(np.count_nonzero(layer.bias_codes))
    macs = run.result.counters.macs - biases
    real = "it is one image's, Table III's an average over many"
    return [
        Verdict(
            run.name, quantity, unit, printed[column], ours, tolerance, reason, run.kind,
            "" if run.kind == REAL or tolerance is WORK else "drawn so",
        )
        for quantity, unit, column, ours, tolerance, reason in (
            ("inputs", "activations", "inputs", layer.cols, ROUNDED, ""),
            ("outputs", "activations", "outputs", layer.rows, ROUNDED, ""),
            ("weight density", "%", "weight_percent", 100 * layer.density, ROUNDED,
             "the authors' file keeps 25.7 % of the weights, printed as 25"),
            ("activation density", "%", "act_percent", 100 * float((activations != 0).mean()),
             ROUNDED, real),
            ("work of the dense layer", "%", "flop_percent",
             100 * macs / (layer.rows * layer.cols), WORK, _explain_work(run)),
        )
    ]  # fmt: skip


def _explain_work(run: WorkloadRun) -> str:
    if run.kind == REAL:
        return "its activations are denser than Table III's average"
    return "the printed product is rounded to a whole percent"
