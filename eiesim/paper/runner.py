"""Runs experiments that are not stored yet, on several processors."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from eiesim.base.errors import EieError
from eiesim.base.processes import Tell, work_in_processes
from eiesim.base.tables import to_csv
from eiesim.energy.machine import price_machine
from eiesim.paper import cache
from eiesim.paper.experiment import Outcome, Work
from eiesim.paper.record import DONE, FAILED, Record
from eiesim.paper.registry import DATA, EXPERIMENTS, choose, load_experiment


@dataclass(frozen=True)
class Group:
    """Experiments that share their work; `steps` is the number of its parts."""

    names: tuple[str, ...]
    steps: int


@dataclass(frozen=True)
class ExperimentPlan:
    """Stored records, groups still to be computed, the longest first, and the key of each."""

    records: dict[str, Record]
    groups: tuple[Group, ...]
    keys: dict[str, str]

    @property
    def steps(self) -> int:
        """Parts of the work of all groups."""
        return sum(group.steps for group in self.groups)


def plan_experiments(names: Sequence[str], data: Path, fresh: bool) -> ExperimentPlan:
    """Find the stored records, none with `fresh`; the folder of real data may be missing."""
    records, keys = {}, {}
    shared: dict[Work[Any], list[str]] = {}
    for name in names:
        keys[name] = _make_key(name, data)
        record = None if fresh else cache.load(name, keys[name])
        if record is not None:
            records[name] = record
        else:
            shared.setdefault(load_experiment(name).work, []).append(name)
    groups = [Group(tuple(group), len(work.steps)) for work, group in shared.items()]
    groups.sort(key=lambda group: -group.steps)
    return ExperimentPlan(records, tuple(groups), keys)


def reproduce(names: Sequence[str], data: str | Path = DATA) -> dict[str, Record]:
    """Return experiments by name, stored or computed now; ConfigError for unknown names.

    Experiments of one call do shared work once. The folder of real data may be missing.
    """
    folder = Path(data)
    plan = plan_experiments(choose(list(names)), folder, fresh=False)
    computed = run_experiments(plan, folder, 1, str)
    return plan.records | {record.name: record for record in computed}


def run_experiments(plan: ExperimentPlan, data: Path, jobs: int, tell: Tell) -> Iterator[Record]:
    """Compute and store the missing records of a plan, and yield each once it is done or failed.

    One that fails does not stop the others. `jobs` processes work at once, and `tell` is called
    with the name of each part of the work once it is done.
    """
    tasks = [(group, data) for group in plan.groups]
    jobs = min(jobs, len(tasks))
    groups = (
        _share_out(tasks, jobs, tell) if jobs > 1 else (_run_group(task, tell) for task in tasks)
    )
    for records in groups:
        for record in records:
            # the key is that of the data before the work, which may have changed meanwhile
            if record.state == DONE and plan.keys[record.name] == _make_key(record.name, data):
                cache.keep(record, plan.keys[record.name])
            yield record


def _share_out(
    tasks: Sequence[tuple[Group, Path]], jobs: int, tell: Tell
) -> Iterator[list[Record]]:
    _compile()
    with closing(work_in_processes(_run_group, tasks, jobs, tell)) as results:
        for (group, _), records in results:
            if isinstance(records, Exception):  # of a process that was killed
                yield [_fail(name, records) for name in group.names]
            else:
                yield records


def _compile() -> None:
    """Compile the kernels before several processes would write numba's cache."""
    from eiesim.catalog.layers import draw_benchmark  # noqa: PLC0415 - only where several processes work
    from eiesim.hardware import Hardware  # noqa: PLC0415
    from eiesim.image import encode  # noqa: PLC0415
    from eiesim.layer.weights import LayerSpec  # noqa: PLC0415
    from eiesim.sim.engines import simulate  # noqa: PLC0415

    for outputs in (16, 512):  # columns with counts of one byte, and of two
        spec = LayerSpec(name="small", title="a small layer", inputs=4, outputs=outputs,
                         weight_density=1.0, activation_density=1.0)  # fmt: skip
        small, hw = draw_benchmark(spec), Hardware(n_pes=1)
        simulate(encode(small.layer, hw), small.activations, hw)


def _run_group(task: tuple[Group, Path], tell: Tell) -> list[Record]:
    group, data = task
    work, parts = load_experiment(group.names[0]).work, []
    start = time.perf_counter()
    try:
        for step, part in zip(work.steps, work.compute(data), strict=True):
            parts.append(part)
            tell(f"{group.names[0]}: {step}")
    except Exception as error:  # the other experiments go on, and the page shows the error
        return [_fail(name, error) for name in group.names]
    seconds = time.perf_counter() - start
    return [_judge(name, parts, seconds) for name in group.names]


def _judge(name: str, parts: list[object], work_seconds: float) -> Record:
    start = time.perf_counter()
    try:
        outcome = load_experiment(name).judge(parts)
        return _record(name, outcome, work_seconds + time.perf_counter() - start)
    except Exception as error:  # as above
        return _fail(name, error)


def _record(name: str, outcome: Outcome, seconds: float) -> Record:
    prices = to_csv([asdict(price) for price in price_machine(outcome.hardware).prices])
    return Record(
        name=name,
        title=EXPERIMENTS[name].title,
        state=DONE,
        note=" ".join(outcome.note.split()),
        verdicts=tuple(verdict.to_row() for verdict in outcome.verdicts),
        tables={name: rows for name, rows in outcome.tables.items() if rows},
        shown=tuple(name for name in outcome.shown if outcome.tables[name]),
        charts=outcome.charts,
        sources=tuple(asdict(source) for source in outcome.sources),
        hardware_toml=outcome.hardware.to_toml(),
        energy_table=hashlib.sha256(prices.encode()).hexdigest(),
        seconds=seconds,
    )


def _fail(name: str, error: Exception) -> Record:
    note = str(error) if isinstance(error, EieError) else f"{type(error).__name__}: {error}"
    return Record(
        name=name, title=EXPERIMENTS[name].title, state=FAILED, note=note, tables={}, charts={}
    )


def _make_key(name: str, data: Path) -> str:
    return cache.make_key(name, data, load_experiment(name).work.reads)
