"""The result of a profile: the module's output, and a row a layer."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from eiesim import __version__
from eiesim.base.errors import EnergyError
from eiesim.base.files import new_folder, replacing
from eiesim.base.tables import Row
from eiesim.base.units import cycles_to_us
from eiesim.energy.estimate import EnergyReport, estimate_energy
from eiesim.energy.kinds import add_kinds, show_kinds, weigh_kinds
from eiesim.energy.prices import PriceTable
from eiesim.hardware import Hardware
from eiesim.profiling.machine import ProfiledRun
from eiesim.report.report import Report
from eiesim.runs.clock import check_runs
from eiesim.runs.layer_rows import describe_lack
from eiesim.runs.limits import describe_longest, tabulate_step_limits
from eiesim.runs.thresholds import describe_unpriced

SCHEMA = "eiesim profile 1"
COMMAND = ("eiesim.profile",)
SHOWN = (
    "layer", "kind", "outputs", "inputs", "weight_density", "codebook_bits", "products",
    "activation_density", "cycles", "energy_pj", "load_balance", "limit", "second_limit",
    "output_error",
)  # fmt: skip


@dataclass(frozen=True)
class Unused:
    """Weights of a module that EIE did not multiply with, and why; `kind` is the module's class."""

    module: str
    kind: str
    weights: int
    reason: str


@dataclass(frozen=True, eq=False)
class Profile:
    """A run of a PyTorch module with its products on EIE.

    Attributes
    ----------
    name
        The module's class.
    output
        Of the module; if `replaced`, from the products of EIE.
    layers
        In the order in which the module first multiplied with them.
    replaced
        Whether the module continued with EIE's outputs.
    host_macs
        Multiply-accumulates of the host: between activations, and of what was left out.
    """

    name: str
    output: Any
    layers: tuple[ProfiledRun, ...]
    left_out: tuple[Unused, ...]
    hardware: Hardware
    prices: PriceTable
    replaced: bool
    host_macs: int

    @property
    def cycles(self) -> int:
        """Cycles of all layers, one after the other."""
        return sum(layer.run.result.cycles for layer in self.layers)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of EIE with the weights before compression, zeros included."""
        return sum(layer.macs for layer in self.layers)

    @cached_property
    def energy_pj(self) -> tuple[float, ...] | None:
        """Energy of each layer; None if an action has no price."""
        if self.no_energy:
            return None
        return tuple(report.total_pj for report in self._prices_or_reason[0])

    @property
    def no_energy(self) -> str | None:
        """Why there is no energy."""
        return self._prices_or_reason[1]

    @cached_property
    def _prices_or_reason(self) -> tuple[tuple[EnergyReport, ...], str | None]:
        try:
            reports = [
                estimate_energy(layer.run.result, prices=self.prices) for layer in self.layers
            ]
        except EnergyError as error:
            return (), str(error)
        return tuple(reports), None

    @cached_property
    def kinds(self) -> list[Row]:
        """How the energy of all layers rests on prices of each kind, see `weigh_kinds`."""
        return weigh_kinds(add_kinds(self._prices_or_reason[0]))

    @cached_property
    def rows(self) -> list[Row]:
        """One row a layer, units in the names."""
        energies = self.energy_pj or (None,) * len(self.layers)
        return [
            _describe(layer, energy, self.no_energy)
            for layer, energy in zip(self.layers, energies, strict=True)
        ]

    @cached_property
    def summary(self) -> Row:
        """Everything as plain values."""
        total_pj = None if self.energy_pj is None else sum(self.energy_pj)
        results = [layer.run.result for layer in self.layers]
        return {
            "schema": SCHEMA,
            "eiesim": __version__,
            "module": self.name,
            "engine": results[0].engine,
            "replaced": self.replaced,
            "cycles": self.cycles,
            "latency_us": cycles_to_us(self.cycles, self.hardware.clock_mhz),
            "energy_pj": total_pj,
            "kinds": self.kinds,
            "no_energy": self.no_energy,
            "macs": self.macs,
            "host_macs": self.host_macs,
            "share_of_macs": self.macs / (self.macs + self.host_macs),
            "left_out": [asdict(part) for part in self.left_out],
            "hardware": asdict(self.hardware),
            "clock": check_runs(self.hardware, self.prices, results),
            "layers": self.rows,
        }

    @property
    def report(self) -> Report:
        """The report that `save` and `save_page` write."""
        return Report(
            title=f"{self.name} on EIE",
            summary=self.summary,
            shown=(
                [{key: row[key] for key in SHOWN} for row in self.rows],
                show_kinds(self.kinds),
                *self._list_sentences(),
            ),
            list_tables=lambda: {
                "layers": self.rows,
                "kinds": self.kinds,
                "left_out": [asdict(part) for part in self.left_out],
            },
            hardware=self.hardware,
        )

    def save(self, folder: str | Path) -> Path:
        """Write summary, machine and tables into a new folder, and return its path."""
        with new_folder(folder) as place:
            self.report.write(place.work, COMMAND)
        return place.final

    def save_page(self, path: str | Path) -> None:
        """Write one page of HTML that needs no network."""
        with replacing(path) as stream:
            stream.write(self.report.render(COMMAND).encode())

    def __str__(self) -> str:
        """Return the sentences of the report."""
        return "\n".join(filter(None, self._list_sentences()))

    def _list_sentences(self) -> list[str]:
        summary = self.summary
        energy = "" if summary["energy_pj"] is None else f", {summary['energy_pj'] / 1e6:.4g} uJ"
        lines = [
            f"{self.name}: {len(self.layers)} layers on EIE, {self.cycles} cycles, "
            f"{summary['latency_us']:.4g} us{energy}",
            f"EIE does {self.macs} of {self.macs + self.host_macs} multiply-accumulates "
            f"({summary['share_of_macs']:.2%})",
        ]
        lines.append(describe_longest(self.rows, "layer"))
        lines += [
            f"left out: {part.module or 'the module itself'} ({part.kind}, {part.weights} weights)"
            f": {part.reason}"
            for part in self.left_out
        ]
        lines += [
            describe_lack(layer.name, use)
            for layer in self.layers
            for use in layer.run.memories
            if not use.fits
        ]
        if self.no_energy:
            lines.append(f"no energy: {self.no_energy}")
        lines.append(describe_unpriced(self.hardware))
        return [*lines, summary["clock"]["text"]]


def _describe(layer: ProfiledRun, energy_pj: float | None, no_energy: str | None) -> Row:
    run, matrix = layer.run, layer.stored.layer
    result = run.result
    return {
        "layer": layer.name,
        "kind": layer.kind,
        "outputs": matrix.rows,
        "inputs": matrix.cols,
        "weight_density": layer.density,
        "codebook_bits": matrix.codebook_bits,
        "index_bits": layer.stored.index_bits,
        "weight_error": layer.change.shared_error,
        "calls": layer.calls,
        "products": run.product_cycles.size,
        "activation_density": int(run.nonzeros.sum()) / run.activations,
        "latency_us": result.latency_us,
        "energy_pj": energy_pj,
        "no_energy": no_energy,
        "load_balance": result.load_balance,
        **tabulate_step_limits([run]),
        **result.counters.totals(),
        "dram_bytes": result.dram_bytes,
        "fits": all(use.fits for use in run.memories),
        "output_error": layer.output_error,
    }
