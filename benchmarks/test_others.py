"""The same layer by other means: a loop over cycles, the reference engine, SCALE-Sim."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.conftest import ALEX8_RUN, ALEX8_TIMES, Ratios, Times
from benchmarks.cycle_by_cycle import count_cycles
from eiesim import Hardware, encode, simulate
from eiesim.sim.fast._time_kernels import time_broadcasts
from eiesim.sim.scan import scan_activations

HW = Hardware()
PYTHON = Path(__file__).resolve().parents[1] / ".venv-scalesim" / "bin" / "python"
AUTHORS_S = 0.028
"""What the loop over cycles of the EIE authors' simulator takes for Alex-8, by its documentation:
18 million PE-cycles a second, on another machine than this."""


def test_a_loop_over_cycles(alex8: Any, measure: Any, ratios: Ratios) -> None:
    layer, activations = alex8
    image = encode(layer, HW)
    scan = scan_activations(activations, image, HW.scan)
    start = image.counts, scan.columns, scan.gaps
    lead = HW.timing.lead_cycles
    fetches = np.zeros(scan.columns.size, np.int32)
    _, last_issue, _ = measure(
        ALEX8_TIMES, lambda: time_broadcasts(*start, fetches, HW.queue_depth, lead, 1), rounds=2000
    )
    name = "a compiled loop over the cycles of Alex-8"
    found = measure(name, lambda: count_cycles(*start, HW.queue_depth, lead), rounds=50)
    assert found == last_issue
    ratios.add(ALEX8_TIMES, name)
    authors = "the authors' own loop over cycles, as documented"
    ratios.set_fixed(authors, AUTHORS_S)
    ratios.add(ALEX8_TIMES, authors)


def test_the_reference_engine(alex8: Any, measure: Any, ratios: Ratios) -> None:
    layer, activations = alex8
    image = encode(layer, HW)
    fast = measure(ALEX8_RUN, lambda: simulate(image, activations, HW))
    name = "reference engine on Alex-8"
    run = measure(name, lambda: simulate(image, activations, HW, "reference"), rounds=1)
    assert run.cycles == fast.cycles
    ratios.add(ALEX8_RUN, name)


def test_scale_sim(alex8: Any, measure: Any, ratios: Ratios) -> None:
    """A product of the same shape, dense, on a systolic array of as many multipliers."""
    if not PYTHON.is_file():
        pytest.skip("scalesim is not installed: make benchmark does that where pip finds it")
    layer, activations = alex8
    image = encode(layer, HW)
    measure(ALEX8_RUN, lambda: simulate(image, activations, HW))
    script = Path(__file__).with_name("scale_sim.py")
    words = [str(PYTHON), "-W", "ignore", str(script), str(layer.rows), str(layer.cols)]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    found = json.loads(done.stdout)
    assert found["cycles"] > layer.rows * layer.cols // HW.n_pes
    name = "SCALE-Sim on a product of that shape"
    ratios.times[name] = Times(found["seconds"], found["seconds"], 1)
    ratios.add(ALEX8_RUN, name)
