"""Folders of the project, and of the real data beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
DATA = ROOT.parent / "shared" / "data"
"""Real layers; a user has none."""


def require_data() -> Path:
    """Return the folder of real layers; the test is skipped where it is missing."""
    if not DATA.is_dir():
        pytest.skip("../shared/data is missing; docs/explanation/nearness.md tells of it")
    return DATA
