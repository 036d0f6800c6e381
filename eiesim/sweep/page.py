"""A sweep as one page: its front, its maps, and every point in a table that sorts."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from eiesim.base.labels import name_column
from eiesim.base.tables import Row
from eiesim.energy.kinds import show_kinds
from eiesim.hardware import Hardware
from eiesim.report import markup
from eiesim.report.charts import Chart, Panel
from eiesim.report.page import Section, date_line, describe_manifest, render_page
from eiesim.sweep.answers import POINTS, find_front, find_judged, is_answer, name_judged
from eiesim.sweep.maps import draw_maps
from eiesim.sweep.metrics import METRICS
from eiesim.sweep.objectives import Direction
from eiesim.sweep.planning import Planned
from eiesim.sweep.points import list_axes
from eiesim.sweep.recipe import find_recipe
from eiesim.sweep.sensitivity import describe_axes
from eiesim.sweep.spec import Sweep

ROWS_AT_MOST, LINES_AT_MOST, POINTS_AT_MOST = 2000, 400, 5000
"""Of a table, of a chart of parallel axes, and of a chart of points."""
KINDS = (
    "Energy of the best by kind of price, and what the whole would be with the prices of this kind "
    "halved or doubled."
)
OTHERS, FRONT, PAPER, RECIPE = "others", "front", "the paper's chip", "the recipe"


def render_sweep(
    sweep: Sweep, planned: Planned, rows: Sequence[Row], summary: Row, manifest: Row
) -> str:
    """Return the page of a sweep, from the results of `summarise` and `make_manifest`."""
    axes, judged = list_axes(sweep), find_judged(sweep, rows)
    whole = name_judged(sweep)
    charts = [*_draw_fronts(sweep, judged), *draw_maps(sweep, planned, rows, judged)]
    parallel = _draw_parallel(sweep, judged, axes)
    charts += [parallel] if parallel else []
    sections = [*_compare_recipe(summary), Section("charts", "Charts", _show_charts(charts, whole))]
    best = [{"objective": name} | row for name, row in summary["best"].items()]
    steps = summary["sensitivity"]
    kinds = [
        {"objective": name} | row
        for name, weighed in summary["kinds"].items()
        for row in show_kinds(weighed)
    ]
    for anchor, title, about, table in (
        ("accuracy", "What each axis does to the answers", describe_accuracy(sweep, judged),
         summary.get("accuracy", [])),
        ("front", "Pareto front", f"Of {whole} that meet all conditions.", summary["front"]),
        ("best", f"The best of {whole}", "", best),
        ("kinds", "What energies rest on", KINDS, kinds),
        ("sensitivity", "What each axis does", describe_steps(sweep, steps), steps),
        ("conditions", "Conditions", "", summary["where"]),
        ("points", f"All {whole}", "", judged),
        ("metrics", "What the metrics are", "", list_metrics(sweep.metrics)),
    ):  # fmt: skip
        if table:
            shown = [
                {name: value for name, value in row.items() if name != "meets"} for row in table
            ]
            parts = [markup.paragraphs(about), markup.table(shown, anchor, ROWS_AT_MOST)]
            sections.append(Section(anchor, title, markup.join(parts)))
    sections.append(Section("about", "How this page was made", describe_manifest(manifest)))
    title = sweep.title or f"Sweep of {', '.join(axes)}"
    tiles = markup.tiles([(f"{number:,}", name, "") for name, number in name_counts(summary)])
    doubts = [summary[name] for name in ("clock", "wider_words") if summary[name]]
    doubts += summary.get("notes", [])
    notices = [markup.notice("\n".join(doubts), markup.BAD)] if doubts else []
    return render_page(title, markup.join([tiles, *notices]), sections, date_line(manifest))


def list_metrics(names: Sequence[str]) -> list[Row]:
    """Return what each metric is, in which unit, and what it is of with several layers."""
    return [
        {"metric": name, "meaning": METRICS[name].meaning, "unit": METRICS[name].unit,
         "of": METRICS[name].over.value}
        for name in names
    ]  # fmt: skip


def name_counts(summary: Row) -> list[tuple[str, int]]:
    """Return the numbers of points and of what is judged, each with what it counts."""
    counts = [
        ("points to run" if name == "points" else f"points {name.replace('_', ' ')}", number)
        for name, number in summary["points"].items()
        if number or name in ("points", "done")
    ]
    judged = summary["judged"]
    if judged["what"] != POINTS:
        counts.append((judged["what"], judged["number"]))
    if summary["where"]:
        counts.append((f"{judged['what']} that meet all conditions", judged["meet"]))
    return counts


def describe_steps(sweep: Sweep, steps: Sequence[Row]) -> str:
    """Return what the table of axes compares, and where the first objective changes most."""
    met = f" and both meet {' and '.join(map(str, sweep.where))}" if sweep.where else ""
    about = f"Compared are pairs of {name_judged(sweep)} that differ in one axis alone{met}."
    return "\n\n".join([about, *describe_axes(steps, sweep.objectives[0])])


def _show_charts(charts: Sequence[Chart], whole: str) -> markup.Html:
    if not charts:
        return markup.paragraphs(f"No {whole} meet all conditions and have all objectives.")
    return markup.join(
        [markup.figure(chart, f"chart-{number}") for number, chart in enumerate(charts)]
    )


def _compare_recipe(summary: Row) -> list[Section]:
    """Return the section of the recipe and of what is better, if the sweep has a recipe."""
    if not summary.get("recipe_text"):
        return []
    compared = summary["recipe"] or {}
    metric = compared.get("metric", "")
    columns = (metric, f"{metric}_se", "energy_pj", "latency_us", "area_mm2", "file_bytes", "fits")
    rows = {
        "the recipe": compared.get("recipe"),
        "better, with the least energy": compared.get("best_in_energy"),
        "better, with the best answers": compared.get("best_in_what_is_right"),
    }
    table = [
        {"point": name, "number": row["number"]}
        | {key: row[key] for key in (*compared["axes"], *columns)}
        for name, row in rows.items() if row is not None
    ]  # fmt: skip
    parts = [markup.paragraphs(summary["recipe_text"])]
    parts += [markup.table(table, "recipe", ROWS_AT_MOST)] if table else []
    return [Section("recipe", "The recipe and what is better", markup.join(parts))]


def describe_accuracy(sweep: Sweep, judged: Sequence[Row]) -> str:
    """Return what the table of answers compares, of how much data, and in which unit."""
    if sweep.subject is None or not judged:
        return ""
    is_rate = sweep.subject.metric == "error_rate"
    unit = "percentage points of the error rate" if is_rate else "bits a character"
    number, timed = judged[0]["judged_inputs"], sweep.subject.timed
    what = "inputs" if is_rate else "characters"
    return (
        f"Answers are judged on {number:,} {what}; time and energy are means of the first "
        f"{timed:,}.\n\n"
        "Compared are pairs of compressed networks that differ in one axis alone, each once, "
        f"whatever machines it ran on. Changes are in {unit}, the second value less the first; "
        "beyond se: pairs that differ by more than the standard error of their difference."
    )


def _find_marked(sweep: Sweep, rows: Sequence[Row], axes: Sequence[str]) -> dict[str, list[Row]]:
    """Return the point that a chart of points marks, by its name: the recipe, or EIE's chip."""
    if sweep.subject is not None:
        recipe = find_recipe(sweep, rows)
        return {} if recipe is None else {RECIPE: [dict(recipe)]}
    paper = _find_paper(sweep, rows, axes)
    return {PAPER: paper[:1]} if paper else {}


