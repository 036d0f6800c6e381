"""Networks on their way back: what other tools make of the files is what eiesim gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip("torch", reason="PyTorch is missing: pip install 'eiesim[train]'")
pytest.importorskip("onnxruntime", reason="onnxruntime is missing: pip install 'eiesim[onnx]'")
import onnx
import onnxruntime
import torch
from torch import nn

from eiesim import CompressedLayer, Hardware, Model, run_model
from eiesim.base.errors import WorkloadError
from eiesim.catalog.model import import_model, load_model
from eiesim.catalog.readers import read_weights_file
from eiesim.cli.main import main
from eiesim.compress.container import read_dcz, write_dcz
from eiesim.compress.plan import LayerPlan, Plan
from eiesim.compress.retrain import export as export_layers
from eiesim.compress.retrain import prune_, share_weights
from eiesim.exporters import export_network, make_tensors
from eiesim.exporters.onnx_model import make_onnx
from eiesim.graph import Graph, Step
from eiesim.layer.weights import StoredLayer

Floats = npt.NDArray[np.float32]
PLAN = Plan(LayerPlan(density=0.6, codebook_bits=4))


def run_session(content: bytes | str, inputs: dict[str, Floats]) -> list[Any]:
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    results: list[Any] = session.run(None, inputs)
    return results


def run_eie(model: Model, inputs: dict[str, Floats]) -> list[Floats]:
    (run,) = run_model(model, [inputs], Hardware(codebook_bits=8))
    return [run.values[name] for name in model.graph.outputs]


def import_state(module: nn.Module, folder: Path, plan: Plan = PLAN) -> Model:
    torch.save(module.state_dict(), folder / "net.pt")
    return load_model(folder / "net.pt", plan=plan)


def reload(module: nn.Module, model: Any, folder: Path, form: str) -> Any:
    """Load the exported weights into the module."""
    path = folder / f"back.{form}"
    export_network(model, path, form)
    if form == "pt":
        module.load_state_dict(torch.load(path, weights_only=True))
    else:  # eiesim's own reader: the other side of the format is written down, not ours
        layers = read_weights_file(path).layers
        state = {
            f"{name}.weight": torch.from_numpy(it.weights.copy()) for name, it in layers.items()
        }
        state |= {f"{name}.bias": torch.tensor(it.bias)
                  for name, it in layers.items() if it.bias is not None}  # fmt: skip
        module.load_state_dict(state)
    return module.eval()


@pytest.mark.parametrize("form", ["pt", "safetensors"])
def test_pytorch_gives_what_eie_gives(form: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(20, 15), nn.ReLU(), nn.Linear(15, 8))
    model = import_state(module, tmp_path)
    row = torch.randn(20)
    before = module(row).detach().numpy()
    after = reload(module, model, tmp_path, form)(row).detach().numpy()
    (expected,) = run_eie(model, {"input": row.numpy()})
    assert np.allclose(after, expected.reshape(-1), atol=1e-5)
    assert not np.allclose(after, before, atol=1e-2)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_recurrent_modules_come_back(kind: Any, tmp_path: Path) -> None:
    torch.manual_seed(1)
    module = kind(6, 4, 2, bidirectional=True)
    model = import_state(module, tmp_path)
    sequence = torch.randn(5, 6)
    after = reload(module, model, tmp_path, "pt")(sequence)[0].detach().numpy()
    (expected,) = run_eie(model, {"input": sequence.numpy()})
    assert np.allclose(after, expected, atol=1e-5)


def test_factors_are_in_the_weights(tmp_path: Path) -> None:
    """Weight norm and batch normalisation: the module without them gives the same."""
    torch.manual_seed(2)
    norm = nn.BatchNorm1d(9)
    module = nn.Sequential(nn.Linear(12, 9), norm, nn.ReLU(), nn.Linear(9, 5)).eval()
    with torch.no_grad():
        for tensor in norm.state_dict().values():
            if tensor.ndim:
                tensor.uniform_(0.5, 2)
    model = import_state(module, tmp_path)
    assert any(step.op == "scale" for step in model.graph.steps)
    row = torch.randn(1, 12)
    plain = nn.Sequential(nn.Linear(12, 9), nn.Identity(), nn.ReLU(), nn.Linear(9, 5))
    after = reload(plain, model, tmp_path, "pt")(row).detach().numpy()
    (expected,) = run_eie(model, {"input": row.numpy().reshape(-1)})
    assert np.allclose(after.reshape(-1), expected.reshape(-1), atol=1e-5)


def test_layers_that_were_retrained_come_back(tmp_path: Path) -> None:
    torch.manual_seed(3)

    def make() -> nn.Sequential:
        return nn.Sequential(nn.Conv2d(2, 3, 3), nn.Flatten(), nn.Linear(12, 5))

    trained = make()
    prune_(trained, density=0.5)
    share_weights(trained, bits=3)
    write_dcz(tmp_path / "net.dcz", export_layers(trained))
    fresh, images = make(), torch.randn(2, 2, 4, 4)
    assert main(["export", f"{tmp_path}/net.dcz", "--to", "pt", "-o", f"{tmp_path}/net.pt"]) == 0
    fresh.load_state_dict(torch.load(tmp_path / "net.pt", weights_only=True))
    assert torch.equal(fresh(images), trained(images))
    lstm = nn.LSTM(4, 3)
    share_weights(lstm, bits=4)
    tensors = make_tensors(export_layers(lstm))
    state = {name: tensor.numpy() for name, tensor in lstm.state_dict().items() if name in tensors}
    assert set(tensors) == {"weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"}
    assert all(np.array_equal(tensors[name], state[name]) for name in tensors)


class Mixed(nn.Module):
    """Products, a cell whose end is wanted, and steps that the host runs between."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.lstm = nn.Conv1d(3, 6, 3, padding=1), nn.LSTM(6, 5, batch_first=True)
        self.gru, self.last = nn.GRU(5, 4, batch_first=True, bidirectional=True), nn.Linear(8, 3)

    def forward(self, sound: torch.Tensor) -> Any:
        steps, (_, cell) = self.lstm(nn.functional.gelu(self.conv(sound)).transpose(1, 2))
        return self.last(self.gru(steps)[0]).softmax(-1), cell


