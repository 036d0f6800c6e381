"""Counts of runs added up."""

from __future__ import annotations

import numpy as np

from eiesim import Hardware, compress, encode, estimate_energy, simulate
from eiesim.counters import PE_FIELDS, RunResult, add_counters


def test_energy_of_runs_one_after_the_other_is_the_sum_of_theirs() -> None:
    rng = np.random.default_rng(5)
    layer = compress(rng.standard_normal((40, 30)).astype(np.float32), density=0.3)
    hw = Hardware(n_pes=4)
    image = encode(layer, hw)
    inputs = np.eye(30, dtype=np.float32)[:3]
    runs = [simulate(image, activations, hw) for activations in inputs]
    total = add_counters([run.counters for run in runs])
    assert total.cycles == sum(run.cycles for run in runs)
    for name in PE_FIELDS:
        parts = [getattr(run.counters.pe, name) for run in runs]
        assert (getattr(total.pe, name) == parts[0] + parts[1] + parts[2]).all()
    together = estimate_energy(RunResult("all", "fast", hw, runs[0].output, total))
    apart = [estimate_energy(run).total_pj for run in runs]
    assert np.isclose(together.total_pj, sum(apart), rtol=1e-12)
