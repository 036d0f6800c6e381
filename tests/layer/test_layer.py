"""Layers, inputs and benchmark descriptions: what is accepted, and what is said of the rest."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from eiesim import CompressedLayer, Hardware, encode, load_benchmark, simulate
from eiesim.base.errors import ConfigError, EieError, ImageError, WorkloadError
from eiesim.base.published import PAPER_LAYERS, read_table
from eiesim.catalog.layers import benchmark_names, draw_benchmark, load_spec
from eiesim.importers.npz import read_activations, read_layer
from eiesim.layer.drawing import draw_activations, draw_codebook
from eiesim.layer.weights import LayerSpec
from tests.support.arrays import f32, u8

CODES = np.zeros((2, 3), np.uint8)
CODEBOOK = f32([0, 1, 2, 3])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((CODES.astype(np.int64), CODEBOOK), r"codes: expected uint8 \[rows, cols\], found int64"),
        ((CODES[0], CODEBOOK), r"codes: expected uint8 \[rows, cols\], found uint8 \[3\]"),
        ((CODES[:0], CODEBOOK), r"found uint8 \[0, 3\]"),
        ((CODES + 4, CODEBOOK), "codes: expected codes below 4, the size of .*found 4"),
        (
            (CODES, CODEBOOK.astype(float)),
            "codebook: expected float32 .*, found float64",
        ),
        ((CODES, CODEBOOK[:3]), "codebook: expected 2, 4, 8 .. 256 entries, found 3"),
        ((CODES, CODEBOOK[:1]), "entries, found 1"),
        ((CODES, CODEBOOK + 1), r"codebook\[0\]: expected 0.0.*found 1.0"),
        ((CODES, f32([0, np.nan])), r"codebook\[1\]: expected a number, found nan"),
        (
            (CODES, CODEBOOK, np.zeros(3, np.uint8)),
            r"bias_codes: expected uint8 \[2\], found uint8",
        ),
        ((CODES, CODEBOOK, u8([0, 4])), "bias_codes: expected codes below 4"),
        ((sparse.coo_array(CODES), CODEBOOK), "expected a CSC or CSR matrix, found COO"),
    ],
)
def test_layers_that_are_wrong(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(WorkloadError, match=message):
        CompressedLayer(*arguments)


def test_a_place_with_two_codes_is_refused() -> None:
    for kind in (sparse.csr_array, sparse.csc_array):
        twice = kind((u8([1, 2]), np.array([1, 1]), np.array([0, 2, 2])), shape=(2, 2))
        with pytest.raises(WorkloadError, match="one place holds more than one value"):
            CompressedLayer(twice, CODEBOOK)


def test_unsorted_rows_and_stored_zeros_are_put_right() -> None:
    codes = sparse.csc_array((u8([3, 0, 1]), np.array([2, 1, 0]), np.array([0, 3])), shape=(3, 1))
    layer = CompressedLayer(codes, CODEBOOK)
    assert layer.codes.toarray().tolist() == [[1], [0], [3]]
    assert layer.codes.nnz == 2
    assert codes.data.tolist() == [3, 0, 1]  # the caller's matrix is as it was


def test_a_layer_keeps_its_own_copy() -> None:
    codes, codebook = CODES.copy(), CODEBOOK.copy()
    layer = CompressedLayer(codes, codebook)
    codes[0, 0], codebook[1] = 1, 9
    assert layer == CompressedLayer(CODES, CODEBOOK)


@pytest.mark.parametrize(
    ("activations", "message"),
    [
        (np.zeros(3), r"activations: expected float32 \[3\], found float64 \[3\]"),
        (np.zeros(4, np.float32), r"activations: .*found float32 \[4\]"),
        (np.zeros((1, 3), np.float32), r"activations: .*found float32 \[1, 3\]"),
        (f32([0, 0, np.nan]), r"activations\[2\]: expected a number, found nan"),
        (f32([0, -np.inf, 0]), r"activations\[1\]: expected a number, found -inf"),
    ],
)
def test_inputs_that_are_wrong(activations: Any, message: str) -> None:
    image = encode(CompressedLayer(CODES, CODEBOOK, name="mine"), Hardware())
    with pytest.raises(WorkloadError, match=f"mine: {message}"):
        simulate(image, activations, Hardware())


def test_other_hardware_and_engines_are_refused() -> None:
    image = encode(CompressedLayer(CODES, CODEBOOK), Hardware())
    with pytest.raises(ImageError, match="encode the layer again"):
        simulate(image, np.zeros(3, np.float32), Hardware(n_pes=2))
    with pytest.raises(ConfigError, match="did you mean 'fast'"):
        simulate(image, np.zeros(3, np.float32), Hardware(), "fastest")  # type: ignore[arg-type]


def test_the_nine_layers_are_table_iii() -> None:
    """Shapes and densities are those of EIE's Table III (data/paper/eie_table3.csv)."""
    rows = read_table("paper/eie_table3")
    assert tuple(row["layer"] for row in rows) == PAPER_LAYERS == tuple(benchmark_names())
    for row in rows:
        spec = load_spec(row["layer"])
        assert (spec.inputs, spec.outputs) == (int(row["inputs"]), int(row["outputs"]))
        assert spec.weight_density == pytest.approx(float(row["weight_percent"]) / 100, rel=1e-12)
        assert spec.activation_density == pytest.approx(float(row["act_percent"]) / 100, rel=1e-12)


