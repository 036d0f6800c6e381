"""What is written of a schedule, read back by other libraries."""

from __future__ import annotations

import csv
from collections import Counter, deque
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from eiesim import CompressedLayer, Counters, Hardware, Window, encode, simulate, trace
from eiesim.base.errors import WorkloadError
from eiesim.image import InterleavedCSC
from eiesim.runs.trace_csv import write_csv
from eiesim.runs.trace_dram import require_requests, write_ramulator
from eiesim.runs.trace_perfetto import FIRST_PE, WAITS
from eiesim.sim.reference.array import Array
from eiesim.sim.reference.pe import ProcessingElement
from eiesim.sim.tracing import WaitCause
from eiesim.sim.tracing.schedule import TABLES, RequestKind
from tests.support.traces import NONE, Waveform, make_case, read_perfetto, write_waveform

Row = dict[str, Any]
Layer = tuple[CompressedLayer, npt.NDArray[np.float32]]


def check_pe(waveform: Waveform, name: str, pe: ProcessingElement, cycle: int) -> None:
    """Compare the signals of a cycle with the blocks of a PE in which that cycle is the last."""

    def find(signal: str) -> int | float | str:
        return waveform.find(f"{name}.{signal}", cycle)

    spans = [it for it in pe.ptr_read.spans if it[0] - 1 <= cycle <= it[1]]
    assert (find("ptr_read_column") != NONE) == any(first - 1 == cycle for first, _, _ in spans)
    assert (find("column") != NONE) == any(first <= cycle for first, _, _ in spans)
    if find("spmat_read_word") != NONE:
        assert find("spmat_read_word") == pe.spmat_read._latched_number
    assert (find("spmat_read_word") != NONE) == any(
        when == cycle for when, _, _ in pe.spmat_read.reads
    )
    writing = pe.arithm._stages[3] if pe.arithm.drained_at == cycle + 1 else None
    row = writing.row if writing is not None and writing.row >= 0 else NONE
    assert find("accumulator_row") == row


def go_to(machine: Array, cycle: int) -> None:
    """Run a machine up to the beginning of a cycle."""
    if machine.end < cycle:
        machine._env.run(until=cycle)


def check_against_machine(
    case: tuple[InterleavedCSC, npt.NDArray[np.float32], Hardware], waveform: Waveform, samples: int
) -> None:
    """Stop the reference engine in sampled cycles and compare its state with the signals."""
    image, activations, hw = case
    cycles = simulate(image, activations, hw).cycles
    rng = np.random.default_rng(0)
    sampled = sorted(rng.choice(np.arange(1, cycles + 1), min(samples, cycles), replace=False))
    machine = Array(image, activations, hw)
    machine.start()
    to_come = [deque(waveform.list_writes(f"eie.pe{number}")) for number in range(hw.n_pes)]
    sums = [np.zeros(image.pe_rows(number), np.float32) for number in range(hw.n_pes)]
    for cycle in map(int, sampled):
        go_to(machine, cycle)  # the state that this cycle sees
        for number, pe in enumerate(machine.pes):
            level = pe.queue._pushes - pe.queue._pops
            assert waveform.find(f"eie.pe{number}.queue_level", cycle) == level
            while to_come[number] and to_come[number][0][0] < cycle:
                _, row, value = to_come[number].popleft()
                sums[number][row] = value
            held = machine.datapath.unload(pe.registers.accumulators)
            assert sums[number].tobytes() == held.tobytes()
        go_to(machine, cycle + 1)  # and what it did in it
        assert waveform.find("eie.cycle", cycle) == cycle
        assert waveform.find("eie.clock", cycle) == 1
        sent = machine.ccu.broadcasts[-1:]
        expected = sent[0][1] if sent and sent[0][0] == cycle else NONE
        assert waveform.find("eie.broadcast_column", cycle) == expected
        if expected != NONE:
            value = machine.datapath.unload(machine.ccu.values[-1:])[0]
            assert waveform.find("eie.broadcast_value", cycle) == pytest.approx(value, rel=1e-8)
        if cycle <= machine.ccu.row_starts[-1]:
            assert waveform.find("eie.scan_row", cycle) == len(machine.ccu.row_starts) - 1
        for number, pe in enumerate(machine.pes):
            check_pe(waveform, f"eie.pe{number}", pe, cycle)
    check_after_run(machine, waveform, sampled)


