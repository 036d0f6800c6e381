"""docs/silicon.md: tables, and sentences that are computed from the numbers they speak of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median
from textwrap import fill

from eiesim.energy.calibrate import MODULES, PJ_PER_CYCLE, read_table2
from eiesim.energy.operations import list_prices
from rtl.silicon.measure import PAPER_V, Area, Silicon, find_multiplication_price_pj
from rtl.silicon.simulation import CLOCK_PS, PARTS
from rtl.silicon.verdicts import NEAR, is_near, list_verdicts

ACTIONS = {
    ("act_queue", "register"): "push, pop", ("act_queue", "combinational"): "push, pop",
    ("ptr_read", "register"): "look-up", ("ptr_read", "combinational"): "look-up",
    ("spmat_read", "register"): "entry", ("spmat_read", "combinational"): "entry",
    ("arithm", "register"): "entry", ("arithm", "combinational"): "entry, multiply, add",
    ("act_rw", "register"): "read, write", ("act_rw", "combinational"): "read, write",
}  # fmt: skip

INTRODUCTION = """# Silicon check: the prices beside gates

Made by `make silicon`, whose first start compiles Yosys for a minute; do not edit. The RTL of a PE
([rtl/README.md](../rtl/README.md)) in cells of Nangate's open 45 nm library: its areas beside Table
II and Hennessy and Patterson (H&P), and its energy by gate-level simulation beside the prices of
[energy.md](energy.md). No price is taken from here: it is a check by another library, another
design and other tools.
"""
METHOD = """## Method

- **Synthesis**: Yosys ({yosys}), `synth -flatten -booth`, `clockgate`,
  `dfflibmap`, `abc`, module by module, with the paper's parameters: 16-bit operands, 4-bit codes
  and relative indices, 8 slots of 28 bits, two files of 64 registers. SRAMs are black boxes. The
  codebook and the source activations get a serial load, without which they would be taken away
  (`rtl/silicon/memory.sv`).
- **Capacitance**: pins from the library, wires from its default wire-load model. No layout.
- **Events**: each net's changes with the library's delays, at its load and slew; a change that a
  gate takes back before its delay is over does not happen. A toggle costs C V^2 / 2 and the cell's
  internal energy. Clock pins, inputs of flip-flops and clock gates by their state.
- **Waveforms**: each gate a resistor and a capacitor that follow its function, no events; energy by
  swing; a gate that does not only invert is two stages (`rtl/silicon/waveforms.py`). Delays and
  energies of a full toggle are shared with the events, and nothing of how changes are found,
  filtered or counted.
- The PE's netlist runs the first {cycles:,} cycles of PE 0 of 64 in Alex-8, without its bias. Every
  write that its gates make is compared: cycle and row with the engine's, the value with the sum of
  the products so far. A difference ends the command. The real layer is read from
  `../shared/data`; where that is missing, its rows and columns are left out.
- {volts:.1f} V to {paper:.1f} V (Table I) by the square of the voltage: times {factor:.3f}.
  Table II does not print its voltage; the same is assumed.
- A net's energy is its driver's. So the arithmetic unit's registers pay for the read address of the
  64 accumulators, {address_ff:,.0f} fF on {address_bits} nets, which nothing buffers.
"""
LIMITS = """## Limits

- No layout, no clock tree, no sizing, no buffers: Yosys takes the smallest cells, and loads beyond
  the library's tables keep the table's last value. A commercial flow gives other blocks.
- Corner: typical, {volts:.1f} V, 25 C. TSMC's library, which the paper used, is not public.
- One number stands for a toggle of a gate: the mean over rise and fall, inputs and conditions.
- Inputs and registers change at once at the clock's edge.
- The two ways to count share capacitances and the energies of a full toggle; neither checks those.
- SRAMs, the control unit's registers, the broadcast's wires and DRAM are not in it.
- The same versions of the tools give the same page; the extra `silicon` names them.
- CI (`make silicon-test`) holds gates to closed forms and to Python's products, compares the areas
  of the 8-bit multiplier, the 16-bit adder and the LNZD node with this page, and a PE's writes of
  300 cycles with the engine's. It does not redo the other numbers: `make silicon` does.
