"""CACTI 7 itself, where the package hwcomponents-cacti brings it: for SRAMs that the table lacks.

The settings are those of the runs in eiesim/data/energy/cacti_sram.csv. The program counts only if
it gives one of these runs again, to the printed digits.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from eiesim.base.caches import find_caches
from eiesim.base.errors import EieError, EnergyError
from eiesim.base.files import replacing
from eiesim.base.published import read_table

PACKAGE = "hwcomponents-cacti"
CHECKED = ("2048", "16", "45", "itrs-lstp")
"""Bytes, bits, node and cell of the run that the program must give again."""
RUN_SECONDS, BUILD_SECONDS = 120, 900
"""A run, and a build of the program, take no longer."""
SETTINGS = """
-size (bytes) {size_bytes}
-block size (bytes) {width_bytes}
-output/input bus width {width_bits}
-technology (u) {node_um:.6g}
-read-write port 1
-UCA bank count 1
-associativity 1
-tag size (b) 0
-cache type "ram"
-Data array cell type - "{cell}"
-Data array peripheral type - "{cell}"
-Tag array cell type - "{cell}"
-Tag array peripheral type - "{cell}"
-operating temperature (K) 300
-access mode (normal, sequential, fast) - "normal"
-design objective (weight delay, dynamic power, leakage power, cycle time, area) 0:0:0:100:0
-deviate (delay, dynamic power, leakage power, cycle time, area) 20:100000:100000:100000:100000
-Optimize ED or ED^2 (ED, ED^2, NONE): "ED^2"
-Add ECC - "false"
"""
"""Lines behind the package's own settings, of which CACTI takes the last one of each name."""
PRINTED = {
    "read_energy_pj": (r"Total dynamic read energy per access \(nJ\): (\S+)", 1e3),
    "write_energy_pj": (r"Total dynamic write energy per access \(nJ\): (\S+)", 1e3),
    "leakage_mw": (r"Total leakage power of a bank \(mW\): (\S+)", 1.0),
    "access_time_ns": (r"Access time \(ns\): (\S+)", 1.0),
    "cycle_time_ns": (r"Cycle time \(ns\): +(\S+)", 1.0),
    "area_mm2": (r"Cache height x width \(mm\): (\S+) x (\S+)", 1.0),
}
"""What CACTI prints of each quantity, and in which unit over ours."""
PRINTED_DIGITS = 5


@dataclass(frozen=True)
class Cacti:
    """The program, with the folder in which it finds its technologies."""

    program: Path
    folder: Path
    version: str

    @property
    def name(self) -> str:
        """Where its numbers come from."""
        return f"CACTI 7 run by {PACKAGE} {self.version}"


@cache
def find_cacti() -> Cacti | str:
    """Return the program, or why it cannot be asked."""
    try:
        release = version(PACKAGE)
        spec = find_spec(PACKAGE.replace("-", "_"))
    except (PackageNotFoundError, ValueError):
        spec = None
    if spec is None or spec.origin is None:
        return f"{PACKAGE} is not installed"
    folder = Path(spec.origin).parent / "cacti"
    shipped = Cacti(folder / "cacti", folder, release)
    problem = _check(shipped)
    if not problem:
        return shipped
    try:
        built = Cacti(_build(folder, release), folder, release)
    except (EieError, OSError, subprocess.SubprocessError) as error:
        return f"CACTI of {PACKAGE} {release} does not run ({problem}) and cannot be built: {error}"
    problem = _check(built)
    return f"CACTI of {PACKAGE} {release}, built here: {problem}" if problem else built


def name_cacti() -> str:
    """Return the program's release, or nothing where it cannot be asked: a part of stored keys."""
    found = find_cacti()
    return found.name if isinstance(found, Cacti) else ""


def run_cacti(size_bytes: int, width_bits: int, node_nm: float, cell: str) -> dict[str, float]:
    """Return the quantities of a plain single-port SRAM bank, as the table's columns.

    What CACTI printed is kept in the user's folder for caches. Raises EnergyError with the reason
    if CACTI cannot be asked, or gives no answer.
    """
    answer = _answer(size_bytes, width_bits, node_nm, cell)
    if isinstance(answer, str):
        raise EnergyError(answer)
    return answer


