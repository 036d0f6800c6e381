"""What is kept of a run: one row a layer, one row a PE, one folder of plain files."""

from __future__ import annotations

import csv
import io
import json
import platform
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from eiesim import __version__
from eiesim.base.units import bits_to_bytes
from eiesim.catalog.operands import Source
from eiesim.counters import PE_FIELDS
from eiesim.energy.clock import fits_clock
from eiesim.energy.prices import PriceTable
from eiesim.energy.wires import BASIS, price_broadcast_pj
from eiesim.hardware import Hardware
from eiesim.image import PTR_SRAM, SPMAT_SRAM, MemoryUse, count_chips
from eiesim.runs.clock import check_runs
from eiesim.runs.layer import LayerRun

Row = dict[str, Any]
SCHEMA = "eiesim run 2"
LONGEST_NAME_BYTES = 100
"""Of a user's name within the name of a file: with what is added it fits any file system."""


def describe_layer(run: LayerRun) -> Row:
    """Return a run as one row, units in the names."""
    result, layer = run.result, run.operands.layer
    nonzero = int(np.count_nonzero(run.operands.activations))
    return {
        "layer": run.name,
        "source": run.operands.sources[0].given,
        "engine": result.engine,
        "inputs": layer.cols,
        "outputs": layer.rows,
        "weights": layer.weights,
        "weight_density": layer.density,
        "padding_zeros": run.padding_zeros,
        "nonzero_activations": nonzero,
        "activation_density": nonzero / layer.cols,
        "latency_us": result.latency_us,
        "theoretical_us": result.theoretical_us,
        "load_balance": result.load_balance,
        "energy_pj": run.energy.total_pj if run.energy else None,
        "power_mw": run.energy.power_mw if run.energy else None,
        "no_energy": run.no_energy or None,
        "unpriced_wires_pj": find_wires_pj(run),
        "floor_cycles": run.bounds.floor_cycles,
        "ceiling_cycles": run.bounds.ceiling_cycles,
        **result.counters.totals(),
        "dram_bytes": result.dram_bytes,
        "dram_gbps_average": result.dram_gbps_average,
        "dram_gbps_needed": run.dram_gbps_needed,
        "busy_cycles_mean": float(result.counters.busy_cycles.mean()),
        "starved_cycles_mean": float(result.counters.starved_cycles.mean()),
        "drained_cycles_mean": float(result.counters.drained_cycles.mean()),
        "nonfinite_outputs": int(np.count_nonzero(~np.isfinite(result.output))),
        "fits": all(use.fits for use in run.memories),
        "clock_fits": fits_clock(result.hardware),
        "chips": count_chips(run.memories),
    }


def find_wires_pj(run: LayerRun) -> float | None:
    """Return what wires without a price would take, pJ; None where the area is missing.

    Parameters
    ----------
    run : LayerRun
        The run; a user's prices may have one for its wires.
    """
    if run.energy is not None and run.energy.by_part()["wire"]:
        return 0.0
    each_pj = price_broadcast_pj(run.result.hardware)
    return None if each_pj is None else run.result.counters.broadcasts * each_pj


def describe_pes(run: LayerRun) -> list[Row]:
    """Return a run as one row a PE."""
    counters = run.result.counters.pe
    return [
        {"layer": run.name, "pe": pe}
        | {name: int(getattr(counters, name)[pe]) for name in PE_FIELDS}
        for pe in range(run.result.hardware.n_pes)
    ]


def describe_outputs(run: LayerRun) -> list[Row]:
    """Return a run's outputs as one row each; the digits give back the float32."""
    return [
        {"layer": run.name, "row": row, "output": str(value)}
        for row, value in enumerate(run.result.output)
    ]


def describe_problems(run: LayerRun) -> list[str]:
    """Return a sentence for each thing a user should know before trusting the numbers."""
    counters, hw = run.result.counters, run.result.hardware
    streamed_bits = {
        SPMAT_SRAM: counters.spmat_dram_words * hw.spmat_width_bits,
        PTR_SRAM: counters.ptr_dram_reads * hw.ptr_bits,
    }
    problems = []
    for use in run.memories:
        if use.fits:
            continue
        problem = describe_lack(run.name, use)
        if use.memory in streamed_bits:
            streamed = bits_to_bytes(streamed_bits[use.memory])
            problem += f"; the rest is streamed from DRAM, {streamed} bytes in this run"
        problems.append(problem)
    if run.no_energy:
        problems.append(f"no energy: {run.name}: {run.no_energy}")
    beyond = int(np.count_nonzero(~np.isfinite(run.result.output)))
    if beyond:
        problems.append(f"overflow: {run.name}: {beyond} outputs are beyond float32's range")
    return problems


def describe_lack(name: str, use: MemoryUse) -> str:
    """Return a sentence for a memory that is too small."""
    return (
        f"does not fit: {name}: {use.memory}: {use.used} of {use.capacity} {use.unit} ({use.note})"
    )


