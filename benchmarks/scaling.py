"""How time and memory grow: ``python -m benchmarks.scaling`` writes scaling.csv and the chart.

Every step runs in a process of its own, forked from the one before, so that its peak memory is its
own and that of what it was given. Linux only.
"""

from __future__ import annotations

import csv
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.conftest import describe_machine
from eiesim import Hardware, encode, simulate
from eiesim.base.files import replacing
from eiesim.catalog.layers import draw_input, draw_layer
from eiesim.compress.container import read_dcz, write_dcz
from eiesim.layer.weights import LayerSpec, StoredLayer
from eiesim.report.charts import Chart, Panel, draw_chart
from eiesim.sim.passes import simulate_inputs

TABLE = Path(__file__).with_name("scaling.csv")
CHART = Path(__file__).resolve().parents[1] / "docs"
STEPS = ("draw", "encode", "simulate", "save", "load")
"""Of a layer: drawn, encoded for the PEs, one input simulated, packed into a `.dcz`, read again."""
AXES = {
    "nonzeros": ([10**4, 10**5, 10**6, 10**7, 10**8], STEPS),
    "n_pes": ([1, 4, 16, 64, 256, 1024], ("encode", "simulate")),
    "queue_depth": ([2, 8, 32, 128, 512], ("simulate",)),
    "inputs": ([1, 8, 64, 512, 4096], ("simulate",)),
}
"""Values of each axis, and the steps whose time may depend on it."""
USUAL = {"nonzeros": 10**6, "n_pes": 64, "queue_depth": 8, "inputs": 1}
DENSITY = 0.1
LEAST_S = 0.2
"""A step runs twice or more, until it has taken this long, and its fastest run counts."""


def make_spec(nonzeros: int) -> LayerSpec:
    """Return a square layer; 35 % of its activations are not zero."""
    size = round((nonzeros / DENSITY) ** 0.5)
    return LayerSpec(
        name=f"{nonzeros} non-zeros", title="square", inputs=size, outputs=size,
        weight_density=DENSITY, activation_density=0.35,
    )  # fmt: skip


def list_steps(setting: dict[str, int], file: Path) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield the steps of a setting, each with what it runs; it is to be run before the next."""
    spec = make_spec(setting["nonzeros"])
    hw = Hardware(
        n_pes=setting["n_pes"], queue_depth=setting["queue_depth"], ptr_bits=32,
        spmat_sram_bytes=1 << 30, ptr_sram_bytes=1 << 24, registers_per_pe=1 << 20,
    )  # fmt: skip
    yield "draw", lambda: draw_layer(spec)
    layer = draw_layer(spec)
    yield "encode", lambda: encode(layer, hw)
    image = encode(layer, hw)
    activations = draw_input(spec)
    if setting["inputs"] == 1:
        yield "simulate", lambda: simulate(image, activations, hw)
    else:
        stack = np.tile(activations, (setting["inputs"], 1))
        yield "simulate", lambda: simulate_inputs([image], stack, hw)
    stored = StoredLayer(layer, (layer.rows, layer.cols))
    yield "save", lambda: write_dcz(file, [stored])
    write_dcz(file, [stored])
    yield "load", lambda: read_dcz(file)


def time_step(run: Callable[[], Any]) -> tuple[float, int]:
    """Return the fastest time in seconds, and the peak memory in bytes, in a forked process."""
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        times: list[float] = []
        while len(times) < 2 or sum(times) < LEAST_S:
            start = time.perf_counter()
            run()
            times.append(time.perf_counter() - start)
        peak_bytes = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        os.write(writer, f"{min(times)} {peak_bytes}".encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as stream:
        words = stream.read().split()
    os.waitpid(process, 0)
    if len(words) != 2:
        raise MemoryError("the step ended without a result: is there too little memory?")
    return float(words[0]), int(words[1])


def measure_scaling() -> list[dict[str, Any]]:
    """Return a row for every step of every setting."""
    rows = []
    with TemporaryDirectory() as folder:
        file = Path(folder, "layer.dcz")
        for _, run in list_steps(USUAL | {"nonzeros": 10**3}, file):
            run()  # what is compiled is compiled and loaded
        for axis, (values, wanted) in AXES.items():
            for value in values:
                print(f"{axis} = {value}", file=sys.stderr, flush=True)
                setting = USUAL | {axis: value}
                for step, run in list_steps(setting, file):
                    if step in wanted:
                        least_s, peak_bytes = time_step(run)
                        rows.append({
                            "axis": axis, **setting, "step": step, "us": f"{1e6 * least_s:.6g}",
                            "peak_mb": round(peak_bytes / 1e6, 1) if axis == "nonzeros" else "",
                            "machine": describe_machine(),
                        })  # fmt: skip
    return rows


def fit_slope(values: Sequence[float], times: Sequence[float]) -> float:
    """Return the exponent of the power law through the upper half of the points.

    >>> round(fit_slope([1, 10, 100, 1000], [5, 7, 70, 700]), 3)
    1.0
    """
    upper = slice(len(values) // 2, None)
    return float(np.polyfit(np.log(values[upper]), np.log(times[upper]), 1)[0])


def draw_scaling(rows: list[dict[str, Any]]) -> None:
    """Draw docs/scaling_layer, over the non-zeros, and docs/scaling_machine, over the rest."""
    layer = (_draw_panel(rows, "nonzeros", "us"), _draw_panel(rows, "nonzeros", "peak_mb"))
    draw_chart(Chart("Larger layers", layer, describe_slopes(rows)), CHART, "scaling_layer")
    machine = tuple(_draw_panel(rows, axis, "us") for axis in AXES if axis != "nonzeros")
    title = "Larger machines, more inputs"
    draw_chart(Chart(title, machine, describe_slopes(rows)), CHART, "scaling_machine")


def describe_slopes(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return one sentence: the power of each axis with which `simulate`'s time grows."""
    slopes = [
        f"{fit_slope(values, list_values(rows, axis, 'simulate', 'us')):.2f} of {axis}"
        for axis, (values, _) in AXES.items()
    ]
    return f"The time of simulate grows with the power {', '.join(slopes)}."


def list_values(
    rows: Sequence[Mapping[str, Any]], axis: str, step: str, quantity: str
) -> list[float]:
    """Return a step's values along an axis."""
    return [float(row[quantity]) for row in rows if (row["axis"], row["step"]) == (axis, step)]


def _draw_panel(rows: list[dict[str, Any]], axis: str, quantity: str) -> Panel:
    values, steps = AXES[axis]
    series = {}
    for step in steps:
        ys = list_values(rows, axis, step, quantity)
        name = step if quantity == "peak_mb" else f"{step}: slope {fit_slope(values, ys):.2f}"
        series[name] = ys
    label = "MB at the peak" if quantity == "peak_mb" else "microseconds"
    groups = tuple(f"{value:.0e}" if value >= 10_000 else str(value) for value in values)
    return Panel("lines", groups, series, axis, label, log=True)


def read_table() -> list[dict[str, str]]:
    """Return the rows of scaling.csv."""
    with TABLE.open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def write_scaling() -> None:
    """Measure, write the table, and draw the chart."""
    rows = measure_scaling()
    with replacing(TABLE) as stream:
        header = ",".join(rows[0])
        lines = [header, *(",".join(f'"{value}"' for value in row.values()) for row in rows)]
        stream.write(("\n".join(lines) + "\n").encode())
    draw_scaling(rows)


if __name__ == "__main__":
    write_scaling()
