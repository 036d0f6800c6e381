"""What counters and columns mean: one entry a name."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from functools import cache

from eiesim.base.errors import ConfigError, did_you_mean
from eiesim.base.tables import Row
from eiesim.counters import WORDS, Counters, PeCounters
from eiesim.runs.limits import ADDED

UNITS = {
    "_us": "us", "_pj": "pJ", "_mw": "mW", "_cycles": "cycles", "_bytes": "bytes",
    "_gbps": "GB/s", "_density": "share, 0 to 1",
}  # fmt: skip
"""As a name ends; other names count things."""
NO_UNIT = "number"
BLOCKS = {
    "cycles": "sim/reference/arithm.py", "scan_cycles": "sim/reference/ccu.py",
    "rows_scanned": "sim/reference/ccu.py", "broadcasts": "sim/reference/ccu.py",
    "stall_cycles": "sim/reference/ccu.py", "dram_stall_cycles": "sim/reference/ccu.py",
    "ptr_reads": "sim/reference/ptr_read.py", "ptr_dram_reads": "sim/reference/ptr_read.py",
    "spmat_reads": "sim/reference/spmat_read.py",
    "spmat_dram_words": "sim/reference/spmat_read.py", "macs": "sim/reference/arithm.py",
    "padding_macs": "sim/reference/arithm.py", "bypasses": "sim/reference/arithm.py",
    "accumulator_reads": "sim/reference/act_rw.py",
    "accumulator_writes": "sim/reference/act_rw.py",
    "act_register_reads": "sim/reference/act_rw.py", "act_sram_reads": "sim/passes.py",
    "act_sram_writes": "sim/passes.py",
}  # fmt: skip
"""Where a counter is raised; times of PEs are `TIMES_BLOCK`'s."""
TIMES_BLOCK = "sim/reference/pe_times.py"


FORMULAS = {
    "cycles": "of each PE: busy_cycles + starved_cycles + drained_cycles",
    "busy_cycles": "macs + padding_macs + empty_column_cycles",
    "starved_cycles": "scan_starved_cycles + queue_starved_cycles + dram_starved_cycles",
}
"""Of counters that others add up to."""


@dataclass(frozen=True)
class Term:
    """A counter or a column.

    Attributes
    ----------
    formula
        How it follows from others; empty where it is counted.
    block
        File of the package that counts it; empty where it is computed.
    """

    meaning: str
    unit: str
    formula: str = ""
    block: str = ""


