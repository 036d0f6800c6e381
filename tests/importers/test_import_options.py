"""What is asked of an import holds, or is refused; files are known by what is in them."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eiesim import load_model
from eiesim.base.errors import ConfigError, WorkloadError
from eiesim.catalog.model import import_model
from eiesim.catalog.readers import read_weights_file
from eiesim.cli.main import main
from eiesim.compress.container import write_dcz
from eiesim.compress.plan import LayerPlan, Plan, read_plan
from eiesim.importers.described import Interface
from eiesim.importers.kinds import BY_NAME, Kind, find_kind, holds
from tests.support.caffe_files import ONE_BY_ONE, make_net
from tests.support.caffe_weights import caffe_weights
from tests.support.weight_files import Arrays, pack_safetensors, pack_zip, pickle_tensor

STEPS = """\
inputs = { x = [2, 6, 6] }
steps = [
  { name = "c", op = "conv", inputs = ["x"], layer = "conv" },
  { name = "d", op = "conv", inputs = ["c"], layer = "other" },
  { name = "f", op = "fc", inputs = ["d"], layer = "fc" },
]
"""


@pytest.fixture
def network(in_folder: Path) -> Path:
    """Weights of two convolutions and a fully connected layer, and their steps."""
    rng = np.random.default_rng(0)
    shapes = {"conv": (3, 2, 3, 3), "other": (4, 3, 3, 3), "fc": (5, 16)}
    arrays: Arrays = {
        f"{name}.weight": rng.normal(size=shape).astype("<f4") for name, shape in shapes.items()
    }
    (in_folder / "net.safetensors").write_bytes(pack_safetensors(arrays))
    (in_folder / "net.toml").write_text(STEPS)
    return in_folder / "net.safetensors"


@pytest.mark.parametrize(
    ("settings", "bits"),
    [
        ([], (8, 8, 4)),
        (["fc.density=0.5"], (8, 8, 4)),
        (["conv.density=0.5"], (8, 8, 4)),
        (["density=0.5", "fc.index_bits=5"], (8, 8, 4)),
        (["fc.codebook_bits=5"], (8, 8, 5)),
        (["conv.codebook_bits=5"], (5, 8, 4)),
        (["codebook_bits=4"], (4, 4, 4)),
        (["codebook_bits=6", "other.codebook_bits=4"], (6, 4, 6)),
    ],
)
def test_a_setting_changes_what_it_names_alone(
    network: Path, settings: list[str], bits: tuple[int, int, int],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    words = [word for setting in settings for word in ("--set", setting)]
    command = ["import", str(network), "--graph", "net.toml", "-o", "net.eie", "--json", *words]
    assert main(command) == 0
    rows = json.loads(capsys.readouterr().out)["steps"]
    assert tuple(row["code_bits"] for row in rows) == bits
    names = ("conv", "other", "fc")
    own = {name: [it.removeprefix(f"{name}.") for it in settings if it.startswith(f"{name}.")]
           for name in names}  # fmt: skip
    lines = [it for it in settings if not it.startswith(names)]
    for name in names:
        lines += [f"[layers.{name}]", *own[name]] if own[name] else []
    Path("plan.toml").write_text("\n".join(lines))
    assert main([*command[:7], "--plan", "plan.toml"]) == 0
    assert [row["code_bits"] for row in json.loads(capsys.readouterr().out)["steps"]] == [*bits]


def test_a_plan_of_layer_plans_decides_everything(network: Path) -> None:
    plan = Plan(LayerPlan(codebook_bits=5), {"fc": LayerPlan(codebook_bits=3)})
    layers = import_model(network, "net.toml", plan).model.layers
    assert {name: it.layer.codebook_bits for name, it in layers.items()} == {
        "conv": 5, "other": 5, "fc": 3,
    }  # fmt: skip


def test_a_plan_for_what_is_compressed_is_refused(
    in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(0)
    np.savez(in_folder / "w.npz", fc1=rng.normal(size=(20, 40)).astype("f4"))
    assert main(["compress", "w.npz", "--out", "small"]) == 0
    Path("plan.toml").write_text("density = 0.1\n")
    Path("one.net").write_bytes(make_net([(3, 2), (7, 15)], [0.0, 0.0]))
    Path("one.prototxt").write_text(ONE_BY_ONE)
    capsys.readouterr()
    for file in (["small/w.dcz"], ["one.net", "--graph", "one.prototxt"]):
        for plan in (["--set", "density=0.1"], ["--plan", "plan.toml"]):
            assert main(["import", *file, "-o", "net.eie", *plan]) == 2
            assert "is compressed already" in capsys.readouterr().err
            assert not Path("net.eie").exists()
        assert main(["import", *file, "-o", "net.eie"]) == 0
        with pytest.raises(WorkloadError, match="leave out steps and plan"):
            load_model("net.eie", plan=read_plan(None, ["density=0.1"]))
        assert main(["import", "net.eie", "-o", "again.eie"]) == 2
        assert "run it as it is" in capsys.readouterr().err
        Path("net.eie").unlink()
    with pytest.raises(ConfigError, match="is compressed already"):
        load_model("small/w.dcz", plan=Plan())
    assert main(["compress", "lenet-5", "--prototxt", "one.prototxt"]) == 2
    assert "definition: expected a network's definition with a .net file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--winograd"], "expected weights of a 3 x 3 convolution with stride 1"),
        (["--share-biases"], "biases to share: expected a layer with one, found none"),
    ],
)
def test_what_changes_nothing_is_refused(
    in_folder: Path, words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    np.savez(in_folder / "w.npz", fc=np.ones((2, 3), np.float32))
    assert main(["import", "w.npz", "-o", "net.eie", *words]) == 2
    assert told in capsys.readouterr().err


def test_winograd_needs_a_convolution_that_it_can_do(network: Path) -> None:
    steps = STEPS.replace('"conv" }', '"conv", settings = { stride = [2, 2] } }')
    wide = '"other", settings = { dilation = [2, 2], pad = [2, 2, 2, 2] } }'
    Path("net.toml").write_text(steps.replace('"other" }', wide))
    with pytest.raises(WorkloadError, match="Winograd"):
        import_model(network, "net.toml", interface=Interface(outputs=("d",)), use_winograd=True)
    Path("net.toml").write_text(STEPS)
    found = import_model(network, "net.toml", use_winograd=True).model
    assert [step.settings.get("winograd") for step in found.graph.steps] == [1, 1, None]


def write_all(folder: Path) -> dict[Kind, Path]:
    """Write a file of each kind that needs no other program."""
    numbers = np.arange(4, dtype="<f4").reshape(2, 2)
    np.savez(folder / "a.npz", fc=numbers)
    model = import_model(folder / "a.npz").model
    write_dcz(folder / "a.dcz", list(model.layers.values()))
    contents = {
        ".pt": pack_zip(pickle_tensor("2 2", "2 1"), s0=numbers.tobytes()),
        ".safetensors": pack_safetensors({"fc.weight": numbers}),
        ".caffemodel": caffe_weights(),
    }
    for ending, content in contents.items():
        (folder / f"a{ending}").write_bytes(content)
    index = {"weight_map": {"fc.weight": "a.safetensors"}}
    (folder / "a.index.json").write_text(json.dumps(index))
    found = {BY_NAME[it]: folder / f"a{it}" for it in (".npz", ".dcz", *contents)}
    return {**found, Kind.SHARDS: folder / "a.index.json"}


@pytest.mark.parametrize("ending", ["", *BY_NAME, ".bin", ".ckpt", ".json", ".xyz"])
def test_a_file_is_known_by_its_content(tmp_path: Path, ending: str) -> None:
    for kind, path in write_all(tmp_path).items():
        other = path.with_name(f"other{ending}")
        shutil.copy(path, other)
        assert find_kind(other) == kind
        assert holds(other, kind)
        assert not holds(other, *(it for it in Kind if it != kind))
        if kind == Kind.CONTAINER:
            assert len(load_model(other).layers) == 1
        else:
            assert len(read_weights_file(other).layers) == 1
        is_packed_by_its_reader = kind in (Kind.SAFETENSORS, Kind.CAFFEMODEL, Kind.SHARDS)
        other.write_bytes(gzip.compress(path.read_bytes()))
        if is_packed_by_its_reader:
            assert len(read_weights_file(other).layers) == 1
        else:
            with pytest.raises(WorkloadError, match="unpack it"):
                find_kind(other)


@pytest.mark.parametrize("name", ["x.eie", "x.npz", "x.pt", "x"])
def test_a_layer_and_a_network_run_under_any_name(
    in_folder: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    codes, codebook = np.eye(8, dtype=np.uint8), np.arange(16, dtype=np.float32)
    np.savez(in_folder / "layer.npz", codes=codes, codebook=codebook, act=np.ones(8, np.float32))
    np.savez(in_folder / "w.npz", fc=np.ones((2, 3), np.float32))
    import_model("w.npz").model.save("net.eie")
    for file, rows, more in (("layer.npz", "layers", []), ("net.eie", "steps", ["--draw", "1"])):
        cycles: list[Any] = []
        shutil.copy(file, name)
        for path in (file, name):
            assert main(["run", path, "--json", *more]) == 0
            found = json.loads(capsys.readouterr().out)[rows]
            cycles.append([row["cycles"] for row in found])
        assert cycles[0] == cycles[1]


def test_a_net_that_begins_like_another_file_is_a_net(in_folder: Path) -> None:
    # the lowest byte of the first shared weight is that of a brace
    content = bytearray(make_net([(1, 0)] * 40, [0.0, 0.0]))
    content[8:10] = b"{}"
    (in_folder / "one.net").write_bytes(content)
    (in_folder / "one.prototxt").write_text(ONE_BY_ONE)
    assert find_kind("one.net") == Kind.NET
    assert len(import_model("one.net", "one.prototxt").model.layers) == 1


@pytest.mark.parametrize("name", ["net.bin", "net.pt", "net"])
def test_onnx_under_any_name(in_folder: Path, name: str) -> None:
    onnx = pytest.importorskip("onnx", reason="onnx is not installed (make onnx-extra)")
    helper, floats = onnx.helper, onnx.TensorProto.FLOAT
    weights = onnx.numpy_helper.from_array(np.ones((2, 3), np.float32), "w")
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["x", "w"], ["y"], transB=1)], "g",
        [helper.make_tensor_value_info("x", floats, [1, 3])],
        [helper.make_tensor_value_info("y", floats, [1, 2])], [weights],
    )  # fmt: skip
    onnx.save(helper.make_model(graph), str(in_folder / name))
    assert find_kind(name) == Kind.ONNX
    assert len(import_model(name).model.layers) == 1


def test_weights_are_no_layer_and_a_layer_is_no_weights(
    in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    numbers = np.ones((2, 3), np.float32)
    (in_folder / "net.npz").write_bytes(pack_safetensors({"fc.weight": numbers}))
    assert main(["run", "net.npz"]) == 2
    assert "found a network's weights; import them first" in capsys.readouterr().err
    np.savez("layer.npz", codes=np.eye(3, dtype=np.uint8), codebook=np.arange(16, dtype=np.float32))
    for command in (["compress", "layer.npz"], ["import", "layer.npz", "-o", "net.eie"]):
        assert main(command) == 2
        assert "compressed already; run it as it is" in capsys.readouterr().err


def test_text_and_nothing_are_no_weights(tmp_path: Path) -> None:
    for content, told in (
        (b"", "an empty file"),
        (b"some words\n", "of no kind that eiesim"),
    ):
        (tmp_path / "a.bin").write_bytes(content)
        with pytest.raises(WorkloadError, match=told):
            read_weights_file(tmp_path / "a.bin")
    with pytest.raises(WorkloadError, match="expected a file, found none"):
        read_weights_file(tmp_path)
