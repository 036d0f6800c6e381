"""Errors on bad input: the text says what was expected, what was found, and where."""

from __future__ import annotations

import difflib
import sys
import warnings
from collections.abc import Iterable
from contextlib import suppress
from typing import Any


class EieError(Exception):
    """Any problem that the caller can correct; the command line prints it and exits with 2.

    There is one text for each problem. Characters that are not printable, which names of files or
    keys may have, are escaped, so that each problem is one line.
    """

    def __init__(self, *problems: str) -> None:
        self.problems = tuple(escape(problem) for problem in problems)
        super().__init__(*self.problems)

    def __str__(self) -> str:
        """Return the problems, one line each."""
        return "\n".join(self.problems)


class ConfigError(EieError):
    """A hardware or layer description is wrong; one line per problem."""


class WorkloadError(EieError):
    """A layer, benchmark or activation vector is unknown, unreadable or of the wrong form."""


class EnergyError(EieError):
    """A price is missing, a table of prices is wrong, or a run is priced for other hardware."""


class ImageError(EieError):
    """A compressed image is damaged, or does not belong to this hardware."""


class EieWarning(UserWarning):
    """Something that costs time or was left out, while the result is right."""


def show_warnings() -> None:
    """Print each `EieWarning` once, in one line without its place in the program."""
    show_others = warnings.showwarning
    shown: set[str] = set()

    def show(message: Warning | str, category: type[Warning], *place: Any, **rest: Any) -> None:
        if not issubclass(category, EieWarning):
            show_others(message, category, *place, **rest)
        elif (text := escape(str(message))) not in shown:
            shown.add(text)
            with suppress(OSError):
                print(f"eiesim: warning: {text}", file=sys.stderr, flush=True)

    warnings.showwarning = show


def escape(text: str) -> str:
    """Return a text with every character that is not printable written as an escape."""
    return "".join(
        character if character.isprintable() else repr(character)[1:-1] for character in text
    )


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the tail of an error text: the closest known name, or all of them."""
    choices = sorted(known)
    close = difflib.get_close_matches(str(name).lower(), choices, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known are {', '.join(choices)}"