def check_after_run(machine: Array, waveform: Waveform, sampled: list[int]) -> None:
    """Compare what is known only when the machine has gone on: stalls, entries, columns, causes."""
    machine._env.run()
    ccu = machine.ccu
    for cycle in map(int, sampled):
        stalled = {WaitCause.QUEUE: ccu.stalls, WaitCause.DRAM: ccu.dram_stalls}
        causes = [cause for cause, spans in stalled.items() if any(cycle in it for it in spans)]
        assert waveform.find("eie.stall", cycle) == (causes[0] if causes else NONE)
        for number, pe in enumerate(machine.pes):
            name = f"eie.pe{number}"
            looked_up = [it[1:3] for it in pe.arithm.entries if it[0] - 2 == cycle]
            found = (waveform.find(f"{name}.entry_code", cycle),
                     waveform.find(f"{name}.entry_relative_index", cycle))  # fmt: skip
            assert found == (looked_up[0] if looked_up else (NONE, NONE))
            columns = [ccu.broadcasts[place][1]
                       for place, (first, last, _) in enumerate(pe.ptr_read.spans)
                       if first <= cycle <= last]  # fmt: skip
            assert waveform.find(f"{name}.column", cycle) == (columns[0] if columns else NONE)
            assert (waveform.find(f"{name}.wait", cycle) == NONE) == bool(columns)


@pytest.mark.parametrize("form", ["vcd", "fst"])
@pytest.mark.parametrize("name", ["holds all", "streams", "fixed16"])
def test_waveforms_are_the_machines_state(name: str, form: str, tmp_path: Path) -> None:
    case = make_case(name)
    waveform = write_waveform(trace(*case), form, tmp_path)
    check_against_machine(case, waveform, 60)


@pytest.mark.data
@pytest.mark.slow
def test_alex8_waveform_is_the_machines_state(alex8: Layer, tmp_path: Path) -> None:
    layer, activations = alex8
    case = encode(layer, Hardware()), activations, Hardware()
    check_against_machine(case, write_waveform(trace(*case), "vcd", tmp_path), 200)


def test_a_waveform_of_a_window_is_that_of_the_run(tmp_path: Path) -> None:
    case = make_case("streams")
    whole, part = tmp_path / "whole", tmp_path / "part"
    whole.mkdir()
    part.mkdir()
    everything = write_waveform(trace(*case), "vcd", whole)
    some = write_waveform(trace(*case, window=Window(100, 160, (1, 3))), "vcd", part)
    assert {name.split(".")[1] for name in some._times if name.count(".") > 1} == {"pe1", "pe3"}
    for name in some._times:
        for cycle in range(100, 161):
            if not name.endswith("_value"):  # which holds what was written before the window
                assert some.find(name, cycle) == everything.find(name, cycle), (name, cycle)


def test_layouts_name_every_signal(tmp_path: Path) -> None:
    write_waveform(trace(*make_case("streams")), "vcd", tmp_path)
    vcdvcd = pytest.importorskip("vcdvcd")
    found = vcdvcd.VCDVCD(str(tmp_path / "trace.vcd"), only_sigs=True)
    surfer = (tmp_path / "trace.vcd.sucl").read_text().splitlines()
    assert [line.split()[1] for line in surfer if line.startswith("variable_add")] == found.signals
    gtkwave = (tmp_path / "trace.vcd.gtkw").read_text()
    assert '[dumpfile] "trace.vcd"\n' in gtkwave
    shown = [line.split("[")[0] for line in gtkwave.splitlines() if line.startswith("eie.")]
    assert shown == found.signals


def check_slices(events: list[Row], counters: Counters, n_pes: int) -> None:
    """Slices of a track follow one another without a gap, and add up to the counters."""
    pe, waits = counters.pe, {cause.name.lower(): name for cause, name in WAITS.items()}
    for number in range(n_pes):
        track = [it for it in events if it["ph"] == "X" and it["tid"] == FIRST_PE + number]
        track.sort(key=lambda it: it["ts"])
        ends = [1, *(it["ts"] + it["dur"] for it in track)]
        assert [it["ts"] for it in track] == ends[:-1]
        assert ends[-1] == counters.cycles + 1
        spent: Counter[str] = Counter()
        for it in track:
            spent[it["name"] if it["cat"] == "wait" else it["cat"]] += it["dur"]
        columns = [it["args"] for it in track if it["cat"] == "column"]
        assert spent["column"] == pe.busy_cycles[number]
        assert sum(it["padding"] for it in columns) == pe.padding_macs[number]
        assert sum(it["entries"] - it["padding"] for it in columns) == pe.macs[number]
        assert sum(it["entries"] == 0 for it in columns) == pe.empty_column_cycles[number]
        assert spent[waits["scan"]] == pe.scan_starved_cycles[number]
        assert spent[waits["queue"]] == pe.queue_starved_cycles[number]
        assert spent[waits["dram"]] == pe.dram_starved_cycles[number]
        assert spent[waits["drained"]] == pe.drained_cycles[number]


