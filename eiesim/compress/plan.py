"""How each layer of a network is to be compressed: one setting for all, and exceptions by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, cast, get_args

from eiesim.base.errors import ConfigError, did_you_mean
from eiesim.base.schema import Choice, Range, parse_assignment, read_tables, validate
from eiesim.compress.codebook import Initialisation

LAYERS = "layers"
PRUNING = {"density": 1.0, "threshold": 0.0, "quality": 0.0}
"""The three ways to prune, with their values that prune nothing."""


@dataclass(frozen=True, kw_only=True)
class LayerPlan:
    """How one layer is to be compressed.

    Zeros are never kept. At most one of `density`, `threshold` and `quality` prunes more. Raises
    ConfigError if a field is out of range, or there are two ways to prune.
    """

    density: Annotated[float, Range(0, 1, "share of weights to keep, the largest")] = 1.0
    threshold: Annotated[float, Range(0, 1e30, "smallest magnitude to keep")] = 0.0
    quality: Annotated[
        float, Range(0, 1e30, "smallest magnitude to keep, in standard deviations of the layer")
    ] = 0.0
    balance_pes: Annotated[
        int, Range(1, 1024, "PEs that keep equally many weights each; with density")
    ] = 1
    codebook_bits: Annotated[int, Range(1, 8, "bits of a shared weight's code")] = 4
    index_bits: Annotated[int, Range(1, 8, "bits of a relative index")] = 4
    initialisation: Annotated[
        str, Choice(get_args(Initialisation), "how the codebook is begun")
    ] = "linear"
    seed: Annotated[int, Range(0, (1 << 63) - 1, "seed of the forgy initialisation")] = 0

    def __post_init__(self) -> None:
        validate(self)

    @staticmethod
    def find_conflicts(values: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Return (key, problem) for ways to prune that do not go together.

        `values` lacks the fields that are out of range.
        """
        ways = [key for key, nothing in PRUNING.items() if values.get(key, nothing) != nothing]
        if len(ways) > 1:
            return [(ways[1], f"{ways[1]}: expected one way to prune, found {' and '.join(ways)}")]
        if values.get("balance_pes", 1) != 1 and ways != ["density"]:
            return [("balance_pes", "balance_pes: goes with density below 1, found "
                     f"{ways[0] if ways else 'no pruning'}")]  # fmt: skip
        return []

    @property
    def pruning(self) -> dict[str, Any]:
        """The way to prune, as `eiesim.compress.prune.prune` takes it."""
        ways = {key: getattr(self, key) for key in PRUNING if getattr(self, key) != PRUNING[key]}
        if self.balance_pes != 1:
            ways["n_pes"] = self.balance_pes
        return ways or {"threshold": 0.0}

    @property
    def start(self) -> Initialisation:
        """The initialisation, as `eiesim.compress.codebook.cluster` takes it."""
        return cast(Initialisation, self.initialisation)


@dataclass(frozen=True)
class Plan:
    """How a network is to be compressed: `common` holds for layers that are not named.

    `chosen` has by layer the keys that the user chose, under ``""`` those for all layers. None is
    all keys.
    """

    common: LayerPlan = field(default_factory=LayerPlan)
    layers: Mapping[str, LayerPlan] = field(default_factory=dict)
    chosen: Mapping[str, frozenset[str]] | None = None

    def find(self, layer: str) -> LayerPlan:
        """Return how a layer is to be compressed."""
        return self.layers.get(layer, self.common)

    def prefer(self, usual: Mapping[str, Mapping[str, Any]]) -> Plan:
        """Return the plan with usual values, by layer and key, for what the user did not choose."""
        if self.chosen is None:
            return self
        layers = dict(self.layers)
        for name, values in usual.items():
            chosen = self.chosen.get("", frozenset()) | self.chosen.get(name, frozenset())
            usual_values = {key: value for key, value in values.items() if key not in chosen}
            layers[name] = replace(self.find(name), **usual_values)
        return Plan(self.common, layers, self.chosen)

    def require_layers(self, names: Iterable[str]) -> None:
        """Raise a ConfigError, with a line each, for layers of the plan that are missing."""
        known = list(names)
        unknown = [name for name in self.layers if name not in known]
        if unknown:
            raise ConfigError(
                *(f"layer {name!r} of the plan: {did_you_mean(name, known)}" for name in unknown)
            )


def read_plan(path: Path | None, settings: Sequence[str] = ()) -> Plan:
    """Read a plan, and change it; raises ConfigError with one line for each problem.

    Parameters
    ----------
    path
        A TOML file: keys of `LayerPlan` for all layers, and a table ``[layers.NAME]`` for each
        layer that differs. None for the defaults.
    settings
        ``KEY=VALUE`` for all layers, or ``LAYER.KEY=VALUE`` for one; a later one wins, and
        one for a layer wins over those for all. A way to prune takes the place of another.

    Examples
    --------
    >>> plan = read_plan(None, ["density=0.1", "fc8.density=0.25", "fc8.codebook_bits=5"])
    >>> plan.find("fc6").density, plan.find("fc8").density, plan.find("fc8").codebook_bits
    (0.1, 0.25, 5)
    """
    common, layers = ({}, {}) if path is None else read_tables(path, LayerPlan, LayerPlan, LAYERS)
    for setting in settings:
        target, equals, value = str(setting).partition("=")
        layer, _, key = target.strip().rpartition(".")
        key, parsed = parse_assignment(LayerPlan, f"{key}{equals}{value}")
        _put(layers.setdefault(layer, {}) if layer else common, key, parsed)
    return make_plan(common, layers)


def make_plan(common: Mapping[str, Any], layers: Mapping[str, Mapping[str, Any]]) -> Plan:
    """Return the plan of keys for all layers and of those by layer, which come before them.

    A layer's way to prune takes the place of the others. Raises ConfigError if a value is out of
    range, or there are two ways to prune.
    """
    return Plan(
        LayerPlan(**common),
        {name: LayerPlan(**_inherit(common, table)) for name, table in layers.items()},
        {name: frozenset(table) for name, table in {"": common, **layers}.items()},
    )


def _put(values: dict[str, Any], key: str, value: object) -> None:
    if key in PRUNING:
        for other in PRUNING:
            values.pop(other, None)
    values[key] = value


def _inherit(common: Mapping[str, Any], table: Mapping[str, Any]) -> dict[str, Any]:
    values = dict(common)
    for key, value in table.items():
        _put(values, key, value)
    return values
