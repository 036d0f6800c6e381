"""What all commands share: the arguments of every command, and the ways to write a report."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from pathlib import Path
from typing import IO, TYPE_CHECKING

from eiesim.base.errors import ConfigError, EieError, escape
from eiesim.cli.output import show, tell

if TYPE_CHECKING:
    from eiesim.report.report import Parts, Report

MORE = "Every table and note: --all"


def add_arguments(parser: argparse.ArgumentParser, target: str | None = None) -> None:
    """Add the arguments of every command.

    Parameters
    ----------
    target : str or None
        Of a command that must write a file, how help names it; the file is in `target` of the
        parsed arguments, while no folder is written.
    """
    group = parser.add_argument_group("results")
    group.add_argument("--json", action="store_true", help="print summary.json instead of tables")
    group.add_argument(
        "--all", action="store_true",
        help="print every table and note on a terminal, too, as into a pipe",
    )  # fmt: skip
    if target is None:
        group.add_argument("-o", "--out", metavar="DIR", help="write a folder of results")
    else:
        group.add_argument(
            "-o", "--out", required=True, metavar=target, dest="target", help="file to write"
        )
        parser.set_defaults(out=None)
    group.add_argument(
        "--report", metavar="FILE", help="write one page of HTML that needs no network"
    )


def deliver(options: argparse.Namespace) -> int:
    """Make a command's report and write it as the options say; return the exit code.

    Folder and page are opened before any work, so that none is lost to what cannot be written.

    Raises
    ------
    EieError
        As of the command; or a folder or page cannot be written.
    """
    from eiesim.base.tables import to_json

    if options.json:
        refuse_useless(options, "all", "does not go with --json")
    with _open_folder(options) as folder, _open_page(options.report) as page:
        report = options.make_report(options)
        if folder is not None:
            report.write(folder, options.words)
        if page is not None:
            page.write(report.render(options.words).encode("utf-8", errors="backslashreplace"))
    if options.json:
        print(to_json(report.summary), end="")
    else:
        show(_choose_parts(report, options.all))
    return int(report.failed)


def _choose_parts(report: Report, everything: bool) -> Parts:
    """Return the answer and what stands below it: on a terminal, in brief."""
    if everything or report.brief is None or not sys.stdout.isatty():
        return (*report.answer, *report.shown)
    return (*report.answer, *report.brief, MORE)


@contextmanager
def _open_folder(options: argparse.Namespace) -> Iterator[Path | None]:
    """Give the folder of --out, and print its name once it is whole; None without it."""
    if options.out is None:
        yield None
        return
    from eiesim.base.files import new_folder

    with new_folder(options.out, getattr(options, "force", False)) as folder:
        yield folder.work
    tell(f"written: {escape(str(folder.final))}")


@contextmanager
def _open_page(path: str | None) -> Iterator[IO[bytes] | None]:
    """Give the file of --report, and print its name once it is whole; None without it."""
    if path is None:
        yield None
        return
    from eiesim.base.files import replacing

    if Path(path).is_dir():
        raise EieError(f"{path!r}: expected the name of a file, found a folder")
    with replacing(path) as stream:
        yield stream
    tell(f"written: {escape(path)}")


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
    useless = [name for name, value in values.items() if value is not None and value is not False]
    if useless:
        raise ConfigError(*(f"--{name} {why}" for name in useless))


def check_ranges(options: argparse.Namespace, **ranges: tuple[float, float]) -> None:
    """Check numbers that are given against their smallest and largest value.

    Raises
    ------
    ConfigError
        One is out of its range.
    """
    for name, (least, most) in ranges.items():
        value = getattr(options, name)
        if value is not None and not least <= value <= most:
            expected = f"{least} or more" if most == inf else f"{least:g} to {most:g}"
            raise ConfigError(f"--{name.replace('_', '-')}: expected {expected}, found {value}")
