"""Every command run once on small inputs, with all that it writes."""

from __future__ import annotations

import argparse
import csv
import io
import json
from collections.abc import Sequence
from contextlib import chdir, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from eiesim.catalog.model import Model
from eiesim.cli import main as cli
from eiesim.graph import STEPS, Graph, Step
from eiesim.report.report import Report
from tests.support.char_models import write_model
from tests.support.networks import chain_of_two, draw_stored
from tests.support.paths import ROOT
from tests.support.weight_files import pack_safetensors

LAYER = "layer.npz"
NARROW = ("--set", "spmat_width_bits=8")
"""Words that no SRAM was measured for: there is no energy."""
COMMANDS = {
    "run": ["run", LAYER, "--set", "n_pes=4"],
    "run-streamed": ["run", LAYER, "--set", "n_pes=4", "--set", "dram_gbps=0.5",
                     "--set", "spmat_sram_bytes=16"],
    "run-dram": ["run", "nt-we", "--set", "spmat_sram_bytes=4096"],
    "run-unpriced": ["run", LAYER, *NARROW],
    "run-threshold": ["run", LAYER, "--set", "act_threshold=0.3"],
    "network": ["run", "chain.eie", "--draw", "3"],
    "network-labels": ["run", "one.eie", "--inputs", "x.npy", "--labels", "labels.npy",
                       "--limit", "3"],
    "network-recurrent": ["run", "lstm.eie", "--draw", "2"],
    "network-threshold": ["run", "chain.eie", "--draw", "2", "--set", "act_threshold=0.3"],
    "network-unpriced": ["run", "chain.eie", "--draw", "2", *NARROW],
    "network-streamed": ["run", "chain.eie", "--draw", "2", "--set", "dram_gbps=0.1",
                         "--set", "spmat_sram_bytes=16"],
    "text": ["run", "chars.eie", "--text", "text.txt", "--write", "5", "--set", "codebook_bits=8"],
    "today": ["run", "llama-2-7b.toml", "--set", "n_pes=4"],
    "today-unpriced": ["run", "llama-2-7b.toml", "--set", "n_pes=4", *NARROW],
    "chip": ["chip", "--vary", "n_pes=16,32", "--vary", "spmat_width_bits=8,32,128"],
    "formats": ["formats", LAYER],
    "compare": ["compare", "nt-we"],
    "compare-roofline": ["compare", LAYER, "--baseline", "roofline"],
    "compare-network": ["compare", "chain.eie", "--draw", "2", "--baseline", "roofline"],
    "baseline": ["baseline", LAYER, "--batch", "1", "--seconds", "0"],
    "baseline-published": ["baseline", "alex-8", "--kind", "published"],
    "baseline-roofline": ["baseline", LAYER, "--kind", "roofline"],
    "explain": ["explain", LAYER, "--set", "dram_gbps=1"],
    "explain-term": ["explain", "cycles"],
    "trace": ["trace", LAYER, "--format", "csv,perfetto", "--set", "n_pes=4"],
    "compress": ["compress", "weights.npz", "--set", "density=0.5"],
    "compress-streams": ["compress", str(ROOT / "models/trained/lenet-300-100-seed0.dcz")],
    "compress-some": ["compress", "weights.safetensors"],
    "import": ["import", "weights.npz", "--graph", "steps.toml"],
    "export": ["export", LAYER, "--to", "rtl", "--set", "n_pes=4"],
    "sweep": ["sweep", "layers.toml", "--jobs", "1"],
    "sweep-network": ["sweep", "network.toml", "--jobs", "1"],
    "sweep-text": ["sweep", "text.toml", "--jobs", "1"],
    "sweep-estimate": ["sweep", "layers.toml", "--dry-run"],
    "reproduce": ["reproduce", "table1", "table3"],
    "reproduce-list": ["reproduce", "--list"],
    "doctor": ["doctor"],
}  # fmt: skip
WITHOUT_FOLDER = ("sweep-estimate", "reproduce-list")
"""Commands that write no folder."""
TARGETS = {"import": "written.eie", "export": "exported"}
"""What a command writes in place of a folder."""
STEPS_FILE = """
outputs = ["fc"]
[inputs]
x = [30]
[[steps]]
name = "fc"
op = "fc"
inputs = ["x"]
layer = "a"
"""
TODAY = """
title = "a block"
blocks = 2
hidden = 24
heads = 2
kv_heads = 1
head_width = 4
vocabulary = 10
context = 5
seed = 3
shape_source = "made up"
weight_source = "made up, too"
activation_source = "a guess"
[matrices.q]
inputs = 24
outputs = 40
weight_density = 0.4
activation_density = 0.5
"""
LAYERS_SWEEP = f"""
layers = ["{LAYER}", "drawn.toml"]
objectives = ["cycles", "energy_pj"]
where = ["fits"]
[axes]
n_pes = [4, 8]
balance = [false, true]
"""
NETWORK_SWEEP = """
objectives = ["error_rate", "energy_pj"]
[network]
file = "weights.npz"
inputs = "x.npy"
labels = "labels.npy"
timed = 2
[hardware]
n_pes = 4
[compression]
density = [0.2, 0.5]
codebook_bits = 2
[axes]
n_pes = [4, 8]
[recipe]
density = 0.5
codebook_bits = 2
"""
TEXT_SWEEP = """
objectives = ["bits_per_character", "energy_pj"]
[network]
file = "chars"
text = "text.txt"
timed = 2
[compression]
density = [0.5, 1.0]
codebook_bits = 2
"""


