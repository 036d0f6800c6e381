"""Every table and figure of the two papers by name, in the papers' order."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from eiesim.base.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from eiesim.paper.experiment import Experiment

ALL = "all"
DATA = "../shared/data"
"""Default folder of real layers."""


class Listing(NamedTuple):
    """An experiment's title, and the module of `eiesim.paper` with the name of its `Experiment`."""

    title: str
    place: str


_EIE = {
    "table1": ("table1", "Table I: energy of operations at 45 nm"),
    "table2": ("table2", "Table II: power and area of one PE, and of the chip"),
    "table3": ("table3", "Table III: size, density and work of nine layers"),
    "table4": ("table4", "Table IV: theoretical and actual time of nine layers"),
    "table5": ("table5", "Table V: EIE beside other platforms"),
    "figure6": ("speedups:FIGURE_6", "Figure 6: speedup over the CPU, dense, batch 1"),
    "figure7": ("speedups:FIGURE_7", "Figure 7: energy efficiency over the CPU, dense, batch 1"),
    "figure8": ("figure8", "Figure 8: load balance by the depth of the activation queue"),
    "figure9": (
        "figure9",
        "Figure 9: energy and number of reads by the width of the sparse-matrix SRAM",
    ),
    "figure10": ("figure10", "Figure 10: accuracy and multiplier energy by arithmetic precision"),
    "figure11": ("scaling:FIGURE_11", "Figure 11: speedup from 1 to 256 PEs"),
    "figure12": ("scaling:FIGURE_12", "Figure 12: real work over total work from 1 to 256 PEs"),
    "figure13": ("scaling:FIGURE_13", "Figure 13: load balance from 1 to 256 PEs"),
    "partitioning": (
        "partitioning",
        "section VII-A: columns, rows or blocks of the matrix to each PE",
    ),
    "savings": (
        "savings",
        "abstract: 120x, 10x, 8x and 3x from dense weights in DRAM to skipped zeros",
    ),
    "claims": ("claims", "abstract, text and conclusion: every number they claim"),
}
_DEEP_COMPRESSION = {
    "dc_table1": ("table1", "Table 1: compression rates of four networks"),
    "dc_table2": ("layer_tables:TABLE_2", "Table 2: LeNet-300-100 layer by layer"),
    "dc_table3": ("layer_tables:TABLE_3", "Table 3: LeNet-5 layer by layer"),
    "dc_table4": ("table4", "Table 4: AlexNet layer by layer"),
    "dc_table5": ("layer_tables:TABLE_5", "Table 5: VGG-16 layer by layer"),
    "dc_table6": ("table6", "Table 6: AlexNet's accuracy by bits of a shared weight"),
    "dc_table7": ("table7", "Table 7: beside other ways to compress AlexNet"),
    "dc_table8": ("platforms:TABLE_8", "Table 8: time of CPU, GPU and mobile GPU"),
    "dc_table9": ("platforms:TABLE_9", "Table 9: power of CPU, GPU and mobile GPU"),
    "dc_figure5": ("figure5", "Figure 5: distributions of codes and relative indices"),
    "dc_figure6": ("error_curves:FIGURE_6", "Figure 6: accuracy against the rate of compression"),
    "dc_figure7": ("error_curves:FIGURE_7", "Figure 7: accuracy by bits of a shared weight"),
    "dc_figure8": ("error_curves:FIGURE_8", "Figure 8: three initialisations of the codebook"),
    "dc_figure9": ("platforms:FIGURE_9", "Figure 9: speedup of pruned layers"),
    "dc_figure10": ("platforms:FIGURE_10", "Figure 10: energy efficiency of pruned layers"),
    "dc_figure11": ("figure11", "Figure 11: size by weights, indices and codebook"),
}
EXPERIMENTS = {
    **{name: Listing(f"EIE, {title}", f"eie.{place}") for name, (place, title) in _EIE.items()},
    "unevenness": Listing(
        "Drawn layers beside real ones: how unevenly rows and columns are filled", "eie.unevenness"
    ),
    **{
        name: Listing(f"Deep Compression, {title}", f"dc.{place}")
        for name, (place, title) in _DEEP_COMPRESSION.items()
    },
    "talk": Listing("Deep Compression, talk: every statement of the authors' talk", "talk.talk"),
}


def choose(names: list[str]) -> list[str]:
    """Return experiments' names in the papers' order, each once; ConfigError for an unknown one."""
    if not names:
        raise ConfigError(
            "names: expected experiments such as table4, or all for every one, found none"
        )
    choices = [*EXPERIMENTS, ALL]
    unknown = [name for name in names if name not in choices]
    if unknown:
        problems = (f"reproduce {name!r}: {did_you_mean(name, choices)}" for name in unknown)
        raise ConfigError(*problems)
    return [name for name in EXPERIMENTS if ALL in names or name in names]


def load_experiment(name: str) -> Experiment[Any]:
    """Import and return an experiment."""
    module, _, attribute = EXPERIMENTS[name].place.partition(":")
    experiment: Experiment[Any] = getattr(
        import_module(f"eiesim.paper.{module}"), attribute or "EXPERIMENT"
    )
    return experiment
