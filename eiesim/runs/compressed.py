"""A network compressed: its layers, where their bits go, and what EIE makes of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from eiesim import __version__
from eiesim.base.tables import Row, name_files
from eiesim.catalog.operands import Operands, Source, hash_file
from eiesim.catalog.readers import read_stored
from eiesim.compress.container import write_dcz
from eiesim.compress.ledger import LayerBits, count_bits
from eiesim.compress.pipeline import Change, CompressedStep, describe_moves, share_bias
from eiesim.energy.kinds import add_kinds, show_kinds, weigh_kinds
from eiesim.energy.prices import PriceTable
from eiesim.hardware import Hardware
from eiesim.importers.described import Skipped
from eiesim.importers.state_dict import Weights
from eiesim.layer.drawing import draw_activations
from eiesim.layer.weights import StoredLayer
from eiesim.report.charts import Chart, Panel
from eiesim.report.report import Report
from eiesim.runs.answers import describe_clock, name_energy, name_time
from eiesim.runs.clock import check_runs
from eiesim.runs.layer import LayerRun, run_operands
from eiesim.runs.layer_rows import describe_briefly, describe_layer
from eiesim.sim.scan import load_registers

SCHEMA = "eiesim compress 1"
SHOWN = (
    "name", "weights", "density", "code_bits", "index_bits", "padding", "dense_bits", "pruned_bits",
    "shared_bits", "file_bits", "file_rate",
)  # fmt: skip
BRIEF = ("name", "weights", "density", "code_bits", "index_bits", "file_bits", "file_rate")
BITS = (
    "name", "codes_bits", "gaps_bits", "padding_bits", "huffman_codes_bits", "huffman_gaps_bits",
    "codebook_bits", "bias_bits", "tables_bits", "header_bits", "interleaved_bits", "pointer_bits",
)  # fmt: skip
RUN = (
    "name", "cycles", "dense_cycles", "latency_us", "energy_pj", "pruned_error", "shared_error",
    "largest_error", "sign_changes", "entries_used", "entries_moved",
)  # fmt: skip
PARTS = {
    "weights": "huffman_codes_bits",
    "relative indices": "huffman_gaps_bits",
    "codebook": "codebook_bits",
    "biases": "bias_bits",
    "tables": "tables_bits",
    "headers": "header_bits",
}
"""Parts of the file in the order of the chart, and the ledger's columns."""


@dataclass(frozen=True, eq=False)
class Network:
    """Layers that are compressed already.

    Attributes
    ----------
    metadata : mapping of str
        Of the file they come from.
    changes : mapping of str to Change
        By layer: what was done to the weights; empty where they were compressed before.
    skipped : tuple of Skipped
        Arrays of the file that were left out.
    notes : tuple of str
        What of the file was put together.
    """

    name: str
    layers: tuple[StoredLayer, ...]
    metadata: Mapping[str, str]
    changes: Mapping[str, Change]
    sources: tuple[Source, ...]
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Input:
    """How the inputs of layers are drawn: share of activations that are not zero, and seed."""

    density: float = 1.0
    seed: int = 0


def read_compressed(given: str, definition: str | None = None, seed: int = 0) -> Network | None:
    """Return a network that is compressed already, by name or file; None for weights.

    Parameters and errors are those of `eiesim.catalog.readers.read_stored`.
    """
    stored = read_stored(given, definition, seed)
    if stored is None:
        return None
    return Network(Path(given).stem, stored.layers, stored.metadata, {}, stored.sources)


def collect(path: Path, found: Weights, steps: Sequence[CompressedStep]) -> Network:
    """Return compressed layers as a network named after the file of its weights."""
    changes = {step.stored.name: step.change for step in steps}
    return Network(
        path.stem,
        tuple(step.stored for step in steps),
        {"network": path.stem},
        changes,
        (Source(str(path), hash_file(path)),),
        found.skipped,
        found.notes + describe_moves(changes),
    )


