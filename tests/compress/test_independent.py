"""Where one slip would stay unseen: values from a second source, each with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from eiesim import Hardware, load_model, run_model
from eiesim.compress.codebook import Initialisation, cluster
from eiesim.compress.plan import read_plan

Doubles = npt.NDArray[np.float64]


def nearest_means(values: Doubles, centroids: Doubles) -> Doubles:
    """Return the mean of the values nearest to each centroid, by all distances."""
    chosen = np.abs(values[:, np.newaxis] - centroids[np.newaxis]).argmin(axis=1)
    return np.array([values[chosen == it].mean() for it in range(centroids.size)])


@pytest.mark.parametrize("initialisation", ["linear", "density", "forgy"])
def test_clustering_ends_where_nothing_moves(initialisation: Initialisation) -> None:
    """A fixed point of Lloyd's iteration, reached from a start that was far from one; the objective
    is the one that SciPy's k-means reaches from the linear start."""
    from scipy.cluster.vq import kmeans2  # noqa: PLC0415 - half a second

    values = np.random.default_rng(7).normal(size=20_000).astype(np.float32)
    found = cluster(values, 15, initialisation, seed=1)
    wide = values.astype(np.float64)
    assert found.centroids == pytest.approx(nearest_means(wide, found.centroids), abs=1e-6)
    # from the linear start the error falls to less than half: one iteration is not enough
    if initialisation == "linear":
        assert found.squared_errors[-1] < 0.9 * found.squared_errors[1]
        start = np.linspace(wide.min(), wide.max(), 15)
        means, chosen = kmeans2(wide, start, iter=len(found.squared_errors) + 200, minit="matrix")
        error = float(((wide - means[chosen]) ** 2).sum())
        assert found.squared_errors[-1] == pytest.approx(error, rel=1e-3)


def logistic(values: Doubles) -> Doubles:
    return 1 / (1 + np.exp(-values))


def write_safetensors(path: Path, arrays: dict[str, npt.NDArray[np.float32]]) -> None:
    """Write arrays as the format's README says, without the package."""
    header: dict[str, Any] = {}
    body = b""
    for name, array in arrays.items():
        ends = [len(body), len(body) + array.nbytes]
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": ends}
        body += array.tobytes()
    head = json.dumps(header).encode()
    path.write_bytes(len(head).to_bytes(8, "little") + head + body)


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_the_order_of_pytorchs_gates(tmp_path: Path, kind: str) -> None:
    """By the equations and the variables' descriptions of torch.nn.LSTM, "(W_ii|W_if|W_ig|W_io)",
    and torch.nn.GRU, "(W_ir|W_iz|W_in)", in PyTorch's manual; PyTorch itself is not needed."""
    size, inputs, steps = 3, 4, 6
    gates = 4 if kind == "lstm" else 3
    rng = np.random.default_rng(3)
    shapes = {
        "rnn.weight_ih_l0": (gates * size, inputs),
        "rnn.weight_hh_l0": (gates * size, size),
        "rnn.bias_ih_l0": (gates * size,),
        "rnn.bias_hh_l0": (gates * size,),
    }
    # fifteen values: codes of 4 bits lose nothing
    grid = np.arange(-7, 8, dtype=np.float32) / 8
    arrays = {name: rng.choice(grid, shape) for name, shape in shapes.items()}
    write_safetensors(tmp_path / "net.safetensors", arrays)
    sequence = rng.normal(size=(steps, inputs)).astype(np.float32)

    of_input, of_state, input_bias, state_bias = (it.astype(np.float64) for it in arrays.values())
    hidden = memory = np.zeros(size)
    expected = []
    for x in sequence.astype(np.float64):
        left, right = of_input @ x + input_bias, of_state @ hidden + state_bias
        if kind == "lstm":
            i, f, g, o = np.split(left + right, 4)
            memory = logistic(f) * memory + logistic(i) * np.tanh(g)
            hidden = logistic(o) * np.tanh(memory)
        else:
            (left_r, left_z, left_n), (right_r, right_z, right_n) = (
                np.split(it, 3) for it in (left, right)
            )
            r, z = logistic(left_r + right_r), logistic(left_z + right_z)
            new = np.tanh(left_n + r * right_n)
            hidden = (1 - z) * new + z * hidden
        expected.append(hidden)

    plan = tmp_path / "plan.toml"
    plan.write_text('codebook_bits = 8\ninitialisation = "optimal"\n')
    model = load_model(tmp_path / "net.safetensors", plan=read_plan(plan))
    (name,) = model.graph.inputs
    (run,) = run_model(model, [{name: sequence}], Hardware(codebook_bits=8))
    (output,) = (run.values[it] for it in model.graph.outputs)
    assert output == pytest.approx(np.array(expected), abs=1e-5)
