"""Dense and sparse products timed on this computer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
from scipy import sparse

from eiesim.base.errors import ConfigError, EieError, WorkloadError
from eiesim.baselines.rows import Baseline
from eiesim.layer.weights import CompressedLayer

LEAST_REPEATS = 9
"""Fewest repeats of a measurement, since quartiles of fewer mean little."""
MOST_SECONDS = 3600
MOST_SPREAD = 2.0
"""Limit of the median over the shortest time; above it something else kept the computer busy."""


class Device(Protocol):
    """A device that multiplies: the CPU, or a GPU by way of one of its libraries."""

    platform: str

    def free_bytes(self) -> int | None:
        """Return the memory that is available; None if unknown."""

    def describe(self, matrix: str) -> tuple[str, int | None]:
        """Return the library that multiplies this form of matrix, and its threads if it has any."""

    def place(self, array: Any) -> Any:
        """Return an array or a CSR matrix as it lies in this device's memory."""

    def fetch(self, array: Any) -> npt.NDArray[np.float32]:
        """Return a result of this device as a NumPy array."""

    def time_us(self, work: Callable[[], object]) -> float:
        """Do the work once and return how long it took, in microseconds."""

    def flush(self) -> None:
        """Remove the operands from all caches."""


@dataclass(frozen=True, kw_only=True)
class MeasurementPlan:
    """What is measured, and for how long; raises ConfigError if a field is out of range.

    Attributes
    ----------
    batches
        Inputs multiplied at once.
    caches
        ``cold``: the caches are flushed before each repeat. ``warm``: the repeats follow one
        another.
    seconds
        Least time spent on each measurement, flushes included, with at least 9 repeats.
    """

    batches: tuple[int, ...] = (1, 64)
    caches: tuple[str, ...] = ("cold",)
    seconds: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        for name, sound, expected in (
            ("batches", self.batches and min(self.batches) >= 1, "whole numbers from 1"),
            ("caches", set(self.caches) <= {"cold", "warm"}, "cold, warm or both"),
            ("seconds", 0 <= self.seconds <= MOST_SECONDS, f"0 to {MOST_SECONDS}"),
            ("seed", self.seed >= 0, "a whole number from 0"),
        ):
            if not sound:
                raise ConfigError(f"{name}: expected {expected}, found {getattr(self, name)}")


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One product of a layer, timed repeatedly; times are those of the batch over its inputs.

    The threads are None on a GPU, and if the library does not give them.
    """

    layer: str
    platform: str
    matrix: str
    batch: int
    cache: str
    library: str
    threads: int | None
    repeats: int
    median_us: float
    min_us: float
    quartile1_us: float
    quartile3_us: float
    kind: Literal["measured"] = "measured"

    @property
    def is_disturbed(self) -> bool:
        """Whether something else kept the computer busy, so that the median means nothing."""
        return 0 < MOST_SPREAD * self.min_us < self.median_us

    @property
    def time_us(self) -> float:
        """The median, or the shortest time if the measurement is disturbed."""
        return self.min_us if self.is_disturbed else self.median_us

    def describe_disturbance(self) -> str:
        """Return a sentence if the measurement is disturbed, else an empty text."""
        if not self.is_disturbed:
            return ""
        return (
            f"disturbed: {self.layer}: {self.matrix} product of {self.batch} on {self.platform}, "
            f"{self.cache} caches: the median of {self.repeats} repeats, {self.median_us:.4g} us, "
            f"is {self.median_us / self.min_us:.3g} times the shortest, {self.min_us:.4g} us, "
            "which is taken: measure again on an idle computer"
        )

    def to_baseline(self) -> Baseline:
        """Return its time as a row; the platform names the caches, the source the rest."""
        threads = "" if self.threads is None else f", threads: {self.threads}"
        statistic = f"median of {self.repeats} repeats"
        if self.is_disturbed:
            statistic = (
                f"shortest of {self.repeats} repeats, since their median, {self.median_us:.4g} us, "
                f"is {self.median_us / self.min_us:.3g} times as long"
            )
        source = (
            f"{statistic}, quartiles {self.quartile1_us:.4g} and {self.quartile3_us:.4g} us, "
            f"{self.library}{threads}"
        )
        platform = f"{self.platform}, {self.cache} caches"
        return Baseline(self.layer, platform, self.batch, self.matrix, self.kind,
                        self.time_us, None, source)  # fmt: skip


def measure_layer(
    layer: CompressedLayer, device: Device, plan: MeasurementPlan
) -> Iterator[Measurement]:
    """Time a layer's products with inputs drawn from the plan's seed; the bias is left out.

    The inputs have no zeros: neither product skips zeros, so that an input's density does not
    change the time. Raises EieError if the memory does not suffice, or a product differs from that
    of float64 by more than rounding.
    """
    _require_memory(layer, device, max(plan.batches))
    codes: Any = layer.codes
    csc: Any = (layer.codebook[codes.data], codes.indices, codes.indptr)
    weights = sparse.csr_array(sparse.csc_array(csc, shape=codes.shape))
    rng = np.random.default_rng(plan.seed)
    shape = (layer.cols, max(plan.batches))
    inputs = rng.standard_normal(shape, dtype=np.float32)
    for matrix in ("dense", "sparse"):
        placed = device.place(weights.toarray() if matrix == "dense" else weights)
        for batch in plan.batches:
            batch_inputs = inputs[:, 0].copy() if batch == 1 else inputs[:, :batch].copy()
            operand = device.place(batch_inputs)

            def multiply(placed: Any = placed, operand: Any = operand) -> object:
                return placed @ operand

            with np.errstate(over="ignore", invalid="ignore"):  # the check finds them
                outputs = device.fetch(multiply())
            product = f"{layer.name}: {matrix} product of {batch} on {device.platform}"
            _check_product(outputs, weights, batch_inputs, product)
            library, threads = device.describe(matrix)
            for cache in plan.caches:
                times_us = _repeat(multiply, device, cache == "cold", plan.seconds) / batch
                first, median, third = np.quantile(times_us, [0.25, 0.5, 0.75])
                yield Measurement(
                    layer=layer.name, platform=device.platform, matrix=matrix, batch=batch,
                    cache=cache, library=library, threads=threads, repeats=times_us.size,
                    median_us=float(median), min_us=float(times_us.min()),
                    quartile1_us=float(first), quartile3_us=float(third),
                )  # fmt: skip


def _repeat(
    work: Callable[[], object], device: Device, cold: bool, seconds: float
) -> npt.NDArray[np.float64]:
    work()
    times_us: list[float] = []
    start = perf_counter()
    while len(times_us) < LEAST_REPEATS or perf_counter() - start < seconds:
        if cold:
            device.flush()
        times_us.append(device.time_us(work))
    return np.array(times_us)


def _require_memory(layer: CompressedLayer, device: Device, batch: int) -> None:
    """Check that there is memory for the dense matrix, CSR in both precisions, and operands."""
    free = device.free_bytes()
    needed = (
        4 * layer.rows * layer.cols + 40 * layer.weights + 32 * batch * (layer.rows + layer.cols)
    )
    if free is not None and needed > free:
        raise WorkloadError(
            f"{layer.name}: its products need {needed / 1e9:.3g} GB, as float32 "
            f"[{layer.rows}, {layer.cols}] and more, and {device.platform} has {free / 1e9:.3g} GB "
            "free: leave the layer out, or free memory"
        )


def _check_product(
    outputs: npt.NDArray[np.float32],
    weights: sparse.csr_array[Any],
    inputs: npt.NDArray[np.float32],
    product: str,
) -> None:
    """Compare with the product in float64; the bound is that of a float32 sum in any order.

    Source: Higham, Accuracy and Stability of Numerical Algorithms, 2nd edition, section 3.1.
    """
    exact = weights.astype(np.float64) @ inputs.astype(np.float64)
    magnitude = abs(weights).astype(np.float64) @ abs(inputs).astype(np.float64)
    terms = int(np.diff(weights.indptr).max()) + 1
    bound = terms * (np.finfo(np.float32).eps * magnitude + np.finfo(np.float32).tiny)
    error = abs(outputs - exact)
    if not (error <= bound).all():
        raise EieError(
            f"{product}: expected that of float64 within rounding, found one that differs by up to "
            f"{error.max():.3g}: it is not timed"
        )
