"""Batches of images and of text, the same ones for the same seed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch


class ImageBatches:
    """Shuffled batches of images [images, rows, cols], each moved in a random direction.

    Each image moves by at most `shift` pixels up or down and left or right; zeros come in. The last
    images of an epoch that do not fill a batch are left out.
    """

    def __init__(
        self,
        images: npt.NDArray[np.float32],
        labels: npt.NDArray[np.uint8],
        batch: int,
        shift: int,
        seed: int,
    ) -> None:
        padded = np.pad(images, ((0, 0), (shift, shift), (shift, shift)))
        # a view of each image in each position: [images, rows moved, cols moved, rows, cols]
        self._windows = np.lib.stride_tricks.sliding_window_view(padded, images.shape[1:], (1, 2))
        self._labels = labels.astype(np.int64)
        self._batch, self._shift = batch, shift
        self._rng = np.random.default_rng(seed)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Go through the images once: float32 [batch, 1, rows, cols] and int64 [batch]."""
        order = self._rng.permutation(len(self._labels))
        for first in range(0, len(order) - self._batch + 1, self._batch):
            numbers = order[first : first + self._batch]
            down, right = self._rng.integers(0, 2 * self._shift + 1, (2, self._batch))
            images = self._windows[numbers, down, right][:, np.newaxis]
            yield torch.from_numpy(images), torch.from_numpy(self._labels[numbers])


class InputBatches:
    """Shuffled batches of inputs of any shape [inputs, ..] with their classes [inputs].

    The last inputs of an epoch that do not fill a batch are left out.
    """

    def __init__(
        self, inputs: npt.NDArray[np.float32], labels: npt.NDArray[np.int64], batch: int, seed: int
    ) -> None:
        self._inputs, self._labels, self._batch = inputs, labels, batch
        self._rng = np.random.default_rng(seed)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Go through the inputs once: float32 [batch, ..] and int64 [batch]."""
        order = self._rng.permutation(len(self._labels))
        for first in range(0, len(order) - self._batch + 1, self._batch):
            numbers = order[first : first + self._batch]
            yield torch.from_numpy(self._inputs[numbers]), torch.from_numpy(self._labels[numbers])


class TextBatches:
    """Random windows of a text of character numbers.

    There are `steps` characters a window, `batch` windows a batch and `number` batches an epoch.
    """

    def __init__(
        self, text: npt.NDArray[np.int64], batch: int, steps: int, number: int, seed: int
    ) -> None:
        self._windows = np.lib.stride_tricks.sliding_window_view(text, steps + 1)
        self._batch, self._number = batch, number
        self._rng = np.random.default_rng(seed)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield int64 [batch, steps] twice: characters, and the ones that follow them."""
        for _ in range(self._number):
            starts = self._rng.integers(0, len(self._windows), self._batch)
            windows = torch.from_numpy(self._windows[starts])
            yield windows[:, :-1], windows[:, 1:]
