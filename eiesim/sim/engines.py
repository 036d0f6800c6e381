"""One way to run a layer: checks the operands and hands them to an engine."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from eiesim.base.arrays import take_array
from eiesim.base.errors import ConfigError, ImageError, did_you_mean
from eiesim.counters import DeltaState, RunResult
from eiesim.hardware import Hardware
from eiesim.image import InterleavedCSC

Engine = Literal["fast", "reference"]
ENGINES: tuple[Engine, ...] = get_args(Engine)


def simulate(
    image: InterleavedCSC,
    activations: npt.NDArray[np.float32],
    hw: Hardware,
    engine: Engine = "fast",
    before: DeltaState | None = None,
) -> RunResult:
    """Run one input through a layer, cycle for cycle.

    Parameters
    ----------
    activations : float32 [cols]
        The input; those whose magnitude is above the machine's threshold are broadcast, by default
        those that differ from 0. On a machine with a `delta_threshold`, their changes are.
    engine : {"fast", "reference"}
        Recurrences in compiled code, or the discrete-event model that defines the machine. Both
        give the same counters and the same output to the last bit.
    before
        On a machine with a `delta_threshold`, the `state` of the step before; without it the run
        begins with inputs and accumulators of zero.

    Raises
    ------
    WorkloadError
        The activations are not float32 [cols], or not all numbers.
    ImageError
        The image is damaged or was encoded for other hardware, the run may take more
        cycles than the fast engine's 32 bits hold, or the layer takes several passes.
    ConfigError
        There is no such engine, or with so little DRAM bandwidth not even 64 bits hold
        the cycles, or there is a step before on a machine without a `delta_threshold`.

    References
    ----------
    Han et al., EIE, ISCA 2016, sections III-D and IV; the steps of a cycle: ARCHITECTURE.md.
    """
    operands = check_run(image, activations, hw, engine)
    if before is not None:
        _check_state(before, image, hw)
    if engine == "reference":
        from eiesim.sim.reference import run  # noqa: PLC0415 - simpy only where it is used
    else:
        from eiesim.sim.fast import run  # noqa: PLC0415 - numba takes half a second to import
    return run(image, operands, hw, before)


def _check_state(before: DeltaState, image: InterleavedCSC, hw: Hardware) -> None:
    if hw.delta_threshold is None:
        raise ConfigError(
            "before: nothing is kept from step to step without a delta_threshold; set one, or "
            "leave it out"
        )
    # float32 sums may have overflowed
    finite = before.sums if hw.datapath == "fixed16" else np.nan_to_num(before.sums)
    take_array(finite, f"{image.name}: sums of the step before", np.float32, (image.rows,))
    what = f"{image.name}: inputs of the step before"
    take_array(before.sent, what, np.float32, (image.cols,))


def check_run(
    image: InterleavedCSC, activations: npt.NDArray[np.float32], hw: Hardware, engine: Engine
) -> npt.NDArray[np.float32]:
    """Check what an engine is to run and return the activations; raises what `simulate` does."""
    if engine not in ENGINES:
        raise ConfigError(f"engine {engine!r}: {did_you_mean(engine, ENGINES)}")
    image.require(hw)
    if hw.act_batches and image.rows > hw.rows_per_pass:
        raise ImageError(
            f"{image.name}: with act_batches, expected at most {hw.rows_per_pass} outputs, which "
            f"the accumulators hold, found {image.rows}; use encode_passes and simulate_passes"
        )
    return take_array(activations, f"{image.name}: activations", np.float32, (image.cols,))
