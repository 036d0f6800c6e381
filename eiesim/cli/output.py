"""Tables and progress: drawn on a terminal, plain text in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from math import inf
from shutil import get_terminal_size
from typing import Any, TypeVar

from eiesim.cli.layout import lay_out, wrap_text

T = TypeVar("T")


def show(parts: Iterable[Sequence[Mapping[str, Any]] | str]) -> None:
    """Print tables and lines, one after the other; empty ones are left out.

    On a terminal they are as wide as it is, with a blank line around each table.
    """
    on_terminal = sys.stdout.isatty()
    width = get_terminal_size().columns if on_terminal else inf
    blank = False
    for number, part in enumerate(part for part in parts if part):
        is_table = not isinstance(part, str)
        if on_terminal and number and (is_table or blank):
            print()
        blank = is_table
        if not isinstance(part, str):
            print("\n".join(lay_out(part, width)))
        else:
            print("\n".join(wrap_text(part, int(width))) if on_terminal else part)


def tell(message: str) -> None:
    """Print a message beside the output; one that cannot be printed is dropped."""
    with suppress(OSError):
        print(message, file=sys.stderr, flush=True)


def track(items: Iterable[T], names: Sequence[str]) -> Iterator[T]:
    """Yield items, with a progress bar on a terminal that names the one under way.

    Parameters
    ----------
    items : iterable
        Work, done as it is iterated over.
    """
    with show_progress(len(names), names[0]) as advance:
        for number, item in enumerate(items, start=1):
            advance(names[number] if number < len(names) else "done")
            yield item


@contextmanager
def show_progress(steps: int, first: str = "starting") -> Iterator[Callable[[str], None]]:
    """Show a progress bar on a terminal, and nothing in a pipe.

    Parameters
    ----------
    first : str
        What stands beside the bar before the first step is done.

    Yields
    ------
    callable
        Call it after each step with what is to stand beside the bar; from any thread.
    """
    if not steps or sys.stderr is None or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(escape(first), total=steps)
        yield lambda words: progress.update(task, advance=1, description=escape(words))
