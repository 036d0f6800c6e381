"""The page of a trace: the array over time, to zoom into and to step through."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np

from eiesim.base.labels import show_number
from eiesim.base.tables import Row
from eiesim.report import markup
from eiesim.report.markup import Html
from eiesim.report.page import Section, date_line, describe_manifest, render_page
from eiesim.runs.layer_page import PE_CYCLES
from eiesim.runs.trace_counts import Counts, HoldUps, count_causes, find_hold_ups, find_slowest
from eiesim.runs.trace_packing import pack_schedule
from eiesim.sim.tracing.schedule import Schedule

KEYS = (
    ("←  →", "a cycle back or on (with Shift: a tenth of what is shown)"),
    ("↑  ↓", "another PE"),
    ("+  -", "zoom in and out"),
    ("0", "the whole run"),
    ("f", "the slowest PE"),
)
BUTTONS = (
    ("back", "◀", "A cycle back"), ("on", "▶", "A cycle on"), ("in", "+", "Zoom in"),
    ("out", "&minus;", "Zoom out"), ("whole", "Whole run", ""), ("slowest", "Slowest PE", ""),
)  # fmt: skip
EXTRAS = ("trace.css", "trace.js", "trace_view.js")


def render_trace(schedule: Schedule, manifest: Row) -> str:
    """Return the page of a schedule, with a manifest of `Report.make_manifest`."""
    counts = count_causes(schedule)
    slowest = find_slowest(counts)
    hold_ups = find_hold_ups(schedule)
    data = pack_schedule(schedule) | {"slowest": slowest}
    table = markup.table(_list_pes(schedule, counts), "pes")
    hw = schedule.hardware
    sections = [
        Section("array", "The array over time", _make_viewer(counts),
                data={"trace": json.dumps(data, separators=(",", ":"))}),
        Section("hold-ups", "Who holds up whom", _show_hold_ups(schedule, hold_ups)),
        Section("pes", "Cycles of each PE", table),
        Section("about", "How this page was made", describe_manifest(manifest)),
    ]  # fmt: skip
    of_pes = "" if schedule.pes.size == hw.n_pes else f", {schedule.pes.size} of them here"
    summary = markup.join(
        [
            markup.paragraphs(
                f"{schedule.name} takes {schedule.cycles:,} cycles on {hw.n_pes} PEs{of_pes}, "
                f"whose queues have {hw.queue_depth} slots. This page shows cycles "
                f"{max(schedule.first_cycle, 1):,} to {schedule.last_cycle:,}."
            ),
            markup.paragraphs(_describe_slowest(schedule, counts, slowest, hold_ups)),
        ]
    )
    title = f"{schedule.name}, cycle by cycle"
    return render_page(title, summary, sections, date_line(manifest), EXTRAS)


def _make_viewer(counts: dict[str, Counts]) -> Html:
    """Return the canvas, its legend, buttons and text; the script fills them."""
    total = sum(int(count.sum()) for count in counts.values())
    legend = "".join(
        f'<li><i data-kind="{kind}"></i>{word} '
        f"<span>{_share(int(counts[name].sum()), total)}</span></li>"
        for kind, (word, name) in enumerate(PE_CYCLES.items())
    )
    buttons = "".join(
        f'<button type="button" data-act="{act}"'
        + (f' aria-label="{label}" title="{label}"' if label else "")
        + f">{word}</button>"
        for act, word, label in BUTTONS
    )
    keys = "; ".join(f"<kbd>{key}</kbd> {meaning}" for key, meaning in KEYS)
    return Html(f"""\
