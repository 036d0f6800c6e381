"""What a published network takes on EIE, and how far its outputs are from its own runtime's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from eiesim import Hardware
from eiesim.compress.plan import LayerPlan, Plan, read_plan

Floats = npt.NDArray[np.float32]
Outputs = Sequence[Floats]
"""Of a network, each with a row an inference."""


class Setting(NamedTuple):
    """How weights are compressed, and the machine that holds their codes."""

    plan: Plan
    hw: Hardware


EIGHT_BITS = Hardware(codebook_bits=8)
LOSSLESS = Setting(Plan(LayerPlan(codebook_bits=8, initialisation="optimal")), EIGHT_BITS)
"""For weights of at most 255 values."""
SETTINGS = {
    "8 bits": Setting(Plan(LayerPlan(codebook_bits=8)), EIGHT_BITS),
    "4 bits": Setting(Plan(LayerPlan(codebook_bits=4)), Hardware()),
    "30 %, 4 bits": Setting(Plan(LayerPlan(density=0.3, codebook_bits=4)), Hardware()),
}
USUAL = Setting(read_plan(None), EIGHT_BITS)
"""What `eiesim import` does: 8 bits in convolutions, 4 elsewhere."""


class Figures(NamedTuple):
    """A network on EIE.

    Attributes
    ----------
    layers : int
        Matrices on EIE.
    macs, host_macs : int
        Multiply-accumulates of EIE, zeros included, and of the host; for one inference.
    cycles, energy_pj : float
        For one inference; means.
    weight_error : float
        Largest change of a weight by sharing.
    left : tuple of str
        Products with the host, and the reasons.
    outputs : sequence of float32
        What it gave.
    """

    layers: int
    macs: int
    host_macs: int
    cycles: float
    energy_pj: float
    weight_error: float
    left: tuple[str, ...]
    outputs: Outputs

    @property
    def share(self) -> float:
        """Share of the multiply-accumulates that EIE does."""
        return self.macs / (self.macs + self.host_macs)


class Runnable(Protocol):
    """A network in a file, with its inputs."""

    def run_itself(self) -> Outputs:
        """Return what its own runtime gives."""

    def run_on_eie(self, setting: Setting) -> Figures:
        """Return what it gives on EIE, and what it takes there."""

    def round(self) -> Runnable:
        """Return the network with weights that codes of 8 bits hold exactly."""


Task = Callable[[Outputs, Outputs], str]
"""Says what of a network's purpose is kept: from its own outputs, and EIE's."""


class Network(NamedTuple):
    """A row of the tables.

    Attributes
    ----------
    file : str
        Below the package.
    make : callable
        Reads it.
    is_priced : bool
        Whether the second table has it, too; a file with the same weights as another one is not.
    is_numeric : bool
        Whether its outputs are numbers whose differences mean something.
    """

    package: str
    file: str
    make: Callable[[], Runnable]
    task: Task | None = None
    is_priced: bool = True
    is_numeric: bool = True

    @property
    def name(self) -> str:
        """What the tables call it."""
        return f"{self.package}: {self.file}"


def find_difference(ours: Outputs, expected: Outputs) -> float:
    """Return the largest difference of an output from the expected one, over its largest number."""
    return max(
        float(np.abs(one.reshape(other.shape) - other).max() / np.abs(other).max())
        for one, other in zip(ours, expected, strict=True)
    )


def stack_outputs(runs: Sequence[Mapping[str, Any]]) -> Outputs:
    """Return the outputs of several inferences, one array for each name."""
    return [np.stack([np.asarray(run[name], np.float32) for run in runs]) for name in runs[0]]
