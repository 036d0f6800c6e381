"""`eiesim run today/MODEL`: a token through models of today."""

from __future__ import annotations

import argparse
import os
from math import inf
from typing import TYPE_CHECKING

from eiesim.cli.arguments import read_machine
from eiesim.cli.common import check_ranges, refuse_useless
from eiesim.cli.output import show_progress

if TYPE_CHECKING:
    from eiesim.catalog.today import TokenModel
    from eiesim.hardware import Hardware
    from eiesim.layer.weights import LayerSpec
    from eiesim.report.report import Report
    from eiesim.runs.today import DrawnRun

ALL = "today"
"""The word for all models that come with eiesim."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that go with a model of today."""
    group = parser.add_argument_group("with today/MODEL")
    group.add_argument(
        "--context", type=int, metavar="N",
        help="tokens that attention, which is counted and not simulated, looks back on",
    )  # fmt: skip


def refuse_options(options: argparse.Namespace) -> None:
    """Refuse options of a model of today beside anything else; ConfigError if one is given."""
    refuse_useless(options, "context", f"goes with today/MODEL, found {options.layers[0]}")


def make_report(options: argparse.Namespace) -> Report:
    """Run every matrix of the models once for each of its densities."""
    from eiesim.catalog.operands import Source, hash_file
    from eiesim.catalog.today import find_token_model_file, load_token_model
    from eiesim.energy.machine import price_machine
    from eiesim.runs.today import collect_model, plan_draws, run_draws
    from eiesim.runs.today_report import report_models

    refuse_useless(options, "inputs", f"does not go with {options.layers[0]}")
    check_ranges(options, context=(1, inf))
    words = _list_words(options.layers)
    models = [load_token_model(word) for word in words]
    _check_names([model.name for model in models])
    _check_context(options, models)
    hw, _ = read_machine(options)
    machines = [(model, _choose_machine(options, hw, model)) for model in models]
    tasks = plan_draws(machines, options.engine, options.balance)
    runs: dict[tuple[LayerSpec, Hardware, float], DrawnRun] = {}
    with show_progress(len(tasks)) as advance:
        for task, drawn in run_draws(tasks, os.cpu_count() or 1):
            runs |= drawn
            advance(task.spec.name)
    collected = [
        collect_model(
            model, machine, runs, price_machine(machine, options.energy_table),
            options.context if options.context and model.heads else model.context,
        )
        for model, machine in machines
    ]  # fmt: skip
    sources = tuple(
        Source(word, hash_file(find_token_model_file(word)), model.seed)
        for word, model in zip(words, models, strict=True)
    )
    return report_models(collected, sources, options.words)


def _list_words(words: list[str]) -> list[str]:
    """Return the models' words, those of all for the word `ALL`; ConfigError for anything else."""
    from eiesim.base.errors import ConfigError
    from eiesim.catalog.readers import Form, find_form
    from eiesim.catalog.today import PREFIX, token_model_names

    if ALL in words:
        if len(words) > 1:
            raise ConfigError(f"{ALL} stands for all models: leave out the others")
        return [PREFIX + name for name in token_model_names()]
    others = [word for word in words if find_form(word) is not Form.TOKEN_MODEL]
    if others:
        raise ConfigError(f"expected models of today alone, found {others[0]}; run it by itself")
    return words


def _check_names(names: list[str]) -> None:
    """Raise a ConfigError where two models have one name, by which results are told apart."""
    from eiesim.base.errors import ConfigError

    twice = [name for place, name in enumerate(names) if name in names[:place]]
    if twice:
        raise ConfigError(f"expected each model once, found {twice[0]} again; rename its file")


def _check_context(options: argparse.Namespace, models: list[TokenModel]) -> None:
    if not any(model.heads for model in models):
        refuse_useless(options, "context", "goes with a model that has attention")


def _choose_machine(options: argparse.Namespace, hw: Hardware, model: TokenModel) -> Hardware:
    """Return the machine; for all models, with a codebook that is wide enough for each."""
    from dataclasses import replace

    if ALL not in options.layers:
        return hw
    widest = max(matrix.codebook_bits for matrix in model.matrices)
    return replace(hw, codebook_bits=max(hw.codebook_bits, widest))
