"""Baselines of layers: published, measured or bound by a roofline, never two of them mixed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Literal

from eiesim import __version__
from eiesim.base.errors import ConfigError
from eiesim.baselines.cpu import count_processors, find_processor, open_cpu
from eiesim.baselines.cuda import find_gpu
from eiesim.baselines.measured import Device, Measurement, MeasurementPlan, measure_layer
from eiesim.baselines.published import list_published
from eiesim.baselines.roofline import list_rooflines
from eiesim.baselines.rows import Baseline
from eiesim.catalog.operands import Source
from eiesim.report.report import Report
from eiesim.runs.network_matrices import load_matrices

SCHEMA = "eiesim baseline 1"


@dataclass(frozen=True)
class LayerBaselines:
    """What is known of a layer, or of those of a network.

    Attributes
    ----------
    rows : tuple of Baseline
        At least one.
    measurements : tuple of Measurement
        One for each of `rows`; empty where nothing was measured.
    source : Source or None
        Where the layer came from; None where it is a name only.
    """

    rows: tuple[Baseline, ...]
    measurements: tuple[Measurement, ...] = ()
    source: Source | None = None


@contextmanager
def open_devices(threads: int | None) -> Iterator[tuple[list[Device], str]]:
    """Give this computer's CPU and GPU, and the GPU's name or why there is none.

    Parameters
    ----------
    threads : int or None
        Threads of the CPU's BLAS; its own choice when None.

    Raises
    ------
    ConfigError
        The BLAS cannot be set to this number of threads.
    """
    with open_cpu(threads) as cpu:
        gpu = find_gpu()
        yield ([cpu], gpu) if isinstance(gpu, str) else ([cpu, gpu], gpu.platform)


def measure_layers(
    words: Sequence[str], plan: MeasurementPlan, devices: Sequence[Device]
) -> Iterator[LayerBaselines]:
    """Measure layers and networks, names or files as in `load_matrices`, one after the other.

    Raises
    ------
    EieError
        As in `load_matrices` and `measure_layer`, or two layers have the same name.
    """
    names: set[str] = set()
    for word in words:
        layers, source = load_matrices(word)
        for layer in layers:
            _add_name(layer.name, names)
        timings = tuple(
            timing
            for layer in layers
            for device in devices
            for timing in measure_layer(layer, device, plan)
        )
        yield LayerBaselines(tuple(timing.to_baseline() for timing in timings), timings, source)


def list_layers(
    words: Sequence[str], kind: Literal["published", "roofline"], batches: Sequence[int]
) -> Iterator[LayerBaselines]:
    """List what is published of layers, or what bounds them.

    Parameters
    ----------
    words : sequence of str
        For ``published``, names of the paper's layers; for ``roofline``, as in `load_matrices`.
    batches : sequence of int
        Inputs multiplied at once.

    Raises
    ------
    EieError
        As in `load_matrices` and `list_published`, or two layers have the same name.
    """
    names: set[str] = set()
    for word in words:
        if kind == "published":
            _add_name(word.lower(), names)
            yield LayerBaselines(tuple(list_published(word, batches)))
        else:
            layers, source = load_matrices(word)
            for layer in layers:
                _add_name(layer.name, names)
            rows = tuple(row for layer in layers for row in list_rooflines(layer, batches))
            yield LayerBaselines(rows, source=source)


def report_baselines(
    kind: str, layers: Sequence[LayerBaselines], gpu: str | None, plan: MeasurementPlan
) -> Report:
    """Return the report of baselines.

    Parameters
    ----------
    kind : {"published", "measured", "roofline"}
        The kind of all of them.
    gpu : str or None
        The GPU that was measured or why none was; None where nothing was to be measured.
    plan : MeasurementPlan
        Written into the manifest where there are measurements.
    """
    rows = [asdict(row) for layer in layers for row in layer.rows]
    measurements = [timing for layer in layers for timing in layer.measurements]
    timings = [asdict(timing) for timing in measurements]
    problems = [row.describe_disturbance() for row in measurements if row.is_disturbed]
    measured = None
    if timings:
        measured = {"processor": find_processor(), "processors": count_processors()} | asdict(plan)
    return Report(
        title=f"Baselines, {kind}",
        summary={
            "schema": SCHEMA, "eiesim": __version__, "kind": kind, "rows": rows,
            "measurements": timings or None, "problems": problems, "gpu": gpu,
        },
        shown=(timings or rows, *problems, "" if gpu is None else f"gpu: {gpu}"),
        list_tables=lambda: {"baseline": rows},
        sources=tuple(layer.source for layer in layers if layer.source is not None),
        provenance={"measured": measured},
    )  # fmt: skip


def _add_name(name: str, names: set[str]) -> None:
    if name in names:
        raise ConfigError(f"layer {name!r}: given twice; expected each name once")
    names.add(name)
