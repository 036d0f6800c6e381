"""Weights as PyTorch and safetensors save them, whole, damaged and hostile."""

from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eiesim import Hardware, load_model, run_model
from eiesim.base.errors import WorkloadError
from eiesim.catalog.readers import read_weights_file
from eiesim.compress.plan import read_plan
from eiesim.importers.safetensors_file import read_safetensors
from eiesim.importers.torch_file import MAGIC, read_torch
from tests.support.fuzzing import fuzz
from tests.support.weight_files import (
    NAMES,
    Arrays,
    pack_safetensors,
    pack_zip,
    pickle_tensor,
    text,
)


@settings(max_examples=50)
@given(st.data())
def test_safetensors_come_back(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("safetensors") / "net.safetensors"
    rng = np.random.default_rng(data.draw(st.integers(0, 1 << 32)))
    arrays = {}
    for number in range(data.draw(st.integers(1, 4))):
        shape = data.draw(st.lists(st.integers(0, 4), max_size=4))
        kind = data.draw(st.sampled_from(sorted(NAMES)))
        arrays[f"layer.{number}"] = rng.integers(0, 100, shape).astype(f"<{kind}")
    path.write_bytes(pack_safetensors(arrays))
    found = read_safetensors(path)
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        assert np.array_equal(found[name], array)


def test_narrow_numbers_become_float32(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    weights = np.array([[1.5, -2.0], [0.25, 3.0]], np.float32)
    arrays: Arrays = {
        "a.weight": weights,
        "b.weight": weights.astype(np.float16),
        "c.weight": np.array([[0, 128], [255, 130]], np.uint8),
        "c.scale": np.array([0.5, 2.0], np.float32),
        "c.zero_point": np.array([128], np.int32),
        "c.bias": np.array([1, 2], np.float64),
        "norm.weight": np.ones(4, np.float32),
    }
    path.write_bytes(pack_safetensors(arrays, bfloat16=("a.weight",)))
    found = read_weights_file(path)
    assert np.array_equal(found.layers["a"].weights, weights)
    assert np.array_equal(found.layers["b"].weights, weights)
    assert np.array_equal(found.layers["c"].weights, [[-64, 0], [254, 4]])
    assert found.layers["c"].bias is not None
    assert found.layers["c"].bias.dtype == np.float32
    assert [it.name for it in found.skipped] == ["norm.weight"]
    del arrays["c.scale"]
    path.write_bytes(pack_safetensors(arrays))
    with pytest.raises(WorkloadError, match=r"uint8 weights: expected c.scale beside them"):
        read_weights_file(path)


def forge(change: dict[str, Any]) -> bytes:
    row = {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]} | change
    text = json.dumps({"a.weight": row}).encode()
    return struct.pack("<Q", len(text)) + text + bytes(16)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected 8 bytes"),
        (struct.pack("<Q", 1 << 60) + b"{}", "header of at most"),
        (struct.pack("<Q", 2) + b"[]", "expected an object"),
        (struct.pack("<Q", 2) + b"{]", "expected JSON"),
        (forge({"shape": [1 << 40, 1 << 40]}), "expected .* bytes from 0 on"),
        (forge({"shape": [-1, 4]}), "expected dtype, shape"),
        (forge({"shape": [True, 4]}), "expected dtype, shape"),
        (forge({"data_offsets": [4, 20]}), "from 0 on, found 4 to 20"),
        (forge({"dtype": "F33"}), "dtype F33: known are BF16"),
        (forge({"dtype": ["F32"]}), "dtype"),
        (forge({}) + b"x", "found 1 more"),
        (struct.pack("<Q", 200_000) + b"[" * 200_000, "expected JSON"),
    ],
)
def test_forged_safetensors_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "net.safetensors"
    path.write_bytes(content)
    with pytest.raises(WorkloadError, match=message):
        read_safetensors(path)


