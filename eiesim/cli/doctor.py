"""`eiesim doctor`: what is installed, and whether it works."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from eiesim import __version__

if TYPE_CHECKING:
    from eiesim.report.report import Report

HELP = "Print versions and where the models are, and check that both engines work and agree."
EPILOG = "Copy its output into a bug report."
AGREE = "agree on a small layer"
PACKAGES = ("numpy", "numba", "scipy", "simpy", "matplotlib", "rich", "threadpoolctl")


def add_arguments(_: argparse.ArgumentParser) -> None:
    """Add no argument of its own."""


def make_report(_: argparse.Namespace) -> Report:
    """List versions, folders and the self-check; the report fails where the check does."""
    from eiesim.report.report import Report

    findings = _look_around()
    works = findings["engines"] == AGREE
    return Report(
        title="What is installed, and whether it works",
        summary={"schema": "eiesim doctor 1", **findings},
        answer=("eiesim works here." if works else "eiesim does not work here: see engines.",),
        shown=tuple(f"{name:12} {finding}" for name, finding in findings.items()),
        failed=not works,
    )


def _look_around() -> dict[str, object]:
    import platform
    from importlib.metadata import PackageNotFoundError, version

    from eiesim.base.resources import models_path

    findings: dict[str, object] = {
        "eiesim": __version__,
        "python": platform.python_version(),
        "computer": platform.platform(),
        "processors": os.cpu_count(),
    }
    for package in PACKAGES:
        try:
            findings[package] = version(package)
        except PackageNotFoundError:
            findings[package] = f"missing: python -m pip install {package}"
    findings["cacti"] = _describe_cacti()
    layers = sorted(path.stem for path in models_path().glob("*.toml"))
    findings["models"] = f"{len(layers)} layers in {models_path()}"
    findings["engines"] = _check_engines()
    return findings


def _describe_cacti() -> str:
    from eiesim.energy.cacti import Cacti, find_cacti

    found = find_cacti()
    if isinstance(found, Cacti):
        return f"{found.name}, for SRAMs that the table of runs lacks"
    return f"not asked for SRAMs, which are taken from a table and between its rows: {found}"


def _check_engines() -> str:
    try:
        same = _engines_agree()
    except Exception as error:  # a broken package may raise anything
        return f"cannot run: {type(error).__name__}: {error}"
    return AGREE if same else "differ on a small layer, which is a bug: please report it"


def _engines_agree() -> bool:
    import numpy as np

    from eiesim.catalog.layers import draw_benchmark
    from eiesim.hardware import Hardware
    from eiesim.image import encode
    from eiesim.layer.weights import LayerSpec
    from eiesim.sim.engines import simulate

    spec = LayerSpec(name="small", title="a small layer", inputs=40, outputs=30,
                     weight_density=0.3, activation_density=0.5, bias=True)  # fmt: skip
    benchmark, hw = draw_benchmark(spec), Hardware(n_pes=8)
    image = encode(benchmark.layer, hw)
    fast = simulate(image, benchmark.activations, hw, "fast")
    reference = simulate(image, benchmark.activations, hw, "reference")
    same_output = np.array_equal(fast.output, reference.output)
    return same_output and fast.counters.totals() == reference.counters.totals()
