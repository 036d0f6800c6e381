"""The savings of EIE's abstract: weights from DRAM to SRAM, pruned, shared, zeros skipped."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from eiesim.base.published import PAPER_LAYERS, find_claim, read_table
from eiesim.base.tables import Row
from eiesim.catalog.matched import PRESET, PUBLISHED
from eiesim.catalog.operands import Source
from eiesim.catalog.readers import load_operands
from eiesim.energy.estimate import EnergyReport, estimate_energy
from eiesim.energy.machine import price_machine
from eiesim.energy.operations import list_prices
from eiesim.energy.prices import Key
from eiesim.hardware import Hardware
from eiesim.image import encode
from eiesim.paper.experiment import Experiment, Outcome, Work
from eiesim.paper.parts.workloads import QUOTED
from eiesim.paper.verdict import Tolerance, Verdict
from eiesim.report.charts import Chart, Panel
from eiesim.runs.ratios import find_geomean
from eiesim.sim.engines import simulate

FETCHES = ("ptr_read", "spmat_read")
FLOAT_BITS = 32
ROOMY_BYTES = 1 << 30
CLAIMS = {
    "pruning": "energy saving from sparsity",
    "sharing": "energy saving from weight sharing",
    "sram": "energy saving SRAM against DRAM",
    "skipping": "energy saving from zero activations",
    "all": "product of the savings",
}
ROUNDED = Tolerance(15, "the abstract rounds to 120x, 10x, 8x and 3x")
SKIPPED = Tolerance(2, "a mean over drawn layers")
NOTE = """\
Columns *_uj: energy of fetching the weights of one inference; inference_uj: of all of it, dense in
DRAM with float32 arithmetic, and on EIE. DRAM: LPDDR2 of Table I, 20 pJ a bit; pruned: float32
weights with 4-bit indices, padding zeros and pointers; shared: 4-bit codes in their place; SRAM:
our counts of words and pointers, at prices calibrated to Table II; zeros skipped: one input of
Table III's density. SRAMs are taken to hold everything; VGG-6's pointers do not fit (`eiesim run
vgg-6` prices what it streams). Each saved_by is one stage over the next; saved_in_all is their
product.
"Weights alone" counts as the abstract does. NT layers have no zeros to skip and are left out where
that is counted. Tolerance 15 %: the abstract rounds."""


@dataclass(frozen=True)
class Waterfall:
    """Energy of one layer, stage by stage, in pJ.

    Attributes
    ----------
    fetch_pj
        Energy of fetching the weights by stage, in the order of the abstract's savings.
    inference_pj
        Energy of the whole inference by stage: on EIE everything that it spends, before that the
        fetch and the float32 multiplications and additions.
    factors_alone
        The savings and their product, counted as the abstract does: weights alone, without indices,
        padding zeros and pointers, and Table I's SRAM of 32 KB.
    entries_skipped_percent
        Entries, padding zeros included, in the columns of zero activations.
    """

    layer: str
    fetch_pj: dict[str, float]
    inference_pj: dict[str, float]
    factors_alone: dict[str, float]
    entries_skipped_percent: float
    sources: tuple[Source, ...]

    @property
    def has_zeros(self) -> bool:
        """Whether there are zero activations to skip."""
        return not self.layer.startswith("nt-")

    @property
    def factors(self) -> dict[str, float]:
        """The savings of all that is fetched, stage by stage, and their product."""
        stages = pairwise(self.fetch_pj.values())
        factors = [before / after for before, after in stages]
        return dict(zip(CLAIMS, (*factors, math.prod(factors)), strict=True))


def work(_data: Path) -> Iterator[Waterfall]:
    """Price the nine layers, one after the other."""
    hw = Hardware.preset(PRESET)
    prices = price_machine(hw)
    # the stages in SRAM are of SRAMs that hold everything, at the prices of the chip's
    roomy = replace(hw, spmat_sram_bytes=ROOMY_BYTES, ptr_sram_bytes=ROOMY_BYTES)
    bit_pj = list_prices("dram", hw.dram)[0].value
    mac_pj = sum(price.value for price in list_prices("arithm", "float32"))
    for name in PAPER_LAYERS:
        operands = load_operands(name)
        layer, image = operands.layer, encode(operands.layer, hw)
        entries, ptr_bits = int(image.ptr[-1].sum()), image.ptr.size * hw.ptr_bits
        dense, all_ones = layer.rows * layer.cols, np.ones(layer.cols, dtype=np.float32)
        result = simulate(image, operands.activations, roomy)
        reports = {
            "shared_sram": estimate_energy(simulate(image, all_ones, roomy), prices=prices),
            "zeros_skipped": estimate_energy(result, prices=prices),
        }
        dram_pj = {
            "dense_dram": dense * FLOAT_BITS * bit_pj,
            "pruned_dram": (entries * (FLOAT_BITS + hw.index_bits) + ptr_bits) * bit_pj,
            "shared_dram": (entries * hw.entry_bits + ptr_bits) * bit_pj,
        }
        macs = {"dense_dram": dense, "pruned_dram": layer.weights, "shared_dram": layer.weights}
        alone = {
            "pruning": dense / layer.weights,
            "sharing": FLOAT_BITS / hw.codebook_bits,
            "sram": _read_table1("dram_read_32bit") / _read_table1("sram_32kb_read_32bit"),
            "skipping": layer.cols / np.count_nonzero(operands.activations),
        }
        yield Waterfall(
            name,
            dram_pj | {stage: _fetch_pj(report) for stage, report in reports.items()},
            {stage: pj + macs[stage] * mac_pj for stage, pj in dram_pj.items()}
            | {stage: report.total_pj for stage, report in reports.items()},
            alone | {"all": math.prod(alone.values())},
            100 * (1 - result.entries / entries),
            operands.sources,
        )


WORK = Work(PAPER_LAYERS, work)


def _read_table1(operation: str) -> float:
    rows = read_table("paper/eie_table1")
    return next(float(row["energy_pj"]) for row in rows if row["operation"] == operation)


def _fetch_pj(report: EnergyReport) -> float:
    """Return the energy of the memories of pointer read and sparse-matrix read."""
    return sum(row.energy_pj for row in report.rows
               if row.component in FETCHES and row.part == "memory")  # fmt: skip


def judge(parts: Iterable[Waterfall]) -> Outcome:
    """Compare each saving with the abstract's."""
    layers = list(parts)
    verdicts = [verdict for name in CLAIMS for verdict in _judge_saving(name, layers)]
    verdicts += _judge_skipping([layer for layer in layers if layer.has_zeros])
    return Outcome(
        note=NOTE,
        hardware=Hardware.preset(PRESET),
        verdicts=tuple(verdicts),
        tables={"waterfall": [_describe(layer) for layer in layers]},
        shown=("waterfall",),
        charts={"savings": _chart(layers)},
        sources=tuple(source for layer in layers for source in layer.sources),
    )


