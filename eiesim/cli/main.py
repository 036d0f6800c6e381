"""The `eiesim` command; what a command needs is imported when it runs."""

from __future__ import annotations

import argparse
import io
import os
import sys
from contextlib import suppress
from typing import Any, NoReturn
from warnings import catch_warnings

from eiesim import __version__
from eiesim.base.caches import share_caches
from eiesim.base.errors import EieError, escape, show_warnings
from eiesim.base.signals import Stopped, stop_as_ctrl_c
from eiesim.cli import (
    baseline,
    chip,
    common,
    compare,
    compress,
    doctor,
    explain,
    export,
    formats,
    import_,
    reproduce,
    run,
    sweep,
    trace,
)
from eiesim.cli.output import tell

COMMANDS = {
    "run": run,
    "chip": chip,
    "reproduce": reproduce,
    "baseline": baseline,
    "compare": compare,
    "compress": compress,
    "import": import_,
    "export": export,
    "explain": explain,
    "formats": formats,
    "trace": trace,
    "sweep": sweep,
    "doctor": doctor,
}
BROKEN_PIPE = 141
"""Exit code where the reader of the output is gone, as for other commands."""
EPILOG = """\
examples:
  eiesim run alex-7                       one layer of the paper on the paper's chip
  eiesim run alex-7 --set n_pes=256       the same on 256 PEs
  eiesim run my_layer.npz --json          a layer of your own, as JSON
  eiesim chip                             power, area and prices of the chip, with their sources
  eiesim reproduce table4                 nine layers beside the paper's times
  eiesim compress weights.npz --out small a network of your own, pruned and shared
  eiesim import model.pt -o model.eie     a network of your own, made ready for eiesim run
  eiesim explain nt-we                    what limits the layer, and what would help
  eiesim formats alex-7                   which widths of indices and pointers fit it
  eiesim trace alex-7 -o trace            the run cycle by cycle, for waveform viewers and others
  eiesim sweep spec.toml                  many machines and layers, none lost
  eiesim baseline alex-7                  what this computer's CPU and GPU take for it
"""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Print what is wrong and exit with 2."""
        self.exit(2, f"{self.prog}: error: {message} (see {self.prog} --help)\n")

    def _print_message(self, message: str, file: Any = None) -> None:
        """Print help or version; argparse's own says nothing where that fails."""
        print(message, end="", file=file or sys.stderr)


def build_parser() -> Parser:
    """Return the parser of the whole command line."""
    parser = Parser(
        prog="eiesim",
        description="Cycle-exact simulator of EIE, the efficient inference engine on compressed "
        "neural networks (ISCA 2016).",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
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
            allow_abbrev=False,
        )
        module.add_arguments(command)
        common.add_arguments(command, getattr(module, "TARGET", None))
        command.set_defaults(make_report=module.make_report)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code: 0, or 2 for bad input.

    Ctrl-C gives 130, and a signal that asks the process to end 128 and its number.

    Parameters
    ----------
    arguments : list of str, optional
        Words after `eiesim`; those of the process by default.
    """
    _prepare_streams()
    with catch_warnings(), stop_as_ctrl_c():
        show_warnings()
        try:
            code = _run(sys.argv[1:] if arguments is None else arguments)
        except Stopped as stopped:
            tell("eiesim: stopped")
            code = 128 + stopped.number
        except KeyboardInterrupt:
            tell("eiesim: stopped")
            # after an interrupt within exec(), which makes dataclasses, `python -m` kills itself in
            # place of exiting with a code; evaluating a text makes it forget that
            eval("0")
            code = 130
    return _flush(code)


def _run(words: list[str]) -> int:
    """Run the command line but for what stops it."""
    try:
        share_caches()
        options = build_parser().parse_args(words)
        options.words = words
        return common.deliver(options)
    except SystemExit as end:  # of --help, --version and words that are wrong
        return int(end.code or 0)
    except EieError as error:
        return _refuse(*error.problems)
    except BrokenPipeError:
        return BROKEN_PIPE
    except MemoryError as error:
        return _refuse(f"not enough memory: {error}")
    except OSError as error:
        return _refuse(_describe(error))


def _refuse(*problems: str) -> int:
    for problem in problems:
        tell(f"eiesim: error: {problem}")
    return 2


def _describe(error: OSError) -> str:
    where = escape(str(error.filename)) if error.filename else "cannot write the output"
    return f"{where}: {error.strerror}"


def _flush(code: int) -> int:
    """Write what is still buffered; where that fails, drop it, so that leaving does not fail."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError) as error:
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            if code == 0 and stream is sys.stdout and isinstance(error, OSError):
                broken = isinstance(error, BrokenPipeError)
                code = BROKEN_PIPE if broken else _refuse(_describe(error))
    return code


def _prepare_streams() -> None:
    """Stand in for closed streams, and print what the terminal's encoding lacks as an escape."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: PTH123, SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
