"""Deep Compression's Figure 5: distributions of codes and relative indices of AlexNet's fc8."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eiesim.base.published import read_table
from eiesim.base.tables import Row
from eiesim.catalog.drawn import draw_network, find_source
from eiesim.catalog.networks import load_network
from eiesim.catalog.operands import Source, hash_file
from eiesim.compress.gaps import code_gaps
from eiesim.compress.huffman import HuffmanCode
from eiesim.hardware import Hardware
from eiesim.importers.npz import read_layer
from eiesim.layer.weights import CompressedLayer
from eiesim.paper.experiment import Experiment, Outcome, Work
from eiesim.paper.parts.ledgers import DRAWN, REAL
from eiesim.paper.parts.workloads import ALEX8, MISSING
from eiesim.paper.verdict import Judgement, Statement, Unreproducible
from eiesim.report.charts import Chart, Panel

INDEX_BITS = 4
SAVED = (20.0, 30.0)
"""Percent that Huffman codes save (section 4)."""
SAVING = "saved by Huffman codes"
CLAIM = "Huffman coding these non-uniformly distributed values saves 20 % to 30 % (section 4)"
NOTE = """\
The last layer of AlexNet: drawn with Table 4's density and 5 bits of a code; the authors' own,
where it is there, has 4. Relative indices of 4 bits row after row; padding zeros have code 0 and
the longest index."""


@dataclass(frozen=True, eq=False)
class Histogram:
    """Frequencies of codes and relative indices."""

    workload: str
    codes: npt.NDArray[np.int64]
    gaps: npt.NDArray[np.int64]
    sources: tuple[Source, ...] = ()


def work(data: Path) -> Iterator[Histogram | None]:
    """Count codes and indices of the drawn layer and of the real one; None if it is missing."""
    spec = load_network("alexnet")
    last = replace(spec, layers=spec.layers[-1:])
    yield _count(DRAWN, next(draw_network(last)).layer, (find_source("alexnet"),))
    file = data / ALEX8
    if file.is_file():
        yield _count(REAL, read_layer(file)[0], (Source(ALEX8, hash_file(file)),))
    else:
        yield None


WORK = Work(("fc8, drawn", "fc8, real"), work, (ALEX8,))


def _count(workload: str, layer: CompressedLayer, sources: tuple[Source, ...]) -> Histogram:
    entries = code_gaps(layer, INDEX_BITS)
    return Histogram(
        workload,
        np.bincount(entries.codes, minlength=layer.codebook.size),
        np.bincount(entries.gaps, minlength=1 << INDEX_BITS),
        sources,
    )


def judge(parts: Iterable[Histogram | None]) -> Outcome:
    """Draw both distributions, and judge the saving of Huffman codes."""
    verdicts: list[Judgement] = []
    sources: list[Source] = []
    panels, rows = [], []
    for part in parts:
        if part is None:
            verdicts.append(Unreproducible("fc8", SAVING, "", CLAIM, MISSING, REAL))
            continue
        verdicts.append(_judge(part))
        panels += [
            _draw(part.codes, f"code, {part.workload}"),
            _draw(part.gaps, f"relative index, {part.workload}"),
        ]
        rows += [
            _describe(part.workload, "codes", part.codes),
            _describe(part.workload, "relative indices", part.gaps),
        ]
        sources += part.sources
    chart = Chart(
        "AlexNet's fc8: how often codes and relative indices occur", tuple(panels),
        "Neither is even, so that Huffman codes save bits.",
    )  # fmt: skip
    return Outcome(
        NOTE, Hardware(), tuple(verdicts),
        {"streams": rows}, ("streams",), {"dc_figure5": chart}, tuple(sources),
    )  # fmt: skip


def _draw(counts: npt.NDArray[np.int64], label: str) -> Panel:
    groups = tuple(str(number) for number in range(counts.size))
    percent = (100 * counts / counts.sum()).tolist()
    return Panel("lines", groups, {"": percent}, label, "entries (%)")


def _describe(workload: str, stream: str, counts: npt.NDArray[np.int64]) -> Row:
    shares = counts[counts > 0] / counts.sum()
    return {
        "workload": workload,
        "stream": stream,
        "entries": int(counts.sum()),
        "bits": int(counts.size).bit_length() - 1,
        "entropy_bits": float(-(shares * np.log2(shares)).sum()),
        "huffman_bits": HuffmanCode.of(counts).count_bits(counts) / int(counts.sum()),
    }


def _judge(part: Histogram) -> Statement:
    rows = [_describe(part.workload, "", counts) for counts in (part.codes, part.gaps)]
    before = sum(row["bits"] for row in rows)
    after = sum(row["huffman_bits"] for row in rows)
    saved = 100 * (1 - after / before)
    (printed,) = (row for row in read_table("paper/dc_tables2to5")
                  if (row["network"], row["layer"]) == ("AlexNet", "fc8"))  # fmt: skip
    bits = {stage: [float(printed[f"{stream}_bits_{stage}"]) for stream in ("weight", "index")]
            for stage in ("pq", "pqh")}  # fmt: skip
    saved_in_paper = 100 * (1 - sum(bits["pqh"]) / sum(bits["pq"]))
    printed_before, printed_after = _add_up(bits["pq"]), _add_up(bits["pqh"])
    ours = _add_up([round(row["huffman_bits"], 1) for row in rows])
    return Statement(
        "fc8", SAVING, CLAIM, f"{before} bits an entry become {after:.2f}: {saved:.0f} %",
        SAVED[0] <= saved <= SAVED[1],
        f"Table 4 has {printed_before} bits for this layer that become {printed_after}, "
        f"{saved_in_paper:.0f} % saved; ours become {ours}", part.workload,
    )  # fmt: skip


def _add_up(bits: Iterable[float]) -> str:
    return " + ".join(f"{number:g}" for number in bits)


EXPERIMENT = Experiment(WORK, judge)
