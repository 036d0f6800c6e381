"""Many inputs through a network, each priced."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eiesim.base.errors import EnergyError
from eiesim.catalog.examples import Example
from eiesim.catalog.model import Model
from eiesim.energy.estimate import EnergyReport, estimate_energy
from eiesim.energy.kinds import add_kinds
from eiesim.energy.prices import PriceTable
from eiesim.hardware import Hardware
from eiesim.inference import InputRun, Setup, StepRun, run_steps
from eiesim.sim.engines import Engine


@dataclass(frozen=True, eq=False)
class ExampleRun:
    """One input through a network, without what flowed through it.

    Attributes
    ----------
    steps : tuple of StepRun
        Those on EIE, in order.
    energy_pj : tuple of float, or None
        Of each step; None where an action has no price.
    modules_pj : tuple of mapping, or None
        What of it each module takes, as `EnergyReport.by_component`.
    kinds_pj : mapping, or None
        What of it, over all steps, rests on prices of each kind, as `EnergyReport.by_kind`.
    no_energy : str or None
        Why there is no energy.
    outputs : dict of name to float32
        What the network gave.
    host_macs : int or None
        Multiply-accumulates of products that the host did; None where they are not known.
    """

    steps: tuple[StepRun, ...]
    energy_pj: tuple[float, ...] | None
    modules_pj: tuple[Mapping[str, float], ...] | None
    kinds_pj: Mapping[str, float] | None
    no_energy: str | None
    outputs: dict[str, npt.NDArray[np.float32]]
    host_macs: int | None

    @property
    def cycles(self) -> int:
        """Cycles of all steps, one after the other."""
        return sum(step.result.cycles for step in self.steps)

    @property
    def answer(self) -> int:
        """Place of the largest number of the last output: a classifier's class."""
        return int(next(reversed(self.outputs.values())).reshape(-1).argmax())


def run_examples(
    model: Model,
    examples: Iterable[Example],
    hw: Hardware,
    prices: PriceTable,
    engine: Engine = "fast",
    balance: bool = False,
) -> Iterator[ExampleRun]:
    """Run inputs through a network as `eiesim.inference.run_model` does, and price each."""
    for run in run_steps(model, examples, Setup(hw, engine, balance, limits=True)):
        outputs = {name: run.values[name] for name in model.graph.outputs}
        reports, no_energy = price_steps(run, prices)
        totals = modules = kinds = None
        if reports is not None:
            totals = tuple(report.total_pj for report in reports)
            modules = tuple(report.by_component() for report in reports)
            kinds = add_kinds(reports)
        yield ExampleRun(run.steps, totals, modules, kinds, no_energy, outputs, run.host_macs)


def price_steps(
    run: InputRun, prices: PriceTable
) -> tuple[tuple[EnergyReport, ...], None] | tuple[None, str]:
    """Return the energy of each step on EIE, or None and why an action has no price."""
    try:
        return tuple(estimate_energy(step.result, prices=prices) for step in run.steps), None
    except EnergyError as error:
        return None, str(error)
