"""The answer of a command; terminal, JSON, folder and page are four ways to write it."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from eiesim import __version__
from eiesim.base.tables import Row, to_csv, to_json
from eiesim.catalog.operands import Source
from eiesim.hardware import Hardware
from eiesim.report.charts import Chart, draw_chart
from eiesim.report.page import render_plain

Parts = tuple[Sequence[Row] | str, ...]
"""Tables and lines of text."""
PACKAGES = ("numpy", "numba", "scipy", "simpy")


@dataclass(frozen=True, kw_only=True, eq=False)
class Report:
    """The answer to one question.

    Attributes
    ----------
    title : str
        What it is about, in a few words.
    summary : dict, or list of dict
        Everything, as plain values; ``schema`` of a dict names its form.
    shown : tuple of (sequence of dict, or str)
        Everything for a reader, below the answer and in this order: tables, and lines of text.
    answer : tuple of str
        What was asked, in a line or two; computed from the numbers that it names.
    brief : tuple as `shown`, or None
        What of it a terminal shows, in units for a reader; None where that is all.
    list_tables : callable
        Gives rows for CSV files by their names; one without rows is not written. Called where they
        are written, since some have a row an output or a step.
    charts : mapping of str to Chart
        By the names of their files.
    write_files : callable or None
        Writes further files into a folder.
    page : callable or None
        Gives a page of its own from the manifest; None for that of `render_plain`.
    has_index : bool
        Whether the page is written into a folder, too, as ``index.html``.
    sources : tuple of Source
        Names and files that were read.
    provenance : dict
        Further entries of the manifest.
    failed : bool
        Whether there is no answer, or only a part.
    """

    title: str
    summary: Row | list[Row]
    shown: Parts
    answer: tuple[str, ...] = ()
    brief: Parts | None = None
    list_tables: Callable[[], Mapping[str, Sequence[Row]]] = dict
    charts: Mapping[str, Chart] = field(default_factory=dict)
    write_files: Callable[[Path], None] | None = None
    page: Callable[[Row], str] | None = None
    has_index: bool = False
    hardware: Hardware | None = None
    sources: tuple[Source, ...] = ()
    provenance: Row = field(default_factory=dict)
    failed: bool = False

    def make_manifest(self, command: Sequence[str]) -> Row:
        """Return what the report was made with: versions, computer, date, hardware, sources."""
        versions = {name: version(name) for name in PACKAGES}
        return {
            "command": list(command),
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "versions": {"eiesim": __version__, "python": platform.python_version()} | versions,
            "computer": platform.platform(),
            "hardware": None if self.hardware is None else asdict(self.hardware),
            "sources": [asdict(source) for source in self.sources],
            **self.provenance,
        }

    def render(self, command: Sequence[str]) -> str:
        """Return the report as one page of HTML that needs no network."""
        manifest = self.make_manifest(command)
        if self.page is not None:
            return self.page(manifest)
        lines = [part for part in (*self.answer, *self.shown) if isinstance(part, str) and part]
        return render_plain(self.title, lines, self.charts, self.list_tables(), manifest)

    def write(self, folder: Path, command: Sequence[str]) -> None:
        """Write summary, manifest, machine, tables and charts into an empty folder."""
        texts = {
            "summary.json": to_json(self.summary),
            "manifest.json": to_json(self.make_manifest(command)),
            **{f"{name}.csv": to_csv(rows) for name, rows in self.list_tables().items() if rows},
        }
        if self.hardware is not None:
            texts["hardware.toml"] = self.hardware.to_toml()
        if self.has_index:
            texts["index.html"] = self.render(command)
        for name, text in texts.items():
            write_text(folder / name, text)
        for name, chart in self.charts.items():
            draw_chart(chart, folder, name)
        if self.write_files is not None:
            self.write_files(folder)


def write_text(file: Path, text: str) -> None:
    """Write a text file; what UTF-8 lacks is escaped."""
    file.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
