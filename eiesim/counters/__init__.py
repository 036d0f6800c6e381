"""What comes out of a run: its output and counts, and what limits it."""

from eiesim.counters.counts import (
    CAUSES,
    PE_FIELDS,
    RUN_FIELDS,
    STARVED,
    TIMES,
    TOTALS,
    Counters,
    Counts,
    PeCounters,
    Totals,
    add_counters,
    count_dram_bytes,
)
from eiesim.counters.limits import (
    LEAST_CYCLES,
    WORDS,
    Cause,
    Limits,
    find_busiest,
    find_limits,
)
from eiesim.counters.result import DeltaState, InputsResult, OutputError, RunResult

__all__ = [
    "CAUSES",
    "LEAST_CYCLES",
    "PE_FIELDS",
    "RUN_FIELDS",
    "STARVED",
    "TIMES",
    "TOTALS",
    "WORDS",
    "Cause",
    "Counters",
    "Counts",
    "DeltaState",
    "InputsResult",
    "Limits",
    "OutputError",
    "PeCounters",
    "RunResult",
    "Totals",
    "add_counters",
    "count_dram_bytes",
    "find_busiest",
    "find_limits",
]
