"""Words of a memory as text: for `$readmemh`, for Intel's and for AMD's tools."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from eiesim.base.errors import WorkloadError

GAP = "\0"
"""Stands in a line for the digits of a word."""


@dataclass(frozen=True)
class MemoryFormat:
    """How a file of words looks, one word a line, the first that of address 0.

    Attributes
    ----------
    comment
        Start of a line of comment.
    head
        Lines before the words, with `{count}` and `{width}` in them.
    line, last
        A word's line and the last one, with `{address}` and `{word}` in them.
    tail
        Lines behind the words.
    """

    comment: str
    head: tuple[str, ...] = ()
    line: str = "{word}"
    last: str = "{word}"
    tail: tuple[str, ...] = ()

    def write(self, words: Sequence[int], width_bits: int, notes: Sequence[str]) -> str:
        """Return words, none of which is negative, as text below lines of comment."""
        digits = -(-width_bits // 4)
        forms = self._lay_out(len(words), width_bits)
        numbers = iter([f"{word:0{digits}x}" for word in words])
        lines = [form.replace(GAP, next(numbers)) if GAP in form else form for form in forms]
        return "\n".join([*(self.comment + note for note in notes), *lines]) + "\n"

    def read(self, text: str, file: str, width_bits: int, count: int) -> list[int]:
        """Return the words of a text that `write` made.

        Raises WorkloadError with file and line if a line is another one, a word is wider than
        `width_bits`, or there are not `count` words.
        """
        lines = [
            (number, line)
            for number, line in enumerate(text.split("\n"), start=1)
            if not line.startswith(self.comment)
        ]
        expected = len(self.head) + count + len(self.tail)
        if len(lines) != expected + 1:  # the file ends with a line end
            raise WorkloadError(
                f"{file}:{lines[-1][0] if lines else 1}: expected {count} words in {expected} "
                f"whole lines below the comments, found {len(lines) - 1}; the file is truncated, "
                "or of another layer"
            )
        forms = [*self._lay_out(count, width_bits), ""]
        return [
            word
            for form, (number, line) in zip(forms, lines, strict=True)
            for word in _take_word(form, line, width_bits, f"{file}:{number}")
        ]

    def _lay_out(self, count: int, width_bits: int) -> list[str]:
        """Return the lines of a file below its comments, with gaps for the words."""
        forms = [self.line] * (count - 1) + [self.last] * (count > 0)
        return [
            *(line.format(count=count, width=width_bits) for line in self.head),
            *(form.format(address=f"{n:x}", word=GAP) for n, form in enumerate(forms)),
            *self.tail,
        ]


def _take_word(form: str, line: str, width_bits: int, where: str) -> Iterator[int]:
    """Give the word of a line, if it has one; WorkloadError if the line is not of the form."""
    digits = -(-width_bits // 4)
    pattern = re.escape(form).replace(re.escape(GAP), f"([0-9a-f]{{{digits}}})")
    match = re.fullmatch(pattern, line)
    words = [int(group, 16) for group in match.groups()] if match else [1 << width_bits]
    if any(word >> width_bits for word in words):
        expected = form.replace(GAP, "h" * digits)
        raise WorkloadError(
            f"{where}: expected {expected!r}"
            + (f", h a hexadecimal digit, {width_bits} bits in all" if GAP in form else "")
            + f", found {line[:80]!r}"
        )
    yield from words


FORMATS: Mapping[str, MemoryFormat] = {
    "hex": MemoryFormat("// "),
    "mif": MemoryFormat(
        "-- ",
        (
            "DEPTH = {count};", "WIDTH = {width};", "ADDRESS_RADIX = HEX;", "DATA_RADIX = HEX;",
            "CONTENT", "BEGIN",
        ),
        "{address} : {word};", "{address} : {word};", ("END;",),
    ),
    "coe": MemoryFormat(
        "; ",
        ("memory_initialization_radix = 16;", "memory_initialization_vector ="),
        "{word},", "{word};",
    ),
}  # fmt: skip
"""Formats by the endings of their files.

Sources: IEEE 1800-2017, section 21.4, for `$readmemh`; Intel Quartus Prime help, "Memory
Initialization File (.mif) Definition"; AMD UG896, "COE File Syntax".
"""
