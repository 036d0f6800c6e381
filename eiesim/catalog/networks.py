"""Whole networks as data: every layer's shape, density and bits, from `models/networks/*.toml`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from eiesim.base.errors import ConfigError, WorkloadError, did_you_mean
from eiesim.base.resources import models_path
from eiesim.base.schema import (
    Choice,
    Range,
    Switch,
    Text,
    find_line,
    find_problems,
    load_toml,
    show_value,
    validate,
)

LAYERS = "layers"


@dataclass(frozen=True, kw_only=True)
class NetworkLayer:
    """One layer of a network, before it has weights.

    Raises
    ------
    ConfigError
        A field is out of range.
    """

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
        """Of the weights."""
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
class NetworkSpec:
    """A network, before it has weights.

    Attributes
    ----------
    name, title, source : str
        What it is called, what it is, and where shapes, densities and bits come from.
    layers : tuple of NetworkLayer
        In its order.
    """

    name: Annotated[str, Text("what the network is called", empty=False)]
    title: Annotated[str, Text("what the network is")]
    source: Annotated[str, Text("where shapes, densities and bits come from", empty=False)]
    layers: tuple[NetworkLayer, ...] = ()

    @property
    def parameters(self) -> int:
        """Number of weights and biases."""
        return sum(layer.parameters for layer in self.layers)


@dataclass(frozen=True, kw_only=True)
class _Head:
    """What a file tells beside the layers."""

    name: Annotated[str, Text("what the network is called", empty=False)]
    title: Annotated[str, Text("what the network is")]
    source: Annotated[str, Text("where shapes, densities and bits come from", empty=False)]


def network_names() -> list[str]:
    """Return the names of the networks in `models/networks/`."""
    return sorted(path.stem for path in (models_path() / "networks").glob("*.toml"))


def find_network_file(name: str | Path) -> Path:
    """Return the file that describes a network.

    Parameters
    ----------
    name : str or Path
        As in `load_network`.

    Raises
    ------
    WorkloadError
        There is no such network.
    """
    path = Path(name)
    if path.suffix.lower() == ".toml":
        return path
    known = network_names()
    if str(name).lower() not in known:
        raise WorkloadError(f"network {str(name)!r}: {did_you_mean(str(name), known)}")
    return models_path() / "networks" / f"{str(name).lower()}.toml"


def load_network(name: str | Path) -> NetworkSpec:
    """Return the description of a network.

    Parameters
    ----------
    name : str or Path
        A name of `network_names()`, or the path of a `.toml` file like those in `models/networks/`.

    Raises
    ------
    WorkloadError
        There is no such network.
    ConfigError
        The file has problems; one line each.

    Examples
    --------
    >>> network = load_network("lenet-300-100")
    >>> network.parameters, network.layers[0].shape
    (266610, (300, 784))
    """
    path = find_network_file(name)
    values, text = load_toml(path)
    layers = values.pop(LAYERS, {})
    if not isinstance(layers, dict) or not all(isinstance(own, dict) for own in layers.values()):
        raise ConfigError(
            f"{path}{find_line(LAYERS, text)}: expected a table [{LAYERS}.NAME] for each layer, "
            f"found {LAYERS} = {show_value(layers)}"
        )
    _require_sound(path, text, values, layers)
    return NetworkSpec(
        **values, layers=tuple(NetworkLayer(name=key, **own) for key, own in layers.items())
    )


def _require_sound(
    path: Path, text: str, values: Mapping[str, Any], layers: Mapping[str, Mapping[str, Any]]
) -> None:
    problems = [
        f"{path}{find_line(key, text)}: {told}" for key, told in find_problems(_Head, values)
    ]
    for name, own in layers.items():
        if "name" in own:
            problems.append(
                f"{path}: {LAYERS}.{name}.name: expected none, the table names the layer"
            )
            continue
        problems += [
            f"{path}{find_line(key, text, name)}: {LAYERS}.{name}.{told}"
            for key, told in find_problems(NetworkLayer, {"name": name, **own})
        ]
    if not layers:
        problems.append(f"{path}: expected a table [{LAYERS}.NAME] for each layer, found none")
    if problems:
        raise ConfigError(*problems)