"""


def write_page(silicon: Silicon, yosys: str) -> str:
    """Return the page."""
    return "\n".join(
        [
            INTRODUCTION,
            *_write_areas(silicon),
            *_write_multiplications(silicon),
            *_write_element(silicon),
            "## What it means for each price",
            "",
            *tabulate(["price", "kind", "gates / price", "so the price"], list_verdicts(silicon)),
            METHOD.format(
                yosys=yosys, cycles=len(silicon.runs[0].energy_pj), volts=silicon.voltage_v,
                paper=PAPER_V, factor=silicon.to_paper, address_ff=silicon.address_ff.sum(),
                address_bits=len(silicon.address_ff),
            ),
            LIMITS.format(volts=silicon.voltage_v),
        ]
    )  # fmt: skip


def tabulate(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a table in Markdown: words to the left, numbers to the right."""
    lines = ["| " + " | ".join(heads) + " |", "| --- |" + " ---: |" * (len(heads) - 1)]
    return [*lines, *("| " + " | ".join(row) + " |" for row in rows), ""]


def wrap(*sentences: str) -> list[str]:
    """Return sentences as a paragraph."""
    return [fill(" ".join(sentences), 100, break_on_hyphens=False), ""]


def find_factor(areas: Sequence[Area]) -> float:
    """Return the library factor: the median ratio of the blocks that hold what the published do."""
    return median(area.ratio for area in areas if area.compared)


def say_areas(areas: Sequence[Area]) -> str:
    """Say how much of the areas the one factor explains, and which blocks it does not."""
    factor = find_factor(areas)
    compared = [area for area in areas if area.compared]
    near = [area for area in compared if is_near(area.ratio, factor)]
    far = [area for area in compared if area not in near]
    others = ", ".join(f"{area.name} ({area.ratio / factor:.2f} times it)" for area in far)
    return (
        f"One factor, the median {factor:.2f}, explains {len(near)} of {len(compared)} comparable "
        f"blocks within {NEAR:.0%}" + (f"; not {others}." if far else ".")
    )


def _write_areas(silicon: Silicon) -> list[str]:
    areas = silicon.areas
    rows = [
        [
            area.name,
            f"{area.published_um2:,.0f}",
            area.source,
            f"{area.ours_um2:,.0f}",
            f"{area.ratio:.2f}",
            "" if area.plain_um2 is None else f"{area.plain_um2:,.0f}",
        ]
        for area in areas
    ]
    heads = [
        "block",
        "published, um2",
        "where",
        "ours, um2",
        "ratio",
        "no Booth, no clock gates, um2",
    ]
    queue = next(area for area in areas if area.name == "act_queue")
    node = next(area for area in areas if area.name == "LNZD node")
    registers = next(area for area in areas if area.name == "registers of a PE")
    factor = find_factor(areas)
    return [
        "## Area",
        "",
        *tabulate(heads, rows),
        *wrap(
            say_areas(areas),
            say_queue(queue, registers, silicon.n_registers),
            f"The RTL's LNZD node hands on a lane's number, {node.ours_um2:,.0f} um2; with the "
            f"16-bit value beside it, it takes {silicon.node_with_value_um2:,.0f}. "
            f"{say_node(node, silicon.node_with_value_um2, factor)}",
        ),
    ]


def say_queue(queue: Area, registers: Area, n_registers: int) -> str:
    """Say how much of the printed area eight slots of 28 bits would take in the paper's library."""
    um2_per_bit = registers.published_um2 / n_registers
    share = 8 * 28 * um2_per_bit / queue.published_um2
    return (
        f"The queue is {queue.ratio:.2f} times the printed one. In Table II a bit of a register "
        f"takes {um2_per_bit:.2f} um2, were a PE's registers as many as ours, {n_registers:,}; 8 "
        f"slots of value and index, 28 bits, would take {share:.0%} of the queue's "
        f"{queue.published_um2:,.0f} um2, "
        + ("so that nothing is left to select" if share >= 1 else "and the rest would select")
        + " among them."
    )


