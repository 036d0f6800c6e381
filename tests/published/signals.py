"""Inputs for networks whose packages bring none."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

Floats = npt.NDArray[np.float32]
RATE_HZ = 16_000
WIDTHS_HZ = (80, 110, 160, 220)
"""Of the four resonances."""


def make_speech(seconds: int, seed: int = 0) -> Floats:
    """Return a signal like speech: phrases of voiced syllables, each with a hiss, and pauses.

    A syllable is a train of pulses of 90 to 220 Hz through four resonances where vowels have
    theirs. It is no speech, but a detector takes most of it for speech.

    Returns
    -------
    float32 [seconds * RATE_HZ]
        Between -1 and 1.
    """
    rng = np.random.default_rng(seed)
    signal = 0.002 * rng.normal(size=seconds * RATE_HZ)
    place = RATE_HZ // 2
    while place < signal.size:
        for _ in range(rng.integers(3, 8)):
            sound = np.concatenate((_make_vowel(rng), _make_hiss(rng)))
            rest = signal[place : place + sound.size]
            rest += sound[: rest.size]
            place += sound.size
        place += int(rng.uniform(0.3, 1.0) * RATE_HZ)
    return signal.astype(np.float32)


def _make_vowel(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    size = int(rng.uniform(0.12, 0.3) * RATE_HZ)
    pitch_hz = rng.uniform(90, 220) * np.linspace(1, rng.uniform(0.8, 1.15), size)
    periods = np.floor(np.cumsum(pitch_hz) / RATE_HZ)
    sound = np.diff(periods, prepend=0) + 0.02 * rng.normal(size=size)
    centres_hz = [rng.uniform(300, 800), rng.uniform(900, 2200), rng.uniform(2300, 3000), 3600]
    for centre_hz, width_hz in zip(centres_hz, WIDTHS_HZ, strict=True):
        radius = np.exp(-np.pi * width_hz / RATE_HZ)
        turn = 2 * radius * np.cos(2 * np.pi * centre_hz / RATE_HZ)
        sound = lfilter([1 - radius], [1, -turn, radius**2], sound)
    loud = rng.uniform(0.1, 0.4) * np.sqrt(np.hanning(size))
    return np.asarray(loud * sound / np.abs(sound).max())


def _make_hiss(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    size = int(rng.uniform(0.03, 0.09) * RATE_HZ)
    return np.asarray(0.02 * np.hanning(size) * lfilter([1, -0.9], [1], rng.normal(size=size)))


def read_recording(path: Path) -> Floats:
    """Return the samples of a recording of one channel, 16 bits each, as -1 to 1."""
    with wave.open(str(path)) as file:
        assert file.getframerate() == RATE_HZ
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    return samples.astype(np.float32) / np.float32(2**15)


def cut_frames(signal: Floats, size: int, before: int = 0) -> Floats:
    """Return frames that follow one another, each with the last samples of the one before it.

    Returns
    -------
    float32 [frames, before + size]
        The first one begins with zeros; what is left at the end is not taken.
    """
    padded = np.concatenate((np.zeros(before, np.float32), signal))
    count = signal.size // size
    return np.stack([padded[at * size : at * size + before + size] for at in range(count)])
