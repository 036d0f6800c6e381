"""Whole networks, step by step: products on EIE, the rest on the host."""

from eiesim.inference.execution import InputRun, StepRun, Traffic, run_model, run_steps
from eiesim.inference.matrices import split_layer
from eiesim.inference.products import Setup

__all__ = [
    "InputRun", "Setup", "StepRun", "Traffic", "run_model", "run_steps", "split_layer",
]  # fmt: skip