def say_node(node: Area, with_value_um2: float, factor: float) -> str:
    """Say whether an area of ours comes near to the paper's LNZD node."""
    wanted = node.published_um2 * factor
    near = [it for it in (node.ours_um2, with_value_um2) if is_near(it, wanted)]
    if near:
        return f"The printed 189 um2 times the factor, {wanted:,.0f}, fits {near[0]:,.0f}."
    return (
        f"The printed {node.published_um2:,.0f} um2 times the factor are {wanted:,.0f}, near to "
        "neither: the paper does not list what its unit holds."
    )


def _write_multiplications(silicon: Silicon) -> list[str]:
    cases = [(f"{bits} bits, {name}", it) for (name, bits), it in silicon.multiplications.items()]
    cases.append(("addition, 16 bits, new at random", silicon.addition))
    rows = [
        [
            name,
            *(f"{it:.2f}" for it in (unit.settled_pj, unit.events_pj, unit.waveforms_pj)),
            f"{unit.waveforms_pj / unit.events_pj:.2f}",
            f"{unit.single_pj:.2f}",
            f"{unit.unfiltered_pj:.2f}",
            f"{unit.events_pj * silicon.to_paper:.2f}",
        ]
        for name, unit in cases
    ]
    heads = [
        "operation", "no glitches", "events", "waveforms", "ratio", "one stage a gate",
        "every glitch", f"events at {PAPER_V} V",
    ]  # fmt: skip
    return [
        "## A multiplication, two ways",
        "",
        *wrap(
            f"pJ at {silicon.voltage_v} V. `new at random`: both operands uniform and new each "
            "time. The others: weight and activation of a PE's first products, in the order of "
            "the run; `random`: that order, its numbers replaced by uniform ones."
        ),
        *tabulate(heads, rows),
        *wrap(say_agreement(silicon), say_glitches(silicon), say_operands(silicon)),
    ]


def say_agreement(silicon: Silicon) -> str:
    """Say whether the two ways to count agree."""
    units = [*silicon.multiplications.values(), silicon.addition]
    apart = [
        1 - min(it.events_pj, it.waveforms_pj) / max(it.events_pj, it.waveforms_pj) for it in units
    ]
    count = sum(it <= NEAR for it in apart)
    verdict = (
        "The two ways agree" if count == len(units) else "The two ways do not agree everywhere"
    )
    return (
        f"{verdict}: {count} of {len(units)} lie within {NEAR:.0%} of each other, the widest pair "
        f"is {max(apart):.0%} apart."
    )


def say_glitches(silicon: Silicon) -> str:
    """Say what lies between ways to count that differ in their glitches alone."""
    unit = silicon.multiplications["new at random", 16]
    return (
        f"What separates other ways is glitches: of 16 bits at random, counted by events, "
        f"{1 - unit.settled_pj / unit.events_pj:.0%} of the energy are toggles that are taken back "
        f"within the cycle. A count without them gives {unit.settled_pj:.1f} pJ, one that lets "
        f"every glitch pass every gate {unit.unfiltered_pj:.1f}; so counts that treat glitches "
        "otherwise differ, with the same energies of a toggle."
    )


def say_operands(silicon: Silicon) -> str:
    """Say what real operands cost beside random ones."""
    at_random = silicon.multiplications["new at random", 16].events_pj
    real = {
        name: unit.events_pj / at_random - 1
        for (name, bits), unit in silicon.multiplications.items()
        if name.endswith("Alex-8")
    }
    words = " and ".join(
        f"{name}'s operands cost {abs(share):.0%} {'less' if share < 0 else 'more'}"
        for name, share in real.items()
    )
    price = find_multiplication_price_pj()
    least = min(it.settled_pj for (_, bits), it in silicon.multiplications.items() if bits == 16)
    least *= silicon.to_paper
    return (
        f"By events, {words} than operands new at random; an activation stays for its whole "
        f"column. eiesim's price of a multiplication is {price} pJ at {PAPER_V} V; the least of "
        f"the 16-bit ones, without glitches, is {least:.2f} pJ there, {least / price:.1f} times it."
    )


