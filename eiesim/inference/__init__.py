"""Whole networks, step by step: products on EIE, the rest on the host."""

from eiesim.inference.products import Setup
from eiesim.inference.run import InputRun, StepRun, Traffic, run_model

__all__ = ["InputRun", "Setup", "StepRun", "Traffic", "run_model"]
