"""How unevenly rows and columns of real layers are filled, and what that costs drawn ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt

from eiesim.base.published import PAPER_LAYERS
from eiesim.base.tables import Row
from eiesim.baselines.published import find_time_us
from eiesim.catalog.layers import draw_benchmark, load_spec
from eiesim.catalog.matched import CALIBRATED_ROW_VARIATION, MATCHED, PRESET, match_work
from eiesim.catalog.operands import Source
from eiesim.counters import RunResult
from eiesim.hardware import Hardware
from eiesim.image import encode
from eiesim.layer.unevenness import measure_variation
from eiesim.layer.weights import COLUMN_VARIATION, ROW_VARIATION, CompressedLayer, LayerSpec
from eiesim.paper.experiment import Experiment, Outcome, Work
from eiesim.paper.parts.real_layers import AUTHORS, READS, RealLayer, read_real_layers
from eiesim.paper.verdict import Tolerance, Verdict
from eiesim.report.charts import Chart, Panel
from eiesim.sim.engines import simulate

UNIFORM, DEFAULT = (0.0, 0.0), (ROW_VARIATION, COLUMN_VARIATION)
TRIED = (UNIFORM, DEFAULT, (0.5, COLUMN_VARIATION), (0.9, COLUMN_VARIATION))
"""Row and column variations that the nine layers are drawn with."""
TOLERANCE = Tolerance(8, "as of actual times with the paper's work: both are drawn")
CALIBRATED = "rows calibrated"
Variations = tuple[float, float]


@dataclass(frozen=True)
class MeasuredLayer:
    """One real layer, and drawn ones like it.

    Attributes
    ----------
    times_us
        Theoretical and actual time of the real layer on the chip, means over some real inputs;
        None where no input is known.
    balances
        Load balance on the chip: of the real layer, and of layers of its size and densities, drawn
        evenly, with the default unevenness and with its own; empty without inputs.
    """

    layer: str
    pruned_by: str
    outputs: int
    inputs: int
    density: float
    row_variation: float
    column_variation: float
    times_us: tuple[float, float] | None
    balances: dict[str, float]
    source: Source


@dataclass(frozen=True)
class Tried:
    """Runs of one of the nine layers by variations of rows and columns."""

    layer: str
    results: dict[Variations, RunResult]
    sources: tuple[Source, ...]


def work(data: Path) -> Iterator[list[MeasuredLayer] | Tried]:
    """Measure the real layers, then draw the nine with more and more uneven rows."""
    hw = Hardware.preset(PRESET)
    yield [_measure(real, hw) for real in read_real_layers(data)]
    for name in PAPER_LAYERS:
        results: dict[Variations, RunResult] = {}
        for rows, columns in TRIED:
            spec = replace(load_spec(name), row_variation=rows, column_variation=columns)
            operands = match_work(spec).operands
            results[rows, columns] = simulate(encode(operands.layer, hw), operands.activations, hw)
        yield Tried(name, results, operands.sources)


WORK = Work(("real layers", *PAPER_LAYERS), work, READS)


def _measure(real: RealLayer, hw: Hardware) -> MeasuredLayer:
    layer = real.layer
    variations = (
        measure_variation(np.bincount(layer.codes.indices, minlength=layer.rows), layer.cols),
        measure_variation(np.diff(layer.codes.indptr), layer.rows),
    )
    # codes of 8 bits take wider entries, no other time
    machine = replace(hw, codebook_bits=max(hw.codebook_bits, layer.codebook_bits))
    balances: dict[str, float] = {}
    times_us: tuple[float, float] | None = None
    if len(real.inputs):
        times_us = _time(layer, real.inputs, machine)
        balances["real"] = times_us[0] / times_us[1]
        density = float((real.inputs != 0).mean())
        for kind, drawn in (("even", UNIFORM), ("default", DEFAULT), ("own", variations)):
            balances[kind] = _draw_balance(layer, density, drawn, hw)
    return MeasuredLayer(
        layer.name, real.pruned_by, layer.rows, layer.cols, layer.density, *variations,
        times_us, balances, real.source,
    )  # fmt: skip


def _time(
    layer: CompressedLayer, inputs: Iterable[npt.NDArray[np.float32]], hw: Hardware
) -> tuple[float, float]:
    """Return theoretical and actual time, means over some inputs."""
    image = encode(layer, hw)
    results = [simulate(image, activations, hw) for activations in inputs]
    return (
        sum(result.theoretical_us for result in results) / len(results),
        sum(result.latency_us for result in results) / len(results),
    )


def _draw_balance(
    layer: CompressedLayer, density: float, variations: Variations, hw: Hardware
) -> float:
    spec = LayerSpec(
        name="drawn", title="as a real one", inputs=layer.cols, outputs=layer.rows,
        weight_density=layer.density, activation_density=density, row_variation=variations[0],
        column_variation=variations[1], bias=layer.bias_codes is not None,
    )  # fmt: skip
    drawn = draw_benchmark(spec)
    theoretical_us, actual_us = _time(drawn.layer, [drawn.activations], hw)
    return theoretical_us / actual_us


def fit_default(measured: Sequence[MeasuredLayer]) -> Variations | None:
    """Return the median variations of what the papers' authors pruned; None without such layers."""
    fitted = [layer for layer in measured if layer.pruned_by == AUTHORS]
    if not fitted:
        return None
    rows = median(layer.row_variation for layer in fitted)
    return rows, median(layer.column_variation for layer in fitted)


