"""Runs of a network as rows: how cycles and energy are spread."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from eiesim import __version__
from eiesim.base.errors import EnergyError
from eiesim.base.tables import Row
from eiesim.base.units import cycles_to_us
from eiesim.catalog.model import Model
from eiesim.energy.area import estimate_area
from eiesim.energy.kinds import weigh_kinds
from eiesim.energy.prices import PriceTable
from eiesim.graph import RECURRENT
from eiesim.hardware import Hardware
from eiesim.importers.described import Effect, Skipped
from eiesim.inference import StepRun
from eiesim.runs.clock import check_runs
from eiesim.runs.limits import tabulate_step_limits
from eiesim.runs.network import ExampleRun
from eiesim.runs.network_matrices import find_matrices
from eiesim.runs.network_outputs import name_outputs
from eiesim.runs.thresholds import add_errors, list_unpriced

SCHEMA = "eiesim network run 1"
PERCENTILES = (5, 50, 95, 99)
MOST_NAMES = 5
"""Of what is left out, in one sentence."""
EFFECTS = {
    Effect.PART: "this is a part of the network, without",
    Effect.HOST: "the host's time for products is not known, of",
}
"""Why there are no frames a second, by what is missing."""


def summarise(
    model: Model,
    runs: Sequence[ExampleRun],
    prices: PriceTable,
    labels: Sequence[int] | None = None,
) -> Row:
    """Return a run of a network as the content of `summary.json`; arguments as `report_network`."""
    hw = runs[0].steps[0].result.hardware
    cycles = np.array([run.cycles for run in runs])
    energy = [sum(run.energy_pj) for run in runs if run.energy_pj is not None]
    mean_us = cycles_to_us(float(cycles.mean()), hw.clock_mhz)
    energy_pj = float(np.mean(energy)) if energy else None
    missing = [part for part in model.skipped if part.effect is not Effect.NONE]
    results = [step.result for run in runs for step in run.steps]
    right = None
    if labels is not None:
        right = sum(run.answer == label for run, label in zip(runs, labels, strict=False))
    return {
        "schema": SCHEMA,
        "eiesim": __version__,
        "network": model.name,
        "engine": runs[0].steps[0].result.engine,
        "inputs": len(runs),
        **_spread(cycles),
        "worst_input": int(cycles.argmax()),
        "latency_us": mean_us,
        "frames_per_s": None if missing else 1e6 / mean_us,
        "no_frames_per_s": _explain_no_rate(missing),
        **_find_steps_rate(model, runs, None if missing else mean_us),
        "energy_pj": energy_pj,
        "energy_pj_worst": float(np.max(energy)) if energy else None,
        "kinds": average_kinds(runs),
        "overrides": list(prices.overrides),
        "unpriced": list_unpriced(hw),
        "no_energy": runs[0].no_energy,
        "power_mw": None if energy_pj is None else energy_pj / 1000 / mean_us,
        **_find_area(hw),
        "dram_bytes": sum(result.dram_bytes for result in results) / len(runs),
        **_share_macs(runs),
        "right": right,
        "accuracy": None if right is None else right / len(runs),
        "hardware": asdict(hw),
        "clock": check_runs(hw, prices, results, len(runs)),
        "steps": [_describe_step(model, runs, place) for place in range(len(runs[0].steps))],
        "not_on_eie": [{"name": part.name, "reason": part.reason} for part in missing],
        "output_files": name_outputs([run.outputs for run in runs]),
    }


def average_kinds(runs: Sequence[ExampleRun]) -> list[Row]:
    """Return how the energy of an input, in the mean, rests on prices of each kind."""
    known = [run.kinds_pj for run in runs if run.kinds_pj is not None]
    kinds = dict.fromkeys(kind for row in known for kind in row)
    return weigh_kinds(
        {kind: float(np.mean([row.get(kind, 0.0) for row in known])) for kind in kinds}
    )


def _describe_step(model: Model, runs: Sequence[ExampleRun], place: int) -> Row:
    """Return one step on EIE: means over the inputs, and percentiles of the cycles."""
    steps = [run.steps[place] for run in runs]
    name, hw = steps[0].name, steps[0].result.hardware
    step = {step.name: step for step in model.graph.steps}[name]
    layer = model.layers[step.layer].layer
    cycles = np.array([step.result.cycles for step in steps])
    counters = [step.result.counters for step in steps]
    entries = sum(step.result.entries for step in steps)
    energy = [run.energy_pj[place] for run in runs if run.energy_pj is not None]
    nonzeros = sum(int(step.nonzeros.sum()) for step in steps)

    def average(numbers: Iterable[int]) -> float:
        return sum(numbers) / len(runs)

    return {
        "step": name,
        "op": step.op,
        "outputs": layer.rows,
        "inputs": layer.cols,
        "weight_density": layer.density,
        "products": average(step.product_cycles.size for step in steps),
        "activation_density": nonzeros / sum(step.activations for step in steps),
        **_spread(cycles),
        "latency_us": cycles_to_us(float(cycles.mean()), hw.clock_mhz),
        "energy_pj": float(np.mean(energy)) if energy else None,
        "no_energy": runs[0].no_energy,
        "load_balance": entries / hw.n_pes / int(cycles.sum()),
        **tabulate_step_limits(steps),
        **_describe_threshold(steps, hw),
        "dense_macs": average(step.dense_macs for step in steps),
        "macs": average(counts.macs for counts in counters),
        "padding_macs": average(counts.padding_macs for counts in counters),
        "dram_bytes": average(step.result.dram_bytes for step in steps),
        "dram_stall_cycles": average(counts.dram_stall_cycles for counts in counters),
        "activations_loaded": average(step.traffic.loaded for step in steps),
        "activations_distinct": average(step.traffic.distinct for step in steps),
        "activations_stored": average(step.traffic.stored for step in steps),
    }


def _describe_threshold(steps: Sequence[StepRun], hw: Hardware) -> Row:
    """Return what a threshold leaves and costs a step, nothing where the machine has none."""
    if not hw.has_threshold:
        return {}
    error = add_errors(step.result for step in steps)
    return {
        "broadcasts": sum(step.result.counters.broadcasts for step in steps) / len(steps),
        "output_error": error.relative,
        "output_error_largest": error.largest,
    }


def _find_steps_rate(model: Model, runs: Sequence[ExampleRun], mean_us: float | None) -> Row:
    """Return the steps of a sequence that recurrent layers take, and how many in a second."""
    matrices = find_matrices(model)
    lengths = [
        max((step.product_cycles.size // matrices[step.name].parts
             for step in run.steps if matrices[step.name].in_turn), default=0)
        for run in runs
    ]  # fmt: skip
    if not any(lengths):
        return {}
    steps = sum(lengths) / len(runs)
    return {"sequence_steps": steps, "steps_per_s": mean_us and steps * 1e6 / mean_us}


def _find_area(hw: Hardware) -> Row:
    """Return the area of the chip, or why it is not known."""
    try:
        return {"area_mm2": estimate_area(hw).chip_mm2, "no_area": None}
    except EnergyError as error:
        return {"area_mm2": None, "no_area": str(error)}


def _share_macs(runs: Sequence[ExampleRun]) -> Row:
    """Return the multiply-accumulates of an input in the mean, pruned ones too, and EIE's share."""
    ours = sum(step.dense_macs for run in runs for step in run.steps) / len(runs)
    known = [run.host_macs for run in runs if run.host_macs is not None]
    host = sum(known) / len(runs) if len(known) == len(runs) else None
    share = None if host is None else ours / (ours + host)
    return {"dense_macs": ours, "host_macs": host, "share_of_macs": share}