def _judge_saving(name: str, layers: list[Waterfall]) -> Iterator[Verdict]:
    """Judge one saving twice: weights alone, and with everything that is fetched."""
    cnn = [layer for layer in layers if layer.has_zeros]
    counted = cnn if name == "skipping" else layers
    saved = "saved in all" if name == "all" else f"saved by {name}"
    without_nt = (
        f"{len(layers) - len(cnn)} layers have no zeros to skip; over the other {len(cnn)} it is "
        f"{find_geomean([layer.factors_alone[name] for layer in cnn]):.0f}"
    )
    for scope, values, reason, put_in in (
        ("weights alone", [layer.factors_alone[name] for layer in counted], without_nt, QUOTED),
        ("all that is fetched", [layer.factors[name] for layer in counted],
         _explain(name, layers), ""),
    ):  # fmt: skip
        yield Verdict(
            "geometric mean", f"{saved}, {scope}", "x", find_claim(CLAIMS[name]),
            find_geomean(values), ROUNDED, reason, PUBLISHED, put_in,
        )  # fmt: skip


def _explain(name: str, layers: list[Waterfall]) -> str:
    """Return why the saving differs from that of weights alone."""
    hw = Hardware.preset(PRESET)
    if name == "all":
        means = (find_geomean([layer.factors[factor] for layer in layers])
                 for factor in CLAIMS if factor != name)  # fmt: skip
        return f"its factors are {' x '.join(f'{mean:.1f}' for mean in means)}"
    if name == "skipping":
        return _explain_skipping([layer for layer in layers if layer.has_zeros])
    if name == "sram":
        read_pj = price_machine(hw).find(Key("spmat_read", "memory", "read")).value
        return (
            f"the paper's is {_read_table1('dram_read_32bit'):g} pJ over the "
            f"{_read_table1('sram_32kb_read_32bit'):g} pJ of a 32 KB SRAM; calibrated to Table II, "
            f"{FLOAT_BITS} bits of the {hw.spmat_sram_bytes // 1024} KB SRAM take "
            f"{read_pj * FLOAT_BITS / hw.spmat_width_bits:.0f} pJ, and pointers are read, too"
        )
    pruned, shared = (_find_weight_bits(layers, stage) for stage in ("pruned_dram", "shared_dram"))
    costs = "with its index, padding zeros and pointers"
    if name == "pruning":
        return f"a weight that is kept takes {pruned:.1f} bits {costs}, not {FLOAT_BITS}"
    return (
        f"a weight goes from {pruned:.1f} to {shared:.1f} bits {costs}, not from {FLOAT_BITS} to "
        f"{hw.codebook_bits}"
    )


