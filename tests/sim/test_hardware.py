"""Hardware: ranges, presets, TOML, and every problem told at once."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eiesim import Hardware
from eiesim.base.errors import ConfigError, EieWarning
from eiesim.base.schema import Range, fields_of
from eiesim.hardware import preset_names, read_hardware
from eiesim.sweep.spec import make_sweep
from tests.support.strategies import machines

RANGES = [
    (name, field.rule)
    for name, field in fields_of(Hardware).items()
    if isinstance(field.rule, Range)
]


def test_defaults_are_the_papers_chip() -> None:
    """EIE, sections IV to VI: 64 PEs, 8 slots, 64 bits, 128 + 32 + 2 KB, 800 MHz."""
    assert Hardware.preset("eie-64pe-45nm") == Hardware()
    hw = Hardware()
    sizes = (hw.spmat_sram_bytes, hw.ptr_sram_bytes, hw.act_sram_bytes)
    assert sizes == (128 * 1024, 32 * 1024, 2 * 1024)
    assert (hw.n_pes, hw.queue_depth, hw.clock_mhz, hw.registers_per_pe) == (64, 8, 800, 64)
    assert hw.entries_per_word == 8


def test_table_v_preset() -> None:
    """EIE, Table V, last column: 256 PEs, 28 nm, 1200 MHz."""
    hw = Hardware.preset("eie-256pe-28nm")
    assert (hw.n_pes, hw.node_nm, hw.clock_mhz) == (256, 28, 1200)
    assert preset_names() == ["eie-256pe-28nm", "eie-64pe-45nm"]


@pytest.mark.parametrize(("name", "rule"), RANGES)
def test_values_out_of_range_are_named(name: str, rule: Range) -> None:
    kind = fields_of(Hardware)[name].kind
    low, high = kind(rule.low), kind(rule.high)
    step = 1 if kind is int or low == 0 else low / 2
    wrong: list[Any] = [low - step, high + step, "4", None, True, float("nan"), float("inf")]
    if fields_of(Hardware)[name].optional:
        wrong.remove(None)
    for value in wrong:
        with pytest.raises(ConfigError, match=rf"^{name}: expected a (whole )?number from "):
            Hardware(**{name: value})


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("n_pes", 1, 1024),
        ("queue_depth", 2, 4096),
        ("spmat_width_bits", 8, 1024),
        ("index_bits", 1, 8),
        ("codebook_bits", 1, 8),
        ("broadcast_latency_cycles", 0, 1024),
        ("weight_fraction_bits", 0, 15),
        ("act_fraction_bits", 0, 15),
    ],
)
def test_ranges_promised(name: str, low: int, high: int) -> None:
    assert getattr(Hardware(**{name: low}), name) == low  # type: ignore[arg-type]
    assert getattr(Hardware(**{name: high}), name) == high  # type: ignore[arg-type]
    rule = fields_of(Hardware)[name].rule
    assert isinstance(rule, Range)
    assert (rule.low, rule.high) == (low, high)


def test_numpy_numbers_become_plain_ones() -> None:
    hw = Hardware(n_pes=np.int64(4), clock_mhz=np.float32(500))  # type: ignore[arg-type]
    assert type(hw.n_pes) is int
    assert type(hw.clock_mhz) is float
    assert hw == Hardware(n_pes=4, clock_mhz=500)


def test_words_and_switches() -> None:
    with pytest.raises(
        ConfigError, match="datapath: expected 'float32' or 'fixed16', found 'int8'"
    ):
        Hardware(datapath="int8")
    with pytest.raises(ConfigError, match="bias_row: expected true or false, found 1"):
        Hardware(bias_row=1)  # type: ignore[arg-type]


def test_a_word_must_hold_an_entry() -> None:
    with pytest.raises(ConfigError, match="8 bits cannot hold an entry of"):
        Hardware(spmat_width_bits=8, codebook_bits=5)


def test_all_problems_of_an_object_at_once() -> None:
    with pytest.raises(ConfigError) as error:
        Hardware(n_pes=0, queue_depth=1, datapath="x")
    assert [line.split(":")[0] for line in str(error.value).splitlines()] == [
        "n_pes", "queue_depth", "datapath",
    ]  # fmt: skip


@given(machines(1024), st.floats(0.001, 1e6), st.floats(1, 1000), st.integers(1, 1 << 40))
def test_toml_round_trip(hw: Hardware, clock_mhz: float, node_nm: float, size: int) -> None:
    hw = replace(hw, clock_mhz=clock_mhz, node_nm=node_nm, spmat_sram_bytes=size)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "hardware.toml"
        file.write_text(hw.to_toml(), encoding="utf-8")
        assert Hardware.from_toml(file) == hw


def test_all_problems_of_a_file_at_once_with_their_lines(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_bytes(
        b"\xef\xbb\xbf# mine\r\n\r\nn_pe = 3\r\nqueue_depth = 1\r\nclock_mhz = 'x'\r\n"
    )
    with pytest.raises(ConfigError) as error:
        Hardware.from_toml(file)
    assert str(error.value).splitlines() == [
        f"{file}:3: n_pe: unknown key, did you mean 'n_pes'?",
        f"{file}:4: queue_depth: expected a whole number from 2 to 4096, found 1",
        f"{file}:5: clock_mhz: expected a number from 0.001 to 1000000.0, found 'x'",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"n_pes = ", "not valid TOML: Invalid value"),
        (b"\xff\xfe", "cannot be read: it is not UTF-8 text"),
        (b"spmat_width_bits = 8\ncodebook_bits = 8", "8 bits cannot hold an entry"),
        (b"[n_pes]\nx = 1", ":1: n_pes: expected a whole number"),
    ],
)
def test_files_that_are_wrong(content: bytes, message: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match="mine") as error:
        Hardware.from_toml(file)
    assert message in str(error.value)


def test_read_by_name_or_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("n_pes = 16")
    assert read_hardware(str(file)) == Hardware(n_pes=16)
    assert read_hardware("eie-64pe-45nm") == Hardware()
    with pytest.raises(ConfigError, match="did you mean 'eie-64pe-45nm'"):
        read_hardware("eie-64-45nm")
    with pytest.raises(ConfigError, match="No such file"):
        read_hardware("missing.toml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("n_pes", "expected key=value"),
        ("n_pe=3", "did you mean 'n_pes'"),
        ("n_pes=many", "expected a whole number from 1 to 1024, found 'many'"),
        ("n_pes=1025", "found 1025"),
        ("bias_row=1", "expected true or false"),
        ("datapath=int8", "'float32' or 'fixed16'"),
    ],
)
def test_settings_that_are_wrong(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=f"^'{text}': ") as error:
        Hardware().with_settings([text])
    assert message in str(error.value)


def test_settings() -> None:
    settings = ["n_pes=16", "datapath=fixed16", "bias_row=false", "n_pes = 32", "clock_mhz=1e3"]
    changed = Hardware().with_settings(settings)
    assert changed == Hardware(n_pes=32, datapath="fixed16", bias_row=False, clock_mhz=1000)


def test_every_field_says_its_unit_or_meaning() -> None:
    assert all(fields_of(Hardware)[field.name].rule.meaning for field in fields(Hardware))


def test_an_old_key_is_taken_with_a_warning(tmp_path: Path) -> None:
    """Of files, settings and axes; one that is out of range is refused under its new name."""
    (tmp_path / "hw.toml").write_text("accumulators_per_pe = 32\n")
    with pytest.warns(EieWarning, match="accumulators_per_pe: the key is called registers_per_pe"):
        assert read_hardware(str(tmp_path / "hw.toml")).registers_per_pe == 32
    with pytest.warns(EieWarning, match="registers_per_pe now"):
        assert Hardware().with_settings(["accumulators_per_pe=16"]).registers_per_pe == 16
    with pytest.warns(EieWarning, match="registers_per_pe now"):
        spec = make_sweep({"layers": ["alex-7"], "axes": {"accumulators_per_pe": [8, 16]}})
    assert spec.axes == {"registers_per_pe": (8, 16)}
    with (
        pytest.warns(EieWarning),
        pytest.raises(ConfigError, match=r"registers_per_pe: expected .* found 0"),
    ):
        Hardware().with_settings(["accumulators_per_pe=0"])
