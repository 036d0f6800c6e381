"""A CUDA GPU of this computer, by way of CuPy or PyTorch if one of them is installed."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from eiesim.baselines.measured import Device

FLUSH_BYTES = 512 << 20
"""More than any GPU's second-level cache."""


class CuPyGpu:
    """A GPU by way of CuPy, as a `Device`."""

    def __init__(self, cupy: Any) -> None:
        self._cupy = cupy
        self._csr_matrix = import_module("cupyx.scipy.sparse").csr_matrix
        name = cupy.cuda.runtime.getDeviceProperties(0)["name"].decode()
        self.platform = f"this gpu: {name}"
        self._flushing = cupy.zeros(FLUSH_BYTES, np.uint8)

    def free_bytes(self) -> int | None:
        """Return the GPU's free memory."""
        return int(self._cupy.cuda.Device().mem_info[0])

    def describe(self, matrix: str) -> tuple[str, int | None]:
        """Return the library, and None, since a GPU has no number of threads."""
        return f"CuPy {self._cupy.__version__} {_LIBRARY[matrix]}", None

    def place(self, array: Any) -> Any:
        """Return an array or a CSR matrix in the GPU's memory."""
        if isinstance(array, np.ndarray):
            return self._cupy.asarray(array)
        parts = (array.data, array.indices, array.indptr)
        return self._csr_matrix(tuple(map(self._cupy.asarray, parts)), shape=array.shape)

    def fetch(self, array: Any) -> npt.NDArray[np.float32]:
        """Return a result as a NumPy array."""
        return np.asarray(self._cupy.asnumpy(array))

    def time_us(self, work: Callable[[], object]) -> float:
        """Return the time of the kernels that `work` puts into the stream, between two events."""
        start, end = self._cupy.cuda.Event(), self._cupy.cuda.Event()
        start.record()
        work()
        end.record()
        end.synchronize()
        return 1e3 * float(self._cupy.cuda.get_elapsed_time(start, end))

    def flush(self) -> None:
        """Write more than the second-level cache holds."""
        self._flushing.fill(0)


class TorchGpu:
    """A GPU by way of PyTorch, as a `Device`."""

    def __init__(self, torch: Any) -> None:
        self._torch = torch
        self.platform = f"this gpu: {torch.cuda.get_device_name(0)}"
        self._flushing = torch.zeros(FLUSH_BYTES, dtype=torch.uint8, device="cuda")

    def free_bytes(self) -> int | None:
        """Return the GPU's free memory."""
        return int(self._torch.cuda.mem_get_info()[0])

    def describe(self, matrix: str) -> tuple[str, int | None]:
        """Return the library, and None, since a GPU has no number of threads."""
        return f"PyTorch {self._torch.__version__} {_LIBRARY[matrix]}", None

    def place(self, array: Any) -> Any:
        """Return an array or a CSR matrix in the GPU's memory."""
        if isinstance(array, np.ndarray):
            return self._torch.asarray(array, device="cuda")
        parts = (array.indptr, array.indices, array.data)
        with warnings.catch_warnings():  # PyTorch warns that CSR is in beta state
            warnings.simplefilter("ignore")
            return self._torch.sparse_csr_tensor(*map(self.place, parts), size=array.shape)

    def fetch(self, array: Any) -> npt.NDArray[np.float32]:
        """Return a result as a NumPy array."""
        return np.asarray(array.cpu().numpy())

    def time_us(self, work: Callable[[], object]) -> float:
        """Return the time of the kernels that `work` puts into the stream, between two events."""
        start, end = (self._torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        work()
        end.record()
        end.synchronize()
        return 1e3 * float(start.elapsed_time(end))

    def flush(self) -> None:
        """Write more than the second-level cache holds."""
        self._flushing.zero_()


_LIBRARY = {"dense": "cuBLAS", "sparse": "cuSPARSE CSR"}
_ADAPTERS: dict[str, Callable[[Any], Device]] = {"cupy": CuPyGpu, "torch": TorchGpu}


def find_gpu() -> Device | str:
    """Return the GPU by way of the first library that has one, or the reason why there is none."""
    installed = []
    for name, adapter in _ADAPTERS.items():
        try:
            module = import_module(name)
        except ImportError:
            continue
        installed.append(name)
        try:
            if module.cuda.is_available():
                return adapter(module)
        except Exception as error:  # a driver may raise anything, which the reason then names
            return f"not measured: {name} cannot use it: {type(error).__name__}: {error}"
    if not installed:
        return "not measured: neither CuPy nor PyTorch is installed"
    return f"not measured: no CUDA device for {' or '.join(installed)}"
