"""Write what was measured into the pages: ``python -m benchmarks.page``.

`results.csv` is of ``make benchmark``, `scaling.csv` of ``python -m benchmarks.scaling``. Written
are the tables of `benchmarks/README.md` and the sentence of README.md, between their marks.
"""

from __future__ import annotations

import csv
import re
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.conftest import ALEX8_RUN, ALEX8_TIMES, FC8
from benchmarks.scaling import AXES, STEPS, describe_slopes, read_table
from eiesim.base.files import replacing
from eiesim.base.published import PAPER_LAYERS

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
    """Return the machine and a table of all ratios."""
    lines = [
        f"Measured on {results[0]['machine']}.",
        "",
        "| job | fastest, us | median, us | runs | against | us | ratio | aim | limit |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in results:
        numbers = [f"{float(row[name]):,.4g}" for name in ("min_us", "median_us")]
        ratio = [f"{float(row['ratio']):.3g}", row["aim"], row["limit"]]
        cells = [row["job"], *numbers, row["runs"], row["against"],
                 f"{float(row['against_us']):,.4g}", *ratio]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    missed = [
        row["job"] for row in results if row["aim"] and float(row["ratio"]) > float(row["aim"])
    ]
    aimed = sum(bool(row["aim"]) for row in results)
    lines += ["", f"Of {aimed} aims, {len(missed)} are missed{': ' if missed else ''}"
              f"{'; '.join(missed)}."]  # fmt: skip
    return "\n".join(lines) + "\n"


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
