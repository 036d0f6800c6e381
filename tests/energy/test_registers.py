"""Registers, SRAM words and wires that go with codebook and operands: numbers by hand.

Table II's clock by module, as docs/energy.md prints it: queue 0.065, arithmetic 0.366, activation
read and write 0.656 mW; EIE, section VI: 8 slots of 16 bits with indices of 12, 16 shared weights
of 16 bits, two files of 64 registers of 16 bits.
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest

from eiesim import Hardware, encode, estimate_area, load_benchmark, price_machine
from eiesim.base.errors import EnergyError
from eiesim.base.published import read_table
from eiesim.cli.main import main
from eiesim.energy.calibrate import PARTS
from eiesim.energy.estimate import find_steady_power_mw
from eiesim.energy.prices import Key
from eiesim.energy.wires import measure_tree_mm
from eiesim.image.fit import fit_images
from eiesim.sweep import sweep
from tests.support.energies import PAPER

CLOCK_MW = {"act_queue": 0.065, "arithm": 0.366, "act_rw": 0.656}
KECKLER_PJ = 310 / 256 / 10  # a bit and mm
PIPELINE_BITS = 6 * 16 + 4 * 6 + 6
"""rtl/arithm.sv: weight, value, product of 32 bits, accumulator, sum; four rows of 6; six flags."""


def find_clocks_mw(hw: Hardware) -> dict[str, float]:
    power_mw = find_steady_power_mw(hw, price_machine(hw))
    return {module: power_mw[module, "clock"] for module in CLOCK_MW}


def test_a_codebook_of_8_bits_has_256_registers_of_16_bits() -> None:
    """256 operands and the pipeline's bits in place of 16 and these; nothing else in a PE grows."""
    wide = Hardware(codebook_bits=8)
    clocks_mw = find_clocks_mw(wide)
    grown = (256 * 16 + PIPELINE_BITS) / (16 * 16 + PIPELINE_BITS)
    assert clocks_mw["arithm"] == pytest.approx(0.366 * grown, rel=2e-3)
    assert clocks_mw["act_queue"] == pytest.approx(0.065, abs=5e-4)
    assert clocks_mw["act_rw"] == pytest.approx(0.656, abs=5e-4)
    ours, papers = ({(it.component, it.part): it.um2_each for it in estimate_area(hw).rows}
                    for hw in (wide, PAPER))  # fmt: skip
    for part in ("clock", "register"):
        assert ours["arithm", part] == pytest.approx(papers["arithm", part] * grown)
    look_up_um2 = papers["arithm", "combinational"] - 993 - 67  # all but multiplier and adder
    grown_um2 = ours["arithm", "combinational"] - papers["arithm", "combinational"]
    assert grown_um2 == pytest.approx(look_up_um2 * (grown - 1))
    same = papers.keys() - {("arithm", part) for part in PARTS} - {("filler_cell", "filler")}
    assert all(ours[key] == papers[key] for key in same)


@pytest.mark.parametrize(("multiplier", "bits"), [("float32", 32), ("int32", 32), ("fixed8", 8)])
def test_operands_set_the_width_of_queue_and_registers(multiplier: str, bits: int) -> None:
    hw = Hardware(multiplier=multiplier)
    slot = (bits + 12) / (16 + 12)
    clocks_mw = find_clocks_mw(hw)
    assert clocks_mw["act_queue"] == pytest.approx(0.065 * slot, rel=1e-2)
    held, papers_held = (22 * width + 30 for width in (bits, 16))
    assert clocks_mw["arithm"] == pytest.approx(0.366 * held / papers_held, rel=2e-3)
    assert clocks_mw["act_rw"] == pytest.approx(0.656 * bits / 16, rel=2e-3)
    ours, papers = ({it.key: it.value for it in price_machine(it).prices} for it in (hw, PAPER))
    for key, value in ours.items():
        if key.component == "act_queue" and key.part != "clock":
            assert value == pytest.approx(papers[key] * slot)
        elif key.action in ("register_read", "register_write"):
            assert value == pytest.approx(papers[key] * bits / 16)
        elif key.component in ("ptr_read", "spmat_read"):
            assert value == papers[key]
    wide, narrow = (estimate_area(it).by_component() for it in (hw, PAPER))
    assert wide["act_queue"] == pytest.approx(758 * slot)
    assert wide["spmat_read"] == narrow["spmat_read"]


def test_activations_of_32_bits_lie_in_words_of_32_bits() -> None:
    """CACTI, 2 KB, 45 nm: between its words of 16 and 64 bits, halfway on logarithms."""
    wanted = ("2048", "45", "itrs-lstp")
    rows = {int(row["width_bits"]): row for row in read_table("energy/cacti_sram")
            if (row["size_bytes"], row["node_nm"], row["cell"]) == wanted}  # fmt: skip
    prices = {it.key: it.value for it in price_machine(Hardware(multiplier="int32")).prices}
    for action in ("read", "write"):
        narrow, wide = (float(rows[bits][f"{action}_energy_pj"]) for bits in (16, 64))
        ours = prices[Key("act_rw", "memory", action)]
        assert ours == pytest.approx(math.sqrt(narrow * wide))
        assert ours > 1.05 * narrow
    eight, sixteen = (
        {it.key: it for it in price_machine(Hardware(multiplier=name)).prices}
        for name in ("fixed8", "fixed16")
    )  # CACTI was run for 16 bits and more: two activations of 8 share a word
    assert all(eight[key] == sixteen[key] for key in eight
               if key[:2] == ("act_rw", "memory"))  # fmt: skip


