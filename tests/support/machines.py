"""Machines that differ in one field, whatever fields there are, and what a run on one gives."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from eiesim import CompressedLayer, Hardware, encode_passes, estimate_area, estimate_energy
from eiesim.base.errors import ConfigError, EieError, EnergyError
from eiesim.base.schema import Choice, Range, Switch, fields_of
from eiesim.energy.clock import fits_clock
from eiesim.image import count_chips, fit_images
from eiesim.sim.passes import find_output_error, simulate_passes

FIELDS = [field.name for field in fields(Hardware)]
SMALL: dict[str, Any] = {"n_pes": 4, "index_bits": 3, "registers_per_pe": 16}
BASES = {
    "holds all": Hardware(**SMALL),
    "streams": Hardware(**SMALL, spmat_sram_bytes=200, ptr_sram_bytes=64, dram_gbps=1.0),
    "streams at once": Hardware(**SMALL, spmat_sram_bytes=200, spmat_width_bits=32),
    "fixed16": Hardware(**SMALL, datapath="fixed16", act_fraction_bits=2),
    "batches": Hardware(**SMALL, act_batches=True),
    "thresholds": Hardware(**SMALL, act_threshold=0.2),
}


def make_uneven() -> tuple[CompressedLayer, npt.NDArray[np.float32]]:
    """Return a layer whose PEs have unequal work, some columns empty, and small inputs."""
    rng = np.random.default_rng(5)
    kept = rng.random((90, 120)) < 0.25 * rng.random((90, 1))
    kept &= rng.random((1, 120)) < 0.9
    codes = (rng.integers(1, 16, kept.shape) * kept).astype(np.uint8)
    codebook = np.append(0, rng.normal(size=15)).astype(np.float32)
    activations = rng.normal(scale=0.3, size=120) * (rng.random(120) < 0.7)
    return CompressedLayer(codes, codebook, None, "uneven"), activations.astype(np.float32)


def list_values(hw: Hardware, name: str) -> list[Hardware]:
    """Return this machine with every kind of value that a field's rule allows."""
    field = fields_of(Hardware)[name]
    rule, kind = field.rule, field.kind
    default = getattr(hw, name)
    values: list[Any] = [default]
    if name == "delta_threshold":
        hw, default = replace(hw, act_batches=False), 0.1
    if name == "act_threshold_quantile":
        hw = replace(hw, act_threshold=0.0)
    if isinstance(rule, Range):
        about = [default * share for share in (0.25, 0.5, 0.75, 1.5, 3)]
        about += [default + more for more in (1, 2, 3, 7)]
        values += [kind(it) for it in (rule.low, *about) if rule.holds(kind(it))]
    elif isinstance(rule, Choice):
        values += rule.values
    elif isinstance(rule, Switch):
        values += [True, False]
    machines = []
    for value in dict.fromkeys(values):
        try:
            machines.append(replace(hw, **{name: value}))
        except ConfigError:
            assert name in ("spmat_width_bits", "index_bits", "codebook_bits")
    assert len(machines) > 1
    return machines


def measure_alone(
    layer: CompressedLayer, activations: npt.NDArray[np.float32], hw: Hardware
) -> dict[str, Any]:
    """Return what a run of its own gives of a machine, or why there is none."""
    try:
        images = encode_passes(layer, hw)
        run = simulate_passes(images, activations, hw)
    except EieError as error:
        return {"error": str(error)}
    missing = find_output_error(images, activations[np.newaxis], hw)
    uses = fit_images(images, hw.fill)
    measured: dict[str, Any] = {
        "cycles": run.cycles,
        "stall_cycles": run.counters.stall_cycles,
        "spmat_reads": run.counters.spmat_reads,
        "ptr_reads": run.counters.ptr_reads,
        "padding_macs": run.counters.padding_macs,
        "dram_bytes": run.dram_bytes,
        "fits": all(use.fits for use in uses),
        "chips": count_chips(uses),
        "clock_fits": fits_clock(hw),
        "output_error": 0.0 if missing is None else missing.relative,
        "energy_pj": None,
        "area_mm2": None,
    }
    with suppress(EnergyError):
        measured["energy_pj"] = pytest.approx(estimate_energy(run, hw).total_pj, rel=1e-12)
    with suppress(EnergyError):
        measured["area_mm2"] = pytest.approx(estimate_area(hw).chip_mm2, rel=1e-12)
    return measured