def _find_paper(sweep: Sweep, rows: Sequence[Row], axes: Sequence[str]) -> list[Row]:
    """Return the rows whose machine is the paper's chip."""
    paper, base = vars(Hardware()), vars(sweep.base)
    if any(base[name] != paper[name] for name in paper if name not in axes):
        return []
    return [row for row in rows if all(row[axis] == paper[axis] for axis in axes if axis in paper)]


def _draw_fronts(sweep: Sweep, rows: Sequence[Row]) -> list[Chart]:
    """Draw each pair of the first three objectives."""
    objectives = sweep.objectives[:3]
    able = [row for row in rows if is_answer(row, sweep.objectives)]
    if not able:
        return []
    marked = _find_marked(sweep, able, list_axes(sweep))
    charts = []
    for pair in itertools.combinations(objectives, 2):
        groups = {
            OTHERS: able[:: math.ceil(len(able) / POINTS_AT_MOST)],
            FRONT: find_front(able, pair),
            **marked,
        }
        x, y = (objective.metric for objective in pair)
        log = all(float(row[metric]) > 0 for row in able for metric in (x, y))
        across, up = (
            {name: [float(row[metric]) for row in group] for name, group in groups.items()}
            for metric in (x, y)
        )
        labels = name_column(x), name_column(y)
        panel = Panel("points", (), up, *labels, log, across)
        sides = ("left" if pair[0].direction is Direction.SMALL else "right",
                 "lower" if pair[1].direction is Direction.SMALL else "upper")  # fmt: skip
        better = f"towards the {sides[1]} {sides[0]} is better"
        see = f"What is on the front is beaten in neither; {better}."
        charts.append(Chart(f"{panel.y_label} against {panel.x_label}", (panel,), see))
    return charts


def _rank(value: Any) -> tuple[int, Any]:
    return (0, value) if isinstance(value, int | float) else (1, str(value))


def _draw_parallel(sweep: Sweep, rows: Sequence[Row], axes: Sequence[str]) -> Chart | None:
    """Draw points as lines over axes and objectives, the best one thick."""
    able = [row for row in rows if is_answer(row, sweep.objectives)]
    names = [objective.metric for objective in sweep.objectives]
    columns = [name for name in (*axes, *names) if len({repr(row[name]) for row in able}) > 1]
    if len(columns) < 2 or not able:
        return None
    best = min(able, key=sweep.objectives[0].weigh)
    drawn = able[:: math.ceil(len(able) / LINES_AT_MOST)]
    scales = {name: sorted({row[name] for row in able}, key=_rank) for name in columns}

    def place(row: Row, column: str) -> float:
        if column in axes:  # values stand at equal distances
            return scales[column].index(row[column]) / (len(scales[column]) - 1)
        low, high = float(scales[column][0]), float(scales[column][-1])
        return (float(row[column]) - low) / (high - low)

    lines = {f"number {row['number']} ": [place(row, name) for name in columns] for row in drawn}
    lines |= {f"best {name_column(names[0])}": [place(best, name) for name in columns]}
    labels = tuple(map(name_column, columns))
    panel = Panel("parallel", labels, lines, "", "from the smallest to the largest")
    see = (
        f"A line is one of {name_judged(sweep)}; the thick one is the best in the first objective."
    )
    return Chart("All axes and objectives", (panel,), see)