@cache
def _answer(size_bytes: int, width_bits: int, node_nm: float, cell: str) -> dict[str, float] | str:
    """Return the quantities, or why there are none; neither is asked for twice."""
    cacti = find_cacti()
    if isinstance(cacti, str):
        return cacti
    if width_bits % 8:
        return f"CACTI takes words of whole bytes, not of {width_bits} bits"
    try:
        settings = _write_settings(cacti, size_bytes, width_bits, node_nm, cell)
        digest = hashlib.sha256(f"{cacti.name}\0{settings}".encode()).hexdigest()
        kept = find_caches() / "eiesim" / "cacti" / f"{digest}.txt"
        with suppress(OSError, UnicodeDecodeError, EnergyError):
            return _parse(kept.read_text("utf-8"))
        text = _ask(cacti, settings)
        quantities = _parse(text)
    except (EieError, OSError, subprocess.SubprocessError) as error:
        return f"CACTI gives no answer: {error}"
    with suppress(EieError, OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        with replacing(kept) as stream:
            stream.write(text.encode())
    return quantities


def _write_settings(
    cacti: Cacti, size_bytes: int, width_bits: int, node_nm: float, cell: str
) -> str:
    try:
        base = (cacti.folder.parent / "default_cfg.cfg").read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise EnergyError(f"settings of {PACKAGE} {cacti.version}: {error}") from error
    return base + SETTINGS.format(
        size_bytes=size_bytes, width_bytes=width_bits // 8, width_bits=width_bits,
        node_um=node_nm / 1000, cell=cell,
    )  # fmt: skip


def _ask(cacti: Cacti, settings: str) -> str:
    """Run CACTI; it writes beside its settings, and returns 0 whatever happens."""
    with tempfile.TemporaryDirectory() as work:
        file = Path(work, "sram.cfg")
        file.write_text(settings, "utf-8")
        found = subprocess.run(
            [cacti.program, "-infile", file], cwd=cacti.folder, capture_output=True, text=True,
            errors="replace", stdin=subprocess.DEVNULL, timeout=RUN_SECONDS, check=False,
        )  # fmt: skip
    if found.returncode:
        raise EnergyError(_shorten(found.stderr or found.stdout, found.returncode))
    return found.stdout


def _parse(text: str) -> dict[str, float]:
    quantities = {}
    for name, (pattern, factor) in PRINTED.items():
        match = re.search(pattern, text)
        value = factor
        try:
            for word in match.groups() if match else ("nothing",):
                value *= float(word)
        except ValueError as error:
            raise EnergyError(f"no {name} in what it prints: {_shorten(text, 0)}") from error
        if not 0 <= value < float("inf"):
            raise EnergyError(f"{name}: expected a finite number from 0 on, found {value}")
        quantities[name] = value
    return quantities


def _shorten(text: str, status: int) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:200] if lines else f"exit status {status}, and no word"


def _check(cacti: Cacti) -> str:
    """Return what is wrong with a program, by the run that is known; nothing if it is right."""
    size_bytes, width_bits, node_nm, cell = CHECKED
    try:
        settings = _write_settings(cacti, int(size_bytes), int(width_bits), float(node_nm), cell)
        quantities = _parse(_ask(cacti, settings))
    except (EnergyError, OSError, subprocess.SubprocessError) as error:
        return str(error)
    (row,) = (
        row for row in read_table("energy/cacti_sram")
        if (row["size_bytes"], row["width_bits"], row["node_nm"], row["cell"]) == CHECKED
    )  # fmt: skip
    for name, value in quantities.items():
        if f"{value:.{PRINTED_DIGITS}g}" != f"{float(row[name]):.{PRINTED_DIGITS}g}":
            return f"{name} of a known SRAM: expected {row[name]}, found {value:.6g}"
    return ""


def _build(folder: Path, release: str) -> Path:
    """Return the program made from the package's sources; it is kept in the folder for caches."""
    built_for = f"{platform.system()}-{platform.machine()}".lower()
    program = find_caches() / "eiesim" / "cacti" / f"cacti-{release}-{built_for}"
    if program.exists():
        return program
    for tool in ("make", "g++"):
        if shutil.which(tool) is None:
            raise EnergyError(f"{tool} is not installed")
    with tempfile.TemporaryDirectory() as work:
        source = Path(work, "cacti")
        shutil.copytree(folder, source, ignore=shutil.ignore_patterns("obj_*", "cacti"))
        made = subprocess.run(
            ["make", f"-j{os.cpu_count() or 1}"], cwd=source, capture_output=True, text=True,
            errors="replace", stdin=subprocess.DEVNULL, timeout=BUILD_SECONDS, check=False,
        )  # fmt: skip
        if made.returncode:
            raise EnergyError(f"make: {_shorten(made.stderr or made.stdout, made.returncode)}")
        program.parent.mkdir(parents=True, exist_ok=True)
        with replacing(program) as stream:
            stream.write((source / "cacti").read_bytes())
            Path(stream.name).chmod(0o700)  # before it gets its name: others may run it at once
    return program
