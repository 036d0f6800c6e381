"""Files of other programs: what their makers say is in them, small ones by hand, damaged ones."""

from __future__ import annotations

import gzip
import math
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eiesim.base.errors import WorkloadError
from eiesim.importers.caffemodel import read_caffemodel
from eiesim.importers.content import read_content
from eiesim.importers.idx import read_idx
from eiesim.importers.net import read_net
from eiesim.importers.prototxt import read_prototxt
from eiesim.importers.raw import read_wavegru_layer
from tests.support.arrays import f32, u8
from tests.support.caffe_files import NUMBERS, ONE_BY_ONE, PACKED, SHAPE, make_net, sized, varint

DEFINITION = """\
name: "Small"  # a comment { with a brace
input: "data"
input_dim: 1 input_dim: 2 input_dim: 5 input_dim: 7
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 4 kernel_h: 3 kernel_w: 1 pad: 1 stride: 2 group: 2 } }
layer { name: "relu" type: 'ReLU' bottom: "conv" top: "conv" }
layer { name: "one" type: "Convolution" bottom: "conv" top: "one"
  convolution_param { num_output: 3, kernel_size: 1; weight_filler { type: "xavier" } } }
layer { name: "both" type: "Concat" bottom: "conv" bottom: "one" top: "both" }
layer { name: "pool" type: "Pooling" bottom: "both" top: "pool"
  pooling_param { pool: MAX kernel_size: 2 stride: 2 } }
layer { name: "fc" type: "InnerProduct" bottom: "pool" top: "fc"
  inner_product_param { num_output: 10 } }
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, bytes | str], Path]:
    def write_file(name: str, content: bytes | str) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_file


# prototxt


def test_shapes_follow_the_graph(write: Any) -> None:
    layers = {
        layer.name: layer for layer in read_prototxt(write("net.prototxt", DEFINITION)).layers
    }
    assert list(layers) == ["conv", "relu", "one", "both", "pool", "fc"]
    assert layers["conv"].weight_shape == (4, 1, 3, 1)
    # 5 x 7, padded to 7 x 9, stride 2: 3 rows and 5 columns; 4 + 3 channels; halved and rounded up
    assert layers["one"].weight_shape == (3, 4, 1, 1)
    assert layers["fc"].weight_shape == (10, 7 * 2 * 3)
    assert layers["both"].bottoms == ("conv", "one")
    assert layers["relu"][:5] == ("relu", "ReLU", ("conv",), ("conv",), ())
    assert layers["conv"].shape == (4, 3, 5)


def test_old_spelling_and_other_inputs(write: Any) -> None:
    assert read_prototxt(write("old", ONE_BY_ONE)).layers[0].weight_shape == (2, 20)
    head = 'layer { name: "in" type: "Input" top: "data" input_param { shape { dim: 1 dim: 20 } } }'
    text = head + ONE_BY_ONE[ONE_BY_ONE.index("layers") :]
    assert read_prototxt(write("input_layer", text)).layers[1].weight_shape == (2, 20)
    text = "input_shape: { dim: 1 dim: 20 }" + ONE_BY_ONE.replace("input_dim", "nothing")
    assert read_prototxt(write("input_shape", text)).layers[0].weight_shape == (2, 20)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("layer {\n name: ", "line 2: expected a key with a value or a block, found name: $"),
        ("layer {\n\n", "line 3: expected '}' for the block of line 1"),
        ("a " + "#" * 100_000 + "\n" + " " * 100_000 + "b", "line 1: expected a key with a value"),
        (
            "layer {\n a: 1 # }\n",
            "line 3: expected '}' for the block of line 1, found the file's end",
        ),
        ("a: 1\n}", "line 2: expected a key with a value or a block, found }"),
        ("a: 1\nb 2", "line 2: expected a key with a value or a block, found b 2"),
        ('a: "no end\n', 'line 1: expected a key with a value or a block, found a: "no end'),
        ("", "expected layers of a Caffe network, found none"),
        (
            ONE_BY_ONE.replace("output: 2", "output: -2"),
            "line 3: expected num_output of 1 to 1048576",
        ),
        (ONE_BY_ONE.replace("num_output: 2", ""), "line 3: expected a block with num_output"),
        (ONE_BY_ONE.replace('input: "data"', ""), "line 2: .*'ip' to read an input of known shape"),
        (DEFINITION.replace("kernel_h: 3", "kernel_h: 8"), "a kernel that fits its input"),
        (DEFINITION.replace("group: 2", "group: 3"), "groups that divide it"),
    ],
)
def test_wrong_definitions_are_refused(write: Any, text: str, message: str) -> None:
    with pytest.raises(WorkloadError, match=message):
        read_prototxt(write("net.prototxt", text))


def test_deeply_nested_blocks(write: Any) -> None:
    deep = "a {" * 100_000
    with pytest.raises(WorkloadError, match="found the file's end"):
        read_prototxt(write("deep", deep))
    assert read_prototxt(write("closed", ONE_BY_ONE + deep + "}" * 100_000)).layers[0].name == "ip"


@pytest.mark.data
def test_squeezenet_definition(shared_data: Path) -> None:
    layers = read_prototxt(shared_data / "squeezenet" / "SqueezeNet_deploy.prototxt").layers
    shapes = {layer.name: layer.weight_shape for layer in layers if layer.weight_shape}
    assert len(shapes) == 26
    assert sum(map(math.prod, shapes.values())) == 1_244_448
    assert shapes["conv1"] == (96, 3, 7, 7)
    assert shapes["conv_final"] == (1000, 512, 1, 1)


# .net


def test_net_by_hand(write: Any) -> None:
    content = make_net([(3, 2), (0, 15), (7, 0), (1, 0), (15, 19 - 4)], [0.5, -1.0])
    stored = read_net(write("a.net", content), write("a.prototxt", ONE_BY_ONE))[0]
    expected = np.zeros((2, 20), np.uint8)
    expected[0, 2], expected[0, 19], expected[1, 0], expected[1, 16] = 3, 7, 1, 15
    assert np.array_equal(stored.layer.codes.toarray(), expected)
    assert np.array_equal(stored.layer.codebook, np.arange(16))
    assert stored.bias.tolist() == [0.5, -1.0]
    assert (stored.entries, stored.padding, stored.shape) == (5, 1, (2, 20))
    assert stored.layer.name == "ip"


def test_net_that_does_not_fit(write: Any) -> None:
    definition = write("a.prototxt", ONE_BY_ONE)
    good = make_net([(3, 2), (7, 15)], [0.0, 0.0])
    for length in range(len(good)):
        with pytest.raises(WorkloadError, match=r"expected .* bytes, found .* left"):
            read_net(write("a.net", good[:length]), definition)
    with pytest.raises(WorkloadError, match=r"for 1 layers, found 1 more"):
        read_net(write("a.net", good + b"\0"), definition)
    with pytest.raises(WorkloadError, match="2 x 20 weights, found one at place 47"):
        read_net(write("a.net", make_net([(1, 15)] * 3, [0, 0])), definition)
    forged = b"\xff\xff\xff\xff" + good[4:]
    with pytest.raises(WorkloadError, match="codes: expected 2147483648 bytes, found 2 left"):
        read_net(write("a.net", forged), definition)
    with pytest.raises(WorkloadError, match=r"codebook\[0\]: expected 0.0"):
        read_net(write("a.net", good[:4] + b"\0\0\x80\x3f" + good[8:]), definition)
    with pytest.raises(WorkloadError, match=r"bias.*expected a number, found nan"):
        read_net(write("a.net", make_net([], [0, math.nan])), definition)
    wide = ONE_BY_ONE.replace("input_dim: 1 input_dim: 1", "input_dim: 9999 input_dim: 9999")
    with pytest.raises(WorkloadError, match="expected at most 1048576 inputs"):
        read_net(write("a.net", good), write("b.prototxt", wide))


@pytest.mark.data
def test_squeezenet(shared_data: Path) -> None:
    folder = shared_data / "squeezenet"
    path = folder / "compressed_SqueezeNet.net"
    layers = read_net(path, folder / "SqueezeNet_deploy.prototxt")
    assert path.stat().st_size == 675_763
    assert len(layers) == 26
    assert sum(it.layer.rows * it.layer.cols for it in layers) == 1_244_448
    assert sum(it.layer.weights for it in layers) == 415_921
    assert sum(it.entries for it in layers) == 422_083
    assert sum(it.padding for it in layers) == 6_162
    last = layers[-1]
    assert (last.layer.name, last.layer.rows, last.layer.cols) == ("conv_final", 1000, 512)
    assert (last.layer.weights, last.padding, last.layer.codebook_bits) == (102_323, 3_650, 8)


@pytest.mark.data
@pytest.mark.parametrize("photograph", ["cat", "fish-bike"])
def test_squeezenet_last_layer(shared_data: Path, photograph: str) -> None:
    """Convolution padded by 1, ReLU, mean over 15 x 15 places: the logits that came with it."""
    folder = shared_data / "squeezenet"
    stored = read_net(folder / "compressed_SqueezeNet.net", folder / "SqueezeNet_deploy.prototxt")[
        -1
    ]
    with np.load(folder / f"derived_conv1x1_inputs_{photograph}.npz") as arrays:
        inputs, logits = arrays["conv_final"], arrays["logits"]
    padded = np.pad(inputs, ((0, 0), (1, 1), (1, 1))).reshape(512, 15 * 15)
    weights = stored.layer.codebook[stored.layer.codes.toarray()]
    outputs = np.maximum(weights @ padded + stored.bias[:, None], 0).mean(1)
    assert outputs == pytest.approx(logits, abs=1e-4)


# .caffemodel


def numbered(number: int, value: int) -> bytes:
    return varint(number << 3) + varint(value)


LOOSE = b"".join(varint(5 << 3 | 5) + struct.pack("<f", it) for it in NUMBERS)
LOOSE_SHAPE = sized(7, numbered(1, 2) + numbered(1, 3))
LEGACY = b"".join(numbered(it, size) for it, size in ((1, 1), (2, 1), (3, 2), (4, 3)))
IGNORED = numbered(99, 1 << 40) + varint(98 << 3 | 1) + bytes(8) + sized(97, b"more")


@pytest.mark.parametrize("blob", [PACKED + SHAPE, LOOSE_SHAPE + LOOSE, IGNORED + PACKED + SHAPE])
def test_caffemodel_by_hand(write: Any, blob: bytes) -> None:
    bias = sized(5, struct.pack("<2f", 7, 9)) + sized(7, numbered(1, 2))
    layer = sized(1, b"fc") + sized(2, b"InnerProduct") + sized(7, blob) + sized(7, bias)
    path = write("a.caffemodel", sized(1, b"Net") + sized(100, layer) + sized(100, sized(1, b"re")))
    layers = read_caffemodel(path)
    assert list(layers) == ["fc"]
    weights, offsets = layers["fc"]
    assert weights.dtype == np.float32
    assert weights.tolist() == [NUMBERS[:3], NUMBERS[3:]]
    assert offsets.tolist() == [7, 9]


def test_old_caffemodel(write: Any) -> None:
    layer = sized(4, b"fc") + numbered(5, 14) + sized(6, LEGACY + PACKED)
    layers = read_caffemodel(write("old.caffemodel", sized(2, layer)))
    assert layers["fc"][0].shape == (1, 1, 2, 3)


def model(blob: bytes) -> bytes:
    return sized(100, sized(1, b"fc") + sized(7, blob))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "found none"),
        (b"layer {}", "wire type|expected"),
        (model(PACKED + SHAPE)[:-1], "bytes, found .* bytes left"),
        (model(PACKED), "its shape .* found 6"),
        (model(sized(7, numbered(1, (1 << 63) - 1) * 2) + PACKED), "its shape .* found 6"),
        (model(sized(7, numbered(1, 1) * 99) + PACKED), "its shape .* found 6"),
        (model(sized(5, b"12345") + SHAPE), "4 bytes each, found 5 bytes"),
        (model(PACKED + SHAPE) * 2, "'fc' twice"),
        (varint(100 << 3 | 2) + varint(1 << 62), "a field of 4611686018427387904 bytes"),
        (b"\xff" * 30, "at most 10 bytes"),
        (varint(1 << 3 | 3), "wire type 0, 1, 2 or 5, found 3"),
    ],
)
def test_wrong_caffemodels_are_refused(write: Any, content: bytes, message: str) -> None:
    with pytest.raises(WorkloadError, match=message):
        read_caffemodel(write("a.caffemodel", content))


@given(
    place=st.integers(0, 50), byte=st.integers(0, 255), length=st.integers(0, 60), old=st.booleans()
)
def test_damaged_caffemodels(
    tmp_path_factory: pytest.TempPathFactory, place: int, byte: int, length: int, old: bool
) -> None:
    content = bytearray(model((LEGACY if old else SHAPE) + PACKED))
    content[place % len(content)] = byte
    path = tmp_path_factory.mktemp("damaged") / "a.caffemodel"
    path.write_bytes(bytes(content[:length]))
    try:
        blobs = [blob for layer in read_caffemodel(path).values() for blob in layer]
    except WorkloadError:
        return
    assert all(blob.nbytes <= length for blob in blobs)


# WaveGRU


def write_wavegru(folder: Path, **parts: npt.ArrayLike) -> None:
    for part, values in parts.items():
        (folder / f"a_{part}.raw.gz").write_bytes(gzip.compress(f32(values).tobytes()))


def test_wavegru_by_hand(tmp_path: Path) -> None:
    write_wavegru(tmp_path, bias=[1, 2], weights=[1, 2, 3, 4, 5, 6], mask=[1, 0, 1, 1, 1, 0])
    weights, bias = read_wavegru_layer(tmp_path, "a")
    assert bias is not None
    assert weights.tolist() == [[1, 0, 3], [4, 5, 0]]
    assert bias.tolist() == [1, 2]
    assert weights.dtype == bias.dtype == np.float32


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"bias": [1, 2], "weights": [1, 2, 3], "mask": [1, 1, 1]}, "found 3 weights and 2 biases"),
        ({"bias": [], "weights": [1], "mask": [1]}, "found 1 weights and 0 biases"),
        ({"bias": [1], "weights": [1, 2], "mask": [1]}, "found 1 numbers, 0 to 1"),
        ({"bias": [1], "weights": [1, 2], "mask": [1, 3]}, "found 2 numbers, 0 to 3"),
        ({"bias": [1], "weights": [np.nan], "mask": [1]}, "expected a number, found nan"),
        ({"bias": [1], "weights": [1]}, "a_mask.raw.gz: expected a file, found none"),
    ],
)
def test_wrong_wavegru_is_refused(tmp_path: Path, parts: Any, message: str) -> None:
    write_wavegru(tmp_path, **parts)
    with pytest.raises(WorkloadError, match=message):
        read_wavegru_layer(tmp_path, "a")


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "shape", "density"),
    [
        ("768_512_95_4x4_wavernn_gru", (3072, 1024), 0.05),
        ("lyra_16khz_gru_layer", (3072, 1024), 1 / 16),
        ("lyra_16khz_conv_to_gates", (3072, 1024), 0.08),
        ("lyra_16khz_conv1d", (512, 480), 0.08),
        ("lyra_16khz_conv_cond", (1024, 512), 0.08),
        *((f"lyra_16khz_conditioning_stack_{it}", (512, 1024), 0.08) for it in range(3)),
        *((f"lyra_16khz_transpose_{it}", (1024, 512), 0.08) for it in range(3)),
        ("lyra_16khz_proj", (512, 1024), 0.08),
    ],
)
def test_wavegru_densities(
    shared_data: Path, name: str, shape: tuple[int, int], density: float
) -> None:
    """Pruned in blocks of 4 x 4 to 95, 93.75 and 92 %, as the first file's name tells."""
    weights, bias = read_wavegru_layer(shared_data / "wavegru", name)
    assert bias is not None
    assert weights.shape == shape
    assert bias.shape == shape[:1]
    assert (weights != 0).mean() == pytest.approx(density, abs=0.001)
    blocks = (weights != 0).reshape(shape[0] // 4, 4, shape[1] // 4, 4).sum((1, 3))
    assert set(np.unique(blocks)) == {0, 16}


# idx and gzip


def test_idx_by_hand(write: Any) -> None:
    content = b"\0\0\x08\x02" + struct.pack(">2I", 2, 3) + bytes(range(6))
    for packed in (content, gzip.compress(content, mtime=0)):
        assert np.array_equal(read_idx(write("a", packed)), u8([[0, 1, 2], [3, 4, 5]]))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "an empty file"),
        (b"\0\0\x0d\x01" + bytes(8), "unsigned bytes.*found 00 00 0d 01"),
        (b"\0\0\x08\x03" + bytes(8), "expected 3 dimensions in 16 bytes"),
        (b"\0\0\x08\x01" + b"\xff" * 4, "expected 4294967295 bytes of data"),
        (b"\0\0\x08\x01" + bytes(4) + b"1", r"expected 0 bytes .* found 1"),
        (b"\0\0\x08\x80" + bytes(512), "at most 32 dimensions, found 128"),
        (gzip.compress(b"\0\0\x08\x01" + bytes(4), mtime=0)[:-9], "a truncated or damaged one"),
        (b"\x1f\x8bnot really", "a truncated or damaged one"),
    ],
)
def test_wrong_idx_is_refused(write: Any, content: bytes, message: str) -> None:
    with pytest.raises(WorkloadError, match=message):
        read_idx(write("a", content))


