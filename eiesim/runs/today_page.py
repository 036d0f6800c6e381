"""The page of today's networks, in Markdown: every number computed from the runs."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from itertools import groupby

from eiesim.base.tables import Row
from eiesim.catalog.host_work import ATTENTION, LOGITS, NOT_COUNTED, list_host_parts
from eiesim.counters import WORDS, Cause
from eiesim.runs.today import ModelRun
from eiesim.runs.today_rows import (
    describe_clocks,
    describe_lacks,
    describe_matrix,
    describe_model,
    describe_published,
)

PAGE = "today.md"
INTRODUCTION = (
    "A language model multiplies, for every token at batch 1, each of its matrices with one "
    "vector. EIE does that with shared weights of a few bits, and skips zeros of both. This page "
    "is what it would take for models of today. The file was written by"
)
DRAWN = (
    "Weights and inputs are drawn with the densities below; they are not the models' own. Where "
    "each block has a density of its own, each is run; matrices of one shape and density share "
    "their weights, and blocks of one density their input. Times are of one token, one matrix "
    "after the other. EIE skips inputs that are 0, and no outputs: where ReLU makes the inputs of "
    "`down` sparse, `gate` and `up` are computed whole."
)
KINDS = (
    "Energy by kind of price ([energy.md](energy.md)), and what all of it would be with the prices "
    "of this kind halved or doubled, uJ a token."
)
LIMITS = (
    "All copies that a token takes, together. `limit` is the cause that adds most to the time "
    "beyond the entries ([limits.md](limits.md))."
)


def render_markdown(runs: Sequence[ModelRun], command: Sequence[str]) -> str:
    """Return the page."""
    rows = [describe_model(run) for run in runs]
    parts = [
        "# EIE for today's networks",
        INTRODUCTION,
        f"```console\n$ {shlex.join(['eiesim', *command])}\n```",
        DRAWN,
        _describe_machine(runs),
        "## A token",
        _list_tokens(rows),
        *_describe_columns(rows),
        *_list_lines(describe_lacks(runs)),
        *_describe_clock(runs, rows),
        "## What the energy rests on",
        *_describe_kinds(runs),
        "## Beside what others measured",
        *_compare(runs),
        "## What binds each matrix",
        LIMITS,
        _list_matrices(runs),
        "## Where the densities come from",
        _list_sources(runs),
        *_describe_shapes(runs),
        "## Not simulated",
        f"What the host does, in closed form, at 16 bits a number. Not counted at all: "
        f"{NOT_COUNTED}.",
        _list_host(runs, rows),
        *_describe_missing(runs),
    ]
    return "\n\n".join(parts) + "\n"


def _table(rows: Iterable[Row]) -> str:
    """Return rows of texts as a table in Markdown."""
    listed = list(rows)
    heads = list(listed[0])
    cells = ([str(row[key]).replace("|", r"\|") for key in heads] for row in listed)
    lines = [heads, ["---"] * len(heads), *cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def show(value: float | None, digits: int = 4) -> str:
    """Return a number with a few digits that count, and commas of thousands."""
    if value is None:
        return "unknown"
    if value == 0:
        return "0"
    rounded = float(f"{value:.{digits}g}")
    whole = len(f"{int(abs(rounded))}")
    return f"{rounded:,.{max(digits - whole, 0)}f}" if rounded >= 1 else f"{rounded:.{digits}g}"


def _name_model(row: Row) -> str:
    return f"{row['model']} (a part)" if row["missing"] else str(row["model"])


def _name_limit(limit: str | None) -> str:
    return "entries alone" if limit is None else WORDS[Cause(limit)]


def _describe_machine(runs: Sequence[ModelRun]) -> str:
    hw = runs[0].hw
    return (
        f"The machine has {hw.n_pes} PEs at {hw.clock_mhz:g} MHz and {hw.node_nm:g} nm, in each "
        f"{hw.spmat_sram_bytes // 1024} KB for the matrix and {hw.ptr_sram_bytes // 1024} KB for "
        f"pointers of {hw.ptr_bits} bits, and relative indices of {hw.index_bits} bits."
    )


def _describe_kinds(runs: Sequence[ModelRun]) -> list[str]:
    """Return the energies by kind of price, and why a model has none."""
    rows = [
        {
            "model": run.model.name,
            "kind of price": row["kind"],
            "uJ": show(row["energy_pj"] / 1e6),
            "share": f"{row['share']:.1%}",
            "all, if halved": show(row["total_if_halved_pj"] / 1e6),
            "all, if doubled": show(row["total_if_doubled_pj"] / 1e6),
        }
        for run in runs
        for row in run.kinds
        if row["energy_pj"]
    ]
    lacks = [f"no energy: {run.model.name}: {run.no_energy}" for run in runs if run.no_energy]
    return [*([KINDS, _table(rows)] if rows else []), *_list_lines(lacks)]


def _list_tokens(rows: Sequence[Row]) -> str:
    return _table(
        {
            "model": _name_model(row),
            "codebook bits": row["codebook_bits"],
            "us": show(row["latency_us"]),
            "with perfect balance": show(row["theoretical_us"]),
            "uJ": show(row["energy_uj"]),
            "a block: us": show(row["block_us"]),
            "a block: uJ": show(row["block_uj"]),
            "tokens/s": show(row["tokens_per_s"]),
            "mJ/token": show(row["mj_per_token"]),
            "chips": f"{row['chips']:,}",
            "leakage of the others: mJ": show(row["idle_leakage_mj"]),
            "SRAM: MB": show(row["sram_bytes"] / 1e6),
            "limit": _name_limit(row["limit"]),
        }
        for row in rows
    )


def _describe_columns(rows: Sequence[Row]) -> list[str]:
    """Return what the columns mean, and what a chip alone would need."""
    text = [
        "`tokens/s` is of the matrices alone; the rest of a token is at the end of this page. "
        "`chips` hold all matrices, each whole where it fits, in the order in which they run; one "
        "works while the others wait, their clocks stopped, and leak. A matrix that is too large "
        "for a chip takes chips of its own, and is timed on one that streams the rest. What moves "
        "between chips is not modelled. `with perfect balance` is the entries divided by the PEs: "
        "a matrix whose rows and columns are filled more evenly than drawn here lies between the "
        "two: Wanda, for one, keeps as many weights of every output, while rows drawn here vary.",
        "A chip alone streams what a token reads from DRAM. To keep up with the times above it "
        "needs, in GB/s: "
        + ", ".join(f"{row['model']} {show(row['one_chip_gbps_needed'], 3)}" for row in rows)
        + ".",
    ]
    slower = [
        f"{row['model']} {show(row['one_chip_us'])} us"
        for row in rows
        if row["one_chip_us"] is not None
    ]
    if slower:
        text.append("With the machine's `dram_gbps` it takes at least " + ", ".join(slower) + ".")
    return text


def _list_lines(lines: Sequence[str]) -> list[str]:
    return ["\n".join(f"- {line}" for line in lines)] if lines else []


def _describe_clock(runs: Sequence[ModelRun], rows: Sequence[Row]) -> list[str]:
    """Return whether the SRAMs keep up with the clock, and what the cell that does changes."""
    lines = describe_clocks(runs)
    changed = [row for row in rows if row["remedy_cell"] is not None]
    parts = ["## The clock", *_list_lines(lines)] if lines else []
    if changed:
        table = _table(
            {
                "model": _name_model(row),
                "cell": row["remedy_cell"],
                "uJ": show(row["remedy_energy_uj"]),
                "instead of": show(row["energy_uj"]),
                "leakage of the other chips: mJ": show(row["remedy_idle_leakage_mj"]),
                "instead of ": show(row["idle_leakage_mj"]),
            }
            for row in changed
        )
        parts += ["With the cell that keeps up:", table]
    return parts


def _compare(runs: Sequence[ModelRun]) -> list[str]:
    rows = [row for run in runs for row in describe_published(run)]
    without = [run.model.name for run in runs if not describe_published(run)]
    parts = []
    if rows:
        parts += [
            "Tokens a second at batch 1. A GPU's are of the whole token, EIE's of the matrices "
            "alone, held in the SRAMs of all its chips; a GPU's weights come from its memory. They "
            "are not the same thing.",
            _table(
                {
                    "model": row["model"],
                    "technique": row["technique"],
                    "platform": row["platform"],
                    "tokens/s": show(row["tokens_per_s"]),
                    "EIE, matrices alone": show(row["eie_matrices_per_s"]),
                    "source": row["source"],
                }
                for row in rows
            ),
        ]
    if without:
        parts.append(f"No figure that could be checked was found for {', '.join(without)}.")
    return parts


def _list_matrices(runs: Sequence[ModelRun]) -> str:
    rows = [describe_matrix(run, matrix) for run in runs for matrix in run.matrices]
    return _table(
        {
            "model": row["model"],
            "matrix": row["matrix"],
            "inputs x outputs": f"{row['inputs']} x {row['outputs']}",
            "used of stored": f"{row['used']:,} of {row['stored']:,}",
            "us": show(row["latency_us"]),
            "uJ": show(row["energy_uj"]),
            "share": f"{row['share']:.1%}",
            "limit": _name_limit(row["limit"]),
            "second": "" if row["second_limit"] is None else _name_limit(row["second_limit"]),
        }
        for row in rows
    )


def _list_sources(runs: Sequence[ModelRun]) -> str:
    """List the densities, matrices with the same ones and sources in one row."""
    rows = []
    for run in runs:
        named = [
            (matrix.matrix.name, _describe_densities(describe_matrix(run, matrix)))
            for matrix in run.matrices
        ]
        for densities, group in groupby(named, key=lambda pair: tuple(pair[1].items())):
            names = ", ".join(name for name, _ in group)
            rows.append({"model": run.model.name, "matrices": names} | dict(densities))
    return _table(rows)


def _describe_densities(row: Row) -> Row:
    activations = show(row["activation_density"], 3)
    least, most = row["activation_density_least"], row["activation_density_most"]
    if least != most:
        activations += f" ({show(least, 3)} to {show(most, 3)})"
    return {
        "weights": show(row["weight_density"], 3),
        "source of the weights' density": row["weight_source"],
        "activations": activations,
        "source of the activations' density": row["activation_source"],
    }


def _describe_shapes(runs: Sequence[ModelRun]) -> list[str]:
    """Return where the shapes come from, models with the same source together."""
    models: dict[str, list[str]] = {}
    for run in runs:
        models.setdefault(run.model.shape_source, []).append(run.model.name)
    lines = [f"- {', '.join(names)}: {source}" for source, names in models.items()]
    return ["Shapes:\n\n" + "\n".join(lines)]


def _list_host(runs: Sequence[ModelRun], rows: Sequence[Row]) -> str:
    return _table(_condense(run, row) for run, row in zip(runs, rows, strict=True))


def _condense(run: ModelRun, row: Row) -> Row:
    parts = list_host_parts(run.model, run.context)
    attention = [part for part in parts if part.part in ATTENTION]
    logits = sum(part.macs for part in parts if part.part == LOGITS)
    attention_macs = sum(part.macs for part in attention)
    return {
        "model": _name_model(row),
        "parameters": f"{row['parameters']:,}",
        "context": f"{row['context']:,}",
        "matrices, dense: million MACs": show(row["matrix_macs"] / 1e6),
        "attention": show(attention_macs / 1e6),
        "logits": show(logits / 1e6),
        "norms, router and others": show((row["host_macs"] - attention_macs - logits) / 1e6),
        "share of MACs on EIE": f"{row['share_of_macs']:.1%}",
        "KV cache: bytes a token": f"{row['cache_bytes_per_token']:,}",
        "KV cache read: MB": show(sum(part.read_bytes for part in attention) / 1e6),
    }


def _describe_missing(runs: Sequence[ModelRun]) -> list[str]:
    lines = [f"- {run.model.name}: {run.model.missing}" for run in runs if run.model.missing]
    return ["Not in a model's file:\n\n" + "\n".join(lines)] if lines else []
