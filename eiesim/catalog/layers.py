"""Named layers, as `models/*.toml` describes them: weights and one input, drawn from a seed."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eiesim.base.errors import WorkloadError, did_you_mean
from eiesim.base.published import PAPER_LAYERS
from eiesim.base.resources import models_path
from eiesim.base.schema import read_toml
from eiesim.catalog.trained import load_layer, trained_names
from eiesim.layer.drawing import draw_activations, draw_codebook, draw_codes
from eiesim.layer.weights import LARGEST, CompressedLayer, LayerSpec


@dataclass(frozen=True, eq=False)
class Benchmark:
    """A layer, one input, and the description that both were drawn from, or that fits them."""

    layer: CompressedLayer
    activations: npt.NDArray[np.float32]
    spec: LayerSpec


def benchmark_names() -> list[str]:
    """Return the names of the layers in `models/`, the paper's nine first and in its order."""
    names = {path.stem for path in models_path().glob("*.toml")}
    return [name for name in PAPER_LAYERS if name in names] + sorted(names - {*PAPER_LAYERS})


def load_spec(name: str | Path) -> LayerSpec:
    """Return the description in the file of `find_spec_file`.

    Raises WorkloadError if there is no such layer, and ConfigError with a line for each problem of
    the file.
    """
    return read_toml(find_spec_file(name), LayerSpec)


def find_spec_file(name: str | Path) -> Path:
    """Return the file that describes a layer; WorkloadError if there is none.

    `name` is a name of `benchmark_names()`, in any case, or the path of a `.toml` file like those
    in `models/`.
    """
    path = Path(name)
    if path.suffix.lower() == ".toml":
        return path
    names = benchmark_names()
    stem = str(name).lower()
    if stem in names:
        return models_path() / f"{stem}.toml"
    with suppress(OSError):  # the name cannot be the name of a file
        if path.exists():
            kind = "a folder" if path.is_dir() else "another kind of file"
            raise WorkloadError(f"{path}: expected a .npz or .toml file, found {kind}")
    raise WorkloadError(f"layer {str(name)!r}: unknown, {did_you_mean(stem, names)}")


def draw_layer(spec: LayerSpec) -> CompressedLayer:
    """Draw the weights of a layer; the same description always gives the same ones.

    Raises WorkloadError if 32-bit indices cannot hold the weights, or if the rows and columns are
    too uneven for the density.
    """
    count = spec.inputs * spec.outputs * spec.weight_density
    if count > LARGEST:
        raise WorkloadError(
            f"{spec.name}: {count:.3g} weights would be kept, at most {LARGEST} can be: "
            "lower inputs, outputs or weight_density"
        )
    weights_rng, bias_rng, _ = _spawn(spec)
    codes = draw_codes(
        (spec.outputs, spec.inputs),
        spec.weight_density,
        (spec.row_variation, spec.column_variation),
        spec.codebook_bits,
        weights_rng,
    )
    codebook = draw_codebook(spec.codebook_bits, spec.weight_density, spec.inputs)
    bias_codes = None
    if spec.bias:
        bias_codes = bias_rng.integers(1, codebook.size, size=spec.outputs, dtype=np.uint8)
    return CompressedLayer(codes, codebook, bias_codes, spec.name)


def draw_input(spec: LayerSpec) -> npt.NDArray[np.float32]:
    """Draw one input of a layer.

    The places that are not zero at one density are among those at any higher one.
    """
    return draw_activations(spec.inputs, spec.activation_density, _spawn(spec)[2])


def draw_benchmark(spec: LayerSpec) -> Benchmark:
    """Draw weights and one input; raises as `draw_layer` does."""
    return Benchmark(draw_layer(spec), draw_input(spec), spec)


def _spawn(spec: LayerSpec) -> list[np.random.Generator]:
    """Return the generators of weights, bias and input."""
    return [np.random.default_rng(child) for child in np.random.SeedSequence(spec.seed).spawn(3)]


def load_benchmark(name: str | Path) -> Benchmark:
    """Return a named layer with its weights and one input.

    `name` is as in `find_spec_file`, or a trained layer of `catalog.trained.list_layers()`, such as
    ``lenet-300-100/ip1``, whose input was recorded. Raises WorkloadError if there is no such layer,
    and ConfigError with a line for each problem of the file.

    Examples
    --------
    >>> from eiesim import load_benchmark
    >>> benchmark = load_benchmark("alex-8")
    >>> benchmark.layer.rows, benchmark.layer.cols
    (1000, 4096)
    """
    if "/" in str(name) and str(name).partition("/")[0] in trained_names():
        return _load_trained(str(name))
    return draw_benchmark(load_spec(name))


def _load_trained(name: str) -> Benchmark:
    layer, activations = load_layer(name)
    spec = LayerSpec(
        name=name, title="a layer that eiesim trained", inputs=layer.cols, outputs=layer.rows,
        weight_density=layer.density, activation_density=float((activations != 0).mean()),
        codebook_bits=layer.codebook_bits, bias=layer.bias_codes is not None,
        source="models/trained",
    )  # fmt: skip
    return Benchmark(layer, activations, spec)
