"""The arguments that tell a machine and its prices, alike in every command that has one."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eiesim.energy.prices import PriceTable
    from eiesim.hardware import Hardware


def add_machine_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --hardware, --set and --energy-table."""
    parser.add_argument(
        "--hardware", default="eie-64pe-45nm", metavar="NAME|FILE",
        help="preset (eie-64pe-45nm, eie-256pe-28nm) or .toml file (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", dest="settings",
        help="change a field of the hardware, such as n_pes=256; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--energy-table", metavar="FILE",
        help="CSV file of prices to use in place of eiesim's own; prices.csv is of that form",
    )  # fmt: skip


def read_machine(options: argparse.Namespace) -> tuple[Hardware, PriceTable]:
    """Return the machine and its prices.

    Raises
    ------
    EieError
        The hardware or the table of prices has problems.
    """
    from eiesim.energy.machine import price_machine
    from eiesim.hardware import read_hardware

    hw = read_hardware(options.hardware).with_settings(options.settings)
    return hw, price_machine(hw, options.energy_table)
