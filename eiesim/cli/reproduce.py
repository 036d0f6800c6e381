"""`eiesim reproduce`: a paper's tables and figures again."""

from __future__ import annotations

import argparse
from importlib import import_module
from typing import TYPE_CHECKING, Any

from eiesim.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from eiesim.study.reproduce.outcome import Outcome

HELP = "Compute tables and figures of the EIE paper again and set them beside the printed ones."
EPILOG = """\
--out DIR writes for each experiment NAME.csv (the printed numbers beside ours), its further tables
as CSV and its charts as SVG and PNG, and for all of them summary.json and manifest.json.

examples:
  eiesim reproduce --list
  eiesim reproduce table4
  eiesim reproduce figure9 table4 --out results
  eiesim reproduce all
"""
EXPERIMENTS = {
    "table1": "EIE, Table I: energy of operations at 45 nm",
    "table2": "EIE, Table II: power and area of one PE, and of the chip",
    "table4": "EIE, Table IV: theoretical and actual time of nine layers",
    "table5": "EIE, Table V: EIE beside other platforms",
    "figure6": "EIE, Figure 6: speedup over the CPU",
    "figure7": "EIE, Figure 7: energy efficiency over the CPU",
    "figure9": "EIE, Figure 9: the width of the sparse-matrix SRAM",
    "savings": "EIE, abstract: 120x, 10x, 8x and 3x from DRAM to skipped zeros",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments.

    Parameters
    ----------
    parser : ArgumentParser
        The command's parser.
    """
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="what to reproduce, see --list; all for everything"
    )
    parser.add_argument("--list", action="store_true", help="list what can be reproduced")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    parser.add_argument("--out", metavar="DIR", help="write tables and charts to a new folder")


def execute(options: argparse.Namespace) -> int:
    """Run experiments, print their numbers beside the paper's, and write the folder.

    Parameters
    ----------
    options : Namespace
        Parsed arguments.
    """
    from eiesim.cli.output import print_table, result_folder
    from eiesim.study import store
    from eiesim.study.figures import draw_chart

    if options.list:
        if options.out is not None:
            raise ConfigError("--list writes nothing: leave out --out")
        titles = [{"name": name, "title": title} for name, title in EXPERIMENTS.items()]
        print(store.to_json(titles), end="") if options.json else print_table(titles)
        return 0
    names = _choose(options.names)
    with result_folder(options.out) as folder:
        outcomes = {name: _run(name) for name in names}
        summary = {
            "schema": "eiesim reproduce 1",
            "experiments": {name: outcome.summarise() for name, outcome in outcomes.items()},
        }
        if folder is not None:
            manifests: dict[str, Any] = {}
            for name, outcome in outcomes.items():
                tables = {name: [verdict.to_row() for verdict in outcome.verdicts]}
                tables |= {f"{name}-{table}": rows for table, rows in outcome.tables.items()}
                texts = {f"{table}.csv": store.to_csv(rows) for table, rows in tables.items()}
                store.write_texts(folder, texts)
                for chart_name, chart in outcome.charts.items():
                    draw_chart(chart, folder, chart_name)
                manifests[name] = store.make_manifest(
                    outcome.hardware, outcome.sources, options.words
                )
            ends = {"summary.json": summary, "manifest.json": manifests}
            store.write_texts(folder, {key: store.to_json(value) for key, value in ends.items()})
    if options.json:
        print(store.to_json(summary), end="")
    else:
        for outcome in outcomes.values():
            _show(outcome)
    return 0


def _choose(names: list[str]) -> list[str]:
    if not names:
        raise ConfigError("expected the name of what to reproduce; --list shows them")
    unknown = [name for name in names if name not in (*EXPERIMENTS, "all")]
    if unknown:
        raise ConfigError(
            *(f"reproduce {name!r}: {did_you_mean(name, EXPERIMENTS)}" for name in unknown)
        )
    return list(EXPERIMENTS) if "all" in names else list(dict.fromkeys(names))


def _run(name: str) -> Outcome:
    from eiesim.cli.output import track

    experiment = import_module(f"eiesim.study.reproduce.{name}")
    steps = [f"{name}: {step}" for step in experiment.STEPS]
    outcome: Outcome = experiment.judge(list(track(experiment.work(), steps)))
    return outcome


def _show(outcome: Outcome) -> None:
    from eiesim.cli.output import print_table

    print(outcome.title)
    rows = [verdict.to_row() | {"paper": verdict.paper} for verdict in outcome.verdicts]
    print_table(rows)
    for table in outcome.shown:
        print_table(outcome.tables[table])
    within = sum(verdict.within for verdict in outcome.verdicts)
    print(f"{within} of {len(outcome.verdicts)} numbers match or lie within their tolerance.")
    print(outcome.note)
