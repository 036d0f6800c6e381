"""Run a PyTorch module with its products on EIE, and report their cycles and energy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch

from eiesim.base.errors import ConfigError, WorkloadError
from eiesim.compress.plan import Plan, read_plan
from eiesim.energy.machine import price_machine
from eiesim.energy.prices import PriceTable
from eiesim.hardware import Hardware
from eiesim.inference.products import Setup
from eiesim.profiling import attention, products, sequences
from eiesim.profiling.calls import Calls
from eiesim.profiling.machine import Machine
from eiesim.profiling.result import Profile, Unused
from eiesim.sim.engines import Engine


def profile(
    module: torch.nn.Module,
    *inputs: Any,
    hw: Hardware | None = None,
    plan: Plan | None = None,
    prices: PriceTable | None = None,
    replace: bool = False,
    engine: Engine = "fast",
    **named_inputs: Any,
) -> Profile:
    """Run a PyTorch module, its products with weights on EIE.

    Linear, Conv1d, Conv2d, LSTM, GRU, RNN, their cells, MultiheadAttention's projections, and
    matrix products with a parameter are simulated, with their weights as PyTorch uses them and with
    their real inputs; PyTorch runs everything else. The module runs once, in evaluation mode and
    without gradients, and is left as it was. Raises WorkloadError if the module multiplied with no
    weights, or weights or inputs are not finite, and ConfigError if the plan names a layer that
    does not exist, codes do not fit the machine, or it has a `delta_threshold`.

    Parameters
    ----------
    module : torch.nn.Module
        Any; it needs no graph and no export.
    *inputs, **named_inputs
        Arguments of the module.
    hw
        The machine; the paper's chip by default.
    plan
        How the weights are compressed, by the names of the report. By default nothing is pruned but
        zeros, and codes have 8 bits in convolutions and 4 bits elsewhere.
    prices
        Of the machine; those of `eiesim.price_machine` by default.
    replace
        Whether the module continues with EIE's outputs, so that its accuracy is EIE's; by default
        with PyTorch's own, so that each layer has the inputs of the uncompressed module.

    Examples
    --------
    >>> import torch
    >>> from eiesim import profile
    >>> net = torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10))
    >>> result = profile(net, torch.ones(1, 64))
    >>> [layer.name for layer in result.layers], result.output.shape
    (['0', '2'], torch.Size([1, 10]))
    >>> result.cycles == sum(row["cycles"] for row in result.rows)
    True
    """
    if hw is not None and hw.delta_threshold is not None:
        raise ConfigError(
            "delta_threshold: a profile keeps no sums from step to step; leave it out, or import "
            "the network and run it with eiesim.run_model"
        )
    machine = Machine(Setup(hw or Hardware(), engine), plan or read_plan(None))
    calls = Calls(
        module, machine, {**products.RULES, **attention.RULES, **sequences.RULES}, replace
    )
    with evaluating(module), _following(module, calls), torch.no_grad(), calls:
        output = module(*inputs, **named_inputs)
    if not machine.layers:
        raise WorkloadError(
            f"{type(module).__name__}: no product with weights was seen: expected one while the "
            "module runs; TorchScript and compiled modules hide theirs: profile the module that "
            "they were made of"
        )
    machine.plan.require_layers(machine.layers)
    layers = tuple(layer.finish() for layer in machine.layers.values())
    return Profile(
        type(module).__name__, output, layers, tuple(_list_left_out(module, calls)),
        machine.setup.hw, prices or price_machine(machine.setup.hw), replace, calls.host_macs,
    )  # fmt: skip


@contextmanager
def evaluating(module: torch.nn.Module) -> Iterator[None]:
    """Put a module and all its parts into evaluation mode, and later each back into its own."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


@contextmanager
def _following(module: torch.nn.Module, calls: Calls) -> Iterator[None]:
    """Record the names of the modules that run."""
    with ExitStack() as hooks:
        for name, part in module.named_modules():
            before = part.register_forward_pre_hook(_make_enter(calls, name))
            after = part.register_forward_hook(_make_leave(calls), always_call=True)
            hooks.callback(before.remove)
            hooks.callback(after.remove)
        yield


def _make_enter(calls: Calls, name: str) -> Any:
    def enter(*_: Any) -> None:
        calls.running.append(name)
        calls.entered.add(name)

    return enter


def _make_leave(calls: Calls) -> Any:
    def leave(*_: Any) -> None:
        calls.running.pop()

    return leave


def _list_left_out(module: torch.nn.Module, calls: Calls) -> Iterator[Unused]:
    """Yield the modules with matrices that no product on EIE used."""
    for name, part in module.named_modules():
        matrices = [
            matrix
            for matrix in part.parameters(recurse=False)
            if sum(size > 1 for size in matrix.shape) > 1
        ]
        unused = [
            matrix for matrix in matrices if matrix.untyped_storage().data_ptr() not in calls.used
        ]
        owner = name.partition("parametrizations")[0].rstrip(".")
        if not unused or owner in calls.derived_in:
            continue
        called = name in calls.entered
        reason = "not a product that EIE runs" if called else "was not called"
        yield Unused(name, type(part).__name__, sum(matrix.numel() for matrix in unused), reason)