@pytest.mark.parametrize(("multiplier", "bits"), [("fixed16", 16), ("int32", 32), ("fixed8", 8)])
def test_a_layer_fills_the_activation_sram_by_its_operands(multiplier: str, bits: int) -> None:
    benchmark = load_benchmark("nt-we")
    image = encode(benchmark.layer, PAPER)
    uses = {it.memory: it for it in fit_images([image], Hardware(multiplier=multiplier).fill)}
    inputs, outputs = -(-image.cols // image.n_pes), image.pe_rows(0)
    assert uses["activation SRAM"].used == (inputs + outputs) * bits // 8
    assert f"outputs of {bits} bits" in uses["activation SRAM"].note


def test_a_sweep_prices_what_a_machine_of_its_own_has() -> None:
    """The axes that were blind to it: codebook and multiplier, one after the other in one sweep."""
    axes = {"codebook_bits": [4, 8], "multiplier": ["fixed16", "int32"]}
    rows = sweep({"layers": ["nt-we"], "objectives": ["area_mm2"], "axes": axes}, jobs=1)
    for place in range(4):
        codebook_bits, multiplier = rows["codebook_bits"][place], rows["multiplier"][place]
        hw = Hardware(codebook_bits=int(codebook_bits), multiplier=str(multiplier))
        assert rows["area_mm2"][place] == pytest.approx(estimate_area(hw).chip_mm2)
    assert len(set(rows["area_mm2"])) == len(set(rows["chip_power_mw"])) == 4


def test_the_stages_of_the_arithmetic_unit_are_those_of_the_rtl() -> None:
    """Every register that rtl/arithm.sv clocks, by its declared width."""
    text = (Path(__file__).parents[2] / "rtl" / "arithm.sv").read_text("utf-8")
    widths = {"[15:0]": 16, "[31:0]": 32, "[ROW_BITS-1:0]": 6, "": 1}
    bits: dict[str, int] = {}
    for width, names in re.findall(r"logic (?:signed )?(\[\S+\])? *([\w, ]+)[;,\n]", text):
        bits |= dict.fromkeys(names.strip(", ").split(", "), widths.get(width, 0))
    clocked = re.findall(r"(\w+) <= ", text)
    assert len(clocked) == len(set(clocked)) == 15, clocked
    assert sum(bits[name] for name in clocked) == PIPELINE_BITS


@pytest.mark.parametrize("n_pes", [1, 4, 16, 64, 256, 1024])
def test_the_length_of_an_h_tree(n_pes: int) -> None:
    """Against one that is drawn bar by bar over a square of 6 mm by 6."""
    assert measure_tree_mm(n_pes, 36.0) == pytest.approx(sum(draw_tree(6.0, n_pes)), abs=1e-9)


def draw_tree(side: float, n_pes: int) -> list[float]:
    if n_pes == 1:
        return []
    return [side / 2] * 3 + 4 * draw_tree(side / 2, n_pes // 4)


def test_wires_of_a_broadcast() -> None:
    """28 bits over 3/2 (8 - 1) sides of an array of 40.84 mm2; 44 bits with operands of 32."""
    send = Key("broadcast", "wire", "send")
    side_mm = math.sqrt(64 * 0.638024 + 21 * 189e-6)
    price = price_machine(PAPER).find(send)
    assert price.value * 64 == pytest.approx(KECKLER_PJ * 28 * 10.5 * side_mm)
    assert price.kind == "scaled"
    assert "310 pJ for 256 bits over 10 mm" in price.source
    wide = Hardware(multiplier="int32", n_pes=16)
    wide_mm = math.sqrt(estimate_area(wide).chip_mm2)
    wider = price_machine(wide).find(send).value
    assert wider * 16 == pytest.approx(KECKLER_PJ * 44 * 4.5 * wide_mm)
    assert price_machine(Hardware(n_pes=1)).find(send).value == 0  # one PE needs no tree
    with pytest.raises(EnergyError, match="its wires cross an unknown area: CACTI was not run"):
        price_machine(Hardware(spmat_width_bits=8)).find(send)


def test_wires_are_in_the_energy_of_runs(
    capsys: pytest.CaptureFixture[str], in_folder: Path
) -> None:
    """NT-We: 4,097 broadcasts of 227.5 pJ, 12.1 % of all; VGG-6: 1.2 %."""
    assert main(["run", "nt-we", "vgg-6", "--json", "--report", "page.html"]) == 0
    summary = json.loads(capsys.readouterr().out)
    broadcast_pj = KECKLER_PJ * 28 * 10.5 * math.sqrt(64 * 0.638024 + 21 * 189e-6)
    shares = []
    for layer in summary["layers"]:
        wires_pj = layer["energy"]["by_part_pj"]["wire"]
        assert wires_pj == pytest.approx(layer["broadcasts"] * broadcast_pj)
        shares.append(f"{100 * wires_pj / layer['energy_pj']:.1f}")
    assert shares == ["12.1", "1.2"]
    assert "Keckler" in (in_folder / "page.html").read_text("utf-8")


def test_a_price_of_wires_replaces_eiesims_own(
    capsys: pytest.CaptureFixture[str], in_folder: Path
) -> None:
    (in_folder / "mine.csv").write_text(
        "component,part,action,value,unit,kind,source\nbroadcast,wire,send,2.7,pJ,assumed,mine\n"
    )
    assert main(["run", "nt-we", "--energy-table", "mine.csv", "--json"]) == 0
    (layer,) = json.loads(capsys.readouterr().out)["layers"]
    wires_pj = layer["energy"]["by_part_pj"]["wire"]
    assert wires_pj == pytest.approx(64 * 2.7 * layer["broadcasts"])
    kinds = {row["kind"]: row for row in layer["energy"]["kinds"]}
    assert kinds["assumed"]["energy_pj"] == pytest.approx(wires_pj)
