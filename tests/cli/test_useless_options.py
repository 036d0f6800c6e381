"""Options without effect are refused, by themselves and before any work; those that act, act."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eiesim.cli.main import main
from tests.support.arrays import f32, u8

OF_NETWORKS = (
    "--seed 0", "--draw 5", "--limit 3", "--labels no.npy", "--scale 1", "--activation-density 1",
    "--text no.txt", "--write 3",
)  # fmt: skip
USELESS = [
    *(
        (f"run layer.npz {words}", "goes with a .eie file, found layer.npz")
        for words in OF_NETWORKS
    ),
    *((f"run alex-8 {words}", "goes with a .eie file, found alex-8") for words in OF_NETWORKS),
    ("run alex-8 --context 5", "goes with today/MODEL, found alex-8"),
    ("run net.eie --draw 1 --context 5", "goes with today/MODEL, found net.eie"),
    ("run today/llama-2-7b --draw 5", "goes with a .eie file, found today/llama-2-7b"),
    ("run today/llama-2-7b --inputs x.npy", "does not go with today/llama-2-7b"),
    ("run today/rnnoise-gru1-input --context 5", "goes with a model that has attention"),
    (
        "run today/rnnoise-gru1-input --set codebook_bits=8 --set delta_threshold=1",
        "rnnoise-gru1-input/input: delta_threshold: expected a network",
    ),
    ("formats alex-8 --set delta_threshold=1", "alex-8: delta_threshold: expected a network"),
    ("run today today/llama-2-7b", "leave out the others"),
    ("run today/llama-2-7b alex-7", "expected models of today alone, found alex-7"),
    ("run today/llama-2-7b today/llama-2-7b", "expected each model once"),
    ("run net.eie --inputs x.npy --seed 0", "goes with --draw N"),
    ("run net.eie --inputs x.npy --activation-density 1", "goes with --draw N"),
    ("run net.eie --inputs x.npy --write 3", "goes with --text FILE"),
    ("run net.eie --text x.txt --scale 1", "does not go with --text"),
    ("run net.eie --text x.txt --labels x.npy", "does not go with --text"),
    ("run net.eie --text x.txt --activation-density 1", "does not go with --text"),
    ("run net.eie --text x.txt --draw 1", "does not go with --text"),
    ("run net.eie --text x.txt --seed 0", "goes with --draw N or --write N"),
    ("reproduce table1 --list", "leave out table1"),
    ("reproduce --list --report x.html", "does not go with --list"),
    ("reproduce --list --fresh", "does not go with --list"),
    ("reproduce --list --train", "does not go with --list"),
    ("reproduce --list --jobs 1", "does not go with --list"),
    ("reproduce --list --data .", "does not go with --list"),
    ("reproduce --list --out x --force", "does not go with --list"),
    ("reproduce table1 --force", "goes with --out"),
    ("baseline --kind published --cache cold", "goes with --kind measured"),
    ("baseline --kind roofline --seconds 0", "goes with --kind measured"),
    (
        "compress alexnet --prototxt x.prototxt",
        "definition with a .net file, found one with alexnet",
    ),
    ("sweep spec.toml --dry-run --out x", "does not go with --dry-run"),
    ("sweep spec.toml --dry-run --report x.html", "does not go with --dry-run"),
    ("sweep spec.toml --dry-run --store x", "does not go with --dry-run"),
    ("sweep spec.toml --dry-run --shard 1/2", "does not go with --dry-run"),
    ("sweep spec.toml --dry-run --scheduler local", "does not go with --dry-run"),
    ("sweep spec.toml --scheduler tcp://x:1 --jobs 2", "has workers of its own"),
    ("sweep spec.toml --parquet", "goes with --out"),
    ("sweep spec.toml --jobs 0", "expected 1 or more"),
    ("import folder --graph g.toml -o x.eie", "tells its steps itself"),
]


@pytest.mark.parametrize(("words", "message"), USELESS)
def test_options_without_effect(
    words: str, message: str, in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Files that they name are not there: nothing is read, computed or written before."""
    np.savez("layer.npz", codes=u8([[1, 0]]), codebook=f32([0, 1]), act=f32([1, 2]))
    Path("spec.toml").write_text('layers = ["nt-we"]\n[axes]\nn_pes = [16, 32]\n')
    Path("folder").mkdir()
    before = sorted(in_folder.iterdir())
    assert main(words.split()) == 2
    told, err = capsys.readouterr()
    assert told == ""
    assert message in err
    assert sorted(in_folder.iterdir()) == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--draw 0", "--draw: expected 1 or more, found 0"),
        ("--draw 1 --limit 0", "--limit: expected 1 or more, found 0"),
        ("--draw 1 --seed -1", "--seed: expected 0 or more, found -1"),
        ("--draw 1 --activation-density 1.5", "--activation-density: expected 0 to 1, found 1.5"),
        ("--draw 1 --scale nan", "--scale: expected"),
        ("--draw 1 --scale inf", "--scale: expected"),
        ("--text x --write 0", "--write: expected 1 or more, found 0"),
    ],
)
@pytest.mark.usefixtures("in_folder")
def test_values_out_of_range(words: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "net.eie", *words.split()]) == 2
    assert message in capsys.readouterr().err
