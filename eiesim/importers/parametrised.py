"""Weights that frameworks store in parts, such as masks, norms and codebooks, put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from eiesim.base.errors import WorkloadError

Array = npt.NDArray[Any]
PARTS = ("orig", "mask", "g", "v", "u", "codes", "codebook")
"""Endings of the names of parts, after the last underscore."""
WEIGHT = "weight"
PARAMETRISATIONS = "parametrizations."
UNDO = "torch.nn.utils.prune.remove, remove_weight_norm or remove_spectral_norm"


class Parametrisation(NamedTuple):
    """One way to store a weight in parts.

    Attributes
    ----------
    parts
        Endings of the names of the parts; ``""`` is the weight itself.
    join
        Makes the weight of the parts, in the same order.
    note
        A text on what was done.
    """

    parts: tuple[str, ...]
    join: Callable[..., Array]
    note: str


Groups = dict[str, tuple[Parametrisation, list[str]]]
"""Weights by name: their form, and the names of their parts."""


class Plain(NamedTuple):
    """Arrays under the names that they have without parts, in the file's order.

    Attributes
    ----------
    code_bits
        Bits of the codes, for arrays that were looked up in a codebook.
    factors
        Factors that are not yet in the weights of each output, float64 [outputs].
    """

    arrays: dict[str, Array]
    notes: tuple[str, ...]
    code_bits: dict[str, int]
    factors: dict[str, Array]


def join_parts(arrays: Mapping[str, Array], label: str) -> Plain:
    """Put together the weights that PyTorch, or eiesim's own retraining, stores in parts.

    The result is ``weight`` for ``weight_orig`` and ``weight_mask`` (`torch.nn.utils.prune`);
    ``weight_g`` and ``weight_v``, or ``parametrizations.weight.original0`` and ``original1``
    (weight norm; with a size for each output the direction alone, and the rest as its factor);
    ``weight_orig``, ``weight_u`` and ``weight_v``, or ``parametrizations.weight.original``,
    ``0._u`` and ``0._v`` (spectral norm); ``weight_mask`` or ``weight_codes`` and
    ``weight_codebook`` beside ``weight`` (`prune_`, `share_weights`).

    Raises WorkloadError, with the file's name, if a part is missing or does not fit, or for another
    parametrisation.
    """
    notes: list[str] = []
    bits: dict[str, int] = {}
    factors: dict[str, Array] = {}
    plain = dict(arrays)
    groups = _group_parametrisations(plain, label) | _group_parts(plain)
    while groups:
        for stem, (form, keys) in groups.items():
            if _has_size_per_output(stem, form, keys, plain):
                factors[stem] = _find_factor(*(plain[key] for key in keys)).reshape(-1)
                groups[stem] = SPLIT, keys
            if form.join is _look_up:
                bits[stem] = _count_bits(plain[keys[-1]], f"{label}: {stem}")
        notes += [f"{stem}: {form.note}" for stem, (form, _) in groups.items()]
        plain = _join(plain, groups, label)
        groups = _group_parts(plain)  # again, since a mask may lie over another form
    _refuse_parts(plain, label)
    return Plain(plain, tuple(notes), bits, factors)


def _refuse_parts(arrays: Mapping[str, Array], label: str) -> None:
    """Refuse weights and biases that lack some of their parts."""
    for key in arrays:
        stem, part = _split(key)
        name = stem.rpartition(".")[2]
        if part and name.startswith(("weight", "bias")):
            endings = {ending for form in FORMS if part in form.parts for ending in form.parts}
            missing = ", ".join(sorted(name + ending for ending in endings - {part}))
            raise WorkloadError(
                f"{label}: {key}: expected a whole weight, found a part without those that go with "
                f"it (of {missing}); save the module after {UNDO}"
            )


def _has_size_per_output(
    stem: str, form: Parametrisation, keys: list[str], arrays: Mapping[str, Array]
) -> bool:
    """Return whether a weight norm has one size an output, and no other part."""
    if form.join is not _normalise or stem.rpartition(".")[2] != WEIGHT:
        return False
    size, direction = (arrays[key] for key in keys)
    has_more = any(key.startswith(f"{stem}_") for key in arrays if key not in keys)
    one_each = size.shape == (*direction.shape[:1], *(1,) * (direction.ndim - 1))
    return direction.ndim > 1 and one_each and not has_more


def _split(key: str) -> tuple[str, str]:
    """Return the name of a weight and which part of it this is, if any."""
    stem, underscore, part = key.rpartition("_")
    name = stem.rpartition(".")[2]
    if part in PARTS and ("weight" in name or "bias" in name):
        return stem, underscore + part
    return key, ""


def _group_parts(arrays: Mapping[str, Array]) -> Groups:
    """Return the weights whose parts are there, with their form and the parts' names."""
    groups: Groups = {}
    for key in arrays:
        stem, part = _split(key)
        for form in FORMS if part and stem not in groups else ():
            keys = [stem + ending for ending in form.parts]
            if part in form.parts and all(name in arrays for name in keys):
                groups[stem] = form, keys
                break
    return groups


