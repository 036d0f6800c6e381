"""Times of jobs, set against each other: printed, kept in a file, and held to their limits."""

from __future__ import annotations

import csv
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numba
import numpy as np
import pytest
import scipy

from eiesim import load_benchmark
from eiesim.baselines.cpu import count_processors, find_processor
from eiesim.importers.npz import read_layer
from tests.support.paths import DATA

LIMITS = Path(__file__).with_name("limits.csv")
SECOND = "one second"
SCIPY, BLAS = "the product in SciPy, CSC float32", "the product in BLAS, dense float32"
FC8 = "fc8"
ALEX8_TIMES = f"times of {FC8}, 64 PEs"
ALEX8_RUN = "simulate Alex-8, all counters and outputs, float32"
"""Jobs that stand beside more than one other."""


class Times(NamedTuple):
    """Times of a job in seconds, and how often it ran."""

    min_s: float
    median_s: float
    runs: int


@dataclass
class Ratios:
    """Times by the job's name, and which are set against which, with the ratio aimed at, if any."""

    times: dict[str, Times] = field(default_factory=lambda: {SECOND: Times(1.0, 1.0, 0)})
    pairs: dict[tuple[str, str], float | None] = field(default_factory=dict)

    def add(self, job: str, against: str, aim: float | None = None) -> None:
        """Ask for the ratio of two minima."""
        self.pairs[job, against] = aim

    def set_fixed(self, name: str, seconds: float) -> None:
        """Name a time that is known, such as the chip's."""
        self.times[name] = Times(seconds, seconds, 0)

    def rows(self, limits: dict[tuple[str, str], float]) -> list[dict[str, Any]]:
        """Return the ratios that were asked for, as far as both times were measured."""
        rows = []
        for (job, against), aim in self.pairs.items():
            if job in self.times and against in self.times:
                ours, other = self.times[job], self.times[against]
                rows.append({
                    "job": job, "min_us": 1e6 * ours.min_s, "median_us": 1e6 * ours.median_s,
                    "runs": ours.runs, "against": against, "against_us": 1e6 * other.min_s,
                    "ratio": ours.min_s / other.min_s, "aim": aim,
                    "limit": limits.get((job, against)),
                })  # fmt: skip
        return rows


def read_limits() -> dict[tuple[str, str], float]:
    """Return the largest ratio of each pair that has one."""
    with LIMITS.open(encoding="utf-8") as stream:
        return {(row["job"], row["against"]): float(row["limit"]) for row in csv.DictReader(stream)}


def describe_row(row: dict[str, Any]) -> str:
    """Return a line that says how a ratio stands to its aim and its limit."""
    words = []
    if row["aim"] is not None:
        words.append(f"{'reaches' if row['ratio'] <= row['aim'] else 'misses'} {row['aim']:g}")
    if row["limit"] is not None:
        words.append(f"{'within' if row['ratio'] <= row['limit'] else 'PAST'} {row['limit']:g}")
    return (
        f"{row['ratio']:11.4g}  {', '.join(words):26}  {row['job']}: {row['min_us']:,.4g} us, "
        f"against {row['against']}"
    )


RATIOS = Ratios()


@pytest.fixture(scope="session")
def ratios() -> Ratios:
    return RATIOS


@pytest.fixture(scope="session")
def alex8() -> Any:
    """AlexNet's fc8: the real one where it is there, else one drawn like it."""
    file = DATA / "alex8" / "layer.npz"
    if file.is_file():
        return read_layer(file)
    benchmark = load_benchmark("alex-8")
    return benchmark.layer, benchmark.activations


@pytest.fixture
def measure(ratios: Ratios) -> Callable[..., Any]:
    """Run a job once to warm up, then time it; keep its times and return what it returned."""

    def run(job: str, function: Callable[[], Any], rounds: int = 200) -> Any:
        result = function()
        times = []
        for _ in range(rounds):
            start = time.perf_counter()
            function()
            times.append(time.perf_counter() - start)
        ratios.times[job] = Times(min(times), statistics.median(times), rounds)
        return result

    return run


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the times be kept."""
    parser.addoption("--results", metavar="FILE", help="write the times to this CSV file")


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print measured ratios beside their aims and limits."""
    terminalreporter.section("ratios of times measured in this run")
    for row in RATIOS.rows(read_limits()):
        terminalreporter.write_line(describe_row(row))
    if config.getoption("--results"):
        terminalreporter.write_line(f"written: {config.getoption('--results')}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail where a ratio is past its limit; write the times where that is asked for."""
    rows = RATIOS.rows(read_limits())
    if any(row["limit"] is not None and row["ratio"] > row["limit"] for row in rows):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    file = session.config.getoption("--results")
    if file and rows:
        machine = {"machine": describe_machine()}
        with Path(file).open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, [*rows[0], *machine], lineterminator="\n")
            writer.writeheader()
            writer.writerows(
                {name: f"{value:.6g}" if isinstance(value, float) else value
                 for name, value in (row | machine).items()}
                for row in rows
            )  # fmt: skip


def describe_machine() -> str:
    """Return what the times depend on."""
    return (
        f"{count_processors()} cores of {find_processor()}; {platform.system()}, Python "
        f"{platform.python_version()}, NumPy {np.__version__}, SciPy {scipy.__version__}, numba "
        f"{numba.__version__}"
    )
