"""The talk on accuracy: pruning in rounds, sharing and fine-tuning, bits, both together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eiesim.base.resources import models_path
from eiesim.catalog.operands import Source, hash_file
from eiesim.catalog.trained import load_trained, trained_names
from eiesim.paper.dc.error_curves import BOTH, FEWEST_BITS, PRUNING
from eiesim.paper.dc.table6 import list_losses
from eiesim.paper.parts.error_curves import KEPT, LOST, ErrorPoint, find_start
from eiesim.paper.parts.ledgers import TRAINED, NetworkBits
from eiesim.paper.talk.statements import decline, join_words, say
from eiesim.paper.talk.tuning import Tuned
from eiesim.paper.verdict import Judgement, Statement

ERROR, BITS = "test_error_percent", "test_bits_per_character"
SIZE_PERCENT = 3.0
BITS_OF_LOSS = ((8, 5), (4, 2))
"""Bits of convolutions and of fully connected layers whose loss the talk names."""
NO_IMAGENET = "neither ImageNet nor the trained AlexNet is to be had"


@dataclass(frozen=True)
class Account:
    """The results of a trained network from stage to stage.

    Attributes
    ----------
    classifies
        Whether the numbers are test errors in percent; else they are bits per character.
    dense, pruned, assigned, shared, encoded
        Error or bits per character of the dense network, of the pruned one after its retraining, of
        the shared one before and after fine-tuning, and of the file.
    rounds
        Of pruning and retraining.
    kept
        Share of the weights that is not pruned, in layers that were pruned.
    rate
        Dense weights over the file.
    """

    network: str
    seed: int
    classifies: bool
    dense: float
    pruned: float
    assigned: float
    shared: float
    encoded: float
    rounds: int
    kept: float
    rate: float
    file_bytes: int
    source: Source

    @property
    def lost(self) -> float:
        """Loss of the file against the dense network, in points or bits per character."""
        return self.encoded - self.dense

    @property
    def unit(self) -> str:
        """Unit of the numbers."""
        return "%" if self.classifies else "bits per character"


def read_accounts() -> Iterator[Account]:
    """Yield the accounts of the networks that eiesim ships."""
    for name in trained_names():
        for run in load_trained(name).account["seeds"]:
            yield _read(name, run)


def _read(name: str, run: Mapping[str, Any]) -> Account:
    stages, seed = run["stages"], run["seed"]
    pruned = [stage for stage in stages if stage.startswith("pruned")]
    measure = ERROR if ERROR in stages["dense"]["after"] else BITS
    layers = [stored.layer for stored in load_trained(name, seed).container.layers]
    cut = [layer for layer in layers if layer.density < 1]
    file = f"{name}-seed{seed}.dcz"
    return Account(
        network=name,
        seed=seed,
        classifies=measure == ERROR,
        dense=stages["dense"]["after"][measure],
        pruned=stages[pruned[-1]]["after"][measure],
        assigned=stages["shared"]["before"][measure],
        shared=stages["shared"]["after"][measure],
        encoded=stages["encoded"]["after"][measure],
        rounds=len(pruned),
        kept=sum(layer.weights for layer in cut) / sum(layer.rows * layer.cols for layer in cut),
        rate=stages["encoded"]["rate"],
        file_bytes=stages["encoded"]["bytes"],
        source=Source(file, hash_file(models_path() / "trained" / file)),
    )


def judge_training(
    accounts: Sequence[Account], networks: Sequence[NetworkBits], points: tuple[ErrorPoint, ...]
) -> Iterator[Judgement]:
    """Judge statements 1, 11, 12, 15 and 18 to 21."""
    lenets = [account for account in accounts if account.classifies]
    yield _judge_accuracy(lenets)
    yield _decline_pruning(lenets)
    yield _judge_recurrent([account for account in accounts if not account.classifies])
    yield _judge_sharing(lenets)
    yield _judge_fewest(points)
    yield _judge_both(points)
    yield _judge_loss(points)
    yield _judge_size(lenets, networks)


def _show(account: Account, before: float, after: float) -> str:
    return f"{account.network} {before:.2f} becomes {after:.2f} {account.unit}"


def _find_worst(accounts: Sequence[Account]) -> Account:
    return max(accounts, key=lambda account: account.lost)


def _judge_accuracy(lenets: Sequence[Account]) -> Statement:
    worst, least = _find_worst(lenets), min(net.rate for net in lenets)
    first = [net for net in lenets if net.seed == 0]
    return say(
        1, f"{join_words(_show(net, net.dense, net.encoded) for net in first)}, {least:.1f}x "
        f"smaller or more; the worst of {len(lenets)} changes by {worst.lost:+.2f} points",
        worst.lost <= KEPT and least > 1,
        f"{_show(worst, worst.dense, worst.encoded)}, {worst.rate:.1f}x smaller", TRAINED,
    )  # fmt: skip


def _decline_pruning(lenets: Sequence[Account]) -> Judgement:
    losses = join_words(
        f"{net.network} loses {100 * (1 - net.kept):.0f} % of its weights in {net.rounds} rounds "
        f"({net.dense:.2f} becomes {net.pruned:.2f} {net.unit})"
        for net in lenets
        if net.seed == 0
    )
    return decline(11, f"{NO_IMAGENET}; trained here, with dropout in the place of L2, {losses}")


def _judge_recurrent(lstms: Sequence[Account]) -> Statement:
    worse = [net for net in lstms if net.lost > 0]
    changes = join_words(
        f"{_show(net, net.dense, net.encoded)} with {100 * net.kept:.0f} % of the LSTMs' weights, "
        f"{net.rate:.1f}x smaller"
        for net in lstms
    )
    return say(
        12, changes, not worse,
        f"{join_words(net.network for net in worse or lstms)} lose at these densities: "
        f"{join_words(f'{net.lost:.2f}' for net in worse or lstms)} bits per character; "
        "NeuralTalk's own captions need its weights and images, which are not here", TRAINED,
    )  # fmt: skip


def _judge_sharing(lenets: Sequence[Account]) -> Statement:
    worst = max(lenets, key=lambda net: net.shared - net.pruned)
    lost = worst.shared - worst.pruned
    return say(
        15, f"the worst of {len(lenets)} pruned LeNets, {_show(worst, worst.pruned, worst.shared)} "
        "by k-means, codebook and retraining", lost <= KEPT,
        f"{worst.network} loses {lost:.2f} points", TRAINED,
    )  # fmt: skip


def judge_tuning(tuned: Sequence[Tuned], accounts: Sequence[Account]) -> Statement:
    """Judge statement 17, by layers fine-tuned by SGD and whole networks fine-tuned by Adam."""
    gains = [100 * (1 - layer.after / layer.before) for layer in tuned]
    first = [net for net in accounts if net.seed == 0]
    worse = [
        _show(net, net.assigned, net.shared)
        for net in accounts
        if net.shared - net.assigned > (KEPT if net.classifies else 0)
    ]
    worse += [f"{layer.name} {gain:.1f} %" for layer, gain in zip(tuned, gains, strict=True)
              if gain <= 0]  # fmt: skip
    return say(
        17, f"plain SGD takes {min(gains):.1f} to {max(gains):.1f} % off the error of the outputs "
        f"of {len(tuned)} layers; whole networks, fine-tuned by Adam: "
        f"{join_words(_show(net, net.assigned, net.shared) for net in first)}", not worse,
        f"fine-tuning makes it worse: {join_words(worse or ['none'])}", TRAINED,
    )  # fmt: skip


def _judge_fewest(points: tuple[ErrorPoint, ...]) -> Statement:
    cases, failed = [], []
    for point in points:
        kind = point.curve.removesuffix(", pruned")
        if (point.figure, point.bits) != ("dc_figure7", FEWEST_BITS.get(kind)):
            continue
        start_percent = find_start(points, point.network, "pruned").error_percent
        cases.append(
            f"{point.network}'s {kind if kind == 'convolutions' else f'{kind} layers'} with "
            f"{point.bits} bits: {start_percent:.2f} % becomes {point.error_percent:.2f} %"
        )
        if point.error_percent > start_percent + LOST:
            failed.append(cases[-1])
    return say(
        18, f"{join_words(cases)}; up to {LOST:g} point counts as working", not failed,
        join_words(failed or cases), TRAINED,
    )  # fmt: skip


def _judge_both(points: tuple[ErrorPoint, ...]) -> Statement:
    """Compare sharing after pruning with pruning alone, and sharing of pruned with dense."""
    after_pruning = _list_excess(points, "dc_figure6", "density", (BOTH, PRUNING))
    by_bits = [
        excess
        for kind in FEWEST_BITS
        for excess in _list_excess(points, "dc_figure7", "bits",
                                   (f"{kind}, pruned", f"{kind}, dense"))
    ]  # fmt: skip
    pruned, shared = max(after_pruning), max(by_bits)
    return say(
        19, f"sharing after pruning ends at most {pruned:+.2f} points above pruning alone, and "
        f"sharing of a pruned network at most {shared:+.2f} points above that of a dense one, "
        "where neither has failed", max(pruned, shared) <= KEPT,
        f"together they lose {max(pruned, shared):.2f} points more than one alone", TRAINED,
    )  # fmt: skip


def _list_excess(
    points: tuple[ErrorPoint, ...], figure: str, axis: str, curves: tuple[str, str]
) -> list[float]:
    """Return the errors of the first curve minus those of the second, where it has not failed."""
    both, alone = (
        {
            (point.network, getattr(point, axis)): point.error_percent
            for point in points
            if (point.figure, point.curve) == (figure, curve)
        }
        for curve in curves
    )
    return [
        both[key] - error
        for key, error in alone.items()
        if key in both and error <= find_start(points, key[0], "dense").error_percent + LOST
    ]


def _judge_loss(points: tuple[ErrorPoint, ...]) -> Statement:
    losses = [
        loss
        for loss in list_losses(points)
        if (loss.point.conv_bits, loss.point.fc_bits) in BITS_OF_LOSS
    ]
    different = [loss for loss in losses if abs(loss.ours - loss.paper) > max(KEPT, loss.paper / 2)]
    return say(
        20, join_words(
            f"{point.network}'s error changes by {ours:+.2f} points with {point.conv_bits} and "
            f"{point.fc_bits} bits (AlexNet's, printed: {paper:+.2f})"
            for point, _, ours, paper in losses
        ), not different,
        join_words(
            f"{point.network}'s error changes by {ours:+.2f} points, AlexNet's by {paper:+.2f}"
            for point, _, ours, paper in different or losses
        ) + f": MNIST's ten classes need fewer bits than ImageNet's thousand, and {NO_IMAGENET}",
        TRAINED,
    )  # fmt: skip


def _judge_size(lenets: Sequence[Account], networks: Sequence[NetworkBits]) -> Statement:
    ledgers = {
        (bits.name.lower(), bits.seed): bits.ledger.total
        for bits in networks
        if bits.workload == TRAINED
    }
    before = [100 / ledgers[net.network, net.seed].shared_rate for net in lenets]
    files = [100 / ledgers[net.network, net.seed].file_rate for net in lenets]
    worst = _find_worst(lenets)
    return say(
        21, f"{len(lenets)} LeNets take {min(before):.1f} to {max(before):.1f} % before Huffman "
        f"codes and {min(files):.1f} to {max(files):.1f} % as files; the worst changes by "
        f"{worst.lost:+.2f} points",
        round(max(before)) <= SIZE_PERCENT and worst.lost <= KEPT,
        f"they take up to {max(before):.1f} % and lose up to {worst.lost:.2f} points", TRAINED,
    )  # fmt: skip
