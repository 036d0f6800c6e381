"""Runs of layers as rows: one a layer, one a PE, one an action; and what to know of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from eiesim.base.tables import Row
from eiesim.base.units import bits_to_bytes
from eiesim.counters import PE_FIELDS
from eiesim.energy.clock import fits_clock
from eiesim.energy.kinds import weigh_kinds
from eiesim.image import PTR_SRAM, SPMAT_SRAM, MemoryUse, count_chips, name_lacks
from eiesim.runs.answers import find_speedups, to_uj
from eiesim.runs.layer import LayerRun
from eiesim.runs.limits import tabulate_limits
from eiesim.sim.scan import load_registers


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
        **describe_threshold(run),
        "latency_us": result.latency_us,
        "theoretical_us": result.theoretical_us,
        "load_balance": result.load_balance,
        "energy_pj": run.energy.total_pj if run.energy else None,
        "power_mw": run.energy.power_mw if run.energy else None,
        "no_energy": run.no_energy or None,
        "floor_cycles": run.bounds.floor_cycles,
        "ceiling_cycles": run.bounds.ceiling_cycles,
        **result.counters.totals(),
        "dram_bytes": result.dram_bytes,
        "dram_gbps_average": result.dram_gbps_average,
        "dram_gbps_needed": run.dram_gbps_needed,
        "busy_cycles_mean": float(result.counters.busy_cycles.mean()),
        "starved_cycles_mean": float(result.counters.starved_cycles.mean()),
        "drained_cycles_mean": float(result.counters.drained_cycles.mean()),
        **tabulate_limits(run.result.limits, run.cycles_without_limit),
        "nonfinite_outputs": int(np.count_nonzero(~np.isfinite(result.output))),
        "fits": all(use.fits for use in run.memories),
        "clock_fits": fits_clock(result.hardware),
        "chips": count_chips(run.memories),
    }


def describe_threshold(run: LayerRun) -> Row:
    """Return what a threshold leaves and costs; nothing where there is none."""
    error, hw = run.result.error, run.result.hardware
    if error is None:
        return {}
    sent = int(np.count_nonzero(load_registers(run.operands.activations, hw.scan)))
    return {
        "sent_activations": sent,
        "output_error": error.relative,
        "output_error_largest": error.largest,
    }


def describe_briefly(run: LayerRun, row: Row) -> Row:
    """Return what a reader asks of a run first, in microseconds and microjoules.

    Parameters
    ----------
    row
        From `describe_layer`.
    """
    speedups = find_speedups(run.operands.sources[0].given, row["latency_us"])
    return {
        "layer": run.name,
        "latency_us": row["latency_us"],
        "energy_uj": to_uj(row["energy_pj"]),
        "power_mw": row["power_mw"],
        "cycles": row["cycles"],
        "load_balance": row["load_balance"],
        **{f"over_paper_{name.lower()}": ratio for name, ratio in speedups.items()},
        "limit": row["limit"],
        "memory": name_lacks(run.memories),
    }


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
    return [*describe_lacks(run), *describe_doubts(run)]


def describe_lacks(run: LayerRun) -> list[str]:
    """Return a sentence for each memory that is too small, and what is streamed."""
    counters, hw = run.result.counters, run.result.hardware
    streamed_bits = {
        SPMAT_SRAM: counters.spmat_dram_words * hw.spmat_width_bits,
        PTR_SRAM: counters.ptr_dram_reads * hw.ptr_bits,
    }
    problems = []
    for use in (use for use in run.memories if not use.fits):
        problem = describe_lack(run.name, use)
        if use.memory in streamed_bits:
            streamed = bits_to_bytes(streamed_bits[use.memory])
            problem += f"; {streamed} bytes in this run"
        problems.append(problem)
    return problems


def describe_doubts(run: LayerRun) -> list[str]:
    """Return a sentence for an energy that is not known, and for outputs that are not numbers."""
    problems = []
    if run.no_energy:
        problems.append(f"no energy: {run.name}: {run.no_energy}")
    beyond = int(np.count_nonzero(~np.isfinite(run.result.output)))
    if beyond:
        problems.append(f"overflow: {run.name}: {beyond} outputs are beyond float32's range")
    return problems


def describe_lack(name: str, use: MemoryUse) -> str:
    """Return a sentence for a memory that is too small."""
    return f"{use.lack}: {name}: {use.memory}: {use.used} of {use.capacity} {use.unit} ({use.note})"


def describe_energy(run: LayerRun) -> list[Row]:
    """Return a run's energy as one row an action; none where an action has no price."""
    return [{"layer": run.name} | asdict(row) for row in (run.energy.rows if run.energy else ())]


def describe_kinds(run: LayerRun) -> list[Row]:
    """Return how a run's energy rests on prices of each kind; none without an energy."""
    kinds = weigh_kinds(run.energy.by_kind()) if run.energy else []
    return [{"layer": run.name} | row for row in kinds]


def describe_modules(run: LayerRun) -> Row:
    """Return where a run's energy went as one row in microjoules, with its mean power."""
    if run.energy is None:
        return {"layer": run.name, "energy_uj": None}
    modules = {f"{name}_uj": pj / 1e6 for name, pj in run.energy.by_component().items()}
    total = {"energy_uj": run.energy.total_pj / 1e6, "power_mw": run.energy.power_mw}
    return {"layer": run.name} | total | modules


def name_layers(rows: Sequence[Row]) -> str:
    """Return the names of a few layers, or how many there are."""
    names = [row["layer"] for row in rows]
    return (
        ", ".join(names) if len(names) <= 3 else f"{len(names)} layers, {names[0]} to {names[-1]}"
    )
