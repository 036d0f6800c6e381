"""Common work of Deep Compression's Tables 8, 9 and Figures 9, 10: CPU, GPU and mobile GPU."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from statistics import geometric_mean

from eiesim.base.published import PAPER_LAYERS
from eiesim.base.tables import Row
from eiesim.baselines.measured import MeasurementPlan
from eiesim.baselines.published import list_published
from eiesim.baselines.rows import Baseline
from eiesim.catalog.layers import find_spec_file, load_spec
from eiesim.catalog.operands import Source, hash_file
from eiesim.hardware import Hardware
from eiesim.paper.experiment import Outcome, Work
from eiesim.paper.parts.workloads import QUOTED
from eiesim.paper.verdict import Statement
from eiesim.report.charts import Chart, Panel
from eiesim.runs.baseline import measure_layers, open_devices

LAYERS = PAPER_LAYERS[:6]
"""AlexNet's and VGG-16's: those of both tables."""
MEASURED = ("alex-7", "alex-8")
"""Layers that are measured on this computer's CPU, in a few seconds."""
PLATFORMS = ("cpu", "gpu", "mgpu")
NAMES = {"cpu": "CPU", "gpu": "GPU", "mgpu": "mobile GPU"}
BATCHES = (1, 64)
STEPS = ("published", *(f"{layer}, measured" for layer in MEASURED))
ORIGIN = """\
Quoted: the times of Deep Compression's Table 8 are those of EIE's Table IV, the powers Table 9's; a
ratio of two of them is the papers' own and no evidence of ours. Measured here: two layers, drawn
with Table III's densities, dense and sparse on this computer's CPU, caches flushed before each
repeat; other computers, other numbers."""


def work(_data: Path) -> Iterator[tuple[Baseline, ...]]:
    """List published times, then measure two layers."""
    yield tuple(row for layer in LAYERS for row in list_published(layer, BATCHES))
    with open_devices(None) as (devices, _):
        for measured in measure_layers(MEASURED, MeasurementPlan(batches=(1,)), devices[:1]):
            yield measured.rows


WORK = Work(STEPS, work)


def list_sources() -> tuple[Source, ...]:
    """Return the sources of the measured layers."""
    files = {layer: find_spec_file(layer) for layer in MEASURED}
    return tuple(
        Source(layer, hash_file(file), load_spec(file).seed) for layer, file in files.items()
    )


def list_gains(parts: Iterable[Sequence[Baseline]], energy: bool) -> list[Row]:
    """Return the gain of pruned layers over dense ones on the same platform, in time or energy."""
    costs: dict[tuple[tuple[str, str, int, str], str], float] = {}
    for row in (row for part in parts for row in part if row.platform != "eie"):
        power_w = row.power_w if energy else 1.0
        if power_w is not None:
            key = (row.layer, row.platform, row.batch, row.kind)
            costs[key, row.matrix] = row.time_us * power_w
    return [
        dict(zip(("layer", "platform", "batch", "kind"), key, strict=True))
        | {"gain": dense / costs[key, "sparse"]}
        for (key, matrix), dense in costs.items()
        if matrix == "dense" and (key, "sparse") in costs
    ]


def find_mean_gains(gains: Sequence[Row]) -> dict[tuple[str, int], float]:
    """Return the geometric mean of gains over layers, by platform and batch."""
    return {
        (platform, batch): geometric_mean(
            [row["gain"] for row in gains if (row["platform"], row["batch"]) == (platform, batch)]
        )
        for platform in PLATFORMS
        for batch in BATCHES
    }


def judge_figure(
    parts: Iterable[Sequence[Baseline]], name: str, energy: bool, claim: tuple[float, float, str]
) -> Outcome:
    """Draw the gains of pruned layers, and check the paper's claim.

    `claim` is the range of the paper's mean gains with batch 1, and its words.
    """
    gains = list_gains(list(parts), energy)
    quantity = "energy efficiency" if energy else "speedup"
    published = [row for row in gains if row["kind"] == "published"]
    means = find_mean_gains(published)
    by_layer = {(row["layer"], row["platform"], row["batch"]): row["gain"] for row in published}
    panels = tuple(
        Panel(
            "bars", LAYERS,
            {NAMES[platform]: [by_layer.get((layer, platform, batch)) for layer in LAYERS]
             for platform in PLATFORMS},
            f"batch {batch}", f"{quantity} of pruned over dense",
        )
        for batch in BATCHES
    )  # fmt: skip
    chart = Chart(
        f"{quantity.capitalize()} of pruned layers over dense ones on the same platform", panels,
        "Quotients of the printed numbers, with one input at a time and with 64.",
    )  # fmt: skip
    measured = " and ".join(row["layer"] for row in gains if row["kind"] == "measured")
    beside = f"What {measured} gain here is in the table gains." if measured else ""
    return Outcome(
        note=f"{ORIGIN} {beside}",
        hardware=Hardware(),
        verdicts=(_judge_claim(means, claim), _judge_batches(means)),
        tables={
            "gains": gains,
            "means": [
                {"platform": NAMES[platform], "batch": batch, "gain": gain}
                for (platform, batch), gain in means.items()
            ],
        },
        shown=("means",),
        charts={name: chart},
        sources=list_sources(),
    )


def _judge_claim(means: dict[tuple[str, int], float], claim: tuple[float, float, str]) -> Statement:
    low, high, words = claim
    gains = {f"{NAMES[platform]} {means[platform, 1]:.1f}x": means[platform, 1]
             for platform in PLATFORMS}  # fmt: skip
    outside = [text for text, gain in gains.items()
               if not round(low) <= round(gain) <= round(high)]  # fmt: skip
    return Statement(
        "six layers", "mean gain, batch 1", words, ", ".join(gains), not outside,
        f"the geometric means of the printed numbers lie outside with {', '.join(outside)}",
        "published", QUOTED,
    )  # fmt: skip


def _judge_batches(means: dict[tuple[str, int], float]) -> Statement:
    gains = ", ".join(f"{NAMES[platform]} {means[platform, 64]:.2f}x" for platform in PLATFORMS)
    return Statement(
        "six layers", "batch 64", "batching makes dense products faster, pruning gains less (6.2)",
        gains, all(means[platform, 64] < means[platform, 1] for platform in PLATFORMS),
        "the printed numbers say otherwise", "published", QUOTED,
    )  # fmt: skip
