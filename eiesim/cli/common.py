"""What commands share: the ways to write a report, and options that have no effect."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from eiesim.base.errors import ConfigError

if TYPE_CHECKING:
    from eiesim.report.report import Report


def add_report_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --json, --out and --report."""
    group = parser.add_argument_group("results")
    group.add_argument("--json", action="store_true", help="print summary.json instead of tables")
    group.add_argument("--out", metavar="DIR", help="write a folder of results")
    group.add_argument(
        "--report", metavar="FILE", help="write one page of HTML that needs no network"
    )


def deliver(
    options: argparse.Namespace, make: Callable[[], Report], *, replace: bool = False
) -> int:
    """Make a report and write it as the options say; return the exit code.

    Folder and page are opened before any work, so that none is lost to what cannot be written.

    Parameters
    ----------
    replace : bool
        Whether a folder that eiesim wrote before is replaced.

    Raises
    ------
    EieError
        As of `make`; or a folder or page cannot be written.
    """
    from eiesim.base.tables import to_json
    from eiesim.cli.output import result_folder, show

    with result_folder(options.out, replace) as folder, result_page(options.report) as page:
        report = make()
        if folder is not None:
            report.write(folder, options.words)
        if page is not None:
            page.write(report.render(options.words).encode("utf-8", errors="backslashreplace"))
    if options.json:
        print(to_json(report.summary), end="")
    else:
        show(report.shown)
    return int(report.failed)


@contextmanager
def result_page(path: str | None) -> Iterator[IO[bytes] | None]:
    """Give the file of ``--report``, and print its name once it is whole; None without it.

    Raises
    ------
    EieError
        The file cannot be written.
    """
    if path is None:
        yield None
        return
    from eiesim.base.errors import EieError, escape
    from eiesim.base.files import replacing
    from eiesim.cli.output import tell

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
