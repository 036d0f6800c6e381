"""What the run page says of lost time, against layers whose lost time has one cause by design."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from eiesim import Hardware
from eiesim.energy.machine import price_machine
from eiesim.runs import layer_report, layer_rows
from eiesim.runs.layer import LayerRun, run_layers
from eiesim.runs.layer_page import describe_gap
from tests.support.arrays import f32

N_PES = 4
EMPTY, WAITING, DONE = "no entry", "waiting for a column", "done, until the last one ends"


def save(name: str, codes: np.ndarray, act: np.ndarray) -> str:
    arrays = {"codes": codes.astype(np.uint8), "codebook": f32([0, 1]), "act": f32(act)}
    np.savez(name, **arrays)  # type: ignore[arg-type]
    return name


def run(hw: Hardware, *files: str) -> list[LayerRun]:
    return list(run_layers(files, hw, price_machine(hw)))


def read_parts(text: str) -> dict[str, int]:
    """Return the shares of a sentence, percent."""
    shares = re.findall(
        rf"(\d+) % (?:on columns of which they hold )?({EMPTY}|{WAITING}|{DONE})", text
    )
    return {what: int(number) for number, what in shares}


@pytest.mark.usefixtures("in_folder")
def test_each_cause_is_said_where_it_is_the_cause() -> None:
    """Of 4 PEs one has all the work, its columns one entry each; or each PE has a row, 1 of 64
    columns comes; or all have as much, and words come from a slow DRAM."""
    hw = Hardware(n_pes=N_PES)
    one_row = np.zeros((N_PES, 64))
    one_row[0] = 1
    full = np.ones((N_PES, 64))
    sparse = np.zeros(64 * 16)
    sparse[::64] = 1
    one_column = np.zeros((N_PES * 32, 64))
    one_column[0::N_PES, 0] = 1  # the first PE has 32 entries of column 0, the others none

    (uneven,) = run(hw, save("uneven.npz", one_row, np.ones(64)))
    text = describe_gap(layer_rows.describe_layer(uneven))
    parts = read_parts(text)
    assert next(iter(parts)) == EMPTY
    assert "bars of uneven differ most" in text

    (scanned,) = run(hw, save("scanned.npz", np.ones((N_PES, 64 * 16)), sparse))
    parts = read_parts(describe_gap(layer_rows.describe_layer(scanned)))
    assert next(iter(parts)) == WAITING
    assert parts[EMPTY] == 0  # every PE has an entry in every column

    (late,) = run(hw, save("late.npz", one_column, np.eye(64)[0]))
    parts = read_parts(describe_gap(layer_rows.describe_layer(late)))
    assert next(iter(parts)) == DONE

    slow = Hardware(n_pes=N_PES, spmat_sram_bytes=8, dram_gbps=0.01)
    (streamed,) = run(slow, save("streamed.npz", full, np.ones(64)))
    text = describe_gap(layer_rows.describe_layer(streamed))
    assert next(iter(read_parts(text))) == WAITING
    assert f"{streamed.result.counters.dram_stall_cycles:,} cycles by DRAM" in text
    assert "DRAM" not in describe_gap(layer_rows.describe_layer(late))

    for layer_run in (uneven, scanned, late, streamed):
        row = layer_rows.describe_layer(layer_run)
        total = sum(read_parts(describe_gap(row)).values())
        assert total == pytest.approx(100 * (1 - row["load_balance"]), abs=2)  # each is rounded


@pytest.mark.usefixtures("in_folder")
def test_the_page_says_what_the_counters_say() -> None:
    slow = Hardware(n_pes=N_PES, spmat_sram_bytes=8, dram_gbps=0.01)
    files = [save(f"{name}.npz", np.ones((N_PES, 64)), np.ones(64)) for name in ("one", "two")]
    runs = run(slow, *files)
    page = layer_report.report_layers(runs, price_machine(slow)).render(["run", *files])
    assert "uneven" not in page
    assert describe_gap(layer_rows.describe_layer(runs[0])) in page
    assert Path("one.npz").exists()
