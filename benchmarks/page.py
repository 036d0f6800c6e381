"""Write what was measured into the pages: ``python -m benchmarks.page``.

`results.csv` is of ``make benchmark``, `scaling.csv` of ``python -m benchmarks.scaling``. Written
are the tables of `benchmarks/README.md` and the sentence of README.md, between their marks.
"""

from __future__ import annotations

import csv
import re
import textwrap
from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from benchmarks.conftest import ALEX8_RUN, ALEX8_TIMES, FC8, SECOND
from benchmarks.scaling import AXES, STEPS, describe_slopes, read_table
from eiesim.base.files import replacing
from eiesim.base.published import PAPER_LAYERS
from eiesim.runs.answers import name_time

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results.csv"
PAGES = (FOLDER / "README.md", FOLDER.parent / "README.md")
MARKED = re.compile(r"(<!-- begin: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
Rows = Sequence[Mapping[str, str]]


def read_results() -> Rows:
    """Return the rows of results.csv."""
    with RESULTS.open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def describe_claim(results: Rows, _scaling: Rows) -> str:
    """Return the front page's sentence: how long timing and a whole run take."""
    names = {ALEX8_TIMES.replace(FC8, layer) for layer in PAPER_LAYERS}
    timed = [
        float(row["ratio"])
        for row in results
        if row["job"] in names and row["against"].startswith("the chip")
    ]
    whole = next(row for row in results if row["job"] == ALEX8_RUN)
    machine, _, _ = results[0]["machine"].partition(";")
    sentence = (
        f"To time one of the paper's nine layers takes {min(timed):.2g} to {max(timed):.2g} times "
        f"as long as the 800 MHz chip itself, on {machine}; a whole `simulate` of AlexNet's fc8, "
        f"with every counter and the outputs, takes {float(whole['min_us']):,.0f} us "
        "([how fast](benchmarks/README.md))."
    )
    return textwrap.fill(sentence, 110) + "\n"


def tabulate_results(results: Rows, _scaling: Rows) -> str:
    """Return the machine, a table with a line a job, and which aims are missed."""
    lines = [
        f"Measured on {results[0]['machine']}.",
        "",
        "| job | fastest | median | runs | beside others |",
        "|---|---|---|---|---|",
    ]
    for job, found in groupby(sorted(results, key=itemgetter("job")), itemgetter("job")):
        rows = list(found)
        times = [name_time(float(rows[0][name])) for name in ("min_us", "median_us")]
        others = "; ".join(filter(None, map(describe_pair, rows)))
        lines.append(f"| {' | '.join([job, *times, rows[0]['runs'], others])} |")
    aimed = [row for row in results if row["aim"]]
    missed = [row["job"] for row in aimed if float(row["ratio"]) > float(row["aim"])]
    result = f"All {len(aimed)} aims are reached."
    if missed:
        result = f"{len(missed)} of {len(aimed)} aims are missed: {'; '.join(missed)}."
    return "\n".join([*lines, "", result]) + "\n"


def describe_pair(row: Mapping[str, str]) -> str:
    """Return a ratio in words, with what is aimed at and where the benchmarks fail."""
    if row["against"] == SECOND:
        return f"aim {name_time(1e6 * float(row['aim']))}" if row["aim"] else ""
    bounds = [f"{name} {row[name]}" for name in ("aim", "limit") if row[name]]
    more = f" ({', '.join(bounds)})" if bounds else ""
    other = "its floor" if row["against"].startswith("floor of") else row["against"]
    return f"{float(row['ratio']):.3g} x {other}{more}"


def tabulate_scaling(_results: Rows, scaling: Rows) -> str:
    """Return a table of time and peak memory by non-zeros, and the slopes."""
    values, _ = AXES["nonzeros"]
    lines = [
        f"Measured on {scaling[0]['machine']}.",
        "",
        f"| non-zeros | {' | '.join(f'{step}, ms | MB' for step in STEPS)} |",
        "|---" * (2 * len(STEPS) + 1) + "|",
    ]
    for value in values:
        cells = [f"{value:,}"]
        for step in STEPS:
            row = next(
                row for row in scaling
                if (row["axis"], row["nonzeros"], row["step"]) == ("nonzeros", str(value), step)
            )  # fmt: skip
            cells += [f"{float(row['us']) / 1e3:,.4g}", f"{float(row['peak_mb']):,.0f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", describe_slopes(scaling)]) + "\n"


PARTS = {
    "claim": describe_claim, "results": tabulate_results, "scaling": tabulate_scaling,
}  # fmt: skip
"""What stands between the marks of each name."""


def fill_page(page: str, results: Rows, scaling: Rows) -> str:
    """Return a page with everything between marks made anew."""
    return MARKED.sub(lambda found: found[1] + PARTS[found[2]](results, scaling) + found[3], page)


if __name__ == "__main__":
    for path in PAGES:
        text = fill_page(path.read_text("utf-8"), read_results(), read_table())
        with replacing(path) as target:
            target.write(text.encode())
