"""ONNX Runtime, which runs the nodes that EIE does not; it needs the extra ``onnx``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from eiesim.base.errors import WorkloadError
from eiesim.importers.onnx_file import Array, is_external

NEEDS_RUNTIME = "running ONNX needs the package onnxruntime: pip install 'eiesim[onnx]'"


class Session:
    """A model that ONNX Runtime can run; it opens no file.

    Raises WorkloadError if the runtime is missing or cannot run it, or numbers are in other files.
    """

    def __init__(self, model: Any, label: str) -> None:
        onnxruntime = import_runtime(label)
        if is_external(model):
            raise WorkloadError(f"{label}: expected a model that holds its numbers, found a path")
        self.label = label
        self.outputs = [value.name for value in model.graph.output]
        self.kinds = {value.name: value.type.tensor_type.elem_type for value in model.graph.input}
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # errors alone
        # one thread: sums are then in the same order each time
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        try:
            self.session = onnxruntime.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise WorkloadError(
                f"{label}: ONNX Runtime cannot run it: {_shorten(error)}"
            ) from error

    def run(self, inputs: Mapping[str, Array]) -> list[Array]:
        """Return the outputs, in the model's order; inputs are converted to its types.

        Raises WorkloadError if the runtime stops, or an input of whole numbers gets a fraction.
        """
        converted = {name: self._convert(name, array) for name, array in inputs.items()}
        try:
            results = self.session.run(self.outputs, converted)
        except Exception as error:
            raise WorkloadError(f"{self.label}: ONNX Runtime stops: {_shorten(error)}") from error
        return [np.asarray(result) for result in results]

    def _convert(self, name: str, array: Array) -> Array:
        from onnx import helper  # noqa: PLC0415 - an extra

        kind = helper.tensor_dtype_to_np_dtype(self.kinds[name])
        if kind.kind in "iub" and array.dtype.kind == "f":
            limits = (0, 1) if kind.kind == "b" else (np.iinfo(kind).min, np.iinfo(kind).max)
            inside = (array >= limits[0]) & (array <= limits[1]) & (array == np.floor(array))
            if not inside.all():
                raise WorkloadError(
                    f"{self.label}: {name}: expected whole numbers from {limits[0]} to "
                    f"{limits[1]}, found {array[~inside].reshape(-1)[0]}"
                )
        return array.astype(kind, copy=False)


def import_runtime(label: str) -> Any:
    """Return the package onnxruntime; WorkloadError, with a label, if it is missing."""
    try:
        import onnxruntime  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise WorkloadError(f"{label}: {NEEDS_RUNTIME}") from error
    return onnxruntime


def _shorten(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
