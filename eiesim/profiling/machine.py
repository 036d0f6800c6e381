"""The chips of a profile: one for each weight matrix that the module multiplies with."""

from __future__ import annotations

from collections.abc import Mapping
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
    weights
        As in `DenseLayer`: outputs first.
    bias
        Added by the host.
    op
        ``fc`` or ``conv``.
    settings
        Of the step, see `eiesim.graph.OPS`.
    joined
        Number of weights that were joined into a recurrent layer's matrix, which has the bias as
        its last column, and in a GRU zeros by its structure. 0 for other matrices.
    """

    weights: Floats
    bias: Floats | None = None
    op: str = "fc"
    settings: Mapping[str, Any] = MappingProxyType({})
    joined: int = 0


class Errors:
    """Sums of squares: of the expected outputs of products, and of their errors."""

    def __init__(self) -> None:
        self.expected = self.missed = 0.0

    def add(self, expected: npt.NDArray[Any], output: npt.NDArray[Any]) -> None:
        """Add an output and the expected one."""
        exact = expected.astype(np.float64)
        self.expected += float(np.square(exact).sum())
        self.missed += float(np.square(exact - output).sum())

    @property
    def relative(self) -> float:
        """Root of the squared errors over the expected squares; 0 if there is no error."""
        if not self.missed:
            return 0.0
        return float(np.sqrt(self.missed / self.expected)) if self.expected else float("inf")


@dataclass(frozen=True, eq=False)
class ProfiledRun:
    """The run of a layer of a profile.

    Attributes
    ----------
    name
        The module, and its matrix if it has several.
    kind
        The PyTorch function that multiplies.
    part
        The weights before compression.
    change
        Effect of compression on them.
    calls
        Calls of the function; each step of a sequence counts.
    output_error
        Over all outputs, root of the squared difference to PyTorch's over its squares.
    run
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
        """Multiply-accumulates of the weights before compression, zeros included."""
        groups = int(self.part.settings.get("groups", 1))
        return self.run.product_cycles.size * self.weights // groups

    @property
    def weights(self) -> int:
        """Weights of the module; biases and zeros by structure are left out."""
        return self.part.joined or self.part.weights.size

    @property
    def density(self) -> float:
        """Share of the weights that is not pruned."""
        codes = self.stored.layer.codes
        return float((codes[:, :-1] if self.part.joined else codes).nnz / self.weights)


class ProfiledLayer:
    """A matrix in the memories of a machine, with the counts of its products.

    `name` is that in the report, `kind` the PyTorch function that multiplies.
    """

    def __init__(self, name: str, kind: str, part: Part, setup: Setup, plan: Plan) -> None:
        self.name, self.kind, self.part = name, kind, part
        default = {name: {"codebook_bits": 8}} if part.op == "conv" else {}
        layer_plan = Plan(plan.prefer(default).find(name))
        try:
            (step,) = compress_network({name: DenseLayer(part.weights, part.bias)}, layer_plan)
        except WorkloadError as error:
            raise WorkloadError(f"{name}: {error}") from error
        self.stored: StoredLayer = step.stored
        self.change: Change = step.change
        settings = {**part.settings, "stacked": 1}
        self.chip = Chip(
            Step(name, part.op, ("input",), name, settings), step.stored, setup,
            recurrent=bool(part.joined),
        )  # fmt: skip
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
    """All layers that a module multiplies with, compressed at their first product."""

    def __init__(self, setup: Setup, plan: Plan) -> None:
        self.setup, self.plan = setup, plan
        self.layers: dict[str, ProfiledLayer] = {}

    def find_layer(self, name: str, kind: str, part: Part) -> ProfiledLayer:
        """Return the layer of a matrix; another matrix under the same name gets a number."""
        unique_name, number = name, 1
        while unique_name in self.layers:
            earlier = self.layers[unique_name].part
            if earlier.op == part.op and _same(earlier, part):
                return self.layers[unique_name]
            number += 1
            unique_name = f"{name}#{number}"
        self.layers[unique_name] = ProfiledLayer(unique_name, kind, part, self.setup, self.plan)
        return self.layers[unique_name]


def _same(earlier: Part, part: Part) -> bool:
    pairs = ((earlier.weights, part.weights), (earlier.bias, part.bias))
    return earlier.settings == part.settings and all(
        a is b or (a is not None and b is not None and np.array_equal(a, b)) for a, b in pairs
    )
