"""Every table and figure of the two papers by name, in the papers' order."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from eiesim.base.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from eiesim.paper.experiment import Experiment

ALL = "all"
DATA = "../shared/data"
"""Folder of real layers unless another is given."""


class Listing(NamedTuple):
    """An experiment's title, and where it is defined: a module of `eiesim.paper` and a name in it.

    Without a name it is ``EXPERIMENT``.
    """

    title: str
    place: str


EXPERIMENTS = {
    "table1": Listing("EIE, Table I: energy of operations at 45 nm", "eie.table1"),
    "table2": Listing("EIE, Table II: power and area of one PE, and of the chip", "eie.table2"),
    "table3": Listing("EIE, Table III: size, density and work of nine layers", "eie.table3"),
    "table4": Listing("EIE, Table IV: theoretical and actual time of nine layers", "eie.table4"),
    "table5": Listing("EIE, Table V: EIE beside other platforms", "eie.table5"),
    "figure6": Listing(
        "EIE, Figure 6: speedup over the CPU, dense, batch 1", "eie.speedups:FIGURE_6"
    ),
    "figure7": Listing(
        "EIE, Figure 7: energy efficiency over the CPU, dense, batch 1", "eie.speedups:FIGURE_7"
    ),
    "figure8": Listing(
        "EIE, Figure 8: load balance by the depth of the activation queue", "eie.figure8"
    ),
    "figure9": Listing(
        "EIE, Figure 9: energy and number of reads by the width of the sparse-matrix SRAM",
        "eie.figure9",
    ),
    "figure10": Listing(
        "EIE, Figure 10: accuracy and multiplier energy by arithmetic precision", "eie.figure10"
    ),
    "figure11": Listing("EIE, Figure 11: speedup from 1 to 256 PEs", "eie.scaling:FIGURE_11"),
    "figure12": Listing(
        "EIE, Figure 12: real work over total work from 1 to 256 PEs", "eie.scaling:FIGURE_12"
    ),
    "figure13": Listing("EIE, Figure 13: load balance from 1 to 256 PEs", "eie.scaling:FIGURE_13"),
    "partitioning": Listing(
        "EIE, section VII-A: columns, rows or blocks of the matrix to each PE", "eie.partitioning"
    ),
    "savings": Listing(
        "EIE, abstract: 120x, 10x, 8x and 3x from dense weights in DRAM to skipped zeros",
        "eie.savings",
    ),
    "claims": Listing("EIE, abstract, text and conclusion: every number they claim", "eie.claims"),
    "unevenness": Listing(
        "Drawn layers beside real ones: how unevenly rows and columns are filled", "eie.unevenness"
    ),
    "dc_table1": Listing(
        "Deep Compression, Table 1: compression rates of four networks", "dc.table1"
    ),
    "dc_table2": Listing(
        "Deep Compression, Table 2: LeNet-300-100 layer by layer", "dc.layer_tables:TABLE_2"
    ),
    "dc_table3": Listing(
        "Deep Compression, Table 3: LeNet-5 layer by layer", "dc.layer_tables:TABLE_3"
    ),
    "dc_table4": Listing("Deep Compression, Table 4: AlexNet layer by layer", "dc.table4"),
    "dc_table5": Listing(
        "Deep Compression, Table 5: VGG-16 layer by layer", "dc.layer_tables:TABLE_5"
    ),
    "dc_table6": Listing(
        "Deep Compression, Table 6: AlexNet's accuracy by bits of a shared weight", "dc.table6"
    ),
    "dc_table7": Listing(
        "Deep Compression, Table 7: beside other ways to compress AlexNet", "dc.table7"
    ),
    "dc_table8": Listing(
        "Deep Compression, Table 8: time of CPU, GPU and mobile GPU", "dc.platforms:TABLE_8"
    ),
    "dc_table9": Listing(
        "Deep Compression, Table 9: power of CPU, GPU and mobile GPU", "dc.platforms:TABLE_9"
    ),
    "dc_figure5": Listing(
        "Deep Compression, Figure 5: distributions of codes and relative indices", "dc.figure5"
    ),
    "dc_figure6": Listing(
        "Deep Compression, Figure 6: accuracy against the rate of compression",
        "dc.error_curves:FIGURE_6",
    ),
    "dc_figure7": Listing(
        "Deep Compression, Figure 7: accuracy by bits of a shared weight",
        "dc.error_curves:FIGURE_7",
    ),
    "dc_figure8": Listing(
        "Deep Compression, Figure 8: three initialisations of the codebook",
        "dc.error_curves:FIGURE_8",
    ),
    "dc_figure9": Listing(
        "Deep Compression, Figure 9: speedup of pruned layers", "dc.platforms:FIGURE_9"
    ),
    "dc_figure10": Listing(
        "Deep Compression, Figure 10: energy efficiency of pruned layers", "dc.platforms:FIGURE_10"
    ),
    "dc_figure11": Listing(
        "Deep Compression, Figure 11: size by weights, indices and codebook", "dc.figure11"
    ),
    "talk": Listing("Deep Compression, talk: every statement of the authors' talk", "talk.talk"),
}


def choose(names: list[str]) -> list[str]:
    """Return the names of experiments in the papers' order, each once; `all` is every one.

    No name, or one that is unknown, is a ConfigError.
    """
    known = EXPERIMENTS
    if not names:
        raise ConfigError("expected the name of what to reproduce; --list shows them")
    unknown = [name for name in names if name not in known and name != ALL]
    if unknown:
        raise ConfigError(
            *(f"reproduce {name!r}: {did_you_mean(name, [*known, ALL])}" for name in unknown)
        )
    return [name for name in known if ALL in names or name in names]


def load_experiment(name: str) -> Experiment[Any]:
    """Return an experiment; its module is imported only now."""
    module, _, attribute = EXPERIMENTS[name].place.partition(":")
    experiment: Experiment[Any] = getattr(
        import_module(f"eiesim.paper.{module}"), attribute or "EXPERIMENT"
    )
    return experiment
