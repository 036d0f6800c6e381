"""Write the tables of published networks: ``python -m tests.published.table``."""

from __future__ import annotations

import time
from pathlib import Path

from eiesim.base.files import replacing
from eiesim.base.units import cycles_to_us
from tests.published.figures import LOSSLESS, SETTINGS, USUAL, Figures, Network, find_difference
from tests.published.networks import DECISIONS, NETWORKS, make_vad
from tests.support.paths import DATA, DOCS

PAGE = DOCS / "real_networks.md"
BEGIN, END = "<!-- begin: tests/published/table.py -->", "<!-- end -->"
WHOLE = "| published file | layers on EIE | multiply-accumulates | on EIE | lossless within |"
COSTS = "| published network | weights | cycles | us | uJ | difference | of its purpose |"
HEARD = "| silero_vad.onnx on a recording | same as with its own weights |"
RECORDING = DATA / "wavegru" / "16khz_sample_000001.wav"


def describe_whole(network: Network, figures: Figures, difference: float) -> list[str]:
    """Return a network's cells in the first table: what of it EIE does, and how exactly.

    Parameters
    ----------
    figures, difference
        With weights that codes of 8 bits hold.
    """
    return [
        network.name,
        str(figures.layers),
        f"{figures.macs + figures.host_macs:,}",
        f"{100 * figures.share:.2f} %",
        f"{difference:.0e}",
    ]


def describe_costs(network: Network) -> list[list[str]]:
    """Return a network's rows in the second table: what it takes with compressed weights."""
    runnable = network.make()
    expected = runnable.run_itself()
    rows = []
    for name, setting in SETTINGS.items():
        figures: Figures = runnable.run_on_eie(setting)
        latency_us = cycles_to_us(figures.cycles, setting.hw.clock_mhz)
        rows.append(
            [
                network.name,
                name,
                f"{figures.cycles:,.0f}",
                f"{latency_us:,.1f}",
                f"{figures.energy_pj / 1e6:,.2f}",
                f"{find_difference(figures.outputs, expected):.2g}" if network.is_numeric else "",
                network.task(expected, figures.outputs) if network.task else "",
            ]
        )
    return rows


def describe_recording(path: Path) -> list[list[str]]:
    """Return the rows of the third table: silero-vad's decisions on a recording."""
    runnable = make_vad(path)
    expected = runnable.run_itself()
    settings = {**SETTINGS, "4 bits, 8 in convolutions": USUAL}
    return [
        [name, DECISIONS(expected, runnable.run_on_eie(setting).outputs)]
        for name, setting in settings.items()
    ]


def write_tables() -> None:
    """Put the tables between the page's two marks, in the place of what stands there."""
    whole, costs = [], []
    for network in NETWORKS:
        start = time.monotonic()
        rounded = network.make().round()
        figures = rounded.run_on_eie(LOSSLESS)
        difference = find_difference(figures.outputs, rounded.run_itself())
        whole.append(describe_whole(network, figures, difference))
        costs += describe_costs(network) if network.is_priced else []
        print(f"{network.name}: {time.monotonic() - start:.0f} s", flush=True)
    tables = {WHOLE: whole, COSTS: costs, HEARD: describe_recording(RECORDING)}
    lines = [line for heading, rows in tables.items() for line in ("", *_draw(heading, rows))]
    text = "\n".join([BEGIN, *lines, "", END])
    page = PAGE.read_text("utf-8")
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    with replacing(PAGE) as stream:
        stream.write(f"{before}{text}{after}".encode())


def _draw(heading: str, rows: list[list[str]]) -> list[str]:
    line = "|" + "---|" * (heading.count("|") - 1)
    return [heading, line, *(f"| {' | '.join(row)} |" for row in rows)]


if __name__ == "__main__":
    write_tables()
