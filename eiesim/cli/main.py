"""The `eiesim` command; what a command needs is imported when it runs."""

from __future__ import annotations

import argparse
import os
import sys
from typing import NoReturn

from eiesim import __version__
from eiesim.cli import doctor, reproduce, run
from eiesim.errors import EieError

COMMANDS = {"run": run, "reproduce": reproduce, "doctor": doctor}
EPILOG = """\
examples:
  eiesim run alex-7                       one layer of the paper on the paper's chip
  eiesim run alex-7 --set n_pes=256       the same on 256 PEs
  eiesim run my_layer.npz --json          a layer of your own, as JSON
  eiesim reproduce table4                 nine layers beside the paper's times
"""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Print what is wrong and exit with 2.

        Parameters
        ----------
        message : str
            What is wrong.
        """
        self.exit(2, f"{self.prog}: error: {message} (see {self.prog} --help)\n")


def build_parser() -> Parser:
    """Return the parser of the whole command line."""
    parser = Parser(
        prog="eiesim",
        description="Cycle-exact simulator of EIE, the efficient inference engine on compressed "
        "neural networks (ISCA 2016).",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"eiesim {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", dest="command", required=True)
    for name, module in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=module.HELP,
            description=module.HELP,
            epilog=module.EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(command)
        command.set_defaults(execute=module.execute)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code: 0, or 2 for bad input.

    Parameters
    ----------
    arguments : list of str, optional
        Words after `eiesim`; those of the process by default.
    """
    options = build_parser().parse_args(arguments)
    try:
        code = options.execute(options)
        sys.stdout.flush()
    except EieError as error:
        for line in str(error).splitlines():
            print(f"eiesim: error: {line}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("eiesim: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return int(code)
