"""The chips of a profile: one for each weight matrix that the module multiplies with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from eiesim.base.errors import WorkloadError
from eiesim.compress.pipeline import Change, compress_network
from eiesim.compress.plan import Plan
from eiesim.graph import Step
from eiesim.inference.execution import StepRun, finish
from eiesim.inference.products import Chip, Setup, run_product
from eiesim.layer.weights import DenseLayer, StoredLayer

Floats = npt.NDArray[np.float32]


class Part(NamedTuple):
    """A matrix and what it is used for.

    Attributes
    ----------
    weights : float32
        As in `DenseLayer`: outputs first.
    bias : float32 or None
        Added by the host.
    op : str
        ``fc`` or ``conv``.
    settings : mapping
        Of the step, see `eiesim.graph.OPS`.
    joined : int
        Of a recurrent layer's matrix, how many weights were joined: it holds the bias as its last
        column, and a GRU's has zeros by its structure. 0 for a matrix as it is.
    """

    weights: Floats
    bias: Floats | None = None
    op: str = "fc"
    settings: Mapping[str, Any] = MappingProxyType({})
    joined: int = 0


class Errors:
    """Sums of squares: of what products should give, and of what they missed it by."""

    def __init__(self) -> None:
        self.expected = self.missed = 0.0

    def add(self, expected: npt.NDArray[Any], output: npt.NDArray[Any]) -> None:
        """Take another output beside that of PyTorch."""
        exact = expected.astype(np.float64)
        self.expected += float(np.square(exact).sum())
        self.missed += float(np.square(exact - output).sum())

    @property
    def relative(self) -> float:
        """Root of the missed squares over the expected ones; 0 where nothing is missed."""
        if not self.missed:
            return 0.0
        return float(np.sqrt(self.missed / self.expected)) if self.expected else float("inf")


@dataclass(frozen=True, eq=False)
class ProfiledRun:
    """What a layer of a profile ran.

    Attributes
    ----------
    name : str
        The module, and its matrix where it has several.
    kind : str
        The PyTorch function that multiplies.
    part : Part
        The weights as they were.
    stored : StoredLayer
        The compressed weights.
    change : Change
        What compression did to them.
    calls : int
        How often the function was called; each step of a sequence counts.
    output_error : float
        Of all outputs, root of the squared difference to PyTorch's over its squares.
    run : StepRun
        Counts of all calls.
    """

    name: str
    kind: str
    part: Part
    stored: StoredLayer
    change: Change
    calls: int
    output_error: float
    run: StepRun

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the weights as they were, zeros included."""
        groups = int(self.part.settings.get("groups", 1))
        return self.run.product_cycles.size * self.weights // groups

    @property
    def weights(self) -> int:
        """Weights of the module; biases and zeros by structure are left out."""
        return self.part.joined or self.part.weights.size

    @property
    def density(self) -> float:
        """Share of the weights that is kept."""
        codes = self.stored.layer.codes
        kept = codes[:, :-1] if self.part.joined else codes
        return float(kept.nnz / self.weights)


class ProfiledLayer:
    """A matrix in the memories of a machine, and what it was multiplied with.

    Parameters
    ----------
    name : str
        What it is called in the report.
    kind : str
        The PyTorch function that multiplies.
    """

    def __init__(self, name: str, kind: str, part: Part, setup: Setup, plan: Plan) -> None:
        self.name, self.kind, self.part = name, kind, part
        usual = {name: {"codebook_bits": 8}} if part.op == "conv" else {}
        own = Plan(plan.prefer(usual).find(name))
        try:
            (step,) = compress_network({name: DenseLayer(part.weights, part.bias)}, own)
        except WorkloadError as error:
            raise WorkloadError(f"{name}: {error}") from error
        self.stored: StoredLayer = step.stored
        self.change: Change = step.change
        settings = {**part.settings, "stacked": 1}
        self.chip = Chip(Step(name, part.op, ("input",), name, settings), step.stored, setup)
        self.calls = 0
        self.errors = Errors()
        self._size = [0, 0]

    def multiply(self, operand: Floats) -> Floats:
        """Return the products of the layer and the vectors or images of a call."""
        output = run_product(self.chip, [operand])
        self.calls += 1
        self._size[0] += operand.size
        self._size[1] += output.size
        return output

    def finish(self) -> ProfiledRun:
        """Return what the layer has run."""
        distinct, stored = self._size
        run = finish(self.chip, distinct, stored, swapped=False)
        return ProfiledRun(
            self.name, self.kind, self.part, self.stored, self.change, self.calls,
            self.errors.relative, run,
        )  # fmt: skip


class Machine:
    """All layers that a module multiplies with, compressed when they are met first."""

    def __init__(self, setup: Setup, plan: Plan) -> None:
        self.setup, self.plan = setup, plan
        self.layers: dict[str, ProfiledLayer] = {}

    def find_layer(self, name: str, kind: str, part: Part) -> ProfiledLayer:
        """Return the layer of a matrix; another matrix under the same name gets a number."""
        place, number = name, 1
        while place in self.layers:
            known = self.layers[place].part
            if known.op == part.op and _same(known, part):
                return self.layers[place]
            number += 1
            place = f"{name}#{number}"
        self.layers[place] = ProfiledLayer(place, kind, part, self.setup, self.plan)
        return self.layers[place]


def _same(known: Part, part: Part) -> bool:
    pairs: Sequence[tuple[Any, Any]] = ((known.weights, part.weights), (known.bias, part.bias))
    return known.settings == part.settings and all(
        one is other or (one is not None and other is not None and np.array_equal(one, other))
        for one, other in pairs
    )
