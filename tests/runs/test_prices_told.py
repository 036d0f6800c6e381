"""JSON says which prices are replaced and what has none, whichever command wrote it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eiesim.cli.main import main
from tests.support.networks import chain_of_two

PRICES = """\
component,part,action,value,unit,kind,source
spmat_read,memory,read,1.5,pJ,published,a data sheet
"""
COMMANDS = (
    "run nt-we", "compare nt-we", "formats nt-we", "run today/llama-2-7b",
    "run net.eie --draw 2",
)  # fmt: skip


def ask(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert main([*words, "--json"]) == 0
    summary: dict[str, Any] = json.loads(capsys.readouterr().out)
    return summary["models"][0] if "models" in summary else summary


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.usefixtures("in_folder")
def test_prices_are_told(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    chain_of_two(np.random.default_rng(0))[0].save("net.eie")
    Path("mine.csv").write_text(PRICES, "utf-8")
    words = command.split()
    plain = ask(capsys, *words)
    assert plain["overrides"] == []
    assert plain["unpriced"] == {}
    told = ask(capsys, *words, "--energy-table", "mine.csv", "--set", "act_threshold=0.1")
    assert len(told["overrides"]) == 1
    assert "spmat_read memory read: 1.5 pJ (mine.csv:2)" in told["overrides"][0]
    assert "comparator" in told["unpriced"]["threshold"]
