"""A network compressed: its layers, where their bits go, and what EIE makes of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eiesim import __version__
from eiesim.base.tables import Row, name_files
from eiesim.catalog.operands import Operands, Source, hash_file
from eiesim.catalog.readers import read_stored
from eiesim.compress.container import write_dcz
from eiesim.compress.ledger import LayerBits, Ledger, count_bits
from eiesim.compress.pipeline import Change, CompressedStep, describe_moves, share_bias
from eiesim.energy.prices import PriceTable
from eiesim.hardware import Hardware
from eiesim.importers.described import Skipped
from eiesim.importers.state_dict import Weights
from eiesim.layer.drawing import draw_activations
from eiesim.layer.weights import StoredLayer
from eiesim.report.charts import Chart, Panel
from eiesim.report.report import Report
from eiesim.runs.clock import check_runs
from eiesim.runs.layer import LayerRun, run_operands

SCHEMA = "eiesim compress 1"
DCZ = ".dcz"
SHOWN = (
    "name", "weights", "density", "code_bits", "index_bits", "padding", "dense_bits", "pruned_bits",
    "shared_bits", "file_bits", "file_rate",
)  # fmt: skip
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
    name : str
        What the network is called.
    layers : tuple of StoredLayer
        Its layers.
    metadata : mapping of str
        Of the file they come from.
    changes : mapping of str to Change
        By layer: what was done to the weights; empty where they were compressed before.
    sources : tuple of Source
        Files that were read.
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
    """What layers are run with.

    Attributes
    ----------
    density : float
        Share of activations that are not zero.
    seed : int
        Of their draw.
    """

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


def describe_problems(
    network: Network, runs: Mapping[str, LayerRun], hw: Hardware
) -> Iterator[str]:
    """Yield a line for each thing that is not simulated or priced, was assumed, or is left out.

    Parameters
    ----------
    runs : mapping of name to LayerRun
        From `run_network`.
    """
    for stored in network.layers:
        if reason := why_not(stored, hw):
            yield f"no cycles: {stored.name}: {reason}"
    for run in runs.values():
        if run.no_energy:
            yield f"no energy: {run.name}: {run.no_energy}"
    for note in network.notes:
        yield f"note: {note}"
    for it in network.skipped:
        yield f"left out: {it.name}: {it.reason}"


def run_network(
    network: Network, hw: Hardware, prices: PriceTable, given: Input
) -> dict[str, LayerRun]:
    """Run the layers that are one product of a matrix and a vector, each with an input drawn.

    Parameters
    ----------
    network : Network
        The network. Layers whose codes are wider than the machine's are left out.
    hw : Hardware
        The machine; its relative index is used.
    """
    runs = {}
    for number, stored in enumerate(network.layers):
        if why_not(stored, hw):
            continue
        layer = share_bias(stored)
        rng = np.random.default_rng([given.seed, number])
        activations = draw_activations(layer.cols, given.density, rng)
        runs[stored.name] = run_operands(Operands(layer, activations, network.sources), hw, prices)
    return runs


def why_not(stored: StoredLayer, hw: Hardware) -> str:
    """Return why a layer has no time of its own on a machine; nothing where it has."""
    if len(stored.shape) > 2 and max(stored.shape[2:]) > 1:
        return "a convolution is not one product of a matrix and a vector"
    if stored.layer.codebook_bits > hw.codebook_bits:
        return f"codes of {stored.layer.codebook_bits} bits, the machine takes {hw.codebook_bits}"
    return ""


def describe(network: Network, ledger: Ledger, runs: Mapping[str, LayerRun]) -> list[Row]:
    """Return the ledger as rows, the total last, each with its cycles and energy.

    Parameters
    ----------
    ledger : Ledger
        Its bits.
    runs : mapping of str to LayerRun
        From `run_network`.
    """
    rows = []
    for bits in (*ledger.rows, ledger.total):
        change = network.changes.get(bits.name)
        rows.append(
            bits.to_row()
            | (change._asdict() if change else dict.fromkeys(Change._fields))
            | _describe_run(runs.get(bits.name))
        )
    return rows


def _describe_run(run: LayerRun | None) -> Row:
    if run is None:
        missing = dict.fromkeys(("cycles", "dense_cycles", "latency_us", "energy_pj"))
        return missing | {"no_energy": "no run of its own"}
    layer, hw = run.operands.layer, run.result.hardware
    columns = int(np.count_nonzero(run.operands.activations)) + (layer.bias_codes is not None)
    return {
        "cycles": run.result.cycles,
        # what the busiest PE would work if no weight were pruned
        "dense_cycles": columns * -(-layer.rows // hw.n_pes),
        "latency_us": run.result.latency_us,
        "energy_pj": run.energy.total_pj if run.energy else None,
        "no_energy": run.no_energy or None,
    }


def summarise(network: Network, rows: Sequence[Row], hw: Hardware, given: Input) -> dict[str, Any]:
    """Return a compressed network as the content of `summary.json`.

    Parameters
    ----------
    rows : sequence of dict
        From `describe`.
    """
    return {
        "schema": SCHEMA,
        "eiesim": __version__,
        "network": network.name,
        "metadata": dict(network.metadata),
        "hardware": asdict(hw),
        "activations": asdict(given),
        "layers": list(rows[:-1]),
        "total": rows[-1],
        "skipped": [{"name": it.name, "reason": it.reason} for it in network.skipped],
        "notes": list(network.notes),
    }


def count_network(network: Network, hw: Hardware) -> Ledger:
    """Count where a network's bits go.

    Parameters
    ----------
    hw : Hardware
        Its number of PEs counts for the interleaved form.
    """
    return count_bits(network.layers, network.metadata, hw.n_pes)


def report_compressed(
    network: Network, hw: Hardware, prices: PriceTable, activations: Input
) -> Report:
    """Return the report of a compressed network, and of the layers that EIE runs as one product."""
    ledger = count_network(network, hw)
    runs = run_network(network, hw, prices, activations)
    rows = describe(network, ledger, runs)
    summary = summarise(network, rows, hw, activations)
    summary["clock"] = check_runs(hw, prices, [run.result for run in runs.values()])
    bars = {row.name: row for row in (*ledger.rows, ledger.total)}
    see = (
        f"The file takes {ledger.file_bytes:,} bytes; float32 takes {ledger.total.file_rate:.3g} "
        "times as many."
    )
    name = name_files([network.name])[network.name]
    return Report(
        title=f"{network.name}, compressed",
        summary=summary,
        shown=(
            *([{key: row[key] for key in columns} for row in rows] for columns in (SHOWN, BITS)),
            [{key: row[key] for key in RUN} for row in rows[:-1]]
            if runs or network.changes else [],
            *describe_problems(network, runs, hw),
            summary["clock"]["text"] if runs else "",
        ),
        list_tables=lambda: {"ledger": rows},
        charts={"parts": chart_parts(f"{network.name}: what the file is made of", bars, see)},
        write_files=lambda folder: write_dcz(
            folder / f"{name}{DCZ}", network.layers, network.metadata
        ),
        hardware=hw,
        sources=network.sources,
    )  # fmt: skip


def chart_parts(title: str, bars: Mapping[str, LayerBits], see: str) -> Chart:
    """Return the parts of files or layers as bars (Deep Compression, Figure 11).

    Parameters
    ----------
    bars : mapping of str to LayerBits
        One bar each, by what is written below it.
    """
    series = {
        part: [100 * getattr(row, column) / row.file_bits for row in bars.values()]
        for part, column in PARTS.items()
    }
    return Chart(title, (Panel("stacked", tuple(bars), series, "", "share of the file (%)"),), see)
