"""The authors' talk on Deep Compression: every statement and its verdict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from eiesim.base.published import PAPER_LAYERS
from eiesim.baselines.rows import Baseline
from eiesim.catalog.matched import PRESET
from eiesim.hardware import Hardware
from eiesim.paper.eie import savings
from eiesim.paper.eie.savings import Waterfall
from eiesim.paper.experiment import Experiment, Outcome, Work
from eiesim.paper.parts import error_curves, ledgers, platforms, workloads
from eiesim.paper.parts.error_curves import KEPT, ErrorPoint
from eiesim.paper.parts.ledgers import DRAWN, NetworkBits
from eiesim.paper.parts.workloads import WorkloadRun
from eiesim.paper.talk import accuracy, distributions, hardware, sizes
from eiesim.paper.talk.statements import join_words
from eiesim.paper.talk.tuning import Tuned, tune_layers
from eiesim.paper.verdict import DIFFERS, Judgement

STEPS = (
    *ledgers.STEPS,
    *error_curves.STEPS,
    *(f"{name}, bytes" for name in PAPER_LAYERS),
    *(f"{name}, energy" for name in savings.WORK.steps),
    "training",
    "weights",
    "fine-tuning",
    platforms.STEPS[0],
)
READS = (*ledgers.READS, *error_curves.READS)
NOTE = f"""\
The statements of the authors' talk on Deep Compression, one row each: what is computed for it here,
and in brackets the experiments of this page, the commands and the tests that show it. The layers of
AlexNet, VGG-16, GoogLeNet and SqueezeNet are drawn with printed densities (GoogLeNet's are
assumed), but for SqueezeNet where the authors' file is there; LeNets and LSTMs are those that
eiesim trained itself. A number that must lie in a range lies in it without rounding; {KEPT:g}
points of test error are no loss. Statement 13, of the weights as they are in the files: a layer has
two clusters where a quarter fewer weights lie around 0 than at the peak on either side, in bins of
half a root mean square. Statement 14: k-means begins linearly; even steps lie between the extremes
of the weights, and there are as many as it takes to come down to k-means' error. Codebooks are not
counted. The trained weights are codes of 8 bits already, and are quantised again with 2 to 5 bits;
drawn ones are the largest tenth of normal and of Laplace weights. Statement 17: a code of 2 bits,
recorded inputs, and the layer's own outputs to come near to. Statement 28 counts what one inference
fetches and writes: of the nine layers weights, indices, pointers, inputs and outputs, of whole
networks the weights. What to see: """
T = TypeVar("T")


def work(data: Path) -> Iterator[tuple[object, ...]]:
    """Yield the data of the statements, one part after the other."""
    drawn = [pair for pair in ledgers.MAGNITUDES if pair[0] == DRAWN]
    yield from ledgers.work(data, drawn)
    yield from error_curves.work(data)
    yield from hardware.run_matched()
    yield from ((waterfall,) for waterfall in savings.work(data))
    yield tuple(accuracy.read_accounts())
    yield tuple(distributions.measure_weights())
    yield tuple(tune_layers())
    yield next(platforms.work(data))


WORK = Work(STEPS, work, READS)


def judge(parts: Iterable[Sequence[object]]) -> Outcome:
    """Judge every statement."""
    values = [value for part in parts for value in part]
    bits, accounts = _pick(values, NetworkBits), _pick(values, accuracy.Account)
    points, tuned = tuple(_pick(values, ErrorPoint)), _pick(values, Tuned)
    spreads = _pick(values, distributions.Spread)
    quantised = _pick(values, distributions.Quantised)
    traffic, runs = _pick(values, hardware.MemoryTraffic), _pick(values, WorkloadRun)
    waterfalls, quoted = _pick(values, Waterfall), _pick(values, Baseline)
    near = [ledgers.find_nearest([bits], name)[0] for name in ledgers.NAMES]
    pruned = sizes.list_pruned(bits)
    judgements: list[Judgement] = [
        *sizes.judge_sizes(near, accounts, pruned),
        *accuracy.judge_training(accounts, bits, points),
        accuracy.judge_tuning(tuned, accounts),
        distributions.judge_clusters(spreads),
        distributions.judge_quantisation(quantised),
        *hardware.judge_machine(waterfalls, near, quoted, runs),
        hardware.judge_traffic(traffic, near),
    ]
    judgements.sort(key=lambda judgement: int(judgement.layer.strip("()")))
    return Outcome(
        NOTE + _summarise(judgements),
        Hardware.preset(PRESET),
        tuple(judgements),
        {
            "pruned": pruned,
            "clusters": [spread.to_row() for spread in spreads],
            "tuning": [vars(layer) for layer in tuned],
            "quantisation": [case.to_row() for case in quantised],
            "bytes": [layer.to_row() for layer in traffic],
        },
        ("bytes",),
        {
            "talk_clusters": distributions.chart_clusters(spreads),
            "talk_quantisation": distributions.chart_quantisation(quantised),
        },
        (
            *ledgers.list_sources(bits),
            *(account.source for account in accounts),
            *error_curves.list_sources(),
            *workloads.list_sources(runs),
        ),
    )


def _summarise(judgements: Sequence[Judgement]) -> str:
    held = [row for row in judgements if row.within]
    different = [f"{row.layer} {row.quantity}" for row in judgements if row.kind == DIFFERS]
    words = f"{len(held)} of {len(judgements)} statements hold by what is computed here"
    return f"{words}; {join_words(different)} differ." if different else f"{words}."


def _pick(values: Sequence[object], kind: type[T]) -> list[T]:
    return [value for value in values if isinstance(value, kind)]


EXPERIMENT = Experiment(WORK, judge)
