"""What limits a layer and what would help; what each counter and column means."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eiesim import Counters, Hardware
from eiesim.base.resources import PACKAGE
from eiesim.catalog.readers import load_operands
from eiesim.cli.main import main
from eiesim.counters import PE_FIELDS
from eiesim.energy.machine import price_machine
from eiesim.glossary import FORMULAS, list_terms
from eiesim.runs.explain import BAR, report_explanation
from eiesim.runs.layer import run_layer, run_operands
from eiesim.runs.layer_rows import describe_layer

HW = Hardware(n_pes=4, queue_depth=2, index_bits=2, dram_gbps=0.5, spmat_sram_bytes=64)
CHANGES: dict[str, dict[str, Any]] = {
    "queue_depth = 4": {"queue_depth": 4},
    "queue_depth = 16": {"queue_depth": 16},
    "index_bits = 8": {"index_bits": 8},
    "broadcast_latency_cycles = 0": {"broadcast_latency_cycles": 0},
    "dram_gbps = 1.0": {"dram_gbps": 1.0},
    "dram_gbps = 0,": {"dram_gbps": 0.0},
    "rows ordered": {},
}


@pytest.fixture
def layer(tmp_path: Path) -> str:
    """A layer with much in its first rows, little in others, and long gaps."""
    rng = np.random.default_rng(0)
    codes = (rng.random((24, 40)) < 0.15) * rng.integers(1, 16, (24, 40))
    codes[::4] = rng.integers(1, 16, (6, 40))
    act = rng.random(40).astype(np.float32)
    path = tmp_path / "layer.npz"
    np.savez(path, codes=codes.astype(np.uint8), act=act,
             codebook=np.linspace(0, 1, 16, dtype=np.float32))  # fmt: skip
    return str(path)


def test_each_change_takes_what_a_run_with_it_takes(layer: str) -> None:
    hw = replace(HW, broadcast_latency_cycles=3)
    report = report_explanation(run_layer(layer, hw, price_machine(hw)))
    assert isinstance(report.summary, dict)
    remedies = report.summary["remedies"]
    assert len(remedies) == len(CHANGES)
    for start, change in CHANGES.items():
        (remedy,) = (it for it in remedies if it["change"].startswith(start))
        changed = replace(hw, **change)
        run = run_operands(
            load_operands(layer), changed, price_machine(changed), "reference", balance=not change
        )
        assert remedy["cycles"] == run.result.cycles
        assert remedy["saved_cycles"] == report.summary["cycles"] - run.result.cycles
        assert remedy["fits"] == all(use.fits for use in run.memories)
    saved = [remedy["saved_cycles"] for remedy in remedies]
    assert saved == sorted(saved, reverse=True)
    assert saved[0] > 0
    assert report.answer[-1].startswith(f"Most helps {remedies[0]['change']}: {saved[0]:,} of")


def test_nothing_helps_where_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "full.npz"
    np.savez(path, codes=np.ones((8, 8), np.uint8), act=np.ones(8, np.float32),
             codebook=np.array([0, 1], np.float32))  # fmt: skip
    hw = Hardware(n_pes=4, codebook_bits=1)
    report = report_explanation(run_layer(str(path), hw, price_machine(hw)))
    assert report.answer[-1] == "None of these changes saves a cycle."


def test_the_bar_is_as_long_as_the_run(layer: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", layer, "--set", "n_pes=4"]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if "|" in line]
    assert sum(line.count("#") for line in lines) == BAR
    ends = [line.rindex("#") for line in lines if "#" in line]
    assert ends == sorted(ends)
    assert len({line.index("|") for line in lines}) == 1
    assert main(["explain", layer, "--set", "n_pes=4", "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert sum(summary["parts"].values()) == pytest.approx(summary["cycles"])


def test_every_counter_has_a_block() -> None:
    counters = {field.name for field in fields(Counters)} - {"pe"} | set(PE_FIELDS)
    for name, term in list_terms().items():
        assert (name in counters) == bool(term.block), name
        assert not term.block or (PACKAGE / term.block).is_file(), name


@pytest.mark.parametrize("hw", [replace(HW, clock_mhz=600.0), Hardware(n_pes=4)])
def test_formulas_hold(hw: Hardware, layer: str) -> None:
    """Those of plain arithmetic, on a run's own row; the first machine has no energy."""
    run = run_layer(layer, hw, price_machine(hw))
    row: dict[str, Any] = describe_layer(run) | vars(hw)
    plain = {
        name: term.formula
        for name, term in list_terms().items()
        if term.section == "layers" and term.formula and "sum of" not in term.formula
    }
    assert len(plain) == 9
    for name, formula in plain.items():
        if row[name] is not None:
            assert row[name] == pytest.approx(eval(formula, {}, row)), name
    counters = run.result.counters
    per_pe = {name: getattr(counters.pe, name) for name in PE_FIELDS}
    for name, formula in FORMULAS.items():
        value = eval(formula.removeprefix("of each PE: "), {}, per_pe)
        assert (value == getattr(counters, name)).all(), name


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["stall_cycles", "--balance"], "--balance goes with a layer, found a counter or column"),
        (["stall_cycle"], "'stall_cycle'"),
        (["nowhere.npz"], "nowhere.npz"),
    ],
)
def test_what_cannot_be_explained(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", *words]) == 2
    assert message in capsys.readouterr().err


def test_a_counter(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "stall_cycles"]) == 0
    out = capsys.readouterr().out
    assert "meaning: Cycles in which a broadcast waited for a full queue." in out
    assert "counted by: sim/reference/ccu.py" in out
