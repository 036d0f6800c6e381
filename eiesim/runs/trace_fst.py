"""A schedule as FST, the compressed waveform of GTKWave and Surfer; signals as in VCD."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eiesim import __version__
from eiesim.base.errors import EieError, WorkloadError
from eiesim.runs.trace_signals import TIME_UNIT, Signal, find_end, list_changes, list_signals
from eiesim.runs.trace_vcd import COMMENT, require_vcd, write_layouts

if TYPE_CHECKING:
    from eiesim.sim.tracing import Schedule

VERSION = 1


def require_fst() -> None:
    """Check that pylibfst and pyvcd are there; WorkloadError where one is missing."""
    try:
        import pylibfst  # noqa: F401, PLC0415 - an extra
    except ImportError as error:
        raise WorkloadError(
            "fst: the package pylibfst is missing: pip install 'eiesim[trace]'; perfetto and csv "
            "need none"
        ) from error
    require_vcd()


def write_fst(schedule: Schedule, folder: Path) -> None:
    """Write `trace.fst` and a layout of its signals for each viewer."""
    from pylibfst import ffi, lib  # noqa: PLC0415 - an extra

    signals = list_signals(schedule)
    file = folder / "trace.fst"
    writer = lib.fstWriterCreate(os.fsencode(file), 1)
    if writer == ffi.NULL:
        raise EieError(f"{file}: cannot be written")
    try:
        lib.fstWriterSetTimescaleFromString(writer, TIME_UNIT.replace(" ", "").encode())
        lib.fstWriterSetVersion(writer, f"eiesim {__version__}, eiesim fst {VERSION}".encode())
        lib.fstWriterSetComment(writer, COMMENT.encode())
        lib.fstWriterSetDate(writer, b"")
        lib.fstWriterSetPackType(writer, lib.FST_WR_PT_LZ4)
        handles = _declare(lib, writer, signals)
        _emit(ffi, lib, writer, signals, handles)
        lib.fstWriterEmitTimeChange(writer, find_end(schedule))
    finally:
        lib.fstWriterClose(writer)
    write_layouts(signals, file.name, folder)


def _declare(lib: Any, writer: Any, signals: list[Signal]) -> list[int]:
    """Declare the scopes, those of PEs within that of the machine, and the signals in them."""
    handles, scope = [], ""
    for signal in signals:
        if signal.scope != scope:
            if "." in scope:
                lib.fstWriterSetUpscope(writer)
            scope = signal.scope
            name = scope.rpartition(".")[2].encode()
            lib.fstWriterSetScope(writer, lib.FST_ST_VCD_MODULE, name, b"")
        kind = lib.FST_VT_VCD_WIRE if signal.bits else lib.FST_VT_VCD_REAL
        bits = signal.bits or 8  # a real number's bytes
        name = signal.name.encode()
        handles.append(lib.fstWriterCreateVar(writer, kind, lib.FST_VD_IMPLICIT, bits, name, 0))
    return handles


def _emit(ffi: Any, lib: Any, writer: Any, signals: list[Signal], handles: list[int]) -> None:
    unknown = [b"x" * signal.bits for signal in signals]
    real, now = ffi.new("double *"), -1
    for time, number, value in list_changes(signals):
        if time != now:
            now = time
            lib.fstWriterEmitTimeChange(writer, time)
        bits = signals[number].bits
        if not bits:
            real[0] = value
            lib.fstWriterEmitValueChange(writer, handles[number], real)
        elif value == "x":
            lib.fstWriterEmitValueChange(writer, handles[number], unknown[number])
        else:
            lib.fstWriterEmitValueChange64(writer, handles[number], bits, value)