@dataclass(frozen=True)
class Output:
    """What one command gave.

    Attributes
    ----------
    summary, manifest
        As read back from JSON; no manifest without a folder.
    tables
        Header and rows of each CSV file.
    shown
        Columns of what is printed on a terminal.
    """

    summary: Any
    manifest: Any
    tables: dict[str, tuple[list[str], list[dict[str, str]]]]
    shown: set[str]


def write_inputs() -> None:
    """Write the small inputs that `COMMANDS` name into the current folder."""
    rng = np.random.default_rng(0)
    codes = (rng.random((24, 40)) < 0.3) * rng.integers(1, 16, (24, 40))
    act = rng.random(40).astype(np.float32)
    book = np.linspace(0, 1, 16, dtype=np.float32)
    np.savez(LAYER, codes=codes.astype(np.uint8), act=act, codebook=book)
    shapes = {"a.weight": (10, 30), "a.bias": (10,)}
    weights: dict[str, Any] = {
        name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()
    }
    np.savez("weights.npz", **weights)
    left_out = {"positions": np.arange(4)}
    Path("weights.safetensors").write_bytes(pack_safetensors(weights | left_out))
    np.save("x.npy", np.maximum(rng.normal(size=(100, 30)), 0).astype(np.float32))
    np.save("labels.npy", rng.integers(0, 10, 100))
    model, _ = chain_of_two(rng)
    model.save("chain.eie")
    stored = draw_stored(rng, "lstm", (32, 19), bias=False)
    steps = (Step("lstm", "lstm", ("x",), "lstm"),)
    Model("rec", Graph({"x": (STEPS, 10)}, steps, ("lstm",)), {"lstm": stored}).save("lstm.eie")
    Path("chars").mkdir()
    write_model(Path("chars"))
    Path("text.txt").write_text("abcdeabcde" * 3)
    drawn = 'name = "drawn"\ntitle = ""\ninputs = 30\noutputs = 20\nseed = 3\n'
    Path("drawn.toml").write_text(f"{drawn}weight_density = 0.3\nactivation_density = 0.5\n")
    texts = {"steps": STEPS_FILE, "llama-2-7b": TODAY, "layers": LAYERS_SWEEP,
             "network": NETWORK_SWEEP, "text": TEXT_SWEEP}  # fmt: skip
    for name, text in texts.items():
        Path(f"{name}.toml").write_text(text)
    for words in (["weights.npz", "--graph", "steps.toml", "-o", "one.eie"],
                  ["chars", "-o", "chars.eie"]):  # fmt: skip
        assert cli.main(["import", *words]) == 0


def run_words(words: Sequence[str], out: Path | None) -> Output:
    """Run a command with --json and, but for None, --out in the current folder."""
    module = cli.COMMANDS[words[0]]
    make_report = module.make_report
    reports: list[Report] = []

    def keep_report(options: argparse.Namespace) -> Report:
        reports.append(make_report(options))
        return reports[0]

    words = [*words, "--json", *(() if out is None else ("--out", str(out)))]
    printed = io.StringIO()
    with patch.object(module, "make_report", keep_report), redirect_stdout(printed):
        assert cli.main(words) == 0
    tables = [part for part in reports[0].shown if not isinstance(part, str)]
    folder = out if out is not None and out.is_dir() else None
    return Output(
        json.loads(printed.getvalue()),
        folder and json.loads((folder / "manifest.json").read_text("utf-8")),
        {file.relative_to(folder).as_posix(): read_table(file) for file in folder.rglob("*.csv")}
        if folder else {},
        {key for table in tables for row in table for key in row},
    )  # fmt: skip


def read_table(file: Path) -> tuple[list[str], list[dict[str, str]]]:
    with file.open(newline="", encoding="utf-8") as stream:
        reader = csv.DictReader(stream)
        return list(reader.fieldnames or ()), list(reader)


@dataclass
class Outputs:
    """What commands gave; each is run once."""

    folder: Path
    known: dict[str, Output] = field(default_factory=dict)

    def run(self, name: str) -> Output:
        """Return what a command of `COMMANDS` gives, in a folder with all inputs."""
        with chdir(self.folder):
            if not self.known:
                write_inputs()
            if name not in self.known:
                out = None if name in WITHOUT_FOLDER else Path(TARGETS.get(name, name))
                self.known[name] = run_words(COMMANDS[name], out)
        return self.known[name]
