"""The reader of character LSTMs: the given ones by a number known of them, and what is refused."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from eiesim.base.errors import WorkloadError
from eiesim.catalog.characters import measure_bits, number_text
from eiesim.importers.char_lstm import read_char_lstm
from tests.support.char_models import BIAS, KERNEL, write_model


@pytest.mark.data
def test_the_given_model_needs_180_bits_per_character(shared_data: Path) -> None:
    """../shared/data/README.md: 1.80 bits per character over 3,000 characters."""
    folder = shared_data / "char_lstm" / "charlotte_bronte"
    model = read_char_lstm(folder)
    text = (folder / "bronte_excerpt.txt").read_text(encoding="utf-8")
    numbers = number_text(text[:3000], model.characters)
    assert numbers.size == 3000
    assert round(measure_bits(model, numbers[np.newaxis]), 2) == 1.80


@pytest.mark.data
def test_sizes_of_the_given_models(shared_data: Path) -> None:
    for name, characters, hidden in (("charlotte_bronte", 108, 128), ("bolano", 116, 256)):
        model = read_char_lstm(shared_data / "char_lstm" / name)
        assert len(set(model.characters)) == characters
        assert [cell.shape for cell in model.cells] == [(4 * hidden, 2 * hidden + 1)] * 2
        assert model.output.shape == model.embedding.shape == (characters, hidden)


def test_bits_of_a_text_by_hand(tmp_path: Path) -> None:
    """Each gate written out, for one text, one character after the other."""
    arrays = write_model(tmp_path)
    model = read_char_lstm(tmp_path)
    assert model.characters == tuple("abcde")

    def sigmoid(x: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.floating[Any]]:
        return np.asarray(1 / (1 + np.exp(-x)))

    text, state, hidden, bits = [0, 3, 1, 4, 4], np.zeros(2), np.zeros(2), 0.0
    for now, then in itertools.pairwise(text):
        seen = np.concatenate((arrays["embedding"][now], hidden))
        gates = (seen @ arrays[KERNEL] + arrays[BIAS]).reshape(4, 2)
        i, j, f, o = gates
        state = sigmoid(f + 1) * state + sigmoid(i) * np.tanh(j)
        hidden = sigmoid(o) * np.tanh(state)
        scores = hidden @ arrays["rnnlm/softmax_w"] + arrays["rnnlm/softmax_b"]
        bits -= np.log2(np.exp(scores[then]) / np.exp(scores).sum())
    assert measure_bits(model, np.array([text])) == pytest.approx(bits / 4, rel=1e-5)


def test_a_character_that_is_unknown_is_left_out() -> None:
    assert number_text("a_b a", ("a", "b")).tolist() == [0, 1, 0]


def change_manifest(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        path = folder / "manifest.json"
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))

    return apply


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda folder: (folder / "embedding").unlink(), "expected a file"),
        (lambda folder: (folder / "embedding").write_bytes(bytes(59)), "expected 60 bytes"),
        (lambda folder: (folder / "embedding").write_bytes(b"\xff" * 60), "expected a number"),
        (lambda folder: (folder / "vocab.json").write_text("[1"), "expected JSON"),
        (lambda folder: (folder / "vocab.json").write_text("[" * 100_000), "expected JSON"),
        (lambda folder: (folder / "vocab.json").write_text("[1]"), "expected an object"),
        (lambda folder: (folder / "vocab.json").write_text('{"a": 1}'), "numbers 0 to 0"),
        (lambda folder: (folder / "vocab.json").write_bytes(bytes(1 << 21)), "at most"),
        (change_manifest(dict.clear), "embedding: expected the shape 5 x any"),
        (change_manifest(lambda m: m.pop(KERNEL)), "expected rnnlm/multi_rnn_cell/cell_0"),
        (change_manifest(lambda m: m.pop(BIAS)), "expected the shape any"),
        (change_manifest(lambda m: m.update(embedding=7)), "found null"),
        (change_manifest(lambda m: m["embedding"].update(shape=[5, -3])), "expected the shape"),
        (change_manifest(lambda m: m["embedding"].update(shape=[5, True])), "expected the shape"),
        (change_manifest(lambda m: m["embedding"].update(shape=[5, 1 << 40])), "expected the sha"),
        (change_manifest(lambda m: m[KERNEL].update(shape=[8, 5])), "expected the shape 5 x 8"),
        (change_manifest(lambda m: m[BIAS].update(shape=[7])), "expected at most 28 bytes"),
    ],
)
def test_what_is_damaged_is_refused(
    tmp_path: Path, damage: Callable[[Path], object], problem: str
) -> None:
    write_model(tmp_path)
    damage(tmp_path)
    with pytest.raises(WorkloadError, match=problem):
        read_char_lstm(tmp_path)
