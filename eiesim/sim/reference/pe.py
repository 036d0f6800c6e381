"""One processing element: the blocks of EIE's Figure 4 (b) and the latches between them."""

from __future__ import annotations

import simpy

from eiesim.hardware import Hardware
from eiesim.image import InterleavedCSC
from eiesim.sim.reference.act_queue import ActivationQueue
from eiesim.sim.reference.act_rw import ActivationReadWrite, PeOperands
from eiesim.sim.reference.arithm import ArithmeticUnit
from eiesim.sim.reference.datapath import Datapath
from eiesim.sim.reference.latch import Latch, Process
from eiesim.sim.reference.ptr_read import Column, PointerRead
from eiesim.sim.reference.spmat_read import Entry, SparseMatrixRead


class ProcessingElement:
    """A PE with its part of the image and of the input."""

    def __init__(
        self,
        env: simpy.Environment,
        number: int,
        image: InterleavedCSC,
        loaded: PeOperands,
        datapath: Datapath,
        hw: Hardware,
    ) -> None:
        columns: Latch[Column] = Latch(env)
        entries: Latch[Entry] = Latch(env)
        self.queue = ActivationQueue(env, hw.queue_depth, hw.broadcast_latency_cycles)
        self.ptr_read = PointerRead(
            env, self.queue, image.ptr[:, number].tolist(), hw.resident_pointers, columns
        )
        self.spmat_read = SparseMatrixRead(
            env,
            columns,
            _pack_words(image, number, hw.entries_per_word),
            hw.resident_words,
            hw.spmat_word_reuse == "across_columns",
            entries,
        )
        self.registers = ActivationReadWrite(loaded, datapath, hw.registers_per_pe)
        self.arithm = ArithmeticUnit(
            env, entries, datapath.load_weights(image.codebook), datapath, self.registers
        )

    def processes(self) -> list[Process]:
        """Return the blocks that act by themselves."""
        return [self.ptr_read.run(), self.spmat_read.run(), self.arithm.run()]

    def count(self, name: str) -> int:
        """Return a count by its name in `PeCounters`, from the block that keeps it."""
        blocks = (self.ptr_read, self.spmat_read, self.arithm, self.registers)
        (count,) = (getattr(block, name) for block in blocks if hasattr(block, name))
        return int(count)


def _pack_words(
    image: InterleavedCSC, number: int, entries_per_word: int
) -> list[list[tuple[int, int]]]:
    """Return the PE's sparse matrix word by word, the last one filled up with zeros."""
    of_pe = slice(image.base[number], image.base[number + 1])
    codes, relative_index = image.codes[of_pe].tolist(), image.relative_index[of_pe].tolist()
    entries = list(zip(codes, relative_index, strict=True))
    entries += [(0, 0)] * (-len(entries) % entries_per_word)
    return [
        entries[first : first + entries_per_word]
        for first in range(0, len(entries), entries_per_word)
    ]
