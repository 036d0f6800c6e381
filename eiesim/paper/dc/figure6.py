"""Deep Compression's Figure 6: accuracy against size, pruned, shared, and both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from eiesim.catalog.trained import load_trained
from eiesim.compress.ledger import count_bits
from eiesim.hardware import Hardware
from eiesim.paper.experiment import Experiment, Outcome
from eiesim.paper.parts.error_curves import (
    KEPT,
    ORIGIN,
    WORK,
    ErrorPoint,
    find_start,
    list_networks,
    list_sources,
)
from eiesim.paper.verdict import Statement
from eiesim.report.charts import Chart, Panel

FIGURE = "dc_figure6"
PRUNING, SHARING, BOTH = "pruning", "sharing", "pruning and sharing"
NOTE = f"""{ORIGIN}
The size counts weights or codes, relative indices of 5 bits with padding zeros, codebooks and
biases, over float32, before Huffman codes. Sharing alone: all layers with 8 to 1 bits. Both: pruned
at the densities of the pruning curve, then convolutions shared with 8 and fully connected layers
with 4 bits."""
CURVES = (PRUNING, SHARING, BOTH)
DROPS, KEEPS = 8.0, 3
"""Sizes in percent: below which each alone loses accuracy, and at which both together lose none."""


def judge(parts: Iterable[tuple[ErrorPoint, ...]]) -> Outcome:
    """Find the smallest size of each curve that loses nothing."""
    points = tuple(point for part in parts for point in part)
    networks = list_networks(points, FIGURE)
    chart = Chart(
        "Test error by size",
        tuple(_draw(points, network) for network in networks),
        "The smallest size that loses nothing is another for each way to compress.",
    )
    rows = [
        vars(point) | {"size_percent": 100 / point.rate}
        for point in points
        if point.figure == FIGURE
    ]
    verdicts = [verdict for network in networks for verdict in _judge_network(points, network)]
    return Outcome(
        NOTE, Hardware(), tuple(verdicts),
        {"curves": rows}, charts={FIGURE: chart},
        sources=list_sources(),
    )  # fmt: skip


def _draw(points: tuple[ErrorPoint, ...], network: str) -> Panel:
    own = sorted(
        (point for point in points if (point.figure, point.network) == (FIGURE, network)),
        key=lambda point: -point.rate,
    )
    return Panel(
        "lines", tuple(f"{100 / point.rate:.2g}" for point in own),
        {
            curve: [point.error_percent if point.curve == curve else None for point in own]
            for curve in CURVES
        },
        f"size (% of float32), {network}", "test error (%)", log=True,
    )  # fmt: skip


def _judge_network(points: tuple[ErrorPoint, ...], network: str) -> Iterator[Statement]:
    limit = find_start(points, network, "dense").error_percent + KEPT
    sizes = {curve: _find_smallest(points, network, curve, limit) for curve in CURVES}
    alone = {curve: sizes[curve] for curve in (PRUNING, SHARING)}
    too_small = [f"{curve} {size:.1f} %" for curve, size in alone.items() if size < DROPS]
    yield Statement(
        network, "smallest size that loses nothing, each alone",
        f"accuracy drops when compressed below {DROPS:g} % of the size (section 5.1)",
        ", ".join(f"{curve} {size:.1f} %" for curve, size in alone.items()), not too_small,
        f"{' and '.join(too_small)} of the size lose nothing", "trained here",
    )  # fmt: skip
    trained, words = _find_trained(network)
    both = "both together compress to 3 % of the size without loss (section 5.1)"
    yield Statement(
        network, "smallest size that loses nothing, both together", both,
        f"{sizes[BOTH]:.1f} %", round(sizes[BOTH]) <= KEEPS,
        f"all layers were pruned alike and retrained shortly; {words}", "trained here",
    )  # fmt: skip
    yield Statement(
        network, "size of the trained network, both together", both, words,
        trained is not None and round(trained) <= KEEPS, words, "trained here",
    )  # fmt: skip


def _find_smallest(
    points: tuple[ErrorPoint, ...], network: str, curve: str, limit_percent: float
) -> float:
    """Return the smallest size of a curve up to an error, in percent of float32."""
    rates = [
        point.rate
        for point in points
        if (point.figure, point.network, point.curve) == (FIGURE, network, curve)
        and point.error_percent <= limit_percent
    ]
    return 100 / max(rates, default=1.0)


def _find_trained(network: str) -> tuple[float | None, str]:
    """Return the size of the network that is shipped, before Huffman codes, and what it loses."""
    trained = load_trained(network)
    run = next(run for run in trained.account["seeds"] if run["seed"] == 0)
    dense, file = (
        run["stages"][stage]["after"]["test_error_percent"] for stage in ("dense", "encoded")
    )
    total = count_bits(trained.container.layers, trained.container.metadata).total
    size = 100 / total.shared_rate
    words = (
        f"pruned layer by layer and retrained to the end it takes {size:.1f} %, as a file "
        f"{100 / total.file_rate:.1f} %, and {dense:.2f} % of errors become {file:.2f} %"
    )
    return (size if file <= dense + KEPT else None), words


EXPERIMENT = Experiment(WORK, judge)
