"""The row of every baseline, whatever its kind, and the file of rows."""

from __future__ import annotations

from dataclasses import MISSING, dataclass
from pathlib import Path
from typing import Any

from eiesim.base.errors import ConfigError
from eiesim.base.schema import Choice, Field, Range, Text
from eiesim.base.tables import read_csv

KINDS = ("published", "measured", "roofline", "simulated")
FIELDS = {
    field.name: field
    for field in (
        Field("layer", str, Text("what the layer is called", empty=False), MISSING),
        Field("platform", str, Text("what it ran on", empty=False), MISSING),
        Field("batch", int, Range(1, 1 << 16, "inputs multiplied at once"), MISSING),
        Field("matrix", str, Choice(("dense", "sparse"), "form of the weights"), MISSING),
        Field("kind", str, Choice(KINDS, "whose number"), MISSING),
        Field("time_us", float, Range(1e-6, 1e12, "time of one input"), MISSING),
        Field("power_w", float, Range(1e-6, 1e6, "power, null where unknown"), MISSING),
        Field("source", str, Text("where the numbers come from", empty=False), MISSING),
    )
}


@dataclass(frozen=True)
class Baseline:
    """The time and power of one platform for one layer.

    Raises ConfigError if fields are out of range, with one line each.

    Attributes
    ----------
    platform
        ``cpu``, ``gpu`` or ``mgpu`` of the EIE paper; or this computer's, and with which caches.
    batch
        Inputs multiplied at once.
    matrix
        ``dense`` or ``sparse``, the form of the weights.
    kind
        Printed in a paper, measured on this computer, bound by peak bandwidth and peak rate, or
        simulated, for EIE.
    time_us
        Microseconds per input: the time of the batch divided by its inputs.
    power_w
        Watts, None if unknown.
    """

    layer: str
    platform: str
    batch: int
    matrix: str
    kind: str
    time_us: float
    power_w: float | None
    source: str

    def __post_init__(self) -> None:
        problems = [
            problem
            for name, field in FIELDS.items()
            if not (name == "power_w" and self.power_w is None)
            and (problem := field.problem(getattr(self, name)))
        ]
        if problems:
            raise ConfigError(*problems)

    @property
    def key(self) -> tuple[str, str, int, str, str]:
        """Fields that no two rows of a file share."""
        return self.layer, self.platform, self.batch, self.matrix, self.kind


def read_baseline(path: str | Path) -> tuple[Baseline, ...]:
    """Read the `baseline.csv` that ``eiesim baseline --out`` wrote, in UTF-8.

    It has the fields of `Baseline` as columns in any order; ``null`` is an unknown power. Raises
    ConfigError if the file cannot be read, a column is missing or unknown, a value is out of range,
    or two rows have the same key; with one line a problem, each with file, line and key.
    """
    rows: dict[tuple[str, str, int, str, str], Baseline] = {}

    def parse(_: int, words: dict[str, str]) -> None:
        row = Baseline(**{name: _parse(FIELDS[name], word) for name, word in words.items()})
        if row.key in rows:
            raise ConfigError(f"layer: a line above tells the same of {row.layer!r}")
        rows[row.key] = row

    read_csv(path, parse, FIELDS, FIELDS)
    if not rows:
        raise ConfigError(f"{path}: expected at least one row below the header")
    return tuple(rows.values())


def _parse(field: Field, word: str) -> Any:
    """Return a word as its field's type, or unchanged if it is none, for the error to show."""
    if (field.name, word) == ("power_w", "null"):
        return None
    try:
        return field.kind(word)
    except ValueError:
        return word