<noscript><p>The picture needs the page's script; the tables below do not.</p></noscript>
<ul class="legend" aria-label="Colours: what a PE does in a cycle">{legend}</ul>
<div class="viewer"><canvas tabindex="0" role="application" aria-label="What each PE does in each \
cycle; arrow keys move" aria-describedby="trace-keys trace-text"></canvas>
<p class="tools">{buttons}<span class="range"></span></p>
<div class="cell" id="trace-text" aria-live="polite"></div></div>
<p class="keys" id="trace-keys">Keys, once the picture has the focus: {keys}. The mouse: point \
to a cell; click, then turn the wheel to zoom, with Shift to move.</p>
<p>A row is a PE, and time goes from left to right. From afar, a point mixes the colours of the \
cycles that it stands for; from close up, each cell is one cycle, with the column that the PE has. \
The row <b>scan</b> is the control unit: a broadcast has the colour of an entry, a wait that of \
its cause. Below are the queue of the PE that is pointed to, and how many queues are full.</p>""")


def _describe_slowest(
    schedule: Schedule, counts: dict[str, Counts], slowest: int, hold_ups: HoldUps
) -> str:
    """Return the story of the slowest PE in a few sentences."""
    cycles = int(sum(count[slowest] for count in counts.values()))
    parts = [
        f"{show_number(int(counts[name][slowest]))} {word} "
        f"({_share(int(counts[name][slowest]), cycles)})"
        for word, name in PE_CYCLES.items()
        if counts[name][slowest]
    ]
    busy = counts["macs"] + counts["padding_macs"] + counts["empty_column_cycles"]
    text = (
        f"PE {schedule.pes[slowest]} is the slowest one: it is busy in {int(busy[slowest]):,} of "
        f"{cycles:,} cycles, the mean PE in {busy.mean():,.0f}. Its cycles: {', '.join(parts)}."
    )
    if not hold_ups.cycles:
        return f"{text} No full queue ever held a broadcast."
    holder = int(hold_ups.held.argmax())
    return (
        f"{text} In {hold_ups.cycles:,} cycles a full queue held the broadcast; that of PE "
        f"{schedule.pes[holder]} was full in {int(hold_ups.held[holder]):,} of them, in "
        f"{int(hold_ups.alone[holder]):,} as the only one."
    )


def _show_hold_ups(schedule: Schedule, hold_ups: HoldUps) -> Html:
    rows = list(_list_holders(schedule, hold_ups))
    if not rows:
        return markup.paragraphs("No full queue of these PEs held a broadcast.")
    text = (
        "While any queue is full, nothing is broadcast, and a PE whose queue runs empty starves. "
        f"This held a broadcast in {hold_ups.cycles:,} cycles. For each PE: in how many of them "
        "its queue was full; in how many no other one was; how many cycles all other PEs then "
        "starved; and which one starved longest. Several queues can be full at once, so that a "
        "cycle can count for several PEs."
    )
    return markup.join([markup.paragraphs(text), markup.table(rows, "hold_ups")])


def _list_holders(schedule: Schedule, hold_ups: HoldUps) -> Iterator[Row]:
    """Yield the PEs whose full queues held the broadcast, the longest first."""
    others = hold_ups.starved.copy()
    np.fill_diagonal(others, 0)
    for place in np.argsort(-hold_ups.held, kind="stable").tolist():
        if hold_ups.held[place]:
            victim = int(others[place].argmax())
            yield {
                "pe": int(schedule.pes[place]),
                "held_cycles": int(hold_ups.held[place]),
                "alone_cycles": int(hold_ups.alone[place]),
                "others_starved_cycles": int(others[place].sum()),
                "starved_longest_pe": int(schedule.pes[victim]) if others[place].any() else None,
                "its_starved_cycles": int(others[place, victim]),
            }


def _list_pes(schedule: Schedule, counts: dict[str, Counts]) -> list[Row]:
    lines = zip(*(count.tolist() for count in counts.values()), strict=True)
    return [
        {"pe": pe, **dict(zip(PE_CYCLES, line, strict=True))}
        for pe, line in zip(schedule.pes.tolist(), lines, strict=True)
    ]


def _share(part: int, whole: int) -> str:
    """Return a share in percent."""
    return f"{part / whole:.1%}".replace("%", " %") if whole else "0 %"
