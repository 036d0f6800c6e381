"""What is kept for machines alike is kept by all that it depends on: axes are Hardware's fields."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import pytest

from eiesim import (
    CompressedLayer,
    Hardware,
    encode,
    estimate_area,
    price_machine,
    simulate,
)
from eiesim.base.schema import Range
from eiesim.catalog.readers import load_layer
from eiesim.energy.actions import ACTIONS
from eiesim.energy.estimate import find_chip_power_mw
from eiesim.image import (
    PTR_SRAM,
    SPMAT_SRAM,
    fit_images,
    overflows_srams,
)
from eiesim.sim.fast import engine
from eiesim.sim.fast.engine import Prepared
from eiesim.sweep import evaluate, sweep
from eiesim.sweep import priced as machine
from eiesim.sweep.evaluate import Measured, measure_machines
from eiesim.sweep.identity import make_key
from tests.support.machines import BASES, FIELDS, SMALL, list_values, make_uneven, measure_alone


@pytest.fixture(scope="module")
def operands() -> tuple[CompressedLayer, npt.NDArray[np.float32]]:
    return make_uneven()


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("name", FIELDS)
def test_a_sweep_of_any_field_gives_what_single_runs_give(
    base: str, name: str, operands: Any
) -> None:
    (layer, activations), machines = operands, list_values(BASES[base], name)
    alone = [measure_alone(layer, activations, hw) for hw in machines]
    sound = [place for place, it in enumerate(alone) if "error" not in it]
    # forwards and backwards: what the first machine leaves is not what the next one gets
    for order in (sound, sound[::-1]):
        rows = measure_machines(layer, activations, [machines[place] for place in order])
        for place, row in zip(order, rows, strict=True):
            assert alone[place] == {key: row[key] for key in alone[place]}


def count_like_one(one: Prepared, image: Any, activations: Any, hw: Hardware) -> None:
    found, own = one.count(hw), Prepared(image, activations).count(hw)
    assert found.totals() == own.totals() == one.total(hw)._asdict()
    for field in fields(type(own.pe)):
        assert np.array_equal(getattr(found.pe, field.name), getattr(own.pe, field.name))


@pytest.mark.parametrize("base", BASES)
def test_all_machines_share_one_preparation(base: str, operands: Any) -> None:
    """Every counter of every PE, whatever was counted before, for one image and input."""
    layer, activations = operands
    same = [name for name in FIELDS if name not in ("n_pes", "index_bits")]
    machines = [hw for name in same for hw in list_values(BASES[base], name)]
    image = encode(layer, BASES[base])
    one = Prepared(image, activations)
    for hw in np.random.default_rng(0).permutation(np.array(machines, object)):
        if hw.codebook_bits >= 4:
            count_like_one(one, image, activations, hw)


@pytest.mark.parametrize("name", FIELDS)
def test_a_sweeps_key_depends_on_every_field(name: str) -> None:
    machines = list_values(Hardware(), name)
    assert len({make_key("a layer", hw) for hw in machines}) == len(machines)
    assert make_key("a layer", machines[0]) == make_key("a layer", Hardware())
    assert make_key("a layer", machines[0]) != make_key("another", machines[0])


@dataclass(frozen=True, kw_only=True)
class Changed(Hardware):
    """A machine with a field that both engines would know, and that no view has."""

    made_up_cycles: Annotated[int, Range(0, 1000, "cycles of something new")] = 0


KEPT: dict[str, Callable[[CompressedLayer, Any, Hardware], object]] = {
    **dict.fromkeys(
        ("load_registers", "scan_activations", "find_stream", "time_scan"),
        lambda layer, inputs, hw: Prepared(encode(layer, hw), inputs).total(hw),
    ),
    "lay_out": lambda layer, inputs, hw: measure_machines(layer, inputs, [hw]),
    "fit_images": lambda layer, inputs, hw: Measured(encode(layer, hw), inputs).measure(hw),
    **dict.fromkeys(
        ("price_actions", "price_queue_clock", "keep_up", "measure_area"),
        lambda _, __, hw: machine.price_point(hw),
    ),
}


@pytest.mark.parametrize("name", KEPT)
def test_a_new_field_that_a_key_leaves_out_is_an_error(
    name: str, operands: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is kept for several machines cannot read a field that it is not kept by."""
    (module,) = (it for it in (engine, evaluate, machine) if hasattr(it, name))
    original = getattr(module, name)

    def read(*given: Any) -> object:
        view = [it for it in given if it is not None][-1]
        assert view.made_up_cycles >= 0
        return original(*given)

    monkeypatch.setattr(module, name, read)
    # of no other test: prices and areas are kept for as long as the process lives
    hw = Changed(**SMALL, node_nm=44.0 + list(KEPT).index(name) / 100, made_up_cycles=6)
    layer, activations = operands
    with pytest.raises(AttributeError, match="made_up_cycles"):
        KEPT[name](layer, activations, hw)


