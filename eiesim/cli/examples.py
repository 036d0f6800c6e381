"""Arguments of commands that run a network: its inputs, from files or drawn."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from math import inf
from typing import TYPE_CHECKING

from eiesim.base.errors import ConfigError
from eiesim.cli.common import check_ranges, refuse_useless
from eiesim.cli.output import track

if TYPE_CHECKING:
    from eiesim.catalog.examples import Example
    from eiesim.catalog.model import Model
    from eiesim.catalog.operands import Source
    from eiesim.energy.prices import PriceTable
    from eiesim.inference import Setup
    from eiesim.runs.network import ExampleRun

NAMES = "limit scale draw activation-density seed"
RANGES = {
    "draw": (1, inf), "limit": (1, inf), "seed": (0, inf), "activation_density": (0, 1),
    "scale": (-3.4e38, 3.4e38),
}  # fmt: skip
"""Smallest and largest value of an option; a scale is a float32 number."""


def add_example_arguments(group: argparse._ArgumentGroup) -> None:
    """Add what says which inputs a network takes, but --inputs."""
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
    group.add_argument("--seed", type=int, help="of what is drawn (default: 0)")


def check_examples(options: argparse.Namespace, seeds_more: bool = False) -> None:
    """Refuse what is out of range, and what has no effect beside the other options.

    Parameters
    ----------
    seeds_more : bool
        Whether --seed has another use besides --draw.

    Raises
    ------
    ConfigError
        There is such an option.
    """
    if options.draw is None:
        refuse_useless(options, "activation-density", "goes with --draw N")
        if not seeds_more:
            refuse_useless(options, "seed", "goes with --draw N")
    check_ranges(options, **RANGES)


def list_examples(options: argparse.Namespace, model: Model) -> list[Example]:
    """Return the inputs of a network.

    Raises
    ------
    EieError
        None are given, or they cannot be read or are not of the network's shapes.
    """
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


def load_network(words: Sequence[str]) -> Model:
    """Return the network of the one file that is given.

    Raises
    ------
    EieError
        There are several words, or the file is no network.
    """
    from eiesim.catalog.model import Model

    if len(words) > 1:
        raise ConfigError("a .eie file: expected one, by itself")
    return Model.load(words[0])


def run_with_progress(
    model: Model, examples: Sequence[Example], prices: PriceTable, setup: Setup
) -> list[ExampleRun]:
    """Run inputs through a network, and show on a terminal how many are done."""
    from eiesim.runs.network import run_examples

    work = run_examples(model, examples, setup.hw, prices, setup.engine, setup.balance)
    return list(track(work, [f"input {number}" for number in range(len(examples))]))


def list_sources(*files: str | None) -> tuple[Source, ...]:
    """Return the files that were read, each with its digest."""
    from eiesim.catalog.operands import Source, hash_file

    return tuple(Source(file, hash_file(file)) for file in files if file)
