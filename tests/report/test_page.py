"""The page: what it says, that nothing in it can do harm, and how a browser shows it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from html import escape, unescape
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from eiesim import Hardware
from eiesim.base.labels import name_column, show_number
from eiesim.base.published import PAPER_LAYERS
from eiesim.cli.main import main
from eiesim.energy.machine import price_machine
from eiesim.paper.record import DONE, FAILED, Record
from eiesim.paper.report import report_experiments
from eiesim.paper.verdict import EXACT, Statement, Tolerance, Unreproducible, Verdict
from eiesim.report.charts import Chart, Panel
from eiesim.report.markup import make_anchor, table
from eiesim.runs import layer_report, layer_rows
from eiesim.runs.layer import LayerRun, run_layers
from eiesim.runs.layer_page import total_layers
from tests.support import browser as look

HOSTILE = '<script>window.hacked=1</script>"\' onload="x" & </pre>$\\frac$ \udc80'
TEN = Tolerance(10, "Table III rounds weight densities to whole percent")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with look.open_browser() as browser:
        yield browser


def make_table4() -> Record:
    verdicts = [
        Verdict(layer, quantity, "us", f"{paper:.1f}", paper * (1 + 0.02 * number), TEN,
                "the paper timed one input, whose activations were denser than the average that "
                "Table III prints", workload)
        for number, layer in enumerate(PAPER_LAYERS)
        for quantity, paper in (("theoretical", 28.1 + number), ("actual", 30.3 + 3.1 * number))
        for workload in ("published", "matched")
    ]  # fmt: skip
    return Record(
        name="table4", title="EIE, Table IV: theoretical and actual time of nine layers",
        state=DONE, note="Layers drawn from Table III's sizes and densities.\n\nTolerance 10 %.",
        verdicts=tuple(one.to_row() for one in verdicts),
        tables={
            "layers": [{"layer": layer, "cycles": 7931 + 1000 * at, "latency_us": 9.91 / (at + 1),
                        "dram_gbps_needed": None, "fits": at % 2 == 0}
                       for at, layer in enumerate(PAPER_LAYERS)],
            "pes": [{"layer": "alex-6", "pe": pe, "busy_cycles": 5 * pe % 71} for pe in range(576)],
        },
        shown=("layers",), charts=make_charts(),
        sources=({"given": "alex-6", "sha256": "0123456789abcdef" * 4, "seed": 1},),
        hardware_toml=Hardware.preset("eie-64pe-45nm").to_toml(), energy_table="ab" * 32,
        seconds=1.26,
    )  # fmt: skip


def make_charts() -> dict[str, Chart]:
    """One chart of each kind."""
    depths = tuple(str(1 << power) for power in range(9))
    balance = {
        layer: [1 - 0.6 / (depth + 1 + 0.3 * number) for depth in range(9)]
        for number, layer in enumerate(PAPER_LAYERS)
    }
    platforms = ("CPU dense (baseline)", "CPU compressed", "GPU dense", "GPU compressed",
                 "mGPU dense", "mGPU compressed", "EIE")  # fmt: skip
    speedups = {
        platform: [2.7**number * (1 + 0.13 * at) for at in range(9)]
        for number, platform in enumerate(platforms)
    }
    pes = tuple(map(str, range(64)))
    cycles = {name: [many + pe % 7 for pe in range(64)]
              for name, many in (("busy", 700), ("starved", 90), ("drained", 12))}  # fmt: skip
    depth, times = "queue depth (slots)", "speedup over the CPU (x)"
    see = "Deeper queues give less and less: eight slots are nearly as good as any."
    return {
        "lines": Chart("Figure 8: load balance against queue depth",
                       (Panel("lines", depths, balance, depth, "load balance"),), see),
        "bars": Chart("Figure 6: speedup over the CPU", (Panel(
            "bars", PAPER_LAYERS, speedups, "", times, log=True),), see, 7.2, 3.6),
        "stacked": Chart("Cycles of each PE", (Panel("stacked", pes, cycles, "PE", "cycles"),),
                         see),
        "two": Chart("Energy and reads", (
            Panel("bars", ("32", "64"), {"alex-6": [1, 20]}, "width (bits)", "reads", log=True),
            Panel("lines", ("32", "64"), {"alex-6": [1.0, None], "alex-7": [2, 3]}, "width (bits)",
                  "energy (pJ)")), see),
    }  # fmt: skip


def make_records() -> list[Record]:
    judgements = (
        Verdict("alex-8", "time", "us", "9.9", 9.91, EXACT, ""),
        Verdict("alex-8", "energy", "uJ", "1.0", 9.91, EXACT, "the paper counts no DRAM"),
        Statement("", "depth", "eight slots suffice (VI-C)", "they do: 0.93 of 0.95", True, ""),
        Unreproducible("alex-8", "accuracy", "%", "80.3", "ImageNet is not to be had"),
    )
    rows = tuple(one.to_row() for one in judgements)
    hostile = Chart(HOSTILE, (Panel("bars", (HOSTILE, "b"), {HOSTILE: [1, 2]}, HOSTILE, HOSTILE),),
                    HOSTILE)  # fmt: skip
    return [
        make_table4(),
        Record(name="figure8", title="EIE, Figure 8: load balance", state=DONE, note="See above.",
               verdicts=rows, tables={}, charts={"figure8": make_charts()["lines"]}, seconds=0.2),
        Record(name="figure9", title="EIE, Figure 9: width", state=FAILED, tables={}, charts={},
               note=f"WorkloadError: {HOSTILE}: cannot be read"),
        Record(name="hostile", title=HOSTILE, state=DONE, note=HOSTILE, hardware_toml=HOSTILE,
               verdicts=(Statement(HOSTILE, HOSTILE, HOSTILE, HOSTILE, False, HOSTILE).to_row(),),
               tables={HOSTILE: [{HOSTILE: HOSTILE, "x_us": 2.5}]}, charts={HOSTILE: hostile}),
        Record(name="dc_table1", title="Deep Compression, Table 1: sizes", state=FAILED,
               note="KeyError: 1", tables={}, charts={}),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def html() -> str:
    return report_experiments(make_records(), brief=True).render(["reproduce", "all", HOSTILE])


@pytest.fixture(scope="module")
def file(html: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("page") / "report.html"
    file.write_text(html, encoding="utf-8", errors="backslashreplace")
    return file


def test_nothing_given_becomes_markup(html: str) -> None:
    assert len(re.findall("<script", html)) == 1
    assert "</pre>$" not in html
    assert "&lt;script&gt;window.hacked=1&lt;/script&gt;" in html
    assert not re.search(r"""(src|href)=["'](?!#|data:,)""", html), "nothing to fetch"


