"""Measured baselines: nothing here depends on how long anything takes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from eiesim import CompressedLayer
from eiesim.base.errors import ConfigError, EieError, WorkloadError
from eiesim.baselines.cpu import (
    CPUS,
    UNKNOWN_CACHE_BYTES,
    find_cache_bytes,
    find_processor,
    open_cpu,
)
from eiesim.baselines.cuda import find_gpu
from eiesim.baselines.measured import LEAST_REPEATS, MeasurementPlan, measure_layer
from eiesim.catalog.layers import load_benchmark
from eiesim.cli.main import main
from tests.support.arrays import f32, u8

QUICK = MeasurementPlan(seconds=0)


class ScriptedDevice:
    """A device that multiplies, and says to have taken 1, 2, 3 .. us."""

    platform = "this stub"

    def __init__(self, free: int | None = None, wrong: float = 0.0) -> None:
        self.free, self.wrong = free, wrong
        self.events: list[str] = []
        self.placed: list[Any] = []

    def free_bytes(self) -> int | None:
        return self.free

    def describe(self, matrix: str) -> tuple[str, int | None]:
        return f"stub of {matrix}", None

    def place(self, array: Any) -> Any:
        self.placed.append(array)
        return array

    def fetch(self, array: Any) -> Any:
        return array + np.float32(self.wrong)

    def time_us(self, work: Callable[[], object]) -> float:
        work()
        self.events.append("time")
        return float(self.events.count("time"))

    def flush(self) -> None:
        self.events.append("flush")


@pytest.fixture
def layer() -> CompressedLayer:
    return CompressedLayer(u8([[1, 0, 2], [0, 3, 0]]), f32([0, 1, 2, 3]), u8([1, 1]), name="small")


def test_times_are_those_of_the_device(layer: CompressedLayer) -> None:
    """1 .. 9 us, then 10 .. 18 us and so on: medians 5, 14, 23, 32, per input of the batch."""
    found = list(measure_layer(layer, ScriptedDevice(), QUICK))
    assert [(it.matrix, it.batch) for it in found] == [
        ("dense", 1), ("dense", 64), ("sparse", 1), ("sparse", 64),
    ]  # fmt: skip
    for number, it in enumerate(found):
        first = LEAST_REPEATS * number + 1
        times = (first, first + 2, first + 4, first + 6)
        assert (it.min_us, it.quartile1_us, it.median_us, it.quartile3_us) == tuple(
            time / it.batch for time in times
        )
        assert (it.layer, it.platform, it.kind) == ("small", "this stub", "measured")
        assert (it.library, it.threads, it.repeats) == (f"stub of {it.matrix}", None, 9)


class DisturbedDevice(ScriptedDevice):
    """Takes 10 us, and for most repeats so many times that."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def time_us(self, work: Callable[[], object]) -> float:
        return 10 * self.factor if super().time_us(work) % 3 else 10.0


@pytest.mark.parametrize(("factor", "taken"), [(1, 10), (1.9, 19), (2.1, 10), (80, 10)])
def test_a_median_far_above_the_shortest_is_not_taken(
    layer: CompressedLayer, factor: float, taken: float
) -> None:
    """At 80 times the shortest the median would make EIE look 80 times as fast."""
    it = next(measure_layer(layer, DisturbedDevice(factor), QUICK))
    assert (it.min_us, it.median_us) == (10, 10 * factor)
    row = it.to_baseline()
    assert row.time_us == taken
    told = it.describe_disturbance()
    if factor < 2:
        assert told == ""
        assert row.source.startswith("median of 9 repeats, quartiles")
    else:
        assert f"{10 * factor:g} us, is {factor:g} times the shortest, 10 us, which is" in told
        assert row.source.startswith(
            f"shortest of 9 repeats, since their median, {10 * factor:g} us, is {factor:g} times"
        )