@pytest.mark.filterwarnings("ignore")  # of PyTorch's exporters
@pytest.mark.parametrize("dynamo", [False, True])
def test_onnx_comes_back_as_onnx(dynamo: bool, tmp_path: Path) -> None:
    if dynamo:
        pytest.importorskip("onnxscript", reason="onnxscript is not installed")
    torch.manual_seed(4)
    sound, path = torch.randn(1, 3, 9), tmp_path / "mixed.onnx"
    torch.onnx.export(Mixed().eval(), (sound,), str(path), input_names=["sound"],
                      output_names=["shares", "cell"], dynamo=dynamo)  # fmt: skip
    for command in (
        f"import {path} -o {tmp_path}/net.eie --set density=0.6",
        f"export {tmp_path}/net.eie --to onnx -o {tmp_path}/back.onnx",
    ):
        assert main(command.split()) == 0
    model = load_model(tmp_path / "net.eie")
    inputs = {"sound": sound.numpy()}
    results = run_session(str(tmp_path / "back.onnx"), inputs)
    assert [it.name for it in onnx.load(tmp_path / "back.onnx").graph.output] == ["shares", "cell"]
    for ours, theirs in zip(run_eie(model, inputs), results, strict=True):
        assert np.allclose(ours, theirs, atol=1e-5)
    # and once more: names of inner tensors do not clash
    again = import_model(tmp_path / "back.onnx", None, Plan(LayerPlan(codebook_bits=8))).model
    for ours, theirs in zip(results, run_session(make_onnx(again).SerializeToString(), inputs),
                            strict=True):  # fmt: skip
        assert np.allclose(ours, theirs, atol=1e-5)


def make_stored(shape: tuple[int, ...], seed: int, **more: Any) -> StoredLayer:
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 16, (shape[0], int(np.prod(shape[1:])))).astype(np.uint8)
    codebook = np.append(0, rng.normal(scale=0.4, size=15)).astype(np.float32)
    return StoredLayer(CompressedLayer(codes, codebook, None, "layer"), shape, **more)


