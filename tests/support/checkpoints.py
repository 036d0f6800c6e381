"""State dictionaries as PyTorch and others save them, and a plan that loses nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eiesim.compress.plan import read_plan
from tests.support.weight_files import pack_safetensors

torch = pytest.importorskip("torch", reason="PyTorch is not installed (make train-extra)")


def save_old(state: object, path: Path) -> None:
    torch.save(state, path, _use_new_zipfile_serialization=False)


EXACT = read_plan(None, ["codebook_bits=8", "initialisation=optimal"])


def save_as_safetensors(state: dict[str, Any], path: Path) -> None:
    """Write tensors in the order of their names as text, as the library does."""
    path.write_bytes(pack_safetensors({key: state[key].numpy() for key in sorted(state)}))


def save_as_npz(state: dict[str, Any], path: Path) -> None:
    np.savez(path, allow_pickle=False, **{key: it.double().numpy() for key, it in state.items()})
