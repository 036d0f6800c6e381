"""Layers of the paper, drawn from Table III or with the work that Table IV timed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from eiesim.base.errors import WorkloadError
from eiesim.baselines.published import find_time_us
from eiesim.catalog.layers import draw_input, draw_layer, find_spec_file, load_spec
from eiesim.catalog.operands import Operands, Source, hash_file
from eiesim.hardware import Hardware
from eiesim.image import encode
from eiesim.layer.weights import CompressedLayer, LayerSpec

PUBLISHED, MATCHED, REAL = "published", "matched", "real"
MATCHED_PREFIX = "matched/"
"""Before the name of a layer of the paper that is drawn with the work of Table IV."""
PRESET = "eie-64pe-45nm"
"""The machine of the paper, whose times Table IV gives."""
CALIBRATED_ROW_VARIATION = {"vgg-6": 0.9}
"""Row variations other than the default, which was fitted to other layers. VGG-6's gives Table IV's
actual time of 34.4 us: over eight seeds 34.2 us on average; the default gives 30.8 us."""
NEAR = 5e-4
"""Relative deviation of the work below which a weight density counts as solved."""


@dataclass(frozen=True, eq=False)
class Workload:
    """A layer and one input, and what they are.

    Attributes
    ----------
    kind
        ``published``, ``matched`` or ``real``.
    spec
        What they were drawn from.
    calibrated
        A sentence on what was solved for a matched workload.
    """

    kind: str
    operands: Operands
    spec: LayerSpec | None = None
    calibrated: str = ""


def draw_matched(name: str) -> Workload:
    """Draw one of `PAPER_LAYERS` with the work behind Table IV's theoretical time."""
    printed = load_spec(name)
    variation = CALIBRATED_ROW_VARIATION.get(name, printed.row_variation)
    matched = match_work(replace(printed, row_variation=variation))
    if variation == printed.row_variation:
        return matched
    calibrated = (
        f"{matched.calibrated}; row variation {variation:g} calibrated to the actual time "
        f"(default {printed.row_variation:g})"
    )
    return replace(matched, calibrated=calibrated)


def match_work(spec: LayerSpec) -> Workload:
    """Draw a layer of the paper, described with any unevenness, with Table IV's work.

    The activation density is solved for, or if that is 1 the weight density. Raises WorkloadError
    if no density gives this work.
    """
    hw = Hardware.preset(PRESET)
    work = float(find_time_us(spec.name, "eie", 1, "theoretical")) * hw.clock_mhz * hw.n_pes
    if spec.activation_density < 1:
        layer = draw_layer(spec)
        solved = replace(spec, activation_density=_solve_input(spec, layer, work, hw))
        note = _note_solved(
            "activation density", solved.activation_density, spec.activation_density
        )
    else:
        solved, layer = _solve_weights(spec, work, hw)
        note = _note_solved("weight density", solved.weight_density, spec.weight_density)
    source = Source(f"{spec.name}, {MATCHED}", hash_file(find_spec_file(spec.name)), spec.seed)
    return Workload(MATCHED, Operands(layer, draw_input(solved), (source,)), solved, note)


def _note_solved(quantity: str, solved: float, printed: float) -> str:
    return f"{quantity} {100 * solved:.1f} % solved for (Table III: {100 * printed:g} %)"


def _solve_input(spec: LayerSpec, layer: CompressedLayer, work: float, hw: Hardware) -> float:
    """Return the activation density whose columns hold `work` entries, found by halving."""
    entries = encode(layer, hw).counts.sum(axis=1, dtype=np.int64)[: spec.inputs]
    low, high = 0, spec.inputs
    while high - low > 1:
        middle = (low + high) // 2
        activations = draw_input(replace(spec, activation_density=middle / spec.inputs))
        low, high = (low, middle) if entries[activations != 0].sum() >= work else (middle, high)
    return high / spec.inputs


def _solve_weights(spec: LayerSpec, work: float, hw: Hardware) -> tuple[LayerSpec, CompressedLayer]:
    """Return the description whose layer holds `work` entries, and the layer."""
    for _ in range(20):
        layer = draw_layer(spec)
        ratio = work / encode(layer, hw).entries
        if abs(ratio - 1) <= NEAR:
            return spec, layer
        spec = replace(spec, weight_density=spec.weight_density * ratio)
    raise WorkloadError(f"{spec.name}: no weight density found that gives {work:.0f} entries")
