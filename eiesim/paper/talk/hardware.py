"""The talk on machines: DRAM and SRAM, CPU and GPU, EIE, bytes that an inference fetches."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from statistics import geometric_mean

from eiesim.base.published import PAPER_LAYERS, find_claim
from eiesim.base.tables import Row
from eiesim.baselines.roofline import read_peaks
from eiesim.baselines.rows import Baseline
from eiesim.catalog.matched import MATCHED, PRESET, PUBLISHED, draw_matched
from eiesim.energy.machine import price_machine
from eiesim.energy.operations import list_prices
from eiesim.energy.prices import Key
from eiesim.energy.sram import find_sram
from eiesim.hardware import Hardware
from eiesim.image import encode
from eiesim.paper.eie.savings import FLOAT_BITS, Waterfall
from eiesim.paper.eie.speedups import STEADY, find_tolerance, list_ratios
from eiesim.paper.eie.table1 import CELLS
from eiesim.paper.parts import platforms
from eiesim.paper.parts import workloads as layers
from eiesim.paper.parts.ledgers import DRAWN, TRAINED, NetworkBits
from eiesim.paper.parts.workloads import WorkloadRun, run_workloads
from eiesim.paper.talk.statements import join_words, say
from eiesim.paper.verdict import Statement, Verdict
from eiesim.runs.ratios import GEOMEAN

TIMES_LESS = (10.0, 50.0)
ON_PLATFORMS = ("cpu", "gpu")
SPEEDUP = 3
CHEAPER = 100.0
SRAM_BYTES, NODE_NM = 32 * 1024, 45
"""Of Table I's SRAM."""
FLOAT_BYTES, FIXED_BYTES = 4, 2
"""Of an input or output with dense weights, and on EIE."""


@dataclass(frozen=True)
class MemoryTraffic:
    """Bytes that one inference of a layer fetches and writes.

    Attributes
    ----------
    dense_bytes
        Every weight once in float32, inputs and outputs.
    image_bytes
        Every entry and every pointer of EIE's image once, inputs and outputs of 16 bits.
    counted_bytes
        Words and pointers that EIE reads for an input whose zeros are skipped, inputs and outputs.
    """

    layer: str
    dense_bytes: int
    image_bytes: int
    counted_bytes: int

    @property
    def less(self) -> float:
        """Dense bytes over those of the image."""
        return self.dense_bytes / self.image_bytes

    @property
    def less_counted(self) -> float:
        """Dense bytes over those that EIE reads."""
        return self.dense_bytes / self.counted_bytes

    def to_row(self) -> Row:
        """Return the layer's bytes as one row of a table."""
        return vars(self) | {"times_less": self.less, "times_less_zeros_skipped": self.less_counted}


def run_matched() -> Iterator[tuple[WorkloadRun, MemoryTraffic]]:
    """Run the nine layers with the paper's own work, and count their bytes."""
    hw = Hardware.preset(PRESET)
    for run in run_workloads(map(draw_matched, PAPER_LAYERS), hw):
        yield run, count_traffic(run, hw)


def count_traffic(run: WorkloadRun, hw: Hardware) -> MemoryTraffic:
    """Count the bytes of a run."""
    layer, counters = run.workload.operands.layer, run.result.counters
    image = encode(layer, hw)
    numbers = layer.rows + layer.cols
    image_bits = hw.entry_bits * image.codes.size + hw.ptr_bits * image.ptr.size
    # a look-up reads the start of the column and that of the next one
    read_bits = hw.spmat_width_bits * counters.spmat_reads + 2 * hw.ptr_bits * counters.ptr_reads
    return MemoryTraffic(
        run.name,
        FLOAT_BYTES * (layer.rows * layer.cols + numbers),
        image_bits // 8 + FIXED_BYTES * numbers,
        read_bits // 8 + FIXED_BYTES * numbers,
    )


