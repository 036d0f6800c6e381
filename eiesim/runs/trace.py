"""Who does what in which cycle of a layer's run, as files that other programs open."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from eiesim import __version__
from eiesim.base.errors import ConfigError, WorkloadError, did_you_mean
from eiesim.base.tables import Row
from eiesim.catalog.operands import Operands
from eiesim.hardware import Hardware
from eiesim.image import InterleavedCSC, encode_passes
from eiesim.report.report import Report
from eiesim.runs import trace_csv, trace_dram, trace_fst, trace_perfetto, trace_vcd
from eiesim.runs.layer import require_no_delta
from eiesim.runs.trace_viewer import render_trace
from eiesim.sim.tracing import Schedule, Window, trace
from eiesim.sim.tracing.schedule import TABLES

SCHEMA = "eiesim trace 1"


@dataclass(frozen=True)
class Format:
    """A form in which a schedule is written.

    Attributes
    ----------
    version
        Of the form; docs/trace.md documents it.
    require
        Checks before any work that the packages are there.
    check
        Checks that the schedule can be written so.
    write
        Writes files into a folder.
    """

    version: int
    write: Callable[[Schedule, InterleavedCSC, Path], None]
    require: Callable[[], None] = lambda: None
    check: Callable[[Schedule], None] = lambda _: None


FORMATS = {
    "vcd": Format(
        trace_vcd.VERSION,
        lambda schedule, _, folder: trace_vcd.write_vcd(schedule, folder),
        require=trace_vcd.require_vcd,
    ),
    "fst": Format(
        trace_fst.VERSION,
        lambda schedule, _, folder: trace_fst.write_fst(schedule, folder),
        require=trace_fst.require_fst,
    ),
    "perfetto": Format(
        trace_perfetto.VERSION,
        lambda schedule, _, folder: trace_perfetto.write_perfetto(schedule, folder),
    ),
    "csv": Format(
        trace_csv.VERSION, lambda schedule, _, folder: trace_csv.write_csv(schedule, folder)
    ),
    "ramulator": Format(
        trace_dram.VERSION, trace_dram.write_ramulator, check=trace_dram.require_requests
    ),
}


@dataclass(frozen=True, eq=False)
class LayerTrace:
    """The schedule of a layer's run, and the forms in which it is to be written."""

    operands: Operands
    image: InterleavedCSC
    schedule: Schedule
    forms: tuple[str, ...]

    def write(self, folder: Path) -> Iterator[str]:
        """Write the files of one form after the other into an empty folder; yield each form."""
        for form in self.forms:
            FORMATS[form].write(self.schedule, self.image, folder)
            yield form

    def report(self, write_files: Callable[[Path], None]) -> Report:
        """Return what was traced, and what writes the files, as a report."""
        schedule = self.schedule
        events = [
            {"events": name, "number": int(getattr(schedule, name)[0].size)} for name in TABLES
        ]
        summary: Row = {
            "schema": SCHEMA,
            "eiesim": __version__,
            "layer": schedule.name,
            "cycles": schedule.cycles,
            "first_cycle": schedule.first_cycle,
            "last_cycle": schedule.last_cycle,
            "pes": schedule.pes.tolist(),
            "formats": {name: FORMATS[name].version for name in self.forms},
            "events": {row["events"]: row["number"] for row in events},
        }
        pes = f"{schedule.pes.size} of {schedule.hardware.n_pes} PEs"
        return Report(
            title=f"{schedule.name}, cycle by cycle",
            summary=summary,
            answer=(
                f"{schedule.name}: cycles {schedule.first_cycle} to {schedule.last_cycle} of "
                f"{schedule.cycles}, {pes}" + (f": {', '.join(self.forms)}" if self.forms else ""),
            ),
            shown=(events,),
            write_files=write_files,
            page=lambda manifest: render_trace(schedule, manifest),
            hardware=schedule.hardware,
            sources=self.operands.sources,
        )


def check_formats(names: Sequence[str]) -> tuple[str, ...]:
    """Check the names of forms, and that their packages are there.

    Raises
    ------
    ConfigError
        A name is unknown or stands twice.
    WorkloadError
        A package is missing.
    """
    for name in names:
        if name not in FORMATS:
            raise ConfigError(f"format {name!r}: {did_you_mean(name, FORMATS)}")
        if names.count(name) > 1:
            raise ConfigError(f"format {name!r}: expected once, found {names.count(name)} times")
        FORMATS[name].require()
    return tuple(names)


def trace_operands(
    operands: Operands, hw: Hardware, window: Window, forms: Sequence[str]
) -> LayerTrace:
    """Trace the run of one input through a layer.

    Parameters
    ----------
    forms
        From `check_formats`.

    Raises
    ------
    EieError
        The layer cannot be encoded for this machine, the window does not fit the run, or there is
        nothing to write in one of the forms.
    """
    require_no_delta(operands.layer.name, hw)
    images = encode_passes(operands.layer, hw)
    if len(images) > 1:
        raise WorkloadError(
            f"{images[0].name}: expected a layer that takes one pass, found {len(images)} passes; "
            "set act_batches=false or raise registers_per_pe"
        )
    schedule = trace(images[0], operands.activations, hw, window=window)
    for form in forms:
        FORMATS[form].check(schedule)
    return LayerTrace(operands, images[0], schedule, tuple(forms))