@pytest.mark.parametrize("old", [False, True])
def test_what_torch_saved_comes_back(tmp_path: Path, old: bool) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (make train-extra)")
    generator = torch.Generator().manual_seed(0)
    whole = torch.rand(6, 8, generator=generator)
    state = {
        "a.weight": whole,
        "a.bias": whole[:, 2],  # a view, with strides and an offset
        "b.weight": whole.t(),
        "c.weight": torch.rand(3, 2, 2, 2, generator=generator).half(),
        "d.weight": torch.rand(4, 3, generator=generator).bfloat16(),
        "e.weight": torch.nn.Parameter(torch.rand(2, 2, generator=generator).double()),
        "f.weight": torch.randint(-128, 127, (2, 3), dtype=torch.int8, generator=generator),
        "norm.num_batches_tracked": torch.tensor(5),
        "empty": torch.zeros(0, 3),
    }
    path = tmp_path / "net.pt"
    torch.save(state, path, _use_new_zipfile_serialization=not old)
    found = read_torch(path)
    assert list(found) == list(state)
    for name, tensor in state.items():
        narrow = tensor.dtype == torch.bfloat16
        expected = (tensor.float() if narrow else tensor).detach().numpy()
        assert found[name].dtype == expected.dtype, name
        assert np.array_equal(found[name], expected), name
    torch.save({"epoch": 3, "state_dict": state}, path, _use_new_zipfile_serialization=not old)
    assert list(read_torch(path)) == list(state)


@pytest.mark.parametrize("old", [False, True])
def test_a_whole_module_is_refused(tmp_path: Path, old: bool) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (make train-extra)")
    path = tmp_path / "net.pt"
    torch.save(torch.nn.Linear(2, 2), path, _use_new_zipfile_serialization=not old)
    with pytest.raises(WorkloadError, match="state_dict"):
        read_torch(path)


def test_modules_of_torch_run_as_they_do_there(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (make train-extra)")
    torch.manual_seed(0)
    hw = Hardware(n_pes=4, codebook_bits=8)
    for module in (
        torch.nn.LSTM(4, 3, num_layers=2),
        torch.nn.GRU(4, 3),
        torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.ReLU(), torch.nn.Linear(5, 2)),
    ):
        with torch.no_grad():
            for parameter in module.parameters():  # few values: a codebook holds them as they are
                parameter.copy_((parameter * 32).round() / 32)
        torch.save(module.state_dict(), tmp_path / "net.pt")
        recurrent = not isinstance(module, torch.nn.Sequential)
        inputs = torch.randn(6, 4) if recurrent else torch.randn(4)
        plan = read_plan(None, ["codebook_bits=8", "initialisation=optimal"])
        model = load_model(tmp_path / "net.pt", plan=plan)
        (run,) = run_model(model, [{"input": inputs.numpy()}], hw)
        expected = module(inputs)
        expected = (expected[0] if recurrent else expected).detach().numpy()
        assert np.allclose(run.values[model.graph.outputs[0]], expected, atol=1e-5)


