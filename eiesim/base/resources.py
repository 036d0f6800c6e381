"""Places of the data files of eiesim: in the wheel, or beside a checkout."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


def data_path(name: str) -> Path:
    """Return the path of a file of `eiesim/data`."""
    return PACKAGE / "data" / name


def models_path() -> Path:
    """Return the folder of the benchmark layers, `models/`."""
    installed = PACKAGE / "models"
    return installed if installed.is_dir() else PACKAGE.parent / "models"


def traces_path() -> Path:
    """Return the folder of recorded inputs, `traces/`."""
    installed = PACKAGE / "traces"
    return installed if installed.is_dir() else PACKAGE.parent / "traces"