def test_size(html: str) -> None:
    assert len(html.encode(errors="backslashreplace")) < 1e6


def test_what_is_counted(html: str) -> None:
    """18 numbers in two workloads each, and five more."""
    tiles = re.findall(r'<li class="([a-z-]+)"><b>([\d,]+)</b>', html)
    counts = {kind: int(count) for kind, count in tiles}
    assert sum(counts.values()) == 36 + 5
    assert counts["not-reproducible-here"] == 1
    assert "3 done, 2 failed" in html


def test_columns_and_numbers() -> None:
    assert name_column("latency_us") == "latency (µs)"
    assert name_column("energy_pj") == "energy (pJ)"
    assert name_column("load_balance") == "load balance"
    assert [show_number(value) for value in (7931, 9.9137, 1234567.8, 0.00001234, 0.0)] == [
        "7,931", "9.914", "1,234,568", "1.234e-05", "0",
    ]  # fmt: skip
    assert make_anchor("a b<c>") == "a-b-c-"


def test_tables() -> None:
    rows: list[dict[str, Any]] = [
        {"a_us": 1234.5, "empty": None, "fits": True, "text": "<"},
        {"a_us": None, "empty": "", "fits": False, "text": "b"},
        {"a_us": 1.0, "empty": None, "fits": True, "text": "c"},
    ]
    text = table(rows, "name", limit=2)
    assert "empty" not in text
    assert '<td class="number" data-value="1234.5">1,234</td>' in text
    assert '<td class="number" data-value="null">\N{EN DASH}</td>' in text
    assert '<td data-value="true">yes</td>' in text
    assert "<td>&lt;</td>" in text
    assert "<td>c</td>" not in text
    assert "first 2 of 3 rows" in text


