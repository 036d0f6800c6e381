"""What the Liberty file of a cell library says: areas, functions, capacitances, delays, energies.

The file is read where its package has put it. Nothing of it is copied into the project: its header
forbids that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

TOKEN = re.compile(r'/\*.*?\*/|"[^"]*"|[\w.+\-]+|[{}();:,]', re.S)
FUNCTION = re.compile(r"\w+|[!&|^()]")


@dataclass
class Group:
    """A group of a Liberty file: ``cell (NAND2_X1) { area : 0.8; pin (A1) { .. } }``."""

    kind: str
    name: str
    values: dict[str, str] = field(default_factory=dict)
    tuples: list[tuple[str, list[str]]] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)

    def select(self, kind: str) -> list[Group]:
        """Return the groups of a kind within this one."""
        return [group for group in self.groups if group.kind == kind]

    def find(self, kind: str, name: str) -> Group:
        """Return the group of a kind and a name; raises KeyError if there is none."""
        for group in self.select(kind):
            if group.name == name:
                return group
        raise KeyError(f"{self.kind} {self.name} has no {kind} {name}")

    def read_numbers(self, key: str) -> npt.NDArray[np.float64]:
        """Return the numbers of an attribute with parentheses, such as ``index_1 ("0.1, 0.2")``."""
        words = next((words for name, words in self.tuples if name == key), [])
        return np.array([float(it) for word in words for it in word.replace(",", " ").split()])


def read_liberty(path: Path) -> Group:
    """Return the library of a Liberty file."""
    tokens = (it[0] for it in TOKEN.finditer(path.read_text("utf-8")) if it[0][:2] != "/*")
    kind, name = next(tokens), _read_words(tokens)
    next(tokens)  # {
    return _read_group(kind, " ".join(name), tokens)


def _read_words(tokens: Iterator[str]) -> list[str]:
    words = []
    while (token := next(tokens)) != ")":
        if token not in "(,":
            words.append(token.strip('"'))
    return words


def _read_group(kind: str, name: str, tokens: Iterator[str]) -> Group:
    group = Group(kind, name)
    for key in tokens:
        if key == "}":
            break
        if key == ";":
            continue
        if next(tokens) == ":":
            group.values[key] = next(tokens).strip('"')
            continue
        words = _read_words(tokens)
        if (token := next(tokens)) == "{":
            group.groups.append(_read_group(key, " ".join(words), tokens))
            continue
        group.tuples.append((key, words))
        if token == "}":
            break
    return group


def find_truth_table(function: str, inputs: list[str]) -> int:
    """Return the truth table of a Liberty function: bit i is its value where the inputs spell i.

    The first input is the lowest bit of i. Functions are in parentheses, or of one operator.
    """
    size = 1 << len(inputs)
    ones = (1 << size) - 1
    columns = {
        name: sum((i >> k & 1) << i for i in range(size)) for k, name in enumerate(inputs)
    } | {"0": 0, "1": ones}
    tokens = FUNCTION.findall(function)[::-1]

    def read_operand() -> int:
        token = tokens.pop()
        if token == "!":
            return ones ^ read_operand()
        if token != "(":
            return columns[token]
        value = read_chain()
        tokens.pop()  # )
        return value

    def read_chain() -> int:
        value = read_operand()
        while tokens and tokens[-1] != ")":
            operator, other = tokens.pop(), read_operand()
            value = {"&": value & other, "|": value | other, "^": value ^ other}[operator]
        return value

    return read_chain()
