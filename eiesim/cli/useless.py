"""Options that would have no effect beside the others: an error, never silence."""

from __future__ import annotations

import argparse

from eiesim.base.errors import ConfigError


def refuse_useless(options: argparse.Namespace, names: str, why: str) -> None:
    """Check that options are left out.

    Parameters
    ----------
    options : Namespace
        Parsed arguments; None or False where an option is left out.
    names : str
        The options, without dashes in front and with spaces between them.
    why : str
        What follows the option in the error: ``goes with --draw N``.

    Raises
    ------
    ConfigError
        One of them is given; one line each.
    """
    values = {name: getattr(options, name.replace("-", "_")) for name in names.split()}
    given = [name for name, value in values.items() if value is not None and value is not False]
    if given:
        raise ConfigError(*(f"--{name} {why}" for name in given))
