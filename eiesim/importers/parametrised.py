"""Weights that a framework keeps in parts: masks, norms and codebooks put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from eiesim.base.errors import WorkloadError

Array = npt.NDArray[Any]
PARTS = ("orig", "mask", "g", "v", "u", "codes", "codebook")
"""What stands behind the last underscore of a part's name."""
PARAMETRISATIONS = "parametrizations."
UNDO = "torch.nn.utils.prune.remove, remove_weight_norm or remove_spectral_norm"


class Form(NamedTuple):
    """One way to keep a weight in parts.

    Attributes
    ----------
    parts : what is added to the weight's name; ``""`` is the weight itself
    join : makes the weight of the parts, in the same order
    told : what it is, in words
    """

    parts: tuple[str, ...]
    join: Callable[..., Array]
    told: str


Groups = dict[str, tuple[Form, list[str]]]
"""Weights by name: their form, and the names of their parts."""


class Plain(NamedTuple):
    """Arrays in the file's order, under the names that they have without parts.

    Attributes
    ----------
    notes : what was put together
    code_bits : bits of the codes, for arrays that were looked up in a codebook
    """

    arrays: dict[str, Array]
    notes: tuple[str, ...]
    code_bits: dict[str, int]


def join_parts(arrays: Mapping[str, Array], what: str) -> Plain:
    """Put together the weights that PyTorch, or eiesim's own retraining, keeps in parts.

    The result has ``weight`` where there were ``weight_orig`` and ``weight_mask``
    (`torch.nn.utils.prune`), ``weight_g`` and ``weight_v`` or ``parametrizations.weight.original0``
    and ``original1`` (weight norm), ``weight_orig``, ``weight_u`` and ``weight_v`` or
    ``parametrizations.weight.original``, ``0._u`` and ``0._v`` (spectral norm), ``weight_mask`` or
    ``weight_codes`` and ``weight_codebook`` beside ``weight`` (`prune_`, `share_weights`). A part
    that is missing or does not fit, or another parametrisation, is a WorkloadError.
    """
    notes: list[str] = []
    bits: dict[str, int] = {}
    found = dict(arrays)
    groups = _group_parametrisations(found, what) | _group_parts(found)
    while groups:
        for stem, (form, keys) in groups.items():
            notes.append(f"{stem}: {form.told}")
            if "_codebook" in form.parts:
                bits[stem] = _count_bits(found[keys[-1]], f"{what}: {stem}")
        found = _join(found, groups, what)
        groups = _group_parts(found)  # again, since a mask may lie over another form
    for key in found:
        stem, part = _split(key)
        name = stem.rpartition(".")[2]
        if part and name.startswith(("weight", "bias")):
            others = {name + it for form in FORMS if part in form.parts for it in form.parts}
            raise WorkloadError(
                f"{what}: {key}: expected a whole weight, found a part without those that go with "
                f"it (of {', '.join(sorted(others - {name + part}))}); save the module after {UNDO}"
            )
    return Plain(found, tuple(notes), bits)


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
            keys = [stem + it for it in form.parts]
            if part in form.parts and all(it in arrays for it in keys):
                groups[stem] = form, keys
                break
    return groups


def _group_parametrisations(arrays: Mapping[str, Array], what: str) -> Groups:
    parts: dict[tuple[str, str], list[str]] = {}
    for key in arrays:
        module, word, rest = key.rpartition(PARAMETRISATIONS)
        name, dot, part = rest.partition(".")
        if word and dot and (not module or module.endswith(".")):
            parts.setdefault((module, name), []).append(part)
    groups: Groups = {}
    for (module, name), found in parts.items():
        form = next((it for it in PARAMETRISED if sorted(it.parts) == sorted(found)), None)
        prefix = f"{module}{PARAMETRISATIONS}{name}."
        if form is None:
            raise WorkloadError(
                f"{what}: {prefix}*: expected weight norm or spectral norm (original0 and "
                f"original1, or original, 0._u and 0._v), found {', '.join(sorted(found))}; call "
                f"torch.nn.utils.parametrize.remove_parametrizations(module, {name!r}) and save it "
                "again"
            )
        groups[module + name] = form, [prefix + part for part in form.parts]
    return groups


