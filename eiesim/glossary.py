"""What counters, columns and keys mean: one entry a name."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from functools import cache

from eiesim import __version__
from eiesim.base.errors import ConfigError, did_you_mean
from eiesim.base.published import read_table
from eiesim.base.schema import Choice, Field, Switch, Text, fields_of
from eiesim.base.tables import Row
from eiesim.counters import Counters, PeCounters
from eiesim.hardware import Hardware
from eiesim.report.report import Report
from eiesim.runs.explain import SCHEMA
from eiesim.sweep.metrics import METRICS
from eiesim.sweep.spec import OF_RUN

UNITS = {
    "_cycles": "cycles", "_bytes": "bytes", "_bits": "bits", "_gbps": "GB/s", "_mhz": "MHz",
    "_nm": "nm", "_pj": "pJ", "_rate": "0 to 1", "_se": "as the metric",
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
    """A counter, a column or a key.

    Attributes
    ----------
    section
        Of the glossary: ``counters``, ``pes``, ``machine``, ``metrics``, or one of the table's.
    formula
        How it follows from others; empty where it is counted.
    block
        File of the package that counts it; empty where it is computed.
    """

    section: str
    meaning: str
    unit: str
    formula: str = ""
    block: str = ""


@cache
def list_terms() -> dict[str, Term]:
    """Return every counter, column and key by its name.

    Counters are defined by their class, fields of the machine by `Hardware`, axes and metrics of
    sweeps by `OF_RUN` and `METRICS`, and all others by eiesim/data/glossary.csv. A name that has
    another meaning in a table of results, too, is defined there with both.
    """
    counters = {
        name: Term(section, meaning, _find_unit(name), FORMULAS.get(name, ""),
                   BLOCKS.get(name, TIMES_BLOCK))
        for section, kind in (("counters", Counters), ("pes", PeCounters))
        for name, meaning in _read_attributes(kind).items()
    }  # fmt: skip
    del counters["pe"]
    machine = {
        name: Term("machine", field.rule.meaning, _find_unit_of_field(field))
        for name, field in {**fields_of(Hardware), **OF_RUN}.items()
    }
    metrics = {
        name: Term("metrics", metric.meaning, metric.unit or _find_unit(name))
        for name, metric in METRICS.items()
    }
    table = {
        row["name"]: Term(row["section"], row["meaning"], row["unit"], row["formula"])
        for row in read_table("glossary")
    }
    return {**metrics, **counters, **machine, **table}


def find_term(name: str) -> Term:
    """Return what a name means; ConfigError for an unknown one."""
    terms = list_terms()
    if name not in terms:
        raise ConfigError(
            f"{name!r}: no layer, counter, column or key; {did_you_mean(name, terms)}"
        )
    return terms[name]


def describe_term(name: str) -> Row:
    """Return a term as a row."""
    term = find_term(name)
    return {"name": name, "meaning": term.meaning, "unit": term.unit,
            "formula": term.formula or None, "counted_by": term.block or None}  # fmt: skip


def report_term(name: str) -> Report:
    """Return the report of what a name means; ConfigError for an unknown one."""
    row = describe_term(name)
    lines = [f"{key.replace('_', ' ')}: {text}" for key, text in row.items() if text is not None]
    return Report(
        title=f"What {name} is",
        summary={"schema": SCHEMA, "eiesim": __version__, "term": row},
        answer=tuple(lines),
        shown=(),
    )


def _find_unit(name: str) -> str:
    return next((unit for end, unit in UNITS.items() if f"_{name}".endswith(end)), NO_UNIT)


def _find_unit_of_field(field: Field) -> str:
    if isinstance(field.rule, Switch):
        return "true or false"
    return "text" if isinstance(field.rule, Choice | Text) else _find_unit(field.name)


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