def summarise(runs: Sequence[LayerRun], hw: Hardware, prices: PriceTable) -> Row:
    """Return runs as the content of `summary.json` and of ``--json``.

    Parameters
    ----------
    hw : Hardware
        The machine they share.
    """
    layers = [
        describe_layer(run)
        | {
            "energy": run.energy.to_dict() if run.energy else None,
            "memories": [use._asdict() for use in run.memories],
            "pes": {name: getattr(run.result.counters.pe, name).tolist() for name in PE_FIELDS},
        }
        for run in runs
    ]
    return {
        "schema": SCHEMA,
        "eiesim": __version__,
        "hardware": asdict(hw),
        "clock": check_runs(hw, prices, [run.result for run in runs]),
        "unpriced": {"broadcast_wires": BASIS} if any(map(find_wires_pj, runs)) else {},
        "layers": layers,
    }


def describe_energy(run: LayerRun) -> list[Row]:
    """Return a run's energy as one row an action; none where an action has no price."""
    rows = run.energy.rows if run.energy else ()
    return [{"layer": run.name} | asdict(row) for row in rows]


def describe_modules(run: LayerRun) -> Row:
    """Return where a run's energy went as one row in microjoules, with its mean power."""
    if run.energy is None:
        return {"layer": run.name, "energy_uj": None}
    modules = {f"{name}_uj": pj / 1e6 for name, pj in run.energy.by_component().items()}
    total = {"energy_uj": run.energy.total_pj / 1e6, "power_mw": run.energy.power_mw}
    wires_pj = find_wires_pj(run)
    percent = None if wires_pj is None else 100 * wires_pj / run.energy.total_pj
    return {"layer": run.name} | total | modules | {"unpriced_wires_percent": percent}


def write_run(
    folder: Path, runs: Sequence[LayerRun], prices: PriceTable, command: list[str]
) -> None:
    """Write the files of a run into a folder.

    Parameters
    ----------
    prices : PriceTable
        The prices they share.
    """
    hw = runs[0].result.hardware
    sources = [source for run in runs for source in run.operands.sources]
    texts = {
        **tell_run(summarise(runs, hw, prices), hw, sources, command),
        "layers.csv": to_csv([describe_layer(run) for run in runs]),
        "prices.csv": to_csv([asdict(price) for price in prices.prices]),
        "pes.csv": to_csv([row for run in runs for row in describe_pes(run)]),
        "outputs.csv": to_csv([row for run in runs for row in describe_outputs(run)]),
    }
    if energy := [row for run in runs for row in describe_energy(run)]:
        texts["energy.csv"] = to_csv(energy)
    write_texts(folder, texts)


def tell_run(
    summary: object, hw: Hardware, sources: Sequence[Source], command: list[str]
) -> dict[str, str]:
    """Return the files that every folder of a run has: what came out, and what it was made with.

    Parameters
    ----------
    summary : dict
        Content of `summary.json`.
    hw, sources, command
        As in `make_manifest`.
    """
    return {
        "summary.json": to_json(summary),
        "manifest.json": to_json(make_manifest(hw, sources, command)),
        "hardware.toml": hw.to_toml(),
    }


def write_texts(folder: Path, texts: Mapping[str, str]) -> None:
    """Write files into a folder.

    Parameters
    ----------
    texts : mapping
        Text of each file by name.
    """
    for name, text in texts.items():
        file = folder / name
        file.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")


def name_files(names: Iterable[str]) -> dict[str, str]:
    """Return for each name one that a file can have: short, and unlike the others' in any case.

    Parameters
    ----------
    names : iterable of str
        Names of a user's: of a layer, an output, a network. Most stay as they are.
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        plain = re.sub(r"[^\w.,+=@()\[\] -]", "_", name)
        short = plain.encode()[:LONGEST_NAME_BYTES].decode(errors="ignore")
        candidate, number = short, 1
        while candidate.casefold() in taken:
            number += 1
            candidate = f"{short}-{number}"
        taken.add(candidate.casefold())
        found[name] = candidate
    return found


def make_manifest(hw: Hardware | None, sources: Sequence[Source], command: list[str]) -> Row:
    """Return what a run was made with: versions, computer, date, hardware, hashes of its sources.

    Parameters
    ----------
    hw : Hardware or None
        The simulated machine, if any.
    """
    versions = {name: version(name) for name in ("numpy", "numba", "scipy", "simpy")}
    return {
        "command": command,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"eiesim": __version__, "python": platform.python_version()} | versions,
        "computer": platform.platform(),
        "hardware": None if hw is None else asdict(hw),
        "sources": [asdict(source) for source in sources],
    }


def to_json(content: object) -> str:
    """Return content as indented JSON with a line end.

    Parameters
    ----------
    content : object
        Dictionaries, lists, texts and numbers; no NaN and no infinity.
    """
    return json.dumps(content, indent=2, allow_nan=False) + "\n"


def to_csv(rows: Sequence[Row]) -> str:
    """Return rows as CSV with a header line; true, false and null as in JSON.

    Parameters
    ----------
    rows : sequence of dict
        At least one row; all with the same keys.
    """
    stream = io.StringIO()
    writer = csv.DictWriter(stream, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow(
            {key: json.dumps(value) if value is None or isinstance(value, bool) else value
             for key, value in row.items()}
        )  # fmt: skip
    return stream.getvalue()
