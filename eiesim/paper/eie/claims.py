"""The numbers that EIE's abstract, text and conclusion claim."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from eiesim.base.published import find_claim, read_table
from eiesim.catalog.matched import MATCHED, PRESET
from eiesim.energy.area import estimate_area
from eiesim.energy.estimate import find_pes_power_mw
from eiesim.energy.machine import price_machine
from eiesim.energy.prices import Key
from eiesim.hardware import Hardware
from eiesim.paper.eie.speedups import STEADY, list_ratios
from eiesim.paper.eie.table2 import SIXTY_FOUR_PES
from eiesim.paper.experiment import Experiment, Outcome
from eiesim.paper.parts import workloads
from eiesim.paper.parts.workloads import WorkloadRun
from eiesim.paper.verdict import Judgement, Statement, Tolerance, Unreproducible, Verdict
from eiesim.runs.ratios import GEOMEAN, Ratio, find_geomean

ELSEWHERE = {
    "energy saving SRAM against DRAM": "savings",
    "energy saving from sparsity": "savings",
    "energy saving from weight sharing": "savings",
    "energy saving from zero activations": "savings",
    "product of the savings": "savings",
    "energy saved by skipping zero activations": "savings",
    "redundant computation cycles saved by skipping zero activations": "savings",
    "best sparse-matrix SRAM width": "figure9",
    "share of idle cycles at queue depth 1": "figure8",
    "throughput of 256 PEs over 64 PEs": "figure11",
    "throughput over DaDianNao": "table5",
    "energy efficiency over DaDianNao": "table5",
    "area efficiency over DaDianNao": "table5",
}
"""Claims that other experiments judge."""
ALEXNET = ("alex-6", "alex-7", "alex-8")
ROUNDED = Tolerance(1, "printed in round digits")
TIMES = Tolerance(10, "times of drawn layers")
NO_SYNTHESIS = "it comes from the synthesis of the authors' RTL, which is not public"
FOLLOWS_THE_PAPER = "eiesim takes it from the paper"
NOTE = """\
Here the matched ones are used. Claims that another experiment judges are in the table below, with
its name. Energy efficiency is told twice: with every access counted, and at the power of a chip
that never waits, as the paper counts. Clock, SRAM sizes, and power and area of an LNZD unit are the
paper's own numbers put into the model, so that they agree is no evidence."""


def judge(parts: Iterable[WorkloadRun | None]) -> Outcome:
    """Compare each claim with ours."""
    every = workloads.list_runs(parts)
    runs = workloads.list_runs(every, MATCHED)
    hw = Hardware.preset(PRESET)
    return Outcome(
        note=f"{workloads.note_workloads(every)} {NOTE}",
        hardware=hw,
        verdicts=(
            *_judge_chip(hw), *_judge_throughput(runs, hw), *_judge_ratios(runs), *_judge_rest()
        ),
        tables={
            "elsewhere": [
                {"claim": row["claim"], "paper": row["value"], "unit": row["unit"],
                 "experiment": ELSEWHERE[row["claim"]], "source": row["source"]}
                for row in read_table("paper/eie_claims")
                if row["claim"] in ELSEWHERE
            ]
        },
        shown=("elsewhere",),
        sources=workloads.list_sources(runs),
    )  # fmt: skip


def _judge_chip(hw: Hardware) -> Iterator[Judgement]:
    prices, area = price_machine(hw), estimate_area(hw)
    detect = prices.find(Key("lnzd", "combinational", "detect"))
    lnzd_um2 = next(row.um2_each for row in area.rows if row.component == "lnzd")
    for claim, unit, ours, put_in in (
        ("clock", "MHz", hw.clock_mhz, "the paper's clock is the preset"),
        ("peak throughput on the compressed network, 64 PEs", "GOP/s",
         2 * hw.n_pes * hw.clock_mhz / 1000, "two operations a cycle and PE"),
        ("power, 64 PEs", "mW", find_pes_power_mw(hw, prices), SIXTY_FOUR_PES),
        ("area, 64 PEs", "mm2", area.chip_mm2, SIXTY_FOUR_PES),
        ("weights held per PE", "weights", hw.spmat_sram_bytes * 8 / hw.entry_bits,
         "the paper's SRAM over the bits of an entry"),
        ("LNZD unit power", "mW", detect.value * hw.clock_mhz / 1000,
         "eiesim takes this price from the paper"),
        ("LNZD unit area", "um2", lnzd_um2, "eiesim takes this area from the paper"),
        ("LNZD units for 64 PEs", "units", float(hw.lnzd_nodes), ""),
    ):  # fmt: skip
        yield Verdict("chip", claim, unit, find_claim(claim), ours, ROUNDED, FOLLOWS_THE_PAPER, "",
                      put_in)  # fmt: skip
    srams_kb = [size / 1024 for size in (hw.spmat_sram_bytes, hw.ptr_sram_bytes, hw.act_sram_bytes)]
    sizes = " / ".join(f"{size:g}" for size in srams_kb)
    claim = "SRAM per PE: sparse matrix / pointers / activations"
    yield Statement(
        "chip", f"{claim}, KB", find_claim(claim), sizes, sizes == find_claim(claim),
        FOLLOWS_THE_PAPER, "", "the paper's sizes are the preset",
    )  # fmt: skip
    yield Unreproducible("chip", "critical path", "ns", find_claim("critical path"), NO_SYNTHESIS)


