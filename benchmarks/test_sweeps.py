"""How fast sweeps of AlexNet's fc8 are: the real one where it is there, else one drawn like it.

Each job runs on one core.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.conftest import SCIPY, SECOND, Ratios
from eiesim import load_benchmark
from eiesim.base.tables import to_csv
from eiesim.sweep.journal import Journal, open_journal
from eiesim.sweep.planning import Planned, plan_points
from eiesim.sweep.report import report_sweep
from eiesim.sweep.runner import collect_rows, run_points
from eiesim.sweep.spec import Sweep, make_sweep
from tests.support.paths import DATA

DEPTHS = {"from": 2, "to": 251, "step": 1}
WIDTHS_BITS = {"from": 32, "to": 184, "step": 8}


@pytest.fixture(scope="module")
def layer_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = DATA / "alex8" / "layer.npz"
    if file.is_file():
        return str(file)
    drawn = load_benchmark("alex-8")
    layer = drawn.layer
    file = tmp_path_factory.mktemp("sweeps") / "alex8.npz"
    np.savez(file, act=drawn.activations, codes=layer.codes.toarray(), codebook=layer.codebook)
    return str(file)


@pytest.fixture
def measure_within(measure: Any, ratios: Ratios) -> Callable[..., Any]:
    """Time a job, and name the seconds that it should take; return what it returned."""

    def run(name: str, job: Callable[[], Any], aim_s: float, rounds: int = 20) -> Any:
        result = measure(name, job, rounds)
        ratios.add(name, SECOND, aim_s)
        ratios.add(name, SCIPY)
        return result

    return run


def run_all(planned: Planned, number: int) -> None:
    with open_journal(":memory:") as journal:
        assert run_points(planned, journal) == number


def make_depths(layer_file: str, clocks: int = 1) -> Sweep:
    axes = {
        "queue_depth": DEPTHS,
        "spmat_width_bits": WIDTHS_BITS,
        "clock_mhz": [800.0 - number for number in range(clocks)],
    }
    return make_sweep({"layers": [layer_file], "axes": axes})


def test_points_of_one_image(layer_file: str, measure_within: Any) -> None:
    """250 queue depths x 20 widths, each point with time, energy and area."""
    planned = plan_points(make_depths(layer_file))
    measure_within("5,000 points of one image", lambda: run_all(planned, 5000), 5000 / 15_000)


def test_points_with_images_of_their_own(layer_file: str, measure_within: Any) -> None:
    axes = {"n_pes": {"from": 40, "to": 89, "step": 1}}
    planned = plan_points(make_sweep({"layers": [layer_file], "axes": axes}))
    measure_within("50 points, an image each", lambda: run_all(planned, 50), 50 / 75)


def test_points_with_thresholds(layer_file: str, measure_within: Any) -> None:
    """Outputs are computed once for each threshold."""
    axes = {"queue_depth": DEPTHS, "act_threshold": [0.0, 0.5, 1.0, 2.0]}
    planned = plan_points(make_sweep({"layers": [layer_file], "axes": axes}))
    measure_within(
        "1,000 points with four thresholds", lambda: run_all(planned, 1000), 1000 / 15_000
    )


def test_planning(layer_file: str, measure_within: Any) -> None:
    sweep = make_depths(layer_file)
    planned = measure_within("5,000 points planned", lambda: plan_points(sweep), 5000 / 15_000)
    assert len(planned.points) == 5000


@pytest.fixture(scope="module")
def many(layer_file: str) -> tuple[Sweep, Planned, list[dict[str, Any]]]:
    """Return a sweep of 100,000 points, and their results."""
    sweep = make_depths(layer_file, clocks=20)
    planned = plan_points(sweep)
    with open_journal(":memory:") as journal:
        run_points(planned, journal)
        rows = collect_rows(sweep, planned, journal)
    assert len(rows) == 100_000
    return sweep, planned, rows


def test_journal(many: Any, tmp_path: Path, measure_within: Any) -> None:
    """100,000 results written to a file 500 at a time, and read again."""
    _, planned, rows = many
    records = [(point.key, row) for point, row in zip(planned.points, rows, strict=True)]
    rounds = iter(range(100))

    def write() -> None:
        with open_journal(tmp_path / f"{next(rounds)}.sqlite") as journal:
            for first in range(0, len(records), 500):
                journal.write(records[first : first + 500])

    measure_within("100,000 results written to the journal", write, 100_000 / 30_000, rounds=1)
    with open_journal(tmp_path / "0.sqlite") as journal:
        assert len(list(find_all(journal, records))) == 100_000


def find_all(journal: Journal, records: Any) -> Any:
    return journal.find(key for key, _ in records)


def test_tables(many: Any, measure_within: Any) -> None:
    sweep, planned, rows = many

    def write() -> int:
        tables = report_sweep(sweep, planned, rows, None, parquet=False).list_tables()
        return sum(len(to_csv(table)) for table in tables.values() if table)

    assert measure_within("answers and tables of 100,000 points", write, 1.5, rounds=1) > 10**7


def test_page(many: Any, measure_within: Any) -> None:
    sweep, planned, rows = many
    report = report_sweep(sweep, planned, rows, None, parquet=False)
    page = measure_within("page of 100,000 points", lambda: report.render(["sweep"]), 1.5, rounds=1)
    assert page.startswith("<!DOCTYPE html>")
