"""Many inputs through a network: how cycles and energy are spread."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from eiesim import __version__
from eiesim.base.errors import EnergyError
from eiesim.base.tables import Row
from eiesim.base.units import cycles_to_us
from eiesim.catalog.examples import Example
from eiesim.catalog.model import Model
from eiesim.catalog.operands import Source
from eiesim.energy.area import estimate_area
from eiesim.energy.estimate import EnergyReport, estimate_energy
from eiesim.energy.kinds import add_kinds, show_kinds, weigh_kinds
from eiesim.energy.prices import PriceTable
from eiesim.graph import RECURRENT
from eiesim.hardware import Hardware
from eiesim.image import name_lacks
from eiesim.importers.described import Effect, Skipped
from eiesim.inference import InputRun, Setup, StepRun, run_steps
from eiesim.report.report import Report
from eiesim.runs.answers import describe_clock, name_energy, name_time, to_uj
from eiesim.runs.clock import check_runs
from eiesim.runs.layer_rows import describe_lack
from eiesim.runs.limits import describe_longest, tabulate_step_limits
from eiesim.runs.network_charts import draw_steps
from eiesim.runs.network_matrices import find_matrices
from eiesim.runs.network_outputs import name_outputs, write_outputs
from eiesim.runs.thresholds import add_errors, describe_unpriced, list_unpriced
from eiesim.sim.engines import Engine

SCHEMA = "eiesim network run 1"
PERCENTILES = (5, 50, 95, 99)
MOST_NAMES = 5
"""Of what is left out, in one sentence."""
EFFECTS = {
    Effect.PART: "this is a part of the network, without",
    Effect.HOST: "the host's time for products is not known, of",
}
"""Why there are no frames a second, by what is missing."""
SHOWN = (
    "step", "op", "products", "activation_density", "cycles", "cycles_p50", "cycles_p95",
    "cycles_worst", "latency_us", "energy_pj", "load_balance", "limit", "second_limit",
    "cycles_without_limit", "activations_loaded",
)  # fmt: skip
SHOWN_WITH_THRESHOLD = ("broadcasts", "output_error", "output_error_largest")
STREAMED = ("dram_bytes", "dram_stall_cycles")
TOTAL = (
    "network", "inputs", "cycles", "cycles_p5", "cycles_p50", "cycles_p95", "cycles_p99",
    "cycles_worst", "worst_input", "latency_us", "frames_per_s", "energy_pj", "power_mw",
    "area_mm2", "share_of_macs",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class ExampleRun:
    """One input through a network, without what flowed through it.

    Attributes
    ----------
    steps : tuple of StepRun
        Those on EIE, in order.
    energy_pj : tuple of float, or None
        Of each step; None where an action has no price.
    modules_pj : tuple of mapping, or None
        What of it each module takes, as `EnergyReport.by_component`.
    kinds_pj : mapping, or None
        What of it, over all steps, rests on prices of each kind, as `EnergyReport.by_kind`.
    no_energy : str or None
        Why there is no energy.
    outputs : dict of name to float32
        What the network gave.
    host_macs : int or None
        Multiply-accumulates of products that the host did; None where they are not known.
    """

    steps: tuple[StepRun, ...]
    energy_pj: tuple[float, ...] | None
    modules_pj: tuple[Mapping[str, float], ...] | None
    kinds_pj: Mapping[str, float] | None
    no_energy: str | None
    outputs: dict[str, npt.NDArray[np.float32]]
    host_macs: int | None

    @property
    def cycles(self) -> int:
        """Cycles of all steps, one after the other."""
        return sum(step.result.cycles for step in self.steps)

    @property
    def answer(self) -> int:
        """Place of the largest number of the last output: a classifier's class."""
        return int(next(reversed(self.outputs.values())).reshape(-1).argmax())


def run_examples(
    model: Model,
    examples: Iterable[Example],
    hw: Hardware,
    prices: PriceTable,
    engine: Engine = "fast",
    balance: bool = False,
) -> Iterator[ExampleRun]:
    """Run inputs through a network as `eiesim.inference.run_model` does, and price each."""
    for run in run_steps(model, examples, Setup(hw, engine, balance, limits=True)):
        outputs = {name: run.values[name] for name in model.graph.outputs}
        reports, no_energy = price_steps(run, prices)
        totals = modules = kinds = None
        if reports is not None:
            totals = tuple(report.total_pj for report in reports)
            modules = tuple(report.by_component() for report in reports)
            kinds = add_kinds(reports)
        yield ExampleRun(run.steps, totals, modules, kinds, no_energy, outputs, run.host_macs)


def price_steps(
    run: InputRun, prices: PriceTable
) -> tuple[tuple[EnergyReport, ...], None] | tuple[None, str]:
    """Return the energy of each step on EIE, or None and why an action has no price."""
    try:
        return tuple(estimate_energy(step.result, prices=prices) for step in run.steps), None
    except EnergyError as error:
        return None, str(error)


