"""Files that other tools read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from eiesim.base.errors import WorkloadError, did_you_mean
from eiesim.base.files import replacing
from eiesim.catalog.model import Model
from eiesim.exporters.onnx_model import make_onnx
from eiesim.exporters.tensors import make_tensors
from eiesim.layer.weights import StoredLayer

Network = Model | Iterable[StoredLayer]


def export_network(network: Network, path: str | Path, form: str) -> None:
    """Write a compressed network for another tool, with the weights that EIE multiplies with.

    Raises WorkloadError if the network has no such form (see `make_tensors` and `make_onnx`), a
    package is missing, or the form is unknown, and EieError if the file cannot be written.

    Parameters
    ----------
    network
        From an `.eie` file, or the layers of a `.dcz` file.
    path
        The file, written whole or not at all.
    form : {"pt", "safetensors", "onnx"}
        Weights under PyTorch's names, or the whole network, which only an `.eie` file has.
    """
    if form not in FORMATS:
        raise WorkloadError(f"form {form!r}: {did_you_mean(form, FORMATS)}")
    FORMATS[form](network, path)


def _write_pt(network: Network, path: str | Path) -> None:
    tensors = make_tensors(network)
    try:
        import torch  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise WorkloadError(
            "pt: PyTorch is missing: pip install 'eiesim[train]'; safetensors needs none"
        ) from error
    with replacing(path) as stream:
        torch.save({name: torch.from_numpy(array) for name, array in tensors.items()}, stream)


def _write_safetensors(network: Network, path: str | Path) -> None:
    """Write a length of 8 bytes, JSON padded with spaces, and the data.

    Source: https://huggingface.co/docs/safetensors.
    """
    tensors = make_tensors(network)
    header, place = {}, 0
    for name, array in tensors.items():
        ends = [place, place + array.nbytes]
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": ends}
        place = ends[1]
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with replacing(path) as stream:
        stream.write(len(text).to_bytes(8, "little") + text)
        for array in tensors.values():
            stream.write(array.astype("<f4", copy=False).tobytes())


def _write_onnx(network: Network, path: str | Path) -> None:
    if not isinstance(network, Model):
        raise WorkloadError(
            "onnx: layers alone have no steps: expected a network (.eie); import the layers with "
            "their steps first, or export them to safetensors"
        )
    content: bytes = make_onnx(network).SerializeToString(deterministic=True)
    with replacing(path) as stream:
        stream.write(content)


FORMATS: Mapping[str, Callable[[Network, str | Path], None]] = {
    "pt": _write_pt, "safetensors": _write_safetensors, "onnx": _write_onnx,
}  # fmt: skip
