"""A sweep from its file to its table."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from eiesim.base.files import temporary_folder
from eiesim.base.signals import stop_as_ctrl_c
from eiesim.base.tables import Row
from eiesim.sweep.answers import judge_points
from eiesim.sweep.cost import check_jobs, choose_jobs
from eiesim.sweep.journal import Journal, open_journal
from eiesim.sweep.metrics import METRICS, REASONS
from eiesim.sweep.narrow import narrow
from eiesim.sweep.planning import Planned, plan_points
from eiesim.sweep.points import (
    PointGroup,
    find_value,
    list_axes,
    list_tasks,
)
from eiesim.sweep.spec import Sweep, make_sweep, read_sweep
from eiesim.sweep.workers import run_here, run_in_processes, run_on_dask

if TYPE_CHECKING:
    import pandas as pd

Tell = Callable[[int], object]


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
        temporary_folder(Path(tempfile.gettempdir()), "eiesim-sweep-") as folder,
    ):
        if scheduler:
            work = run_on_dask(_add(tasks, str(folder), jobs), scheduler, jobs)
        elif jobs > 1 and len(tasks) > 1:
            work = run_in_processes(_add(tasks, str(folder), jobs), jobs)
        else:
            work = run_here(tasks)
        still = Counter(task.image for task in tasks)
        with closing(work):  # before the folder that workers write to is removed
            for task, rows in work:
                still[task.image] -= 1
                if not still[task.image]:
                    shutil.rmtree(folder / task.image, ignore_errors=True)
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
