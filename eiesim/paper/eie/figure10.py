"""EIE's Figure 10: energy of a multiplication and accuracy by arithmetic precision."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from eiesim.base.published import read_table
from eiesim.base.tables import Row
from eiesim.energy.operations import list_prices
from eiesim.hardware import Hardware
from eiesim.paper.experiment import Experiment, Outcome, Work
from eiesim.paper.parts.accuracy import (
    ARITHMETIC,
    FILES,
    NETWORKS,
    PHOTOGRAPHS,
    UNSHARED,
    Accuracy,
    measure_networks,
)
from eiesim.paper.verdict import (
    EXACT,
    Judgement,
    Statement,
    Tolerance,
    Unreproducible,
    Verdict,
    agree_in_loss,
)
from eiesim.report.charts import Chart, Panel

DIGIT = 0.005
"""Half of the last digit of our percentages."""
MULTIPLIERS = {"float32": "float32", "int32": "int32", "int16": "fixed16", "int8": "fixed8"}
"""Name of each arithmetic among the prices."""
TABLE1 = Tolerance(
    5, "Table I prints 3.7 and 3.1 pJ, whose ratio is 1.19; the text's two ratios make it 1.24"
)
NOTE = """\
The paper's accuracy is AlexNet's top-5 on ImageNet, which is not to be had. Ours: top-1 of two
pruned LeNets on MNIST's 10,000 test images, their fully connected layers in each arithmetic, with
unshared weights and with codebooks of 4 bits without retraining (LeNet-5's convolutions in
float32); and the share of 2 x 169 positions of two photographs at which SqueezeNet's last layer,
with its own codebook of 8 bits, finds the class of float32.
A loss by 16 bits agrees with the paper's when it is no larger, 0.5 points; one by 8 bits when it is
half of the paper's or more.
Fixed point: b bits for weights, activations and accumulators. Weights have the most fraction bits,
b - 1 or fewer, with which their largest magnitude fits; activations and accumulators of a layer
share a binary point, chosen so that the largest input and the largest float32 output over these
inputs fit. Products are rounded half up to it, sums saturate. Of equal outputs the first counts.
Energy: 16 bits are priced by the paper's 5x, so that this ratio is no evidence."""
Printed = dict[tuple[str, str], str]
"""By quantity and arithmetic."""


WORK = Work(
    NETWORKS,
    measure_networks,
    tuple(dict.fromkeys(name for files in FILES.values() for name in files)),
)


def judge(parts: Iterable[tuple[Accuracy, ...]]) -> Outcome:
    """Compare energies and accuracies with the paper's."""
    rows = [row for part in parts for row in part]
    energy_pj = {name: _find_energy_pj(multiplier) for name, multiplier in MULTIPLIERS.items()}
    table = read_table("paper/eie_fig10")
    printed = {(row["quantity"], row["arithmetic"]): row["value"] for row in table}
    return Outcome(
        note=NOTE,
        hardware=Hardware(),
        verdicts=(
            *_judge_multiplier(energy_pj, printed),
            *_judge_alexnet(printed),
            *(judgement for row in rows for judgement in _judge_network(row, printed)),
        ),
        tables={
            "accuracy": _list_accuracy(rows, energy_pj, printed),
            "formats": _list_formats(rows),
        },
        shown=("accuracy",),
        charts={"figure10": _chart(rows, energy_pj, printed)},
        sources=tuple(dict.fromkeys(source for row in rows for source in row.sources)),
    )


def _find_energy_pj(multiplier: str) -> float:
    prices = list_prices("arithm", multiplier)
    return next(price.value for price in prices if price.action == "multiply")


def _list_top5(printed: Printed) -> dict[str, float | None]:
    values = {name: printed.get(("top5_accuracy", name)) for name in ARITHMETIC}
    return {name: None if value is None else float(value) for name, value in values.items()}


def _judge_multiplier(energy_pj: dict[str, float], printed: Printed) -> Iterator[Verdict]:
    for name, tolerance, put_in in (
        ("int32", EXACT, "16 bits are priced by this ratio"),
        ("float32", TABLE1, "both prices are the paper's"),
    ):
        yield Verdict(
            "multiplier", f"energy of {name} over int16", "x", printed["energy_over_int16", name],
            energy_pj[name] / energy_pj["int16"], tolerance, "the price was changed", "", put_in,
        )  # fmt: skip


