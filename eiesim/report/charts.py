"""Charts as the papers print them: SVG and PNG, readable in print and without colour."""

from __future__ import annotations

import html
import io
import math
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from eiesim.base.errors import escape
from eiesim.base.resources import data_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

HATCHES = ("", "////", "\\\\\\\\", "xxxx", "----", "||||", "++++", "//", "\\\\")
"""One for each series, so that bars differ without colour; dots and stars make files ten times as
big."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
DASHES = ("-", "--", "-.", ":")
INK, PAPER = "#010203", "#fdfeff"
"""Colours of `figures.mplstyle` that stand for the page's own."""
BARS_AT_MOST = 40
"""Stacked bars beyond these are drawn as one outline, since they could not be distinguished."""
LONGEST_NAME, LONGEST_LABEL = 40, 50
"""Characters of a name in a chart, and of what stands along an axis."""
POINTS_PER_INCH = 72
NOTEBOOK_DPI = 110
CHARACTER_POINTS = 4.2
"""Mean width of a character of 7 points."""


@dataclass(frozen=True)
class Panel:
    """One set of axes.

    Attributes
    ----------
    kind : str
        ``bars`` in groups, ``stacked`` bars, ``lines``; ``points`` at `places`; ``heat``, a row of
        squares a series; or ``parallel``, thin lines from axis to axis and the last one thick.
    groups : tuple of str
        Labels along the horizontal axis.
    series : mapping
        Values of each series by its name in the legend, one a group; None leaves a gap between
        bars, and a line goes on without it. One with an empty name stands in no legend.
    x_label, y_label : str
        What the axes show, with units.
    log : bool
        Whether the vertical axis is logarithmic.
    places : mapping
        For ``points``: where each value of each series stands on the horizontal axis, which is
        logarithmic if the vertical one is.
    marks : mapping
        For ``heat``: what stands on an empty square, by numbers of its series and its group.
    """

    kind: str
    groups: tuple[str, ...]
    series: Mapping[str, Sequence[float | None]]
    x_label: str
    y_label: str
    log: bool = False
    places: Mapping[str, Sequence[float]] = field(default_factory=dict)
    marks: Mapping[tuple[int, int], str] = field(default_factory=dict)


@dataclass(frozen=True)
class Chart:
    """Panels side by side under one title.

    Attributes
    ----------
    see : str
        One sentence: what to see.
    width_inches, height_inches : float
        Size on paper; text has 7 points. A printed page is 7 inches wide.
    """

    title: str
    panels: tuple[Panel, ...]
    see: str
    width_inches: float = 7.0
    height_inches: float = 3.4

    def _repr_png_(self) -> bytes:
        """Return the chart as a notebook shows it: code hosts show no SVG in one."""
        stream = io.BytesIO()
        with _drawn(self, self.title) as figure:
            figure.savefig(stream, dpi=NOTEBOOK_DPI, metadata={"Software": None})
        return stream.getvalue()


def draw_chart(chart: Chart, folder: Path, name: str) -> None:
    """Draw a chart into NAME.svg and NAME.png."""
    with _drawn(chart, chart.title) as figure:
        figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
        figure.savefig(folder / f"{name}.png", dpi=200)


def draw_svg(chart: Chart, prefix: str) -> str:
    """Return a chart as an SVG element that takes text colour and paper from the page around it.

    The title is for screen readers alone: a page prints it in the caption. Colours of series
    are the custom properties ``--series-1`` and so on, where the page has them.

    Parameters
    ----------
    prefix : str
        Letters, digits, ``-`` and ``_`` that no other SVG of the page has: its ids begin with it.
    """
    stream = io.StringIO()
    with _drawn(chart, "") as figure:
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    return _make_element(stream.getvalue(), chart, prefix)


@contextmanager
def _drawn(chart: Chart, title: str) -> Iterator[Figure]:
    """Give a figure, laid out, within the style that it must be saved in."""
    import matplotlib as mpl  # noqa: PLC0415 - a second to import
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    with mpl.rc_context(fname=str(data_path("figures.mplstyle"))), warnings.catch_warnings():
        # a layer's name may have any character; SVG shows it, and a PNG a box in its place
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure = Figure(figsize=(chart.width_inches, chart.height_inches), layout="constrained")
        FigureCanvasAgg(figure)
        if title:
            figure.suptitle(escape(title))
        axes = figure.subplots(1, len(chart.panels), squeeze=False)[0]
        width_points = chart.width_inches * POINTS_PER_INCH / len(chart.panels) - 45
        for one, panel in zip(axes, chart.panels, strict=True):
            _draw_panel(one, panel, width_points)
        _add_legends(figure, list(axes), chart, width_points)
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # what is laid out stays so: half the time of a saving
        yield figure


