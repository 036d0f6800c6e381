"""Which widths of indices, codes and pointers fit a layer: each index width encoded and run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Literal, get_args

import numpy as np

from eiesim import __version__
from eiesim.base.errors import ConfigError, EieError, did_you_mean
from eiesim.base.tables import Row
from eiesim.catalog.operands import Operands
from eiesim.energy.estimate import EnergyReport, try_estimate
from eiesim.energy.kinds import show_kinds, weigh_kinds
from eiesim.energy.machine import price_machine
from eiesim.hardware import Hardware
from eiesim.image import name_lacks
from eiesim.layer.weights import CompressedLayer
from eiesim.report.report import Report
from eiesim.runs.layer import lay_out, require_no_delta
from eiesim.runs.thresholds import describe_unpriced, list_unpriced
from eiesim.sim.passes import Passes

SCHEMA = "eiesim formats 1"
WIDTHS = range(1, 9)
"""Bits of a relative index."""
Objective = Literal["bits", "cycles", "energy"]
OBJECTIVES: Mapping[Objective, str] = {
    "bits": "bits", "cycles": "cycles", "energy": "energy_nj",
}  # fmt: skip
"""Column of each."""
OF_ENTRIES = (
    "padding_zeros", "padding_percent", "ptr_bits", "entry_bits", "entries_bits", "pointers_bits",
    "bits", "word_bits",
)  # fmt: skip
OF_RUN = ("cycles", "energy_nj", "fits", "no_energy", "error")


def report_formats(
    operands: Operands, hw: Hardware, objective: Objective, prices_path: str | None = None
) -> Report:
    """Return the report of a layer in each format.

    Parameters
    ----------
    hw
        The machine; its index bits are varied, its codebook is as wide as the layer's, and its
        pointers are as wide as the layer needs if its own are too narrow.
    objective
        What is to be small.
    prices_path
        File of prices to use in place of eiesim's own.

    Raises
    ------
    ConfigError
        There is no such objective, the prices are wrong, or the machine keeps sums from step to
        step.
    """
    if objective not in OBJECTIVES:
        raise ConfigError(
            f"objective {objective!r}: {did_you_mean(objective, get_args(Objective))}"
        )
    layer = operands.layer
    require_no_delta(layer.name, hw)
    price_machine(hw, prices_path)  # refuses wrong prices before any work
    tried = [_try(operands, hw, width, prices_path) for width in WIDTHS]
    rows = [row for row, *_ in tried]
    used = count_code_bits(layer)
    best = find_best(rows, objective)
    energy = next((energy for row, energy, _ in tried if row["index_bits"] == best), None)
    kinds = weigh_kinds(energy.by_kind()) if energy else []
    overrides = energy.overrides if energy else ()
    storage = list_storage(layer)
    filled = [key for key in rows[0] if any(row[key] is not None for row in rows)]
    return Report(
        title=f"Formats of {layer.name}",
        summary={
            "schema": SCHEMA,
            "eiesim": __version__,
            "layer": layer.name,
            "hardware": asdict(hw),
            "codebook_bits": layer.codebook_bits,
            "codebook_bits_used": used,
            "objective": objective,
            "best": best,
            "kinds": kinds,
            "overrides": list(overrides),
            "unpriced": list_unpriced(hw),
            "formats": rows,
            "storage": storage,
        },
        answer=(
            describe_best(rows, hw.index_bits, objective),
            describe_codebook(layer, used),
        ),
        brief=(
            [_describe_briefly(row, memory) for row, _, memory in tried],
            *dict.fromkeys(filter(None, (row["error"] or row["no_energy"] for row in rows))),
            storage,
            *(f"price of {override}" for override in overrides),
            describe_unpriced(hw),
        ),
        shown=(
            [{key: row[key] for key in filled} for row in rows],
            storage,
            f"Energy with index_bits = {best} by kind of price:" if kinds else "",
            show_kinds(kinds),
            *(f"price of {override}" for override in overrides),
            describe_unpriced(hw),
        ),
        list_tables=lambda: {"formats": rows, "storage": storage, "kinds": kinds},
        hardware=hw,
        sources=operands.sources,
        failed=all(row["error"] for row in rows),
    )


def _try(
    operands: Operands, hw: Hardware, index_bits: int, prices_path: str | None
) -> tuple[Row, EnergyReport | None, str]:
    """Return a layer with indices of a width as a row, or why it cannot be run so.

    Beside it are the energy and where the layer is, from `name_lacks`.
    """
    row: Row = {"index_bits": index_bits, "codebook_bits": operands.layer.codebook_bits}
    row |= dict.fromkeys((*OF_ENTRIES, *OF_RUN))
    try:
        changed = replace(hw, index_bits=index_bits, codebook_bits=operands.layer.codebook_bits)
        values, energy, memory = _measure(lay_out(operands, changed, False), changed, prices_path)
    except EieError as error:
        return row | {"error": str(error)}, None, ""
    return row | values, energy, memory


def _measure(
    laid_out: Passes, hw: Hardware, prices_path: str | None
) -> tuple[Row, EnergyReport | None, str]:
    """Return what an image holds and what a run of it takes, its energy, and where the layer is."""
    images = laid_out.images
    entries = sum(image.entries for image in images)
    padding = sum(image.padding_entries for image in images)
    longest = max(int(image.ptr[-1].max()) for image in images)
    ptr_bits = max(longest.bit_length(), 1)
    machine = replace(hw, ptr_bits=max(hw.ptr_bits, ptr_bits))
    passes = Passes(images, laid_out.activations, machine)
    result = passes.simulate()
    energy, no_energy = try_estimate(result, price_machine(machine, prices_path))
    words = sum(int((-(-image.ptr[-1] // machine.entries_per_word)).sum()) for image in images)
    entries_bits = entries * hw.entry_bits
    pointers_bits = ptr_bits * sum(image.ptr.size for image in images)
    row = {
        "padding_zeros": padding,
        "padding_percent": 100 * padding / entries if entries else 0.0,
        "ptr_bits": ptr_bits,
        "entry_bits": hw.entry_bits,
        "entries_bits": entries_bits,
        "pointers_bits": pointers_bits,
        "bits": entries_bits + pointers_bits,
        "word_bits": words * machine.spmat_width_bits,
        "cycles": result.cycles,
        "energy_nj": None if energy is None else energy.total_pj / 1000,
        "fits": all(use.fits for use in passes.memories),
        "no_energy": no_energy or None,
    }
    return row, energy, name_lacks(passes.memories)


def _describe_briefly(row: Row, memory: str) -> Row:
    keys = ("index_bits", "padding_percent", "bits", "cycles")
    energy_nj = row["energy_nj"]
    energy_uj = None if energy_nj is None else energy_nj / 1000
    return {key: row[key] for key in keys} | {"energy_uj": energy_uj, "memory": memory or None}


def list_storage(layer: CompressedLayer) -> list[Row]:
    """Return the bits of a layer's weights in other formats, without biases and codebook.

    EIE does not run them. Codes have the width of the layer's codebook; indices and pointers are as
    narrow as the shape and the number of weights allow.
    """
    rows, cols, weights, code = layer.rows, layer.cols, layer.weights, layer.codebook_bits
    bits = {
        "dense codes": rows * cols * code,
        "bitmap": rows * cols + weights * code,
        "CSR": weights * (code + _count_bits(cols - 1)) + (rows + 1) * _count_bits(weights),
        "CSC": weights * (code + _count_bits(rows - 1)) + (cols + 1) * _count_bits(weights),
    }
    return [{"storage": name, "bits": size} for name, size in bits.items()]


def _count_bits(largest: int) -> int:
    return max(largest.bit_length(), 1)


def count_code_bits(layer: CompressedLayer) -> int:
    """Return the bits that hold the codes a layer uses, 0 for a pruned weight among them."""
    used = np.unique(layer.codes.data)
    if layer.bias_codes is not None:
        used = np.union1d(used, layer.bias_codes)
    return _count_bits(int(np.count_nonzero(used)))


def describe_codebook(layer: CompressedLayer, needed: int) -> str:
    """Return how wide a codebook the layer needs, from its `count_code_bits`."""
    text = f"{layer.name} has a codebook of {layer.codebook_bits} bits"
    if needed < layer.codebook_bits:
        return f"{text}; the codes that it uses fit {needed}."
    return f"{text} and uses it whole: a narrower one takes retraining."


def find_best(rows: Sequence[Row], objective: Objective) -> int | None:
    """Return the index bits of the best row, of those that fit if any does; None without any.

    Of several that are equal it is the narrowest.
    """
    key = OBJECTIVES[objective]
    able = [row for row in rows if row[key] is not None]
    fitting = [row for row in able if row["fits"]]
    best = min(fitting or able, key=lambda row: row[key], default=None)
    return None if best is None else int(best["index_bits"])


def describe_best(rows: Sequence[Row], own_bits: int, objective: Objective) -> str:
    """Return the best format, and what it saves and costs against the machine's own."""
    width = find_best(rows, objective)
    if width is None:
        return f"No width can be judged by its {objective}."
    by_width = {row["index_bits"]: row for row in rows}
    best, own = by_width[width], by_width[own_bits]
    text = f"Fewest {objective}" if objective != "energy" else "Least energy"
    text += f": index_bits = {width}, codebook_bits = {best['codebook_bits']}"
    text += f", ptr_bits = {best['ptr_bits']}"
    if not best["fits"]:
        text += ", not wholly on chip, as none is"
    if width == own_bits:
        return f"{text}: the machine's own indices."
    changes = [
        _compare(name, best[key], own[key])
        for name, key in OBJECTIVES.items()
        if best[key] is not None and own[key] is not None
    ]
    against = f"; against {own_bits}-bit indices " + ", ".join(changes) if changes else ""
    return f"{text}{against}."


def _compare(name: str, value: float, other: float) -> str:
    percent = 100 * (value / other - 1)
    if abs(percent) >= 0.05:
        return f"{percent:+.1f} % {name}"
    return f"as much {name}" if name == "energy" else f"as many {name}"
