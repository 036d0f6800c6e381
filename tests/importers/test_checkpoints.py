"""What PyTorch users save, made by PyTorch itself: the weights that PyTorch computes with."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eiesim import Hardware, run_model
from eiesim.base.errors import WorkloadError
from eiesim.catalog.model import import_model
from eiesim.catalog.readers import read_weights_file
from eiesim.cli.main import main
from eiesim.compress.plan import read_plan
from tests.support.checkpoints import EXACT, save_as_npz, save_as_safetensors, save_old, torch

pruning = pytest.importorskip("torch.nn.utils.prune")
retrain = pytest.importorskip("eiesim.compress.retrain")
nn = torch.nn


@pytest.fixture(autouse=True)
def from_one_seed() -> None:
    torch.manual_seed(0)


def prune(module: Any) -> None:
    pruning.random_unstructured(module, "weight", 0.7)


def prune_bias_too(module: Any) -> None:
    prune(module)
    pruning.random_unstructured(module, "bias", 0.5)


def prune_twice(module: Any) -> None:
    prune(module)
    prune(module)


WRAPPED: dict[str, Callable[[Any], object]] = {
    "pruned": prune,
    "pruned with its bias": prune_bias_too,
    "pruned twice": prune_twice,
    "weight norm of old": torch.nn.utils.weight_norm,
    "weight norm of one size": lambda it: torch.nn.utils.weight_norm(it, dim=None),
    "weight norm": torch.nn.utils.parametrizations.weight_norm,
    "spectral norm of old": torch.nn.utils.spectral_norm,
    "spectral norm": torch.nn.utils.parametrizations.spectral_norm,
    "weight norm, pruned": lambda it: (
        torch.nn.utils.weight_norm(it),
        pruning.random_unstructured(it, "weight_v", 0.5),
    ),
}


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("make", [lambda: nn.Linear(8, 6), lambda: nn.Conv2d(3, 4, 3)])
@pytest.mark.parametrize("wrap", WRAPPED.values(), ids=WRAPPED)
def test_weights_in_parts_are_those_that_pytorch_uses(
    tmp_path: Path, wrap: Callable[[Any], object], make: Callable[[], Any]
) -> None:
    net = nn.Sequential(OrderedDict(layer=make()))
    wrap(net.layer)
    net.eval()
    example = torch.randn(1, 3, 5, 5) if isinstance(net.layer, nn.Conv2d) else torch.randn(8)
    net(example)  # what is computed before a forward pass is computed
    torch.save(net.state_dict(), tmp_path / "net.pt")
    found = read_weights_file(tmp_path / "net.pt")
    assert list(found.layers) == ["layer"]
    assert not found.skipped
    assert "layer.weight" in "".join(found.notes)
    layer = found.layers["layer"]
    assert layer.weights == pytest.approx(net.layer.weight.detach().numpy(), rel=1e-6, abs=1e-7)
    assert np.array_equal(layer.weights == 0, net.layer.weight.detach().numpy() == 0)
    assert layer.bias is not None
    assert np.array_equal(layer.bias, net.layer.bias.detach().numpy())


def test_pruned_recurrent_layers_are_read(tmp_path: Path) -> None:
    module = nn.LSTM(3, 4)
    for name in ("weight_ih_l0", "weight_hh_l0"):
        pruning.l1_unstructured(module, name, 0.5)
    torch.save(module.state_dict(), tmp_path / "net.pt")
    found = read_weights_file(tmp_path / "net.pt").layers
    for name in ("weight_ih_l0", "weight_hh_l0"):
        assert np.array_equal(found[name].weights, getattr(module, name).detach().numpy())
        assert found[name].bias is not None


def test_pruned_attention_is_read(tmp_path: Path) -> None:
    module = nn.MultiheadAttention(8, 2)
    pruning.l1_unstructured(module, "in_proj_weight", 0.5)
    torch.save(module.state_dict(), tmp_path / "net.pt")
    found = read_weights_file(tmp_path / "net.pt")
    expected = module.in_proj_weight.detach().numpy()
    assert np.array_equal(found.layers["in_proj_weight"].weights, expected)
    assert found.layers["in_proj_weight"].bias is not None
    assert not found.skipped


def test_parts_that_cannot_be_joined_are_refused_with_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    numbers = torch.ones(3, 2)
    states = {
        "weight_mask": ({"a.weight_orig": numbers}, "prune.remove"),
        "weight_v": ({"a.weight_orig": numbers, "a.weight_u": numbers[0]}, "remove_spectral_norm"),
        "found both": ({"a.weight_orig": numbers, "a.weight_mask": numbers, "a.weight": numbers},
                       "leave one out"),
        r"a.weight_mask \[2, 2\]": ({"a.weight_orig": numbers, "a.weight_mask": numbers[:2]}, ""),
        "2, 4, .. or 256 numbers": ({
            "a.weight": numbers, "a.weight_codes": numbers.byte(), "a.weight_codebook": numbers,
        }, ""),
    }  # fmt: skip
    for told, (state, remedy) in states.items():
        torch.save(state, path)
        with pytest.raises(WorkloadError, match=told) as caught:
            read_weights_file(path)
        assert remedy in str(caught.value)
    module = nn.Linear(3, 3)
    torch.nn.utils.parametrizations.orthogonal(module)
    torch.save(module.state_dict(), path)
    with pytest.raises(WorkloadError, match=r"remove_parametrizations\(module, 'weight'\)"):
        read_weights_file(path)


def test_masks_and_codes_of_retraining_are_read(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Linear(40, 30), nn.ReLU(), nn.Linear(30, 10))
    retrain.prune_(net, density=0.25)
    torch.save(net.state_dict(), tmp_path / "pruned.pt")
    for name in ("0", "2"):
        weights = net.get_submodule(name).weight.detach().numpy()
        found = read_weights_file(tmp_path / "pruned.pt").layers[name]
        assert np.array_equal(found.weights, weights)
        assert np.count_nonzero(found.weights) == weights.size // 4
    retrain.share_weights(net, {"0": 6, "2": 3})
    torch.save(net.state_dict(), tmp_path / "shared.pt")
    model = import_model(tmp_path / "shared.pt", plan=read_plan(None, ["index_bits=5"])).model
    for name, bits in (("0", 6), ("2", 3)):
        layer = model.layers[name].layer
        assert layer.codebook_bits == bits
        expected = net.get_submodule(name).weight.detach().numpy()
        assert np.array_equal(layer.codebook[layer.codes.toarray()], expected)


@pytest.mark.parametrize("save", [torch.save, save_old])
@pytest.mark.parametrize("ending", [".pth.tar", ".ckpt", ".bin", ".safetensors", ".npz", ""])
def test_a_checkpoint_is_known_by_its_content(tmp_path: Path, ending: str, save: Any) -> None:
    net = nn.Linear(4, 3)
    optimizer = torch.optim.Adam(net.parameters())
    torch.autograd.backward(net(torch.ones(4)).sum())
    optimizer.step()
    checkpoint = {
        "epoch": 3,
        "loss": torch.tensor(0.5),
        "optimizer": optimizer.state_dict(),
        "ema": {"deeper": net.state_dict()},
    }
    save(checkpoint, tmp_path / f"net{ending}")
    found = read_weights_file(tmp_path / f"net{ending}").layers
    assert np.array_equal(found["layer"].weights, net.weight.detach().numpy())
    assert found["layer"].bias is not None
    save({"generator": net.state_dict(), "critic": net.state_dict()}, tmp_path / f"net{ending}")
    with pytest.raises(WorkloadError, match="generator, critic"):
        read_weights_file(tmp_path / f"net{ending}")


Own: Any = type("Own", (nn.Module,), {"__module__": __name__})
"""A module of a user's own."""


