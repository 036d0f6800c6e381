"""What parts of the machine see of it.

A function whose result is kept takes a view instead of the whole machine, and the view is its key:
equal and hashed by content. A field that such a function reads is in the view, or reading it is an
error; so no result can depend on a field that its key leaves out.
"""

from __future__ import annotations

from typing import Any, Generic, NamedTuple, TypeVar

V = TypeVar("V", bound=tuple[Any, ...])


class See(Generic[V]):
    """An attribute of the machine: what one of the views below sees of it.

    Parameters
    ----------
    kind : type
        A view; each of its fields is a field or a property of the machine.
    """

    def __init__(self, kind: type[V]) -> None:
        self.kind = kind

    def __get__(self, hw: Any, _: type) -> V:
        """Return the view of a machine."""
        return self.kind(*[getattr(hw, name) for name in self.kind._fields])  # type: ignore[attr-defined]


class LayoutView(NamedTuple):
    """What the encoder sees: what an image depends on."""

    n_pes: int
    index_bits: int


class ScanView(NamedTuple):
    """What the scan of an input sees: what is broadcast, and when if no queue is full."""

    n_pes: int
    bias_row: bool
    datapath: str
    act_fraction_bits: int
    act_batches: bool
    registers_per_pe: int

    def count_load_cycles(self, row: int, input_rows: int) -> int:
        """Return the cycles that the activation SRAM takes before a row of inputs can be scanned.

        The source registers of a PE hold `registers_per_pe` inputs. With `act_batches`, more are
        loaded in batches of as many, one activation of 16 bits a cycle in every PE.

        Parameters
        ----------
        row : int
            Row of the scan.
        input_rows : int
            All rows of inputs, the bias's left out.

        References
        ----------
        EIE, section IV, "Activation Read/Write Unit".
        """
        size = self.registers_per_pe
        if not self.act_batches or input_rows <= size or row >= input_rows or row % size:
            return 0
        return min(size, input_rows - row)


class WordView(NamedTuple):
    """What the sparse-matrix read sees: which words it reads."""

    entries_per_word: int
    spmat_word_reuse: str


class StreamView(NamedTuple):
    """What DRAM sees of the memories: which words and pointers it has to send."""

    n_pes: int
    spmat_width_bits: int
    entries_per_word: int
    spmat_word_reuse: str
    resident_words: int
    ptr_bits: int
    resident_pointers: int


class FetchView(NamedTuple):
    """How fast DRAM sends."""

    dram_gbps: float
    clock_mhz: float


class TimingView(NamedTuple):
    """What times the broadcasts, beside the scan and DRAM."""

    queue_depth: int
    broadcast_latency_cycles: int

    @property
    def lead_cycles(self) -> int:
        """Cycles from a broadcast to the first one in which a PE can work on its column.

        One to enter the queue, one for pointer read to pop it, and the broadcast's latency.
        """
        return 2 + self.broadcast_latency_cycles


class FillView(NamedTuple):
    """What it depends on how full the memories are."""

    n_pes: int
    entries_per_word: int
    spmat_width_bits: int
    spmat_sram_bytes: int
    ptr_bits: int
    ptr_sram_bytes: int
    act_sram_bytes: int
    operand_bits: int
    registers_per_pe: int
    act_batches: bool


class PricedView(NamedTuple):
    """What the prices of a machine depend on."""

    spmat_width_bits: int
    spmat_sram_bytes: int
    ptr_bits: int
    ptr_sram_bytes: int
    act_sram_bytes: int
    registers_per_pe: int
    queue_depth: int
    codebook_bits: int
    multiplier: str
    operand_bits: int
    sram_cell: str
    node_nm: float
    dram: str


class BuiltView(NamedTuple):
    """What the area of a machine depends on."""

    n_pes: int
    lnzd_nodes: int
    spmat_width_bits: int
    spmat_sram_bytes: int
    ptr_bits: int
    ptr_sram_bytes: int
    act_sram_bytes: int
    registers_per_pe: int
    queue_depth: int
    codebook_bits: int
    multiplier: str
    operand_bits: int
    sram_cell: str
    node_nm: float


class ClockView(NamedTuple):
    """What it depends on whether the SRAMs keep up with the clock."""

    spmat_width_bits: int
    spmat_sram_bytes: int
    ptr_bits: int
    ptr_sram_bytes: int
    act_sram_bytes: int
    operand_bits: int
    sram_cell: str
    node_nm: float
    clock_mhz: float


class SteadyView(NamedTuple):
    """What the power of a machine in which no PE waits depends on, beside its prices."""

    n_pes: int
    lnzd_nodes: int
    entries_per_word: int
    clock_mhz: float
