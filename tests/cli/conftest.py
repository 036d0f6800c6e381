"""What every command gives, for the tests of its form and of its columns."""

from __future__ import annotations

import pytest

from tests.support.outputs import Outputs


@pytest.fixture(scope="session")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Outputs:
    return Outputs(tmp_path_factory.mktemp("outputs"))
