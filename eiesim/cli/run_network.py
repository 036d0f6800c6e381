"""`eiesim run NET.eie`: a whole network, one input after the other."""

from __future__ import annotations

import argparse
from math import inf
from typing import TYPE_CHECKING

from eiesim.cli.arguments import read_machine
from eiesim.cli.common import check_ranges, refuse_useless
from eiesim.cli.examples import (
    NAMES,
    add_example_arguments,
    check_examples,
    list_examples,
    list_sources,
    load_network,
    run_with_progress,
)

if TYPE_CHECKING:
    from eiesim.catalog.model import Model
    from eiesim.energy.prices import PriceTable
    from eiesim.hardware import Hardware
    from eiesim.report.report import Report

START = 100
"""Characters of a text that a model reads before it goes on."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that go with a network."""
    group = parser.add_argument_group("with a .eie file")
    group.add_argument("--labels", metavar="FILE", help=".npy, .npz or idx file: the right classes")
    add_example_arguments(group)
    group.add_argument("--text", metavar="FILE", help="let a character model read a text")
    group.add_argument(
        "--write", type=int, metavar="N", help="with --text: let it go on with N characters"
    )


def refuse_options(options: argparse.Namespace) -> None:
    """Check that no option of a network is given with layers.

    Raises
    ------
    ConfigError
        There is one.
    """
    refuse_useless(
        options, f"{NAMES} labels text write", f"goes with a .eie file, found {options.layers[0]}"
    )


def make_report(options: argparse.Namespace) -> Report:
    """Run the inputs, or let the network read a text."""
    from eiesim.catalog.examples import read_labels
    from eiesim.inference import Setup
    from eiesim.runs.network_outputs import require_classes
    from eiesim.runs.network_report import report_network

    _check(options)
    hw, prices = read_machine(options)
    model = load_network(options.layers)
    if options.text is not None:
        return _read_and_write(options, model, hw, prices)
    examples = list_examples(options, model)
    labels = None
    if options.labels is not None:
        require_classes(model)
        labels = read_labels(options.labels, len(examples)).tolist()
    setup = Setup(hw, options.engine, options.balance)
    runs = run_with_progress(model, examples, prices, setup)
    sources = list_sources(options.layers[0], options.inputs, options.labels)
    return report_network(model, runs, prices, labels, sources)


def _check(options: argparse.Namespace) -> None:
    """Refuse what is out of range, and what has no effect beside the other options."""
    if options.text is not None:
        refuse_useless(
            options, "inputs draw labels scale activation-density", "does not go with --text"
        )
    else:
        refuse_useless(options, "write", "goes with --text FILE")
    if options.draw is None and options.write is None:
        refuse_useless(options, "seed", "goes with --draw N or --write N")
    check_examples(options, seeds_more=True)
    check_ranges(options, write=(1, inf))


def _read_and_write(
    options: argparse.Namespace, model: Model, hw: Hardware, prices: PriceTable
) -> Report:
    """Let a character model read a text, and write on."""
    from eiesim.importers.content import read_content
    from eiesim.inference import Setup
    from eiesim.runs.text import measure_text, report_texts, write_text

    text = read_content(options.text).decode("utf-8", "replace")
    if options.limit is not None:
        text = text[: options.limit]
    setup = Setup(hw, options.engine, options.balance)
    runs = {"read": measure_text(model, text, setup, prices)}
    if options.write is not None:
        start = runs["read"].text[-START:]
        runs["written"] = write_text(model, start, options.write, setup, prices, options.seed or 0)
    return report_texts(runs, hw, prices, list_sources(options.layers[0], options.text))
