"""CACTI where it is installed: the shipped runs again; what the table lacks; and what if it fails.

The shipped rows are runs of another build of CACTI 7, with the settings in eiesim's README of data.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from pathlib import Path
from platform import machine, system
from typing import IO

import pytest

from eiesim import Hardware, price_machine
from eiesim.base.errors import EnergyError
from eiesim.base.files import replacing
from eiesim.base.published import read_table
from eiesim.cli.main import main
from eiesim.energy import cacti, sram
from eiesim.energy.cacti import Cacti, find_cacti, name_cacti, run_cacti
from eiesim.energy.sram import QUANTITIES, find_sram
from eiesim.paper.cache import make_key
from eiesim.sweep.identity import identify

ROWS = read_table("energy/cacti_sram")
FOUND = find_cacti()
asked = pytest.mark.skipif(isinstance(FOUND, str), reason=str(FOUND))
FAKE = """#!/bin/sh
{}
"""


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    """What was found is of no other test."""
    for _ in range(2):
        for function in (find_cacti, cacti._answer, find_sram):
            function.cache_clear()
        if _ == 0:
            yield


def check_row(row: dict[str, str]) -> None:
    size, width, node, cell = (row[it] for it in ("size_bytes", "width_bits", "node_nm", "cell"))
    found = run_cacti(int(size), int(width), float(node), cell)
    ours = {name: f"{found[name]:.5g}" for name in QUANTITIES}
    assert ours == {name: f"{float(row[name]):.5g}" for name in QUANTITIES}


@asked
@pytest.mark.parametrize("row", ROWS[::36], ids=lambda row: "-".join(list(row.values())[:4]))
def test_a_shipped_row_comes_again_to_the_printed_digits(row: dict[str, str]) -> None:
    check_row(row)


@asked
@pytest.mark.slow
def test_all_shipped_rows_come_again_to_the_printed_digits() -> None:
    for row in ROWS:
        check_row(row)


@asked
def test_an_sram_that_the_table_lacks_is_asked_of_cacti() -> None:
    """1,024 bits lie beyond the table, 28 nm between its nodes."""
    wide = find_sram(131072, 1024, 45, "itrs-lstp")
    assert wide.kind == "CACTI run"
    assert wide.source.startswith(f"CACTI 7 run by hwcomponents-cacti {FOUND.version}: 131072 ")  # type: ignore[union-attr]
    assert wide.read_energy_pj > find_sram(131072, 512, 45, "itrs-lstp").read_energy_pj
    small, between, large = (find_sram(131072, 64, nm, "itrs-lstp") for nm in (22, 28, 32))
    assert small.area_mm2 < between.area_mm2 < large.area_mm2
    assert between.kind == "CACTI run"
    assert "published" not in {it.kind for it in price_machine(Hardware(node_nm=28)).missing}


@asked
def test_what_cacti_refuses_is_taken_from_the_table() -> None:
    """A word of 20 bits has no whole bytes; CACTI knows no 7 nm."""
    narrow = find_sram(16384, 20, 45, "itrs-lstp")
    assert narrow.kind == "scaled"
    assert narrow.source.endswith("CACTI takes words of whole bytes, not of 20 bits")
    with pytest.raises(EnergyError, match=r"node_nm 22 to 65; .* CACTI gives no answer"):
        find_sram(131072, 64, 7, "itrs-lstp")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package whose program each test writes."""
    folder = tmp_path / "hwcomponents_cacti"
    (folder / "cacti").mkdir(parents=True)
    (folder / "default_cfg.cfg").write_text("-burst length 8\n")
    spec = ModuleSpec("hwcomponents_cacti", None, origin=str(folder / "__init__.py"))
    monkeypatch.setattr(cacti, "find_spec", lambda _: spec)
    monkeypatch.setattr(cacti, "version", lambda _: "9.9")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    return folder / "cacti"


def write_program(folder: Path, script: str) -> None:
    (folder / "cacti").write_text(FAKE.format(script))
    (folder / "cacti").chmod(0o755)


RIGHT = """cat <<END
    Access time (ns): 0.825269
    Cycle time (ns):  0.666428
    Total dynamic read energy per access (nJ): 0.00196991
    Total dynamic write energy per access (nJ): 0.00183309
    Total leakage power of a bank (mW): 4.73004e-05
    Cache height x width (mm): 0.100159 x 0.0707922
END"""


