"""`eiesim chip`: power, area and prices of a machine."""

from __future__ import annotations

import argparse

from eiesim.cli.hardware_arguments import add_machine_arguments, read_machine

HELP = "Tell power and area of a machine, and the price of every action with its source."
EPILOG = """\
Power is that of the steady state: no PE waits, an entry a cycle. `eiesim run` prices what a layer
really does. On the paper's chip each module stands beside EIE's Table II.

--out DIR writes prices.csv, modules.csv, areas.csv, with --vary variations.csv, summary.json and
manifest.json; a part of prices.csv with other values is what --energy-table reads.

examples:
  eiesim chip
  eiesim chip --hardware eie-256pe-28nm
  eiesim chip --set multiplier=float32 --set queue_depth=16 --out chip
  eiesim chip --vary n_pes=16,64,256 --vary multiplier=float32,int32,fixed16,fixed8
"""


REASONS = ("no_power", "no_area")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    add_machine_arguments(parser)
    parser.add_argument(
        "--vary", action="append", default=[], metavar="KEY=A,B,...",
        help="power and area with a field of the hardware at each value; may be repeated",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print summary.json instead of tables")
    parser.add_argument("--out", metavar="DIR", help="write a folder of results")


def execute(options: argparse.Namespace) -> int:
    """Print a machine's power, area and prices, and write the folder."""
    from eiesim.cli.output import print_table, result_folder
    from eiesim.runs import store
    from eiesim.runs.chip import describe_widths, summarise_chip, vary_chip

    hw, prices = read_machine(options)
    with result_folder(options.out) as folder:
        summary = summarise_chip(hw, prices)
        summary["variations"] = vary_chip(hw, options.vary, options.energy_table)
        summary["wider_words"] = describe_widths(hw, summary["variations"])
        if folder is not None:
            names = ("modules", "areas", "prices", *(["variations"] if options.vary else []))
            tables = {f"{name}.csv": store.to_csv(summary[name]) for name in names}
            texts = {
                "summary.json": store.to_json(summary),
                "manifest.json": store.to_json(store.make_manifest(hw, (), options.words)),
            }
            store.write_texts(folder, tables | texts)
    if options.json:
        print(store.to_json(summary), end="")
        return 0
    print_table(summary["modules"])
    print(
        f"{hw.n_pes} PEs and {hw.lnzd_nodes} LNZD units, none waiting: "
        f"{summary['chip_power_mw']:.1f} mW, {summary['chip_area_mm2']:.2f} mm2"
    )
    if summary["clock"]["text"]:
        print(summary["clock"]["text"])
    for what, factors in summary["calibration"].items():
        words = ", ".join(f"{module} {factor:.3f}" for module, factor in factors.items())
        print(f"calibrated to Table II, {what.replace('_', ' ')}: {words}")
    shown = ("component", "part", "action", "value", "unit", "per", "kind", "source")
    print_table([{key: row[key] for key in shown} for row in summary["prices"]])
    if options.vary:
        rows = summary["variations"]
        print_table([{key: row[key] for key in row if key not in REASONS} for row in rows])
        for row in rows:
            for reason in dict.fromkeys(row[key] for key in REASONS if row[key] is not None):
                print(f"missing with {row['key']}={row['value']}: {reason}")
    if summary["wider_words"]:
        print(summary["wider_words"])
    for override in prices.overrides:
        print(f"price of {override}")
    return 0
