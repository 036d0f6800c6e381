"""The authors' talk on Deep Compression: every statement, what shows it here, and the verdict."""

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
from eiesim.paper.parts import error_curves, platforms
from eiesim.paper.parts import ledgers as networks
from eiesim.paper.parts import workloads as layers
from eiesim.paper.parts.error_curves import KEPT
from eiesim.paper.parts.ledgers import DRAWN, NetworkBits
from eiesim.paper.parts.workloads import WorkloadRun
from eiesim.paper.talk.accuracy import (
    Account,
    judge_training,
    judge_tuning,
    read_accounts,
)
from eiesim.paper.talk.distributions import (
    Quantised,
    Spread,
    chart_clusters,
    chart_quantisation,
    describe_quantised,
    describe_spread,
    judge_clusters,
    judge_quantisation,
    measure_weights,
)
from eiesim.paper.talk.hardware import (
    MemoryTraffic,
    describe_traffic,
    judge_machine,
    judge_traffic,
    run_matched,
)
from eiesim.paper.talk.sizes import judge_sizes, list_pruned
from eiesim.paper.talk.statements import join_words
from eiesim.paper.talk.tuning import Tuned, tune_layers
from eiesim.paper.verdict import DIFFERS, Judgement

STEPS = (
    *networks.STEPS,
    *error_curves.STEPS,
    *(f"{name}, bytes" for name in PAPER_LAYERS),
    *(f"{name}, energy" for name in savings.WORK.steps),
    "training",
    "weights",
    "fine-tuning",
    platforms.STEPS[0],
)
READS = (*networks.READS, *error_curves.READS)
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
    """Gather what the statements rest on, one part after the other."""
    drawn = [pair for pair in networks.MAGNITUDES if pair[0] == DRAWN]
    yield from networks.work(data, drawn)
    yield from error_curves.work(data)
    yield from run_matched()
    yield from ((one,) for one in savings.work(data))
    yield read_accounts()
    yield tuple(measure_weights())
    yield tuple(tune_layers())
    yield next(platforms.work(data))


WORK = Work(STEPS, work, READS)


def judge(parts: Iterable[Sequence[object]]) -> Outcome:
    """Judge every statement."""
    found = [one for part in parts for one in part]
    bits, accounts = _pick(found, NetworkBits), _pick(found, Account)
    spreads, quantised = _pick(found, Spread), _pick(found, Quantised)
    traffic, runs = _pick(found, MemoryTraffic), _pick(found, WorkloadRun)
    judgements: list[Judgement] = [
        *judge_sizes(bits, accounts),
        *judge_training(accounts, bits, tuple(_pick(found, error_curves.ErrorPoint))),
        judge_tuning(_pick(found, Tuned), accounts),
        judge_clusters(spreads),
        judge_quantisation(quantised),
        *judge_machine(_pick(found, Waterfall), bits, _pick(found, Baseline), runs),
        judge_traffic(traffic, bits),
    ]
    judgements.sort(key=lambda one: int(one.layer.strip("()")))
    return Outcome(
        NOTE + _summarise(judgements),
        Hardware.preset(PRESET),
        tuple(judgements),
        {
            "pruned": list_pruned(bits),
            "clusters": [describe_spread(one) for one in spreads],
            "tuning": [vars(one) for one in _pick(found, Tuned)],
            "quantisation": [describe_quantised(one) for one in quantised],
            "bytes": [describe_traffic(one) for one in traffic],
        },
        ("bytes",),
        {
            "talk_clusters": chart_clusters(spreads),
            "talk_quantisation": chart_quantisation(quantised),
        },
        (
            *networks.list_sources(bits),
            *(one.source for one in accounts),
            *error_curves.list_sources(),
            *layers.list_sources(runs),
        ),
    )


def _summarise(judgements: Sequence[Judgement]) -> str:
    held = [one for one in judgements if one.within]
    others = [f"{one.layer} {one.quantity}" for one in judgements if one.kind == DIFFERS]
    told = f"{len(held)} of {len(judgements)} statements hold by what is computed here"
    return f"{told}; {join_words(others)} differ." if others else f"{told}."


def _pick(found: Sequence[object], kind: type[T]) -> list[T]:
    return [one for one in found if isinstance(one, kind)]


EXPERIMENT = Experiment(WORK, judge)