def _find_weight_bits(layers: list[Waterfall], stage: str) -> float:
    """Return the mean bits in DRAM of a weight that is not pruned, over the layers."""
    return find_geomean([
        FLOAT_BITS * layer.fetch_pj[stage] / layer.fetch_pj["dense_dram"]
        * layer.factors_alone["pruning"]
        for layer in layers
    ])  # fmt: skip


def _explain_skipping(cnn: list[Waterfall]) -> str:
    cost = find_geomean([
        layer.fetch_pj["zeros_skipped"] / layer.fetch_pj["shared_sram"]
        / (1 - layer.entries_skipped_percent / 100)
        for layer in cnn
    ])  # fmt: skip
    return (
        "an entry of the columns that are left takes "
        f"{cost:.2f} times the energy to fetch that it takes where every column is read: words are "
        "used in part"
    )


def _judge_skipping(cnn: list[Waterfall]) -> Iterator[Verdict]:
    """Judge the saving of skipped zeros, over the layers that have some."""
    for quantity, claim, values, put_in in (
        ("energy saved by skipping zeros", "energy saved by skipping zero activations",
         [_find_saved_percent(layer) for layer in cnn], ""),
        ("entries skipped", "redundant computation cycles saved by skipping zero activations",
         [layer.entries_skipped_percent for layer in cnn],
         "the share of zeros that Table III prints, which the inputs are drawn with"),
    ):  # fmt: skip
        yield Verdict(
            f"mean of {len(cnn)} CNN layers", quantity, "%", find_claim(claim),
            sum(values) / len(values), SKIPPED, _explain_skipping(cnn), PUBLISHED, put_in,
        )  # fmt: skip


def _find_saved_percent(layer: Waterfall) -> float:
    """Return the saving of skipped zeros over the whole energy, in percent."""
    return 100 * (1 - layer.inference_pj["zeros_skipped"] / layer.inference_pj["shared_sram"])


def _describe(layer: Waterfall) -> Row:
    return {
        "layer": layer.layer,
        **{f"{stage}_uj": pj / 1e6 for stage, pj in layer.fetch_pj.items()},
        **{f"saved_{'in' if name == 'all' else 'by'}_{name}": factor
           for name, factor in layer.factors.items()},
        "inference_dense_dram_uj": layer.inference_pj["dense_dram"] / 1e6,
        "inference_uj": layer.inference_pj["zeros_skipped"] / 1e6,
        "energy_saved_by_skipping_percent": _find_saved_percent(layer),
    }  # fmt: skip


def _chart(layers: list[Waterfall]) -> Chart:
    stages = {
        stage.replace("_", " "): [layer.fetch_pj[stage] / 1e6 for layer in layers]
        for stage in layers[0].fetch_pj
    }
    names = tuple(layer.layer for layer in layers)
    panel = Panel("bars", names, stages, "", "energy of fetching weights, uJ", log=True)
    see = "Each stage takes the energy of fetching the weights down."
    return Chart("Energy of fetching the weights of one inference", (panel,), see, 7.4, 3.6)


EXPERIMENT = Experiment(WORK, judge)
