"""`eiesim doctor`: what is installed, and whether it works."""

from __future__ import annotations

import argparse

HELP = "Print versions and folders, and check that both engines work and agree."
EPILOG = "Copy its output into a bug report."
PACKAGES = ("numpy", "numba", "scipy", "simpy", "pandas", "matplotlib", "rich")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments.

    Parameters
    ----------
    parser : ArgumentParser
        The command's parser.
    """
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    parser.add_argument("--out", metavar="DIR", help="write doctor.json to a new folder")


def execute(options: argparse.Namespace) -> int:
    """Print versions, folders and the self-check; exit with 1 when the check fails.

    Parameters
    ----------
    options : Namespace
        Parsed arguments.
    """
    import os  # noqa: PLC0415
    import platform  # noqa: PLC0415
    import sys  # noqa: PLC0415
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415

    from eiesim import __version__  # noqa: PLC0415
    from eiesim.benchmark import benchmark_names  # noqa: PLC0415
    from eiesim.resources import models_path  # noqa: PLC0415
    from eiesim.study import experiment  # noqa: PLC0415

    findings: dict[str, object] = {
        "eiesim": __version__,
        "python": platform.python_version(),
        "machine": platform.platform(),
        "processors": os.cpu_count(),
    }
    for package in PACKAGES:
        try:
            findings[package] = version(package)
        except PackageNotFoundError:
            findings[package] = "missing: pip install --force-reinstall eiesim"
    findings["models"] = f"{len(benchmark_names())} layers in {models_path()}"
    healthy = _engines_agree()
    findings["engines"] = "agree on a small layer" if healthy else "differ on a small layer: a bug"
    if options.json:
        print(experiment.to_json(findings), end="")
    else:
        for name, finding in findings.items():
            print(f"{name:12} {finding}")
    if options.out:
        folder = experiment.write_folder(options.out, {"doctor.json": experiment.to_json(findings)})
        print(f"written: {folder}", file=sys.stderr)
    return 0 if healthy else 1


def _engines_agree() -> bool:
    import numpy as np  # noqa: PLC0415

    from eiesim.benchmark import draw_benchmark  # noqa: PLC0415
    from eiesim.hardware import Hardware  # noqa: PLC0415
    from eiesim.image import encode  # noqa: PLC0415
    from eiesim.layer import LayerSpec  # noqa: PLC0415
    from eiesim.sim.engines import simulate  # noqa: PLC0415

    spec = LayerSpec(name="small", title="a small layer", inputs=40, outputs=30,
                     weight_density=0.3, activation_density=0.5, bias=True)  # fmt: skip
    benchmark, hw = draw_benchmark(spec), Hardware(n_pes=8)
    image = encode(benchmark.layer, hw)
    fast = simulate(image, benchmark.activations, hw, "fast")
    reference = simulate(image, benchmark.activations, hw, "reference")
    same_output = np.array_equal(fast.output, reference.output)
    return same_output and fast.counters.totals() == reference.counters.totals()
