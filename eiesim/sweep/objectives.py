"""Objectives of a sweep: metrics, and whether they are to be small or large."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from eiesim.base.errors import ConfigError, did_you_mean
from eiesim.sweep.metrics import METRICS


class Direction(Enum):
    """Which values are better; in a sweep's file this is the sign before the metric."""

    SMALL = ""
    LARGE = "-"


@dataclass(frozen=True)
class Objective:
    """A metric of `eiesim.sweep.metrics.METRICS` that is to be small or large."""

    metric: str
    direction: Direction = Direction.SMALL

    @classmethod
    def parse(cls, text: str) -> Objective:
        """Read ``cycles``, or ``-load_balance`` for one that is to be large.

        Raises ConfigError if there is no such metric.
        """
        sign = Direction.LARGE.value
        direction = Direction.LARGE if text.startswith(sign) else Direction.SMALL
        metric = text.removeprefix(sign)
        if metric not in METRICS:
            raise ConfigError(f"objective {text!r}: {did_you_mean(metric, METRICS)}")
        return cls(metric, direction)

    def __str__(self) -> str:
        """Return it as a sweep's file has it."""
        return f"{self.direction.value}{self.metric}"

    def weigh(self, row: Mapping[str, Any]) -> float:
        """Return the metric of a row as a number that is to be small."""
        value = float(row[self.metric])
        return -value if self.direction is Direction.LARGE else value
