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
from eiesim.base.frames import make_frame, require_pandas
from eiesim.base.signals import stop_as_ctrl_c
from eiesim.base.tables import Row
from eiesim.sweep.answers import judge_points
from eiesim.sweep.cost import check_jobs, choose_jobs
from eiesim.sweep.journal import IN_MEMORY, Journal, open_journal
from eiesim.sweep.metrics import REASONS
from eiesim.sweep.narrow import narrow
from eiesim.sweep.planning import Planned, plan_points
from eiesim.sweep.points import PointGroup, find_value, list_axes, list_tasks
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
    """Run the points that the journal lacks, write them there task by task, and count them.

    Compressed networks are kept beside the journal, in a folder with its name and ``.networks``.
    Raises EieError if the journal cannot be written, or a worker died.

    Parameters
    ----------
    jobs
        Processes, as in `eiesim.sweep.cost.choose_jobs`.
    scheduler
        A Dask scheduler instead, or ``local``.
    shard
        Number of the part to run, from 0, and number of parts.
    tell
        Is called with the number of points that were stored before, then with that of each task.
    """
    keys = {point.number: key for point, _, _, key, _ in planned.points if key}
    stored = {key for key, row in journal.find(keys.values()) if not row.get("passing")}
    tasks = []
    # parts are of all tasks, stored or not, so that each part stays the same
    work = planned.work
    if work is not None and str(journal.path) != IN_MEMORY:
        work = work._replace(kept=str(journal.path.with_suffix(".networks")))
    for task in list(list_tasks(planned.points, work))[shard[0] :: shard[1]]:
        left = tuple((number, hw) for number, hw in task.machines if keys[number] not in stored)
        if left:
            tasks.append(task._replace(machines=left))
    tell(len(keys) - sum(len(task.machines) for task in tasks))
    jobs, run_count = choose_jobs(jobs, tasks), 0
    with (
        stop_as_ctrl_c(),  # also below a script of the user's: images are large
        temporary_folder(Path(tempfile.gettempdir()), "eiesim-sweep-") as folder,
    ):
        if scheduler:
            works = run_on_dask(_interleave(tasks, str(folder), jobs), scheduler, jobs)
        elif jobs > 1 and len(tasks) > 1:
            works = run_in_processes(_interleave(tasks, str(folder), jobs), jobs)
        else:
            works = run_here(tasks)
        tasks_left = Counter(task.image for task in tasks)
        with closing(works):  # before the folder that workers write to is removed
            for task, rows in works:
                tasks_left[task.image] -= 1
                if not tasks_left[task.image]:
                    shutil.rmtree(folder / task.image, ignore_errors=True)
                journal.write((keys[number], row) for number, row in rows)
                run_count += len(rows)
                tell(len(rows))
    return run_count


def _interleave(tasks: Sequence[PointGroup], folder: str, jobs: int) -> Iterator[PointGroup]:
    """Yield tasks of as many images as workers in turn, so that no worker waits for an image."""
    images: dict[str, list[PointGroup]] = {}
    for task in tasks:
        images.setdefault(task.image, []).append(task._replace(folder=folder))
    groups = list(images.values())
    for first in range(0, len(groups), jobs):
        for row in itertools.zip_longest(*groups[first : first + jobs]):
            yield from (task for task in row if task is not None)


def collect_rows(sweep: Sweep, planned: Planned, journal: Journal) -> list[Row]:
    """Return all results in the journal, in the order of the points.

    Raises EieError if the journal cannot be read.
    """
    stored = dict(journal.find(point.key for point in planned.points if point.key))
    axes = list_axes(sweep)
    rows = []
    for point, hw, _, key, error in planned.points:
        result = {"error": error} if hw is None else stored.get(key)
        if result is None:
            continue
        values = {axis: find_value(sweep, point.values, axis) for axis in axes}
        metrics = {name: result.get(name) for name in (*sweep.metrics, "error", *REASONS)}
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

    The table has a row a point, in the sweep's order: axes, metrics, whether it meets the
    constraints, and the error of one that cannot be run. Raises EieError if the spec has problems,
    a layer is unknown, the store cannot be written, or pandas is missing.

    Parameters
    ----------
    spec
        A `.toml` file, or its content; see docs/sweeps.md.
    store
        The SQLite file that keeps results, so that a stopped sweep can go on. By default nothing
        is kept.
    jobs
        Processes; by default as in `eiesim.sweep.cost.choose_jobs`.
    scheduler
        Address of a Dask scheduler, or ``local``, instead of processes.
    tell
        Is called with the number of points that were stored before, then with that of each task.
    """
    require_pandas()  # before the points are run
    check_jobs(jobs)
    wanted = read_sweep(spec) if isinstance(spec, str | Path) else make_sweep(spec)
    with open_journal(IN_MEMORY if store is None else store) as journal:
        _, _, rows = run_sweep(wanted, journal, How(jobs, scheduler), tell)
    return make_frame(rows)


class How(NamedTuple):
    """How points are run: processes, a Dask scheduler and a part, as in `run_points`."""

    jobs: int | None = None
    scheduler: str = ""
    shard: tuple[int, int] = (0, 1)


def run_sweep(
    wanted: Sweep, journal: Journal, how: How, tell: Tell = lambda _: None
) -> tuple[Sweep, Planned, list[Row]]:
    """Run all points of a sweep, or those that its search looks at.

    Return the sweep with the points that were run, these points, and their results. `tell` and
    errors are as in `run_points`; raises EieError if a layer is unknown, too.
    """

    def run(sweep: Sweep) -> list[Row]:
        planned = plan_points(sweep)
        run_points(planned, journal, *how, tell)
        return collect_rows(sweep, planned, journal)

    if wanted.method == "narrow":
        searched = narrow(wanted, run)
        planned = plan_points(searched)
        return searched, planned, collect_rows(searched, planned, journal)
    planned = plan_points(wanted)
    run_points(planned, journal, *how, tell)
    return wanted, planned, collect_rows(wanted, planned, journal)
