"""Character models on EIE: how well they predict a text, what that costs, what they write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from eiesim import __version__
from eiesim.base.errors import WorkloadError
from eiesim.base.tables import Row
from eiesim.base.units import cycles_to_us
from eiesim.catalog.characters import find_bits, number_text
from eiesim.catalog.examples import Example
from eiesim.catalog.model import Model
from eiesim.catalog.operands import Source
from eiesim.energy.clock import check_clock
from eiesim.energy.kinds import add_kinds, show_kinds, weigh_kinds
from eiesim.energy.prices import PriceTable
from eiesim.hardware import Hardware
from eiesim.inference import InputRun, Setup, run_steps
from eiesim.report.report import Report
from eiesim.runs.answers import describe_clock, name_energy, name_time
from eiesim.runs.network import price_steps
from eiesim.runs.thresholds import describe_unpriced, list_unpriced

SCHEMA = "eiesim text 1"


@dataclass(frozen=True)
class TextRun:
    """A text through a character model, or from it.

    Attributes
    ----------
    text : str
        What was read or written.
    bits_per_character : float
        Mean of -log2 of the probability of each character but the first.
    cycles_per_character, energy_pj_per_character : float
        Means on EIE; no energy where an action has no price.
    kinds : tuple of dict
        From `weigh_kinds`, of the energy of a character; empty without.
    no_energy : str or None
        Why there is no energy.
    """

    text: str
    bits_per_character: float
    cycles_per_character: float
    energy_pj_per_character: float | None
    kinds: tuple[Row, ...]
    no_energy: str | None


def measure_text(model: Model, text: str, setup: Setup, prices: PriceTable) -> TextRun:
    """Let a character model, with one input and one output, read a text.

    Parameters
    ----------
    text : str
        At least two characters that the model knows; others are left out.

    Raises
    ------
    WorkloadError
        The model is no character model, or the text is too short.
    """
    numbers = number_known(model, text, 2)
    (name,) = model.graph.inputs
    example = {name: numbers[:-1].astype(np.float32)}
    (run,) = run_steps(model, [example], setup)
    bits = find_bits(run.values[model.graph.outputs[0]], numbers[1:])
    known = "".join(model.characters[number] for number in numbers)
    return _average(known, bits, [run], len(numbers) - 1, prices)


def write_text(
    model: Model, start: str, number: int, setup: Setup, prices: PriceTable, seed: int = 0
) -> TextRun:
    """Let a character model go on with a text, each character drawn by its probability.

    Parameters
    ----------
    start : str
        What it begins with; at least one character that the model knows.
    number : int
        Characters to write.

    Returns
    -------
    TextRun
        What was written, without the start; the bits are those of the characters drawn.

    Raises
    ------
    WorkloadError
        The model is no character model, or knows none of the start's characters.
    """
    numbers = number_known(model, start, 1)
    rng = np.random.default_rng(seed)
    (name,) = model.graph.inputs
    drawn: list[int] = []
    scores: list[npt.NDArray[np.float32]] = []

    def go_on() -> Iterator[Example]:
        yield {name: numbers.astype(np.float32)}
        while len(drawn) < number:
            yield {name: np.array(drawn[-1:], np.float32)}

    runs = []
    for run in run_steps(model, go_on(), setup, keep_state=True):
        scores.append(run.values[model.graph.outputs[0]][-1])
        exact = scores[-1].astype(np.float64)
        shares = np.exp(exact - exact.max())
        drawn.append(int(rng.choice(len(shares), p=shares / shares.sum())))
        runs.append(run)
    written = "".join(model.characters[place] for place in drawn[:number])
    bits = find_bits(np.stack(scores), np.array(drawn))
    return _average(written, bits, runs, len(numbers) + len(runs) - 1, prices)


def report_texts(
    runs: Mapping[str, TextRun], hw: Hardware, prices: PriceTable, sources: tuple[Source, ...]
) -> Report:
    """Return the report of texts that a model read and wrote.

    Parameters
    ----------
    runs : mapping of str to TextRun
        ``read``, and ``written`` where there is one.
    """
    rows = [
        {key: value for key, value in asdict(run).items() if key != "kinds"}
        | {"text": name, "characters": len(run.text)}
        for name, run in runs.items()
    ]
    kinds = [{"text": name} | row for name, run in runs.items() for row in run.kinds]
    clock = check_clock(hw, prices)
    texts = {name: asdict(run) for name, run in runs.items()}
    return Report(
        title="A text through a character model",
        summary={
            "schema": SCHEMA,
            "eiesim": __version__,
            **texts,
            "clock": clock.to_dict(),
            "overrides": list(prices.overrides),
            "unpriced": list_unpriced(hw),
        },
        answer=tuple(_describe(name, run, hw) for name, run in runs.items()),
        brief=(
            runs["written"].text if "written" in runs else "",
            describe_unpriced(hw),
            describe_clock(clock.to_dict()),
        ),
        shown=(
            rows,
            *(show_kinds(run.kinds) for run in runs.values()),
            runs["written"].text if "written" in runs else "",
            describe_unpriced(hw),
            clock.describe(),
        ),
        list_tables=lambda: {"text": rows, "kinds": kinds},
        hardware=hw,
        sources=sources,
    )


def _describe(name: str, run: TextRun, hw: Hardware) -> str:
    """Return how well a text is predicted, and what a character takes."""
    time = name_time(cycles_to_us(run.cycles_per_character, hw.clock_mhz))
    energy = name_energy(run.energy_pj_per_character)
    reason = "" if run.no_energy is None else f" ({run.no_energy})"
    return (
        f"{name}: {len(run.text):,} characters at {run.bits_per_character:.3f} bits each; a "
        f"character takes {time} and {energy}{reason} on EIE."
    )


def number_known(model: Model, text: str, least: int) -> npt.NDArray[np.int64]:
    """Return the numbers of a text's characters that a character model knows.

    Raises WorkloadError if the model is no character model, or knows fewer than `least`.
    """
    if not model.characters or len(model.graph.inputs) != 1:
        raise WorkloadError(
            f"{model.name}: expected a character model: one input, and a list of characters"
        )
    numbers = number_text(text, tuple(model.characters))
    if len(numbers) < least:
        raise WorkloadError(
            f"{model.name}: expected a text with {least} or more of its characters, found "
            f"{len(numbers)}"
        )
    return numbers


def _average(
    text: str,
    bits: npt.NDArray[np.float64],
    runs: list[InputRun],
    characters: int,
    prices: PriceTable,
) -> TextRun:
    """Return means over the characters that went through the model."""
    priced = [price_steps(run, prices) for run in runs]
    no_energy = next((reason for _, reason in priced if reason is not None), None)
    energy_pj = sum(sum(step.total_pj for step in steps or ()) for steps, _ in priced)
    each_pj = energy_pj / characters if no_energy is None else None
    by_kind = add_kinds(step for steps, _ in priced for step in steps or ())
    kinds = weigh_kinds({kind: pj / characters for kind, pj in by_kind.items()})
    return TextRun(
        text, float(bits.mean()), sum(run.cycles for run in runs) / characters, each_pj,
        tuple(kinds) if no_energy is None else (), no_energy,
    )  # fmt: skip