def test_files_that_unpack_to_too_much(write: Any) -> None:
    bomb = write("bomb", gzip.compress(bytes(10 << 20), mtime=0))
    with pytest.raises(WorkloadError, match="at most 5000000 bytes, found more"):
        read_content(bomb, 5_000_000)
    assert len(read_content(bomb)) == 10 << 20


@pytest.mark.parametrize("path", ["missing", ".", "/dev/zero", "null\0character", ""])
def test_what_is_no_file(in_folder: Path, path: str) -> None:
    assert in_folder == Path.cwd()
    with pytest.raises(WorkloadError, match="expected a file, found none"):
        read_content(path)


# real networks


def classify(layers: dict[str, Any], images: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Return LeNet's classes: convolution and 2 x 2 maximum, twice if at all; then matrices."""
    x = images.astype(np.float32)[:, None] / np.float32(256)
    for name in ("conv1", "conv2"):
        if name in layers:
            weights, bias = layers[name][:2]
            windows = np.lib.stride_tricks.sliding_window_view(x, (5, 5), axis=(2, 3))
            y = np.tensordot(windows, weights, axes=((1, 4, 5), (1, 2, 3))) + bias
            images_, height, width, channels = y.shape
            y = y.reshape(images_, height // 2, 2, width // 2, 2, channels).max((2, 4))
            x = y.transpose(0, 3, 1, 2)
    x = x.reshape(len(x), -1)
    names = [name for name in layers if name.startswith("ip")]
    for name in names:
        x = x @ layers[name][0].T + layers[name][1]
        x = x if name == names[-1] else np.maximum(x, 0)
    classes: npt.NDArray[np.int64] = x.argmax(1)
    return classes


@pytest.mark.data
@pytest.mark.parametrize(
    ("network", "right"),
    [("lenet300100_original", 9772), ("lenet300100_sparse", 9801),
     ("lenet5_original", 9909), ("lenet5_sparse", 9909)],
)  # fmt: skip
def test_lenet_accuracy(shared_data: Path, network: str, right: int) -> None:
    """The right ones of 10,000 images, as the networks' README tells for the pruned ones."""
    layers = read_caffemodel(shared_data / "lenet" / f"caffe_{network}.caffemodel")
    images = read_idx(shared_data / "mnist" / "t10k-images-idx3-ubyte.gz")
    labels = read_idx(shared_data / "mnist" / "t10k-labels-idx1-ubyte.gz")
    assert images.shape == (10_000, 28, 28)
    parts = [classify(layers, part) for part in np.split(images, 10)]
    # one image more or less: sums of float32 differ between BLAS libraries
    assert abs(int((np.concatenate(parts) == labels).sum()) - right) <= 1