def test_a_tensor_written_by_hand_is_read(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    numbers = np.arange(4, dtype="<f4")
    path.write_bytes(pack_zip(pickle_tensor("2 2", "1 2"), s0=numbers.tobytes()))
    assert np.array_equal(read_torch(path)["a.weight"], numbers.reshape(2, 2).T)


HOSTILE = {
    "a command": b"cos\nsystem\n(" + text("true") + b"tR.",
    "eval": b"cbuiltins\neval\n(" + text("1") + b"tR.",
    "a class made": b"(cos\nsystem\no.",
    "an instance": b"(" + text("true") + b"ios\nsystem\n.",
    "getattr": b"c__builtin__\ngetattr\n(cos\nsystem\n" + text("x") + b"tR.",
    "a load inside": b"ctorch.storage\n_load_from_bytes\n(" + text("x") + b"tR.",
    "an extension": b"\x80\x02\x82\x01.",
    "a global by stack": b"\x80\x04" + text("os") + text("system") + b"\x93N\x85R.",
    "no stop": b"\x80\x02}",
    "nothing": b"",
    "a long text": b"X" + struct.pack("<I", 0xFFFFFFFF) + b"x.",
    "a longer text": b"\x8d" + struct.pack("<Q", 1 << 62) + b"x.",
    "a far memo": b"}r" + struct.pack("<I", 0xFFFFFFFF) + b".",
    "a missing memo": b"h\x05.",
    "an empty stack": b"R.",
    "no mark": b"t.",
    "deep lists": b"]" * 500_000 + b"." ,
    "odd items": b"}(" + text("a") + b"u.",
    "a list as key": b"}]Ns.",
    "a number for arguments": b"ccollections\nOrderedDict\nNR.",
    "a huge tensor": pickle_tensor("1000000 1000000", "0 0"),
    "strides beyond": pickle_tensor("2 2", "1 100"),
    "a forged storage": pickle_tensor("100000 100000", "100000 1", numbers=10**10),
    "a negative stride": pickle_tensor("2 2", "-1 1"),
    "an odd storage": pickle_tensor("2 2", "2 1", kind="os system"),
    "a short storage": pickle_tensor("2 3", "3 1", numbers=6),
}  # fmt: skip


@pytest.mark.parametrize("pickle", HOSTILE.values(), ids=HOSTILE)
def test_hostile_pickles_are_refused(tmp_path: Path, pickle: bytes) -> None:
    path = tmp_path / "net.pt"
    path.write_bytes(pack_zip(pickle, s0=bytes(16)))
    with pytest.raises(WorkloadError) as caught:
        read_torch(path)
    if b"system" in pickle and b"R." in pickle[-3:]:
        assert "os.system, which is never run" in str(caught.value) or "getattr" in str(
            caught.value
        )
    number = MAGIC.to_bytes(10, "little")
    head = b"\x80\x02\x8a" + bytes([len(number)]) + number + b".\x80\x02M\xe9\x03.\x80\x02}."
    path.write_bytes(head + pickle + b"\x80\x02]" + text("0") + b"a." + struct.pack("<Q", 4))
    with pytest.raises(WorkloadError):
        read_torch(path)


def test_keys_of_storages_that_are_no_texts_are_refused(tmp_path: Path) -> None:
    number = MAGIC.to_bytes(10, "little")
    head = b"\x80\x02\x8a" + bytes([len(number)]) + number + b".\x80\x02M\xe9\x03.\x80\x02}."
    path = tmp_path / "net.pt"
    path.write_bytes(head + pickle_tensor("2 2", "2 1") + b"\x80\x02]]a.")
    with pytest.raises(WorkloadError, match=r"storage \[\]: expected a tensor that uses it"):
        read_torch(path)


def test_packed_and_doubled_archives_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("net/data.pkl", pickle_tensor("2 2", "2 1", numbers=10**9))
        archive.writestr("net/data/0", bytes(10**7))
    with pytest.raises(WorkloadError, match="packed"):
        read_torch(path)
    content = pack_zip(pickle_tensor("2 2", "2 1"), s0=bytes(16), s1=bytes(16))
    path.write_bytes(content.replace(b"net/data/1", b"net/data/0"))
    with pytest.raises(WorkloadError, match="each name once"):
        read_torch(path)


def test_archives_whose_names_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("n\u00e9t/data.pkl", b"")
    path.write_bytes(path.read_bytes().replace("\u00e9".encode(), b"\xff\xff"))
    with pytest.raises(WorkloadError, match="cannot be read"):
        read_torch(path)


@pytest.mark.parametrize("number", [2_000, pytest.param(30_000, marks=pytest.mark.slow)])
def test_damaged_files_are_refused_or_read(tmp_path: Path, number: int) -> None:
    numbers = np.arange(4, dtype="<f4")
    arrays: Arrays = {"a.weight": numbers.reshape(2, 2), "b.weight": numbers.reshape(2, 2)}
    assert fuzz(tmp_path / "net.safetensors", pack_safetensors(arrays), number) > number / 2
    zipped = pack_zip(pickle_tensor("2 2", "2 1"), s0=numbers.tobytes())
    assert fuzz(tmp_path / "net.pt", zipped, number) > number / 4
