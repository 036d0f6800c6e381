"""Tasks in several processes of this computer, which end with the one that started them.

Each worker has its own pipe and shares no lock and no queue with others: if it is ended while it
sends something, nobody waits for a lock that it holds.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import Pipe, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from types import ModuleType
from typing import Any, Generic, TypeVar

from eiesim.base.errors import EieError, show_warnings
from eiesim.base.signals import hold_signals, leave_signals_to_parent

T = TypeVar("T")
R = TypeVar("R")
Tell = Callable[[str], object]


class WorkerError(EieError):
    """A worker ended in the middle of its task: it was killed, for example for its memory."""


@dataclass
class Worker(Generic[T]):
    """A process, this process' end of its pipe, and its current task."""

    process: SpawnProcess
    pipe: Connection[Any, Any]
    task: T

    def give(self, task: T) -> None:
        """Send a task; a worker that has died is noticed when its result is read."""
        self.task = task
        with suppress(OSError):
            self.pipe.send(task)

    def end(self) -> None:
        """Close the pipe, which ends the process, and wait for its end."""
        self.pipe.close()
        self.process.join()


def work_in_processes(
    work: Callable[[T, Tell], R], tasks: Iterable[T], jobs: int, tell: Tell
) -> Generator[tuple[T, R | Exception], None, None]:
    """Do tasks in several processes, and yield each as it ends.

    Parameters
    ----------
    work
        A function of a module, called with a task and a function that takes a text on its progress.
    tasks
        Read as they are needed.
    jobs
        Processes at once.
    tell
        Called in this process with the texts of all workers.

    Yields
    ------
    task, result
        The result is the exception if there was one, a `WorkerError` if the process ended. When the
        iterator is closed, or its consumer is stopped, all processes are ended.
    """
    pending = iter(tasks)
    workers: dict[Any, Worker[T]] = {}
    try:
        while True:
            while len(workers) < jobs and (task := next(pending, None)) is not None:
                worker = _start(work, task)
                workers[worker.pipe] = worker
            if not workers:
                return
            for pipe in wait(list(workers)):
                worker, finished_task = workers[pipe], workers[pipe].task
                try:
                    is_result, content = worker.pipe.recv()
                except (EOFError, OSError):
                    workers.pop(pipe).end()
                    code = worker.process.exitcode
                    yield finished_task, WorkerError(f"a worker died, exit code {code}")
                    continue
                if not is_result:
                    tell(content)
                    continue
                # the next task first, so that the worker does not wait for the consumer
                if (task := next(pending, None)) is None:
                    workers.pop(pipe).end()
                else:
                    worker.give(task)
                yield finished_task, content
    finally:
        for worker in workers.values():
            worker.process.kill()
        for worker in workers.values():
            worker.end()


@contextmanager
def no_script() -> Iterator[None]:
    """Start processes without running the user's script again, so that it needs no guard.

    A spawned process imports the main module to find its functions; those of workers are in eiesim.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _start(work: Callable[[T, Tell], R], task: T) -> Worker[T]:
    pipe, end = Pipe()
    process = SpawnProcess(target=_serve, args=(end, work), daemon=True)
    resource_tracker.ensure_running()  # this lets signals through for a moment
    with hold_signals(), no_script():
        process.start()
    end.close()
    worker = Worker(process, pipe, task)
    worker.give(task)
    return worker


def _serve(pipe: Connection[Any, Any], work: Callable[[Any, Tell], object]) -> None:
    """Do the tasks that come through the pipe, in a worker's process, until it is closed."""
    leave_signals_to_parent()
    show_warnings()
    tasks: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def receive() -> None:
        with suppress(EOFError, OSError):
            while True:
                tasks.put(pipe.recv())
        os._exit(0)  # the parent has closed the pipe, or has ended

    threading.Thread(target=receive, daemon=True).start()
    while True:
        task = tasks.get()
        try:
            content = work(task, lambda words: pipe.send((False, words)))
        except Exception as error:  # the parent handles it
            error.add_note(traceback.format_exc())
            content = error
        with suppress(BrokenPipeError):  # the parent has ended: `receive` ends this process, too
            pipe.send((True, content))
