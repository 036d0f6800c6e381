"""A network on EIE beside what others take for its products."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import ceil, fsum

import numpy as np

from eiesim.baselines.rows import Baseline
from eiesim.catalog.model import Model
from eiesim.catalog.operands import Source
from eiesim.energy.prices import PriceTable
from eiesim.importers.described import Effect
from eiesim.report.report import Report
from eiesim.runs.clock import check_runs
from eiesim.runs.compare import Comparison, describe_ratios, find_references, open_baselines
from eiesim.runs.network import ExampleRun
from eiesim.runs.network_matrices import find_matrices
from eiesim.runs.network_rows import average_kinds
from eiesim.runs.ratios import find_ratios
from eiesim.runs.thresholds import describe_approximation

ALL = "all steps"
MOST_CHARTED = 20
"""Steps that a chart has room for: those that take most time on EIE."""


def report_network_comparison(
    model: Model,
    runs: Sequence[ExampleRun],
    baseline: str,
    prices: PriceTable,
    sources: tuple[Source, ...],
) -> Report:
    """Return the report of inputs through a network beside what others take for its products.

    Others do the products of a convolution, or of a layer that many vectors go through, in the
    batches that the baseline has; those of a recurrent layer one after the other.

    Parameters
    ----------
    runs : sequence of ExampleRun
        At least one; numbers are means over them.
    baseline : str
        ``roofline`` or a `baseline.csv` of ``eiesim baseline NETWORK``.

    Raises
    ------
    ConfigError
        A step has no baseline with dense weights and batch 1, or the file has problems.
    """
    others, ours, list_rows = [], [], open_baselines(baseline)
    matrices = find_matrices(model)
    for place, step in enumerate(runs[0].steps):
        matrix = matrices[step.name]
        products = np.mean([run.steps[place].product_cycles.size for run in runs]) / matrix.parts
        rows = list_rows(matrix.layer.name, matrix.layer)
        others += _multiply(rows, step.name, float(products), matrix.in_turn)
        ours.append(_average(runs, place))
    contenders = [*others, *_add(others), *ours, *_add(ours)]
    references = find_references(contenders, [row.layer for row in ours], baseline)
    hw = runs[0].steps[0].result.hardware
    results = [step.result for run in runs for step in run.steps]
    by_step = {
        step.name: [run.steps[place].result for run in runs]
        for place, step in enumerate(runs[0].steps)
    }
    longest = sorted(ours, key=lambda row: -row.time_us)[:MOST_CHARTED]
    return Comparison(
        f"{model.name} on EIE beside others", baseline,
        describe_ratios(find_ratios(contenders, references), contenders),
        hw, prices, check_runs(hw, prices, results, len(runs)), average_kinds(runs), sources,
        [*_describe_part(model), *describe_approximation(hw, by_step)],
        {ALL, *(row.layer for row in longest)},
    ).report()  # fmt: skip


def _multiply(
    rows: Iterable[Baseline], step: str, products: float, in_turn: bool
) -> list[Baseline]:
    """Return what a step takes for each number of inputs at once, from batches of its products.

    A batch that is not full takes as long as a full one; taken are the batches that take least.
    """
    by_platform: dict[tuple[str, str, str], dict[int, Baseline]] = {}
    for row in rows:
        by_platform.setdefault((row.platform, row.matrix, row.kind), {})[row.batch] = row
    steps = []
    for by_batch in by_platform.values():
        for inputs in by_batch:
            batches = {size: float(ceil(products * inputs / size)) for size in by_batch}
            if in_turn:  # in a batch are the products of so many inputs
                batches = {inputs: products}
            times_us = {
                size: number * size * by_batch[size].time_us / inputs
                for size, number in batches.items()
            }
            size = min(times_us, key=lambda size: times_us[size])
            source = f"{products:g} products an input, {size} at once; {by_batch[size].source}"
            steps.append(
                replace(by_batch[inputs], layer=step, time_us=times_us[size], source=source)
            )
    return steps


def _average(runs: Sequence[ExampleRun], place: int) -> Baseline:
    """Return a step as it was simulated, in the mean."""
    steps = [run.steps[place] for run in runs]
    time_us = fsum(step.result.latency_us for step in steps) / len(runs)
    energies = [run.energy_pj[place] for run in runs if run.energy_pj is not None]
    power_w, source = None, f"simulated; no power: {runs[0].no_energy}"
    if energies:
        power_w = fsum(energies) / len(energies) / time_us / 1e6
        source = "simulated; power: counts times prices over the time"
    return Baseline(steps[0].name, "eie", 1, "sparse", "simulated", time_us, power_w, source)


def _add(rows: Sequence[Baseline]) -> list[Baseline]:
    """Return sums over the steps, of those platforms and batches that all steps have."""
    groups: dict[tuple[str, int, str, str], list[Baseline]] = {}
    for row in rows:
        groups.setdefault(row.key[1:], []).append(row)
    steps = len({row.layer for row in rows})
    return [
        replace(
            group[0], layer=ALL, time_us=fsum(row.time_us for row in group),
            power_w=_find_mean_power(group), source=f"the sum over {steps} steps",
        )
        for group in groups.values() if len(group) == steps
    ]  # fmt: skip


def _find_mean_power(rows: Sequence[Baseline]) -> float | None:
    """Return the power over the time of all; None where one is unknown."""
    energies = [None if row.power_w is None else row.power_w * row.time_us for row in rows]
    known = [energy for energy in energies if energy is not None]
    return fsum(known) / fsum(row.time_us for row in rows) if len(known) == len(rows) else None


def _describe_part(model: Model) -> list[str]:
    """Return whether the products compared are all that the network has."""
    missing = [part.name for part in model.skipped if part.effect is not Effect.NONE]
    if not missing:
        return []
    return [f"on neither side: {len(missing)} steps that EIE does not run: {', '.join(missing)}"]
