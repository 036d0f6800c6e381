"""The talk on weights: two clusters after pruning, nonlinear against linear quantisation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import geometric_mean

import numpy as np
import numpy.typing as npt

from eiesim.base.tables import Row
from eiesim.catalog.drawn import Distribution, draw_kept
from eiesim.catalog.trained import load_trained, trained_names
from eiesim.compress.codebook import assign_codes, build_codebook
from eiesim.compress.huffman import HuffmanCode
from eiesim.layer.weights import CompressedLayer
from eiesim.paper.parts.ledgers import DRAWN, TRAINED
from eiesim.paper.talk.statements import join_words, say
from eiesim.paper.verdict import Statement
from eiesim.report.charts import Chart, Panel

BIN = 0.5
"""Width of a bin in root mean squares of the layer's weights; one bin is centred on 0."""
CENTRE = 6
EDGES = BIN * (np.arange(2 * CENTRE + 2) - CENTRE - 0.5)
DEEP = 0.75
"""Weights around 0 over those in the lower peak, up to which there are two clusters."""
BITS = (2, 3, 4, 5)
FINE_BITS = 8
"""Bits of codes of layers whose weights can be quantised once more."""
DRAWN_WEIGHTS, DRAWN_DENSITY, SEED = 50_000, 0.1, 0
DISTRIBUTIONS: tuple[Distribution, ...] = ("normal", "laplace")
SPREAD_SHOWN = (
    "lenet-300-100/ip1", "lenet-5/conv2", "topics-lstm/lstm1", "topics-lstm/output",
)  # fmt: skip
QUANTISED_SHOWN = ("lenet-5/conv2", "topics-lstm/output", "drawn, normal")


@dataclass(frozen=True, eq=False)
class Spread:
    """Distribution of the weights that are not pruned in a layer.

    Attributes
    ----------
    density
        Share of the weights that is not pruned.
    counts : int64 [bins]
        Weights between each two of `EDGES`, in root mean squares.
    """

    name: str
    density: float
    counts: npt.NDArray[np.int64]

    @property
    def pruned(self) -> bool:
        """Whether weights were pruned."""
        return self.density < 1

    @property
    def valley(self) -> float:
        """Weights around 0 over those in the lower of the peaks on both sides."""
        peaks = self.counts[:CENTRE].max(), self.counts[CENTRE + 1 :].max()
        return float(self.counts[CENTRE] / min(peaks)) if min(peaks) else float("inf")

    @property
    def has_two_clusters(self) -> bool:
        """Whether clearly fewer weights are around 0 than at the peak on either side."""
        return self.valley <= DEEP

    @property
    def percent(self) -> npt.NDArray[np.float64]:
        """`counts` in percent of the weights."""
        percent: npt.NDArray[np.float64] = 100 * self.counts / self.counts.sum()
        return percent

    def to_row(self) -> Row:
        """Return the distribution as one row of a table."""
        return {
            "layer": self.name,
            "density_percent": 100 * self.density,
            "negative_peak_percent": float(self.percent[:CENTRE].max()),
            "around_0_percent": float(self.percent[CENTRE]),
            "positive_peak_percent": float(self.percent[CENTRE + 1 :].max()),
            "two_clusters": self.has_two_clusters,
        }