POOL: dict[str, Any] = {"kernel": (3, 2), "stride": (2, 2), "pad": (1, 0, 1, 1)}
# each op of a host step, behind or before what it goes with: shapes of the input, and the steps
STEPS: dict[str, tuple[tuple[int, ...], list[Step], dict[str, tuple[int, ...]]]] = {
    "conv": ((2, 6, 7), [Step("y", "conv", ("x",), "c", {"stride": (2, 1), "pad": (1, 0, 2, 1)})],
             {"c": (4, 2, 3, 3)}),
    "fc": ((2, 3), [Step("y", "fc", ("x",), "f")], {"f": (5, 6)}),
    "steps": ((-1, 4), [Step("h", "fc", ("x",), "f"), Step("r", "reverse", ("h",)),
                        Step("j", "concat", ("h", "r")), Step("y", "last", ("j",))], {"f": (3, 4)}),
    "lstm": ((-1, 4), [Step("y", "lstm", ("x",), "l")], {"l": (12, 8)}),
    "gru": ((-1, 4), [Step("y", "gru", ("x",), "g")], {"g": (12, 8)}),
    "gru before": ((-1, 4), [Step("y", "gru", ("x",), "g", {"reset": "before"})], {"g": (9, 8)}),
    "rnn": ((-1, 4), [Step("h", "rnn", ("x",), "l"),
                      Step("y", "rnn", ("h",), "m", {"activation": "relu"})],
            {"l": (3, 8), "m": (2, 6)}),
    "look up": ((-1,), [Step("e", "embedding", ("x",), "e"), Step("y", "fc", ("e",), "f")],
                {"e": (4, 9), "f": (3, 4)}),
    **{op: ((3, 7, 6), [Step("y", op, ("x",), "", POOL)], {}) for op in ("maxpool", "avgpool")},
    "maxpool up": ((3, 7, 6), [Step("y", "maxpool", ("x",), "", {**POOL, "ceil": 1})], {}),
    "avgpool up": ((3, 7, 6), [Step("y", "avgpool", ("x",), "",
                                    {**POOL, "ceil": 1, "count_padding": 1})], {}),
    "image": ((6, 5, 4), [Step("n", "lrn", ("x",), "", {"size": 3, "alpha": 0.1}),
                          Step("s", "softmax", ("n",)), Step("c", "concat", ("s", "n")),
                          Step("y", "global_avgpool", ("c",))], {}),
    "scale": ((3, 4, 2), [Step("s", "scale", ("x",), "", {"factor": (1.0, 2.0, -0.5)}),
                          Step("t", "tanh", ("s",)), Step("g", "sigmoid", ("t",)),
                          Step("a", "add", ("t", "g", "x")), Step("y", "flatten", ("a",))], {}),
    "scaled steps": ((-1, 2), [Step("s", "scale", ("x",), "", {"factor": (3.0, 2.0)}),
                               Step("y", "relu", ("s",))], {}),
}  # fmt: skip


@pytest.mark.parametrize("name", STEPS)
def test_steps_of_ones_own_are_the_same_in_onnx(name: str) -> None:
    shape, steps, weights = STEPS[name]
    layers = {layer: make_stored(sizes, 5) for layer, sizes in weights.items()}
    if name == "gru":  # zeros by structure
        codes = layers["g"].layer.codes.toarray()
        codes[6:9, 4:7] = codes[9:, :4] = 0
        layer = CompressedLayer(codes, layers["g"].layer.codebook, None, "g")
        layers["g"] = StoredLayer(layer, codes.shape)
    outputs: tuple[str, ...] = ("y",)
    if not weights:  # a network has a product: behind what is tried
        graph = Graph({"x": shape}, tuple(steps), outputs)
        size = Model("net", graph, {}).shapes["y"]
        numbers = int(np.prod([it for it in size if it > 0]))
        layers["end"] = make_stored((3, numbers), 6, bias=np.array([1, -2, 0.5], np.float32))
        steps, outputs = [*steps, Step("z", "fc", ("y",), "end")], ("y", "z")
    model = Model("net", Graph({"x": shape}, tuple(steps), outputs), layers)
    rng = np.random.default_rng(7)
    sizes = tuple(5 if size < 0 else size for size in shape)
    data = rng.normal(size=sizes) if len(sizes) > 1 else rng.integers(0, 9, sizes)
    inputs = {"x": data.astype(np.float32)}
    exported = make_onnx(model)
    onnx.checker.check_model(exported, full_check=True)
    results = run_session(exported.SerializeToString(), inputs)
    for ours, theirs in zip(run_eie(model, inputs), results, strict=True):
        assert ours.shape == theirs.shape
        assert np.allclose(ours, theirs, atol=1e-5)


