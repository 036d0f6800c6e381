"""The report of a token through models of today."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from eiesim import __version__
from eiesim.base.labels import show_number
from eiesim.base.tables import Row
from eiesim.catalog.host_work import NOT_COUNTED
from eiesim.catalog.operands import Source
from eiesim.energy.kinds import show_kinds
from eiesim.report.report import Report, write_text
from eiesim.runs.answers import describe_clock, name_energy, name_time
from eiesim.runs.limits import describe_longest
from eiesim.runs.thresholds import describe_unpriced, list_unpriced
from eiesim.runs.today import ModelRun
from eiesim.runs.today_page import PAGE, render_markdown
from eiesim.runs.today_rows import (
    describe_briefly,
    describe_clocks,
    describe_host,
    describe_lacks,
    describe_matrix,
    describe_model,
    describe_published,
)

SCHEMA = "eiesim today 1"
SHOWN = (
    "matrix", "inputs", "outputs", "used", "weight_density", "activation_density", "cycles",
    "latency_us", "energy_uj", "share", "limit", "second_limit", "fits",
)  # fmt: skip
TOTAL = (
    "model", "cycles", "latency_us", "energy_uj", "tokens_per_s", "mj_per_token", "block_us",
    "block_uj", "chips", "idle_leakage_mj", "sram_bytes", "read_bytes", "one_chip_us", "limit",
    "share_of_macs",
)  # fmt: skip


def report_models(
    runs: Sequence[ModelRun], sources: tuple[Source, ...], command: Sequence[str]
) -> Report:
    """Return the report of at least one model.

    Parameters
    ----------
    command
        Words after `eiesim`, which the page in Markdown names.
    """
    rows = [describe_model(run) for run in runs]
    matrices = [describe_matrix(run, matrix) for run in runs for matrix in run.matrices]
    host = [row for run in runs for row in describe_host(run)]
    published = [row for run in runs for row in describe_published(run)]
    names = ", ".join(run.model.name for run in runs)
    one = len(runs) == 1
    return Report(
        title=f"A token on EIE: {names if len(runs) <= 3 else f'{len(runs)} models'}",
        summary={
            "schema": SCHEMA,
            "eiesim": __version__,
            "models": [
                row
                | {
                    "title": run.model.title,
                    "hardware": asdict(run.hw),
                    "clock": run.clock,
                    "kinds": run.kinds,
                    "overrides": list_overrides([run]),
                    "unpriced": list_unpriced(run.hw),
                    "shape_source": run.model.shape_source,
                    "matrices": [it for it in matrices if it["model"] == row["model"]],
                    "not_simulated": [it for it in host if it["model"] == row["model"]],
                    "published": [it for it in published if it["model"] == row["model"]],
                }
                for run, row in zip(runs, rows, strict=True)
            ],
        },
        answer=_answer(rows, matrices),
        brief=(
            describe_briefly(runs[0]) if one else [_describe_model_briefly(row) for row in rows],
            *(describe_rest(run, row) for run, row in zip(runs, rows, strict=True) if one),
            *(f"no energy: {row['model']}: {row['no_energy']}" for row in rows if row["no_energy"]),
            describe_clock(runs[0].clock) if one else "",
        ),
        shown=(
            [{key: row[key] for key in SHOWN} for row in matrices] if one else "",
            [{key: row[key] for key in TOTAL} for row in rows],
            show_kinds(runs[0].kinds) if one else "",
            *(describe_rest(run, row) for run, row in zip(runs, rows, strict=True)),
            f"Not counted at all: {NOT_COUNTED}.",
            host if one else "",
            published if one else "",
            *describe_lacks(runs),
            *(f"no energy: {row['model']}: {row['no_energy']}" for row in rows if row["no_energy"]),
            *(f"price of {override}" for override in list_overrides(runs)),
            *dict.fromkeys(describe_unpriced(run.hw) for run in runs),
            *describe_clocks(runs),
        ),
        list_tables=lambda: {
            "models": rows, "matrices": matrices, "host": host, "published": published,
            "kinds": [{"model": run.model.name} | row for run in runs for row in run.kinds],
        },
        write_files=lambda folder: write_text(
            folder / PAGE, render_markdown(runs, command)
        ),
        hardware=runs[0].hw if len({run.hw for run in runs}) == 1 else None,
        sources=sources,
    )  # fmt: skip


def _answer(rows: Sequence[Row], matrices: Sequence[Row]) -> tuple[str, ...]:
    """Return what a token takes, and what limits it; of several models, from which to which."""
    if len(rows) > 1:
        least, *_, most = sorted(rows, key=lambda row: row["latency_us"])
        return (
            f"{len(rows)} models: a token takes {name_time(least['latency_us'])} "
            f"({least['model']}) to {name_time(most['latency_us'])} ({most['model']}) in the "
            "matrices.",
        )
    (row,) = rows
    chips = "one chip" if row["chips"] == 1 else f"{row['chips']:,} chips, which hold the model"
    energy = None if row["energy_uj"] is None else 1e6 * row["energy_uj"]
    return (
        f"A {row['token']} of {row['model']} takes {name_time(row['latency_us'])} and "
        f"{name_energy(energy)} in the matrices, on {chips}: "
        f"{show_number(row['tokens_per_s'])} a second.",
        describe_longest(matrices, "matrix"),
    )


def _describe_model_briefly(row: Row) -> Row:
    keys = ("model", "latency_us", "energy_uj", "tokens_per_s", "chips", "limit")
    return {key: row[key] for key in keys}


def list_overrides(runs: Sequence[ModelRun]) -> list[str]:
    """Return a sentence for each price that replaces eiesim's own, once for all models."""
    energies = [matrix.energy for run in runs for matrix in run.matrices if matrix.energy]
    return list(dict.fromkeys(override for energy in energies for override in energy.overrides))


def describe_rest(run: ModelRun, row: Row) -> str:
    """Return what of a token is not in its cycles and energy."""
    name = run.model.name
    text = (
        f"{name}: cycles and energy are of its matrices alone, {row['share_of_macs']:.1%} of the "
        f"multiply-accumulates of a {run.model.token}"
    )
    if run.model.missing:
        text += " in what the file has"
    if run.model.heads:
        text += f" at a context of {run.context:,}"
    text += "."
    if run.model.missing:
        text += f" Not in the file: {run.model.missing}."
    return text