@dataclass(frozen=True)
class Quantised:
    """Weights quantised to as many values by k-means and evenly between their extremes.

    Attributes
    ----------
    weights, bits
        Number of weights, and bits of a code by k-means, where code 0 is a pruned weight.
    kmeans_error, linear_error
        Root mean square error over the weights' root mean square, with as many values.
    linear_levels
        Number of even values that reach k-means' error.
    kmeans_huffman_bits, linear_huffman_bits
        Bits a weight after Huffman codes at k-means' error.
    """

    name: str
    weights: int
    bits: int
    kmeans_error: float
    linear_error: float
    linear_levels: int
    kmeans_huffman_bits: float
    linear_huffman_bits: float

    @property
    def linear_bits(self) -> int:
        """Bits of a code for the even values and the pruned weight."""
        return self.linear_levels.bit_length()

    def to_row(self) -> Row:
        """Return the quantisation as one row of a table."""
        return {
            "layer": self.name,
            "weights": self.weights,
            "bits": self.bits,
            "kmeans_error_percent": 100 * self.kmeans_error,
            "linear_error_percent": 100 * self.linear_error,
            "linear_levels_for_same_error": self.linear_levels,
            "linear_bits_for_same_error": self.linear_bits,
            "kmeans_huffman_bits": self.kmeans_huffman_bits,
            "linear_huffman_bits": self.linear_huffman_bits,
        }


def measure_weights() -> Iterator[Spread | Quantised]:
    """Yield the distributions of weights of trained layers, and their quantisations."""
    for name in trained_names():
        for stored in load_trained(name).container.layers:
            layer, full_name = stored.layer, f"{name}/{stored.name}"
            yield measure_spread(full_name, layer)
            if layer.codebook_bits == FINE_BITS:
                yield from quantise(full_name, layer.codebook[layer.codes.data])
    rng = np.random.default_rng(SEED)
    for distribution in DISTRIBUTIONS:
        values = draw_kept(DRAWN_WEIGHTS, DRAWN_DENSITY, distribution, rng)
        yield from quantise(f"drawn, {distribution}", values)


def measure_spread(name: str, layer: CompressedLayer) -> Spread:
    """Count the weights of a layer that are not pruned, one at least, by their size."""
    frequencies = np.bincount(layer.codes.data, minlength=layer.codebook.size)
    values = layer.codebook.astype(np.float64)
    scale = np.sqrt((frequencies * values**2).sum() / frequencies.sum())
    counts, _ = np.histogram(values / scale, EDGES, weights=frequencies)
    return Spread(name, layer.density, counts.astype(np.int64))


def quantise(name: str, values: npt.NDArray[np.float32]) -> Iterator[Quantised]:
    """Quantise weights [n], of more values than there are codes, with each of `BITS`."""
    power = np.square(values, dtype=np.float64).sum()
    for bits in BITS:
        codebook = build_codebook(values, bits)
        codes = assign_codes(values, codebook)
        kmeans = float(np.square(codebook[codes].astype(np.float64) - values).sum())
        levels = codebook.size - 1
        even, error = quantise_evenly(values, levels)
        linear = error
        while error > kmeans:
            levels += 1
            even, error = quantise_evenly(values, levels)
        yield Quantised(
            name, values.size, bits, float(np.sqrt(kmeans / power)),
            float(np.sqrt(linear / power)), levels, _count_huffman_bits(codes),
            _count_huffman_bits(even),
        )  # fmt: skip


def quantise_evenly(
    values: npt.NDArray[np.float32], levels: int
) -> tuple[npt.NDArray[np.int64], float]:
    """Return codes of the nearest of even values between the extremes, and the squared error.

    The values [n] have at least two different ones; `levels` are 2 or more.
    """
    exact = values.astype(np.float64)
    low, high = exact.min(), exact.max()
    step = (high - low) / (levels - 1)
    codes = np.rint((exact - low) / step).astype(np.int64)
    return codes, float(np.square(low + codes * step - exact).sum())


def _count_huffman_bits(codes: npt.NDArray[np.integer]) -> float:
    counts = np.bincount(codes)
    return HuffmanCode.of(counts).count_bits(counts) / codes.size


