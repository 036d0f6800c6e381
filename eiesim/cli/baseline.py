"""`eiesim baseline`: what others take for the same layers."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from eiesim.cli.common import refuse_useless
from eiesim.cli.output import track

if TYPE_CHECKING:
    from eiesim.baselines.measured import MeasurementPlan
    from eiesim.report.report import Report
    from eiesim.runs.baseline import LayerBaselines

HELP = "Time layers on this computer's CPU and GPU, or list published times or rooflines."
EPILOG = """\
LAYER is a name or a file, as for eiesim run; left out, it is the paper's nine. Of a .eie file each
step's matrix is a layer, called NETWORK/STEP.

--kind measured    dense products by NumPy's BLAS and sparse ones by SciPy on this CPU, and by CuPy
                   or PyTorch on a CUDA GPU; the median of at least 9 repeats, per input, or the
                   shortest, with a warning, where the median is more than twice as long
--kind published   Table IV of the EIE paper, Table 9 of Deep Compression, powers that follow from
                   Figures 6 and 7; cpu is a Core i7-5930K, gpu a Titan X, mgpu a Tegra K1
--kind roofline    the least time these three need for the bytes and operations of the product

--out DIR writes baseline.csv, summary.json and manifest.json.

examples:
  eiesim baseline alex-7 --batch 1 --cache both
  eiesim baseline --kind published --json
  eiesim baseline layer.npz --threads 1 --seconds 2 --out results
"""
CACHES = {"cold": ("cold",), "warm": ("warm",), "both": ("cold", "warm")}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("layers", nargs="*", metavar="LAYER", help="name or file, see below")
    parser.add_argument(
        "--kind", choices=("measured", "published", "roofline"), default="measured",
        help="whose numbers (default: measured)",
    )  # fmt: skip
    parser.add_argument(
        "--batch", type=int, choices=(1, 64), help="inputs multiplied at once (default: both)"
    )
    parser.add_argument(
        "--cache", choices=CACHES,
        help="measured: flush the caches before each repeat, or let them warm (default: cold)",
    )  # fmt: skip
    parser.add_argument(
        "--threads", type=int, metavar="N", help="measured: threads of the BLAS (default: its own)"
    )
    parser.add_argument(
        "--seconds", type=float, metavar="S",
        help="measured: least time spent on each measurement (default: 0.2)",
    )  # fmt: skip


def make_report(options: argparse.Namespace) -> Report:
    """Measure or list what others take."""
    from eiesim.runs.baseline import report_baselines

    plan = _make_plan(options)
    layers, gpu = _collect(options, plan)
    return report_baselines(options.kind, layers, gpu, plan)


def _make_plan(options: argparse.Namespace) -> MeasurementPlan:
    from dataclasses import replace

    from eiesim.baselines.measured import MeasurementPlan

    if options.kind != "measured":
        why = f"goes with --kind measured, found {options.kind}"
        refuse_useless(options, "cache threads seconds", why)
    plan = MeasurementPlan(
        batches=(1, 64) if options.batch is None else (options.batch,),
        caches=CACHES[options.cache or "cold"],
    )
    return plan if options.seconds is None else replace(plan, seconds=options.seconds)


def _collect(
    options: argparse.Namespace, plan: MeasurementPlan
) -> tuple[list[LayerBaselines], str | None]:
    from eiesim.base.published import PAPER_LAYERS
    from eiesim.runs.baseline import list_layers, measure_layers, open_devices

    layers = options.layers or PAPER_LAYERS
    if options.kind != "measured":
        return list(track(list_layers(layers, options.kind, plan.batches), layers)), None
    with open_devices(options.threads) as (devices, gpu):
        return list(track(measure_layers(layers, plan, devices), layers)), gpu
