"""Deep Compression's Figures 6 to 8: errors of our LeNets by size, bits and first codebook."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import takewhile

from eiesim.base.tables import Row
from eiesim.catalog.trained import load_trained
from eiesim.compress.ledger import count_bits
from eiesim.hardware import Hardware
from eiesim.paper.experiment import Experiment, Outcome
from eiesim.paper.parts.error_curves import (
    KEPT,
    LOST,
    ORIGIN,
    WORK,
    ErrorPoint,
    find_start,
    list_networks,
    list_sources,
)
from eiesim.paper.verdict import Statement
from eiesim.report.charts import Chart, Panel

PRUNING, SHARING, BOTH = "pruning", "sharing", "pruning and sharing"
CURVES = (PRUNING, SHARING, BOTH)
DROPS, KEEPS = 8.0, 3
"""Sizes in percent below which each alone loses accuracy, and at which both lose none."""
FEWEST_BITS = {"convolutions": 4, "fully connected": 2}
"""Fewest bits with which the paper's AlexNet still works (section 5.1 and Figure 7)."""
OTHERS = ("density", "forgy")
Points = list[ErrorPoint]


@dataclass(frozen=True)
class CurveFigure:
    """One of the three figures; `draw` and `judge` take a network's points, `judge` all, too."""

    name: str
    note: str
    title: str
    see: str
    draw: Callable[[Points], Panel]
    judge: Callable[[Points, tuple[ErrorPoint, ...]], Iterator[Statement]]
    describe: Callable[[ErrorPoint], Row] = vars


def judge_figure(parts: Iterable[tuple[ErrorPoint, ...]], figure: CurveFigure) -> Outcome:
    """Draw the curves of each network, and compare them with the paper's sentences."""
    points = tuple(point for part in parts for point in part)
    shown = [point for point in points if point.figure == figure.name]
    networks = [
        [point for point in shown if point.network == network]
        for network in list_networks(points, figure.name)
    ]
    chart = Chart(figure.title, tuple(map(figure.draw, networks)), figure.see)
    return Outcome(
        f"{ORIGIN}\n{figure.note}",
        Hardware(),
        tuple(statement for network in networks for statement in figure.judge(network, points)),
        {"curves": [figure.describe(point) for point in shown]},
        charts={figure.name: chart},
        sources=list_sources(),
    )


def _describe_size(point: ErrorPoint) -> Row:
    return vars(point) | {"size_percent": 100 / point.rate}


def _draw_sizes(shown: Points) -> Panel:
    ordered = sorted(shown, key=lambda point: -point.rate)
    return Panel(
        "lines", tuple(f"{100 / point.rate:.2g}" for point in ordered),
        {
            curve: [point.error_percent if point.curve == curve else None for point in ordered]
            for curve in CURVES
        },
        f"size (% of float32), {shown[0].network}", "test error (%)", log=True,
    )  # fmt: skip


