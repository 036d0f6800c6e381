"""A rough estimate of a sweep's time and memory, and how many processes it needs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from eiesim.base.errors import ConfigError, EieError
from eiesim.catalog.layers import load_spec
from eiesim.catalog.matched import MATCHED_PREFIX
from eiesim.catalog.readers import Form, find_form
from eiesim.sweep.points import NetworkWork, PointGroup, list_tasks

if TYPE_CHECKING:
    from eiesim.sweep.planning import Planned

POINT_MS, POINT_SERIAL_MS, IMAGE_MS, MILLION_MS = 0.14, 0.09, 20.0, 120.0
"""Measured on a core of a server: a point whose image is encoded; the first process's part of it;
an image; and each million of its weights."""
NETWORK_MS = 500.0
"""A point of a network, whose layers are all encoded for it."""
MOST_GUESSED = 10_000
"""Inputs to train on whose number is not known."""
COMPRESS_MS, EXAMPLE_MS, TRAINED_MS = 3000.0, 3.0, 0.3
"""A network compressed and judged by up to ten thousand inputs; an input on a machine; an input in
an epoch of training."""
START_MS = 1500.0
"""Time before a new process runs its first point."""
POINT_BYTES, WORKER_BYTES = 3000, 300 << 20


def estimate_cost(planned: Planned, jobs: int | None) -> dict[str, Any]:
    """Return a rough estimate of a sweep; layers from files count as large as Alex-8."""
    tasks = list(list_tasks(planned.points, planned.work))
    points = sum(len(task.machines) for task in tasks)
    jobs = choose_jobs(jobs, tasks)
    return {
        "points": len(planned.points),
        "to_run": points,
        "left_out": len(planned.left_out),
        "cannot_be": sum(point.hw is None for point in planned.points),
        "encodings": len({task.image for task in tasks}),
        "jobs": jobs,
        "estimated_s": (_estimate_ms(tasks) / jobs + points * POINT_SERIAL_MS) / 1000,
        "estimated_bytes": points * POINT_BYTES + jobs * WORKER_BYTES,
    }


def choose_jobs(jobs: int | None, tasks: Sequence[PointGroup]) -> int:
    """Return the number of processes: `jobs`, by default one for each core.

    By default it is 1 if the work is done before another process could start.
    """
    if jobs is None:
        return 1 if _estimate_ms(tasks) < START_MS else count_cores()
    return jobs


def check_jobs(jobs: int | None) -> None:
    """Raise a ConfigError for a number of processes below 1."""
    if jobs is not None and jobs < 1:
        raise ConfigError(f"jobs: expected 1 or more processes, found {jobs}")


def count_cores() -> int:
    """Return the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _estimate_ms(tasks: Sequence[PointGroup]) -> float:
    """Return the time on one core."""
    names = {task.layer for task in tasks}
    if tasks and tasks[0].work is not None:
        return sum(_estimate_work_ms(task, task.work) for task in tasks if task.work is not None)
    networks = {name for name in names if find_form(name) is Form.NETWORK}
    layers = {task.image: task.layer for task in tasks if task.layer not in networks}
    points = sum(
        len(task.machines) * (NETWORK_MS if task.layer in networks else POINT_MS) for task in tasks
    )
    return points + len(layers) * IMAGE_MS + sum(map(_find_millions, layers.values())) * MILLION_MS


def _estimate_work_ms(task: PointGroup, work: NetworkWork) -> float:
    """Return a rough time of a compressed network; of trained ones as if it had 10,000 inputs."""
    lesson, trained_ms = work.find_lesson(task.shared), 0.0
    if lesson is not None:
        training = lesson.training
        epochs = training.epochs + training.tuning_epochs
        trained_ms = min(training.limit, MOST_GUESSED) * epochs * TRAINED_MS
    return COMPRESS_MS + trained_ms + len(task.machines) * work.subject.timed * EXAMPLE_MS


def _find_millions(layer: str) -> float:
    """Return how many million weights a layer keeps; 1 if it has no description."""
    try:
        spec = load_spec(layer.removeprefix(MATCHED_PREFIX))
    except EieError:
        return 1.0
    return spec.inputs * spec.outputs * spec.weight_density / 1e6