@pytest.fixture(scope="module")
def runs() -> list[LayerRun]:
    """A layer that fits, one that streams from DRAM, and one whose name is hostile."""
    hw = Hardware(n_pes=64, ptr_sram_bytes=16 * 1024)
    runs = list(run_layers(["nt-lstm", "alex-6", "nt-we"], hw, price_machine(hw)))
    return [*runs[:2], replace(runs[2], name=HOSTILE)]


@pytest.fixture(scope="module")
def run_html(runs: list[LayerRun]) -> str:
    return layer_report.report_layers(runs, price_machine(runs[0].result.hardware)).render(
        ["run", "alex-6"]
    )


def test_page_of_runs_has_every_number(runs: list[LayerRun], run_html: str) -> None:
    shown = set(re.findall(r'<dt title="(\w+)">', run_html))
    assert shown == set(layer_rows.describe_layer(runs[0])) - {"layer", "no_energy"}
    for run in runs:
        row = layer_rows.describe_layer(run)
        assert f"<dd>{row['cycles']:,}</dd>" in run_html
        assert f"<dd>{show_number(row['energy_pj'])}</dd>" in run_html
    for problem in layer_rows.describe_problems(runs[1]):
        assert escape(problem) in run_html
    assert escape(runs[0].result.hardware.to_toml().rstrip()) in run_html
    assert "output_row" not in run_html


def test_totals_of_layers(runs: list[LayerRun]) -> None:
    rows = [layer_rows.describe_layer(run) for run in runs]
    total = total_layers(rows)
    assert total["cycles"] == sum(run.result.cycles for run in runs)
    assert total["load_balance"] == pytest.approx(
        sum(run.result.theoretical_cycles for run in runs) / total["cycles"]
    )
    assert total_layers([rows[0], rows[1] | {"energy_pj": None}])["energy_pj"] is None


def test_page_of_a_run_without_energy(runs: list[LayerRun]) -> None:
    run = replace(runs[0], energy=None, no_energy="no price of dram memory read")
    text = layer_report.report_layers([run], price_machine(run.result.hardware)).render(
        ["run", "nt-lstm"]
    )
    assert "no energy: nt-lstm: no price of dram memory read" in text
    assert "Layers compared" not in text
    assert text.count("<figure>") == 1


def test_page_of_runs_in_a_browser(chromium: Browser, run_html: str, tmp_path: Path) -> None:
    file = tmp_path / "run.html"
    file.write_text(run_html, encoding="utf-8", errors="backslashreplace")
    for width in (1280, 360):
        with look.load_page(chromium, file, width=width) as page:
            assert look.check_figures(page) == 2 + 2 * 3
            assert look.find_overflow_px(page) <= 0
            assert look.find_ids_given_twice(page) == []
            assert look.find_faint_text(page) == {}
            assert page.evaluate("window.hacked") is None


def test_report_of_the_command(in_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "nt-we", "--json", "--report", "page.html"]) == 0
    assert capsys.readouterr().err == "written: page.html\n"
    assert (in_folder / "page.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert [path.name for path in in_folder.iterdir()] == ["page.html"]


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("there/page.html", "there/page.html: cannot be written: No such file or directory"),
        (".", "'.': expected the name of a file, found a folder"),
        ("", "'': expected the name of a file, found a folder"),
    ],
)
def test_report_that_cannot_be_written_is_refused_before_the_work(
    in_folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    problem: str,
) -> None:
    monkeypatch.setattr("eiesim.runs.layer.run_layers", lambda *_: pytest.fail("worked"))
    assert main(["run", "nt-we", "--report", path]) == 2
    assert capsys.readouterr().err == f"eiesim: error: {problem}\n"
    assert list(in_folder.iterdir()) == []


def test_page_in_a_browser(chromium: Browser, file: Path) -> None:
    with look.load_page(chromium, file) as page:
        assert look.check_figures(page) == 6
        assert look.check_verdicts(page) == [record.name for record in make_records()]
        assert look.find_overflow_px(page) <= 0
        assert look.find_ids_given_twice(page) == []
        assert look.find_faint_text(page) == {}
        assert page.evaluate("window.hacked") is None
        assert page.locator("[onload]").count() == 0
        assert "cannot be read" in page.locator("#figure9 .notice").inner_text()


