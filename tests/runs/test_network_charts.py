"""Charts and tables of a network say where its cycles and energy go."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eiesim.cli.main import main
from eiesim.counters import Cause, Limits
from eiesim.runs.limits import tabulate_limits
from eiesim.runs.network_charts import MOST_STEPS, draw_steps


def make_steps(cycles: dict[str, int], cause: Cause = Cause.DRAM) -> list[dict[str, Any]]:
    """Return steps that lose half of their time to one cause."""
    return [
        {"step": name, "cycles": it}
        | tabulate_limits(Limits(it, 0, it / 2, dict.fromkeys(Cause, 0.0) | {cause: it / 2}, 0), it)
        for name, it in cycles.items()
    ]


def test_sentences_follow_the_numbers() -> None:
    charts = draw_steps(make_steps({"a": 30, "b": 10}), [])
    assert set(charts) == {"cycles"}
    assert charts["cycles"].see == (
        "a takes 75% of the cycles. a is limited by DRAM: 15 of its 30 cycles, 50%. With endless "
        "bandwidth, it would take as long."
    )
    (panel,) = charts["cycles"].panels
    assert panel.series == {"entries": [15, 5], "DRAM": [15, 5]}
    charts = draw_steps(
        make_steps({"a": 10, "b": 90}, Cause.SCAN),
        [{"step": "a", "module": "ActQueue", "energy_pj": 3000.0},
         {"step": "b", "module": "SpmatRead", "energy_pj": 9000.0},
         {"step": "b", "module": "DRAM", "energy_pj": 0.0}],
    )  # fmt: skip
    assert charts["cycles"].see.startswith("b takes 90% of the cycles. b is limited by the scan")
    assert charts["energy"].see == "Most of it, 75%, goes into SpmatRead."
    (panel,) = charts["energy"].panels
    assert panel.series == {"ActQueue": [3.0, 0.0], "SpmatRead": [0.0, 9.0]}


def test_steps_that_have_no_room_are_said() -> None:
    steps = make_steps({f"s{place}": place + 1 for place in range(MOST_STEPS + 3)})
    chart = draw_steps(steps, [])["cycles"]
    (panel,) = chart.panels
    assert panel.groups == tuple(f"s{place}" for place in range(3, MOST_STEPS + 3))
    assert chart.see.endswith(
        f"Shown are the {MOST_STEPS} of {MOST_STEPS + 3} steps that take most."
    )


def test_a_page_and_a_folder_have_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "net.npz", one=rng.normal(size=(5, 6)).astype(np.float32),
             two=rng.normal(size=(4, 5)).astype(np.float32))  # fmt: skip
    net, out, page = (str(tmp_path / name) for name in ("net.eie", "out", "net.html"))
    assert main(["import", str(tmp_path / "net.npz"), "-o", net]) == 0
    assert main(["run", net, "--draw", "3", "--out", out, "--report", page]) == 0
    text = Path(page).read_text(encoding="utf-8")
    assert "Cycles by step" in text
    assert "Energy by step and module" in text
    assert {"cycles.svg", "energy.svg", "energy.csv"} <= {it.name for it in Path(out).iterdir()}
    with (Path(out) / "energy.csv").open(newline="", encoding="utf-8") as stream:
        energy = sum(float(row["energy_pj"]) for row in csv.DictReader(stream))
    summary = json.loads((Path(out) / "summary.json").read_text(encoding="utf-8"))
    assert energy == pytest.approx(summary["energy_pj"])
    capsys.readouterr()
