"""Norms behind products: weights stay as trained, and the host does the rest as PyTorch does."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from eiesim import Hardware, run_model
from eiesim.base.errors import WorkloadError
from eiesim.catalog.model import Imported, Model, import_model, load_model
from eiesim.catalog.readers import read_weights_file
from eiesim.catalog.stored import GRAPH
from eiesim.cli.main import main
from eiesim.compress.container import read_dcz, write_dcz
from eiesim.graph import Step
from eiesim.importers.described import Interface
from tests.support.checkpoints import EXACT, save_as_npz, save_as_safetensors, torch

nn = torch.nn
OLD = torch.nn.utils.weight_norm
NEW = torch.nn.utils.parametrizations.weight_norm
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")
Floats = npt.NDArray[np.float32]
STEPS = """
[inputs]
image = [2, 6, 6]

[[steps]]
name = "conv"
op = "conv"
inputs = ["image"]
layer = "conv"
settings = { pad = [1, 1, 1, 1] }

[[steps]]
name = "relu"
op = "relu"
inputs = ["conv"]

[[steps]]
name = "scores"
op = "fc"
inputs = ["relu"]
layer = "fc"
"""


@pytest.fixture(autouse=True)
def from_one_seed() -> None:
    torch.manual_seed(0)


def put_on_grid(*modules: Any) -> None:
    """Round weights to some of at most 201 values, and let sizes and norms be as they come."""
    for module in modules:
        with torch.no_grad():
            module.weight.copy_((module.weight * 100).round().clamp(-100, 100) / 100)


def train_norms(net: Any, *shape: int) -> None:
    """Let normalisations see numbers, and give them factors and offsets of their own."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.uniform_(module.weight, -2.0, 2.0)
            nn.init.uniform_(module.bias, -1.0, 1.0)
    net.train()
    net(torch.randn(64, *shape) * 3 + 1)
    net.eval()


def resize(module: Any) -> None:
    """Give a weight norm sizes of its own: at first they are the lengths of its directions."""
    size = module.weight_g if hasattr(module, "weight_g") else (
        module.parametrizations.weight.original0)  # fmt: skip
    nn.init.uniform_(size, -2.0, 2.0)


def make_chain(first: Callable[[Any], Any] = lambda it: it, norm: bool = True) -> Any:
    linear, last = nn.Linear(20, 32), nn.Linear(32, 5)
    put_on_grid(linear, last)
    linear = first(linear)
    between = [nn.BatchNorm1d(32)] if norm else []
    net = nn.Sequential(linear, *between, nn.ReLU(), last)
    if first in (OLD, NEW):
        resize(linear)
    train_norms(net, 20)
    return net


CHAINS: dict[str, Callable[[], Any]] = {
    "batch normalisation": make_chain,
    "weight norm of old": lambda: make_chain(OLD, norm=False),
    "weight norm": lambda: make_chain(NEW, norm=False),
    "both": lambda: make_chain(NEW),
}


def run(model: Model, name: str, inputs: Any) -> Floats:
    hw = Hardware(n_pes=4, codebook_bits=8)
    (found,) = run_model(model, [{name: inputs.numpy()}], hw)
    return found.values[model.graph.outputs[0]]


def is_near(found: Floats, expected: Any) -> bool:
    wanted = expected.detach().numpy()
    return bool(np.abs(found - wanted).max() <= 1e-4 * np.abs(wanted).max())


def find_trained(net: Any) -> Floats:
    """Return the first layer's weights as they are in its file."""
    state = net.state_dict()
    keys = ("0.weight_v", "0.parametrizations.weight.original1", "0.weight")
    found: Floats = next(state[key] for key in keys if key in state).numpy()
    return found


@pytest.mark.parametrize("save", [torch.save, save_as_safetensors, save_as_npz])
@pytest.mark.parametrize("kind", CHAINS)
def test_a_chain_with_norms_is_what_pytorch_computes(tmp_path: Path, kind: str, save: Any) -> None:
    net = CHAINS[kind]()
    save(net.state_dict(), tmp_path / "net.npz")
    found = import_model(tmp_path / "net.npz", plan=EXACT)
    layer = found.model.layers["0"]
    assert np.array_equal(layer.layer.codebook[layer.layer.codes.toarray()], find_trained(net))
    assert layer.bias is None
    inputs = torch.randn(20)
    expected = net(inputs[None])[0]
    assert is_near(run(found.model, "input", inputs), expected)
    found.model.save(tmp_path / "net.eie")
    again = load_model(tmp_path / "net.eie")
    assert again.graph == found.model.graph
    assert is_near(run(again, "input", inputs), expected)


def import_image(folder: Path, net: Any) -> Imported:
    torch.save(net.state_dict(), folder / "net.pt")
    (folder / "net.toml").write_text(STEPS)
    return import_model(folder / "net.pt", folder / "net.toml", EXACT)


