"""The weights of a model that can be compressed, masks and codebooks beside them, and export."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from eiesim.base.errors import WorkloadError, did_you_mean
from eiesim.layer.weights import CompressedLayer, StoredLayer

T = TypeVar("T")
MASK, CODES, CODEBOOK = "_mask", "_codes", "_codebook"
"""Added to a parameter's name: which weights are kept (bool), codebook indices (uint8), and the
codebook (a parameter of its own, so that an optimizer trains it)."""


@dataclass(frozen=True, eq=False)
class WeightMatrix:
    """One matrix of weights inside a model.

    Attributes
    ----------
    name
        The module's path; with the parameter's name for one of several matrices of a module.
    parameter
        Name of the weights in the module.
    """

    name: str
    module: nn.Module
    parameter: str

    @property
    def values(self) -> nn.Parameter:
        """The weights themselves: outputs x inputs (x kernel height x kernel width)."""
        return self.module.get_parameter(self.parameter)

    @property
    def mask(self) -> torch.Tensor | None:
        """Which weights are kept, if the layer was pruned and is not shared."""
        return self._find(MASK)

    @property
    def codes(self) -> torch.Tensor | None:
        """Codebook indices, if the layer is shared."""
        return self._find(CODES)

    @property
    def codebook(self) -> nn.Parameter:
        """The shared weights, if the layer is shared."""
        return self.module.get_parameter(self.parameter + CODEBOOK)

    @property
    def bias(self) -> torch.Tensor | None:
        """The bias that is added to what these weights give."""
        return getattr(self.module, self.parameter.replace("weight", "bias", 1), None)

    def _find(self, suffix: str) -> torch.Tensor | None:
        return self.module._buffers.get(self.parameter + suffix)

    def take_unshared(self, action: str) -> npt.NDArray[np.float32]:
        """Return the weights to prune or share, pruned ones as zero; WorkloadError if shared."""
        if self.codes is not None:
            raise WorkloadError(f"{self.name}: expected a layer to {action}, found a shared one")
        self.settle()
        array: npt.NDArray[np.float32] = to_numpy(self.values.float())
        return array

    def settle(self) -> None:
        """Write shared weights anew from the codebook, and pruned ones as zero."""
        # .data, so that autograd does not count this as a change: a graph under way stays valid
        with torch.no_grad():
            if self.codes is not None:
                self.codebook.data[0] = 0
                self.values.data.copy_(self.codebook.data[self.codes.long()])
            elif self.mask is not None:
                self.values.data.mul_(self.mask)


def find_weights(model: nn.Module, layers: Iterable[str] | None = None) -> tuple[WeightMatrix, ...]:
    """Return the weights of Linear, Conv2d, LSTM and GRU modules, in the model's order.

    `layers` selects some by name, such as ``fc1`` or ``lstm.weight_hh_l0``. Raises WorkloadError if
    there are none, or none of such a name.
    """
    matrices = {weights.name: weights for weights in _list_weights(model)}
    if not matrices:
        raise WorkloadError(
            "model: expected Linear, Conv2d, LSTM or GRU layers, found none of them"
        )
    for name in layers or ():
        if name not in matrices:
            raise WorkloadError(f"layer {name!r}: {did_you_mean(name, matrices)}")
    return tuple(weights for name, weights in matrices.items() if layers is None or name in layers)


def _list_weights(model: nn.Module) -> Iterator[WeightMatrix]:
    for path, module in model.named_modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            yield WeightMatrix(path or "layer", module, "weight")
        elif isinstance(module, nn.LSTM | nn.GRU):
            for parameter, _ in module.named_parameters(recurse=False):
                # of an LSTM with a projection, weight_hr has no bias and stays as it is
                if parameter.startswith(("weight_ih", "weight_hh")) and CODEBOOK not in parameter:
                    yield WeightMatrix(_join(path, parameter), module, parameter)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def choose(
    model: nn.Module, setting: T | Mapping[str, T], layers: Iterable[str] | None = None
) -> list[tuple[WeightMatrix, T]]:
    """Return weights, each with its setting; errors are as in `find_weights`.

    A setting is one value for all of `layers`, or a mapping that names the layers itself.
    """
    if isinstance(setting, Mapping):
        return [(weights, setting[weights.name]) for weights in find_weights(model, setting)]
    names = None if layers is None else tuple(layers)
    return [(weights, setting) for weights in find_weights(model, names)]


def restore_(model: nn.Module, state: Mapping[str, Any]) -> None:
    """Load a state that was saved from a pruned or shared model, masks and codebooks included.

    The model is new, or pruned or shared otherwise. The state holds tensors or arrays by name, from
    `state_dict`. Raises WorkloadError as in `find_weights`; PyTorch raises RuntimeError if the
    state is of another model.
    """
    tensors = {name: torch.as_tensor(value) for name, value in state.items()}
    for weights in find_weights(model):
        module, name = weights.module, weights.parameter
        path = next(path for path, other in model.named_modules() if other is module)
        device = weights.values.device
        for suffix in (MASK, CODES, CODEBOOK):
            saved = tensors.get(_join(path, name + suffix))
            if hasattr(module, name + suffix):
                delattr(module, name + suffix)
            if saved is None:
                continue
            empty = torch.empty_like(saved, device=device)
            if suffix == CODEBOOK:
                module.register_parameter(name + suffix, nn.Parameter(empty))
            else:
                module.register_buffer(name + suffix, empty)
    model.load_state_dict(tensors)


def export(model: nn.Module, index_bits: int | Mapping[str, int] = 4) -> tuple[StoredLayer, ...]:
    """Return the layers of a model after `share_weights`, for a file or the simulator.

    They are in the model's order; codebook and codes give the model's weights bit for bit. Relative
    indices have 1 to 8 bits. A mapping names the layers to export; the others are left out. Raises
    WorkloadError if a layer is not shared, or `index_bits` is out of range.
    """
    stored = []
    for weights, bits in choose(model, index_bits):
        weights.settle()
        if weights.codes is None:
            raise WorkloadError(
                f"{weights.name}: expected shared weights, found none; call share_weights first"
            )
        codes = to_numpy(weights.codes)
        matrix = codes.reshape(codes.shape[0], -1)
        layer = CompressedLayer(matrix, to_numpy(weights.codebook), name=weights.name)
        bias = None if weights.bias is None else to_numpy(weights.bias)
        stored.append(StoredLayer(layer, codes.shape, bias, bits))
    return tuple(stored)


def to_numpy(tensor: torch.Tensor) -> npt.NDArray[Any]:
    """Return a tensor on any device as an array."""
    array: npt.NDArray[Any] = tensor.detach().cpu().numpy()
    return array
