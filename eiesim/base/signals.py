"""Signals that ask a process to stop, and who acts on them: one process, for its workers too."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""What job schedulers, containers and terminals that close send."""


class Stopped(KeyboardInterrupt):
    """A signal asked the process to stop, which it does as for Ctrl-C.

    Parameters
    ----------
    number : int
        The signal.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(number)


@contextmanager
def stop_as_ctrl_c() -> Iterator[None]:
    """Let signals that would end the process raise `Stopped` within the block, the first of them.

    A terminal that closes sends several; those behind the first would only disturb the clearing
    up. What is ignored already, as under nohup, stays so. Of use in the main thread alone.
    """
    taken: list[signal.Signals] = []

    def stop(number: int, _: FrameType | None) -> None:
        for one in taken:
            signal.signal(one, signal.SIG_IGN)
        raise Stopped(number)

    try:
        if threading.current_thread() is threading.main_thread():
            for number in ENDING:
                if signal.getsignal(number) is signal.SIG_DFL:
                    taken.append(number)
                    signal.signal(number, stop)
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def hold_signals() -> Iterator[None]:
    """Hold back what would stop the process until the end of the block.

    A process that is started within begins with them held back, so that none reaches it before it
    has called `leave_signals_to_parent`.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, *ENDING})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def leave_signals_to_parent() -> None:
    """Ignore what would stop this process: its parent has got the signal as well, and ends it."""
    for number in (signal.SIGINT, *ENDING):
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, *ENDING})
