"""Any PyTorch module as it runs: EIE does its products, PyTorch the rest. Needs the extra train."""

try:
    import torch as _  # noqa: F401 - whether it is there
except ImportError as error:
    raise ImportError("eiesim.profile needs PyTorch: pip install 'eiesim[train]'") from error

from eiesim.profiling.profiler import profile
from eiesim.profiling.result import Profile

__all__ = ["Profile", "profile"]
