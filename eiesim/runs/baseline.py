"""Baselines of layers: published, measured or bound by a roofline, never two of them mixed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Literal

from eiesim import __version__
from eiesim.base.errors import ConfigError
from eiesim.base.tables import Row
from eiesim.baselines.cpu import count_processors, find_processor, open_cpu
from eiesim.baselines.cuda import find_gpu
from eiesim.baselines.measured import Device, Measurement, MeasurementPlan, measure_layer
from eiesim.baselines.published import list_published
from eiesim.baselines.roofline import list_rooflines
from eiesim.baselines.rows import Baseline
from eiesim.catalog.operands import Source
from eiesim.catalog.readers import load_layer
from eiesim.report.report import Report

SCHEMA = "eiesim baseline 1"


@dataclass(frozen=True)
class LayerBaselines:
    """What is known of one layer.

    Attributes
    ----------
    rows : tuple of Baseline
        At least one.
    measurements : tuple of Measurement
        What the rows were made of, one each; none where nothing was measured.
    source : Source or None
        Where the layer came from; None where it is a name only.
    """

    rows: tuple[Baseline, ...]
    measurements: tuple[Measurement, ...] = ()
    source: Source | None = None


@contextmanager
def open_devices(threads: int | None) -> Iterator[tuple[list[Device], str]]:
    """Give this computer's CPU and GPU; and what to say of the GPU, or why there is none.

    Parameters
    ----------
    threads : int or None
        Threads of the CPU's BLAS; its own choice when None.

    Raises
    ------
    ConfigError
        The BLAS cannot be set to so many threads.
    """
    with open_cpu(threads) as cpu:
        gpu = find_gpu()
        yield ([cpu], gpu) if isinstance(gpu, str) else ([cpu, gpu], gpu.platform)


def measure_layers(
    given: Sequence[str], plan: MeasurementPlan, devices: Sequence[Device]
) -> Iterator[LayerBaselines]:
    """Measure layers one after the other.

    Parameters
    ----------
    given : sequence of str
        Names or files, as in `load_layer`.

    Raises
    ------
    EieError
        As in `load_layer` and `measure_layer`, or two layers have the same name.
    """
    names: set[str] = set()
    for word in given:
        layer, _, source = load_layer(word)
        _add_name(layer.name, names)
        found = tuple(it for device in devices for it in measure_layer(layer, device, plan))
        yield LayerBaselines(tuple(it.to_baseline() for it in found), found, source)


def list_layers(
    given: Sequence[str], kind: Literal["published", "roofline"], batches: Sequence[int]
) -> Iterator[LayerBaselines]:
    """List what is published of layers, or what bounds them.

    Parameters
    ----------
    given : sequence of str
        Of ``published``, names of the paper's layers; of ``roofline``, as in `load_layer`.
    kind : {"published", "roofline"}
        Which.
    batches : sequence of int
        Inputs multiplied at once.

    Raises
    ------
    EieError
        As in `load_layer` and `list_published`, or two layers have the same name.
    """
    names: set[str] = set()
    for word in given:
        if kind == "published":
            _add_name(word.lower(), names)
            yield LayerBaselines(tuple(list_published(word, batches)))
        else:
            layer, _, source = load_layer(word)
            _add_name(layer.name, names)
            yield LayerBaselines(tuple(list_rooflines(layer, batches)), source=source)


def summarise(kind: str, found: Sequence[LayerBaselines], gpu: str | None) -> Row:
    """Return baselines as the content of `summary.json`.

    Parameters
    ----------
    kind : {"published", "measured", "roofline"}
        The kind of all of them.
    gpu : str or None
        The GPU that was measured or why none was; None where nothing was to be measured.
    """
    measured = [it for layer in found for it in layer.measurements]
    return {
        "schema": SCHEMA,
        "eiesim": __version__,
        "kind": kind,
        "rows": [asdict(row) for layer in found for row in layer.rows],
        "measurements": [asdict(it) for it in measured] or None,
        "problems": [it.describe_disturbance() for it in measured if it.is_disturbed],
        "gpu": gpu,
    }


def report_baselines(
    kind: str, layers: Sequence[LayerBaselines], gpu: str | None, plan: MeasurementPlan
) -> Report:
    """Return the report of baselines.

    Parameters
    ----------
    kind, gpu
        As in `summarise`.
    plan : MeasurementPlan
        What was measured, if anything was.
    """
    summary = summarise(kind, layers, gpu)
    measured = None
    if summary["measurements"]:
        measured = {"processor": find_processor(), "processors": count_processors()} | asdict(plan)
    return Report(
        title=f"Baselines, {kind}",
        summary=summary,
        shown=(
            summary["measurements"] or summary["rows"],
            *summary["problems"],
            "" if gpu is None else f"gpu: {gpu}",
        ),
        list_tables=lambda: {"baseline": summary["rows"]},
        sources=tuple(layer.source for layer in layers if layer.source is not None),
        provenance={"measured": measured},
    )


def _add_name(name: str, names: set[str]) -> None:
    if name in names:
        raise ConfigError(f"layer {name!r}: given twice, and a baseline is found by its name")
    names.add(name)
