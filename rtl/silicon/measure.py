"""All that the page says: areas, energy of units, energy of a PE."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from eiesim.base.published import read_table
from eiesim.energy.calibrate import MODULES, calibrate, find_paper_memories, read_table2
from eiesim.energy.machine import price_machine
from eiesim.energy.operations import find_lnzd_area_um2
from rtl.silicon.element import PE_JOB, PeRun, run_element
from rtl.silicon.netlist import Netlist, read_netlist
from rtl.silicon.operands import MACHINE, Feed, list_feeds
from rtl.silicon.power import Floats, Library, Power, find_power
from rtl.silicon.simulation import PARTS
from rtl.silicon.synthesis import Job, Synthesis, read_library, synthesise
from rtl.silicon.units import (
    ADDERS,
    MULTIPLIERS,
    NODE,
    NODE_WITH_VALUE,
    TREE,
    TREE_NODES,
    UnitEnergy,
    list_candidates,
    make_operations,
    measure_unit,
    sum_events,
)

N_CYCLES = 2000
N_OPERATIONS = {8: 100, 16: 100, 32: 20}
SEED = 2016
PAPER_V = 0.9
"""Of Table I's energies (eiesim/data/energy/operations.csv)."""


@dataclass(frozen=True)
class Area:
    """A block's area beside a published one.

    Attributes
    ----------
    plain_um2
        Without Booth's recoding and clock gates; None where there is no such variant.
    compared
        Whether it counts for the library factor: the published block holds the same.
    """

    name: str
    published_um2: float
    source: str
    ours_um2: float
    compared: bool
    plain_um2: float | None = None

    @property
    def ratio(self) -> float:
        """Ours over the published one."""
        return self.ours_um2 / self.published_um2


@dataclass(frozen=True)
class Silicon:
    """What was measured.

    Attributes
    ----------
    n_registers
        Flip-flops of a PE.
    address_ff
        Loads of the nets that select an accumulator.
    multiplications
        By operands and width.
    node_pj
        Of an LNZD node and cycle of the scan.
    plain_clock_pj
        Of a PE's cycle without clock gates, on the drawn layer.
    priced_pj
        What eiesim's prices make of the same cycles of a PE, by run, module and part.
    """

    voltage_v: float
    areas: tuple[Area, ...]
    node_with_value_um2: float
    n_registers: int
    address_ff: Floats
    multiplications: Mapping[tuple[str, int], UnitEnergy]
    addition: UnitEnergy
    node_pj: float
    runs: tuple[PeRun, ...]
    priced_pj: Mapping[tuple[str, str, str], float]
    plain_clock_pj: float

    @property
    def to_paper(self) -> float:
        """What an energy at the library's voltage is multiplied by for the paper's."""
        return (PAPER_V / self.voltage_v) ** 2


def measure(say: Callable[[str], None]) -> Silicon:
    """Synthesise and simulate everything; `say` is called with each step."""
    library = Library(read_library())

    def make(job: Job) -> tuple[Synthesis, Netlist, Power]:
        say(f"{job.top} {job.parameters.get('BITS', '')}".strip())
        synthesis = synthesise(job)
        netlist = read_netlist(synthesis.module, library.liberty)
        return synthesis, netlist, find_power(netlist, library)

    element = make(PE_JOB)
    plain = make(replace(PE_JOB, booth=False, gated=False))
    feeds = list_feeds(N_CYCLES)
    runs = []
    for feed in feeds:
        say(f"a PE, {feed.name}")
        runs.append(run_element(*element[1:], feed, N_CYCLES))
    drawn = next(feed for feed in feeds if feed.name.startswith("drawn"))
    few = 200
    plain_run = run_element(*plain[1:], drawn, few)
    multipliers = {bits: make(job) for bits, job in MULTIPLIERS.items()}
    adders = {bits: make(job) for bits, job in ADDERS.items()}
    node, tree = make(NODE)[0], make(TREE)
    say("multiplications")
    candidates = list_candidates(drawn, N_CYCLES)
    return Silicon(
        library.voltage_v,
        (
            *list_pe_areas(element[0], plain[0]),
            *list_part_areas(element[0].areas_um2[PE_JOB.top], element[1], library),
            *_list_unit_areas(multipliers, adders),
            Area("LNZD node", find_lnzd_area_um2(), "EIE, VI", node.areas_um2[NODE.top], False),
        ),
        synthesise(NODE_WITH_VALUE).areas_um2[NODE.top],
        len(element[1].flip_flops),
        element[2].load_ff[element[1].names["arithmetic.read_row"]],
        measure_multiplications(multipliers, feeds, library),
        measure_unit(adders[16][1], library, adders[16][2], draw_operations(16)),
        sum_events(*tree[1:], candidates)[1] / TREE_NODES / N_CYCLES,
        tuple(runs),
        {(run.name, *key): it for run in runs for key, it in price_run(run).items()},
        sum(plain_run.sum_pj(module, "clock") for module in MODULES) / few,
    )