def _spread(cycles: npt.NDArray[np.integer[Any]]) -> Row:
    spread = {f"cycles_p{share}": float(np.percentile(cycles, share)) for share in PERCENTILES}
    return {"cycles": float(cycles.mean()), **spread, "cycles_worst": int(cycles.max())}


def describe_example(number: int, run: ExampleRun, labels: Sequence[int] | None) -> Row:
    """Return one input, with its answer."""
    row = {
        "input": number,
        "cycles": run.cycles,
        "latency_us": cycles_to_us(run.cycles, run.steps[0].result.hardware.clock_mhz),
        "energy_pj": None if run.energy_pj is None else sum(run.energy_pj),
        "no_energy": run.no_energy,
        "answer": run.answer,
    }
    return row if labels is None else row | {"label": int(labels[number])}


def describe_products(runs: Sequence[ExampleRun], model: Model) -> list[Row]:
    """Return one row a step of a sequence and recurrent layer: cycles as the state fills."""
    recurrent = {step.name for step in model.graph.steps if step.op in RECURRENT}
    return [
        {"input": number, "step": step.name, "product": product, "cycles": int(cycles),
         "nonzero_activations": int(nonzeros)}
        for number, run in enumerate(runs)
        for step in run.steps if step.name in recurrent
        for product, (cycles, nonzeros) in enumerate(
            zip(step.product_cycles, step.nonzeros, strict=True)
        )
    ]  # fmt: skip


def describe_modules(runs: Sequence[ExampleRun]) -> list[Row]:
    """Return one row a step and module: its energy for one input, in the mean."""
    priced = [run.modules_pj for run in runs if run.modules_pj is not None]
    return [
        {"step": step.name, "module": module,
         "energy_pj": float(np.mean([modules[place][module] for modules in priced]))}
        for place, step in enumerate(runs[0].steps) if priced
        for module in priced[0][place]
    ]  # fmt: skip


def _explain_no_rate(missing: Sequence[Skipped]) -> str | None:
    """Return why there are no frames a second: EIE does not run all of the network."""
    names = {
        words: [part.name for part in missing if part.effect is effect]
        for effect, words in EFFECTS.items()
    }
    return (
        "; ".join(f"{words} {join_names(parts)}" for words, parts in names.items() if parts) or None
    )


def join_names(names: Sequence[str]) -> str:
    """Return names in one sentence, the first few of many."""
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more
