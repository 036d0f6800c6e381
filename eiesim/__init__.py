"""eiesim: a simulator of the EIE accelerator, cycle for cycle.

Describe: `Hardware`, `CompressedLayer`, `load_benchmark`, `load_model`, `Model`.
Compress and lay out: `compress`, `encode`, `encode_passes`, `InterleavedCSC`.
Run: `simulate`, `simulate_passes`, `run_model`, `profile`, `RunResult`, `Counters`.
Trace: `trace`, `Schedule`, `Window`.
Price: `estimate_energy`, `EnergyReport`, `price_machine`, `PriceTable`, `estimate_area`.

The names are imported when they are first used, so that ``import eiesim`` takes no time.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eiesim.base.errors import EieError
    from eiesim.catalog.layers import Benchmark, load_benchmark
    from eiesim.catalog.model import Model, load_model
    from eiesim.compress.pipeline import compress
    from eiesim.counters import Counters, RunResult
    from eiesim.energy.area import AreaReport, estimate_area
    from eiesim.energy.estimate import EnergyReport, estimate_energy
    from eiesim.energy.machine import price_machine
    from eiesim.energy.prices import PriceTable
    from eiesim.hardware import Hardware
    from eiesim.image import InterleavedCSC, encode, encode_passes
    from eiesim.inference import run_model
    from eiesim.layer.weights import CompressedLayer, LayerSpec
    from eiesim.profiling import profile
    from eiesim.sim.engines import simulate
    from eiesim.sim.passes import simulate_passes
    from eiesim.sim.tracing import Schedule, Window, trace

__version__ = "0.1.0"

__all__ = [
    "AreaReport",
    "Benchmark",
    "CompressedLayer",
    "Counters",
    "EieError",
    "EnergyReport",
    "Hardware",
    "InterleavedCSC",
    "LayerSpec",
    "Model",
    "PriceTable",
    "RunResult",
    "Schedule",
    "Window",
    "__version__",
    "compress",
    "encode",
    "encode_passes",
    "estimate_area",
    "estimate_energy",
    "load_benchmark",
    "load_model",
    "price_machine",
    "profile",
    "run_model",
    "simulate",
    "simulate_passes",
    "trace",
]

_HOME = {
    "AreaReport": "eiesim.energy.area",
    "Benchmark": "eiesim.catalog.layers",
    "CompressedLayer": "eiesim.layer.weights",
    "Counters": "eiesim.counters",
    "EieError": "eiesim.base.errors",
    "EnergyReport": "eiesim.energy.estimate",
    "Hardware": "eiesim.hardware",
    "InterleavedCSC": "eiesim.image",
    "LayerSpec": "eiesim.layer.weights",
    "Model": "eiesim.catalog.model",
    "PriceTable": "eiesim.energy.prices",
    "RunResult": "eiesim.counters",
    "Schedule": "eiesim.sim.tracing",
    "Window": "eiesim.sim.tracing",
    "encode": "eiesim.image",
    "encode_passes": "eiesim.image",
    "estimate_area": "eiesim.energy.area",
    "estimate_energy": "eiesim.energy.estimate",
    "load_benchmark": "eiesim.catalog.layers",
    "load_model": "eiesim.catalog.model",
    "run_model": "eiesim.inference",
    "price_machine": "eiesim.energy.machine",
    "profile": "eiesim.profiling",
    "simulate": "eiesim.sim.engines",
    "simulate_passes": "eiesim.sim.passes",
    "trace": "eiesim.sim.tracing",
}


def __getattr__(name: str) -> object:
    if name == "compress":  # the package is the function, see there
        return import_module("eiesim.compress")
    if name not in _HOME:
        raise AttributeError(f"module 'eiesim' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
