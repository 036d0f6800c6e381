"""Thresholds as axes of a sweep, in reports and on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eiesim import Hardware, encode, load_benchmark, simulate
from eiesim.cli.main import main
from eiesim.sim.engines import Engine
from eiesim.sweep import sweep
from eiesim.sweep.planning import plan_points
from eiesim.sweep.points import list_tasks
from eiesim.sweep.spec import make_sweep
from tests.inference.test_thresholds import draw_walk, make_model

LAYER = "alex-7"


def find_error(threshold: float) -> float:
    """Relative error of the outputs, from dense products in float64."""
    benchmark = load_benchmark(LAYER)
    layer, inputs = benchmark.layer, benchmark.activations.astype(np.float64)
    weights = layer.codebook.astype(np.float64)[layer.codes.toarray()]
    exact = weights @ inputs
    missed = weights @ np.where(np.abs(inputs) > threshold, 0, inputs)
    if layer.bias_codes is not None:
        exact += layer.codebook.astype(np.float64)[layer.bias_codes]
    return float(np.linalg.norm(missed) / np.linalg.norm(exact))


def test_a_threshold_is_an_axis() -> None:
    spec: dict[str, Any] = {"layers": [LAYER], "axes": {"act_threshold": [0.0, 0.5, 1.0]}}
    rows = sweep(spec, jobs=1).to_dict("records")
    benchmark = load_benchmark(LAYER)
    engines: tuple[Engine, ...] = ("fast", "fast", "reference")
    for row, engine in zip(rows, engines, strict=True):
        hw = Hardware(act_threshold=row["act_threshold"])
        run = simulate(encode(benchmark.layer, hw), benchmark.activations, hw, engine)
        assert (row["cycles"], row["macs"]) == (run.cycles, run.counters.macs)
        assert row["output_error"] == pytest.approx(find_error(hw.act_threshold), rel=1e-4)
    assert rows[0]["output_error"] == 0
    # and all of them share one image
    points = plan_points(make_sweep(spec)).points
    assert len(list(list_tasks(points))) == 1
    assert len({point.key for point in points}) == 3


def test_an_error_can_be_a_condition() -> None:
    spec: dict[str, Any] = {
        "layers": [LAYER],
        "axes": {"act_threshold_quantile": [0.0, 0.7, 0.9]},
        "where": ["output_error < 0.2"],
        "objectives": ["energy_pj", "output_error"],
    }
    rows = sweep(spec, jobs=1).to_dict("records")
    assert [row["output_error"] < 0.2 for row in rows] == [row["meets"] for row in rows]
    assert {row["meets"] for row in rows} == {True, False}


def test_changes_go_with_recurrent_networks_alone(in_folder: Path) -> None:
    make_model("lstm").save("net.eie")
    np.save("walk.npy", draw_walk(12))
    axes = {"delta_threshold": [0.0, 0.2], "inputs": ["walk.npy"]}
    rows = sweep({"layers": ["net.eie"], "axes": axes}, jobs=1).to_dict("records")
    assert rows[0]["cycles"] > rows[1]["cycles"]
    assert rows[0]["output_error"] < 1e-6 < rows[1]["output_error"]
    axes = {"delta_threshold": [0.2]}
    (row,) = sweep({"layers": [LAYER], "axes": axes}, jobs=1).to_dict("records")
    assert "delta_threshold: expected a network with an LSTM" in row["error"]
    assert in_folder.is_dir()


@pytest.mark.usefixtures("in_folder")
@pytest.mark.parametrize("command", ["run", "explain", "compare", "trace --report page.html"])
def test_one_input_has_no_step_before(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command.split(), LAYER, "--set", "delta_threshold=0.1"]) != 0
    assert "delta_threshold: expected a network with an LSTM" in capsys.readouterr().err


def test_a_run_shows_the_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", LAYER, "--json", "--set", "act_threshold=0.5"]) == 0
    summary = json.loads(capsys.readouterr().out)
    (row,) = summary["layers"]
    assert row["output_error"] == pytest.approx(find_error(0.5), rel=1e-4)
    assert row["sent_activations"] == row["broadcasts"] - 1 < row["nonzero_activations"]
    assert "threshold" in summary["unpriced"]
    assert main(["run", LAYER, "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert "output_error" not in summary["layers"][0]
    assert "threshold" not in summary["unpriced"]
