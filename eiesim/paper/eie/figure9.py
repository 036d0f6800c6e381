"""EIE's Figure 9: how wide the sparse-matrix SRAM should be; energy per read times reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from eiesim.base.published import PAPER_LAYERS, find_claim, read_table
from eiesim.catalog.matched import MATCHED, PRESET, draw_matched
from eiesim.catalog.operands import Source
from eiesim.hardware import Hardware
from eiesim.paper.experiment import Experiment, Outcome, Work
from eiesim.paper.verdict import EXACT, Tolerance, Verdict
from eiesim.report.charts import Chart, Panel
from eiesim.sweep.evaluate import measure_machines

STEPS = PAPER_LAYERS
WIDTHS_BITS = (32, 64, 128, 256, 512)
REUSES = ("across_columns", "within_column")
READ_OFF = Tolerance(3, "read off the figure's axis")
NARROW = 128
ENDS = ((32, "464"), (512, "63"))
"""Reads on Alex-6, in thousands, where the paper's axis begins and ends."""
Row = dict[str, Any]


class Cacti(NamedTuple):
    """One way to run CACTI for the 128 KB SRAM at 45 nm."""

    cell: str
    ports: str
    optimise: str
    weights: str


DRAWN = Cacti("itrs-lstp", "1rw", "ED^2", "0:0:0:100:0")
"""The run of CACTI that is drawn: the cell that eiesim prices by."""


@dataclass(frozen=True)
class Reads:
    """Words that one layer reads, by reuse of the last word and by width in bits."""

    layer: str
    words: dict[tuple[str, int], int]
    sources: tuple[Source, ...]


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


WORK = Work(STEPS, work)


def judge(parts: Iterable[Reads]) -> Outcome:
    """Find the best width of each layer, CACTI run and reuse, and set it beside the paper's."""
    layers = list(parts)
    energies = list_energies()
    clock_ns = 1000 / Hardware.preset(PRESET).clock_mhz
    best = [
        _find_best(layer, reuse, cacti, energies[cacti], clock_ns)
        for reuse in REUSES
        for cacti in energies
        for layer in [*layers, _add_up(layers)]
    ]
    wins = [_count_wins(best, reuse, layer) for reuse in REUSES for layer in (*PAPER_LAYERS, "all")]
    return Outcome(
        note=_write_note(wins, len(energies)),
        hardware=Hardware.preset(PRESET),
        verdicts=_judge_reads(layers) + _judge_width(best),
        tables={
            "wins": wins,
            "curves": _list_curves(layers, energies),
            "best": best,
        },
        shown=("wins",),
        charts={
            "figure9-parts": _chart_parts(layers, energies),
            "figure9": _chart_product(layers, energies),
        },
        sources=tuple(source for layer in layers for source in layer.sources),
    )


def list_energies() -> dict[Cacti, dict[int, tuple[float, float]]]:
    """Return energy per read in pJ and access time in ns by width, for every way CACTI was run."""
    table: dict[Cacti, dict[int, tuple[float, float]]] = {}
    for row in read_table("energy/cacti_sram_variants"):
        cacti = Cacti(row["cell"], row["ports"], row["optimise"], row["weights"])
        values = (float(row["read_energy_pj"]), float(row["access_time_ns"]))
        table.setdefault(cacti, {})[int(row["width_bits"])] = values
    return table


def _find_best(
    layer: Reads,
    reuse: str,
    cacti: Cacti,
    by_width: dict[int, tuple[float, float]],
    clock_ns: float,
) -> Row:
    energy_nj = {
        width_bits: layer.words[reuse, width_bits] * by_width[width_bits][0] / 1000
        for width_bits in WIDTHS_BITS
    }
    best_bits = min(energy_nj, key=lambda width_bits: energy_nj[width_bits])
    access_time_ns = by_width[best_bits][1]
    return {
        "layer": layer.layer,
        "word_reuse": reuse,
        **cacti._asdict(),
        "best_width_bits": best_bits,
        **{f"energy_nj_{width_bits}_bits": energy_nj[width_bits] for width_bits in WIDTHS_BITS},
        "access_time_ns": access_time_ns,
        "meets_clock": access_time_ns <= clock_ns,
        "paper_width_meets_clock": by_width[64][1] <= clock_ns,
    }


def _add_up(layers: list[Reads]) -> Reads:
    words = {key: sum(layer.words[key] for layer in layers) for key in layers[0].words}
    return Reads("all", words, ())


def _count_wins(best: list[Row], reuse: str, layer: str) -> Row:
    rows = [row for row in best if (row["word_reuse"], row["layer"]) == (reuse, layer)]
    wins = Counter(row["best_width_bits"] for row in rows)
    return {
        "layer": layer,
        "word_reuse": reuse,
        **{f"best_at_{width_bits}_bits": wins[width_bits] for width_bits in WIDTHS_BITS},
        "of_them_meet_clock": sum(row["meets_clock"] for row in rows),
    }