def report_network(
    model: Model,
    runs: Sequence[ExampleRun],
    prices: PriceTable,
    labels: Sequence[int] | None,
    sources: tuple[Source, ...],
) -> Report:
    """Return the report of at least one input through a network.

    Parameters
    ----------
    labels : sequence of int or None
        The right answers.
    """
    summary = summarise(model, runs, prices, labels)
    right = ""
    if summary["accuracy"] is not None:
        right = f"right: {summary['right']} of {summary['inputs']}, {summary['accuracy']:.2%}"
    modules = _describe_modules(runs)
    streamed = STREAMED if summary["dram_bytes"] else ()
    hw = runs[0].steps[0].result.hardware
    thresholds = SHOWN_WITH_THRESHOLD if hw.has_threshold else ()
    return Report(
        title=f"{model.name} on EIE",
        summary=summary,
        answer=(
            _answer(summary),
            *filter(None, (right, describe_longest(summary["steps"], "step"))),
        ),
        brief=(
            _describe_briefly(runs, summary["steps"]),
            _describe_share(summary),
            f"not on EIE: {_join([part['name'] for part in summary['not_on_eie']])}"
            if summary["not_on_eie"] else "",
            "" if runs[0].no_energy is None else f"no energy: {runs[0].no_energy}",
            describe_unpriced(hw),
            describe_clock(summary["clock"]),
        ),
        shown=(
            *(f"not on EIE: {part['name']}: {part['reason']}" for part in summary["not_on_eie"]),
            [
                {key: row[key] for key in (*SHOWN, *thresholds, *streamed)}
                for row in summary["steps"]
            ],
            [{key: summary[key] for key in TOTAL}],
            show_kinds(summary["kinds"]),
            _describe_share(summary),
            f"no frames a second: {summary['no_frames_per_s']}" if summary["not_on_eie"] else "",
            *_describe_problems(runs[0]),
            describe_unpriced(hw),
            summary["clock"]["text"],
        ),
        list_tables=lambda: {
            "steps": summary["steps"],
            "inputs": [_describe_example(number, run, labels) for number, run in enumerate(runs)],
            "products": _describe_products(runs, model),
            "energy": modules,
            "kinds": summary["kinds"],
        },
        charts=draw_steps(summary["steps"], modules),
        write_files=lambda folder: write_outputs(folder, [run.outputs for run in runs]),
        hardware=hw,
        sources=sources,
    )  # fmt: skip


def _answer(summary: Row) -> str:
    """Return what an input takes, and how many there are in a second or why that is not known."""
    inputs, rate = summary["inputs"], summary["frames_per_s"]
    text = f"{summary['network']} takes {name_time(summary['latency_us'])} and "
    text += f"{name_energy(summary['energy_pj'])} an input on EIE"
    text += f", in the mean of {inputs}" if inputs > 1 else ""
    if rate is None:
        return f"{text}; no frames a second: {summary['no_frames_per_s']}."
    return f"{text}: {rate:,.0f} inputs a second."


def _describe_briefly(runs: Sequence[ExampleRun], steps: Sequence[Row]) -> list[Row]:
    """Return what a reader asks of the steps first, in microseconds and microjoules."""
    return [
        {
            "step": row["step"],
            "latency_us": row["latency_us"],
            "energy_uj": to_uj(row["energy_pj"]),
            "load_balance": row["load_balance"],
            "limit": row["limit"],
            "memory": name_lacks(step.memories),
        }
        for row, step in zip(steps, runs[0].steps, strict=True)
    ]


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


def _describe_share(summary: Row) -> str:
    if summary["host_macs"] is None:
        return (
            "how much the host multiplies is not known: it cannot be counted in loops, branches, "
            "and operators that are none of ONNX's own"
        )
    ours, both = summary["dense_macs"], summary["dense_macs"] + summary["host_macs"]
    return f"EIE does {ours:,.0f} of {both:,.0f} multiply-accumulates ({ours / both:.2%})"


def _spread(cycles: npt.NDArray[np.integer[Any]]) -> Row:
    spread = {f"cycles_p{share}": float(np.percentile(cycles, share)) for share in PERCENTILES}
    return {"cycles": float(cycles.mean()), **spread, "cycles_worst": int(cycles.max())}


def _describe_example(number: int, run: ExampleRun, labels: Sequence[int] | None) -> Row:
    row = {
        "input": number,
        "cycles": run.cycles,
        "latency_us": cycles_to_us(run.cycles, run.steps[0].result.hardware.clock_mhz),
        "energy_pj": None if run.energy_pj is None else sum(run.energy_pj),
        "no_energy": run.no_energy,
        "answer": run.answer,
    }
    return row if labels is None else row | {"label": int(labels[number])}


def _describe_products(runs: Sequence[ExampleRun], model: Model) -> list[Row]:
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


def _describe_modules(runs: Sequence[ExampleRun]) -> list[Row]:
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
    return "; ".join(f"{words} {_join(parts)}" for words, parts in names.items() if parts) or None


def _join(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more


def _describe_problems(run: ExampleRun) -> list[str]:
    """Return a sentence for each memory that is too small for a layer, and for lacking energy."""
    lacks = [
        describe_lack(step.name, use) for step in run.steps for use in step.memories if not use.fits
    ]
    return lacks if run.no_energy is None else [*lacks, f"no energy: {run.no_energy}"]
