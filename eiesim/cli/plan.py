"""How a network is to be compressed: the options that two commands share."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eiesim.compress.plan import Plan


def add_plan_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that `read_plan_options` reads."""
    parser.add_argument("--plan", metavar="FILE", help=".toml file that tells how to compress")
    parser.add_argument(
        "--set", action="append", default=[], metavar="[LAYER.]KEY=VALUE", dest="settings",
        help="change a key of the plan, for all layers or one; may be repeated",
    )  # fmt: skip


def read_plan_options(options: argparse.Namespace) -> Plan | None:
    """Return the plan that is told, None where none is.

    Raises
    ------
    ConfigError
        The file or a setting has problems; one line each.
    """
    from eiesim.compress.plan import read_plan

    if options.plan is None and not options.settings:
        return None
    return read_plan(None if options.plan is None else Path(options.plan), options.settings)