def judge_machine(
    waterfalls: Sequence[Waterfall],
    networks: Sequence[NetworkBits],
    quoted: Sequence[Baseline],
    runs: Sequence[WorkloadRun],
) -> Iterator[Statement]:
    """Judge statements 5, 24, 25, 26 and 29, by quoted times and by runs of matched layers.

    There is one of each network, the nearest to the paper's.
    """
    yield _judge_dram(waterfalls)
    yield _judge_sram(waterfalls, networks)
    yield _judge_platforms(quoted)
    yield _judge_eie(runs)
    yield _judge_cheaper(waterfalls)


def _judge_dram(waterfalls: Sequence[Waterfall]) -> Statement:
    shares = {
        layer.layer: layer.fetch_pj["dense_dram"] / layer.inference_pj["dense_dram"]
        for layer in waterfalls
    }  # fmt: skip
    least = min(shares, key=lambda layer: shares[layer])
    uses = shares[least] / (1 - shares[least])
    return say(
        5, f"{100 * shares[least]:.1f} % of the energy of a layer whose dense weights are fetched "
        "from DRAM and used once; arithmetic takes as much only when each is used "
        f"{uses:.0f} times", shares[least] > 1 / 2,
        f"DRAM takes {100 * shares[least]:.1f} % on {least}", PUBLISHED,
        "the prices of DRAM and arithmetic are Table I's",
    )  # fmt: skip


def _judge_sram(waterfalls: Sequence[Waterfall], networks: Sequence[NetworkBits]) -> Statement:
    hw = Hardware.preset(PRESET)
    room = 8 * hw.n_pes * (hw.spmat_sram_bytes + hw.ptr_sram_bytes)
    too_large = [
        bits.name
        for bits in networks
        if bits.ledger.total.interleaved_bits + bits.ledger.total.pointer_bits > room
    ]
    saved = [layer.fetch_pj["shared_dram"] / layer.fetch_pj["shared_sram"] for layer in waterfalls]
    gbps = hw.n_pes * hw.spmat_width_bits / 8 * hw.clock_mhz / 1000
    peaks = {platforms.NAMES[peak.platform]: peak.peak_gbps for peak in read_peaks()}
    slower = {name: peak for name, peak in peaks.items() if peak >= gbps}
    drams = join_words(f"{name} {peak:g}" for name, peak in (slower or peaks).items())
    return say(
        24, f"fetching pruned and shared weights costs {min(saved):.0f} to {max(saved):.0f}x less "
        f"from EIE's SRAMs than from DRAM, and {hw.n_pes} PEs read {gbps:.0f} GB/s "
        f"(peaks of DRAM: {drams} GB/s); {join_words(too_large or ['no network'])} of "
        f"{len(networks)} networks would not fit into their {room / 8e6:.1f} MB",
        min(saved) > 1 and not slower,
        f"SRAM saves {min(saved):.1f}x, and the DRAM of {drams} GB/s stands beside {gbps:.0f} GB/s",
        PUBLISHED, "the SRAMs' prices are calibrated to EIE's Table II, the DRAM's is Table I's",
    )  # fmt: skip


def _judge_platforms(quoted: Sequence[Baseline]) -> Statement:
    means = platforms.find_mean_gains(platforms.list_gains([quoted], energy=False))
    one_input, many_inputs = platforms.BATCHES
    single, batched = (
        join_words(f"{platforms.NAMES[name]} {means[name, batch]:.2f}x" for name in ON_PLATFORMS)
        for batch in (one_input, many_inputs)
    )
    mean = geometric_mean([means[name, one_input] for name in ON_PLATFORMS])
    return say(
        25, f"pruned over dense, batch {one_input}: {single}, {mean:.1f}x in the mean; with "
        f"batch {many_inputs} only {batched}", round(mean) == SPEEDUP,
        f"the mean of {single} is {mean:.1f}x", PUBLISHED, "a quotient of the papers' own numbers",
    )  # fmt: skip


