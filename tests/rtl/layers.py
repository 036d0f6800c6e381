"""Random layers for a compiled RTL, and where a run on it differs from the engines'."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from eiesim import CompressedLayer, Hardware, RunResult, encode, simulate
from eiesim.base.fixedpoint import quantise
from eiesim.exporters.rtl import list_parameters, write_rtl
from eiesim.sim.golden import compute_output
from tests.rtl.cosim import Model, build, find_simulator
from tests.support.differences import find_differences
from tests.support.strategies import Case

COUNTED = {
    "broadcasts": "broadcasts",
    "stalls": "stall_cycles",
    "ptr_reads": "ptr_reads",
    "spmat_reads": "spmat_reads",
    "writes": "accumulator_writes",
    "bypasses": "bypasses",
}
"""Events of the RTL, and the counters that they are."""


class RtlCounters(NamedTuple):
    """What the RTL does in a run, under the names of `eiesim.Counters`; it has no DRAM."""

    cycles: int
    broadcasts: int
    stall_cycles: int
    ptr_reads: int
    spmat_reads: int
    accumulator_writes: int
    bypasses: int
    dram_stall_cycles: int = 0
    spmat_dram_words: int = 0
    ptr_dram_reads: int = 0

    @property
    def macs(self) -> int:
        return self.accumulator_writes


def make_parameters(hw: Hardware, rows: int = 200, cols: int = 200) -> dict[str, int]:
    """Return the parameters of an RTL that holds any layer of up to so many rows and columns."""
    codes = np.zeros((rows, cols), np.uint8)
    largest = CompressedLayer(codes, np.arange(2, dtype=np.float32), None, "largest")
    held = rows // hw.n_pes + 1
    words = (cols + 1) * held // hw.entries_per_word + 1
    return list_parameters(encode(largest, hw), hw) | {"WORDS": words, "ACCUMULATORS": held}


def draw_case(hw: Hardware, rng: np.random.Generator) -> Case:
    """Draw a layer and an input: any size, density and scale, empty columns, large sums."""
    rows, cols = (int(rng.integers(1, rng.choice([12, 200]))) for _ in range(2))
    kept = rng.random((rows, cols)) < rng.choice(
        [0.0, 0.02, 0.1, 0.5, 1.0], p=[0.05, 0.2, 0.4, 0.25, 0.1]
    )
    kept &= rng.random((rows, 1)) >= rng.choice([0.0, 0.3])
    kept &= rng.random((1, cols)) >= rng.choice([0.0, 0.3])
    bits = int(rng.integers(1, hw.codebook_bits + 1))
    codes = (rng.integers(1, 1 << bits, kept.shape) * kept).astype(np.uint8)
    codebook = rng.normal(scale=rng.choice([0.05, 1.0, 40.0]), size=1 << bits).astype(np.float32)
    codebook[0] = 0
    bias = rng.integers(0, 1 << bits, rows).astype(np.uint8) if rng.random() < 0.5 else None
    activations = rng.normal(scale=rng.choice([0.1, 1.0, 100.0]), size=cols)
    activations *= rng.random(cols) < rng.choice([0.0, 0.1, 0.5, 1.0], p=[0.05, 0.25, 0.4, 0.3])
    machine = replace(
        hw, bias_row=bool(rng.random() < 0.7), act_fraction_bits=int(rng.choice([4, 8, 15]))
    )
    return Case(
        CompressedLayer(codes, codebook, bias, "random"), activations.astype(np.float32), machine
    )


def run_cases(model: Model, cases: Sequence[Case], folder: Path) -> list[dict[str, Any]]:
    """Export and run layers; return of each what differs, empty where nothing does."""
    folders = [folder / str(number) for number in range(len(cases))]
    runs = []
    for case, images in zip(cases, folders, strict=True):
        images.mkdir(parents=True)
        runs.append(write_rtl(encode(case.layer, case.hw), case.activations, case.hw, images))
    records = model.run(folders)
    return [
        compare(case, run, record, images)
        for case, run, record, images in zip(cases, runs, records, folders, strict=True)
    ]


def count_on_rtl(case: Case, folder: Path) -> RtlCounters:
    """Run one layer on an RTL that is built for it, and count what happens."""
    model = build_for(case, folder)
    images = model.folder / "layer"
    images.mkdir()
    write_rtl(encode(case.layer, case.hw), case.activations, case.hw, images)
    (record,) = model.run([images])
    assert record["done"]
    events = {counter: len(record[name]) for name, counter in COUNTED.items()}
    return RtlCounters(cycles=record["cycles"], **events)


def compare_on_rtl(case: Case, folder: Path) -> dict[str, Any]:
    """Run one layer on an RTL that is built for it, and return what differs."""
    model = build_for(case, folder)
    (differences,) = run_cases(model, [case], model.folder / "layers")
    return differences


def build_for(case: Case, folder: Path) -> Model:
    """Compile the RTL for one layer in a folder of models, with the simulator that is there."""
    image = encode(case.layer, case.hw)
    simulator = find_simulator(image.entries)
    number = len(list(folder.glob("model*")))
    return build(folder / f"model{number}", list_parameters(image, case.hw), simulator=simulator)


def compare(
    case: Case, reference: RunResult, record: dict[str, Any], images: Path
) -> dict[str, Any]:
    """Return where a run of the RTL differs from both engines, golden output and exported files."""
    fast = simulate(encode(case.layer, case.hw), case.activations, case.hw)
    different: dict[str, Any] = dict(find_differences(fast, reference))
    counters = fast.counters.totals()
    found = {COUNTED[name]: len(record[name]) for name in COUNTED} | {"cycles": record["cycles"]}
    different |= {
        name: (number, counters[name]) for name, number in found.items() if number != counters[name]
    }
    outputs = _sign(np.array(record["outputs"]))
    golden = compute_output(case.layer, case.activations, case.hw)
    for name, wanted in (("engines", fast.output), ("golden", golden)):
        if not np.array_equal(outputs, quantise(wanted, case.hw.act_fraction_bits)):
            different[f"output of {name}"] = (outputs, wanted)
    written = np.array([int(it, 16) for it in _read_lines(images / "expected/outputs.hex")])
    if not np.array_equal(written, record["outputs"]):
        different["outputs.hex"] = (record["outputs"], written)
    for name in ("writes", "spmat_reads", "ptr_reads"):
        wanted_rows = _read_rows(images / "expected" / f"{name}.csv")
        found_rows = [tuple(row) for row in record[name]]
        if name == "writes":
            found_rows = [(*row[:3], _sign(row[3])) for row in found_rows]
        if found_rows != wanted_rows:
            pairs = zip(found_rows, wanted_rows, strict=False)
            different[name] = next((pair for pair in pairs if pair[0] != pair[1]), "length")
    if not record["done"]:
        different["done"] = (False, True)
    return different


def _sign(bits: Any) -> Any:
    """Return numbers from the 16 bits of their two's complement."""
    return (bits ^ 0x8000) - 0x8000


def _read_lines(path: Path) -> list[str]:
    return [line for line in path.read_text("utf-8").splitlines() if not line.startswith("//")]


def _read_rows(path: Path) -> list[tuple[int, ...]]:
    lines = path.read_text("utf-8").splitlines()[1:]
    return [tuple(map(int, line.split(","))) for line in lines]
