"""The calls of PyTorch that multiply with weights, seen while a module runs.

PyTorch passes each call of its functions to a `TorchFunctionMode`, with the weights as they are
used, after pruning masks, weight norm and other parametrisations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode

from eiesim.profiling.machine import Machine, Part, ProfiledLayer

Floats = npt.NDArray[np.float32]
Tensor = torch.Tensor
HOST_PRODUCTS = frozenset((
    torch.bmm, Tensor.bmm, torch.baddbmm, Tensor.baddbmm, torch.einsum, torch.tensordot,
    functional.conv3d, functional.conv_transpose1d, functional.conv_transpose2d,
    functional.conv_transpose3d,
))  # fmt: skip
"""Functions that multiply and that EIE does not run."""
Operands = Mapping[str, Any]
"""Arguments of a function, by the names of its parameters."""


class Rule(NamedTuple):
    """The work of EIE in a call.

    Attributes
    ----------
    parameters
        Names of the function's parameters in order, with spaces between them.
    run
        From the calls, PyTorch's result and the operands, returns the result for the module.
    """

    parameters: str
    run: Callable[[Calls, Any, Operands], Any]


class Calls(TorchFunctionMode):
    """Runs products on EIE while it is active, and counts the host's own multiplications.

    Parameters
    ----------
    module
        Its parameters are weights.
    rules : mapping of function to Rule
        Functions that multiply.
    replace
        Whether a call returns EIE's output instead of PyTorch's.
    """

    def __init__(
        self, module: torch.nn.Module, machine: Machine, rules: Mapping[Any, Rule], replace: bool
    ) -> None:
        super().__init__()
        self.machine, self.rules, self.replace = machine, rules, replace
        self.running: list[str] = []
        """Names of the modules that run, the innermost last."""
        self.entered: set[str] = set()
        """Names of the modules that were called."""
        self.derived_in: set[str] = set()
        """Names of the modules that multiplied with weights computed from their parameters."""
        self.used: set[int] = set()
        """Addresses of the weights that were multiplied with."""
        self.host_macs = 0
        """Multiply-accumulates between activations, which EIE does not do."""
        self._parameters = {
            find_address(parameter): name for name, parameter in module.named_parameters()
        }

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run a call in PyTorch, and its products with weights on EIE."""
        rule = self.rules.get(func)
        if rule is None:
            return self._run_on_host(func, args, kwargs or {})
        expected = func(*args, **(kwargs or {}))
        operands = dict(zip(rule.parameters.split(), args, strict=False))
        return rule.run(self, expected, operands | dict(kwargs or {}))

    def _run_on_host(
        self, func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        if func not in HOST_PRODUCTS:
            return func(*args, **kwargs)
        with FlopCounterMode(display=False) as counter:
            output = func(*args, **kwargs)
        self.host_macs += counter.get_total_flops() // 2  # a multiplication and an addition
        return output

    def find_layer(self, kind: str, suffix: str, part: Part, *weights: Tensor) -> ProfiledLayer:
        """Return the layer of a matrix of the module that runs.

        Parameters
        ----------
        kind
            The function.
        suffix
            Name of the matrix in the module; empty if it is the only one.
        weights
            Tensors that the matrix was made of.
        """
        module = self.running[-1] if self.running else ""
        addresses = [find_address(weight) for weight in weights]
        if not all(address in self._parameters for address in addresses):
            self.derived_in.add(module)
        self.used.update(addresses)
        name = ".".join(filter(None, (module, suffix)))
        if not name:  # a parameter of the whole module
            name = self._parameters.get(addresses[0], kind)
            name = kind if name.startswith("weight") else name
        return self.machine.find_layer(name, kind, part)

    def multiply(
        self, kind: str, suffix: str, data: Tensor, weight: Tensor, bias: Tensor | None = None
    ) -> tuple[ProfiledLayer, Floats]:
        """Return the layer of a matrix [outputs, inputs], and its products with vectors."""
        part = Part(np.ascontiguousarray(to_floats(weight)), to_bias(bias))
        layer = self.find_layer(kind, suffix, part, weight)
        return layer, layer.multiply(to_floats(data))

    def is_parameter(self, tensor: Any) -> bool:
        """Return whether a tensor is a parameter of the module, or a view of one."""
        return isinstance(tensor, Tensor) and find_address(tensor) in self._parameters

    def give(self, layer: ProfiledLayer, expected: Tensor, output: Floats) -> Tensor:
        """Return the result for the module, and add EIE's error to those of the layer."""
        layer.errors.add(to_floats(expected), output)
        return self.choose(expected, output)

    def choose(self, expected: Tensor, output: Floats) -> Tensor:
        """Return the result for the module: PyTorch's output, or EIE's instead."""
        if not self.replace:
            return expected
        return torch.from_numpy(np.ascontiguousarray(output)).to(expected)


def find_address(tensor: Tensor) -> int:
    """Return the address of the numbers of a tensor and of all views of it."""
    return tensor.untyped_storage().data_ptr()


def to_floats(tensor: Tensor) -> Floats:
    """Return the numbers of a tensor as float32."""
    plain = tensor.dequantize() if tensor.is_quantized else tensor
    array: Floats = plain.detach().to("cpu", torch.float32).numpy()
    return array


def to_bias(tensor: Tensor | None) -> Floats | None:
    """Return a bias as float32 [outputs]."""
    return None if tensor is None else np.ascontiguousarray(to_floats(tensor).reshape(-1))


def quantise_inputs(data: Floats) -> Floats:
    """Return activations as PyTorch's dynamically quantised functions round them.

    They have 7 bits between the smallest and the largest of a call (`reduce_range`).
    """
    tensor = torch.from_numpy(np.ascontiguousarray(data))
    return to_floats(torch.quantize_per_tensor_dynamic(tensor, torch.quint8, True))
