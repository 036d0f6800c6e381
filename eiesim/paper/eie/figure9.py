"""EIE's Figure 9: the best width of the sparse-matrix SRAM; energy per read times reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from eiesim.base.published import PAPER_LAYERS, find_claim, read_table
from eiesim.base.tables import Row
from eiesim.catalog.matched import MATCHED, PRESET, draw_matched
from eiesim.catalog.operands import Source
from eiesim.hardware import Hardware
from eiesim.paper.experiment import Experiment, Outcome, Work
from eiesim.paper.verdict import EXACT, Tolerance, Verdict
from eiesim.report.charts import Chart, Panel
from eiesim.sweep.evaluate import measure_machines

WIDTHS_BITS = (32, 64, 128, 256, 512)
LATCHED, FRESH = REUSES = ("across_columns", "within_column")
READ_OFF = Tolerance(3, "read off the figure's axis")
NARROW = 128
ENDS = ((32, "464"), (512, "63"))
"""Reads on Alex-6, in thousands, at the ends of the paper's axis."""
ALL = "all"
"""The nine layers together."""


class CactiRun(NamedTuple):
    """One way to run CACTI for the 128 KB SRAM at 45 nm."""

    cell: str
    ports: str
    optimise: str
    weights: str


DRAWN = CactiRun("itrs-lstp", "1rw", "ED^2", "0:0:0:100:0")
"""The run of CACTI that is drawn: the cell that eiesim prices by."""


class Access(NamedTuple):
    """CACTI's result for one read."""

    energy_pj: float
    time_ns: float


Accesses = dict[CactiRun, dict[int, Access]]
"""By way to run CACTI, and by width in bits."""
Wins = Mapping[tuple[str, str, int], int]
"""Number of CACTI runs in which a width is best, by reuse of the last word, layer and width."""


@dataclass(frozen=True)
class Reads:
    """Words that one layer reads, by reuse of the last word and by width in bits."""

    layer: str
    words: dict[tuple[str, int], int]
    sources: tuple[Source, ...]

    def list_energies_nj(self, reuse: str, by_width: Mapping[int, Access]) -> dict[int, float]:
        """Return the energy of all reads by width."""
        return {
            width_bits: self.words[reuse, width_bits] * by_width[width_bits].energy_pj / 1000
            for width_bits in WIDTHS_BITS
        }


def work(_data: Path) -> Iterator[Reads]:
    """Count the reads of the nine layers, one after the other."""
    hw = Hardware.preset(PRESET)
    for name in PAPER_LAYERS:
        operands = draw_matched(name).operands
        keys = [(reuse, width_bits) for reuse in REUSES for width_bits in WIDTHS_BITS]
        machines = [
            replace(hw, spmat_width_bits=width_bits, spmat_word_reuse=reuse)
            for reuse, width_bits in keys
        ]
        rows = measure_machines(operands.layer, operands.activations, machines)
        words = {key: row["spmat_reads"] for key, row in zip(keys, rows, strict=True)}
        yield Reads(name, words, operands.sources)


WORK = Work(PAPER_LAYERS, work)


def judge(parts: Iterable[Reads]) -> Outcome:
    """Find the best width of each layer, CACTI run and reuse, and compare it with the paper's."""
    layers = list(parts)
    accesses = list_accesses()
    best = [
        _find_best(layer, reuse, cacti, by_width)
        for reuse in REUSES
        for cacti, by_width in accesses.items()
        for layer in [*layers, _add_up(layers)]
    ]
    wins = Counter((row["word_reuse"], row["layer"], row["best_width_bits"]) for row in best)
    return Outcome(
        note=_write_note(wins, len(accesses)),
        hardware=Hardware.preset(PRESET),
        verdicts=(*_judge_reads(layers), *_judge_width(wins, len(accesses))),
        tables={
            "wins": _list_wins(wins, best),
            "curves": _list_curves(layers, accesses),
            "best": best,
        },
        shown=("wins",),
        charts={
            "figure9-parts": _chart_parts(layers, accesses[DRAWN]),
            "figure9": _chart_product(layers, accesses[DRAWN]),
        },
        sources=tuple(source for layer in layers for source in layer.sources),
    )


def list_accesses() -> Accesses:
    """Return the energy of a read, for every way to run CACTI."""
    table: Accesses = {}
    for row in read_table("energy/cacti_sram_variants"):
        cacti = CactiRun(*(row[column] for column in CactiRun._fields))
        access = Access(float(row["read_energy_pj"]), float(row["access_time_ns"]))
        table.setdefault(cacti, {})[int(row["width_bits"])] = access
    return table


def _add_up(layers: list[Reads]) -> Reads:
    words = {key: sum(layer.words[key] for layer in layers) for key in layers[0].words}
    return Reads(ALL, words, ())


def _find_best(layer: Reads, reuse: str, cacti: CactiRun, by_width: dict[int, Access]) -> Row:
    energies_nj = layer.list_energies_nj(reuse, by_width)
    best_bits = min(energies_nj, key=lambda width_bits: energies_nj[width_bits])
    clock_ns = 1000 / Hardware.preset(PRESET).clock_mhz
    return {
        "layer": layer.layer,
        "word_reuse": reuse,
        **cacti._asdict(),
        "best_width_bits": best_bits,
        **{f"energy_nj_{width_bits}_bits": nj for width_bits, nj in energies_nj.items()},
        "access_time_ns": by_width[best_bits].time_ns,
        "meets_clock": by_width[best_bits].time_ns <= clock_ns,
        "paper_width_meets_clock": by_width[64].time_ns <= clock_ns,
    }