def report_compressed(
    network: Network, hw: Hardware, prices: PriceTable, activations: Input
) -> Report:
    """Return the report of a compressed network, and of the layers that EIE runs as one product."""
    ledger = count_bits(network.layers, network.metadata, hw.n_pes)
    parts = (*ledger.rows, ledger.total)
    runs = _run_layers(network, hw, prices, activations)
    rows = [
        bits.to_row()
        | _describe_change(network.changes.get(bits.name))
        | _describe_run(runs.get(bits.name))
        for bits in parts
    ]
    bars = {bits.name: bits for bits in parts}
    clock = check_runs(hw, prices, [run.result for run in runs.values()])
    kinds = weigh_kinds(add_kinds(run.energy for run in runs.values() if run.energy))
    see = (
        f"The file takes {ledger.file_bytes:,} bytes; float32 takes {ledger.total.file_rate:.3g} "
        "times as many."
    )
    name = name_files([network.name])[network.name]
    return Report(
        title=f"{network.name}, compressed",
        summary={
            "schema": SCHEMA,
            "eiesim": __version__,
            "network": network.name,
            "metadata": dict(network.metadata),
            "hardware": asdict(hw),
            "activations": asdict(activations),
            "layers": rows[:-1],
            "total": rows[-1],
            "skipped": [{"name": part.name, "reason": part.reason} for part in network.skipped],
            "notes": list(network.notes),
            "clock": clock,
            "kinds": kinds,
        },
        answer=(see, *_answer(runs)),
        brief=(
            [{key: row[key] for key in BRIEF} for row in rows],
            [describe_briefly(run, describe_layer(run)) for run in runs.values()],
            *_describe_problems(network, runs, hw),
            describe_clock(clock) if runs else "",
        ),
        shown=(
            *([{key: row[key] for key in columns} for row in rows] for columns in (SHOWN, BITS)),
            [{key: row[key] for key in RUN} for row in rows[:-1]]
            if runs or network.changes else [],
            show_kinds(kinds),
            *_describe_problems(network, runs, hw),
            clock["text"] if runs else "",
        ),
        list_tables=lambda: {"ledger": rows, "kinds": kinds},
        charts={"parts": chart_parts(f"{network.name}: what the file is made of", bars, see)},
        write_files=lambda folder: write_dcz(
            folder / f"{name}.dcz", network.layers, network.metadata
        ),
        hardware=hw,
        sources=network.sources,
    )  # fmt: skip


def _answer(runs: Mapping[str, LayerRun]) -> tuple[str, ...]:
    """Return what the layers that EIE runs as one product take; empty without one."""
    if not runs:
        return ()
    time = name_time(sum(run.result.latency_us for run in runs.values()))
    energies = [run.energy.total_pj for run in runs.values() if run.energy]
    energy = name_energy(sum(energies) if len(energies) == len(runs) else None)
    return (f"EIE takes {time} and {energy} for {', '.join(runs)}, one product each.",)


def chart_parts(title: str, bars: Mapping[str, LayerBits], see: str) -> Chart:
    """Return the parts of files or layers as bars (Deep Compression, Figure 11).

    Parameters
    ----------
    bars : mapping of str to LayerBits
        One bar each, by its label.
    """
    series = {
        part: [100 * getattr(row, column) / row.file_bits for row in bars.values()]
        for part, column in PARTS.items()
    }
    return Chart(title, (Panel("stacked", tuple(bars), series, "", "share of the file (%)"),), see)


def _run_layers(
    network: Network, hw: Hardware, prices: PriceTable, activations: Input
) -> dict[str, LayerRun]:
    """Run the layers that are one product of a matrix and a vector, each with an input drawn."""
    runs = {}
    for number, stored in enumerate(network.layers):
        if _explain_no_run(stored, hw):
            continue
        layer = share_bias(stored)
        rng = np.random.default_rng([activations.seed, number])
        vector = draw_activations(layer.cols, activations.density, rng)
        runs[stored.name] = run_operands(Operands(layer, vector, network.sources), hw, prices)
    return runs


def _explain_no_run(stored: StoredLayer, hw: Hardware) -> str:
    """Return why a layer has no time of its own on a machine; nothing where it has."""
    if len(stored.shape) > 2 and max(stored.shape[2:]) > 1:
        return "a convolution is not one product of a matrix and a vector"
    if stored.layer.codebook_bits > hw.codebook_bits:
        return f"codes of {stored.layer.codebook_bits} bits, the machine takes {hw.codebook_bits}"
    return ""


def _describe_problems(
    network: Network, runs: Mapping[str, LayerRun], hw: Hardware
) -> Iterator[str]:
    """Yield a line for each thing that is not simulated or priced, was assumed, or is left out."""
    for stored in network.layers:
        if reason := _explain_no_run(stored, hw):
            yield f"no cycles: {stored.name}: {reason}"
    for run in runs.values():
        if run.no_energy:
            yield f"no energy: {run.name}: {run.no_energy}"
    for note in network.notes:
        yield f"note: {note}"
    for part in network.skipped:
        yield f"left out: {part.name}: {part.reason}"


def _describe_change(change: Change | None) -> Row:
    return change._asdict() if change else dict.fromkeys(Change._fields)


def _describe_run(run: LayerRun | None) -> Row:
    if run is None:
        missing = dict.fromkeys(("cycles", "dense_cycles", "latency_us", "energy_pj"))
        return missing | {"no_energy": "no run of its own"}
    layer, hw = run.operands.layer, run.result.hardware
    sent = load_registers(run.operands.activations, hw.scan)
    columns = int(np.count_nonzero(sent)) + (layer.bias_codes is not None)
    return {
        "cycles": run.result.cycles,
        # what the busiest PE would work if no weight were pruned
        "dense_cycles": columns * -(-layer.rows // hw.n_pes),
        "latency_us": run.result.latency_us,
        "energy_pj": run.energy.total_pj if run.energy else None,
        "no_energy": run.no_energy or None,
    }
