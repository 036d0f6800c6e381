"""What a run gives back: its output, its counts, and what follows from them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from eiesim.base.cards import make_card
from eiesim.base.frames import make_frame
from eiesim.base.units import bytes_to_gbps, cycles_to_us
from eiesim.counters.counts import PE_FIELDS, Counters, count_dram_bytes
from eiesim.counters.limits import Limits, find_limits
from eiesim.hardware import Hardware

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class InputsResult:
    """One layer, many inputs, one machine.

    Attributes
    ----------
    output : float32 [inputs, rows]
        As in `RunResult`.
    cycles : int64 [inputs]
        Of each.
    counters : Counters
        Of all inputs, one after the other.
    """

    output: npt.NDArray[np.float32]
    cycles: npt.NDArray[np.int64]
    counters: Counters


@dataclass(frozen=True, eq=False)
class DeltaState:
    """What a machine with a `delta_threshold` keeps of a layer from step to step.

    Attributes
    ----------
    sent : float32 [cols]
        What the accumulators have of each input: its value when its last change was sent.
    sums : float32 [rows]
        What the accumulators hold.

    References
    ----------
    Neil et al., Delta Networks for Optimized Recurrent Network Computation, ICML 2017, section 2:
    the reference state, and the sum that each step adds its changes to.
    """

    sent: npt.NDArray[np.float32]
    sums: npt.NDArray[np.float32]


class OutputError(NamedTuple):
    """What outputs lack since activations or changes were not sent.

    Attributes
    ----------
    squares, exact_squares
        Sums of the squares: of the errors, and of the outputs with all activations sent.
    largest
        The largest error.
    """

    squares: float
    exact_squares: float
    largest: float

    @property
    def relative(self) -> float:
        """Root of the squared errors over the squared outputs; 0 if there is no error."""
        if self.squares == 0:
            return 0.0
        return math.sqrt(self.squares / self.exact_squares) if self.exact_squares else math.inf

    def add(self, other: OutputError) -> OutputError:
        """Return the error of both outputs together."""
        return OutputError(
            self.squares + other.squares,
            self.exact_squares + other.exact_squares,
            max(self.largest, other.largest),
        )


@dataclass(frozen=True, eq=False)
class RunResult:
    """One layer, one input, one machine: the answer and what it took.

    Attributes
    ----------
    name : str
        Of the layer.
    engine : str
        ``fast`` or ``reference``.
    output : float32 [rows]
        What the accumulators hold; with the `fixed16` datapath exact multiples of
        2**-act_fraction_bits.
    state : DeltaState or None
        With a `delta_threshold`, what the machine keeps for the next step.
    error : OutputError or None
        Where thresholds left something out and it was asked for, what the outputs lack.
    passes : int
        Runs of an image: products, each in as many passes as it takes.
    """

    name: str
    engine: str
    hardware: Hardware
    output: npt.NDArray[np.float32]
    counters: Counters
    state: DeltaState | None = None
    error: OutputError | None = None
    passes: int = 1

    @property
    def cycles(self) -> int:
        """Cycles until the write of the last entry has left the pipeline."""
        return self.counters.cycles

    @property
    def limits(self) -> Limits:
        """What limits the run."""
        return find_limits(self.counters, self.hardware, self.passes)

    @property
    def entries(self) -> int:
        """Entries processed over all PEs, padding zeros included."""
        return self.counters.macs + self.counters.padding_macs

    @property
    def theoretical_cycles(self) -> float:
        """Entries divided by the PEs: the time with perfect balance (EIE, section VI-A)."""
        return self.entries / self.hardware.n_pes

    @property
    def latency_us(self) -> float:
        """Time of the run in microseconds."""
        return cycles_to_us(self.cycles, self.hardware.clock_mhz)

    @property
    def theoretical_us(self) -> float:
        """Time with perfect balance in microseconds: "theoretical" in EIE's Table IV."""
        return cycles_to_us(self.theoretical_cycles, self.hardware.clock_mhz)

    @property
    def dram_bytes(self) -> int:
        """Bytes streamed from DRAM: words and pointers that the SRAMs do not hold."""
        return count_dram_bytes(self.counters, self.hardware)

    @property
    def dram_gbps_average(self) -> float:
        """Bytes streamed from DRAM over the time of the run, in GB/s."""
        return bytes_to_gbps(self.dram_bytes, self.latency_us)

    @property
    def load_balance(self) -> float:
        """Theoretical over actual time, 0 to 1 (EIE, section VI-C)."""
        return self.theoretical_cycles / self.cycles

    def to_frame(self) -> pd.DataFrame:
        """Return the counts of every PE, a row each; EieError if pandas is missing."""
        pes = {"pe": np.arange(self.hardware.n_pes)}
        return make_frame(pes | {name: getattr(self.counters.pe, name) for name in PE_FIELDS})

    def _repr_html_(self) -> str:
        row = {
            "engine": self.engine,
            "n_pes": self.hardware.n_pes,
            "outputs": self.output.size,
            "cycles": self.cycles,
            "latency_us": self.latency_us,
            "theoretical_us": self.theoretical_us,
            "load_balance": self.load_balance,
            "limited_by": self.limits.describe_first(),
            "macs": self.counters.macs,
            "padding_macs": self.counters.padding_macs,
            "broadcasts": self.counters.broadcasts,
            "dram_bytes": self.dram_bytes,
        }
        return make_card(f"RunResult {self.name}", row)
