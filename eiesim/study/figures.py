"""Charts as the papers print them: SVG and PNG, readable in print and without colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from eiesim.resources import data_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HATCHES = ("", "////", "\\\\\\\\", "....", "xxxx", "----", "++++", "oooo", "****")
"""One for each series, so that bars differ without colour."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")


@dataclass(frozen=True)
class Panel:
    """One set of axes.

    Attributes
    ----------
    kind : str
        ``bars`` in groups, or ``lines``.
    groups : tuple of str
        Labels along the horizontal axis.
    series : mapping
        Values of each series, one a group; None leaves a gap.
    x_label, y_label : str
        What the axes show, with units.
    log : bool
        Whether the vertical axis is logarithmic.
    """

    kind: str
    groups: tuple[str, ...]
    series: Mapping[str, Sequence[float | None]]
    x_label: str
    y_label: str
    log: bool = False


@dataclass(frozen=True)
class Chart:
    """Panels side by side under one title."""

    title: str
    panels: tuple[Panel, ...]
    width_inches: float = 7.0
    height_inches: float = 3.4


def draw_chart(chart: Chart, folder: Path, name: str) -> None:
    """Draw a chart into NAME.svg and NAME.png.

    Parameters
    ----------
    chart : Chart
        What to draw.
    folder : Path
        Where to put the files.
    name : str
        Name of the files without ending.
    """
    import matplotlib as mpl  # noqa: PLC0415 - a second to import
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    with mpl.rc_context(fname=str(data_path("figures.mplstyle"))):
        figure = Figure(figsize=(chart.width_inches, chart.height_inches), layout="constrained")
        FigureCanvasAgg(figure)
        figure.suptitle(chart.title)
        for axes, panel in zip(
            figure.subplots(1, len(chart.panels), squeeze=False)[0], chart.panels, strict=True
        ):
            _draw_panel(axes, panel)
        figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
        figure.savefig(folder / f"{name}.png", dpi=200)


def _draw_panel(axes: Axes, panel: Panel) -> None:
    places = range(len(panel.groups))
    if panel.log:
        axes.set_yscale("log")
    if panel.kind == "bars":
        _draw_bars(axes, panel)
    else:
        for (label, values), marker in zip(panel.series.items(), MARKERS, strict=False):
            numbers = [float("nan") if value is None else value for value in values]
            axes.plot(places, numbers, marker=marker, label=label)
    long = max(map(len, panel.groups)) > 4
    axes.set_xticks(
        list(places), panel.groups, rotation=45 if long else 0, ha="right" if long else "center"
    )
    axes.set_xlabel(panel.x_label)
    axes.set_ylabel(panel.y_label)
    if len(panel.series) > 1:
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=min(len(panel.series), 3))


def _draw_bars(axes: Axes, panel: Panel) -> None:
    width = 0.84 / len(panel.series)
    for number, (label, values) in enumerate(panel.series.items()):
        places = [group - 0.42 + (number + 0.5) * width for group in range(len(values))]
        heights = [float("nan") if value is None else value for value in values]
        bars = axes.bar(places, heights, width, label=label, hatch=HATCHES[number % len(HATCHES)])
        texts = ["" if value is None else f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"
                 for value in values]  # fmt: skip
        axes.bar_label(bars, labels=texts, rotation=90, padding=2)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high * (high / low) ** 0.25 if panel.log else high * 1.25)
