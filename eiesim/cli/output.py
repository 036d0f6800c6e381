"""Tables and progress: drawn on a terminal, plain text in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

T = TypeVar("T")
TEXT_WIDTH = 24


def print_table(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print rows under their keys; on a terminal too narrow for it, one block a row.

    Parameters
    ----------
    rows : sequence of mapping
        At least one row; all with the same keys. Columns of numbers are set to the right and never
        cut; columns of text wrap.
    """
    keys = list(rows[0])
    cells = [[_format(row[key]) for key in keys] for row in rows]
    right = [all(_is_number(line[column]) for line in cells) for column in range(len(keys))]
    widths = [max(len(line[column]) for line in [keys, *cells]) for column in range(len(keys))]
    if not sys.stdout.isatty():
        for line in [keys, *cells]:
            words = (
                f"{word:{'>' if to_right else '<'}{width}}"
                for word, width, to_right in zip(line, widths, right, strict=True)
            )
            print("  ".join(words).rstrip())
        return
    from rich.console import Console

    console = Console()
    needed = [
        width if to_right else min(width, TEXT_WIDTH)
        for width, to_right in zip(widths, right, strict=True)
    ]
    if sum(needed) + 3 * len(keys) > console.width:
        _print_blocks(keys, cells)
        return
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD)
    for key, to_right, width in zip(keys, right, needed, strict=True):
        justify = "right" if to_right else "left"
        table.add_column(key, justify=justify, no_wrap=to_right, min_width=width)  # type: ignore[arg-type]
    for line in cells:
        table.add_row(*(Text(word) for word in line))
    console.print(table)


def show(parts: Sequence[Sequence[Mapping[str, Any]] | str]) -> None:
    """Print tables and lines, one after the other; empty ones are left out."""
    for part in parts:
        if isinstance(part, str):
            print(part, end="\n" if part else "")
        elif part:
            print_table(part)


def tell(message: str) -> None:
    """Print a message beside the output; one that cannot be printed is dropped."""
    with suppress(OSError):
        print(message, file=sys.stderr, flush=True)


def _print_blocks(keys: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    width = max(len(key) for key in keys)
    for line in cells:
        for key, word in zip(keys, line, strict=True):
            print(f"{key:{width}}  {word}")
        print()


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


def _is_number(word: str) -> bool:
    try:
        return word == "null" or float(word) is not None
    except ValueError:
        return False


def _format(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, float):
        return str(value)
    return f"{value:.1e}" if 1e-9 < abs(value) < 0.0005 else f"{value:.3f}"
