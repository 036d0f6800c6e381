"""A run of the reference engine told cycle by cycle, for small machines."""

from __future__ import annotations

from eiesim.sim.reference.array import Array
from eiesim.sim.reference.pe import ProcessingElement


def tell_cycles(array: Array) -> str:
    """Return what every block did in every cycle, as a table.

    Returns
    -------
    str
        One line a cycle. ``scan``: the activation broadcast, ``stall`` for a full queue, ``dram``
        for data that are not there yet, or ``load`` when the row holds none any more and the next
        one, if any, is loaded. For each PE ``q``: activations in its queue when the cycle begins;
        then its column and which of how many entries is issued, ``-`` for an empty column; ``w``:
        row of the PE's accumulator that is written.
    """
    scan = {cycle: f"a{column}" for cycle, column in array.ccu.broadcasts}
    scan |= {cycle: "stall" for cycles in array.ccu.stalls for cycle in cycles}
    scan |= {cycle: "dram" for cycles in array.ccu.dram_stalls for cycle in cycles}
    lines = [["cycle", "scan", *(f"PE {number}" for number in range(len(array.pes)))]]
    for cycle in range(1, array.cycles + 1):
        word = scan.get(cycle, "load") if cycle <= array.ccu.scan_cycles else ""
        lines.append([str(cycle), word, *(_tell_pe(array, pe, cycle) for pe in array.pes)])
    widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))]
    return "\n".join(
        "  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _tell_pe(array: Array, pe: ProcessingElement, cycle: int) -> str:
    spans = pe.ptr_read.spans
    pushed = sum(when < cycle for when, _ in array.ccu.broadcasts)
    popped = sum(first - 1 < cycle for first, _, _ in spans)
    words = [f"q{pushed - popped}"]
    for number, (first, last, entries) in enumerate(spans):
        if first <= cycle <= last:
            column = array.ccu.broadcasts[number][1]
            words.append(f"a{column} {cycle - first + 1}/{entries}" if entries else f"a{column} -")
    words += [f"w{row}" for when, row in pe.arithm.writes if when == cycle]
    return " ".join(words)
