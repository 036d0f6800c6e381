"""Collects ratios during the benchmarks and prints them at the end."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest


@dataclass
class Ratios:
    """Times in seconds by name, and what is to be set against what."""

    seconds: dict[str, float] = field(default_factory=dict)
    rows: list[tuple[str, str, float | None]] = field(default_factory=list)

    def add(self, name: str, against: str, target: float | None = None) -> None:
        """Ask for the ratio of two times, and name the one aimed at, if any."""
        self.rows.append((name, against, target))


RATIOS = Ratios()


@pytest.fixture(scope="session")
def ratios() -> Ratios:
    return RATIOS


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print measured ratio beside the one aimed at; nothing fails here."""
    terminalreporter.section("ratios of times measured in this run")
    for name, against, target in RATIOS.rows:
        if name in RATIOS.seconds and against in RATIOS.seconds:
            ratio = RATIOS.seconds[name] / RATIOS.seconds[against]
            aim = "" if target is None else f"aim {target:g}: {'ok' if ratio <= target else 'SLOW'}"
            terminalreporter.write_line(
                f"{ratio:10.4f}  {aim:16}  {name}: {1e3 * RATIOS.seconds[name]:.4g} ms, "
                f"against {against}"
            )
