"""`eiesim run NET.eie`: a whole network, one input after the other."""

from __future__ import annotations

import argparse
from math import inf
from typing import TYPE_CHECKING

from eiesim.base.errors import ConfigError
from eiesim.cli.arguments import read_machine
from eiesim.cli.common import check_ranges, refuse_useless
from eiesim.cli.output import track

if TYPE_CHECKING:
    from eiesim.catalog.examples import Example
    from eiesim.catalog.model import Model
    from eiesim.catalog.operands import Source
    from eiesim.energy.prices import PriceTable
    from eiesim.hardware import Hardware
    from eiesim.report.report import Report

START = 100
"""Characters of a text that a model reads before it goes on."""
RANGES = {
    "draw": (1, inf), "limit": (1, inf), "write": (1, inf), "seed": (0, inf),
    "activation_density": (0, 1), "scale": (-3.4e38, 3.4e38),
}  # fmt: skip
"""Smallest and largest value of an option; a scale is a float32 number."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that go with a network."""
    group = parser.add_argument_group("with a .eie file")
    group.add_argument("--labels", metavar="FILE", help=".npy, .npz or idx file: the right classes")
    group.add_argument("--limit", type=int, metavar="N", help="take the first N inputs")
    group.add_argument("--scale", type=float, metavar="X", help="multiply inputs by X (default: 1)")
    group.add_argument(
        "--draw", type=int, metavar="N",
        help="draw N inputs instead of --inputs; sequences of 16 steps",
    )  # fmt: skip
    group.add_argument(
        "--activation-density", type=float, metavar="X",
        help="with --draw: share of drawn inputs that are not zero (default: 1)",
    )  # fmt: skip
    group.add_argument(
        "--seed", type=int, help="of drawn inputs, or of --write's characters (default: 0)"
    )
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
    names = "labels limit scale draw activation-density seed text write"
    refuse_useless(options, names, f"goes with a .eie file, found {options.layers[0]}")


def make_report(options: argparse.Namespace) -> Report:
    """Run the inputs, or let the network read a text."""
    from eiesim.catalog.examples import read_labels
    from eiesim.catalog.model import Model
    from eiesim.runs.network import report_network, run_examples

    if len(options.layers) > 1:
        raise ConfigError("a .eie file: expected one, by itself")
    _check(options)
    hw, prices = read_machine(options)
    model = Model.load(options.layers[0])
    if options.text is not None:
        return _read_and_write(options, model, hw, prices)
    examples = _list_examples(options, model)
    labels = None
    if options.labels is not None:
        labels = read_labels(options.labels, len(examples)).tolist()
    work = run_examples(model, examples, hw, prices, options.engine, options.balance)
    runs = list(track(work, [f"input {number}" for number in range(len(examples))]))
    sources = _list_sources(options.layers[0], options.inputs, options.labels)
    return report_network(model, runs, prices, labels, sources)


def _list_sources(*files: str | None) -> tuple[Source, ...]:
    from eiesim.catalog.operands import Source, hash_file

    return tuple(Source(file, hash_file(file)) for file in files if file)


def _check(options: argparse.Namespace) -> None:
    """Refuse what is out of range, and what has no effect beside the other options."""
    if options.text is not None:
        refuse_useless(
            options, "inputs draw labels scale activation-density", "does not go with --text"
        )
    else:
        refuse_useless(options, "write", "goes with --text FILE")
    if options.draw is None:
        refuse_useless(options, "activation-density", "goes with --draw N")
    if options.draw is None and options.write is None:
        refuse_useless(options, "seed", "goes with --draw N or --write N")
    check_ranges(options, **RANGES)


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
    return report_texts(runs, hw, prices, _list_sources(options.layers[0], options.text))


def _list_examples(options: argparse.Namespace, model: Model) -> list[Example]:
    import numpy as np

    from eiesim.catalog.examples import draw_examples, read_examples

    if (options.inputs is None) == (options.draw is None):
        raise ConfigError("a network: expected inputs, either by --inputs FILE or by --draw N")
    if options.draw is not None:
        density = 1.0 if options.activation_density is None else options.activation_density
        examples = draw_examples(model, options.draw, density, options.seed or 0)
    else:
        examples = read_examples(options.inputs, model)
    examples = examples[: options.limit]
    if options.scale is None:
        return examples
    scale = np.float32(options.scale)
    return [{name: array * scale for name, array in example.items()} for example in examples]
