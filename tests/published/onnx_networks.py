"""Networks in ONNX: ONNX Runtime runs the file as it is, EIE what `import_model` makes of it."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime

from eiesim import Model
from eiesim.catalog.model import import_model
from eiesim.energy.machine import price_machine
from eiesim.exporters.onnx_model import make_onnx
from eiesim.importers.described import Interface
from eiesim.importers.onnx_file import find_graphs
from eiesim.runs.network import ExampleRun, run_examples
from tests.published.figures import Figures, Outputs, Runnable, Setting, stack_outputs
from tests.published.grid import round_onnx

Array = npt.NDArray[Any]
Inputs = Mapping[str, Array]
PRODUCTS = {"Conv", "ConvTranspose", "Einsum", "GRU", "Gemm", "LSTM", "MatMul", "RNN"}


@dataclass(frozen=True)
class OnnxNetwork:
    """A file in ONNX.

    Attributes
    ----------
    inputs : sequence of mapping
        One inference after the other, without what is fed back.
    interface : Interface
        What the file leaves open.
    feeds : mapping of str to str
        By input the output of the inference before that it takes; zeros at first.
    """

    path: Path
    inputs: Sequence[Inputs]
    interface: Interface = field(default_factory=Interface)
    feeds: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""

    def run_itself(self) -> Outputs:
        session = start_session(self.content or self.path.read_bytes())
        types = {it.name: it.type for it in session.get_inputs()}
        names = [it.name for it in session.get_outputs()]
        fixed = {
            name: np.array(value, np.int64 if "int64" in types[name] else np.float32)
            for name, value in self.interface.values.items()
        }
        runs: list[dict[str, Array]] = []
        for given in self._feed(runs):
            values = session.run(None, {**given, **fixed})
            runs.append(dict(zip(names, values, strict=True)))
        return stack_outputs(runs)

    def run_on_eie(self, setting: Setting) -> Figures:
        with tempfile.TemporaryDirectory() as folder:
            path = self.path
            if self.content:
                path = Path(folder) / path.name
                path.write_bytes(self.content)
            found = import_model(path, plan=setting.plan, interface=self.interface)
        outputs: list[Mapping[str, Array]] = []
        runs: list[ExampleRun] = []
        for run in run_examples(
            found.model, self._feed(outputs), setting.hw, price_machine(setting.hw)
        ):
            outputs.append(run.outputs)
            runs.append(run)
        energies = [sum(run.energy_pj) for run in runs if run.energy_pj is not None]
        assert len(energies) == len(runs)
        return Figures(
            len(found.model.graph.layers),
            count_macs(found.model, runs[0]),
            count_host_macs(found.model, next(self._feed([]))),
            float(np.mean([run.cycles for run in runs])),
            float(np.mean(energies)),
            max(change.largest_error for change in found.changes.values()),
            tuple(f"{it.name}: {it.reason}" for it in found.skipped),
            stack_outputs(outputs),
        )

    def round(self) -> Runnable:
        model = onnx.load(str(self.path))
        round_onnx(model)
        return replace(self, content=model.SerializeToString())

    def _feed(self, outputs: Sequence[Mapping[str, Array]]) -> Iterator[dict[str, Array]]:
        """Yield inputs; those that are fed back come from the last of the outputs."""
        for given in self.inputs:
            states = {
                name: outputs[-1][output].reshape(self.interface.shapes[name])
                if outputs else np.zeros(self.interface.shapes[name], np.float32)
                for name, output in self.feeds.items()
            }  # fmt: skip
            yield {**given, **states}


def start_session(content: bytes) -> Any:
    """Return a session of ONNX Runtime that warns of nothing."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def count_macs(model: Model, run: ExampleRun) -> int:
    """Return the multiply-accumulates of EIE's products, zeros included, biases left out."""
    steps = {step.name: step for step in model.graph.steps}
    total = 0
    for done in run.steps:
        step = steps[done.name]
        layer = model.layers[step.layer].layer
        weights = layer.rows * (layer.cols - (step.op == "lstm"))  # the last column is the bias
        total += done.product_cycles.size * weights // int(step.settings.get("groups", 1))
    return total


def count_host_macs(model: Model, inputs: Inputs) -> int:
    """Return the multiply-accumulates of products among the host's nodes.

    Of a branch that a node chooses as it runs, the larger one counts, for one vector.
    """
    if not model.host:
        return 0
    nodes = list(model.host_graph.model.graph.node)
    products = [node for node in nodes if node.op_type in PRODUCTS]
    sizes = {name: math.prod(it.dims) for name, it in model.host_graph.constants.items()}
    total = sum(_count_branches(node, sizes) for node in nodes)
    if not products:
        return total
    exported = make_onnx(model)
    names = {name for node in exported.graph.node if node.op_type in PRODUCTS
             for name in (*node.input, *node.output) if name}  # fmt: skip
    known = {it.name for it in (*exported.graph.input, *exported.graph.output)}
    constants = {it.name: onnx.numpy_helper.to_array(it) for it in exported.graph.initializer}
    wanted = sorted(names - known - set(constants))
    exported.graph.output.extend(onnx.ValueInfoProto(name=name) for name in wanted)
    session = start_session(exported.SerializeToString())
    values = dict(zip(wanted, session.run(wanted, dict(inputs)), strict=True)) | constants
    on_host = {node.name for node in products}
    for node in exported.graph.node:
        if node.op_type not in PRODUCTS or node.name not in on_host:
            continue
        left, right = (values[name] for name in node.input[:2])
        if node.op_type == "MatMul":
            total += values[node.output[0]].size * left.shape[-1]
        elif node.op_type == "ConvTranspose":
            total += left.size * math.prod(right.shape[1:])
        else:
            raise NotImplementedError(node.op_type)
    return total


def _count_branches(node: Any, outside: Mapping[str, int]) -> int:
    """Return the weights of the products in the branch of a node that has most.

    Parameters
    ----------
    outside : mapping of str to int
        Numbers in each constant outside of the branches.
    """
    counts = [0]
    for graph in find_graphs(node):
        sizes = {**outside, **{it.name: math.prod(it.dims) for it in graph.initializer}}
        products = [it for it in graph.node if it.op_type in PRODUCTS]
        inner = sum(_count_branches(it, sizes) for it in graph.node)
        counts.append(inner + sum(sizes[it.input[1]] for it in products))
    return max(counts)
