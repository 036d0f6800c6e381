"""Who runs the tasks: this process, several on this machine, or a Dask cluster."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from multiprocessing.context import SpawnContext, SpawnProcess
from types import ModuleType
from typing import Any

from eiesim.errors import EieError
from eiesim.study.sweep.evaluate import Row, evaluate
from eiesim.study.sweep.points import Task

Done = tuple[Task, list[tuple[int, Row]]]
AHEAD = 3
"""Tasks given out for each worker, so that none waits."""
LOOK_S = 1.0
"""How often a worker looks whether its parent lives."""


def run_here(tasks: Iterable[Task]) -> Iterator[Done]:
    """Run tasks in this process.

    Parameters
    ----------
    tasks : iterable of Task
        The tasks.
    """
    for task in tasks:
        yield task, evaluate(task)


@contextmanager
def no_script() -> Iterator[None]:
    """Let processes start that do not run the script again, which needs no guard therefore.

    A spawned process imports the main module to find what was defined there. What workers do is
    all in eiesim.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


class Worker(SpawnProcess):
    """A process that does not run the script that started it."""

    def start(self) -> None:
        """Start the process."""
        with no_script():
            super().start()


class Context(SpawnContext):
    """Starts workers."""

    Process = Worker


def run_in_processes(tasks: Iterable[Task], jobs: int) -> Iterator[Done]:
    """Run tasks in several processes, and yield each as it ends.

    Parameters
    ----------
    tasks : iterable of Task
        Taken as they are needed.
    jobs : int
        Processes.

    Raises
    ------
    EieError
        A process died.
    """
    pool = ProcessPoolExecutor(jobs, Context(), initializer=_begin, initargs=(os.getpid(),))
    try:
        yield from _keep_busy(tasks, pool, jobs)
    except BrokenProcessPool as error:
        raise EieError(
            "a worker died, for want of memory perhaps: run the sweep again, which goes on where "
            "it was if it has a store, with fewer jobs"
        ) from error
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _begin(parent: int) -> None:
    """Leave Ctrl-C to the parent, and end when it is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_S)
        os._exit(1)

    threading.Thread(target=look, daemon=True).start()


def run_on_dask(tasks: Iterable[Task], scheduler: str, jobs: int) -> Iterator[Done]:
    """Run tasks on a Dask cluster, and yield each as it ends; a lost one is done again there.

    Parameters
    ----------
    tasks : iterable of Task
        Taken as they are needed.
    scheduler : str
        Address of the scheduler, or ``local`` for a cluster on this machine.
    jobs : int
        Workers of a local cluster.

    Raises
    ------
    EieError
        Dask is not installed, or the scheduler is not there.
    """
    try:
        from distributed import Client, LocalCluster  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise EieError(
            f"--scheduler: expected Dask, found none ({error}); pip install 'eiesim[dask]'"
        ) from error
    with ExitStack() as stack:
        try:
            place: Any = scheduler
            if scheduler == "local":
                stack.enter_context(no_script())  # as long as dead workers are replaced
                place = stack.enter_context(
                    LocalCluster(n_workers=jobs, threads_per_worker=1, dashboard_address=None)
                )
            client = stack.enter_context(Client(place, timeout="20s"))
        except (OSError, TimeoutError, ValueError) as error:
            raise EieError(f"--scheduler {scheduler}: cannot be reached: {error}") from error
        workers = max(len(client.scheduler_info(n_workers=-1)["workers"]), 1)
        pool = client.get_executor(pure=False)
        yield from _keep_busy(tasks, pool, workers)


def _keep_busy(tasks: Iterable[Task], pool: Executor, jobs: int) -> Iterator[Done]:
    """Give out tasks as workers come free, and yield each as it ends."""
    left = iter(tasks)
    running: dict[Future[list[tuple[int, Row]]], Task] = {}
    while True:
        while len(running) < AHEAD * jobs and (task := next(left, None)) is not None:
            running[pool.submit(evaluate, task)] = task
        if not running:
            return
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            yield running.pop(future), future.result()