def make_image_net(norm: Callable[[Any], Any] | None) -> Any:
    conv, last = nn.Conv2d(2, 4, 3, padding=1), nn.Linear(144, 5)
    put_on_grid(conv, last)
    parts: list[tuple[str, Any]] = [("conv", norm(conv) if norm else conv)]
    if norm is None:
        parts.append(("bn", nn.BatchNorm2d(4)))
    else:
        resize(parts[0][1])
    net = nn.Sequential(OrderedDict([*parts, ("relu", nn.ReLU()), ("f", nn.Flatten()),
                                     ("fc", last)]))  # fmt: skip
    train_norms(net, 2, 6, 6)
    return net


@pytest.mark.parametrize("norm", [None, OLD, NEW], ids=["batch normalisation", "old", "new"])
def test_an_image_through_given_steps_is_what_pytorch_computes(tmp_path: Path, norm: Any) -> None:
    net = make_image_net(norm)
    found = import_image(tmp_path, net)
    ops = [(step.name, step.op) for step in found.model.graph.steps]
    assert ops == [("conv/product", "conv"), ("conv", "scale"), ("relu", "relu"), ("scores", "fc")]
    inputs = torch.randn(2, 6, 6)
    assert is_near(run(found.model, "image", inputs), net(inputs[None])[0])
    # a name of the given steps is what the network gives there
    wanted = import_model(
        tmp_path / "net.pt", tmp_path / "net.toml", EXACT, interface=Interface(outputs=("conv",))
    )
    parts = net[:2] if norm is None else net[:1]
    assert is_near(run(wanted.model, "image", inputs), parts(inputs[None])[0])
    changed = import_model(tmp_path / "net.pt", tmp_path / "net.toml", EXACT, use_winograd=True)
    assert run(changed.model, "image", inputs).shape == (5,)


def test_a_sequence_has_its_factors_in_each_step(tmp_path: Path) -> None:
    linear = nn.Linear(3, 4)
    put_on_grid(linear)
    net = nn.Sequential(linear, nn.BatchNorm1d(4))
    train_norms(net, 3)
    torch.save(net.state_dict(), tmp_path / "net.pt")
    (tmp_path / "net.toml").write_text(
        "inputs = { x = [-1, 3] }\n"
        'steps = [{ name = "f", op = "fc", inputs = ["x"], layer = "0" }]\n'
    )
    model = import_model(tmp_path / "net.pt", tmp_path / "net.toml", EXACT).model
    inputs = torch.randn(4, 3)  # as many steps as outputs: a wrong axis would not be seen by size
    assert is_near(run(model, "x", inputs), net(inputs))


def test_what_is_no_product_has_its_size_in_the_weights(tmp_path: Path) -> None:
    table = OLD(nn.Embedding(7, 4))
    resize(table)
    table(torch.tensor([0]))
    torch.save({f"emb.{key}": it for key, it in table.state_dict().items()}, tmp_path / "net.pt")
    (tmp_path / "net.toml").write_text(
        "inputs = { ids = [-1] }\n"
        'steps = [{ name = "e", op = "embedding", inputs = ["ids"], layer = "emb" }]\n'
    )
    found = import_model(tmp_path / "net.pt", tmp_path / "net.toml", EXACT)
    assert [step.op for step in found.model.graph.steps] == ["embedding"]
    assert "emb: its weights are put together" in found.notes[-1]
    ids = torch.tensor([3.0, 0.0, 6.0])
    assert is_near(run(found.model, "ids", ids), table(ids.long()))


@pytest.mark.parametrize("norm", [OLD, NEW])
def test_a_recurrent_layer_has_its_sizes_in_the_weights(tmp_path: Path, norm: Any) -> None:
    module = norm(norm(nn.LSTM(3, 4), "weight_ih_l0"), "weight_hh_l0")
    inputs = torch.randn(6, 3)
    expected = module(inputs)[0]
    torch.save(module.state_dict(), tmp_path / "net.pt")
    found = import_model(tmp_path / "net.pt", plan=EXACT)
    assert [step.op for step in found.model.graph.steps] == ["lstm"]
    assert run(found.model, "input", inputs) == pytest.approx(expected.detach().numpy(), abs=1e-4)


def test_one_size_for_all_outputs_is_put_into_the_weights(tmp_path: Path) -> None:
    net = nn.Sequential(OLD(nn.Linear(6, 4), dim=None))
    torch.save(net.state_dict(), tmp_path / "net.pt")
    found = import_model(tmp_path / "net.pt", plan=EXACT)
    assert [step.op for step in found.model.graph.steps] == ["fc"]
    inputs = torch.randn(6)
    assert is_near(run(found.model, "input", inputs), net(inputs))