def script(path: Path) -> None:
    module: Any = torch.jit
    module.save(module.trace(nn.Linear(2, 2), torch.ones(2)), path)


UNSUPPORTED: dict[str, tuple[Callable[[Path], object], str]] = {
    "whole module": (lambda path: torch.save(Own(), path), "Own.*state_dict"),
    "script": (script, r"TorchScript.*torch.jit.load\(FILE\).state_dict"),
    "one tensor": (lambda path: torch.save(torch.ones(2, 2), path), "found one tensor.*state_dict"),
    "sparse blocks": (lambda path: torch.save(
        {"a.weight": torch.eye(4).to_sparse_bsr((2, 2))}, path), r"a.weight: .*_bsr.*to_dense"),
    "quantised": (lambda path: torch.save({"a.weight": torch.quantize_per_tensor(
        torch.eye(3), 0.1, 0, torch.qint8)}, path), r"quantise|QInt8"),
    "hdf5": (lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(64)), "HDF5.*ONNX"),
    "tflite": (lambda path: path.write_bytes(b"\x1c\0\0\0TFL3" + bytes(64)), "TensorFlow Lite"),
    "frozen graph": (lambda path: path.write_bytes(
        b"\n\x12\n\x01x\x12\x0bPlaceholder\x1a\0"), "graph of TensorFlow.*ONNX"),
    "saved model": (lambda path: path.write_bytes(
        b"\x08\x01\x12\x0c\n\x0a\x22\x01x\x2a\x05serve"), "SavedModel.*ONNX"),
    "tar": (lambda path: path.write_bytes(bytes(257) + b"ustar\0" + bytes(256)), "tar archive"),
}  # fmt: skip