def _group_parametrisations(arrays: Mapping[str, Array], label: str) -> Groups:
    endings_by_name: dict[tuple[str, str], list[str]] = {}
    for key in arrays:
        module, word, path_in_module = key.rpartition(PARAMETRISATIONS)
        name, dot, part = path_in_module.partition(".")
        if word and dot and (not module or module.endswith(".")):
            endings_by_name.setdefault((module, name), []).append(part)
    groups: Groups = {}
    for (module, name), endings in endings_by_name.items():
        form = next((form for form in PARAMETRISED if {*form.parts} == {*endings}), None)
        prefix = f"{module}{PARAMETRISATIONS}{name}."
        if form is None:
            raise WorkloadError(
                f"{label}: {prefix}*: expected weight norm or spectral norm (original0 and "
                f"original1, or original, 0._u and 0._v), found {', '.join(sorted(endings))}; call "
                f"torch.nn.utils.parametrize.remove_parametrizations(module, {name!r}) and save it "
                "again"
            )
        groups[module + name] = form, [prefix + ending for ending in form.parts]
    return groups


def _join(arrays: Mapping[str, Array], groups: Groups, label: str) -> dict[str, Array]:
    """Put each weight in the place of its first part."""
    owners = {key: stem for stem, (_, keys) in groups.items() for key in keys}
    joined: dict[str, Array] = {}
    for key, array in arrays.items():
        stem = owners.get(key)
        if stem is None and key in groups:
            raise WorkloadError(
                f"{label}: {key}: expected the weight or its parts, found both; leave one out"
            )
        if stem is None:
            joined[key] = array
        elif stem not in joined:
            joined[stem] = _make(arrays, *groups[stem], f"{label}: {stem}")
    return joined


def _make(arrays: Mapping[str, Array], form: Parametrisation, keys: list[str], label: str) -> Array:
    try:
        with np.errstate(all="ignore"):  # infinities and NaN are refused with the layer
            return np.asarray(form.join(*(arrays[key] for key in keys)), np.float32)
    except (ValueError, IndexError, TypeError) as error:
        shapes = ", ".join(f"{key} {list(arrays[key].shape)}" for key in keys)
        raise WorkloadError(
            f"{label}: expected parts that fit ({form.note}), found {shapes}"
        ) from error


def _count_bits(codebook: Array, label: str) -> int:
    bits = max(codebook.size, 1).bit_length() - 1
    if codebook.ndim != 1 or not 1 <= bits <= 8 or codebook.size != 1 << bits:
        raise WorkloadError(
            f"{label}_codebook: expected 2, 4, .. or 256 numbers, found {list(codebook.shape)}"
        )
    return bits


def _require(fits: bool) -> None:
    if not fits:
        raise ValueError("shapes differ")


def _mask(weights: Array, mask: Array) -> Array:
    _require(weights.shape == mask.shape)
    return np.asarray(weights * mask.astype(weights.dtype))


def _normalise(size: Array, direction: Array) -> Array:
    """Weight norm: a direction of length 1, times a size for each output (or one for all)."""
    _require(size.ndim in (0, direction.ndim))
    return (direction * _find_factor(size, direction)).reshape(direction.shape)


def _find_factor(size: Array, direction: Array) -> Array:
    """Return weight norm's factor of a direction of any length, in float64."""
    exact = direction.astype(np.float64)
    axes = tuple(axis for axis in range(exact.ndim) if not size.ndim or size.shape[axis] == 1)
    with np.errstate(all="ignore"):  # infinities and NaN are refused with the layer
        return np.asarray(size / np.sqrt(np.square(exact).sum(axes, keepdims=True)))


def _divide(weights: Array, left: Array, right: Array) -> Array:
    """Spectral norm as it is evaluated: over the largest singular value that was estimated."""
    exact = weights.astype(np.float64)
    _require(left.size in exact.shape)
    # the axis of the outputs, which in a transposed convolution is the second one
    matrix = np.moveaxis(exact, exact.shape.index(left.size), 0).reshape(left.size, -1)
    return np.asarray(exact / (left.astype(np.float64) @ (matrix @ right.astype(np.float64))))


def _look_up(weights: Array, codes: Array, codebook: Array) -> Array:
    _require(weights.shape == codes.shape and codes.dtype.kind in "ui")
    entries = codebook.copy()
    entries[0] = 0
    return np.asarray(entries[codes])


SPECTRAL = "its weights over their spectral norm"
NORM = "put together from weight norm's size and direction"
FORMS = (
    Parametrisation(
        ("_orig", "_mask"), _mask, "its weights times the mask of torch.nn.utils.prune"
    ),
    Parametrisation(("_orig", "_u", "_v"), _divide, SPECTRAL),
    Parametrisation(("_g", "_v"), _normalise, NORM),
    Parametrisation(("", "_codes", "_codebook"), _look_up, "shared weights, by their codes"),
    Parametrisation(("", "_mask"), _mask, "its weights times the mask of prune_"),
)
SPLIT = Parametrisation(
    ("_g", "_v"), lambda _size, direction: direction, "weight norm, with a size for each output"
)
PARAMETRISED = (
    Parametrisation(("original0", "original1"), _normalise, NORM),
    Parametrisation(("original", "0._u", "0._v"), _divide, SPECTRAL),
)
