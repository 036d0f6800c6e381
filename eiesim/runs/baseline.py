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
from eiesim.report.report import Report
from eiesim.runs.answers import name_time
from eiesim.runs.network_matrices import load_matrices

SCHEMA = "eiesim baseline 1"
SHOWN = ("layer", "platform", "matrix", "batch", "time_us", "power_w")


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
        answer=describe_fastest(rows),
        brief=(
            _show_briefly(rows), *problems, "" if gpu is None else f"gpu: {gpu}",
        ),
        shown=(timings or rows, *problems, "" if gpu is None else f"gpu: {gpu}"),
        list_tables=lambda: {"baseline": rows},
        sources=tuple(layer.source for layer in layers if layer.source is not None),
        provenance={"measured": measured},
    )  # fmt: skip


def _show_briefly(rows: Sequence[Row]) -> list[Row]:
    """Return times and powers of one layer, or the times of several beside one another."""
    if len({row["layer"] for row in rows}) == 1:
        return [{key: row[key] for key in SHOWN} for row in rows]
    others: dict[str, Row] = {}
    for row in rows:
        name = f"{row['platform']} {row['matrix']} {row['batch']}"
        others.setdefault(name, {"time_us": name})[row["layer"]] = row["time_us"]
    names = list(dict.fromkeys(key for times in others.values() for key in times))
    return [{name: times.get(name) for name in names} for times in others.values()]


def describe_fastest(rows: Sequence[Row]) -> tuple[str, ...]:
    """Return what takes least time for an input of each layer, of several only from which to which.

    Empty without a row.
    """
    fastest: dict[str, Row] = {}
    for row in sorted(rows, key=lambda row: row["time_us"]):
        fastest.setdefault(row["layer"], row)
    least, most = list(fastest.values())[:1], list(fastest.values())[-1:]
    if len(fastest) < 2:
        return tuple(f"{_name_best(row)}, the fastest of {len(rows)}." for row in least)
    return (f"{len(fastest)} layers, at best: {_name_best(least[0])}, to {_name_best(most[0])}.",)


def _name_best(row: Row) -> str:
    """Return what a layer takes, and where."""
    where = f"{row['platform']}, {row['matrix']}, batch {row['batch']}"
    return f"{row['layer']} takes {name_time(row['time_us'])} on {where}"


def _add_name(name: str, names: set[str]) -> None:
    if name in names:
        raise ConfigError(f"layer {name!r}: given twice; expected each name once")
    names.add(name)
