"""Registers, SRAM words and wires that go with codebook and operands: numbers by hand.

Table II's clock by module, as docs/energy.md prints it: queue 0.065, arithmetic 0.366, activation
read and write 0.656 mW; EIE, section VI: 8 slots of 16 bits with indices of 12, 16 shared weights
of 16 bits, two files of 64 registers of 16 bits.
"""

from __future__ import annotations

import json
import math
import re
from html import unescape
from pathlib import Path

import pytest

from eiesim import Hardware, encode, estimate_area, load_benchmark, price_machine
from eiesim.base.published import read_table
from eiesim.cli.main import main
from eiesim.energy.calibrate import PARTS
from eiesim.energy.estimate import find_steady_power_mw
from eiesim.energy.prices import Key
from eiesim.energy.wires import price_broadcast_pj
from eiesim.image.fit import fit_images
from eiesim.sweep import sweep
from tests.support.energies import PAPER

CLOCK_MW = {"act_queue": 0.065, "arithm": 0.366, "act_rw": 0.656}
KECKLER_PJ = 310 / 256 / 10  # a bit and mm


def find_clocks_mw(hw: Hardware) -> dict[str, float]:
    power_mw = find_steady_power_mw(hw, price_machine(hw))
    return {module: power_mw[module, "clock"] for module in CLOCK_MW}


def test_a_codebook_of_8_bits_has_256_registers_of_16_bits() -> None:
    """256 and 5 operands of the pipeline in place of 16 and 5; nothing else in a PE grows."""
    wide = Hardware(codebook_bits=8)
    clocks_mw = find_clocks_mw(wide)
    assert clocks_mw["arithm"] == pytest.approx(0.366 * (256 + 5) / (16 + 5), rel=2e-3)
    assert clocks_mw["act_queue"] == pytest.approx(0.065, abs=5e-4)
    assert clocks_mw["act_rw"] == pytest.approx(0.656, abs=5e-4)
    ours, papers = ({(it.component, it.part): it.um2_each for it in estimate_area(hw).rows}
                    for hw in (wide, PAPER))  # fmt: skip
    for part in ("clock", "register"):
        assert ours["arithm", part] == pytest.approx(papers["arithm", part] * 261 / 21)
    look_up_um2 = papers["arithm", "combinational"] - 993 - 67  # all but multiplier and adder
    grown_um2 = ours["arithm", "combinational"] - papers["arithm", "combinational"]
    assert grown_um2 == pytest.approx(look_up_um2 * (261 / 21 - 1))
    same = papers.keys() - {("arithm", part) for part in PARTS} - {("filler_cell", "filler")}
    assert all(ours[key] == papers[key] for key in same)


@pytest.mark.parametrize(("multiplier", "bits"), [("float32", 32), ("int32", 32), ("fixed8", 8)])
def test_operands_set_the_width_of_queue_and_registers(multiplier: str, bits: int) -> None:
    hw = Hardware(multiplier=multiplier)
    slot = (bits + 12) / (16 + 12)
    clocks_mw = find_clocks_mw(hw)
    assert clocks_mw["act_queue"] == pytest.approx(0.065 * slot, rel=1e-2)
    assert clocks_mw["arithm"] == pytest.approx(0.366 * bits / 16, rel=2e-3)
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


def test_wires_of_a_broadcast() -> None:
    """28 bits over 63 times the side of a PE of 0.638024 mm2; 44 bits with operands of 32."""
    pe_mm = math.sqrt(0.638024)
    assert price_broadcast_pj(PAPER) == pytest.approx(KECKLER_PJ * 28 * 63 * pe_mm)
    wide = Hardware(multiplier="int32", n_pes=16)
    wide_mm = math.sqrt(estimate_area(wide).pe_um2) / 1000
    assert price_broadcast_pj(wide) == pytest.approx(KECKLER_PJ * 44 * 15 * wide_mm)
    assert price_broadcast_pj(Hardware(spmat_width_bits=8)) is None


def test_runs_say_what_wires_would_add(capsys: pytest.CaptureFixture[str], in_folder: Path) -> None:
    """NT-We: 4,097 broadcasts of 170.6 pJ beside 6.79 uJ, 10.3 %; VGG-6: 0.9 %."""
    assert main(["run", "nt-we", "vgg-6", "--json", "--report", "page.html"]) == 0
    summary = json.loads(capsys.readouterr().out)
    page = unescape((in_folder / "page.html").read_text("utf-8"))
    broadcast_pj = KECKLER_PJ * 28 * 63 * math.sqrt(0.638024)
    shares = []
    for layer in summary["layers"]:
        wires_pj = layer["broadcasts"] * broadcast_pj
        assert layer["unpriced_wires_pj"] == pytest.approx(wires_pj)
        shares.append(f"{100 * wires_pj / layer['energy_pj']:.1f}")
    assert shares == ["10.3", "0.9"]
    assert re.findall(r"wires, which would add about ([\d.]+) %", page) == shares
    assert "Keckler" in summary["unpriced"]["broadcast_wires"]


def test_wires_with_a_price_are_in_the_energy(
    capsys: pytest.CaptureFixture[str], in_folder: Path
) -> None:
    (in_folder / "mine.csv").write_text(
        "component,part,action,value,unit,kind,source\nbroadcast,wire,send,2.7,pJ,assumed,mine\n"
    )
    words = ["run", "nt-we", "--energy-table", "mine.csv", "--json", "--report", "page.html"]
    assert main(words) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["layers"][0]["unpriced_wires_pj"] == 0
    assert summary["unpriced"] == {}
    assert "which would add" not in (in_folder / "page.html").read_text("utf-8")