def _draw_panel(axes: Axes, panel: Panel, width_points: float) -> None:
    is_log = panel.log and panel.kind != "heat"
    if is_log:
        axes.set_yscale("log")
    draw = {
        "bars": _draw_bars, "stacked": _draw_stack, "lines": _draw_lines, "points": _draw_points,
        "heat": _draw_heat, "parallel": _draw_parallel,
    }[panel.kind]  # fmt: skip
    draw(axes, panel, width_points)
    if is_log:
        _label_decades(axes.yaxis, axes.get_ylim())
    axes.set_xlabel(_cut(panel.x_label, LONGEST_LABEL))
    axes.set_ylabel(_cut(panel.y_label, LONGEST_LABEL))
    if panel.kind != "points":
        _label_groups(axes, panel.groups, width_points, panel.kind == "heat")
    elif panel.log:
        _label_decades(axes.xaxis, axes.get_xlim())


def _draw_points(axes: Axes, panel: Panel, _width_points: float) -> None:
    """Draw points, those of the last series larger."""
    if panel.log:
        axes.set_xscale("log")
    last = len(panel.series) - 1
    for number, (label, values) in enumerate(panel.series.items()):
        marker, size = MARKERS[number % len(MARKERS)], 7 if number == last else 3
        axes.plot(
            panel.places[label], _numbers(values), linestyle="", marker=marker, markersize=size,
            label=_name(label),
        )  # fmt: skip
    axes.margins(x=0.06, y=0.08)


def _draw_heat(axes: Axes, panel: Panel, width_points: float) -> None:
    """Draw squares, light for what is small, with their values on them where there is room."""
    rows = np.array([_numbers(values) for values in panel.series.values()])
    scaled = np.log(rows) if panel.log else rows
    # squares instead of an image, so that an SVG has no bitmap in it
    mesh = axes.pcolormesh(np.ma.masked_invalid(scaled), cmap="Blues", edgecolors=PAPER)
    axes.set_yticks(np.arange(len(rows)) + 0.5, [_cut(name) for name in panel.series])
    longest = max(len(_show(value)) for row in rows for value in row)
    if longest * CHARACTER_POINTS < width_points / len(panel.groups):
        low, high = mesh.get_clim()
        for (at, place), value in np.ndenumerate(rows):
            if not math.isnan(value):
                dark = high > low and (scaled[at, place] - low) / (high - low) > 0.55
                axes.text(place + 0.5, at + 0.5, _show(value), ha="center", va="center",
                          color="#ffffff" if dark else "#000000")  # fmt: skip
    for (at, place), mark in panel.marks.items():
        axes.text(place + 0.5, at + 0.5, mark, ha="center", va="center", color=INK)
    axes.set_xlim(0, len(panel.groups))


def _draw_parallel(axes: Axes, panel: Panel, _width_points: float) -> None:
    *thin, (label, chosen) = panel.series.items()
    for _, values in thin:
        axes.plot(range(len(values)), _numbers(values), color=INK, linewidth=0.4, alpha=0.25)
    axes.plot(range(len(chosen)), _numbers(chosen), linewidth=2.5, marker="o", label=_name(label))
    for place in range(len(chosen)):
        axes.axvline(place, color=INK, linewidth=0.6)
    axes.margins(x=0.03, y=0.05)


def _draw_lines(axes: Axes, panel: Panel, _width_points: float) -> None:
    for (label, values), marker, dash in zip(
        panel.series.items(), cycle(MARKERS), cycle(DASHES), strict=False
    ):
        points = [(place, value) for place, value in enumerate(values) if value is not None]
        axes.plot(*zip(*points, strict=True), marker=marker, linestyle=dash, label=_name(label))
    axes.margins(y=0.08)


def _draw_bars(axes: Axes, panel: Panel, width_points: float) -> None:
    """Draw bars in groups with their values on them, turned and small where bars are thin."""
    width = 0.86 / len(panel.series)
    bar_points = width * width_points / len(panel.groups)
    letters = min(7.0, max(4.5, bar_points))
    longest = max(len(_show(value)) for values in panel.series.values() for value in values)
    turn = 0 if longest * CHARACTER_POINTS < bar_points else 90
    for number, (label, values) in enumerate(panel.series.items()):
        places = [group - 0.43 + (number + 0.5) * width for group in range(len(values))]
        hatch = HATCHES[number % len(HATCHES)]
        bars = axes.bar(places, _numbers(values), width, label=_name(label), hatch=hatch)
        texts = [_show(value) for value in values]
        axes.bar_label(bars, texts, rotation=turn, padding=2, fontsize=letters)
    axes.margins(x=0.02, y=0.24 if turn else 0.12)


def _draw_stack(axes: Axes, panel: Panel, _width_points: float) -> None:
    count = len(panel.groups)
    base = [0.0] * count
    for number, (label, values) in enumerate(panel.series.items()):
        top = [low + (value or 0) for low, value in zip(base, values, strict=True)]
        hatch = HATCHES[number % len(HATCHES)]
        if count > BARS_AT_MOST:
            edges = [place - 0.5 for place in range(count + 1)]
            axes.stairs(top, edges, baseline=base, fill=True, label=_name(label), hatch=hatch)
        else:
            heights = [high - low for high, low in zip(top, base, strict=True)]
            axes.bar(range(count), heights, 0.7, base, label=_name(label), hatch=hatch)
        base = top
    axes.margins(x=0.01 if count > BARS_AT_MOST else 0.03, y=0.06)


