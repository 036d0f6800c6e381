"""`eiesim compare`: layers on EIE beside what others take for them."""

from __future__ import annotations

import argparse

from eiesim.cli.hardware_arguments import add_machine_arguments, read_machine

HELP = "Set EIE's time and energy for layers beside those of others: speedup, energy efficiency."
EPILOG = """\
LAYER is a name or file as for eiesim run; left out, it is the paper's nine. The reference is the
first platform with dense weights and batch 1: the Core i7 of the paper, or the first of the file.
Ratios of different kinds (published, measured, roofline, simulated) are rows of their own.

--out DIR writes compare.csv, summary.json, manifest.json and charts of both ratios.

examples:
  eiesim compare
  eiesim compare alex-7 --hardware eie-256pe-28nm
  eiesim baseline alex-7 --out mine && eiesim compare alex-7 --baseline mine/baseline.csv
"""
SHOWN = (
    "layer", "platform", "matrix", "batch", "kind", "time_us", "power_w", "speedup",
    "energy_efficiency",
)  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("layers", nargs="*", metavar="LAYER", help="name or file, see below")
    parser.add_argument(
        "--baseline", default="published", metavar="published|roofline|FILE",
        help="what to compare with; FILE is the baseline.csv of eiesim baseline --out "
        "(default: %(default)s)",
    )  # fmt: skip
    add_machine_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print summary.json instead of a table")
    parser.add_argument("--out", metavar="DIR", help="write a folder of results")


def execute(options: argparse.Namespace) -> int:
    """Run the layers, set them beside the others, and write the folder."""
    from eiesim.base.published import PAPER_LAYERS
    from eiesim.cli.output import print_table, result_folder, track
    from eiesim.report.charts import draw_chart
    from eiesim.runs import compare as comparison
    from eiesim.runs import store
    from eiesim.runs.layer import run_layers

    hw, prices = read_machine(options)
    layers = options.layers or PAPER_LAYERS
    with result_folder(options.out) as folder:
        runs = list(track(run_layers(layers, hw, prices), layers))
        rows = comparison.describe(*comparison.compare_runs(runs, options.baseline))
        summary = comparison.summarise(rows, options.baseline, runs, prices)
        if folder is not None:
            sources = [source for run in runs for source in run.operands.sources]
            texts = {
                "compare.csv": store.to_csv(rows),
                "summary.json": store.to_json(summary),
                "manifest.json": store.to_json(store.make_manifest(hw, sources, options.words)),
            }
            store.write_texts(folder, texts)
            for quantity in ("speedup", "energy_efficiency"):
                draw_chart(comparison.chart_ratios(rows, quantity), folder, quantity)
    if options.json:
        print(store.to_json(summary), end="")
    else:
        print_table([{key: row[key] for key in SHOWN} for row in rows])
        for reason in dict.fromkeys(row["no_efficiency"] for row in rows if row["no_efficiency"]):
            print(f"no energy efficiency: {reason}")
        print(f"over {rows[0]['reference']}, batch 1; times per input")
        for told in comparison.describe_measured(rows):
            print(told)
        for override in prices.overrides:
            print(f"price of {override}")
        if summary["clock"]["text"]:
            print(summary["clock"]["text"])
    return 0
