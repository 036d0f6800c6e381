"""Whole networks as data: every layer's shape, density and bits, from `models/networks/*.toml`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from eiesim.base.errors import ConfigError, WorkloadError, did_you_mean
from eiesim.base.resources import models_path
from eiesim.base.schema import Choice, Range, Switch, Text, read_tables, validate

LAYERS = "layers"


@dataclass(frozen=True, kw_only=True)
class NetworkLayer:
    """One layer of a network, without weights; ConfigError if a field is out of range."""

    name: Annotated[str, Text("what the layer is called", empty=False)]
    kind: Annotated[str, Choice(("conv", "fc", "lstm"), "what the layer is")]
    outputs: Annotated[int, Range(1, 1 << 20, "outputs, or channels of them")]
    inputs: Annotated[int, Range(1, 1 << 20, "inputs, or channels of one group of them")]
    kernel_height: Annotated[int, Range(1, 64, "of a convolution's window")] = 1
    kernel_width: Annotated[int, Range(1, 64, "of a convolution's window")] = 1
    density: Annotated[float, Range(0, 1, "share of weights that are not pruned")]
    codebook_bits: Annotated[int, Range(1, 8, "bits of a shared weight's code")]
    index_bits: Annotated[int, Range(1, 8, "bits of a relative index")]
    bias: Annotated[bool, Switch("one bias an output")] = True

    def __post_init__(self) -> None:
        validate(self)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the weights."""
        window = (self.kernel_height, self.kernel_width) if self.kind == "conv" else ()
        return (self.outputs, self.inputs, *window)

    @property
    def weights(self) -> int:
        """Number of weights, pruned or not."""
        return math.prod(self.shape)

    @property
    def parameters(self) -> int:
        """Number of weights and biases."""
        return self.weights + self.bias * self.outputs


@dataclass(frozen=True, kw_only=True)
class _Head:
    """The fields of a network's file beside its layers."""

    name: Annotated[str, Text("what the network is called", empty=False)]
    title: Annotated[str, Text("what the network is")]
    source: Annotated[str, Text("where shapes, densities and bits come from", empty=False)]


@dataclass(frozen=True, kw_only=True)
class NetworkSpec(_Head):
    """A network as `models/networks/*.toml` describes it, with its layers in order."""

    layers: tuple[NetworkLayer, ...] = ()

    @property
    def parameters(self) -> int:
        """Number of weights and biases."""
        return sum(layer.parameters for layer in self.layers)


def network_names() -> list[str]:
    """Return the names of the networks in `models/networks/`."""
    return sorted(path.stem for path in (models_path() / "networks").glob("*.toml"))


def find_network_file(name: str | Path) -> Path:
    """Return the file that describes a network; names are those of `load_network`."""
    path = Path(name)
    if path.suffix.lower() == ".toml":
        return path
    names = network_names()
    if str(name).lower() not in names:
        raise WorkloadError(f"network {str(name)!r}: {did_you_mean(str(name), names)}")
    return models_path() / "networks" / f"{str(name).lower()}.toml"


def load_network(name: str | Path) -> NetworkSpec:
    """Return the description of a network.

    `name` is a name of `network_names()`, or the path of a `.toml` file like those in
    `models/networks/`. Raises WorkloadError if there is no such network, and ConfigError with a
    line for each problem of the file.

    Examples
    --------
    >>> network = load_network("lenet-300-100")
    >>> network.parameters, network.layers[0].shape
    (266610, (300, 784))
    """
    path = find_network_file(name)
    values, layers = read_tables(path, _Head, NetworkLayer, LAYERS, named=True)
    if not layers:
        raise ConfigError(f"{path}: expected a table [{LAYERS}.NAME] for each layer, found none")
    return NetworkSpec(
        **values, layers=tuple(NetworkLayer(name=name, **row) for name, row in layers.items())
    )
