"""Networks as graphs of steps, on EIE and on the host."""

from eiesim.graph.graph import Graph, read_graph
from eiesim.graph.shapes import find_convolved, find_kernel, find_pooled, infer_shapes
from eiesim.graph.step import ANY, OPS, PER_OUTPUT, RECURRENT, STEPS, Shape, Step

__all__ = [
    "ANY",
    "OPS",
    "PER_OUTPUT",
    "RECURRENT",
    "STEPS",
    "Graph",
    "Shape",
    "Step",
    "find_convolved",
    "find_kernel",
    "find_pooled",
    "infer_shapes",
    "read_graph",
]
