"""One way to run a layer: checks the operands and hands them to an engine."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from eiesim.counters import RunResult
from eiesim.errors import ConfigError, WorkloadError, did_you_mean
from eiesim.hardware import Hardware
from eiesim.image import InterleavedCSC

Engine = Literal["fast", "reference"]
ENGINES: tuple[Engine, ...] = ("fast", "reference")


def simulate(
    image: InterleavedCSC,
    activations: npt.NDArray[np.float32],
    hw: Hardware,
    engine: Engine = "fast",
) -> RunResult:
    """Run one input through a layer, cycle for cycle.

    Parameters
    ----------
    image : InterleavedCSC
        The layer, encoded for `hw`.
    activations : float32 [cols]
        The input; those that differ from 0 are broadcast.
    hw : Hardware
        The machine.
    engine : {"fast", "reference"}
        Recurrences in compiled code, or the discrete-event model that defines the machine. Both
        give the same counters and the same output to the last bit.

    Returns
    -------
    RunResult
        Cycles, output and every counter.

    Raises
    ------
    WorkloadError
        The activations are not float32 [cols], or not all numbers.
    ImageError
        The image was encoded for other hardware.
    ConfigError
        There is no such engine.

    References
    ----------
    Han et al., EIE, ISCA 2016, sections III-D and IV; the steps of a cycle: ARCHITECTURE.md.
    """
    if engine not in ENGINES:
        raise ConfigError(f"engine {engine!r}: {did_you_mean(engine, ENGINES)}")
    image.require(hw)
    operands = check_activations(activations, image.cols, image.name)
    if engine == "reference":
        from eiesim.sim.reference import run  # noqa: PLC0415 - simpy only where it is used
    else:
        from eiesim.sim.fast import run  # noqa: PLC0415 - numba takes half a second to import
    return run(image, operands, hw)


def check_activations(
    activations: npt.NDArray[np.float32], cols: int, where: str
) -> npt.NDArray[np.float32]:
    """Return the activations when they are an input of such a layer.

    Parameters
    ----------
    activations : float32 [cols]
        The input.
    cols : int
        Inputs of the layer.
    where : str
        Layer or file, for the error.

    Raises
    ------
    WorkloadError
        Shape or dtype differ, or there is an infinity or a NaN.
    """
    array = np.asarray(activations)
    if array.dtype != np.float32 or array.shape != (cols,):
        raise WorkloadError(
            f"{where}: activations: expected float32 [{cols}], "
            f"found {array.dtype} {list(array.shape)}"
        )
    if not np.isfinite(array).all():
        index = int(np.flatnonzero(~np.isfinite(array))[0])
        raise WorkloadError(
            f"{where}: activations[{index}]: expected a number, found {array[index]}"
        )
    return array