def _list_wins(wins: Wins, best: list[Row]) -> list[Row]:
    meeting = Counter((row["word_reuse"], row["layer"]) for row in best if row["meets_clock"])
    return [
        {
            "layer": layer,
            "word_reuse": reuse,
            **{f"best_at_{bits}_bits": wins[reuse, layer, bits] for bits in WIDTHS_BITS},
            "of_them_meet_clock": meeting[reuse, layer],
        }
        for reuse in REUSES
        for layer in (*PAPER_LAYERS, ALL)
    ]


def _list_curves(layers: list[Reads], accesses: Accesses) -> list[Row]:
    return [
        {
            "layer": layer.layer,
            "word_reuse": reuse,
            "width_bits": width_bits,
            "reads": layer.words[reuse, width_bits],
            **cacti._asdict(),
            "read_energy_pj": by_width[width_bits].energy_pj,
            "energy_nj": energy_nj,
        }
        for layer in layers
        for reuse in REUSES
        for cacti, by_width in accesses.items()
        for width_bits, energy_nj in layer.list_energies_nj(reuse, by_width).items()
    ]


def _judge_reads(layers: list[Reads]) -> Iterator[Verdict]:
    """Compare Alex-6's reads with the ends of the paper's axis, which are read off the figure."""
    words = next(layer.words for layer in layers if layer.layer == "alex-6")
    for reuse in REUSES:
        for width_bits, printed in ENDS:
            yield Verdict(
                "alex-6", f"reads at {width_bits} bits, {reuse}", "thousand", printed,
                words[reuse, width_bits] / 1000, READ_OFF,
                f"it is {words[LATCHED, width_bits] / 1000:.0f} thousand with the last word "
                f"latched over columns, {words[FRESH, width_bits] / 1000:.0f} thousand with "
                "a fresh read for each", MATCHED,
            )  # fmt: skip


def _judge_width(wins: Wins, runs: int) -> Iterator[Verdict]:
    """Judge the width that most CACTI runs find best, over the nine layers together."""
    printed = find_claim("best sparse-matrix SRAM width")
    for reuse in REUSES:
        counts = {width_bits: wins[reuse, ALL, width_bits] for width_bits in WIDTHS_BITS}
        mode = max(counts, key=lambda width_bits: counts[width_bits])
        yield Verdict(
            ALL, f"best width, {reuse}", "bits", printed, mode, EXACT,
            f"energy per read times reads is least at {printed} bits in {counts[int(printed)]} of "
            f"{runs} CACTI runs over the nine layers, at {mode} bits in {counts[mode]}", MATCHED,
        )  # fmt: skip


def _write_note(wins: Wins, runs: int) -> str:
    across, within = (
        ", ".join(
            f"{width_bits} bits in {wins[reuse, ALL, width_bits]}"
            for width_bits in WIDTHS_BITS
            if wins[reuse, ALL, width_bits]
        )
        for reuse in REUSES
    )
    narrow = [
        layer
        for layer in PAPER_LAYERS
        if any(wins[LATCHED, layer, bits] for bits in WIDTHS_BITS if bits <= NARROW)
    ]
    return f"""\
Layers are drawn with the work of Table IV (matched, calibrated). What to see: the number of reads
the paper shows and the width it finds best belong to two ways of counting. Its reads (464
thousand down to 63 thousand on Alex-6, read off the axis) are those of a word that stays latched
over columns. Energy per read times those reads, over the nine layers, is least at: {across} of
{runs} ways to run CACTI. With a fresh read for every column it is least at: {within}. Layers one
by one are in the table; an optimum of {NARROW} bits or less while the word stays latched, in any
run: {", ".join(narrow) or "none"}. meets_clock: CACTI's access time
against one cycle at 800 MHz. CACTI 7 by cell type, ports, optimise setting and weights (delay :
dynamic power : leakage : cycle time : area); the paper used CACTI 6 and does not tell its
settings."""


def _chart_parts(layers: list[Reads], by_width: Mapping[int, Access]) -> Chart:
    """Draw the factors of the product, as the paper's left panel does."""
    groups = tuple(map(str, WIDTHS_BITS))
    words = next(layer.words for layer in layers if layer.layer == "alex-6")
    reads = {reuse: [words[reuse, bits] / 1000 for bits in WIDTHS_BITS] for reuse in REUSES}
    energies = {"": [by_width[bits].energy_pj for bits in WIDTHS_BITS]}
    panels = (
        Panel("lines", groups, reads, "SRAM width, bits", "reads on Alex-6, thousand"),
        Panel("lines", groups, energies, "SRAM width, bits",
              "energy per read, pJ (CACTI, itrs-lstp)"),
    )  # fmt: skip
    see = "Wider words are fewer and cost more energy each."
    return Chart("Number of reads and energy per read", panels, see)


def _chart_product(layers: list[Reads], by_width: Mapping[int, Access]) -> Chart:
    panels = tuple(
        Panel(
            "lines", tuple(map(str, WIDTHS_BITS)),
            {layer.layer: [*layer.list_energies_nj(reuse, by_width).values()] for layer in layers},
            "SRAM width, bits", f"reads x energy, nJ ({reuse})",
        )
        for reuse in REUSES
    )  # fmt: skip
    see = (
        "The product falls to the right where a word stays latched over columns, and has its least "
        "at 64 bits or near where it does not."
    )
    return Chart("Reads times energy per read", panels, see)


EXPERIMENT = Experiment(WORK, judge)