@pytest.mark.parametrize("name", PAPER_LAYERS)
def test_drawn_operands_have_the_densities_described(name: str) -> None:
    benchmark = load_benchmark(name)
    spec, layer = benchmark.spec, benchmark.layer
    assert (layer.rows, layer.cols) == (spec.outputs, spec.inputs)
    spread = (spec.weight_density / (layer.rows * layer.cols)) ** 0.5
    assert abs(layer.density - spec.weight_density) < 5 * spread
    assert np.count_nonzero(benchmark.activations) == round(spec.activation_density * spec.inputs)
    assert (np.diff(layer.codebook[1:]) > 0).all()
    again = load_benchmark(name)
    assert again.layer == layer
    assert (again.activations == benchmark.activations).all()


def test_drawing_takes_memory_for_the_weights_that_are_kept() -> None:
    """VGG-6: 103 M weights, 4.1 M of them kept; dense in one byte each it would take 103 MB."""
    tracemalloc.start()
    try:
        kept = load_benchmark("vgg-6").layer.codes.nnz
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept == pytest.approx(4.11e6, rel=0.01)
    assert peak_bytes < 60 * kept < 1e9


def test_extreme_layers_can_be_drawn() -> None:
    for density in (0.0, 1.0):
        spec = LayerSpec(
            name="x", title="x", inputs=7, outputs=5, codebook_bits=1, bias=True,
            weight_density=density, activation_density=density,
        )  # fmt: skip
        benchmark = draw_benchmark(spec)
        assert benchmark.layer.density == density
        assert np.count_nonzero(benchmark.activations) == 7 * density
    assert np.isfinite(draw_codebook(8, 0.0, 1)).all()
    assert (draw_activations(1000, 1.0, np.random.default_rng(0)) != 0).all()


def test_unknown_layers() -> None:
    with pytest.raises(WorkloadError, match="layer 'alex-9': unknown, did you mean 'alex-"):
        load_benchmark("alex-9")
    with pytest.raises(WorkloadError, match="known are alex-6, alex-7"):
        load_benchmark("squeezenet")
    with pytest.raises(ConfigError, match=r"missing\.toml: cannot be read: No such file"):
        load_benchmark("missing.toml")
    assert load_benchmark("VGG-8").spec.name == "vgg-8"


def test_layer_files_that_are_wrong(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('name = "mine"\ninput = 3\noutputs = 0\nweight_density = 1.5\n')
    with pytest.raises(ConfigError) as error:
        load_spec(file)
    assert str(error.value).splitlines() == [
        f"{file}:2: input: unknown key, did you mean 'inputs'?",
        f"{file}:3: outputs: expected a whole number from 1 to 1048576, found 0",
        f"{file}:4: weight_density: expected a number from 0 to 1, found 1.5",
        f"{file}: title: missing, expected printable text (what the layer is)",
        f"{file}: inputs: missing, expected 1 to 1048576 (activations, columns of the matrix)",
        f"{file}: activation_density: missing, expected 0 to 1 "
        "(share of activations that are not zero)",
    ]


def save(folder: Path, **arrays: Any) -> Path:
    file = folder / "mine.npz"
    np.savez(file, **arrays)
    return file


def test_read_layer(tmp_path: Path) -> None:
    bias, act = u8([1, 2]), f32([1, 2, 3])
    layer, activations = read_layer(
        save(tmp_path, codes=CODES, codebook=CODEBOOK, bias=bias, act=act)
    )
    assert layer == CompressedLayer(CODES, CODEBOOK, bias)
    assert layer.name == "mine"
    assert activations is not None
    assert activations.tolist() == [1, 2, 3]


def test_read_layer_from_an_image(tmp_path: Path) -> None:
    layer = CompressedLayer(CODES + 1, CODEBOOK)
    file = tmp_path / "image.npz"
    encode(layer, Hardware(n_pes=2)).save(file)
    assert read_layer(file) == (layer, None)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"codes": CODES}, "array 'codebook' is missing: float32"),
        (
            {"codes": CODES, "codebok": CODEBOOK},
            "array 'codebok': unknown, did you mean 'codebook'",
        ),
        ({"codes": CODES, "codebook": CODEBOOK[:3]}, "mine.npz: codebook: expected 2, 4"),
    ],
)
def test_layer_arrays_that_are_wrong(arrays: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(EieError, match=message):
        read_layer(save(tmp_path, **arrays))


def test_read_activations(tmp_path: Path) -> None:
    np.save(tmp_path / "one.npy", f32([1, 2]))
    assert read_activations(tmp_path / "one.npy").tolist() == [1, 2]
    assert read_activations(save(tmp_path, anything=f32([3]))).tolist() == [3]
    assert read_activations(save(tmp_path, act=f32([4]), other=CODES)).tolist() == [4]
    with pytest.raises(WorkloadError, match="one named 'act', found a, b"):
        read_activations(save(tmp_path, a=CODES, b=CODES))