@pytest.mark.skipif(sys.platform == "win32", reason="the programs are scripts of a shell")
@pytest.mark.parametrize(("script", "reason"), [
    ("echo no GLIBC >&2; exit 1", "no GLIBC"),
    ("exit 0", "exit status 0, and no word"),
    (RIGHT.replace("0.00196991", "0.00197991"), "expected 1.9699, found 1.97991"),
    (RIGHT.replace("0.00196991", "nan"), "expected a finite number"),
    (None, "No such file"),
], ids=["fails", "silent", "another CACTI", "not a number", "no program"])  # fmt: skip
def test_a_program_that_is_not_right_is_not_asked(
    script: str | None, reason: str, package: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The table is taken, with the reason; nothing is built without sources."""
    if script is not None:
        write_program(package, script)
    found = find_cacti()
    assert isinstance(found, str)
    assert reason in found
    assert "cannot be built" in found
    assert name_cacti() == ""
    between = find_sram(131072, 64, 28, "itrs-lstp")
    assert between.kind == "scaled"
    assert between.source == (
        f"between runs of CACTI 7: 131072 bytes, 64 bits, 28 nm, itrs-lstp, 300 K; {found}"
    )
    assert main(["doctor"]) == 0
    assert reason in capsys.readouterr().out


@pytest.mark.skipif(sys.platform == "win32", reason="the programs are scripts of a shell")
def test_a_program_that_is_right_is_built_kept_and_named(package: Path, tmp_path: Path) -> None:
    """A program that does not run here is made of its sources, once; answers are kept, too."""
    write_program(package, "exit 1")
    (package / "source").write_text(FAKE.format(f"echo ran >> {tmp_path}/count; {RIGHT}"))
    (package / "makefile").write_text("all:\n\tcp source cacti; chmod +x cacti\n")
    found = find_cacti()
    assert isinstance(found, Cacti)
    assert found.program.parent == tmp_path / "caches" / "eiesim" / "cacti"
    assert found.program.name == f"cacti-9.9-{system()}-{machine()}".lower()  # a home may be shared
    assert name_cacti() == "CACTI 7 run by hwcomponents-cacti 9.9"
    for _ in range(2):
        cacti._answer.cache_clear()
        assert run_cacti(4096, 64, 45, "itrs-lstp")["area_mm2"] == pytest.approx(0.00709047)
    assert (tmp_path / "count").read_text() == "ran\n" * 2  # the check, and one answer
    for file in (tmp_path / "caches" / "eiesim" / "cacti").glob("*.txt"):
        file.write_text("damaged")
    cacti._answer.cache_clear()
    assert run_cacti(4096, 64, 45, "itrs-lstp")["cycle_time_ns"] == 0.666428


@pytest.mark.skipif(sys.platform == "win32", reason="the programs are scripts of a shell")
def test_a_program_can_be_run_as_soon_as_it_has_its_name(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    able = []

    @contextmanager
    def replace_and_look(path: Path) -> Iterator[IO[bytes]]:
        with replacing(path) as stream:
            yield stream
        able.append(os.access(path, os.X_OK))

    monkeypatch.setattr(cacti, "replacing", replace_and_look)
    write_program(package, "exit 1")
    (package / "source").write_text(FAKE.format(RIGHT))
    (package / "makefile").write_text("all:\n\tcp source cacti; chmod +x cacti\n")
    assert isinstance(find_cacti(), Cacti)
    assert able == [True]


def test_a_build_that_fails_is_a_reason(package: Path) -> None:
    write_program(package, "exit 1")
    (package / "makefile").write_text("all:\n\techo no compiler >&2; exit 3\n")
    assert "cannot be built: make: " in str(find_cacti())


def test_stored_results_know_whether_cacti_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = []
    for name in ("", "CACTI 7 run by hwcomponents-cacti 1", "CACTI 7 run by hwcomponents-cacti 2"):
        monkeypatch.setattr("eiesim.sweep.identity.name_cacti", lambda name=name: name)
        monkeypatch.setattr("eiesim.paper.cache.name_cacti", lambda name=name: name)
        keys += [identify("nt-we", {}), make_key("table2", Path(), ())]
    assert len(set(keys)) == len(keys)


def test_without_cacti_the_table_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    reason = "hwcomponents-cacti is not installed"
    monkeypatch.setattr(cacti, "find_cacti", lambda: reason)
    assert find_sram(131072, 64, 28, "itrs-lstp").source.endswith(reason)
    with pytest.raises(EnergyError, match=reason):
        sram.find_sram(131072, 1024, 45, "itrs-lstp")
    exact = find_sram(131072, 64, 45, "itrs-lstp")
    assert exact.source == "CACTI 7: 131072 bytes, 64 bits, 45 nm, itrs-lstp, 300 K"
