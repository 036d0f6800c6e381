"""One way to trace a run: checks the operands and hands them to an engine."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from eiesim.hardware import Hardware
from eiesim.image import InterleavedCSC
from eiesim.sim.engines import Engine, check_run
from eiesim.sim.tracing.schedule import Schedule, Window


def trace(
    image: InterleavedCSC,
    activations: npt.NDArray[np.float32],
    hw: Hardware,
    engine: Engine = "fast",
    window: Window | None = None,
) -> Schedule:
    """Return who does what in which cycle of the run that `eiesim.simulate` counts.

    Parameters
    ----------
    activations : float32 [cols]
        The input; those that differ from 0 are broadcast.
    engine : {"fast", "reference"}
        The recurrences, in time proportional to the events, or what the processes of the
        discrete-event model did. Both give the same arrays.
    window
        The part of the run that is kept; by default all of it.

    Raises
    ------
    EieError
        As in `eiesim.simulate`; or the window has a PE that the machine lacks, or begins behind the
        run; or the cycles do not fit 32 bits.
    """
    operands = check_run(image, activations, hw, engine)
    window = window or Window()
    window.list_pes(hw.n_pes)
    if engine == "reference":
        from eiesim.sim.reference.schedule import (  # noqa: PLC0415 - simpy only where it is used
            list_schedule,
        )
    else:
        from eiesim.sim.fast.schedule import (  # noqa: PLC0415 - numba takes half a second
            list_schedule,
        )
    return list_schedule(image, operands, hw, window)