def test_page_on_a_phone(chromium: Browser, file: Path) -> None:
    with look.load_page(chromium, file, width=360) as page:
        assert look.find_overflow_px(page) <= 0
        assert not page.locator(".toc ul").first.is_visible()
        page.locator(".toc summary").click()
        assert page.locator(".toc ul").first.is_visible()


def test_page_in_the_dark(chromium: Browser, file: Path) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    ink = "getComputedStyle(document.querySelector('svg text')).fill"
    with look.load_page(chromium, file, dark=True) as page:
        assert look.find_faint_text(page) == {}
        assert page.evaluate(ground) == "rgb(20, 23, 27)"
        assert page.evaluate(ink) == "rgb(228, 231, 235)"
        page.locator(".theme").click()
        assert page.evaluate(ground) == "rgb(255, 255, 255)"
        assert page.evaluate(ink) == "rgb(27, 31, 36)"


def test_tables_sort_unfold_and_save(chromium: Browser, file: Path) -> None:
    with look.load_page(chromium, file) as page:
        box = page.locator('.table[data-name="table4-layers"]')
        times = box.locator("tbody td:nth-child(3)")
        head = box.locator('th[data-key="latency_us"] button')
        head.click()
        assert [float(time) for time in times.all_inner_texts()] == sorted(
            float(time) for time in times.all_inner_texts()
        )
        head.click()
        assert times.first.inner_text() == "9.91"
        with page.expect_download() as download:
            box.get_by_role("button", name="CSV").click()
        lines = Path(download.value.path()).read_text().splitlines()
        assert lines[:2] == ["layer,cycles,latency_us,fits", "alex-6,7931,9.91,true"]
        assert download.value.suggested_filename == "table4-layers.csv"
        verdicts = page.locator('.table[data-name="table4"]')
        assert verdicts.locator("tbody tr:visible").count() == 20
        verdicts.get_by_role("button", name="Show all 36 rows").click()
        assert verdicts.locator("tbody tr:visible").count() == 36


def test_text_is_copied(chromium: Browser, file: Path) -> None:
    with look.load_page(chromium, file) as page:
        page.locator("#table4 .copier").first.click()
        page.locator("#table4 .copier", has_text=re.compile("Copied|Selected")).wait_for()
        assert page.locator("#table4 pre").first.inner_text() == "eiesim reproduce table4"


def test_page_on_paper(chromium: Browser, file: Path, tmp_path: Path) -> None:
    with look.load_page(chromium, file) as page:
        folded = page.locator("#table4 details").first
        assert folded.get_attribute("open") is None
        page.emulate_media(media="print")
        page.locator("main details:not([open])").first.wait_for(state="detached")
        assert not page.locator("nav").is_visible()
        assert not page.locator(".theme").is_visible()
        assert page.locator('.table[data-name="table4"] tbody tr:visible').count() == 36
        page.emulate_media(media="screen")
        page.locator("main details[open]").first.wait_for(state="detached")
        page.pdf(path=tmp_path / "page.pdf", format="A4")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize(
    ("words", "heading"),
    [
        (("chip",), "Power, area and prices of a machine"),
        (("compare", "alex-8"), "Layers on EIE beside others"),
        (("doctor",), "What is installed, and whether it works"),
    ],
)
def test_commands_without_a_page_of_their_own_get_a_plain_one(
    in_folder: Path, words: tuple[str, ...], heading: str
) -> None:
    """Its lines, charts and tables, without a network; what is printed is in it."""
    assert main([*words, "--report", "page.html"]) == 0
    page = (in_folder / "page.html").read_text("utf-8")
    assert f"<h1>{heading}</h1>" in page
    assert "How this page was made" in page
    assert not re.search(r'(src|href)="(?!#|data:)', page)
    if words == ("chip",):
        power = "609.3 mW, of which the broadcast's wires 22.8 mW"
        assert f"64 PEs and 21 LNZD units, none waiting: {power}; 40.84 mm2" in unescape(page)
        assert all(f'id="table-{name}"' in page for name in ("modules", "areas", "prices"))
