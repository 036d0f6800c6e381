"""What thresholds cost beside what they save: errors of outputs, and parts without a price."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce

from eiesim.counters import OutputError, RunResult
from eiesim.hardware import Hardware

COMPARATORS = (
    "the comparator of each lane, and with a delta_threshold its subtractor: the papers' tables "
    "have neither"
)


def list_unpriced(hw: Hardware) -> dict[str, str]:
    """Return the parts of the machine that have no price, by what needs them."""
    return {"threshold": COMPARATORS} if hw.has_threshold else {}


def describe_unpriced(hw: Hardware) -> str:
    """Return which parts of the machine have no price; empty where all have one."""
    return f"not priced: {COMPARATORS}" if list_unpriced(hw) else ""


def add_errors(results: Iterable[RunResult]) -> OutputError:
    """Return the error of the outputs of several runs together."""
    errors = [result.error for result in results if result.error is not None]
    return reduce(OutputError.add, errors, OutputError(0, 0, 0))


def describe_approximation(
    hw: Hardware, results: Mapping[str, Iterable[RunResult]]
) -> tuple[str, ...]:
    """Return what sets a machine with a threshold apart from machines that compute everything.

    Parameters
    ----------
    results : mapping of str to RunResult
        Runs by layer or step.
    """
    if not hw.has_threshold:
        return ()
    errors = {name: add_errors(of_name).relative for name, of_name in results.items()}
    worst = max(errors, key=lambda name: errors[name])
    return (
        "EIE's outputs are not exact, since a threshold leaves something out: output error up to "
        f"{errors[worst]:.3g}, of {worst}; the others leave nothing out",
        describe_unpriced(hw),
    )