def _label_decades(axis: Axis, limits: tuple[float, float]) -> None:
    """Write plain numbers beside a logarithmic axis: powers of ten, or 1, 2 and 5 if few."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter  # noqa: PLC0415

    low, high = limits
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 100 * low else (1,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axis.set_minor_formatter(NullFormatter())


def _label_groups(
    axes: Axes, groups: Sequence[str], width_points: float, heat: bool = False
) -> None:
    """Write the groups' names below the axis: slanted where they are long, only some if many."""
    names = [_cut(group) for group in groups]
    longest = max(map(len, names)) + 1
    slanted = longest * CHARACTER_POINTS * len(names) > width_points and longest > 5
    needed_points = 9 if slanted else longest * CHARACTER_POINTS
    step = math.ceil(len(names) * needed_points / width_points)
    step = step if step < 2 else 1 << (step - 1).bit_length()
    middle = 0.5 if heat else 0
    axes.set_xticks(
        [place + middle for place in range(0, len(names), step)],
        names[::step],
        rotation=40 if slanted else 0,
        ha="right" if slanted else "center",
        rotation_mode="anchor" if slanted else "default",
    )
    axes.tick_params(axis="x", length=0 if step == 1 else 2)


def _add_legends(figure: Figure, axes: Sequence[Axes], chart: Chart, width_points: float) -> None:
    """Name the series outside the axes, where nothing is covered; once where all have the same."""
    names = {tuple(panel.series) for panel in chart.panels}
    shared = len(names) == 1
    for one, panel in zip(axes[:1] if shared else axes, chart.panels, strict=False):
        handles, labels = one.get_legend_handles_labels()
        if not labels or (len(panel.series) == 1 and shared):
            continue
        room = width_points * (len(axes) if shared else 1)
        columns = max(1, int(room / (40 + CHARACTER_POINTS * max(map(len, labels)))))
        columns = math.ceil(len(labels) / math.ceil(len(labels) / columns))
        if shared:
            figure.legend(handles, labels, loc="outside lower center", ncols=columns)
        else:
            one.legend(handles, labels, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=columns)


def _name(label: str) -> str:
    """Return a series' name for the legend, which leaves out what begins with ``_``."""
    return f" {_cut(label)}" if label.startswith("_") else _cut(label)


def _cut(text: str, most: int = LONGEST_NAME) -> str:
    """Return a text that may be printed, no longer than leaves room for the chart."""
    shown = escape(text)
    return shown if len(shown) <= most else f"{shown[: most - 3]}..."


def _numbers(values: Sequence[float | None]) -> list[float]:
    return [math.nan if value is None else value for value in values]


def _show(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _make_element(text: str, chart: Chart, prefix: str) -> str:
    """Return an SVG file's content as an element of a page, with the page's colours."""
    root = re.search(r'<svg [^>]*viewBox="0 0 ([\d.]+) ([\d.]+)"[^>]*>(.*)', text, re.DOTALL)
    if root is None:
        raise ValueError("matplotlib wrote an SVG file of another form")
    # the style rule would hold for the whole page
    body = re.sub(r"<(metadata|style)\b.*?</\1>", "", root[3], flags=re.DOTALL)
    used = set(re.findall(r'(?:url\(|href=")#([^")]+)', body))
    colours = _find_colours()

    def rewrite(tag: re.Match[str]) -> str:
        words = re.sub(
            r' id="([^"]*)"', lambda at: f' id="{prefix}-{at[1]}"' if at[1] in used else "", tag[0]
        )
        words = re.sub(r'(?:xlink:)?href="#', f'href="#{prefix}-', words)
        words = words.replace("url(#", f"url(#{prefix}-")
        words = re.sub(r"(\.\d\d)\d+", r"\1", words)  # a hundredth of a point is enough
        return re.sub(r"#[0-9a-f]{6}\b", lambda at: colours.get(at[0], at[0]), words)

    body = re.sub(r"<[^>]*>", rewrite, body)
    title = html.escape(escape(chart.title))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="100%" viewBox="0 0 {root[1]} {root[2]}" '
        f'style="min-width:{1.1 * float(root[1]):.0f}px;max-width:{1.9 * float(root[1]):.0f}px;'
        'stroke-linejoin:round;stroke-linecap:butt" '
        f'role="img" aria-label="{title}"><title>{title}</title>{body}'
    )


def _find_colours() -> dict[str, str]:
    """Return what takes the place of each colour of the style in a page."""
    import matplotlib as mpl  # noqa: PLC0415 - a second to import

    style = mpl.rc_params_from_file(data_path("figures.mplstyle"), use_default_template=False)
    cycled = style["axes.prop_cycle"].by_key()["color"]
    series = [f"#{str(colour).lower().removeprefix('#')}" for colour in cycled]
    places = {colour: f"var(--series-{at}, {colour})" for at, colour in enumerate(series, start=1)}
    return places | {INK: "currentColor", PAPER: "var(--paper, #ffffff)"}