def judge(parts: Iterable[list[MeasuredLayer] | Tried]) -> Outcome:
    """Set the drawn layers' load balance beside the paper's."""
    measured, *drawn = parts
    assert isinstance(measured, list)
    tried = [part for part in drawn if isinstance(part, Tried)]
    tables = {"real": [_describe(layer) for layer in measured]} if measured else {}
    verdicts = tuple(verdict for layer in tried for verdict in _judge(layer))
    sources = (source for layer in tried for source in layer.sources)
    return Outcome(
        note=_write_note(measured, verdicts),
        hardware=Hardware.preset(PRESET),
        verdicts=verdicts,
        tables=tables | {"drawn": [_list_balances(layer) for layer in tried]},
        shown=(*tables, "drawn"),
        charts={"unevenness": _chart(tried)},
        sources=tuple(dict.fromkeys((*(layer.source for layer in measured), *sources))),
    )


def _judge(layer: Tried) -> Iterator[Verdict]:
    printed = find_time_us(layer.layer, "eie", 1, "actual")
    for words, variations in (
        ("drawn evenly", UNIFORM),
        ("drawn with the default", DEFAULT),
        (CALIBRATED, (CALIBRATED_ROW_VARIATION.get(layer.layer), COLUMN_VARIATION)),
    ):
        if variations in layer.results:
            ours = layer.results[variations].latency_us
            how = "unevenly" if ours < float(printed) else "evenly"
            yield Verdict(
                layer.layer, f"actual time, {words}", "us", printed, ours, TOLERANCE,
                f"with the paper's work, its rows would have to be filled more {how}", MATCHED,
                "calibrated to it" if words == CALIBRATED else "",
            )  # fmt: skip


def _find_balance(layer: str) -> float:
    theoretical, actual = (
        float(find_time_us(layer, "eie", 1, matrix)) for matrix in ("theoretical", "actual")
    )
    return theoretical / actual


def _describe(layer: MeasuredLayer) -> Row:
    theoretical_us, actual_us = layer.times_us or (None, None)
    return {
        "layer": layer.layer,
        "pruned_by": layer.pruned_by,
        "outputs": layer.outputs,
        "inputs": layer.inputs,
        "weight_percent": 100 * layer.density,
        "row_variation": layer.row_variation,
        "column_variation": layer.column_variation,
        "theoretical_us": theoretical_us,
        "actual_us": actual_us,
        **{f"load_balance_{kind}": layer.balances.get(kind)
           for kind in ("real", "even", "default", "own")},
    }  # fmt: skip


def _list_balances(layer: Tried) -> Row:
    return {"layer": layer.layer, "load_balance_paper": _find_balance(layer.layer)} | {
        f"load_balance_rows_{rows:g}_columns_{columns:g}": result.load_balance
        for (rows, columns), result in layer.results.items()
    }


def _write_note(measured: list[MeasuredLayer], verdicts: Sequence[Verdict]) -> str:
    fitted = fit_default(measured)
    origin = "The real layers are missing, so that the default could not be fitted again here."
    if fitted is not None:
        origin = (
            f"The default of drawn layers, {ROW_VARIATION:g} and {COLUMN_VARIATION:g}, is the "
            "median of the layers that the papers' authors pruned to a density below 60 %: "
            f"{fitted[0]:.2f} and {fitted[1]:.2f} here. Layers pruned by others, and in blocks of "
            "4 x 4, are filled more unevenly still, or as gru_layer evenly by construction."
        )
    default = [verdict for verdict in verdicts if verdict.quantity.endswith("the default")]
    beyond = [verdict.layer for verdict in default if not verdict.within]
    return f"""\
Row and column variation: coefficient of variation of the rates at which rows and columns are
filled, with what chance alone gives taken off. {origin} Load balance is theoretical over actual
time on {PRESET}, of the real layer with some of its real inputs, and of layers drawn with its
size and densities: evenly, with the default, with its own variations. The nine layers are drawn
with the work that Table IV tells (matched, calibrated). What to see: how unevenly rows are filled
decides the load balance, since each PE keeps its rows for the whole run. With the default
{len(default) - len(beyond)} of {len(default)} layers take the paper's time within
{TOLERANCE.percent:g} %; beyond: {", ".join(beyond) or "none"}. `matched` takes rows as uneven as
{CALIBRATED_ROW_VARIATION["vgg-6"]:g} for VGG-6, calibrated. Drawn
with its own variations a real layer is balanced about as it really is, but where blocks or the
order of its rows matter, which a drawn layer does not have."""


def _chart(tried: list[Tried]) -> Chart:
    paper = [_find_balance(layer.layer) for layer in tried]
    balances = {tries: [layer.results[tries].load_balance for layer in tried] for tries in TRIED}
    drawn = {f"rows {rows:g}, columns {columns:g}": balances[rows, columns]
             for rows, columns in TRIED}  # fmt: skip
    names = tuple(layer.layer for layer in tried)
    panel = Panel(
        "bars", names, {"paper": paper} | drawn, "", "load balance, theoretical over actual time"
    )
    better = sum(ours > printed for ours, printed in zip(balances[UNIFORM], paper, strict=True))
    see = f"Drawn evenly, {better} of {len(tried)} layers are balanced better than the paper's."
    return Chart("Load balance by unevenness of the drawn rows", (panel,), see, 7.4, 3.6)


EXPERIMENT = Experiment(WORK, judge)