def test_a_disturbed_baseline_is_said_by_both_commands(
    in_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @contextmanager
    def open_disturbed(_: int | None) -> Iterator[tuple[list[Any], str]]:
        yield [DisturbedDevice(80)], "no gpu"

    monkeypatch.setattr("eiesim.runs.baseline.open_devices", open_disturbed)
    assert main(["baseline", "nt-we", "--batch", "1", "--seconds", "0", "--out", "mine"]) == 0
    told = capsys.readouterr().out
    assert told.count("disturbed: nt-we: ") == 2  # dense and sparse
    summary = json.loads((in_folder / "mine" / "summary.json").read_text())
    assert len(summary["problems"]) == 2
    assert [row["time_us"] for row in summary["rows"]] == [10, 10]
    assert main(["compare", "nt-we", "--baseline", "mine/baseline.csv"]) == 0
    told = capsys.readouterr().out
    assert "nt-we: over 10 us, shortest of 9 repeats, since their median, 800 us, is 80" in told


def test_cold_caches_are_flushed_before_each_repeat(layer: CompressedLayer) -> None:
    for cache, each in (("cold", ["flush", "time"]), ("warm", ["time"])):
        device = ScriptedDevice()
        (first, _) = measure_layer(
            layer, device, MeasurementPlan(batches=(1,), caches=(cache,), seconds=0)
        )
        assert first.cache == cache
        assert device.events == each * (2 * LEAST_REPEATS)


def test_operands_are_the_layers_weights_and_drawn_inputs(layer: CompressedLayer) -> None:
    dense = f32([[1, 0, 2], [0, 3, 0]])
    placed = []
    for seed in (0, 0, 1):
        device = ScriptedDevice()
        list(measure_layer(layer, device, MeasurementPlan(seconds=0, seed=seed)))
        weights, one, many, csr, *_ = device.placed
        assert np.array_equal(weights, dense)
        assert np.array_equal(csr.toarray(), dense)
        assert isinstance(csr, sparse.csr_array)
        assert (one.shape, many.shape) == ((3,), (3, 64))
        assert {it.dtype for it in (weights, one, many, csr)} == {np.dtype(np.float32)}
        assert {it.dtype for it in (csr.indices, csr.indptr)} == {np.dtype(np.int32)}
        assert np.array_equal(many[:, 0], one)
        placed.append(many)
    assert np.array_equal(placed[0], placed[1])
    assert not np.array_equal(placed[0], placed[2])


def test_a_wrong_product_is_not_timed(layer: CompressedLayer) -> None:
    for wrong in (1e-3, np.nan):
        device = ScriptedDevice(wrong=wrong)
        with pytest.raises(EieError, match="small: dense product of 1 on this stub: expected that"):
            list(measure_layer(layer, device, QUICK))
        assert device.events == []


def test_a_product_beyond_float32_is_not_timed() -> None:
    huge = CompressedLayer(u8([[1, 1]]), f32([0, 3e38]), name="huge")
    with pytest.raises(EieError, match=r"huge: dense product .* differs by up to (inf|nan)"):
        list(measure_layer(huge, ScriptedDevice(), MeasurementPlan(batches=(64,), seconds=0)))


def test_memory_is_asked_for_before_it_is_taken() -> None:
    """VGG-6 is 25,088 x 4,096 x 4 bytes, 411 MB, dense."""
    layer = load_benchmark("vgg-6").layer
    device = ScriptedDevice(free=400_000_000)
    message = (
        r"vgg-6: its products need 0\.\d* GB, as float32 \[4096, 25088\] and more, and this stub "
        r"has 0\.4 GB free: leave the layer out, or free memory"
    )
    with pytest.raises(WorkloadError, match=message):
        next(measure_layer(layer, device, QUICK))
    assert device.placed == []


def test_layers_without_weights() -> None:
    empty = CompressedLayer(np.zeros((2, 3), np.uint8), f32([0, 1]), name="empty")
    with open_cpu() as cpu:
        assert len(list(measure_layer(empty, cpu, QUICK))) == 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seconds": -1}, "seconds: expected 0 to 3600, found -1"),
        ({"seconds": float("nan")}, "seconds: expected 0 to 3600, found nan"),
        ({"batches": ()}, "batches: expected whole numbers from 1"),
        ({"batches": (0,)}, "batches: expected whole numbers from 1"),
        ({"caches": ("hot",)}, "caches: expected cold, warm or both"),
        ({"seed": -1}, "seed: expected a whole number from 0, found -1"),
    ],
)
def test_plans_that_are_wrong(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        MeasurementPlan(**changes)


@pytest.mark.parametrize("threads", [None, 1])
def test_this_cpu(threads: int | None) -> None:
    """Its products are checked against float64 by `measure_layer`."""
    layer = load_benchmark("nt-we").layer
    with open_cpu(threads) as cpu:
        found = list(measure_layer(layer, cpu, MeasurementPlan(caches=("cold", "warm"), seconds=0)))
        assert cpu.free_bytes() != 0
    assert len(found) == 8
    for it in found:
        assert it.platform == f"this cpu: {find_processor()}"
        assert 0 < it.min_us <= it.quartile1_us <= it.median_us <= it.quartile3_us
        assert it.repeats >= LEAST_REPEATS
        assert it.library.startswith(
            "SciPy" if it.matrix == "sparse" else f"NumPy {np.__version__}"
        )
        assert it.threads == 1 or (threads is None and it.matrix == "dense")
        row = it.to_baseline()
        assert (row.kind, row.time_us, row.power_w) == ("measured", it.time_us, None)
        assert it.time_us == (it.min_us if it.median_us > 2 * it.min_us else it.median_us)
        assert row.platform == f"{it.platform}, {it.cache} caches"
        how = "shortest" if it.is_disturbed else "median"
        assert row.source.startswith(f"{how} of {it.repeats} repeats")
        assert it.library in row.source
    assert len({it.to_baseline().key for it in found}) == 8


def test_threads_are_set_back() -> None:
    before = _threads()
    with open_cpu(1):
        assert _threads() == 1
    assert _threads() == before


def _threads() -> int | None:
    with open_cpu() as cpu:
        return cpu.describe("dense")[1]


def test_sizes_of_caches(tmp_path: Path) -> None:
    """Two processors share 8 MB of level 3, two share another; the levels below are their own."""
    for cpu, shared in enumerate(["0-1", "0-1", "2-3", "2-3"]):
        for index, (level, size, who) in enumerate(
            [("1", "32K", str(cpu)), ("2", "1M", str(cpu)), ("3", "8192K", shared)]
        ):
            folder = tmp_path / f"cpu{cpu}" / "cache" / f"index{index}"
            folder.mkdir(parents=True)
            for name, word in [("level", level), ("size", size), ("shared_cpu_list", who)]:
                (folder / name).write_text(f"{word}\n")
    assert find_cache_bytes(tmp_path) == 2 * 8 << 20
    for file in (tmp_path / "cpu0" / "cache").glob("*/size"):
        file.write_text("unknown\n")
    assert find_cache_bytes(tmp_path) == 2 * 8 << 20
    assert find_cache_bytes(tmp_path / "cpu0") == UNKNOWN_CACHE_BYTES
    assert find_cache_bytes(CPUS) > 0


class FakeTensor:
    """The part of a PyTorch tensor that is used."""

    def __init__(self, array: Any) -> None:
        self.array = array

    def __matmul__(self, other: FakeTensor) -> FakeTensor:
        return FakeTensor(self.array @ other.array)

    def cpu(self) -> FakeTensor:
        return self

    def numpy(self) -> Any:
        return self.array

    def zero_(self) -> None:
        self.array[:] = 0


class FakeEvent:
    def __init__(self, enable_timing: bool = True) -> None:
        assert enable_timing

    def record(self) -> None:
        pass

    def synchronize(self) -> None:
        pass

    def elapsed_time(self, _: FakeEvent) -> float:
        return 0.25


def fake_cupy() -> SimpleNamespace:
    properties = {"name": b"Stub GPU"}
    cuda = SimpleNamespace(
        is_available=lambda: True,
        runtime=SimpleNamespace(getDeviceProperties=lambda _: properties),
        Device=lambda: SimpleNamespace(mem_info=(1 << 40, 1 << 41)),
        Event=FakeEvent,
        get_elapsed_time=lambda start, end: start.elapsed_time(end),
    )
    return SimpleNamespace(
        cuda=cuda, asarray=np.asarray, asnumpy=np.asarray, zeros=np.zeros, __version__="1"
    )


def fake_torch() -> SimpleNamespace:
    def sparse_csr_tensor(
        indptr: FakeTensor, indices: FakeTensor, data: FakeTensor, size: tuple[int, int]
    ) -> FakeTensor:
        return FakeTensor(sparse.csr_array((data.array, indices.array, indptr.array), shape=size))

    cuda = SimpleNamespace(
        is_available=lambda: True,
        get_device_name=lambda _: "Stub GPU",
        mem_get_info=lambda: (1 << 40, 1 << 41),
        Event=FakeEvent,
    )
    return SimpleNamespace(
        cuda=cuda,
        asarray=lambda array, device: FakeTensor(array) if device == "cuda" else None,
        zeros=lambda size, dtype, device: FakeTensor(np.zeros(size, dtype)) if device else None,
        sparse_csr_tensor=sparse_csr_tensor,
        uint8=np.uint8,
        __version__="1",
    )


@pytest.mark.parametrize(
    ("name", "fake", "library"), [("cupy", fake_cupy, "CuPy 1"), ("torch", fake_torch, "PyTorch 1")]
)
def test_gpus_by_way_of_either_library(
    name: str,
    fake: Callable[[], SimpleNamespace],
    library: str,
    without_gpu: pytest.MonkeyPatch,
    layer: CompressedLayer,
) -> None:
    """Stubs in place of the libraries: a quarter of a millisecond between two events."""
    without_gpu.setitem(sys.modules, name, fake())
    without_gpu.setitem(
        sys.modules, "cupyx.scipy.sparse", SimpleNamespace(csr_matrix=sparse.csr_array)
    )
    gpu = find_gpu()
    assert not isinstance(gpu, str)
    found = list(measure_layer(layer, gpu, QUICK))
    assert [(it.matrix, it.median_us) for it in found] == [
        ("dense", 250), ("dense", 250 / 64), ("sparse", 250), ("sparse", 250 / 64),
    ]  # fmt: skip
    for it in found:
        assert it.platform == "this gpu: Stub GPU"
        assert it.library == f"{library} {'cuSPARSE CSR' if it.matrix == 'sparse' else 'cuBLAS'}"
        assert it.threads is None


def test_no_gpu_is_told_why(without_gpu: pytest.MonkeyPatch) -> None:
    assert find_gpu() == "not measured: neither CuPy nor PyTorch is installed"
    fake = fake_torch()
    fake.cuda.is_available = lambda: False
    without_gpu.setitem(sys.modules, "torch", fake)
    assert find_gpu() == "not measured: no CUDA device for torch"

    def fail() -> None:
        raise RuntimeError("driver too old")

    fake.cuda.is_available = fail
    assert find_gpu() == "not measured: torch cannot use it: RuntimeError: driver too old"