@pytest.mark.parametrize("ending", [".pt", ".h5", ".npz", ".caffemodel", ".pb"])
@pytest.mark.parametrize("kind", UNSUPPORTED)
@pytest.mark.filterwarnings("ignore")
def test_what_is_not_read_is_named_with_the_remedy(
    tmp_path: Path, kind: str, ending: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write, told = UNSUPPORTED[kind]
    path = tmp_path / f"net{ending}"
    write(path)
    with pytest.raises(WorkloadError, match=told):
        read_weights_file(path)
    for command in (["compress", str(path)], ["import", str(path), "-o", str(tmp_path / "n.eie")]):
        assert main(command) == 2
        assert "Traceback" not in capsys.readouterr().err


def grid(module: Any) -> Any:
    """Round the parameters, so that a codebook of 8 bits holds them as they are."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_((parameter * 32).round() / 32)
    return module


@pytest.mark.parametrize("save", [torch.save, save_as_safetensors, save_as_npz])
def test_chains_run_as_in_pytorch(tmp_path: Path, save: Any) -> None:
    deep = [nn.Linear(5, 4), *(it for _ in range(7) for it in (nn.ReLU(), nn.Linear(4, 4)))]
    modules = {
        "deep": (nn.Sequential(*deep), (5,)),
        "both ways": (nn.LSTM(4, 3, num_layers=2, bidirectional=True), (6, 4)),
        "gru both ways": (nn.GRU(4, 3, bidirectional=True), (6, 4)),
    }
    for name, (module, shape) in modules.items():
        grid(module)
        path = tmp_path / f"{name}.npz"
        save(module.state_dict(), path)
        found = import_model(path, plan=EXACT)
        inputs = torch.randn(shape)
        (run,) = run_model(found.model, [{"input": inputs.numpy()}], Hardware(codebook_bits=8))
        expected = module(inputs)
        expected = (expected[0] if isinstance(expected, tuple) else expected).detach().numpy()
        assert run.values[found.model.graph.outputs[0]] == pytest.approx(expected, abs=1e-5), name
        assert "guess" in found.notes[0]


def test_an_order_is_not_guessed(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    square = {f"{name}.weight": torch.ones(4, 4) for name in ("query", "key", "value")}
    refused = {
        "found several": square,
        "attention": nn.MultiheadAttention(4, 2).state_dict(),
        r"norm1.weight \[4\]": nn.TransformerEncoderLayer(4, 2, 8).state_dict(),
        "cell that a program calls": nn.LSTMCell(4, 3).state_dict(),
        "do not follow": {"a.weight": torch.ones(4, 3), "b.weight": torch.ones(4, 3)},
    }
    for told, state in refused.items():
        torch.save(state, path)
        with pytest.raises(WorkloadError, match=told) as caught:
            import_model(path)
        assert "steps" in str(caught.value)
    # the shapes leave one order, though the file has another
    torch.save({"last.weight": torch.ones(2, 3), "first.weight": torch.ones(3, 5)}, path)
    assert [step.layer for step in import_model(path).model.graph.steps] == ["first", "", "last"]


@pytest.mark.parametrize("affine", [True, False])
def test_batch_normalisation_stays_behind_its_product(tmp_path: Path, affine: bool) -> None:
    norm = nn.BatchNorm1d(6, affine=affine)
    net = nn.Sequential(nn.Linear(4, 6), norm, nn.ReLU(), nn.Linear(6, 3))
    net(torch.randn(50, 4) * 3 + 1)
    net.eval()
    torch.save(net.state_dict(), tmp_path / "net.pt")
    found = import_model(tmp_path / "net.pt", plan=EXACT)
    assert [step.op for step in found.model.graph.steps] == ["fc", "scale", "relu", "fc"]
    assert found.notes[0] == (
        "1: batch normalisation, taken to stand right behind 0 (epsilon 1e-05)"
    )
    assert "0: its weights stay as trained" in found.notes[1]
    assert "on the host" in found.notes[1]
    inputs = torch.randn(4)
    (run,) = run_model(found.model, [{"input": inputs.numpy()}], Hardware(codebook_bits=8))
    expected = net(inputs[None])[0].detach().numpy()
    assert run.values["3"] == pytest.approx(expected, abs=1e-5)


def test_batch_normalisation_behind_something_else_is_refused(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.BatchNorm1d(6), nn.Linear(6, 3))
    torch.save(net.state_dict(), tmp_path / "net.pt")
    with pytest.raises(WorkloadError, match=r"2.weight \[6\]"):
        import_model(tmp_path / "net.pt")


@pytest.mark.parametrize("vocabulary", [7, 4])
def test_embeddings_are_tables_of_rows(tmp_path: Path, vocabulary: int) -> None:
    table = grid(nn.Embedding(vocabulary, 4))
    torch.save({"emb.weight": table.weight.detach()}, tmp_path / "net.pt")
    (tmp_path / "net.toml").write_text(
        "inputs = { ids = [-1] }\n"
        'steps = [{ name = "e", op = "embedding", inputs = ["ids"], layer = "emb" }]\n'
    )
    model = import_model(tmp_path / "net.pt", tmp_path / "net.toml", EXACT).model
    ids = torch.tensor([3, 0, 1, 1])
    (run,) = run_model(model, [{"ids": ids.numpy().astype(np.float32)}], Hardware(codebook_bits=8))
    assert np.array_equal(run.values["e"], table(ids).detach().numpy())


@pytest.mark.parametrize("is_torchs", [True, False])
def test_a_compressed_embedding_is_turned_where_only_that_fits(
    in_folder: Path, is_torchs: bool
) -> None:
    table, product = grid(nn.Embedding(7, 4)), grid(nn.Linear(4, 3))
    rows = table.weight.detach()
    state = {"emb.weight": rows if is_torchs else rows.t(), "fc.weight": product.weight.detach()}
    torch.save(state, in_folder / "net.pt")
    settings = ["--set", "codebook_bits=8", "--set", "initialisation=optimal"]
    assert main(["compress", "net.pt", *settings, "--out", "small"]) == 0
    (in_folder / "net.toml").write_text(
        "inputs = { ids = [-1] }\n"
        'steps = [{ name = "e", op = "embedding", inputs = ["ids"], layer = "emb" },\n'
        ' { name = "f", op = "fc", inputs = ["e"], layer = "fc" }]\n'
    )
    model = import_model(in_folder / "small" / "net.dcz", in_folder / "net.toml").model
    ids = torch.tensor([3, 0, 6, 1])
    (run,) = run_model(model, [{"ids": ids.numpy().astype(np.float32)}], Hardware(codebook_bits=8))
    assert np.array_equal(run.values["e"], table(ids).detach().numpy())


def test_a_single_cell_runs_by_its_steps(tmp_path: Path) -> None:
    cell = grid(nn.LSTMCell(4, 3))
    torch.save({f"cell.{key}": it for key, it in cell.state_dict().items()}, tmp_path / "net.pt")
    (tmp_path / "net.toml").write_text(
        "inputs = { x = [-1, 4] }\n"
        'steps = [{ name = "l", op = "lstm", inputs = ["x"], layer = "cell" }]\n'
    )
    model = import_model(tmp_path / "net.pt", tmp_path / "net.toml", EXACT).model
    inputs = torch.randn(5, 4)
    state = (torch.zeros(1, 3), torch.zeros(1, 3))
    expected = []
    for row in inputs:
        state = cell(row[None], state)
        expected.append(state[0][0].detach().numpy())
    (run,) = run_model(model, [{"x": inputs.numpy()}], Hardware(codebook_bits=8))
    assert run.values["l"] == pytest.approx(np.stack(expected), abs=1e-5)


def test_shards_are_read_by_their_index(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    state = net.state_dict()
    places = {key: f"part-{key[0]}.bin" for key in state}
    for name in set(places.values()):
        torch.save({key: it for key, it in state.items() if places[key] == name}, tmp_path / name)
    index = tmp_path / "pytorch_model.bin.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": places}))
    found = read_weights_file(index).layers
    assert np.array_equal(found["2"].weights, net[2].weight.detach().numpy())
    for change, told in (
        ({"2.weight": "../part-2.bin"}, "name of a file beside the index"),
        ({"2.weight": "part-3.bin"}, "part-3.bin: expected a file, found none"),
        ({"2.weight": "part-0.bin"}, "2.weight: expected the file that holds it"),
        ({"2.more": "part-2.bin"}, "2.more: expected the file that holds it"),
        ({"2.weight": 3}, "weight_map: expected files by name"),
    ):
        index.write_text(json.dumps({"weight_map": {**places, **change}}))
        with pytest.raises(WorkloadError, match=told):
            read_weights_file(index)


def test_what_compress_leaves_out_is_named(
    in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    module = nn.TransformerEncoderLayer(8, 2, 16)
    torch.save(module.state_dict(), in_folder / "net.pt")
    assert main(["compress", "net.pt", "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert main(["compress", "net.pt"]) == 0
    table = capsys.readouterr().out
    named = {row["name"] for row in summary["layers"]} | {it["name"] for it in summary["skipped"]}
    counted = sum(row["weights"] for row in summary["layers"])
    assert counted == sum(it.numel() for it in module.state_dict().values() if it.ndim > 1)
    for key, tensor in module.state_dict().items():
        is_bias = key.endswith("bias") and not key.startswith("norm")
        assert is_bias or {key, key.removesuffix(".weight")} & named, key
        if tensor.ndim == 1 and not is_bias:
            assert f"left out: {key}" in table


def test_a_link_to_a_checkpoint_is_the_checkpoint(tmp_path: Path) -> None:
    torch.save(nn.Linear(4, 3).state_dict(), tmp_path / "net.pt")
    (tmp_path / "latest").symlink_to("net.pt")
    assert list(read_weights_file(tmp_path / "latest").layers) == ["layer"]