def _judge_alexnet(printed: Printed) -> Iterator[Unreproducible]:
    for name in ("float32", "int16", "int8"):
        yield Unreproducible(
            "AlexNet", f"top-5 accuracy, {name}", "percent", printed["top5_accuracy", name],
            "neither ImageNet nor the compressed AlexNet is to be had",
        )  # fmt: skip


def _judge_network(row: Accuracy, printed: Printed) -> Iterator[Judgement]:
    float32_percent = float(printed["top5_accuracy", "float32"])
    for name in ("int16", "int8"):
        quantity, paper = f"loss by {name}", printed["top5_accuracy", name]
        points = f"{float32_percent - float(paper):.1f}"
        if row.missing:
            yield Unreproducible(
                row.network, quantity, "points", points, f"{row.missing} is missing"
            )
            continue
        yield Statement(
            f"{row.network}, codebook {row.codebook}", quantity,
            f"{points} points: {float32_percent} % to {paper} %", _describe_loss(row, name),
            *_compare(row, name, float32_percent - float(paper)), "real",
        )  # fmt: skip


def _compare(row: Accuracy, name: str, lost_by_paper: float) -> tuple[bool, str]:
    """Return whether a loss agrees with the paper's, as the note says, and why it would not."""
    lost = row.percent["float32"] - row.percent[name]
    holds = agree_in_loss(lost, lost_by_paper, DIGIT)
    bits = row.formats[name][-1].act_fraction_bits
    if name == "int8":
        return holds, (
            f"{lost:.2f} points are lost: the two largest outputs are closer than one step of int8 "
            f"for {row.close_percent:.1f} % of the inputs"
        )
    return holds, (
        f"{lost:.2f} points are lost: its outputs, as large as they are, leave {bits} of "
        f"{ARITHMETIC[name]} bits behind the binary point"
    )


def _describe_loss(row: Accuracy, name: str) -> str:
    text = f"{row.percent['float32']:.2f} % to {row.percent[name]:.2f} % of {row.measure}"
    if not row.photographs:
        return text
    return f"{text}; {row.photographs[name]} of {len(PHOTOGRAPHS)} photographs keep their class"


def _list_accuracy(
    rows: list[Accuracy], energy_pj: dict[str, float], printed: Printed
) -> list[Row]:
    table: list[Row] = [
        {"network": "multiplier", "codebook": "", "measure": "energy, pJ", **energy_pj},
        {"network": "AlexNet (paper)", "codebook": "4 bits", "measure": "top-5 on ImageNet, %",
         **_list_top5(printed)},
    ]  # fmt: skip
    table += [
        {"network": row.network, "codebook": row.codebook, "measure": f"{row.measure}, %",
         **row.percent, "closer_than_int8_step_percent": row.close_percent}
        for row in rows
        if not row.missing
    ]  # fmt: skip
    return [{"closer_than_int8_step_percent": None} | row for row in table]


def _list_formats(rows: list[Accuracy]) -> list[Row]:
    return [
        {"network": row.network, "codebook": row.codebook, "arithmetic": name, "layer": number,
         **form._asdict()}
        for row in rows
        for name, formats in row.formats.items()
        for number, form in enumerate(formats, 1)
    ]  # fmt: skip


def _chart(rows: list[Accuracy], energy_pj: dict[str, float], printed: Printed) -> Chart:
    series = {"AlexNet, top-5 (paper)": [*_list_top5(printed).values()]}
    for row in rows:
        if not row.missing and row.codebook != UNSHARED:
            measure = "top-1 kept" if row.photographs else "top-1"
            series[f"{row.network}, {measure} (ours)"] = [*row.percent.values()]
    groups = tuple(ARITHMETIC)
    energies = {"": [*energy_pj.values()]}
    panels = (
        Panel("bars", groups, energies, "arithmetic", "energy of a multiplication, pJ"),
        Panel("bars", groups, series, "arithmetic", "accuracy, %"),
    )
    see = (
        "A multiplication of 16 bits takes a fifth of the energy of 32 bits; what few bits cost in "
        "accuracy depends on the network."
    )
    title = "Multiplier energy and accuracy by arithmetic precision"
    return Chart(title, panels, see, 7.4, 3.6)


EXPERIMENT = Experiment(WORK, judge)
