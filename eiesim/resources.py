"""Where the data files are that travel with eiesim: in the wheel, or beside a checkout."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def data_path(name: str) -> Path:
    """Return the path of a file of `eiesim/data`.

    Parameters
    ----------
    name : str
        File name, with folders, relative to `eiesim/data`.
    """
    return PACKAGE / "data" / name


def models_path() -> Path:
    """Return the folder of the benchmark layers, `models/`."""
    return _installed_or_beside("models")


def traces_path() -> Path:
    """Return the folder of the recorded activations, `traces/`."""
    return _installed_or_beside("traces")


def _installed_or_beside(name: str) -> Path:
    installed = PACKAGE / name
    return installed if installed.is_dir() else PACKAGE.parent / name
