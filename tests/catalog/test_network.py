"""Networks as data, and what is drawn from them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from eiesim.base.errors import ConfigError, EieError
from eiesim.catalog.drawn import draw_kept, draw_network
from eiesim.catalog.networks import load_network, network_names
from eiesim.compress.ledger import count_bits

PARAMETERS = {
    # Caffe's bvlc_alexnet; Simonyan and Zisserman 2015, configuration D; Caffe's bvlc_googlenet
    # without auxiliary heads; Iandola et al. 2016, version 1.0; Caffe's lenet; LeCun et al. 1998
    "alexnet": 60_965_224,
    "vgg-16": 138_357_544,
    "googlenet": 6_998_552,
    "squeezenet": 1_248_424,
    "lenet-5": 431_080,
    "lenet-300-100": 266_610,
    # EIE, Table III: 4096 x 600 + 600 x 8791 + 1201 x 2400, without biases
    "neuraltalk": 10_614_600,
}
KEPT_PERCENT = {"lenet-300-100": 8, "lenet-5": 8, "alexnet": 11, "vgg-16": 7.5}
"""Totals of Deep Compression's Tables 2 to 5."""


def test_every_network_is_known() -> None:
    assert network_names() == sorted(PARAMETERS)
    for name in network_names():
        assert load_network(name).parameters == PARAMETERS[name]


@pytest.mark.parametrize("name", KEPT_PERCENT)
def test_kept_weights_are_the_tables_totals(name: str) -> None:
    layers = load_network(name).layers
    kept = sum(layer.density * layer.weights for layer in layers)
    percent = 100 * kept / sum(layer.weights for layer in layers)
    assert percent == pytest.approx(KEPT_PERCENT[name], abs=0.51)


def test_problems_are_told_at_once(in_folder: Path) -> None:
    (in_folder / "net.toml").write_text(
        'name = "a"\ntitle = ""\nsource = "b"\n[layers.fc]\nkind = "dense"\noutputs = 3\n'
        "density = 2\nbits = 4\ninputs = 5\nindex_bits = 4\n"
    )
    with pytest.raises(ConfigError) as caught:
        load_network(in_folder / "net.toml")
    told = str(caught.value).replace(f"{in_folder}/", "").split("\n")
    assert told[0].startswith("net.toml:5: layers.fc.kind: expected 'conv' or 'fc' or 'lstm'")
    assert told[1].startswith("net.toml:7: layers.fc.density: expected a number from 0 to 1")
    assert told[2].startswith("net.toml:8: layers.fc.bits: unknown key, did you mean")
    assert told[3].startswith("net.toml: layers.fc.codebook_bits: missing")
    for text, found in (("", "name: missing"), ("layers = 1", "expected tables [layers.NAME]")):
        (in_folder / "net.toml").write_text(text)
        with pytest.raises(EieError) as caught_one:
            load_network(in_folder / "net.toml")
        assert found in str(caught_one.value)
    with pytest.raises(EieError, match="did you mean 'alexnet'"):
        load_network("alxnet")


def test_drawn_layers_are_as_described() -> None:
    spec = load_network("lenet-5")
    layers = list(draw_network(spec, seed=3))
    for layer, stored in zip(spec.layers, layers, strict=True):
        assert stored.shape == layer.shape
        assert stored.layer.codebook_bits == layer.codebook_bits
        assert stored.index_bits == layer.index_bits
        deviation = 4 * np.sqrt(layer.density / layer.weights)
        assert stored.layer.density == pytest.approx(layer.density, abs=deviation)
    assert layers == list(draw_network(spec, seed=3))
    assert layers != list(draw_network(spec, seed=4))
    assert count_bits(layers).total.dense_bits == 32 * spec.parameters


@pytest.mark.parametrize(
    ("distribution", "law"), [("normal", stats.norm), ("laplace", stats.laplace)]
)
def test_kept_weights_are_the_tail(distribution: str, law: object) -> None:
    """Kolmogorov and Smirnov's test against the distribution beyond the threshold."""
    density = 0.2
    values = draw_kept(4000, density, distribution, np.random.default_rng(1))  # type: ignore[arg-type]
    threshold = law.isf(density / 2)  # type: ignore[attr-defined]
    assert np.abs(values).min() >= threshold * (1 - 1e-6)
    result = stats.kstest(
        np.abs(values),
        lambda x: 1 - 2 * law.sf(x) / density,  # type: ignore[attr-defined]
    )
    assert result.pvalue > 0.01
    assert abs(np.mean(values > 0) - 0.5) < 0.03
