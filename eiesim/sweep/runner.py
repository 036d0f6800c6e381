"""A sweep from its file to its table."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from eiesim.base.errors import ConfigError
from eiesim.base.signals import stop_as_ctrl_c
from eiesim.hardware import Hardware
from eiesim.sweep.answers import judge_points
from eiesim.sweep.cost import check_jobs, choose_jobs
from eiesim.sweep.evaluate import Row
from eiesim.sweep.identity import identify, make_key
from eiesim.sweep.journal import Journal, open_journal
from eiesim.sweep.metrics import METRICS, OF_MACHINE, REASONS, explain_missing, measure_machine
from eiesim.sweep.narrow import narrow
from eiesim.sweep.points import (
    PlannedPoint,
    Point,
    PointGroup,
    find_value,
    list_axes,
    list_points,
    list_tasks,
    split_values,
)
from eiesim.sweep.priced import explain_machine
from eiesim.sweep.spec import Constraint, Sweep, make_sweep, read_sweep
from eiesim.sweep.workers import run_here, run_in_processes, run_on_dask

if TYPE_CHECKING:
    import pandas as pd

Tell = Callable[[int], object]


class LeftOut(NamedTuple):
    """A point that a constraint on the machine alone leaves out, and why."""

    point: Point
    reason: str


class Planned(NamedTuple):
    """The points of a sweep.

    Attributes
    ----------
    points : list of PlannedPoint
        In their order.
    left_out : list of LeftOut
        Those that are not run.
    """

    points: list[PlannedPoint]
    left_out: list[LeftOut]


def plan_points(sweep: Sweep) -> Planned:
    """List the points of a sweep with their machines and keys.

    Raises
    ------
    EieError
        A layer is unknown, or there are too many points.
    """
    early = [it for it in sweep.where if it.metric in OF_MACHINE]
    machines: dict[Any, Hardware | ConfigError] = {}
    identities: dict[Any, str] = {}
    points: list[PlannedPoint] = []
    left_out: list[LeftOut] = []
    for point in list_points(sweep):
        own, shared = split_values(point.values)
        at = tuple(own.items())
        if at not in machines:
            machines[at] = _make_machine(sweep, own)
        hw = machines[at]
        if isinstance(hw, ConfigError):
            points.append(PlannedPoint(point, None, error=str(hw)))
            continue
        if early and (reason := _leave_out(early, hw)):
            left_out.append(LeftOut(point, reason))
            continue
        what = point.layer, tuple(shared.items())
        if what not in identities:
            identities[what] = identify(point.layer, shared)
        key = make_key(identities[what], hw)
        points.append(PlannedPoint(point, hw, identities[what], key))
    return Planned(points, left_out)


def _leave_out(early: Sequence[Constraint], hw: Hardware) -> str:
    """Return which constraint a machine breaks, or what is missing of it; nothing if it is run."""
    metrics = measure_machine(hw)
    for it in early:
        if metrics[it.metric] is None:
            return explain_missing(it.metric, explain_machine(hw))
        if not it.holds(metrics[it.metric]):
            return f"{it} is not met"
    return ""


def _make_machine(sweep: Sweep, own: Mapping[str, Any]) -> Hardware | ConfigError:
    try:
        return replace(sweep.base, **own)
    except ConfigError as error:
        return error


def run_points(
    planned: Planned,
    journal: Journal,
    jobs: int | None = 1,
    scheduler: str = "",
    shard: tuple[int, int] = (0, 1),
    tell: Tell = lambda _: None,
) -> int:
    """Run what the journal lacks, and write it there task by task.

    Parameters
    ----------
    jobs : int or None
        Processes, as in `eiesim.sweep.cost.choose_jobs`.
    scheduler : str
        A Dask scheduler instead, or ``local``.
    shard : (int, int)
        Run the part of this number, from 0, of so many.
    tell : callable
        Told how many points are done, after each task.

    Returns
    -------
    int
        Points that were run.

    Raises
    ------
    EieError
        The journal cannot be written, or a worker died.
    """
    keys = {it.point.number: it.key for it in planned.points if it.key}
    there = {key for key, row in journal.find(keys.values()) if not row.get("passing")}
    # parts are of all tasks, whatever is there already, so that each stays the same
    own = list(list_tasks(planned.points))[shard[0] :: shard[1]]
    tasks = []
    for task in own:
        left = tuple(it for it in task.machines if keys[it[0]] not in there)
        if left:
            tasks.append(task._replace(machines=left))
    tell(len(keys) - sum(len(task.machines) for task in tasks))
    jobs, number = choose_jobs(jobs, tasks), 0
    with (
        stop_as_ctrl_c(),  # also below a script of the user's: images are large
        tempfile.TemporaryDirectory(prefix="eiesim-sweep-", ignore_cleanup_errors=True) as folder,
    ):
        if scheduler:
            work = run_on_dask(_add(tasks, folder, jobs), scheduler, jobs)
        elif jobs > 1 and len(tasks) > 1:
            work = run_in_processes(_add(tasks, folder, jobs), jobs)
        else:
            work = run_here(tasks)
        still = Counter(task.image for task in tasks)
        with closing(work):  # before the folder that workers write to is removed
            for task, rows in work:
                still[task.image] -= 1
                if not still[task.image]:
                    shutil.rmtree(Path(folder, task.image), ignore_errors=True)
                journal.write((keys[place], row) for place, row in rows)
                number += len(rows)
                tell(len(rows))
    return number


def _add(tasks: Sequence[PointGroup], folder: str, jobs: int) -> Iterator[PointGroup]:
    """Yield tasks of as many images as there are workers in turn: none waits for another's."""
    images: dict[str, list[PointGroup]] = {}
    for task in tasks:
        images.setdefault(task.image, []).append(task._replace(folder=folder))
    groups = list(images.values())
    for first in range(0, len(groups), jobs):
        for row in itertools.zip_longest(*groups[first : first + jobs]):
            yield from (task for task in row if task is not None)


