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
"""Fewest repeats of a measurement, whatever the seconds: quartiles of fewer say little."""
MOST_SECONDS = 3600
MOST_SPREAD = 2.0
"""Median over the shortest time, above which something else kept the computer busy."""


class Device(Protocol):
    """What multiplies: the CPU, or a GPU by way of one of its libraries."""

    platform: str

    def free_bytes(self) -> int | None:
        """Return the memory that can still be had; None where nobody tells."""

    def describe(self, matrix: str) -> tuple[str, int | None]:
        """Return the library that multiplies this form, and its threads where that has a sense."""

    def place(self, array: Any) -> Any:
        """Return an array or a CSR matrix as it lies in this device's memory."""

    def fetch(self, array: Any) -> npt.NDArray[np.float32]:
        """Return a result of this device as a NumPy array."""

    def time_us(self, work: Callable[[], object]) -> float:
        """Do the work once and return how long it took, in microseconds."""

    def flush(self) -> None:
        """Leave nothing of the operands in any cache."""


@dataclass(frozen=True, kw_only=True)
class MeasurementPlan:
    """What is measured, and for how long.

    Attributes
    ----------
    batches : tuple of int
        Inputs multiplied at once.
    caches : tuple of {"cold", "warm"}
        Cold: the caches are flushed before each repeat. Warm: the repeats follow one another.
    seconds : float
        Least time spent on each measurement, flushes included, and at least 9 repeats.
    seed : int
        Of the draw of the inputs.

    Raises
    ------
    ConfigError
        A field is out of range.
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
    """One product of a layer, timed over and over.

    Attributes
    ----------
    layer, platform, matrix, batch
        As in `Baseline`.
    cache : {"cold", "warm"}
        Whether the caches were flushed before each repeat.
    library : str
        What multiplied.
    threads : int or None
        Its threads; None on a GPU, and where the library does not tell.
    repeats : int
        How many times were taken.
    median_us, min_us, quartile1_us, quartile3_us : float
        Of these times, each divided by the inputs of the batch.
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
        """Whether something else kept the computer busy, so that the median says nothing."""
        return 0 < MOST_SPREAD * self.min_us < self.median_us

    @property
    def time_us(self) -> float:
        """The time that it counts with: the median, or the shortest where that says nothing."""
        return self.min_us if self.is_disturbed else self.median_us

    def describe_disturbance(self) -> str:
        """Return a sentence on a median that says nothing; nothing where it is sound."""
        if not self.is_disturbed:
            return ""
        return (
            f"disturbed: {self.layer}: {self.matrix} product of {self.batch} on {self.platform}, "
            f"{self.cache} caches: the median of {self.repeats} repeats, {self.median_us:.4g} us, "
            f"is {self.median_us / self.min_us:.3g} times the shortest, {self.min_us:.4g} us, "
            "which is taken: measure again on an idle computer"
        )

    def to_baseline(self) -> Baseline:
        """Return its time as a row; the platform tells the caches, the source the rest."""
        threads = "" if self.threads is None else f", threads: {self.threads}"
        what = f"median of {self.repeats} repeats"
        if self.is_disturbed:
            what = (
                f"shortest of {self.repeats} repeats, since their median, {self.median_us:.4g} us, "
                f"is {self.median_us / self.min_us:.3g} times as long"
            )
        source = (
            f"{what}, quartiles {self.quartile1_us:.4g} and {self.quartile3_us:.4g} us, "
            f"{self.library}{threads}"
        )
        platform = f"{self.platform}, {self.cache} caches"
        return Baseline(self.layer, platform, self.batch, self.matrix, self.kind,
                        self.time_us, None, source)  # fmt: skip


def measure_layer(
    layer: CompressedLayer, device: Device, plan: MeasurementPlan
) -> Iterator[Measurement]:
    """Time a layer's products with inputs drawn from the plan's seed; the bias is left out.

    The inputs are drawn without zeros: neither product skips them, so the time does not depend on
    an input's density.

    Raises
    ------
    EieError
        The memory does not suffice, or a product is not that of float64 within rounding.
    """
    _require_memory(layer, device, max(plan.batches))
    weights = _take_weights(layer)
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

            with np.errstate(over="ignore", invalid="ignore"):  # the check tells it
                outputs = device.fetch(multiply())
            what = f"{layer.name}: {matrix} product of {batch} on {device.platform}"
            _check_product(outputs, weights, batch_inputs, what)
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


def _take_weights(layer: CompressedLayer) -> sparse.csr_array[Any]:
    codes = layer.codes
    csc: Any = (layer.codebook[codes.data], codes.indices, codes.indptr)
    return sparse.csr_array(sparse.csc_array(csc, shape=codes.shape))


def _require_memory(layer: CompressedLayer, device: Device, batch: int) -> None:
    """Check that the dense matrix, CSR in both precisions, inputs and outputs find room."""
    free = device.free_bytes()
    places = layer.rows * layer.cols
    needed = 4 * places + 40 * layer.weights + 32 * batch * (layer.rows + layer.cols)
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
    what: str,
) -> None:
    """Compare with the product in float64; the bound is that of a float32 sum in any order.

    References
    ----------
    Higham, Accuracy and Stability of Numerical Algorithms, 2nd edition, section 3.1.
    """
    exact = weights.astype(np.float64) @ inputs.astype(np.float64)
    magnitude = abs(weights).astype(np.float64) @ abs(inputs).astype(np.float64)
    terms = int(np.diff(weights.indptr).max()) + 1
    bound = terms * (np.finfo(np.float32).eps * magnitude + np.finfo(np.float32).tiny)
    error = abs(outputs - exact)
    if not (error <= bound).all():
        raise EieError(
            f"{what}: expected that of float64 within rounding, found one that differs by up to "
            f"{error.max():.3g}: it is not timed"
        )
