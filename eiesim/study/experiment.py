"""Runs of layers, and what is kept of them: one row a layer, one row a PE, one folder a run."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eiesim.benchmark import load_benchmark, load_spec
from eiesim.counters import PE_FIELDS, RunResult
from eiesim.errors import WorkloadError
from eiesim.files import new_folder
from eiesim.hardware import Hardware
from eiesim.image import SramUse, encode
from eiesim.importers.npz import read_activations, read_layer
from eiesim.layer import CompressedLayer
from eiesim.resources import models_path
from eiesim.sim.bounds import Bounds, bound_cycles
from eiesim.sim.engines import Engine, check_activations, simulate

Row = dict[str, Any]


@dataclass(frozen=True, eq=False)
class LayerRun:
    """One layer on one machine, with what surrounds the run.

    Attributes
    ----------
    result : RunResult
        Cycles, output and counters.
    layer : CompressedLayer
        The weights.
    activations : float32 [cols]
        The input.
    padding_zeros : int
        Padding zeros of the whole image.
    bounds : Bounds
        Floor and ceiling on the cycles.
    memories : tuple of SramUse
        How full the memories are.
    """

    result: RunResult
    layer: CompressedLayer
    activations: npt.NDArray[np.float32]
    padding_zeros: int
    bounds: Bounds
    memories: tuple[SramUse, ...]


def load_operands(
    source: str, inputs: str | None = None
) -> tuple[CompressedLayer, npt.NDArray[np.float32]]:
    """Return a layer and an input by name or file.

    Parameters
    ----------
    source : str
        A benchmark's name, a `.toml` description of a layer, or a `.npz` file with a layer.
    inputs : str, optional
        A `.npy` or `.npz` file with the input to use instead of the layer's own.

    Raises
    ------
    EieError
        A name is unknown, a file is missing or of the wrong form, or there is no input.
    """
    activations: npt.NDArray[Any] | None
    if Path(source).suffix == ".npz":
        layer, activations = read_layer(source)
    else:
        benchmark = load_benchmark(source)
        layer, activations = benchmark.layer, benchmark.activations
    if inputs is not None:
        activations = read_activations(inputs)
    if activations is None:
        raise WorkloadError(f"{source}: the file holds no input 'act'; give one with --inputs")
    return layer, check_activations(activations, layer.cols, inputs or source)


def run_layer(source: str, hw: Hardware, engine: Engine, inputs: str | None = None) -> LayerRun:
    """Encode a layer for a machine and run one input through it.

    Parameters
    ----------
    source, inputs : str
        As in `load_operands`.
    hw : Hardware
        The machine.
    engine : {"fast", "reference"}
        The engine.

    Raises
    ------
    EieError
        As in `load_operands`, or the layer cannot be encoded for this machine.
    """
    layer, activations = load_operands(source, inputs)
    image = encode(layer, hw)
    return LayerRun(
        result=simulate(image, activations, hw, engine),
        layer=layer,
        activations=activations,
        padding_zeros=image.padding_entries,
        bounds=bound_cycles(image, activations, hw),
        memories=tuple(image.fits(hw)),
    )


def describe_layer(run: LayerRun) -> Row:
    """Return a run as one row, units in the names.

    Parameters
    ----------
    run : LayerRun
        The run.
    """
    result, layer = run.result, run.layer
    nonzero = int(np.count_nonzero(run.activations))
    return {
        "layer": result.name,
        "engine": result.engine,
        "inputs": layer.cols,
        "outputs": layer.rows,
        "weights": layer.codes.nnz,
        "weight_density": layer.density,
        "padding_zeros": run.padding_zeros,
        "nonzero_activations": nonzero,
        "activation_density": nonzero / layer.cols,
        "latency_us": result.latency_us,
        "theoretical_us": result.theoretical_us,
        "load_balance": result.load_balance,
        "floor_cycles": run.bounds.floor_cycles,
        "ceiling_cycles": run.bounds.ceiling_cycles,
        **result.counters.totals(),
        "busy_cycles_mean": float(result.counters.busy_cycles.mean()),
        "starved_cycles_mean": float(result.counters.starved_cycles.mean()),
        "drained_cycles_mean": float(result.counters.drained_cycles.mean()),
        "fits": all(use.fits for use in run.memories),
    }


def describe_pes(run: LayerRun) -> list[Row]:
    """Return a run as one row a PE.

    Parameters
    ----------
    run : LayerRun
        The run.
    """
    counters = run.result.counters.pe
    return [
        {"layer": run.result.name, "pe": pe}
        | {name: int(getattr(counters, name)[pe]) for name in PE_FIELDS}
        for pe in range(run.result.hardware.n_pes)
    ]


def describe_problems(run: LayerRun) -> list[str]:
    """Return a sentence for each memory that the layer does not fit.

    Parameters
    ----------
    run : LayerRun
        The run.
    """
    return [
        f"{run.result.name}: {use.memory}: {use.used} of {use.capacity} {use.unit} ({use.note})"
        for use in run.memories
        if not use.fits
    ]


def summarise(runs: Sequence[LayerRun], hw: Hardware) -> dict[str, Any]:
    """Return runs as the content of `summary.json` and of ``--json``.

    Parameters
    ----------
    runs : sequence of LayerRun
        The runs.
    hw : Hardware
        The machine they share.
    """
    layers = [
        describe_layer(run) | {"memories": [use._asdict() for use in run.memories]} for run in runs
    ]
    return {"eiesim": version("eiesim"), "hardware": asdict(hw), "layers": layers}


def write_run(
    path: str, runs: Sequence[LayerRun], hw: Hardware, sources: Iterable[str | None]
) -> Path:
    """Write a run folder: summary, manifest, hardware, tables and outputs.

    Parameters
    ----------
    path : str
        The folder; an existing one is left alone and a fresh name taken.
    runs : sequence of LayerRun
        The runs.
    hw : Hardware
        The machine they share.
    sources : iterable of str or None
        Names and files the runs were made from, for the manifest.

    Returns
    -------
    Path
        The folder that was written.
    """
    return write_folder(
        path,
        {
            "summary.json": to_json(summarise(runs, hw)),
            "manifest.json": to_json(make_manifest(hw, sources)),
            "hardware.toml": hw.to_toml(),
            "layers.csv": to_csv([describe_layer(run) for run in runs]),
            "pes.csv": to_csv([row for run in runs for row in describe_pes(run)]),
        },
        lambda folder: _save_outputs(folder, runs),
    )


def _save_outputs(folder: Path, runs: Sequence[LayerRun]) -> None:
    outputs: dict[str, Any] = {}
    for run in runs:
        again = sum(name.partition("#")[0] == run.result.name for name in outputs)
        outputs[f"{run.result.name}#{again + 1}" if again else run.result.name] = run.result.output
    np.savez(folder / "outputs.npz", **outputs)


def write_folder(
    path: str, texts: Mapping[str, str], write_more: Callable[[Path], None] | None = None
) -> Path:
    """Write files into a folder that appears whole or not at all.

    Parameters
    ----------
    path : str
        The folder; an existing one is left alone and a fresh name taken.
    texts : mapping
        Text of each file by name.
    write_more : callable, optional
        Writes further files into the folder it is given.
    """
    with new_folder(path) as folder:
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8", newline="\n")
        if write_more is not None:
            write_more(folder)
    return Path(path).parent / folder.name


def make_manifest(hw: Hardware, sources: Iterable[str | None]) -> dict[str, Any]:
    """Return what a run was made with: versions, machine, date, hardware, hashes of its sources.

    Parameters
    ----------
    hw : Hardware
        The simulated machine.
    sources : iterable of str or None
        Names and files; None is left out.
    """
    packages = ("eiesim", "numpy", "numba", "scipy", "simpy")
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {name: version(name) for name in packages}
        | {"python": platform.python_version()},
        "machine": platform.platform(),
        "hardware": asdict(hw),
        "sources": [_identify(source) for source in sources if source is not None],
    }


def _identify(source: str) -> Row:
    path = Path(source)
    if path.suffix not in {".npz", ".npy", ".toml"}:
        path = models_path() / f"{source.lower()}.toml"
    seed = load_spec(source).seed if path.suffix == ".toml" else None
    return {
        "source": source,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "seed": seed,
    }


def to_json(content: object) -> str:
    """Return content as indented JSON with a line end.

    Parameters
    ----------
    content : object
        Dictionaries, lists, texts and numbers.
    """
    return json.dumps(content, indent=2, allow_nan=False) + "\n"


def to_csv(rows: Sequence[Row]) -> str:
    """Return rows as CSV with a header line.

    Parameters
    ----------
    rows : sequence of dict
        At least one row; all with the same keys.
    """
    stream = io.StringIO()
    writer = csv.DictWriter(stream, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()
