"""Signals that ask a process to stop: one process acts on them, for its workers too."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Signals of job schedulers, containers and terminals that close."""


class Stopped(KeyboardInterrupt):
    """A signal, by number, asked the process to stop, which it does as for Ctrl-C."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(number)


@contextmanager
def stop_as_ctrl_c() -> Iterator[None]:
    """Make the first signal that would end the process raise `Stopped` within the block.

    A terminal that closes sends several; the others would only disturb the clean-up. Signals that
    are ignored already, as under nohup, stay ignored. Does something in the main thread only.
    """
    handled: list[signal.Signals] = []

    def stop(number: int, _: FrameType | None) -> None:
        for handled_number in handled:
            signal.signal(handled_number, signal.SIG_IGN)
        raise Stopped(number)

    try:
        if threading.current_thread() is threading.main_thread():
            for number in ENDING:
                if signal.getsignal(number) is signal.SIG_DFL:
                    handled.append(number)
                    signal.signal(number, stop)
        yield
    finally:
        for number in handled:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def hold_signals() -> Iterator[None]:
    """Hold back signals that would stop the process until the end of the block.

    A process that is started within the block starts with them held back, so that none reaches it
    before it has called `leave_signals_to_parent`.
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
    """Ignore signals that would stop this process: its parent gets them, too, and ends it."""
    for number in (signal.SIGINT, *ENDING):
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, *ENDING})
