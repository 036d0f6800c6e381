"""A sweep as one page: its front, its maps, and every point in a table that sorts."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from eiesim.hardware import Hardware
from eiesim.study import markup
from eiesim.study.figures import Chart, Panel
from eiesim.study.page import Section, date_line, describe_manifest, render_page
from eiesim.study.sweep.answers import find_front, is_answer, weigh
from eiesim.study.sweep.evaluate import Row
from eiesim.study.sweep.points import list_axes
from eiesim.study.sweep.spec import LARGE, Sweep, name_metric

ROWS_AT_MOST = 2000
"""Of a table."""
LINES_AT_MOST = 400
"""Of a chart of parallel axes."""
POINTS_AT_MOST = 5000
"""Of a chart of points."""
OTHERS, FRONT, PAPER = "other points", "front", "the paper's chip"


def render_sweep(sweep: Sweep, rows: Sequence[Row], summary: Row, manifest: Row) -> str:
    """Return the page of a sweep.

    Parameters
    ----------
    sweep : Sweep
        The sweep.
    rows : sequence of dict
        What is judged: points of one layer, or machines over all layers.
    summary : dict
        From `eiesim.study.sweep.report.summarise`.
    manifest : dict
        From `eiesim.study.store.make_manifest`.
    """
    axes = list_axes(sweep)
    charts = [*_draw_fronts(sweep, rows), *_draw_maps(sweep, rows, axes)]
    parallel = _draw_parallel(sweep, rows, axes)
    charts += [parallel] if parallel else []
    counts = summary["points"]
    tiles = markup.tiles(
        [(f"{number:,}", name.replace("_", " "), "") for name, number in counts.items()]
    )
    figures = markup.join([markup.figure(it, f"chart-{at}") for at, it in enumerate(charts)])
    sections = [Section("charts", "Charts", figures)]
    for anchor, title, table in (
        ("front", "Pareto front", summary["front"]),
        (
            "best",
            "Best points",
            [{"objective": name} | row for name, row in summary["best"].items()],
        ),
        ("sensitivity", "What each axis does", summary["sensitivity"]),
        ("points", "All points", rows),
    ):
        if table:
            shown = [{key: it for key, it in row.items() if key != "meets"} for row in table]
            sections.append(Section(anchor, title, markup.table(shown, anchor, ROWS_AT_MOST)))
    sections.append(Section("about", "How this page was made", describe_manifest(manifest)))
    title = sweep.title or f"Sweep of {', '.join(axes)}"
    return render_page(title, tiles, sections, date_line(manifest))


def _show(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _find_paper(sweep: Sweep, rows: Sequence[Row], axes: Sequence[str]) -> list[Row]:
    """Return the rows on the axes' values of the paper's chip."""
    paper = Hardware()
    wanted = {axis: getattr(paper, axis) for axis in axes if hasattr(paper, axis)}
    same = all(
        getattr(sweep.base, it) == getattr(paper, it) for it in vars(paper) if it not in wanted
    )
    if not same:
        return []
    return [row for row in rows if all(row[axis] == value for axis, value in wanted.items())]


def _draw_fronts(sweep: Sweep, rows: Sequence[Row]) -> list[Chart]:
    """Draw each pair of the first three objectives."""
    objectives = sweep.objectives[:3]
    able = [row for row in rows if is_answer(row, sweep.objectives)]
    if not able:
        return []
    paper = _find_paper(sweep, able, list_axes(sweep))
    charts = []
    for pair in itertools.combinations(objectives, 2):
        groups = {
            OTHERS: able[:: math.ceil(len(able) / POINTS_AT_MOST)],
            FRONT: find_front(able, pair),
            **({PAPER: paper[:1]} if paper else {}),
        }
        x, y = map(name_metric, pair)
        log = all(float(row[it]) > 0 for row in able for it in (x, y))
        across, up = (
            {name: [float(row[it]) for row in own] for name, own in groups.items()} for it in (x, y)
        )
        labels = markup.name_column(x), markup.name_column(y)
        panel = Panel("points", (), up, *labels, log, across)
        sides = ("right" if pair[0].startswith(LARGE) else "left",
                 "upper" if pair[1].startswith(LARGE) else "lower")  # fmt: skip
        better = f"towards the {sides[1]} {sides[0]} is better"
        see = f"What is on the front is beaten in neither; {better}."
        charts.append(Chart(f"{panel.y_label} against {panel.x_label}", (panel,), see))
    return charts


def _draw_maps(sweep: Sweep, rows: Sequence[Row], axes: Sequence[str]) -> list[Chart]:
    """Draw the first objective over each axis and the next, at the best of what else there is."""
    many = [axis for axis in axes if len({repr(row[axis]) for row in rows}) > 1]
    objective, name = sweep.objectives[0], name_metric(sweep.objectives[0])
    able = [row for row in rows if row[name] is not None]
    charts = []
    for x, y in itertools.pairwise(many):
        groups: dict[tuple[Any, Any], list[Row]] = {}
        for row in able:
            groups.setdefault((row[y], row[x]), []).append(row)
        best = {
            at: float(min(own, key=lambda row: weigh(row, objective))[name])
            for at, own in groups.items()
        }
        columns = sorted({row[x] for row in able}, key=_key)
        lines: Mapping[str, Sequence[float | None]] = {
            _show(line): [best.get((line, column)) for column in columns]
            for line in sorted({row[y] for row in able}, key=_key)
        }
        least = min(value for it in lines.values() for value in it if value is not None)
        label = markup.name_column(x), markup.name_column(y)
        title = f"{markup.name_column(name)} over {label[0]} and {label[1]}"
        see = "The best of all points with these two values; light is small."
        if least > 0:
            lines = {it: [v and v / least for v in own] for it, own in lines.items()}
            see = f"{see} In multiples of the smallest, {markup.show_number(least)}."
        panel = Panel("heat", tuple(map(_show, columns)), lines, *label, log=least > 0)
        charts.append(Chart(title, (panel,), see))
    return charts


def _key(value: Any) -> tuple[int, Any]:
    return (0, value) if isinstance(value, int | float) else (1, str(value))


def _draw_parallel(sweep: Sweep, rows: Sequence[Row], axes: Sequence[str]) -> Chart | None:
    """Draw points as lines over axes and objectives, the best one thick."""
    able = [row for row in rows if is_answer(row, sweep.objectives)]
    names = list(map(name_metric, sweep.objectives))
    columns = [it for it in (*axes, *names) if len({repr(row[it]) for row in able}) > 1]
    if len(columns) < 2 or not able:
        return None
    best = min(able, key=lambda row: weigh(row, sweep.objectives[0]))
    some = able[:: math.ceil(len(able) / LINES_AT_MOST)]
    scales = {it: sorted({row[it] for row in able}, key=_key) for it in columns}

    def place(row: Row, column: str) -> float:
        if column in axes:  # values stand at equal distances
            return scales[column].index(row[column]) / (len(scales[column]) - 1)
        low, high = float(scales[column][0]), float(scales[column][-1])
        return (float(row[column]) - low) / (high - low)

    lines = {f"point {row['number']} ": [place(row, it) for it in columns] for row in some}
    lines |= {f"best {markup.name_column(names[0])}": [place(best, it) for it in columns]}
    labels = tuple(markup.name_column(it) for it in columns)
    panel = Panel("parallel", labels, lines, "", "from the smallest to the largest")
    see = "A line is a point; the thick one is the best in the first objective."
    return Chart("Points over all axes and objectives", (panel,), see)
