"""Weights in files, in modules of PyTorch: PyTorch runs them, and EIE through `eiesim.profile`."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from eiesim import profile
from tests.published.figures import Figures, Outputs, Runnable, Setting
from tests.published.grid import find_step, round_to

PRODUCTS = (nn.Linear, nn.Conv1d, nn.LSTM, nn.LSTMCell, nn.GRUCell)
RECURRENT = (nn.LSTM, nn.LSTMCell, nn.GRUCell)
Arrays = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class TorchNetwork:
    """A module with its weights and its input.

    Attributes
    ----------
    inferences : int
        In one call of the module.
    """

    module: Any
    given: Any
    inferences: int = 1

    def run_itself(self) -> Outputs:
        with torch.no_grad():
            return self._take(self.module(self.given))

    def run_on_eie(self, setting: Setting) -> Figures:
        found = profile(self.module, self.given, hw=setting.hw, plan=setting.plan, replace=True)
        assert found.energy_pj is not None
        return Figures(
            len(found.layers),
            round(found.macs / self.inferences),
            round(found.host_macs / self.inferences),
            found.cycles / self.inferences,
            sum(found.energy_pj) / self.inferences,
            max(layer.change.largest_error for layer in found.layers),
            tuple(f"{it.module}: {it.kind}, {it.reason}" for it in found.left_out),
            self._take(found.output),
        )

    def round(self) -> Runnable:
        module = copy.deepcopy(self.module)
        for part in module.modules():
            if isinstance(part, PRODUCTS):
                _round_module(part)
        return replace(self, module=module)

    def _take(self, outputs: Any) -> Outputs:
        """Return the outputs, with a row an inference."""
        parts = outputs if isinstance(outputs, tuple) else (outputs,)
        return [np.asarray(it.detach().numpy(), np.float32).reshape(self.inferences, -1)
                for it in parts]  # fmt: skip


def load(make: Callable[[], Any], weights: Arrays) -> Any:
    """Return a module with weights of its names; others must not be missing."""
    module = make()
    wanted = {name: torch.from_numpy(np.array(weights[name])) for name in module.state_dict()}
    module.load_state_dict(wanted)
    return module.eval()


def _round_module(part: Any) -> None:
    """Round the weights of a product; a recurrent one's biases are a column of its matrix."""
    arrays = {name: it.detach().numpy() for name, it in part.named_parameters(recurse=False)}
    biases = {name: it for name, it in arrays.items() if name.startswith("bias")}
    weights = {name: it for name, it in arrays.items() if name not in biases}
    joined = biases if isinstance(part, RECURRENT) else {}
    step = find_step(weights.values(), joined.values())
    with torch.no_grad():
        for name, array in (weights | joined).items():
            getattr(part, name).copy_(torch.from_numpy(round_to(array, step)))