@pytest.mark.parametrize("name", ["holds all", "streams"])
def test_perfetto(name: str, tmp_path: Path) -> None:
    image, activations, hw = make_case(name)
    schedule, counters = trace(image, activations, hw), simulate(image, activations, hw).counters
    events = read_perfetto(schedule, tmp_path)
    check_slices(events, counters, hw.n_pes)
    marks = [it for it in events if it["ph"] == "i"]
    sent = [(it["ts"], it["name"]) for it in marks if it["cat"] == "broadcast"]
    cycle, column, _ = (it.tolist() for it in schedule.broadcasts)
    both = zip(cycle, column, strict=True)
    assert sent == [(when, f"a{number}") for when, number in both if when <= schedule.cycles]
    stalls = sum(it["args"]["cycles"] for it in marks if it["cat"] == "stall")
    ends = np.minimum(schedule.stalls.last_cycle, schedule.cycles) + 1
    assert stalls == np.maximum(ends - schedule.stalls.first_cycle, 0).sum()
    names = {it["tid"]: it["args"]["name"] for it in events if it["name"] == "thread_name"}
    assert names == {1: "scan", 2: "DRAM"} | {FIRST_PE + pe: f"PE {pe}" for pe in range(hw.n_pes)}
    levels: dict[str, int] = {}
    for it in events:
        if it["ph"] == "C":
            levels[it["name"]] = it["args"]["level"]
            assert 0 <= it["args"]["level"] < hw.queue_depth
    assert set(levels.values()) == {0}  # in the end


@pytest.mark.data
def test_alex8_in_perfetto_adds_up(alex8: Layer, tmp_path: Path) -> None:
    layer, activations = alex8
    image = encode(layer, Hardware())
    events = read_perfetto(trace(image, activations, Hardware()), tmp_path)
    check_slices(events, simulate(image, activations, Hardware()).counters, 64)


def test_perfetto_of_a_window_stays_in_it(tmp_path: Path) -> None:
    events = read_perfetto(trace(*make_case("streams"), window=Window(100, 150, (2,))), tmp_path)
    for it in events:
        if it["ph"] != "M":
            assert 100 <= it["ts"] <= it["ts"] + it.get("dur", 1) - 1 <= 150
    spent = sum(it["dur"] for it in events if it["ph"] == "X" and it["tid"] == FIRST_PE + 2)
    assert spent == 51


def test_csv_is_the_schedule(tmp_path: Path) -> None:
    schedule = trace(*make_case("streams"))
    write_csv(schedule, tmp_path)
    for name in TABLES:
        table = getattr(schedule, name)
        with (tmp_path / "events" / f"{name}.csv").open(newline="") as stream:
            header, *rows = csv.reader(stream)
        assert tuple(header) == table._fields
        kinds: Row = {"cause": WaitCause, "kind": RequestKind}
        for field, words in zip(header, zip(*rows, strict=True), strict=True):
            column = getattr(table, field)
            if field in kinds:
                assert [kinds[field][word.upper()] for word in words] == column.tolist()
            else:
                assert np.array(words, np.float64).astype(column.dtype).tolist() == column.tolist()


def test_csv_of_nothing_has_its_header(tmp_path: Path) -> None:
    write_csv(trace(*make_case("holds all")), tmp_path)
    assert (tmp_path / "events" / "fetches.csv").read_text() == "first_cycle,last_cycle,column\n"


def test_dram_requests_are_those_of_the_counters(tmp_path: Path) -> None:
    image, activations, hw = make_case("streams")
    schedule = trace(image, activations, hw)
    require_requests(schedule)
    write_ramulator(schedule, image, tmp_path)
    with (tmp_path / "dram.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    counters = simulate(image, activations, hw).counters
    assert len(rows) == counters.spmat_dram_words + counters.ptr_dram_reads
    assert {row["type"] for row in rows} == {"read"}
    cycles = [int(row["cycle"]) for row in rows]
    assert cycles == sorted(cycles) == schedule.requests.cycle.tolist()
    word_bytes, ptr_bytes = hw.spmat_width_bits // 8, hw.ptr_bits // 8
    expected, base = [], []
    stored = 0
    pointers = image.ptr.shape[0] - hw.resident_pointers
    for pe in range(hw.n_pes):
        base.append(stored)
        words = -(-int(image.ptr[-1, pe]) // hw.entries_per_word)
        stored += pointers * ptr_bytes + max(words - hw.resident_words, 0) * word_bytes
    for pe, kind, number in zip(*(getattr(schedule.requests, it).tolist()
                                  for it in ("pe", "kind", "number")), strict=True):  # fmt: skip
        if kind == RequestKind.POINTER:
            expected.append((base[pe] + (number - hw.resident_pointers) * ptr_bytes, ptr_bytes))
        else:
            place = pointers * ptr_bytes + (number - hw.resident_words) * word_bytes
            expected.append((base[pe] + place, word_bytes))
    assert [int(row["address"]) for row in rows] == [address for address, _ in expected]
    assert max(address + size for address, size in expected) <= stored
    blocks: list[int] = []
    for address, size in expected:
        for block in range(address // 64, (address + size - 1) // 64 + 1):
            if blocks[-1:] != [block]:
                blocks.append(block)
    lines = (tmp_path / "ramulator.trace").read_text().splitlines()
    assert lines == [f"LD 0x{64 * block:x}" for block in blocks]


def test_nothing_from_dram_is_an_error() -> None:
    with pytest.raises(WorkloadError, match="expected requests to DRAM, found none"):
        require_requests(trace(*make_case("holds all")))
