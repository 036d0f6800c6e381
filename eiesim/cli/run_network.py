"""`eiesim run NET.eie`: a whole network, one input after the other."""

from __future__ import annotations

import argparse
from math import inf
from typing import TYPE_CHECKING

from eiesim.base.errors import ConfigError
from eiesim.cli.useless import refuse_useless

if TYPE_CHECKING:
    from eiesim.catalog.examples import Example
    from eiesim.catalog.model import Model
    from eiesim.energy.prices import PriceTable
    from eiesim.hardware import Hardware
    from eiesim.runs.store import Row

START = 100
"""Characters of a text that a model reads before it goes on."""
FLOAT32_MAX = 3.4e38
SHOWN = (
    "step", "op", "products", "activation_density", "cycles", "cycles_p50", "cycles_p95",
    "cycles_worst", "latency_us", "energy_pj", "load_balance", "activations_loaded",
)  # fmt: skip
TOTAL = (
    "network", "inputs", "cycles", "cycles_p5", "cycles_p50", "cycles_p95", "cycles_p99",
    "cycles_worst", "worst_input", "latency_us", "frames_per_s", "energy_pj",
)  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that go with a network."""
    group = parser.add_argument_group("with a .eie file")
    group.add_argument("--labels", metavar="FILE", help=".npy, .npz or idx file: the right classes")
    group.add_argument("--limit", type=int, metavar="N", help="take the first N inputs")
    group.add_argument("--scale", type=float, metavar="X", help="multiply inputs by X (default: 1)")
    group.add_argument(
        "--draw",
        type=int,
        metavar="N",
        help="draw N inputs instead of --inputs; sequences of 16 steps",
    )
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


def execute(options: argparse.Namespace) -> int:
    """Run the inputs, print steps and total, and write the folder."""
    from eiesim.catalog.examples import read_labels
    from eiesim.catalog.model import Model
    from eiesim.catalog.operands import Source, hash_file
    from eiesim.cli.hardware_arguments import read_machine
    from eiesim.cli.output import result_folder, track
    from eiesim.runs import network as network_run
    from eiesim.runs import store

    if len(options.layers) > 1 or options.report is not None:
        raise ConfigError("a .eie file: expected one, by itself and without --report")
    _check(options)
    hw, prices = read_machine(options)
    model = Model.load(options.layers[0])
    if options.text is not None:
        return _read_and_write(options, model, hw, prices)
    examples = _find_examples(options, model)
    labels = None if options.labels is None else read_labels(options.labels, len(examples))
    right = None if labels is None else labels.tolist()
    with result_folder(options.out) as folder:
        work = network_run.run_examples(
            model, examples, hw, prices, options.engine, options.balance
        )
        names = [f"input {number}" for number in range(len(examples))]
        runs = list(track(work, names))
        summary = network_run.summarise(model, runs, prices, right)
        if folder is not None:
            files = [it for it in (options.layers[0], options.inputs, options.labels) if it]
            sources = [Source(file, hash_file(file)) for file in files]
            texts = {
                **store.tell_run(summary, hw, sources, options.words),
                "steps.csv": store.to_csv(summary["steps"]),
                "inputs.csv": store.to_csv(network_run.describe_examples(runs, right)),
            }
            if products := network_run.describe_products(runs, model):
                texts["products.csv"] = store.to_csv(products)
            store.write_texts(folder, texts)
            network_run.write_outputs(folder, runs)
    if options.json:
        print(store.to_json(summary), end="")
        return 0
    _print(summary)
    problems = network_run.describe_problems(runs[0])
    for problem in filter(None, (*problems, summary["clock"]["text"])):
        print(problem)
    return 0


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
    for name, least, most in (
        ("draw", 1, inf), ("limit", 1, inf), ("write", 1, inf), ("seed", 0, inf),
        ("activation-density", 0, 1), ("scale", -FLOAT32_MAX, FLOAT32_MAX),
    ):  # fmt: skip
        value = getattr(options, name.replace("-", "_"))
        if value is not None and not least <= value <= most:
            expected = f"{least} or more" if most == inf else f"{least:g} to {most:g}"
            raise ConfigError(f"--{name}: expected {expected}, found {value}")


def _read_and_write(
    options: argparse.Namespace, model: Model, hw: Hardware, prices: PriceTable
) -> int:
    """Let a character model read a text, and write on."""
    from dataclasses import asdict

    from eiesim.catalog.operands import Source, hash_file
    from eiesim.cli.output import print_table, result_folder
    from eiesim.energy.clock import check_clock
    from eiesim.importers.content import read_content
    from eiesim.inference import Setup
    from eiesim.runs import store
    from eiesim.runs.text import measure_text, write_text

    with result_folder(options.out) as folder:
        text = read_content(options.text).decode("utf-8", "replace")
        if options.limit is not None:
            text = text[: options.limit]
        setup = Setup(hw, options.engine, options.balance)
        runs = {"read": measure_text(model, text, setup, prices)}
        if options.write is not None:
            start = runs["read"].text[-START:]
            runs["written"] = write_text(
                model, start, options.write, setup, prices, options.seed or 0
            )
        rows = [{"text": name} | asdict(run) | {"text": name, "characters": len(run.text)}
                for name, run in runs.items()]  # fmt: skip
        clock = check_clock(hw, prices)
        whole = {**{name: asdict(run) for name, run in runs.items()}, "clock": clock.to_dict()}
        if folder is not None:
            sources = [Source(file, hash_file(file)) for file in (options.layers[0], options.text)]
            texts = store.tell_run(whole, hw, sources, options.words)
            store.write_texts(folder, {**texts, "text.csv": store.to_csv(rows)})
    if options.json:
        print(store.to_json(whole), end="")
        return 0
    print_table(rows)
    if "written" in runs:
        print(runs["written"].text)
    if text := clock.describe():
        print(text)
    return 0


def _print(summary: Row) -> None:
    from eiesim.cli.output import print_table

    print_table([{key: row[key] for key in SHOWN} for row in summary["steps"]])
    print_table([{key: summary[key] for key in TOTAL}])
    if summary["accuracy"] is not None:
        print(f"right: {summary['right']} of {summary['inputs']}, {summary['accuracy']:.2%}")


def _find_examples(options: argparse.Namespace, model: Model) -> list[Example]:
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
    return [{name: array * scale for name, array in it.items()} for it in examples]
