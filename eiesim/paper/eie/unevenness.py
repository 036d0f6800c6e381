"""How unevenly rows and columns of real layers are filled, and the effect on drawn ones."""

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
Real = list[tuple[Row, Source]]
"""Rows of real layers, and their sources."""


@dataclass(frozen=True)
class Tried:
    """Runs of one of the nine layers by variations of rows and columns."""

    layer: str
    results: dict[Variations, RunResult]
    sources: tuple[Source, ...]


def work(data: Path) -> Iterator[Real | Tried]:
    """Measure the real layers, then draw the nine with more and more uneven rows."""
    hw = Hardware.preset(PRESET)
    yield [(_measure(real, hw), real.source) for real in read_real_layers(data)]
    for name in PAPER_LAYERS:
        results: dict[Variations, RunResult] = {}
        for rows, columns in TRIED:
            spec = replace(load_spec(name), row_variation=rows, column_variation=columns)
            operands = match_work(spec).operands
            results[rows, columns] = simulate(encode(operands.layer, hw), operands.activations, hw)
        yield Tried(name, results, operands.sources)


WORK = Work(("real layers", *PAPER_LAYERS), work, READS)


def _measure(real: RealLayer, hw: Hardware) -> Row:
    """Describe a real layer and drawn ones like it: times are means over its inputs, if any."""
    layer, inputs = real.layer, real.inputs
    rows = measure_variation(np.bincount(layer.codes.indices, minlength=layer.rows), layer.cols)
    columns = measure_variation(np.diff(layer.codes.indptr), layer.rows)
    row: Row = {
        "layer": layer.name,
        "pruned_by": real.pruned_by,
        "outputs": layer.rows,
        "inputs": layer.cols,
        "weight_percent": 100 * layer.density,
        "row_variation": rows,
        "column_variation": columns,
        **dict.fromkeys(("theoretical_us", "actual_us", "load_balance_real")),
    }
    drawn = {"even": UNIFORM, "default": DEFAULT, "own": (rows, columns)}
    if not len(inputs):
        return row | {f"load_balance_{kind}": None for kind in drawn}
    # codes of 8 bits take wider entries, no other time
    machine = replace(hw, codebook_bits=max(hw.codebook_bits, layer.codebook_bits))
    theoretical_us, actual_us = _time(layer, inputs, machine)
    row |= {"theoretical_us": theoretical_us, "actual_us": actual_us,
            "load_balance_real": theoretical_us / actual_us}  # fmt: skip
    density = float((inputs != 0).mean())
    return row | {
        f"load_balance_{kind}": _draw_balance(layer, density, variations, hw)
        for kind, variations in drawn.items()
    }


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


def fit_default(measured: Sequence[Row]) -> Variations | None:
    """Return the median variations of the authors' pruned layers; None without such layers."""
    fitted = [row for row in measured if row["pruned_by"] == AUTHORS]
    if not fitted:
        return None
    rows, columns = (
        median(row[f"{lines}_variation"] for row in fitted) for lines in ("row", "column")
    )
    return rows, columns


def judge(parts: Iterable[Real | Tried]) -> Outcome:
    """Compare the drawn layers' load balance with the paper's."""
    real, *drawn = parts
    assert isinstance(real, list)
    measured = [row for row, _ in real]
    tried = [part for part in drawn if isinstance(part, Tried)]
    verdicts = tuple(verdict for layer in tried for verdict in _judge(layer))
    tables = {"real": measured} if measured else {}
    sources = [source for _, source in real] + [
        source for layer in tried for source in layer.sources
    ]
    return Outcome(
        note=_write_note(measured, verdicts),
        hardware=Hardware.preset(PRESET),
        verdicts=verdicts,
        tables=tables | {"drawn": [_list_balances(layer) for layer in tried]},
        shown=(*tables, "drawn"),
        charts={"unevenness": _chart(tried)},
        sources=tuple(dict.fromkeys(sources)),
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


def _list_balances(layer: Tried) -> Row:
    return {"layer": layer.layer, "load_balance_paper": _find_balance(layer.layer)} | {
        f"load_balance_rows_{rows:g}_columns_{columns:g}": result.load_balance
        for (rows, columns), result in layer.results.items()
    }


def _write_note(measured: list[Row], verdicts: Sequence[Verdict]) -> str:
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
