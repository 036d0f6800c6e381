"""Arguments of several commands: a machine with its prices, and a plan of compression."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eiesim.compress.plan import Plan
    from eiesim.energy.prices import PriceTable
    from eiesim.hardware import Hardware


def add_hardware_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --hardware and --set."""
    parser.add_argument(
        "--hardware", default="eie-64pe-45nm", metavar="NAME|FILE",
        help="preset (eie-64pe-45nm, eie-256pe-28nm) or .toml file (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", dest="settings",
        help="change a field of the hardware, such as n_pes=256; may be repeated",
    )  # fmt: skip


def add_machine_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --hardware, --set and --energy-table."""
    add_hardware_arguments(parser)
    parser.add_argument(
        "--energy-table", metavar="FILE",
        help="CSV file of prices to use in place of eiesim's own; prices.csv is of that form",
    )  # fmt: skip


def read_machine_alone(options: argparse.Namespace) -> Hardware:
    """Return the machine; ConfigError where it has problems."""
    from eiesim.hardware import read_hardware

    return read_hardware(options.hardware).with_settings(options.settings)


def read_machine(options: argparse.Namespace) -> tuple[Hardware, PriceTable]:
    """Return the machine and its prices.

    Raises
    ------
    EieError
        The hardware or the table of prices has problems.
    """
    from eiesim.energy.machine import price_machine

    hw = read_machine_alone(options)
    return hw, price_machine(hw, options.energy_table)


def add_plan_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --plan and --set."""
    parser.add_argument("--plan", metavar="FILE", help=".toml file that says how to compress")
    parser.add_argument(
        "--set", action="append", default=[], metavar="[LAYER.]KEY=VALUE", dest="settings",
        help="change a key of the plan, for all layers or one; may be repeated",
    )  # fmt: skip


def read_plan_options(options: argparse.Namespace) -> Plan | None:
    """Return the plan, None where neither a file nor a setting is given.

    Raises
    ------
    ConfigError
        The file or a setting has problems; one line each.
    """
    from eiesim.compress.plan import read_plan

    if options.plan is None and not options.settings:
        return None
    return read_plan(None if options.plan is None else Path(options.plan), options.settings)