def test_a_norm_is_not_put_behind_a_recurrent_layer(tmp_path: Path) -> None:
    state = {f"lstm.{key}": it for key, it in nn.LSTM(3, 4).state_dict().items()}
    state |= {f"bn.{key}": it for key, it in nn.BatchNorm1d(16).state_dict().items()}
    torch.save(state, tmp_path / "net.pt")
    with pytest.raises(WorkloadError, match=r"bn.weight \[16\]"):
        import_model(tmp_path / "net.pt")


def test_a_direction_without_a_length_is_refused(tmp_path: Path) -> None:
    net = make_chain(OLD, norm=False)
    state = net.state_dict()
    state["0.weight_v"][3] = 0
    torch.save(state, tmp_path / "net.pt")
    with pytest.raises(WorkloadError, match=r"0: factor\[3\]: expected a number"):
        import_model(tmp_path / "net.pt", plan=EXACT)


def test_compress_puts_weights_together(tmp_path: Path) -> None:
    net = make_chain(NEW, norm=False)
    torch.save(net.state_dict(), tmp_path / "net.pt")
    found = read_weights_file(tmp_path / "net.pt")
    assert found.layers["0"].weights == pytest.approx(net[0].weight.detach().numpy(), rel=1e-6)
    assert not found.factors


@pytest.mark.usefixtures("in_folder")
def test_the_host_s_step_is_no_work_of_eie(capsys: pytest.CaptureFixture[str]) -> None:
    plain = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 5))
    put_on_grid(plain[0], plain[2])
    normed = nn.Sequential(plain[0], nn.BatchNorm1d(32, affine=False), plain[1], plain[2])
    np.save("x.npy", np.ones((2, 20), np.float32))
    rows = {}
    for name, net in {"plain": plain, "normed": normed}.items():
        torch.save(net.state_dict(), f"{name}.pt")
        settings = ["--set", "codebook_bits=8", "--set", "initialisation=optimal"]
        assert main(["import", f"{name}.pt", "-o", f"{name}.eie", *settings]) == 0
        capsys.readouterr()
        run = ["run", f"{name}.eie", "--inputs", "x.npy", "--set", "codebook_bits=8", "--json"]
        assert main(run) == 0
        rows[name] = json.loads(capsys.readouterr().out)["steps"]
    assert [row["step"] for row in rows["normed"]] == ["0/product", "3"]
    for key in ("cycles", "energy_pj", "products", "activations_loaded"):
        assert rows["normed"][0][key] == rows["plain"][0][key], key


def spoil(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        container = read_dcz(path)
        graph = json.loads(container.metadata[GRAPH])
        (step,) = (step for step in graph["steps"] if step["op"] == "scale")
        change(step["settings"])
        metadata = container.metadata | {GRAPH: json.dumps(graph)}
        write_dcz(path, container.layers, metadata)

    return write


SPOILT: dict[str, tuple[Callable[[Path], object], str]] = {
    "short": (spoil(lambda it: it["factor"].pop()), "expected 31 outputs.* factor.*shape \\[32\\]"),
    "long": (spoil(lambda it: it["offset"].append(0.0)), "expected 33 outputs.* offset"),
    "empty": (spoil(lambda it: it["factor"].clear()), "factor: expected 1 to .* numbers"),
    "no number": (spoil(lambda it: it.update(factor=[float("nan")] * 32)), "factor: .* numbers"),
    "too large": (spoil(lambda it: it.update(offset=[1e300] * 32)), "that float32 holds"),
    "text": (spoil(lambda it: it.update(offset=["1"] * 32)), "offset: expected 1 to .* numbers"),
    "nested": (spoil(lambda it: it.update(offset=[[1.0] * 32])), "offset: expected 1 to .*"),
    "truncated": (lambda path: path.write_bytes(path.read_bytes()[:-9]), "expected .* bytes"),
}  # fmt: skip


@pytest.mark.usefixtures("in_folder")
@pytest.mark.parametrize("kind", SPOILT)
def test_a_spoilt_table_is_refused_in_one_line(
    kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    change, told = SPOILT[kind]
    torch.save(make_chain().state_dict(), "net.pt")
    import_model("net.pt", plan=EXACT).model.save("net.eie")
    change(Path("net.eie"))
    with pytest.raises(WorkloadError, match=told):
        load_model("net.eie")
    assert main(["run", "net.eie", "--draw", "1"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert len(lines[0]) < 400


@pytest.mark.parametrize("factor", [10**400, float("inf"), float("nan"), 1e39, -(10**39)])
def test_numbers_beyond_float32_are_refused(factor: float) -> None:
    with pytest.raises(WorkloadError, match="factor: expected a number, found"):
        Step("a", "scale", ("x",), "", {"factor": factor})