def collect_rows(sweep: Sweep, planned: Planned, journal: Journal) -> list[Row]:
    """Return all results that are there, in the order of the points.

    Raises
    ------
    EieError
        The journal cannot be read.
    """
    found = dict(journal.find(it.key for it in planned.points if it.key))
    axes = list_axes(sweep)
    rows = []
    for point, hw, _, key, error in planned.points:
        result = {"error": error} if hw is None else found.get(key)
        if result is None:
            continue
        values = {axis: find_value(sweep, point.values, axis) for axis in axes}
        metrics = {name: result.get(name) for name in (*METRICS, "error", *REASONS)}
        rows.append({"number": point.number, "layer": point.layer, **values, **metrics})
    return judge_points(sweep, rows)


def sweep(
    spec: str | Path | Mapping[str, Any],
    store: str | Path | None = None,
    jobs: int | None = None,
    scheduler: str = "",
    tell: Tell = lambda _: None,
) -> pd.DataFrame:
    """Run a sweep and return its table.

    Parameters
    ----------
    spec : str, Path or mapping
        A `.toml` file, or what it would hold; see docs/sweeps.md.
    store : str or Path, optional
        The SQLite file that keeps results, from which a sweep that was stopped goes on. By default
        nothing is kept.
    jobs : int, optional
        Processes; by default one for each core, and this one alone where the work is done before
        another had started.
    scheduler : str
        Address of a Dask scheduler, or ``local``, instead of processes.
    tell : callable
        Told how many points are done, after each task.

    Returns
    -------
    DataFrame
        A row a point, in the sweep's order: axes, metrics, whether it meets the constraints, and
        the error of one that cannot be run.

    Raises
    ------
    EieError
        The spec has problems, a layer is unknown, or the store cannot be written.
    """
    import pandas as pd  # noqa: PLC0415 - half a second

    check_jobs(jobs)
    wanted = read_sweep(spec) if isinstance(spec, str | Path) else make_sweep(spec)
    with open_journal(":memory:" if store is None else store) as journal:
        _, _, rows = run_sweep(wanted, journal, How(jobs, scheduler), tell)
    return pd.DataFrame(rows)


class How(NamedTuple):
    """Who runs the points.

    Attributes
    ----------
    jobs : int or None
        Processes, as in `eiesim.sweep.cost.choose_jobs`.
    scheduler : str
        A Dask scheduler instead, or ``local``.
    shard : (int, int)
        The part of this number, from 0, of so many.
    """

    jobs: int | None = None
    scheduler: str = ""
    shard: tuple[int, int] = (0, 1)


def run_sweep(
    wanted: Sweep, journal: Journal, how: How, tell: Tell = lambda _: None
) -> tuple[Sweep, Planned, list[Row]]:
    """Run all points of a sweep, or those that its search looks at.

    Parameters
    ----------
    tell : callable
        Told how many points are done, after each task.

    Returns
    -------
    Sweep, Planned, list of dict
        The sweep with the points that were looked at, these, and their results.

    Raises
    ------
    EieError
        A layer is unknown, the journal cannot be written, or a worker died.
    """

    def run(sweep: Sweep) -> list[Row]:
        planned = plan_points(sweep)
        run_points(planned, journal, *how, tell)
        return collect_rows(sweep, planned, journal)

    if wanted.method == "narrow":
        looked = narrow(wanted, run)
        planned = plan_points(looked)
    else:
        looked, planned = wanted, plan_points(wanted)
        run_points(planned, journal, *how, tell)
    return looked, planned, collect_rows(looked, planned, journal)