def _write_element(silicon: Silicon) -> list[str]:
    names = [run.name for run in silicon.runs]
    drawn = next(run for run in silicon.runs if run.name.startswith("drawn"))
    rows = []
    for part in PARTS:
        for module in MODULES:
            priced = silicon.priced_pj[drawn.name, module, part] / len(drawn.energy_pj)
            found = [
                run.sum_pj(module, part) / len(run.energy_pj) * silicon.to_paper
                for run in silicon.runs
            ]
            own = found[silicon.runs.index(drawn)]
            action = ACTIONS.get((module, part), "cycle")
            numbers = [f"{priced:.3f}", *(f"{it:.3f}" for it in found), f"{own / priced:.2f}"]
            rows.append([f"{module} {part}: {action}", *numbers])
    heads = ["prices", "priced", *(f"gates, {name}" for name in names), "ratio, drawn"]
    node_pj = next(price.value for price in list_prices("lnzd"))
    own_node = silicon.node_pj * silicon.to_paper
    return [
        "## A PE, price by price",
        "",
        *wrap(
            f"pJ a cycle of a PE, gates at {PAPER_V} V; beside it what the prices make of the same "
            "cycles. Without SRAMs."
        ),
        *tabulate(heads, rows),
        *wrap(
            say_parts(silicon),
            say_clock(silicon),
            say_timing(silicon),
            f"An LNZD node and cycle of the scan is priced {node_pj:.4f} pJ; ours takes "
            f"{own_node:.4f}, {own_node / node_pj:.2f} times that.",
        ),
    ]


def sum_part(silicon: Silicon, part: str) -> tuple[float, float]:
    """Return a part's energy in a PE's cycle, priced and by gates at the paper's voltage, pJ."""
    run = next(run for run in silicon.runs if run.name.startswith("drawn"))
    cycles = len(run.energy_pj)
    priced = sum(silicon.priced_pj[run.name, module, part] for module in MODULES) / cycles
    gates = sum(run.sum_pj(module, part) for module in MODULES) / cycles * silicon.to_paper
    return priced, gates


def say_parts(silicon: Silicon) -> str:
    """Say which part of Table II the gates confirm, and which they do not."""
    words = []
    for part in PARTS:
        priced, gates = sum_part(silicon, part)
        verdict = "near" if is_near(priced, gates) else f"{gates / priced:.1f} times"
        words.append(f"{part} {verdict} its prices ({gates:.2f} and {priced:.2f} pJ)")
    return f"Over all modules, on the drawn layer, gates are: {'; '.join(words)}."


def say_timing(silicon: Silicon) -> str:
    """Say whether the gates are as fast as the paper's clock."""
    slowest_ps = max(run.slowest_ps for run in silicon.runs)
    verdict = "within" if slowest_ps <= CLOCK_PS else "beyond"
    return (
        f"The last change of any cycle comes {slowest_ps:,} ps after the clock's edge, {verdict} "
        f"the {CLOCK_PS:,} ps of 800 MHz; the next cycle waits for it."
    )


def say_clock(silicon: Silicon) -> str:
    """Say whether the paper's clock power fits a PE with or without clock gates."""
    printed = read_table2("power_mw", "component")["clock"] * PJ_PER_CYCLE
    gated = sum_part(silicon, "clock")[1]
    plain = silicon.plain_clock_pj * silicon.to_paper
    nearer = "with" if abs(gated - printed) < abs(plain - printed) else "without"
    return (
        f"Table II's clock, {printed:.2f} pJ a cycle, fits a PE {nearer} clock gates: ours takes "
        f"{gated:.2f} with them and {plain:.2f} without."
    )
