"""Common work of Deep Compression's Figures 6 to 8 and Table 6: errors of our shipped LeNets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from eiesim.base.resources import data_path
from eiesim.base.tables import read_csv
from eiesim.catalog.operands import Source, hash_file
from eiesim.paper import cache
from eiesim.paper.experiment import Work

STEPS = ("curves",)
SHIPPED = "trained/curves.csv"
TRAINED = cache.find_folder() / "training" / "curves.csv"
"""Result of `eiesim reproduce --train`; it replaces the shipped file."""
READS = (str(TRAINED),)
LOST = 1.0
"""Percentage points of error above the start of a curve, beyond which it has failed."""
KEPT = 0.1
"""Points that count as no loss: ten of MNIST's 10,000 test images."""
ORIGIN = """\
ImageNet and the trained AlexNet are not to be had; ours are LeNets that eiesim trained on MNIST,
seed 0, top-1 error on the 10,000 test images. Each point is retrained a little on 20,000 images,
which are moved by up to a pixel, as the dense networks' were not: pruned ones for 4 epochs, each
from the denser one before, shared ones for 1. They are shipped (eiesim/data/trained/curves.csv),
since they take an hour; with --train they are computed anew. A curve has failed where its error is
more than 1 point above that of the network it begins with, and loses nothing within 0.1 points."""


@dataclass(frozen=True)
class ErrorPoint:
    """One network of a curve, see `eiesim.training.curves.measure_curves`."""

    network: str
    figure: str
    curve: str
    start: str
    density: float | None
    conv_bits: int | None
    fc_bits: int | None
    weights_kept: int
    rate: float
    error_before_percent: float | None
    error_percent: float

    @property
    def bits(self) -> int | None:
        """Bits of the shared layers."""
        return self.conv_bits if self.fc_bits is None else self.fc_bits


def find_table() -> Path:
    """Return the file of the curves: the user's own, or the one that is shipped."""
    return TRAINED if TRAINED.is_file() else data_path(SHIPPED)


def list_sources() -> tuple[Source, ...]:
    """Return the file of the curves."""
    file = find_table()
    name = "curves.csv of eiesim reproduce --train" if file == TRAINED else f"eiesim/data/{SHIPPED}"
    return (Source(name, hash_file(file), 0),)


def work(_data: Path) -> Iterator[tuple[ErrorPoint, ...]]:
    """Read the curves."""
    yield tuple(read_csv(find_table(), _make_point))


def _make_point(_: int, row: Mapping[str, str]) -> ErrorPoint:
    return ErrorPoint(
        row["network"], row["figure"], row["curve"], row["start"],
        float(row["density"]) if row["density"] else None,
        int(row["conv_bits"]) if row["conv_bits"] else None,
        int(row["fc_bits"]) if row["fc_bits"] else None,
        int(row["weights_kept"]), float(row["rate"]),
        float(row["error_before_percent"]) if row["error_before_percent"] else None,
        float(row["error_percent"]),
    )  # fmt: skip


WORK = Work(STEPS, work, READS)


def find_start(points: tuple[ErrorPoint, ...], network: str, start: str) -> ErrorPoint:
    """Return the network at the start of a curve, ``dense`` or ``pruned``."""
    return next(p for p in points if (p.network, p.figure, p.start) == (network, "start", start))


def list_networks(points: tuple[ErrorPoint, ...], figure: str) -> list[str]:
    """Return the networks that have curves in a figure."""
    return list(dict.fromkeys(point.network for point in points if point.figure == figure))