def measure_multiplications(
    multipliers: Mapping[int, tuple[Synthesis, Netlist, Power]],
    feeds: Sequence[Feed],
    library: Library,
) -> dict[tuple[str, int], UnitEnergy]:
    """Return the energy of a multiplication by operands and width."""
    cases = {("new at random", bits): draw_operations(bits) for bits in multipliers}
    for feed in feeds:
        cases[feed.name, 16] = make_operations(feed.list_products(N_OPERATIONS[16]))
    return {
        (name, bits): measure_unit(multipliers[bits][1], library, multipliers[bits][2], operations)
        for (name, bits), operations in cases.items()
    }


def draw_operations(bits: int) -> list[dict[str, int]]:
    """Return uniform random operands of a unit, both new each time."""
    rng = np.random.default_rng(SEED)
    return make_operations(rng.integers(0, 1 << bits, (N_OPERATIONS[bits], 2)), bits)


def list_pe_areas(synthesis: Synthesis, plain: Synthesis) -> list[Area]:
    """Return the areas of Table II's modules without their SRAMs."""
    printed = read_table2("area_um2", "module")
    sram_um2 = 1e6 * find_paper_memories()["act_rw"][0].area_mm2
    published = {
        "act_queue": (printed["act_queue"], "Table II"),
        "arithm": (printed["arithm"], "Table II"),
        "act_rw": (printed["act_rw"] - sram_um2, "Table II less CACTI's SRAM"),
    }
    for name in ("ptr_read", "spmat_read"):
        um2 = sum(calibrate().area_um2[name, part] for part in PARTS)
        published[name] = (um2, "Table II, split as calibrated")
    alike = ("arithm", "act_rw")
    return [
        Area(name, um2, source, synthesis.areas_um2[name], name in alike, plain.areas_um2[name])
        for name, (um2, source) in published.items()
    ]


def list_part_areas(total_um2: float, netlist: Netlist, library: Library) -> list[Area]:
    """Return the areas of a PE's registers and gates, which Table II gives for a whole PE."""
    printed = read_table2("area_um2", "component")
    registers = sum(library.find_area_um2(it.cell) for it in netlist.flip_flops)
    clock = sum(library.find_area_um2(it.cell) for it in netlist.clock_gates)
    gates = total_um2 - registers - clock
    return [
        Area("registers of a PE", printed["register"], "Table II", registers, True),
        Area("gates of a PE", printed["combinational"], "Table II", gates, True),
    ]


def _list_unit_areas(
    multipliers: Mapping[int, tuple[Synthesis, Netlist, Power]],
    adders: Mapping[int, tuple[Synthesis, Netlist, Power]],
) -> list[Area]:
    areas = []
    for action, units in (("multiply", multipliers), ("add", adders)):
        for bits, (synthesis, _, _) in units.items():
            variant = "int32" if bits == 32 else f"fixed{bits}"
            row = next(
                row
                for row in read_table("energy/areas")
                if (row["action"], row["variant"]) == (action, variant)
            )
            top = {"multiply": "multiplier", "add": "adder"}[action]
            um2, kind = float(row["area_um2"]), row["kind"]
            source = "H&P, Figure 1.13" + ("" if kind == "published" else ", scaled")
            ours = synthesis.areas_um2[top]
            areas.append(Area(f"{top}, {bits} bits", um2, source, ours, kind == "published"))
    return areas


def price_run(run: PeRun) -> dict[tuple[str, str], float]:
    """Return what eiesim's prices make of a PE's cycles, pJ by module and part, without SRAMs."""
    sums = {(module, part): 0.0 for module in MODULES for part in PARTS}
    for price in price_machine(replace(MACHINE, datapath="float32")).prices:
        key = (price.component, price.part)
        if key in sums:
            sums[key] += price.value * run.count(price.component, price.action)
    return sums


def find_multiplication_price_pj() -> float:
    """Return what eiesim takes for a multiplication of 16 bits."""
    return next(
        price.value
        for price in price_machine(MACHINE).prices
        if (price.component, price.action) == ("arithm", "multiply")
    )
