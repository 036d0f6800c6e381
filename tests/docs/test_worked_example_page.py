"""docs/worked_example.md: the pages to step through are made by what it says."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from eiesim.cli.main import main
from tests.support.paths import DOCS


@pytest.mark.usefixtures("in_folder")
def test_the_pages_to_step_through(capsys: pytest.CaptureFixture[str]) -> None:
    text = (DOCS / "worked_example.md").read_text("utf-8")
    rows = re.search(r'"""\n((?:\.\.\. [01 ]+\n){2})', text)
    code = re.search(r"```python\n(np\.savez.*?)```", text, re.DOTALL)
    assert rows is not None
    assert code is not None
    figure2 = np.array([[int(digit) for digit in row] for row in re.findall("[01]{8}", rows[1])])
    activations = np.array([0, 0, 1, 0, 1, 1, 0, 1], np.float32)
    exec(code[1], {"np": np, "figure2": figure2.astype(np.uint8), "activations": activations})
    commands = re.findall(r"^eiesim (trace figure2.*)$", text, re.M)
    for command, cycles in zip(commands, (18, 16), strict=True):
        assert main(command.split()) == 0
        assert f"of {cycles}, 4 of 4 PEs" in capsys.readouterr().out
        page = Path(command.split()[-1]).read_text("utf-8")
        assert f"takes {cycles} cycles on 4 PEs" in page
        assert len(page) < 100_000