def _join(arrays: Mapping[str, Array], groups: Groups, what: str) -> dict[str, Array]:
    """Put each whole where its first part stands."""
    owners = {key: stem for stem, (_, keys) in groups.items() for key in keys}
    joined: dict[str, Array] = {}
    for key, array in arrays.items():
        stem = owners.get(key)
        if stem is None and key in groups:
            raise WorkloadError(
                f"{what}: {key}: expected the weight or its parts, found both; leave one out"
            )
        if stem is None:
            joined[key] = array
        elif stem not in joined:
            joined[stem] = _make(arrays, *groups[stem], f"{what}: {stem}")
    return joined


def _make(arrays: Mapping[str, Array], form: Form, keys: list[str], what: str) -> Array:
    try:
        with np.errstate(all="ignore"):  # what is no number then is refused with the layer
            return np.asarray(form.join(*(arrays[key] for key in keys)), np.float32)
    except (ValueError, IndexError, TypeError) as error:
        shapes = ", ".join(f"{key} {list(arrays[key].shape)}" for key in keys)
        raise WorkloadError(
            f"{what}: expected parts that fit ({form.told}), found {shapes}"
        ) from error


def _count_bits(codebook: Array, what: str) -> int:
    bits = max(codebook.size, 1).bit_length() - 1
    if codebook.ndim != 1 or not 1 <= bits <= 8 or codebook.size != 1 << bits:
        raise WorkloadError(
            f"{what}_codebook: expected 2, 4, .. or 256 numbers, found {list(codebook.shape)}"
        )
    return bits


def _mask(weights: Array, mask: Array) -> Array:
    if weights.shape != mask.shape:
        raise ValueError("shapes differ")
    return np.asarray(weights * mask.astype(weights.dtype))


def _normalise(size: Array, direction: Array) -> Array:
    """Weight norm: a direction of length 1, times a size for each output (or one for all)."""
    if size.ndim not in (0, direction.ndim):
        raise ValueError("shapes differ")
    exact = direction.astype(np.float64)
    axes = tuple(axis for axis in range(exact.ndim) if not size.ndim or size.shape[axis] == 1)
    length = np.sqrt(np.square(exact).sum(axes, keepdims=True))
    return np.asarray(exact * (size / length)).reshape(direction.shape)


def _divide(weights: Array, left: Array, right: Array) -> Array:
    """Spectral norm as it is evaluated: over the largest singular value that was estimated."""
    exact = weights.astype(np.float64)
    # of the outputs, which a transposed convolution keeps in its second axis
    axis = next(axis for axis in (*range(exact.ndim), -1)
                if axis < 0 or exact.shape[axis] == left.size)  # fmt: skip
    if axis < 0:
        raise ValueError("shapes differ")
    matrix = np.moveaxis(exact, axis, 0).reshape(left.size, -1)
    return np.asarray(exact / (left.astype(np.float64) @ (matrix @ right.astype(np.float64))))


def _look_up(weights: Array, codes: Array, codebook: Array) -> Array:
    if weights.shape != codes.shape or codes.dtype.kind not in "ui":
        raise ValueError("shapes differ")
    entries = codebook.copy()
    entries[0] = 0
    return np.asarray(entries[codes])


FORMS = (
    Form(("_orig", "_mask"), _mask, "its weights times the mask of torch.nn.utils.prune"),
    Form(("_orig", "_u", "_v"), _divide, "its weights over their spectral norm"),
    Form(("_g", "_v"), _normalise, "put together from weight norm's size and direction"),
    Form(("", "_codes", "_codebook"), _look_up, "shared weights, by their codes"),
    Form(("", "_mask"), _mask, "its weights times the mask of prune_"),
)
PARAMETRISED = (
    Form(("original0", "original1"), _normalise, FORMS[2].told),
    Form(("original", "0._u", "0._v"), _divide, FORMS[1].told),
)
