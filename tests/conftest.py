"""Fixtures: the shared data, where it is there, and Hypothesis' profiles."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, settings

from eiesim import CompressedLayer
from eiesim.importers.npz import read_layer
from eiesim.paper.cache import FOLDER_VARIABLE
from tests.support.paths import require_data

settings.register_profile(
    "default", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("slow", parent=settings.get_profile("default"), max_examples=2500)
settings.register_profile("fixed", parent=settings.get_profile("default"), derandomize=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_configure() -> None:
    """Give programs that a test starts the usual signals: a shell's background ignores some."""
    for number, usual in (
        (signal.SIGINT, signal.default_int_handler),
        (signal.SIGTERM, signal.SIG_DFL),
        (getattr(signal, "SIGHUP", signal.SIGTERM), signal.SIG_DFL),
    ):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Experiments are computed by the tests themselves, and the user's cache is left alone."""
    os.environ[FOLDER_VARIABLE] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real layers; a user has none."""
    return require_data()


@pytest.fixture(scope="session")
def alex8(shared_data: Path) -> tuple[CompressedLayer, npt.NDArray[np.float32]]:
    """AlexNet's fc8, pruned, and one image's activations, as the EIE authors simulated it."""
    layer, activations = read_layer(shared_data / "alex8" / "layer.npz")
    assert activations is not None
    return layer, activations


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def without_gpu(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Neither library is there, whatever is installed."""
    for name in ("cupy", "torch"):
        monkeypatch.setitem(sys.modules, name, None)
    return monkeypatch
