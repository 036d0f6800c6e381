"""What a PE is fed in a run of Alex-8, cycle by cycle, and what it must write."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eiesim import CompressedLayer, Hardware, encode, load_benchmark
from eiesim.base.fixedpoint import quantise
from eiesim.image import InterleavedCSC
from eiesim.image.words import pack_entries, to_bits
from eiesim.importers.npz import read_layer
from eiesim.sim.tracing import Schedule, Window, trace

REAL = Path(__file__).parents[3] / "shared" / "data" / "alex8" / "layer.npz"
"""The real layer, where it is there; a user has none."""
MACHINE = Hardware(datapath="fixed16", bias_row=False)
PE = 0
Int16s = npt.NDArray[np.int16]


@dataclass(frozen=True)
class Feed:
    """Operands of one PE in a run.

    Attributes
    ----------
    memories
        Words of the SRAMs by the beginning of their names in the netlist.
    codebook, source
        Weights of the codes; the PE's activations, one of each row of the scan.
    column_values
        The activation of each column.
    """

    name: str
    schedule: Schedule
    memories: dict[str, list[int]]
    codebook: Int16s
    source: Int16s
    column_values: Int16s

    def list_products(self, most: int) -> npt.NDArray[np.int64]:
        """Return weight and activation of the PE's first products, in order: [products, 2]."""
        columns, codes = self.schedule.columns, self.schedule.entries.code
        values = np.repeat(self.column_values[columns.column], columns.entries)[: codes.size]
        return np.stack([self.codebook[codes], values], axis=1).astype(np.int64)[:most]


def list_feeds(n_cycles: int) -> list[Feed]:
    """Return the real operands, where they are there; those of the drawn layer; random ones."""
    benchmark = load_benchmark("alex-8")
    drawn = _make_feed("drawn Alex-8", benchmark.layer, benchmark.activations, n_cycles)
    feeds = [drawn, _randomise(drawn)]
    if REAL.is_file():
        layer, activations = read_layer(REAL)
        if activations is not None:
            feeds.insert(0, _make_feed("real Alex-8", layer, activations, n_cycles))
    return feeds


def _make_feed(
    name: str, layer: CompressedLayer, activations: npt.NDArray[np.float32], n_cycles: int
) -> Feed:
    # the bias's column is left out, so that a column's number has the 12 bits of the paper
    without = CompressedLayer(layer.codes, layer.codebook, None, layer.name)
    image = encode(without, MACHINE)
    values = quantise(activations, MACHINE.act_fraction_bits)
    codebook = np.zeros(1 << MACHINE.codebook_bits, np.int16)
    codebook[: layer.codebook.size] = quantise(layer.codebook, MACHINE.weight_fraction_bits)
    window = Window(last_cycle=n_cycles, pes=(PE,))
    schedule = trace(image, activations, MACHINE, window=window)
    return Feed(
        name, schedule, _list_memories(image), codebook, values[PE :: MACHINE.n_pes], values
    )


def _list_memories(image: InterleavedCSC) -> dict[str, list[int]]:
    pointers, of_pe = image.ptr[:, PE].tolist(), slice(image.base[PE], image.base[PE + 1])
    return {
        "pointers.even_bank": pointers[0::2],
        "pointers.odd_bank": pointers[1::2],
        "matrix.": pack_entries(image.codes[of_pe], image.relative_index[of_pe], MACHINE),
    }


def _randomise(feed: Feed) -> Feed:
    """Return a run in which all weights and non-zero activations are uniform random numbers."""
    rng = np.random.default_rng(2016)
    values, codebook = feed.column_values.copy(), feed.codebook.copy()
    values[values != 0] = draw(rng, int((values != 0).sum()))
    codebook[1:] = draw(rng, codebook.size - 1)
    return replace(
        feed,
        name="random",
        codebook=codebook,
        column_values=values,
        source=values[PE :: MACHINE.n_pes],
    )


def draw(rng: np.random.Generator, number: int) -> Int16s:
    """Return uniform random numbers of 16 bits."""
    return rng.integers(-(1 << 15), 1 << 15, number).astype(np.int16)


def join_bits(numbers: Int16s) -> int:
    """Return numbers of 16 bits as one, the first in the lowest bits."""
    return sum(it << 16 * place for place, it in enumerate(to_bits(numbers)))