def _judge_throughput(runs: Sequence[WorkloadRun], hw: Hardware) -> Iterator[Judgement]:
    claim = "AlexNet FC6+FC7+FC8"
    frame_us = sum(run.result.latency_us for run in runs if run.name in ALEXNET)
    yield Verdict(
        "AlexNet", f"{claim}, one after the other", "frames/s", find_claim(claim), 1e6 / frame_us,
        TIMES, "the times of the three layers differ (see table4)", MATCHED,
    )  # fmt: skip
    dense = [
        2 * run.workload.operands.layer.rows * run.workload.operands.layer.cols / 1e6
        / run.result.latency_us
        for run in runs
    ]  # fmt: skip
    claim = "equivalent dense throughput"
    yield Verdict(
        "geometric mean", claim, "TOP/s", find_claim(claim), find_geomean(dense), TIMES,
        f"3 TOP/s are the {2 * hw.n_pes * hw.clock_mhz / 1e6:.3f} TOP/s of the chip times the "
        "abstract's 10x and 3x; measured it depends on the layer, from "
        f"{min(dense):.1f} to {max(dense):.1f} TOP/s", MATCHED,
        workloads.explain_calibrated_mean(run.name for run in runs),
    )  # fmt: skip


def _judge_ratios(runs: Sequence[WorkloadRun]) -> Iterator[Judgement]:
    means = {
        (ratio.platform, ratio.matrix): ratio
        for ratio in list_ratios(runs)
        if ratio.layer == GEOMEAN
    }
    put_in = workloads.explain_calibrated_mean(run.name for run in runs)
    for platform, words in (("cpu", "CPU"), ("gpu", "GPU"), ("mgpu", "mobile GPU")):
        platform_dense, paper, ours = (
            means[key]
            for key in ((platform, "dense"), ("eie", "sparse"), (f"eie {MATCHED}", "sparse"))
        )
        steady = _divide(means[f"eie {MATCHED}{STEADY}", "sparse"], platform_dense)
        efficiency = f"energy efficiency against {words} dense"
        speedup = f"speedup over {words} dense, geometric mean"
        for claim, how, value, reason in (
            (efficiency, ", counted", _divide(ours, platform_dense),
             "accesses and wires are counted (see figure7); the paper multiplies time by steady "
             f"power, with which ours is {steady:.0f}x"),
            (efficiency, ", at steady power", steady,
             f"Table IV's times give {_divide(paper, platform_dense):.0f}x (see figure7)"),
            (speedup, "", ours.speedup / platform_dense.speedup,
             f"Table IV's times give {paper.speedup / platform_dense.speedup:.0f}x (see figure6)"),
        ):  # fmt: skip
            yield Verdict(GEOMEAN, f"{claim}{how}", "x", find_claim(claim), value, TIMES, reason,
                          MATCHED, put_in)  # fmt: skip


def _divide(ours: Ratio, reference: Ratio) -> float:
    """Return the energy efficiency over another platform's; all powers are known here."""
    assert ours.energy_efficiency is not None
    assert reference.energy_efficiency is not None
    return ours.energy_efficiency / reference.energy_efficiency


def _judge_rest() -> Iterator[Judgement]:
    claim = "Winograd multiplications saved"
    outputs, taps, tile = 2 * 2, 3 * 3, 4 * 4
    yield Verdict(
        "3x3 convolution", f"{claim}, F(2x2, 3x3) by its definition", "x", find_claim(claim),
        outputs * taps / tile, ROUNDED, "it is a quotient of whole numbers", "",
        "by its definition",
    )  # fmt: skip
    depth = Hardware.preset(PRESET).queue_depth
    claim = "queue depth chosen"
    yield Statement(
        "chip", claim, f"{find_claim(claim)} slots",
        f"the preset has {depth} slots, of which one stays empty (see figure8)",
        find_claim(claim) == str(depth), FOLLOWS_THE_PAPER, "", "the preset's depth is the paper's",
    )  # fmt: skip


EXPERIMENT = Experiment(workloads.WORK, judge)