COLUMNS = {
    "layer": Term("name of the layer", "text"),
    "source": Term("name or file that was given", "text"),
    "engine": Term("engine that ran it", "text"),
    "inputs": Term("columns of the matrix", "number"),
    "outputs": Term("rows of the matrix", "number"),
    "weights": Term("weights that are not pruned", "number"),
    "weight_density": Term("share of weights that are not pruned", "0 to 1",
                           "weights / (inputs * outputs)"),
    "padding_zeros": Term("padding zeros in the whole image", "number"),
    "nonzero_activations": Term("inputs that are not 0", "number"),
    "activation_density": Term("share of inputs that are not 0", "0 to 1",
                               "nonzero_activations / inputs"),
    "sent_activations": Term("inputs that the detector finds above the machine's threshold; only "
                             "with one", "number"),
    "output_error": Term("what a threshold costs the outputs, the same machine without one being "
                         "exact; only with one", "0 or more",
                         "root of (sum of squared errors / sum of squared exact outputs)"),
    "output_error_largest": Term("largest error of an output; only with a threshold",
                                 "as the outputs"),
    "latency_us": Term("time of the run", "us", "cycles / clock_mhz"),
    "theoretical_us": Term('time with equal work for all PEs ("theoretical", EIE, Table IV)', "us",
                           "(macs + padding_macs) / n_pes / clock_mhz"),
    "load_balance": Term("theoretical over actual time (EIE, section VI-C)", "0 to 1",
                         "(macs + padding_macs) / n_pes / cycles"),
    "energy_pj": Term("energy of the run, DRAM included", "pJ",
                      "sum of each action's count times its price"),
    "power_mw": Term("mean power over the run", "mW", "energy_pj / 1000 / latency_us"),
    "no_energy": Term("why there is no energy", "text"),
    "floor_cycles": Term("cycles that no queue and no DRAM can save", "cycles"),
    "ceiling_cycles": Term("cycles that the run takes at most", "cycles"),
    "dram_bytes": Term("bytes streamed from DRAM", "bytes",
                       "spmat_dram_words * spmat_width_bits / 8 + ptr_dram_reads * ptr_bits / 8"),
    "dram_gbps_average": Term("mean bandwidth of DRAM over the run", "GB/s",
                              "dram_bytes / latency_us / 1000"),
    "dram_gbps_needed": Term("smallest bandwidth of DRAM that costs no cycle", "GB/s"),
    "busy_cycles_mean": Term("mean of busy_cycles over the PEs", "cycles"),
    "starved_cycles_mean": Term("mean of starved_cycles over the PEs", "cycles"),
    "drained_cycles_mean": Term("mean of drained_cycles over the PEs", "cycles"),
    "limit": Term("the cause that adds most to the time", "text"),
    "second_limit": Term("the cause that comes second", "text"),
    "cycles_without_limit": Term("cycles that the run would take without the first cause",
                                 "cycles"),
    "busiest_pe": Term("the PE that is busy longest", "number"),
    "entries_mean_cycles": Term("entries other than padding zeros, in the mean over the PEs",
                                "cycles", "macs / n_pes"),
    "ends_cycles": Term("cycles to fill the machine, and after the busiest PE's last column",
                        "cycles"),
    **{column: Term(f"what {WORDS[cause]} adds to the time, as the busiest PE sees it", "cycles")
       for cause, column in ADDED.items()},
    "nonfinite_outputs": Term("outputs beyond float32's range", "number"),
    "fits": Term("whether SRAMs and registers hold the layer", "true or false"),
    "clock_fits": Term("whether the SRAMs, by CACTI, keep up with the clock", "true or false"),
    "chips": Term("chips that would hold the layer", "number"),
}  # fmt: skip
"""Columns of layers that are no counters."""


@cache
def list_terms() -> dict[str, Term]:
    """Return every counter, from the text of its class, and every column of layers."""
    counters = {}
    for kind in (Counters, PeCounters):
        for name, meaning in _read_attributes(kind).items():
            ending = next((end for end in UNITS if f"_{name}".endswith(end)), "")
            block = BLOCKS.get(name, TIMES_BLOCK)
            counters[name] = Term(
                meaning, UNITS.get(ending, NO_UNIT), FORMULAS.get(name, ""), block
            )
    del counters["pe"]
    return counters | COLUMNS


def find_term(name: str) -> Term:
    """Return what a name means; ConfigError for an unknown one."""
    terms = list_terms()
    if name not in terms:
        raise ConfigError(f"{name!r}: no layer, counter or column; {did_you_mean(name, terms)}")
    return terms[name]


def describe_term(name: str) -> Row:
    """Return a term as a row."""
    term = find_term(name)
    return {"name": name, "meaning": term.meaning, "unit": term.unit,
            "formula": term.formula or None, "counted_by": term.block or None}  # fmt: skip


def _read_attributes(kind: type) -> dict[str, str]:
    """Return the entries of the section Attributes of a class."""
    text = inspect.getdoc(kind) or ""
    (section,) = re.findall(r"Attributes\n-+\n(.*?)(?:\n\n[A-Z]\w+\n-+\n|\Z)", text, re.DOTALL)
    entries = re.findall(r"^(\w[^\n]*)\n((?:    [^\n]*(?:\n|\Z))+)", section, re.MULTILINE)
    return {
        name: " ".join(meaning.split())
        for names, meaning in entries
        for name in re.split(r", ", names.split(" : ")[0])
    }
