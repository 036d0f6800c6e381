"""A schedule as VCD (IEEE 1364), with layouts for GTKWave and Surfer."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from eiesim import __version__
from eiesim.base.errors import WorkloadError
from eiesim.report.report import write_text
from eiesim.runs.trace_signals import (
    TIME_UNIT,
    TOP,
    UNITS_PER_CYCLE,
    UNKNOWN,
    Signal,
    find_end,
    list_signals,
)

if TYPE_CHECKING:
    import vcd

    from eiesim.sim.tracing import Schedule

VERSION = 1
COMMENT = f"a cycle is {UNITS_PER_CYCLE} units of {TIME_UNIT}; docs/trace.md has every signal"


def require_vcd() -> None:
    """Check that pyvcd is there; WorkloadError where it is missing."""
    try:
        import vcd  # noqa: F401, PLC0415 - an extra
    except ImportError as error:
        raise WorkloadError(
            "vcd: the package pyvcd is missing: pip install 'eiesim[trace]'; perfetto and csv need "
            "none"
        ) from error


def write_vcd(schedule: Schedule, folder: Path) -> None:
    """Write `trace.vcd` and a layout of its signals for each viewer."""
    import vcd  # noqa: PLC0415 - an extra

    signals = list_signals(schedule)
    with (folder / "trace.vcd").open("w", encoding="ascii", newline="\n") as stream:
        writer = vcd.VCDWriter(
            stream, timescale=TIME_UNIT, date="", comment=COMMENT, check_values=False,
            version=f"eiesim {__version__}, eiesim vcd {VERSION}",
            init_timestamp=schedule.first_cycle * UNITS_PER_CYCLE,
        )  # fmt: skip
        idents = [_register(writer, signal) for signal in signals]
        writer.flush()  # header and first values
        stream.writelines(_list_lines(signals, idents))
        stream.write(f"#{find_end(schedule)}\n")
    write_layouts(signals, "trace.vcd", folder)


def _register(writer: vcd.VCDWriter, signal: Signal) -> str:
    """Declare a signal and return its short name in the file."""
    scope, name = signal.scope, signal.name
    if signal.bits:
        return writer.register_var(scope, name, "wire", size=signal.bits, init="x").ident
    return writer.register_var(scope, name, "real", init=0.0).ident


def _list_lines(signals: list[Signal], idents: list[str]) -> Iterator[str]:
    """Yield the changes, all of one time together.

    VCDWriter takes changes one by one, which takes three times as long for millions of them.
    """
    times = np.concatenate([signal.times for signal in signals])
    lines = np.concatenate(
        [_format(signal, ident) for signal, ident in zip(signals, idents, strict=True)]
    )
    order = np.argsort(times, kind="stable")
    times, ordered = times[order], lines[order].tolist()
    first = np.flatnonzero(np.append(True, times[1:] != times[:-1])).tolist()
    for time, begin, end in zip(
        times[first].tolist(), first, [*first[1:], times.size], strict=True
    ):
        yield f"#{time}\n{''.join(ordered[begin:end])}"


def _format(signal: Signal, ident: str) -> npt.NDArray[np.object_]:
    """Return a signal's changes as lines; each different value is written out once."""
    values, places = np.unique(signal.values, return_inverse=True)
    if not signal.bits:
        lines = [f"r{value:.9g} {ident}\n" for value in values.tolist()]
    elif signal.bits == 1:
        lines = [f"{value}{ident}\n" for value in values.tolist()]
    else:
        lines = [
            f"b{'x' if value == UNKNOWN else format(value, 'b')} {ident}\n"
            for value in values.tolist()
        ]
    return np.array(lines, object)[places]


def write_layouts(signals: list[Signal], dump: str, folder: Path) -> None:
    """Write what GTKWave (`.gtkw`) and Surfer (`.sucl`) show of a waveform in the same folder."""
    from vcd.gtkw import GTKWSave  # noqa: PLC0415 - an extra

    surfer = []
    with (folder / f"{dump}.gtkw").open("w", encoding="ascii", newline="\n") as stream:
        gtkwave = GTKWSave(stream)
        gtkwave.dumpfile(dump, abspath=False)
        for scope, members in groupby(signals, lambda signal: signal.scope):
            surfer.append(f"divider_add {scope}")
            with gtkwave.group(scope, closed=scope != TOP):
                for signal in members:
                    path = f"{scope}.{signal.name}"
                    surfer.append(f"variable_add {path}")
                    bits = f"[{signal.bits - 1}:0]" if signal.bits > 1 else ""
                    gtkwave.trace(path + bits, datafmt="dec" if signal.bits else "real")
    write_text(folder / f"{dump}.sucl", "\n".join([*surfer, "zoom_fit"]) + "\n")
