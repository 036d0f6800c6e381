"""Every table and figure of the two papers by name, in the papers' order."""

from __future__ import annotations

from eiesim.base.errors import ConfigError, did_you_mean

ALL = "all"
DATA = "../shared/data"
"""Folder of real layers unless another is given."""
EXPERIMENTS = {
    "table1": "EIE, Table I: energy of operations at 45 nm",
    "table2": "EIE, Table II: power and area of one PE, and of the chip",
    "table3": "EIE, Table III: size, density and work of nine layers",
    "table4": "EIE, Table IV: theoretical and actual time of nine layers",
    "table5": "EIE, Table V: EIE beside other platforms",
    "figure6": "EIE, Figure 6: speedup over the CPU, dense, batch 1",
    "figure7": "EIE, Figure 7: energy efficiency over the CPU, dense, batch 1",
    "figure8": "EIE, Figure 8: load balance by the depth of the activation queue",
    "figure9": "EIE, Figure 9: energy and number of reads by the width of the sparse-matrix SRAM",
    "figure10": "EIE, Figure 10: accuracy and multiplier energy by arithmetic precision",
    "figure11": "EIE, Figure 11: speedup from 1 to 256 PEs",
    "figure12": "EIE, Figure 12: real work over total work from 1 to 256 PEs",
    "figure13": "EIE, Figure 13: load balance from 1 to 256 PEs",
    "partitioning": "EIE, section VII-A: columns, rows or blocks of the matrix to each PE",
    "savings": "EIE, abstract: 120x, 10x, 8x and 3x from dense weights in DRAM to skipped zeros",
    "claims": "EIE, abstract, text and conclusion: every number they claim",
    "unevenness": "Drawn layers beside real ones: how unevenly rows and columns are filled",
    "dc_table1": "Deep Compression, Table 1: compression rates of four networks",
    "dc_table2": "Deep Compression, Table 2: LeNet-300-100 layer by layer",
    "dc_table3": "Deep Compression, Table 3: LeNet-5 layer by layer",
    "dc_table4": "Deep Compression, Table 4: AlexNet layer by layer",
    "dc_table5": "Deep Compression, Table 5: VGG-16 layer by layer",
    "dc_table6": "Deep Compression, Table 6: AlexNet's accuracy by bits of a shared weight",
    "dc_table7": "Deep Compression, Table 7: beside other ways to compress AlexNet",
    "dc_table8": "Deep Compression, Table 8: time of CPU, GPU and mobile GPU",
    "dc_table9": "Deep Compression, Table 9: power of CPU, GPU and mobile GPU",
    "dc_figure5": "Deep Compression, Figure 5: distributions of codes and relative indices",
    "dc_figure6": "Deep Compression, Figure 6: accuracy against the rate of compression",
    "dc_figure7": "Deep Compression, Figure 7: accuracy by bits of a shared weight",
    "dc_figure8": "Deep Compression, Figure 8: three initialisations of the codebook",
    "dc_figure9": "Deep Compression, Figure 9: speedup of pruned layers",
    "dc_figure10": "Deep Compression, Figure 10: energy efficiency of pruned layers",
    "dc_figure11": "Deep Compression, Figure 11: size by weights, indices and codebook",
    "talk": "Deep Compression, talk: every statement of the authors' talk",
}


def choose(names: list[str]) -> list[str]:
    """Return the names of experiments in the papers' order, `all` standing for every one.

    Parameters
    ----------
    names : list of str
        As given; those named twice count once.

    Raises
    ------
    ConfigError
        There is no name, or one is unknown.
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


def find_module(name: str) -> str:
    """Return the module of an experiment.

    Parameters
    ----------
    name : str
        One of `EXPERIMENTS`.
    """
    if name.startswith("dc_"):
        return f"eiesim.paper.dc.{name.removeprefix('dc_')}"
    return f"eiesim.paper.{'talk' if name == 'talk' else 'eie'}.{name}"
