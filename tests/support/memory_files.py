"""Readers of memory images, each written from the definition of its format alone.

They take more than eiesim writes: radixes, ranges of addresses, comments anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

RADIXES = {"BIN": 2, "OCT": 8, "UNS": 10, "DEC": 10, "HEX": 16}


def parse_readmemh(text: str, width_bits: int) -> list[int]:
    """IEEE 1800-2017, 21.4: white space, both comments, `@` addresses, hexadecimal numbers."""
    memory: dict[int, int] = {}
    address = 0
    plain = re.sub(r"//[^\n]*|/\*.*?\*/", " ", text, flags=re.DOTALL)
    for word in plain.split():
        if word.startswith("@"):
            address = int(word[1:], 16)
            continue
        memory[address] = int(word.replace("_", ""), 16)
        address += 1
    return to_list(memory, len(memory), width_bits)


def parse_mif(text: str, width_bits: int) -> list[int]:
    """Intel Quartus Prime help, "Memory Initialization File (.mif) Definition"."""
    plain = re.sub(r"--[^\n]*|%[^%]*%", " ", text)
    head, begin, content = re.split(r"(CONTENT\s+BEGIN)", plain, flags=re.IGNORECASE)
    assert begin
    settings = {
        key.strip().upper(): value.strip()
        for key, value in (pair.split("=") for pair in head.split(";") if pair.strip())
    }
    assert sorted(settings) == ["ADDRESS_RADIX", "DATA_RADIX", "DEPTH", "WIDTH"]
    assert int(settings["WIDTH"]) == width_bits
    of_address, of_data = (RADIXES[settings[f"{key}_RADIX"]] for key in ("ADDRESS", "DATA"))
    *pairs, end, rest = content.split(";")
    assert (end.strip().upper(), rest.strip()) == ("END", "")
    memory: dict[int, int] = {}
    for pair in pairs:
        place, data = pair.split(":")
        ends = place.strip(" \n\t[]").split("..")
        for address in range(int(ends[0], of_address), int(ends[-1], of_address) + 1):
            memory[address] = int(data, of_data)
    return to_list(memory, int(settings["DEPTH"]), width_bits)


def parse_coe(text: str, width_bits: int) -> list[int]:
    """AMD UG896, "COE File Syntax": text behind a semicolon is comment; the vector comes last."""
    lines = [line.partition(";")[0] + ";" * (";" in line) for line in text.splitlines()]
    statements = [part.strip() for part in "\n".join(lines).split(";") if part.strip()]
    pairs = [statement.split("=") for statement in statements]
    (key, radix), (last, vector) = [(key.strip().lower(), value) for key, value in pairs]
    assert (key, last) == ("memory_initialization_radix", "memory_initialization_vector")
    words = re.split(r"[\s,]+", vector.strip())
    return to_list(
        {n: int(word, int(radix)) for n, word in enumerate(words)}, len(words), width_bits
    )


def to_list(memory: Mapping[int, int], depth: int, width_bits: int) -> list[int]:
    assert depth >= 1
    assert sorted(memory) == list(range(depth))
    assert all(word < 1 << width_bits for word in memory.values())
    return [memory[address] for address in range(depth)]


MEMORY_PARSERS: Mapping[str, Callable[[str, int], list[int]]] = {
    "hex": parse_readmemh,
    "mif": parse_mif,
    "coe": parse_coe,
}
