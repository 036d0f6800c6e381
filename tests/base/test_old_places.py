"""What was documented under another name is still found there, with a warning."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
from eiesim.study.sweep import sweep
from eiesim.study.sweep.spec import Sweep, make_sweep
from eiesim.study.figures import Chart
from eiesim.study.reproduction import reproduce
import eiesim.paper.runner, eiesim.report.charts, eiesim.sweep, eiesim.sweep.spec

assert sweep is eiesim.sweep.sweep
assert Sweep is eiesim.sweep.spec.Sweep
assert Chart is eiesim.report.charts.Chart
assert reproduce is eiesim.paper.runner.reproduce
found = make_sweep({"layers": ["alex-7"], "axes": {"n_pes": [1]}})
assert isinstance(found, eiesim.sweep.spec.Sweep)
"""


def test_old_places_are_the_same_modules() -> None:
    """Not loaded twice: a class is one class."""
    process = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    assert process.stderr.count("EieWarning: eiesim.study is the old place of eiesim.sweep") == 1
