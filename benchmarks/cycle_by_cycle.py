"""The cycle contract as most simulators would run it: one step for each cycle of each PE.

It shows what the recurrences of `eiesim.sim.fast` save, and gives the same cycles.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from eiesim.base.jit import kernel


@kernel
def count_cycles(
    counts: npt.NDArray[Any],
    columns: npt.NDArray[np.int32],
    gaps: npt.NDArray[np.int32],
    depth: int,
    lead: int,
) -> int:
    """Return the cycle in which the last entry is issued; arguments as of `time_broadcasts`."""
    n_pes = counts.shape[1]
    broadcasts = np.zeros(columns.size, np.int64)
    taken = np.zeros(n_pes, np.int64)  # broadcasts that each PE has started on
    left = np.zeros(n_pes, np.int64)  # cycles that each PE still needs for the last of these
    entries = np.zeros(n_pes, np.int64)  # entries it still issues in them
    sent = 0
    now = 0
    last_issue = 0
    done = 0
    while done < n_pes:
        done = 0
        fewest = columns.size
        for pe in range(n_pes):
            if left[pe] == 0 and taken[pe] < sent and broadcasts[taken[pe]] + lead <= now:
                entries[pe] = counts[columns[taken[pe]], pe]
                left[pe] = max(entries[pe], 1)
                taken[pe] += 1
            if left[pe] > 0:
                left[pe] -= 1
                if entries[pe] > 0:
                    entries[pe] -= 1
                    last_issue = now
            elif taken[pe] == columns.size:
                done += 1
            fewest = min(fewest, taken[pe])
        before = broadcasts[sent - 1] if sent > 0 else 0
        if sent < columns.size and now >= before + gaps[sent] and sent - fewest < depth - 1:
            broadcasts[sent] = now
            sent += 1
        now += 1
    return last_issue
