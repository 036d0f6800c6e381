"""The runs that many experiments judge, done once."""

from __future__ import annotations

import pytest

from eiesim.paper.parts import workloads
from tests.support.experiments import NOWHERE, Parts


@pytest.fixture(scope="session")
def parts() -> Parts:
    """The nine layers, published and matched; None for the real one."""
    return list(workloads.work(NOWHERE))
