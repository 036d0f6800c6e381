"""Views: the fields of the machine that parts of the simulator depend on.

A function whose result is cached takes a view instead of the machine, and the view is its key:
equal and hashed by content. Reading a field that is not in the view is an error, so that no result
can depend on a field that its key lacks.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Any, Generic, NamedTuple, TypeVar

V = TypeVar("V", bound=tuple[Any, ...])


class See(Generic[V]):
    """An attribute of the machine: one of the views below, whose fields are the machine's.

    It is made once for each machine, which does not change.
    """

    def __init__(self, kind: type[V]) -> None:
        named: Any = kind  # a bound of named tuples cannot be written
        self.make, self.read = named._make, attrgetter(*named._fields)

    def __set_name__(self, _: type, name: str) -> None:
        """Note the name of the attribute."""
        self.name = name

    def __get__(self, hw: Any, _: type) -> V:
        """Return the view of a machine, which from then on is its attribute."""
        view: V = self.make(self.read(hw))
        vars(hw)[self.name] = view
        return view


class LayoutView(NamedTuple):
    """Fields that an image depends on."""

    n_pes: int
    index_bits: int


class ScanView(NamedTuple):
    """Fields that broadcasts depend on, and their times if no queue is full."""

    n_pes: int
    bias_row: bool
    datapath: str
    act_fraction_bits: int
    act_batches: bool
    registers_per_pe: int
    act_threshold: float
    act_threshold_quantile: float
    delta_threshold: float | None

    def count_load_cycles(self, row: int, input_rows: int) -> int:
        """Return the cycles that the activation SRAM takes before a row of inputs can be scanned.

        The source registers of a PE hold `registers_per_pe` inputs. With `act_batches`, more are
        loaded in batches of this size, one activation of 16 bits a cycle in every PE (EIE, section
        IV, "Activation Read/Write Unit"). `input_rows` are all rows of inputs without the bias's.
        """
        size = self.registers_per_pe
        if not self.act_batches or input_rows <= size or row >= input_rows or row % size:
            return 0
        return min(size, input_rows - row)


class OutputView(NamedTuple):
    """Fields that the outputs of layers depend on, and so the answers of a network."""

    datapath: str
    weight_fraction_bits: int
    act_fraction_bits: int
    act_threshold: float
    act_threshold_quantile: float
    delta_threshold: float | None


class WordView(NamedTuple):
    """Fields that the words of the sparse-matrix read depend on."""

    entries_per_word: int
    spmat_word_reuse: str


class StreamView(NamedTuple):
    """Fields that the words and pointers from DRAM depend on."""

    n_pes: int
    spmat_width_bits: int
    entries_per_word: int
    spmat_word_reuse: str
    resident_words: int
    ptr_bits: int
    resident_pointers: int


class FetchView(NamedTuple):
    """Fields that the cycles of a fetch from DRAM depend on."""

    dram_gbps: float
    clock_mhz: float


class TimingView(NamedTuple):
    """Fields that the times of broadcasts depend on, beside the scan and DRAM."""

    queue_depth: int
    broadcast_latency_cycles: int

    @property
    def lead_cycles(self) -> int:
        """Cycles from a broadcast to the first cycle in which a PE can work on its column.

        One to enter the queue, one for pointer read to pop it, and the broadcast's latency.
        """
        return 2 + self.broadcast_latency_cycles


class FillView(NamedTuple):
    """Fields that the use of the memories depends on."""

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
    delta_threshold: float | None


class PricedView(NamedTuple):
    """Fields that the prices of a machine depend on; that of a broadcast depends on its area."""

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
    dram: str


class QueueView(NamedTuple):
    """Fields that the price of the queue's clock depends on."""

    queue_depth: int
    operand_bits: int
    node_nm: float


class BuiltView(NamedTuple):
    """Fields that the area of a machine depends on."""

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
    """Fields that decide whether the SRAMs keep up with the clock."""

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
    """Fields that the power of a machine without waiting PEs depends on, beside its prices."""

    n_pes: int
    lnzd_nodes: int
    entries_per_word: int
    clock_mhz: float