def _list_curves(
    layers: list[Reads], energies: dict[Cacti, dict[int, tuple[float, float]]]
) -> list[Row]:
    return [
        {
            "layer": layer.layer,
            "word_reuse": reuse,
            "width_bits": width_bits,
            "reads": layer.words[reuse, width_bits],
            **cacti._asdict(),
            "read_energy_pj": by_width[width_bits][0],
            "energy_nj": layer.words[reuse, width_bits] * by_width[width_bits][0] / 1000,
        }
        for layer in layers
        for reuse in REUSES
        for cacti, by_width in energies.items()
        for width_bits in WIDTHS_BITS
    ]


def _judge_reads(layers: list[Reads]) -> tuple[Verdict, ...]:
    """Set Alex-6's reads beside the ends of the paper's axis, which are read off the figure."""
    alex6 = next(layer for layer in layers if layer.layer == "alex-6")
    latched, fresh = REUSES
    return tuple(
        Verdict("alex-6", f"reads at {width_bits} bits, {reuse}", "thousand", printed,
                alex6.words[reuse, width_bits] / 1000, READ_OFF,
                f"it is {alex6.words[latched, width_bits] / 1000:.0f} thousand with the last word "
                f"latched over columns, {alex6.words[fresh, width_bits] / 1000:.0f} thousand with "
                "a fresh read for each", MATCHED)
        for reuse in REUSES
        for width_bits, printed in ENDS
    )  # fmt: skip


def _judge_width(best: list[Row]) -> tuple[Verdict, ...]:
    """Judge the width that most CACTI runs find best, over the nine layers together."""
    verdicts = []
    for reuse in REUSES:
        rows = [row for row in best if (row["word_reuse"], row["layer"]) == (reuse, "all")]
        counts = Counter(row["best_width_bits"] for row in rows)
        (mode, _), *_ = counts.most_common()
        printed = find_claim("best sparse-matrix SRAM width")
        reason = (
            f"energy per read times reads is least at {printed} bits in {counts[int(printed)]} of "
            f"{len(rows)} CACTI runs over the nine layers, at {mode} bits in {counts[mode]}"
        )
        verdicts.append(
            Verdict("all", f"best width, {reuse}", "bits", printed, mode, EXACT, reason, MATCHED)
        )
    return tuple(verdicts)


def _write_note(wins: list[Row], runs: int) -> str:
    total = {row["word_reuse"]: row for row in wins if row["layer"] == "all"}
    across, within = (
        ", ".join(
            f"{width_bits} bits in {total[reuse][f'best_at_{width_bits}_bits']}"
            for width_bits in WIDTHS_BITS
            if total[reuse][f"best_at_{width_bits}_bits"]
        )
        for reuse in REUSES
    )
    narrow = [
        row["layer"]
        for row in wins
        if row["word_reuse"] == REUSES[0]
        and row["layer"] != "all"
        and any(
            row[f"best_at_{width_bits}_bits"] for width_bits in WIDTHS_BITS if width_bits <= NARROW
        )
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


def _chart_parts(
    layers: list[Reads], energies: dict[Cacti, dict[int, tuple[float, float]]]
) -> Chart:
    """Draw what the product is made of, as the paper's left panel does."""
    groups = tuple(str(width_bits) for width_bits in WIDTHS_BITS)
    alex6 = next(layer.words for layer in layers if layer.layer == "alex-6")
    panels = (
        Panel(
            "lines", groups,
            {reuse: [alex6[reuse, width] / 1000 for width in WIDTHS_BITS] for reuse in REUSES},
            "SRAM width, bits", "reads on Alex-6, thousand",
        ),
        Panel(
            "lines", groups,
            {"": [energies[DRAWN][width_bits][0] for width_bits in WIDTHS_BITS]},
            "SRAM width, bits", "energy per read, pJ (CACTI, itrs-lstp)",
        ),
    )  # fmt: skip
    see = "Wider words are fewer and cost more energy each."
    return Chart("Number of reads and energy per read", panels, see)


def _chart_product(
    layers: list[Reads], energies: dict[Cacti, dict[int, tuple[float, float]]]
) -> Chart:
    groups = tuple(str(width_bits) for width_bits in WIDTHS_BITS)
    panels = tuple(
        Panel(
            "lines", groups,
            {layer.layer: [layer.words[reuse, width_bits] * energies[DRAWN][width_bits][0] / 1000
                           for width_bits in WIDTHS_BITS] for layer in layers},
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
