"""Stages: what is there is not done again, and what depends on a change is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eiesim.base.errors import EieError
from eiesim.compress.stages import Stage, Stages


def run(folder: Path, first: int = 1, second: int = 1, stop: bool = False) -> list[str]:
    """Run two stages and return which ones were computed."""
    computed = []

    def compute(name: str, value: int) -> Stage:
        if name == "two" and stop:
            raise KeyboardInterrupt
        computed.append(name)
        return Stage({"a/weight": np.full(3, value, np.float32)}, {"error": 0.25})

    stages = Stages(folder, {"seed": 0})
    one = stages.run("one", {"x": first}, lambda: compute("one", first))
    two = stages.run("two", {"x": second}, lambda: compute("two", first + second))
    assert one.arrays["a/weight"].tolist() == [first] * 3
    assert two.arrays["a/weight"].dtype == np.float32
    assert two.arrays["a/weight"].tolist() == [first + second] * 3
    assert two.facts == {"error": 0.25}
    assert two.seconds >= 0
    return computed


def test_what_is_there_is_not_done_again(tmp_path: Path) -> None:
    assert run(tmp_path / "new" / "folder") == ["one", "two"]
    assert run(tmp_path / "new" / "folder") == []


def test_a_change_redoes_what_depends_on_it(tmp_path: Path) -> None:
    run(tmp_path)
    assert run(tmp_path, second=2) == ["two"]
    assert run(tmp_path, first=2, second=2) == ["one", "two"]


@pytest.mark.parametrize("suffix", [".npz", ".json"])
def test_a_damaged_stage_is_done_again(tmp_path: Path, suffix: str) -> None:
    run(tmp_path)
    path = tmp_path / f"two{suffix}"
    path.write_bytes(path.read_bytes()[:-9])
    assert run(tmp_path) == ["two"]


def test_an_interruption_keeps_what_is_done(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, stop=True)
    assert run(tmp_path) == ["two"]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EieError, match="cannot be made"):
        Stages(tmp_path / "file" / "folder", {})
