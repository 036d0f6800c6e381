"""What a run does that takes energy, and how often: each action has the count that it takes."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

from eiesim.counters import Counters, Totals
from eiesim.energy.prices import Key
from eiesim.hardware import Hardware

ACTIONS = {
    Key("act_queue", "register", "push"): "sends",
    Key("act_queue", "register", "pop"): "lookups",
    Key("act_queue", "combinational", "push"): "sends",
    Key("act_queue", "combinational", "pop"): "lookups",
    Key("act_queue", "clock", "cycle"): "pe_cycles",
    Key("ptr_read", "register", "look-up"): "lookups",
    Key("ptr_read", "combinational", "look-up"): "lookups",
    Key("ptr_read", "memory", "read"): "pointers",
    # what comes from DRAM is written into the SRAM's stream buffer and read from there
    Key("ptr_read", "memory", "write"): "streamed_pointers",
    Key("ptr_read", "clock", "cycle"): "pe_cycles",
    Key("ptr_read", "memory", "leakage"): "pe_ns",
    Key("spmat_read", "register", "entry"): "entries",
    Key("spmat_read", "combinational", "entry"): "entries",
    Key("spmat_read", "memory", "read"): "words",
    Key("spmat_read", "memory", "write"): "streamed_words",
    Key("spmat_read", "clock", "cycle"): "pe_cycles",
    Key("spmat_read", "memory", "leakage"): "pe_ns",
    Key("arithm", "register", "entry"): "entries",
    Key("arithm", "combinational", "entry"): "entries",
    Key("arithm", "combinational", "multiply"): "entries",
    Key("arithm", "combinational", "add"): "entries",
    Key("arithm", "clock", "cycle"): "pe_cycles",
    Key("act_rw", "register", "register_read"): "register_reads",
    Key("act_rw", "register", "register_write"): "register_writes",
    Key("act_rw", "combinational", "register_read"): "register_reads",
    Key("act_rw", "combinational", "register_write"): "register_writes",
    Key("act_rw", "memory", "read"): "act_reads",
    Key("act_rw", "memory", "write"): "act_writes",
    Key("act_rw", "clock", "cycle"): "pe_cycles",
    Key("act_rw", "memory", "leakage"): "pe_ns",
    Key("lnzd", "combinational", "detect"): "detections",
    Key("broadcast", "wire", "send"): "sends",
    Key("dram", "memory", "read"): "dram_bits",
}
"""Every action that is counted, component by component, with the name of its count."""


def count_actions(counts: Counters | Totals, hw: Hardware) -> list[int | Fraction]:
    """Return how often each of `ACTIONS` was done; for power, the nanoseconds over all PEs."""
    pe_cycles = counts.cycles * hw.n_pes
    found: dict[str, int | Fraction] = {
        "sends": counts.broadcasts * hw.n_pes,
        "lookups": counts.ptr_reads,
        "pointers": 2 * counts.ptr_reads,
        "streamed_pointers": counts.ptr_dram_reads,
        "entries": counts.macs + counts.padding_macs,
        "words": counts.spmat_reads,
        "streamed_words": counts.spmat_dram_words,
        "register_reads": counts.accumulator_reads + counts.act_register_reads,
        "register_writes": counts.accumulator_writes,
        "act_reads": counts.act_sram_reads,
        "act_writes": counts.act_sram_writes,
        "detections": hw.lnzd_nodes * counts.scan_cycles,
        "dram_bits": counts.spmat_dram_words * hw.spmat_width_bits
        + counts.ptr_dram_reads * hw.ptr_bits,
        "pe_cycles": pe_cycles,
        "pe_ns": pe_cycles * _find_period_ns(hw.clock_mhz),
    }
    return [found[name] for name in ACTIONS.values()]


@lru_cache
def _find_period_ns(clock_mhz: float) -> Fraction:
    return 1000 / Fraction(clock_mhz)