def _judge_sizes(shown: Points, points: tuple[ErrorPoint, ...]) -> Iterator[Statement]:
    network = shown[0].network
    limit = find_start(points, network, "dense").error_percent + KEPT
    sizes = {
        curve: min(
            (100 / p.rate for p in shown if p.curve == curve and p.error_percent <= limit),
            default=100.0,
        )
        for curve in CURVES
    }
    alone = {curve: f"{curve} {sizes[curve]:.1f} %" for curve in (PRUNING, SHARING)}
    too_small = [words for curve, words in alone.items() if sizes[curve] < DROPS]
    yield Statement(
        network, "smallest size that loses nothing, each alone",
        f"accuracy drops when compressed below {DROPS:g} % of the size (section 5.1)",
        ", ".join(alone.values()), not too_small,
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


def _find_trained(network: str) -> tuple[float | None, str]:
    """Return the size of the shipped network before Huffman codes, and a text on its loss."""
    trained = load_trained(network)
    stages = next(run["stages"] for run in trained.account["seeds"] if run["seed"] == 0)
    dense, file = (stages[stage]["after"]["test_error_percent"] for stage in ("dense", "encoded"))
    total = count_bits(trained.container.layers, trained.container.metadata).total
    size = 100 / total.shared_rate
    words = (
        f"pruned layer by layer and retrained to the end it takes {size:.1f} %, as a file "
        f"{100 / total.file_rate:.1f} %, and {dense:.2f} % of errors become {file:.2f} %"
    )
    return (size if file <= dense + KEPT else None), words


def _draw_bits(shown: Points) -> Panel:
    bits = sorted({point.bits for point in shown if point.bits is not None})
    errors = {(point.curve, point.bits): point.error_percent for point in shown}
    curves = dict.fromkeys(point.curve for point in shown)
    return Panel(
        "lines", tuple(map(str, bits)),
        {curve: [errors.get((curve, number)) for number in bits] for curve in curves},
        f"bits of a shared weight, {shown[0].network}", "test error (%)", log=True,
    )  # fmt: skip


def _judge_bits(shown: Points, points: tuple[ErrorPoint, ...]) -> Iterator[Statement]:
    network = shown[0].network
    for kind, printed in FEWEST_BITS.items():
        if not any(point.curve.startswith(kind) for point in shown):
            continue
        fewest = {
            start: _find_fewest(
                [point for point in shown if point.curve == f"{kind}, {start}"],
                find_start(points, network, start).error_percent,
            )
            for start in ("dense", "pruned")
        }
        words = ", ".join(f"{start}: {bits} bits" for start, bits in fewest.items())
        yield Statement(
            network, f"fewest bits of {kind}",
            f"fails below {printed} bits (Figure 7)", words, set(fewest.values()) == {printed},
            f"{words}; a LeNet on MNIST is another task than AlexNet on ImageNet", "trained here",
        )  # fmt: skip
        yield Statement(
            network, f"pruned before, {kind}",
            "drops at the same number of bits whether pruned or not (section 5.1)", words,
            len(set(fewest.values())) == 1,
            f"{words}: the one that works with fewer bits is the "
            f"{min(fewest, key=lambda start: fewest[start] or 99)} one", "trained here",
        )  # fmt: skip


def _find_fewest(curve: Points, start_percent: float) -> int | None:
    """Return the fewest bits down to which no point of a curve has failed; None if all have."""
    ordered = sorted(curve, key=lambda point: -(point.bits or 0))
    working = takewhile(lambda point: point.error_percent <= start_percent + LOST, ordered)
    return min((point.bits for point in working if point.bits is not None), default=None)


def _judge_linear(shown: Points, _points: tuple[ErrorPoint, ...]) -> Iterator[Statement]:
    errors = {(point.curve, point.bits): point.error_percent for point in shown}
    bits = sorted({number for _, number in errors if number is not None})
    for initialisation in OTHERS:
        pairs = {n: (errors["linear", n], errors[initialisation, n]) for n in bits}
        lost = {n: linear - error for n, (linear, error) in pairs.items() if linear > error}
        most = max(lost.values(), default=0)
        yield Statement(
            shown[0].network, f"linear against {initialisation}",
            "linear outperforms density and random initialisation, but at 3 bits (section 5.2)",
            ", ".join(f"{n} bits {linear:.2f} against {error:.2f} %"
                      for n, (linear, error) in pairs.items()),
            set(lost) <= {3},
            f"ours loses with {', '.join(map(str, lost))} bits, by up to {most:.2f} points, "
            f"{round(100 * most)} of 10,000 images", "trained here",
        )  # fmt: skip


FIGURES = (
    CurveFigure(
        "dc_figure6",
        """\
The size counts weights or codes, relative indices of 5 bits with padding zeros, codebooks and
biases, over float32, before Huffman codes. Sharing alone: all layers with 8 to 1 bits. Both: pruned
at the densities of the pruning curve, then convolutions shared with 8 and fully connected layers
with 4 bits.""",
        "Test error by size",
        "The smallest size that loses nothing is another for each way to compress.",
        _draw_sizes,
        _judge_sizes,
        _describe_size,
    ),
    CurveFigure(
        "dc_figure7",
        "Layers of the other kind keep float32.",
        "Test error by bits of a shared weight",
        "Errors rise with few bits, of pruned networks and of others.",
        _draw_bits,
        _judge_bits,
    ),
    CurveFigure(
        "dc_figure8",
        """\
Fully connected layers of the pruned network are shared, convolutions keep float32. The least
squared error (optimal) is ours; the paper compares the other three.""",
        "Test error by bits of a shared weight, four beginnings of the codebook",
        "Errors rise with few bits, however the codebook begins.",
        _draw_bits,
        _judge_linear,
    ),
)
FIGURE_6, FIGURE_7, FIGURE_8 = (
    Experiment(WORK, partial(judge_figure, figure=figure)) for figure in FIGURES
)
