"""The report of a token through models of today."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from eiesim import __version__
from eiesim.base.tables import Row
from eiesim.catalog.host_work import NOT_COUNTED
from eiesim.catalog.operands import Source
from eiesim.energy.kinds import show_kinds
from eiesim.report.report import Report, write_text
from eiesim.runs.limits import describe_longest
from eiesim.runs.thresholds import describe_unpriced, list_unpriced
from eiesim.runs.today import ModelRun
from eiesim.runs.today_page import PAGE, render_markdown
from eiesim.runs.today_rows import (
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
        shown=(
            [{key: row[key] for key in SHOWN} for row in matrices] if one else "",
            [{key: row[key] for key in TOTAL} for row in rows],
            show_kinds(runs[0].kinds) if one else "",
            describe_longest(matrices, "matrix") if one and len(matrices) > 1 else "",
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
