"""Whole networks, step by step: products on EIE, the rest on the host."""

from eiesim.inference.run import InputRun, StepRun, Traffic, run_model

__all__ = ["InputRun", "StepRun", "Traffic", "run_model"]
