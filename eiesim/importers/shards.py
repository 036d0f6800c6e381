"""A state dictionary in several files, as an `.index.json` lists them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy.typing as npt

from eiesim.base.errors import WorkloadError
from eiesim.base.schema import show_value
from eiesim.importers.content import read_json
from eiesim.importers.kinds import Kind, find_kind
from eiesim.importers.safetensors_file import read_safetensors
from eiesim.importers.torch_file import read_torch

MAP = "weight_map"
MOST_INDEX_BYTES = 1 << 26


def read_shards(path: str | Path) -> dict[str, npt.NDArray[Any]]:
    """Read the tensors that an index lists from the files beside it, in the index's order.

    The index, such as ``model.safetensors.index.json``, is JSON with ``weight_map``, the file of
    each name. A missing or damaged file, or a name that is not in its file, is a WorkloadError.
    """
    places = read_json(path, MOST_INDEX_BYTES).get(MAP)
    if not isinstance(places, dict) or not all(isinstance(name, str) for name in places.values()):
        raise WorkloadError(f"{path}: {MAP}: expected files by name, found {show_value(places)}")
    files = {name: _read_shard(Path(path), name) for name in dict.fromkeys(places.values())}
    holders = {key: name for name, arrays in files.items() for key in arrays}
    for key in {**places, **holders}:
        if places.get(key) != holders.get(key):
            raise WorkloadError(
                f"{path}: {key}: expected the file that holds it, found "
                f"{places.get(key, 'none')} where {holders.get(key, 'none')} does"
            )
    return {key: files[name][key] for key, name in places.items()}


def _read_shard(index: Path, name: str) -> dict[str, npt.NDArray[Any]]:
    if not name or Path(name).name != name or "\0" in name:
        raise WorkloadError(f"{index}: {name!r}: expected the name of a file beside the index")
    shard = index.with_name(name)
    kind = find_kind(shard)
    if kind not in (Kind.SAFETENSORS, Kind.TORCH):
        raise WorkloadError(f"{shard}: expected .safetensors or torch.save, found {kind.value}")
    return read_safetensors(shard) if kind == Kind.SAFETENSORS else read_torch(shard)
