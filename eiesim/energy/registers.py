"""Bits that a module's registers hold and its actions move, over those of the paper's chip."""

from __future__ import annotations

from typing import NamedTuple

from eiesim.hardware import Hardware
from eiesim.views import BuiltView, PricedView, QueueView

PAPER = Hardware()
"""The machine of Table II."""
COLUMN_BITS = 12
"""Bits of the index that goes with an activation: 4K activations (EIE, section VI)."""
PIPELINE_OPERANDS = 6
"""Operands in the registers between the four stages of the arithmetic unit, beside its codebook, as
in rtl/arithm.sv: weight, activation, product of twice their width, accumulator and sum."""
PIPELINE_ROWS, PIPELINE_FLAGS = 4, 6
"""Numbers of accumulators, and single bits, in the same registers."""
REGISTERS = "bits of registers"


class Factor(NamedTuple):
    """What a number of the paper's chip is multiplied by, exactly 1 on that chip."""

    times: float
    why: str

    def label(self, kind: str, source: str) -> tuple[str, str]:
        """Return kind and source of a number that was multiplied."""
        if self.times == 1:
            return kind, source
        return "scaled", f"{source}; times {self.times:.4g} for {self.why}"


def compare_queues(hw: PricedView | BuiltView | QueueView) -> Factor:
    """Return the bits that the queue's registers hold over those in the paper's chip."""
    return _compare(_count_queued(hw), _count_queued(PAPER.queue), REGISTERS)


def compare_registers(module: str, hw: PricedView | BuiltView) -> Factor:
    """Return the bits that a module's registers hold over those in the paper's chip.

    The modules of the pointers and of the sparse matrix stay as they are. Source: EIE, sections IV
    and VI: a queue of activations and their indices, 16 shared weights of 16 bits, two files of 64
    registers; rtl/arithm.sv for the stages of the arithmetic unit.
    """
    return _compare(_count_held(module, hw), _count_held(module, PAPER.built), REGISTERS)


def compare_moved(module: str, hw: PricedView) -> Factor:
    """Return the bits that one action of a module moves over those in the paper's chip."""
    return _compare(_count_moved(module, hw), _count_moved(module, PAPER.priced), "bits moved")


def count_broadcast_bits(operand_bits: int) -> int:
    """Return the bits of a broadcast and of a slot of the queue: an activation and its index."""
    return operand_bits + COLUMN_BITS


def _count_held(module: str, hw: PricedView | BuiltView) -> int:
    held = {
        "act_queue": _count_queued(hw),
        "arithm": ((1 << hw.codebook_bits) + PIPELINE_OPERANDS) * hw.operand_bits
        + PIPELINE_ROWS * (hw.registers_per_pe - 1).bit_length()
        + PIPELINE_FLAGS,
        "act_rw": 2 * hw.registers_per_pe * hw.operand_bits,
    }
    return held.get(module, 1)


def _count_queued(hw: PricedView | BuiltView | QueueView) -> int:
    return hw.queue_depth * count_broadcast_bits(hw.operand_bits)


def _count_moved(module: str, hw: PricedView) -> int:
    moved = {
        "act_queue": count_broadcast_bits(hw.operand_bits),
        "arithm": hw.operand_bits,
        "act_rw": hw.operand_bits,
    }
    return moved.get(module, 1)


def _compare(bits: int, paper_bits: int, name: str) -> Factor:
    return Factor(bits / paper_bits, f"{bits} {name}, {paper_bits} in the paper's chip")
