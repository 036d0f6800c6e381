"""The models of the machine that run a layer cycle by cycle: both engines and the RTL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import pytest

from eiesim import encode, simulate
from eiesim.base.fixedpoint import dequantise, quantise
from eiesim.sim.engines import ENGINES, Engine
from tests.support.strategies import HOLDS_ALL, Case

RTL = "rtl"
MODELS: Sequence[Any] = (*ENGINES, pytest.param(RTL, marks=pytest.mark.slow))


def require_model(model: str) -> None:
    """Skip the test, with the reason, where a model cannot run."""
    if model != RTL:
        return
    if not find_spec("cocotb"):
        pytest.skip("cocotb is missing: pip install 'eiesim[rtl]'")
    from tests.rtl.cosim import find_missing, find_simulator  # noqa: PLC0415 - needs cocotb

    if missing := find_missing(find_simulator()):
        pytest.skip(missing)


def fit(model: str, case: Case) -> Case:
    """Return the case as the model takes it: the RTL computes on fixed16, sends all that is not
    zero, and has no DRAM."""
    if model != RTL:
        return case
    hw = case.hw.send_all()
    hw = replace(hw, **HOLDS_ALL, ptr_bits=max(hw.ptr_bits, 16), datapath="fixed16")
    raw = quantise(case.activations, hw.act_fraction_bits)
    return Case(case.layer, dequantise(raw, hw.act_fraction_bits), hw)


def count(model: str, case: Case, folder: Path) -> Any:
    """Return the counters of a run; for the RTL, those that it has.

    `folder` is where models are compiled.
    """
    if model != RTL:
        image = encode(case.layer, case.hw)
        return simulate(image, case.activations, case.hw, cast(Engine, model)).counters
    from tests.rtl.layers import count_on_rtl  # noqa: PLC0415 - needs cocotb

    return count_on_rtl(case, folder)
