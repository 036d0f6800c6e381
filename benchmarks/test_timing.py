"""How fast a layer is timed and counted, against the chip's own time for it.

The layers are AlexNet's fc8, the real one where it is there, and the nine drawn ones, for 64 PEs
at 800 MHz and for 256 PEs at 1.2 GHz, and against one copy of their scanned counts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from benchmarks.conftest import ALEX8_TIMES, FC8, SECOND, Ratios
from eiesim import Hardware, InterleavedCSC, encode, load_benchmark
from eiesim.base.published import PAPER_LAYERS
from eiesim.sim.fast import inputs
from eiesim.sim.fast._count_kernels import count_words, occupy, sum_columns
from eiesim.sim.fast._time_kernels import time_broadcasts
from eiesim.sim.scan import Scan, scan_activations

HW = Hardware()
LARGE = Hardware.preset("eie-256pe-28nm")
DEPTHS = range(2, 66)
INPUTS = 100


def list_arguments(image: InterleavedCSC, scan: Scan, hw: Hardware) -> tuple[Any, ...]:
    """Return the arguments of `time_broadcasts`."""
    fetches = np.zeros(scan.columns.size, np.int32)
    return (
        image.counts,
        scan.columns,
        scan.gaps,
        fetches,
        hw.queue_depth,
        hw.timing.lead_cycles,
        1,
    )


@pytest.mark.parametrize("hw", [HW, LARGE], ids=["64 PEs", "256 PEs"])
@pytest.mark.parametrize("layer", [FC8, *PAPER_LAYERS])
def test_times(layer: str, hw: Hardware, alex8: Any, measure: Any, ratios: Ratios) -> None:
    if layer == FC8:
        weights, activations = alex8
    else:
        drawn = load_benchmark(layer)
        weights, activations = drawn.layer, drawn.activations
    image = encode(weights, hw)
    scan = scan_activations(activations, image, hw.scan)
    arguments = list_arguments(image, scan, hw)
    name = ALEX8_TIMES.replace(FC8, layer).replace("64", f"{hw.n_pes}")
    _, last_issue, _ = measure(name, lambda: time_broadcasts(*arguments), rounds=1000)
    chip_us = (last_issue + 6) / hw.clock_mhz
    chip = f"the chip's {chip_us:.2f} us"
    ratios.set_fixed(chip, chip_us / 1e6)
    ratios.add(name, chip, 1.0)
    copied = f"copying the counts of {layer}, {hw.n_pes} PEs"
    rows = np.empty((scan.columns.size, hw.n_pes), image.counts.dtype)
    copy = (lambda: np.take(image.counts, scan.columns, axis=0, out=rows, mode="clip"), 1000)
    measure(copied, *copy)
    ratios.add(name, copied)


def test_many_depths(alex8: Any, measure: Any, ratios: Ratios) -> None:
    weights, activations = alex8
    image = encode(weights, HW)
    scan = scan_activations(activations, image, HW.scan)
    machines = [list_arguments(image, scan, Hardware(queue_depth=depth)) for depth in DEPTHS]
    one = "times of Alex-8 at 8 slots"
    measure(one, lambda: time_broadcasts(*machines[6]), rounds=1000)
    name = f"times of Alex-8 at {len(machines)} depths"
    measure(name, lambda: [time_broadcasts(*arguments) for arguments in machines], rounds=50)
    ratios.add(name, one)


@pytest.mark.parametrize("run", [inputs.time_inputs, inputs.run_inputs])
def test_many_inputs(run: Callable[..., Any], alex8: Any, measure: Any, ratios: Ratios) -> None:
    """Inputs of other non-zeros each: what the processor can predict of one, it cannot of many."""
    image = encode(alex8[0], HW)
    rng = np.random.default_rng(0)
    stack = rng.random((INPUTS, image.cols)) * (rng.random((INPUTS, image.cols)) < 0.43)
    arguments: tuple[Any, ...] = (image, stack.astype(np.float32), HW)
    if run is inputs.time_inputs:
        arguments = (*arguments, None)
    name = f"{run.__name__}: {INPUTS} inputs of Alex-8"
    measure(name, lambda: run(*arguments), rounds=20)
    ratios.add(name, SECOND)


@pytest.mark.parametrize("hw", [HW, LARGE], ids=["64 PEs", "256 PEs"])
def test_counters(hw: Hardware, alex8: Any, measure: Any, ratios: Ratios) -> None:
    weights, activations = alex8
    image = encode(weights, hw)
    scan = scan_activations(activations, image, hw.scan)
    columns, padding, edge_rows = scan.columns, image.columns.padding, image.columns.edge_rows

    arguments = list_arguments(image, scan, hw)

    def count() -> None:
        broadcasts, last_issue, dram_stalls = time_broadcasts(*arguments)
        lead, cycles = hw.timing.lead_cycles, last_issue + 6
        occupy(
            image.counts, edge_rows, columns, broadcasts, scan.gaps, dram_stalls, lead, cycles, True
        )
        count_words(image.ptr, columns, hw.entries_per_word, True)
        sum_columns(image.counts, padding, columns)

    name = f"times and all counters of Alex-8, {hw.n_pes} PEs"
    measure(name, count, rounds=500)
    ratios.add(name, SECOND, 0.0001 if hw is HW else None)
