"""Each field of the machine counts: both engines see it, and something changes with it.

The fields come from `fields(Hardware)`: a field that one of the engines was not taught, or that
nothing reads, fails here without a list to keep.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from eiesim import Hardware, encode, encode_passes, price_machine, simulate, simulate_passes
from eiesim.base.errors import EieError
from tests.support.machines import BASES, FIELDS, list_values, make_uneven, measure_alone


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("name", FIELDS)
def test_both_engines_see_every_field(base: str, name: str) -> None:
    layer, activations = make_uneven()
    for hw in list_values(BASES[base], name):
        if 0 < hw.dram_gbps < 0.2:  # waits of 1e9 cycles
            continue
        try:
            image = encode(layer, hw)
            fast = simulate(image, activations, hw, engine="fast")
        except EieError:
            continue
        reference = simulate(image, activations, hw, engine="reference")
        assert fast.counters.totals() == reference.counters.totals()
        for field in fields(fast.counters.pe):
            counts = getattr(fast.counters.pe, field.name)
            assert np.array_equal(counts, getattr(reference.counters.pe, field.name))
        assert np.array_equal(fast.output, reference.output)


def list_outcomes(hw: Hardware) -> dict[str, Any]:
    """Return all that a machine gives for a small layer: counts, outputs, prices, area."""
    layer, activations = make_uneven()
    outcomes = measure_alone(layer, activations, hw)
    with suppress(EieError):
        run = simulate_passes(encode_passes(layer, hw), activations, hw)
        outcomes["output"] = run.output.tobytes()
    with suppress(EieError):
        outcomes["prices"] = [(price.key, price.value) for price in price_machine(hw).prices]
    return outcomes


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_changes_something(name: str) -> None:
    """On some machine a result depends on the field: none is there without effect."""
    numbers = [
        len({repr(list_outcomes(hw)) for hw in list_values(base, name)}) for base in BASES.values()
    ]
    assert max(numbers) > 1