def judge_clusters(spreads: Sequence[Spread]) -> Statement:
    """Judge statement 13."""
    pruned = [layer for layer in spreads if layer.pruned]
    dense = [layer for layer in spreads if not layer.pruned]
    single = [layer for layer in pruned if not layer.has_two_clusters]
    worst = max(pruned, key=lambda layer: layer.valley)
    valleys = [layer.valley for layer in pruned]
    ours = (
        f"{len(pruned) - len(single)} of {len(pruned)} pruned layers have two clusters, with "
        f"{100 * min(valleys):.0f} to {100 * max(valleys):.0f} % of the lower peak around 0; so "
        f"have {sum(layer.has_two_clusters for layer in dense)} of {len(dense)} layers that were "
        "not pruned"
    )
    return say(
        13, ours, not single,
        f"{join_words(layer.name for layer in single or [worst])} have one cluster: around 0 there "
        f"are up to {100 * worst.valley:.0f} % of the lower peak", TRAINED,
    )  # fmt: skip


def judge_quantisation(cases: Sequence[Quantised]) -> Statement:
    """Judge statement 14: fewer bits at equal error, before Huffman codes and after them."""
    errors = geometric_mean([case.linear_error / case.kmeans_error for case in cases])
    more_bits = [case.linear_bits - case.bits for case in cases]
    after = {
        bits: geometric_mean([case.linear_huffman_bits / case.kmeans_huffman_bits for case in cases
                              if case.bits == bits])
        for bits in sorted({case.bits for case in cases})
    }  # fmt: skip
    fewer = sum(case.linear_huffman_bits < case.kmeans_huffman_bits for case in cases)
    changes = join_words(
        f"{100 * (ratio - 1):+.1f} % where k-means has {bits} bits" for bits, ratio in after.items()
    )
    before_holds, after_holds = min(more_bits) > 0, min(after.values()) > 1
    return say(
        14, f"with as many codes the error of even steps is {errors:.1f}x that of k-means in the "
        f"mean; for the same error they take {sum(more_bits) / len(cases):.1f} bits a code more, "
        f"and after Huffman codes {changes}", before_holds and after_holds,
        f"{'it holds only before Huffman codes' if before_holds else 'it fails for some weights'}: "
        "these shorten the frequent codes of even steps, which then take fewer bits than k-means "
        f"in {fewer} of {len(cases)} cases of equal error", f"{TRAINED}, {DRAWN}",
    )  # fmt: skip


def chart_clusters(spreads: Sequence[Spread]) -> Chart:
    """Draw the distributions of weights of the layers in `SPREAD_SHOWN`."""
    shown = [spread for spread in spreads if spread.name in SPREAD_SHOWN]
    series = {f"{s.name}, {100 * s.density:.0f} % kept": s.percent.tolist() for s in shown}
    middles = tuple(f"{middle:g}" for middle in (EDGES[:-1] + EDGES[1:]) / 2)
    panel = Panel("lines", middles, series, "weight / root mean square", "kept weights (%)")
    parted = all(spread.has_two_clusters for spread in shown if spread.pruned)
    see = (
        f"{'Every' if parted else 'Not every'} pruned layer has a peak on either side of 0 and a "
        "valley between them."
    )
    return Chart("Weights after pruning and retraining", (panel,), see, 7.0, 3.2)


def chart_quantisation(cases: Sequence[Quantised]) -> Chart:
    """Draw the error of both quantisations by bits, for those in `QUANTISED_SHOWN`."""
    panels = []
    shown = [case for case in cases if case.name in QUANTISED_SHOWN]
    for name, group in groupby(shown, key=lambda case: case.name):
        by_bits = list(group)
        series = {
            "k-means": [100 * case.kmeans_error for case in by_bits],
            "even steps": [100 * case.linear_error for case in by_bits],
        }
        bits = tuple(str(case.bits) for case in by_bits)
        panels.append(Panel("lines", bits, series, f"bits of a code, {name}", "error (%)", True))
    less = all(case.kmeans_error < case.linear_error for case in shown)
    see = f"With as many codes k-means {'errs' if less else 'does not always err'} less."
    return Chart("Error of nonlinear and of linear quantisation", tuple(panels), see)