def test_a_new_field_changes_the_key() -> None:
    keys = {make_key("a layer", Changed(made_up_cycles=cycles)) for cycles in (0, 6, 600)}
    assert len(keys) == 3


def test_prices_of_queues_are_those_of_a_machine_of_its_own() -> None:
    """They are looked up for two depths: the others follow."""
    for depth in (2, 7, 8, 16, 333, 4096):
        hw = Hardware(queue_depth=depth, node_nm=43.0)
        point, prices = machine.price_point(hw), price_machine(hw)
        assert point.rates is not None
        for rate, alone in zip(point.rates, map(prices.find, ACTIONS), strict=True):
            assert rate.value == pytest.approx(alone.value, rel=1e-12)
            assert rate.kind == alone.kind
        assert point.area_mm2 == pytest.approx(estimate_area(hw).chip_mm2, rel=1e-12)
        assert point.power_mw == pytest.approx(find_chip_power_mw(hw, prices), rel=1e-12)


@pytest.mark.parametrize(
    ("sizes", "streams"),
    [
        # by hand: PE 0 holds 8 entries in 1 word of 64 bits, and 4 + 2 pointers of 16 bits
        ({"spmat_sram_bytes": 8, "ptr_sram_bytes": 12}, False),
        ({"spmat_sram_bytes": 7, "ptr_sram_bytes": 12}, True),
        ({"spmat_sram_bytes": 8, "ptr_sram_bytes": 11}, True),
    ],
)
def test_what_just_fits_is_not_streamed(sizes: dict[str, Any], streams: bool) -> None:
    hw = Hardware(n_pes=2, **sizes)
    codes = np.ones((4, 4), np.uint8)
    image = encode(CompressedLayer(codes, np.array([0, 1], np.float32), None, "full"), hw)
    assert image.ptr[-1].tolist() == [8, 8]
    assert image.ptr.shape[0] == 6
    assert overflows_srams(image, hw.stream) == streams
    uses = fit_images([image], hw.fill)
    assert streams == (not all(use.fits for use in uses if use.memory in (SPMAT_SRAM, PTR_SRAM)))


def test_a_sweep_of_pes_and_index_bits_is_of_several_images() -> None:
    axes = {"n_pes": [4, 16], "index_bits": [2, 5]}
    table = sweep({"layers": ["lenet-300-100/ip2"], "axes": axes}, jobs=1)
    layer, activations, _ = load_layer("lenet-300-100/ip2")
    assert activations is not None
    for row in table.to_dict("records"):
        hw = Hardware(n_pes=row["n_pes"], index_bits=row["index_bits"])
        run = simulate(encode(layer, hw), activations, hw, engine="reference")
        assert (row["error"], row["cycles"]) == (None, run.cycles)


def test_times_kept_for_several_drams_are_those_of_the_reference_engine(operands: Any) -> None:
    layer, activations = operands
    base = BASES["streams"]
    image = encode(layer, base)
    one, cycles = Prepared(image, activations), set()
    for name in ("dram_gbps", "clock_mhz", "spmat_sram_bytes", "ptr_sram_bytes"):
        for hw in list_values(base, name)[:6]:
            if 0 < hw.dram_gbps < 0.2:  # waits of 1e9 cycles
                continue
            own = simulate(image, activations, hw, engine="reference").counters
            assert one.count(hw).totals() == own.totals()
            cycles.add(own.cycles)
    assert len(cycles) > 8