def test_a_bias_in_the_codebook_is_not_lost(tmp_path: Path) -> None:
    torch.manual_seed(8)
    module = nn.Sequential(nn.Linear(9, 6))
    torch.save(module.state_dict(), tmp_path / "net.pt")
    model = import_model(tmp_path / "net.pt", None, PLAN, share_biases=True).model
    row = torch.randn(9)
    (expected,) = run_eie(model, {"input": row.numpy()})
    (theirs,) = run_session(make_onnx(model).SerializeToString(), {"input": row.numpy()})
    after = reload(module, model, tmp_path, "safetensors")(row).detach().numpy()
    assert np.allclose(theirs, expected, atol=1e-5)
    assert np.allclose(after, expected, atol=1e-5)


def test_what_cannot_go_back_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stored = make_stored((4, 3), 1)
    write_dcz(tmp_path / "net.dcz", [stored])
    np.savez(tmp_path / "net.npz", weights=np.ones((3, 3), np.float32))
    out = ["-o", f"{tmp_path}/out"]
    for file, form, message in (
        ("net.dcz", "onnx", "layers alone have no steps"),
        ("net.dcz", "keras", "form 'keras'"),
        ("net.npz", "pt", "expected a .dcz file"),
        ("none.eie", "pt", "none.eie"),
    ):
        assert main(["export", str(tmp_path / file), "--to", form, *out]) == 2
        assert message in capsys.readouterr().err
        assert not (tmp_path / "out").exists()
    winograd = Step("y", "conv", ("x",), "layer", {"winograd": 1})
    layers = {"layer": make_stored((2, 3, 4, 4), 2)}
    model = Model("net", Graph({"x": (3, 8, 8)}, (winograd,), ("y",)), layers)
    for form in ("pt", "onnx"):
        with pytest.raises(WorkloadError, match="Winograd"):
            export_network(model, tmp_path / "out", form)
    after = Step("y", "gru", ("x",), "g")
    model = Model("net", Graph({"x": (-1, 4)}, (after,), ("y",)), {"g": make_stored((12, 8), 3)})
    for form in ("pt", "onnx"):
        with pytest.raises(WorkloadError, match="found weights where a GRU has none"):
            export_network(model, tmp_path / "out", form)
    before = Step("y", "gru", ("x",), "g", {"reset": "before"})
    model = Model("net", Graph({"x": (-1, 4)}, (before,), ("y",)), {"g": make_stored((9, 8), 3)})
    with pytest.raises(WorkloadError, match="export the network to onnx"):
        make_tensors(model)
    assert read_dcz(tmp_path / "net.dcz").layers[0].name == "layer"


@pytest.mark.parametrize("length", [128, 640, 896])
def test_a_header_as_long_as_a_pickle_begins_is_no_pickle(length: int, tmp_path: Path) -> None:
    """A length of 0x80, 0x280 or 0x380 is what pickles of protocols 0, 2 and 3 begin with."""
    export_network([make_stored((4, 3), 1)], tmp_path / "net", "safetensors")
    content = (tmp_path / "net").read_bytes()
    size = int.from_bytes(content[:8], "little")
    header = content[8 : 8 + size].ljust(length)
    (tmp_path / "net").write_bytes(length.to_bytes(8, "little") + header + content[8 + size :])
    assert read_weights_file(tmp_path / "net").layers["layer"].weights.shape == (4, 3)
