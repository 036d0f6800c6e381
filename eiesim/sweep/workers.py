"""Runs tasks in this process, in several on this machine, or on a Dask cluster."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import ExitStack, closing
from typing import Any

from eiesim.base.errors import EieError
from eiesim.base.processes import WorkerError, no_script, work_in_processes
from eiesim.base.tables import Row
from eiesim.sweep.evaluate import evaluate
from eiesim.sweep.points import PointGroup

Done = tuple[PointGroup, list[tuple[int, Row]]]
Works = Generator[Done, None, None]
AHEAD = 3
"""Tasks given out for each worker of a cluster, so that none waits."""


def run_here(tasks: Iterable[PointGroup]) -> Works:
    """Run tasks in this process."""
    for task in tasks:
        yield task, evaluate(task)


def run_in_processes(tasks: Iterable[PointGroup], jobs: int) -> Works:
    """Run tasks in several processes, and yield each as it ends; they are taken when needed.

    Raises EieError if a process died.
    """
    with closing(work_in_processes(_evaluate, tasks, jobs, lambda _: None)) as works:
        for task, rows in works:
            if isinstance(rows, WorkerError):
                raise EieError(
                    f"{rows}, for want of memory perhaps: run the sweep again, which goes on where "
                    "it was if it has a store, with fewer jobs"
                )
            if isinstance(rows, Exception):
                raise rows
            yield task, rows


def _evaluate(task: PointGroup, _: object) -> list[tuple[int, Row]]:
    return evaluate(task)


def run_on_dask(tasks: Iterable[PointGroup], scheduler: str, jobs: int) -> Works:
    """Run tasks on a Dask cluster, and yield each as it ends; a lost one is run there again.

    Tasks are taken when needed. Raises EieError if Dask is not installed, or the scheduler cannot
    be reached.

    Parameters
    ----------
    scheduler
        Address of the scheduler, or ``local`` for a cluster on this machine.
    jobs
        Workers of a local cluster.
    """
    try:
        from distributed import Client, LocalCluster  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise EieError(
            f"scheduler: expected Dask, found none ({error}); pip install 'eiesim[dask]'"
        ) from error
    with ExitStack() as stack:
        try:
            address: Any = scheduler
            if scheduler == "local":
                stack.enter_context(no_script())  # as long as dead workers are replaced
                address = stack.enter_context(
                    LocalCluster(n_workers=jobs, threads_per_worker=1, dashboard_address=None)
                )
            client = stack.enter_context(Client(address, timeout="20s"))
        except (OSError, TimeoutError, ValueError) as error:
            raise EieError(f"scheduler {scheduler}: cannot be reached: {error}") from error
        workers = max(len(client.scheduler_info(n_workers=-1)["workers"]), 1)
        pool = client.get_executor(pure=False)
        yield from _keep_busy(tasks, pool, workers)


def _keep_busy(tasks: Iterable[PointGroup], pool: Executor, jobs: int) -> Iterator[Done]:
    """Give out tasks as workers become free, and yield each as it ends."""
    left = iter(tasks)
    running: dict[Future[list[tuple[int, Row]]], PointGroup] = {}
    while True:
        while len(running) < AHEAD * jobs and (task := next(left, None)) is not None:
            running[pool.submit(evaluate, task)] = task
        if not running:
            return
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            yield running.pop(future), future.result()