def _judge_eie(runs: Sequence[WorkloadRun]) -> Statement:
    means = {
        ratio.platform: ratio
        for ratio in list_ratios(runs)
        if ratio.layer == GEOMEAN and ratio.kind == "simulated"
    }
    counted, steady = means[f"eie {MATCHED}"], means[f"eie {MATCHED}{STEADY}"]
    printed = {
        "speedup": find_claim("speedup over CPU dense, geometric mean"),
        "energy_efficiency": find_claim("energy efficiency against CPU dense"),
    }
    ours = {"speedup": counted.speedup, "energy_efficiency": counted.energy_efficiency or 0}
    verdicts = [
        Verdict(GEOMEAN, quantity.replace("_", " "), "x", printed[quantity], ours[quantity],
                find_tolerance(quantity, MATCHED), "")
        for quantity in printed
    ]  # fmt: skip
    outside = [verdict for verdict in verdicts if not verdict.within]
    deviations = join_words(
        f"{verdict.quantity} deviates by {verdict.deviation_percent:+.0f} %"
        for verdict in outside or verdicts
    )
    return say(
        26, f"{counted.speedup:.0f}x and {counted.energy_efficiency:,.0f}x with every access "
        f"counted, {steady.energy_efficiency:,.0f}x at the power of a chip that never waits",
        not outside, f"the mean {deviations}: the paper multiplies time by a steady power", MATCHED,
        layers.explain_calibrated_mean(run.name for run in runs),
    )  # fmt: skip


def _judge_cheaper(waterfalls: Sequence[Waterfall]) -> Statement:
    hw = Hardware.preset(PRESET)
    dram_pj = FLOAT_BITS * list_prices("dram", hw.dram)[0].value
    cheaper = {
        cell: dram_pj / find_sram(SRAM_BYTES, FLOAT_BITS, NODE_NM, cell).read_energy_pj
        for cell in CELLS
    }
    word_pj = price_machine(hw).find(Key("spmat_read", "memory", "read")).value
    by_eie = dram_pj / (word_pj * FLOAT_BITS / hw.spmat_width_bits)
    below = {cell: ratio for cell, ratio in cheaper.items() if ratio < CHEAPER}
    by_cacti = join_words(f"{cell} {ratio:.0f}x" for cell, ratio in cheaper.items())
    fewer = join_words(f"{cell}'s {ratio:.0f}x" for cell, ratio in (below or cheaper).items())
    return say(
        29, f"32 bits of 32 KB by CACTI 7: {by_cacti}; of EIE's own "
        f"{hw.spmat_sram_bytes // 1024} KB {by_eie:.0f}x; by Table I's prices "
        f"{waterfalls[0].factors_alone['sram']:.0f}x",
        not below, f"it depends on cell and size: {fewer} lie below {CHEAPER:g}x",
    )  # fmt: skip


def judge_traffic(traffic: Sequence[MemoryTraffic], networks: Sequence[NetworkBits]) -> Statement:
    """Judge statement 28, layer by layer and for networks, whose weights are fetched once."""
    low, high = TIMES_LESS
    weights = {bits.name: bits.ledger.total.shared_rate for bits in networks}
    bytes_less = {layer.layer: layer.less for layer in traffic}
    counted = [layer.less_counted for layer in traffic]
    outside = {
        name: less
        for name, less in (bytes_less | weights).items()
        if not low <= less <= high
    }  # fmt: skip
    words = join_words(f"{name} {less:.1f}x" for name, less in (outside or bytes_less).items())
    return say(
        28, f"EIE's nine layers, inputs and outputs included: {_show_range(bytes_less.values())} "
        f"with every column, {_show_range(counted)} with zeros skipped; whole networks, weights "
        f"fetched once: {_show_range(weights.values())}", not outside,
        f"it holds in part: {words} lie outside of {low:g} to {high:g}x; EIE decodes no Huffman "
        "codes, and convolutions fetch feature maps besides", f"{MATCHED}, {DRAWN}, {TRAINED}",
    )  # fmt: skip


def _show_range(rates: Collection[float]) -> str:
    return f"{min(rates):.1f} to {max(rates):.1f}x"
