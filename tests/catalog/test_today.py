"""Models of today: what their files hold, against published sizes, hand counts and the tables."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from eiesim.base.errors import EieError
from eiesim.base.resources import data_path, models_path
from eiesim.catalog.host_work import count_cache_bytes, count_parameters, list_host_parts
from eiesim.catalog.readers import Form, find_form, load_operands
from eiesim.catalog.today import (
    COLUMNS,
    find_sparsities,
    load_token_model,
    token_model_names,
)

FILES = models_path() / "today"
PARAMETERS = {
    "llama-2-7b": 6_738_415_616,
    "llama-3-8b": 8_030_261_248,
    "mistral-7b": 7_241_732_096,
    "prosparse-llama-2-13b": 13_015_864_320,
    "turbosparse-mixtral-47b": 46_702_792_704,
    "qwen3-30b-a3b": 30_532_122_624,
}
"""As the models' cards on Hugging Face have them: 6.74B, 8.03B, 7.24B, 13.0B, 46.7B, 30.5B."""
CACHE_KIB = {"llama-2-7b": 512, "llama-3-8b": 128, "mistral-7b": 128, "prosparse-llama-2-13b": 800}
"""Kibibytes of keys and values that a token leaves, 16 bits each."""


def test_parameters_are_those_of_the_models() -> None:
    for name, parameters in PARAMETERS.items():
        assert count_parameters(load_token_model(f"today/{name}")) == parameters


def test_keys_and_values() -> None:
    for name, kib in CACHE_KIB.items():
        assert count_cache_bytes(load_token_model(f"today/{name}")) == kib << 10


def test_the_hosts_work_by_hand() -> None:
    """Llama-2-7B at a context of 100: 32 blocks, 32 heads of 128, a state of 4096."""
    parts = {part.part: part for part in list_host_parts(load_token_model("today/llama-2-7b"), 100)}
    scores, values = parts["attention: queries x keys"], parts["attention: weights x values"]
    assert scores.macs == values.macs == 32 * 4096 * 100
    assert scores.read_bytes + values.read_bytes == 100 * (512 << 10)
    assert parts["KV cache: new keys and values"][1:] == (0, 0, 512 << 10)
    assert parts["norms"][1:] == (2 * 65 * 4096, 2 * 65 * 4096, 0)
    assert parts["rotary embedding"].macs == 2 * 32 * (4096 + 4096)
    assert parts["gate x up"].macs == 32 * 11008
    assert parts["embedding"][1:] == (0, 8192, 0)
    assert parts["logits (lm_head)"][1:] == (131_072_000, 262_144_000, 0)
    assert "router" not in parts
    assert "cell" not in parts


def test_experts_and_grouped_heads_by_hand() -> None:
    qwen = load_token_model("today/qwen3-30b-a3b")
    parts = {part.part: part for part in list_host_parts(qwen, 10)}
    assert parts["attention: queries x keys"].macs == 48 * 32 * 128 * 10
    assert parts["attention: queries x keys"].read_bytes == 48 * 4 * 128 * 10 * 2
    assert parts["router"].macs == 48 * 128 * 2048
    assert parts["gate x up"].macs == 48 * 8 * 768
    assert parts["norms"].macs == 2 * (97 * 2048 + 48 * 36 * 128)
    assert parts["norms"].read_bytes == 2 * (97 * 2048 + 48 * 2 * 128)


def test_recurrent_models_have_their_cell_alone() -> None:
    parts = list_host_parts(load_token_model("today/spartus-lstm-1024"), 0)
    assert [(part.part, part.macs) for part in parts] == [("cell", 3 * 1024)]


def test_every_density_has_a_source_and_every_part_a_word() -> None:
    for name in token_model_names():
        model = load_token_model(f"today/{name}")
        for matrix in model.matrices:
            assert model.name_weight_source(matrix)
            assert model.name_activation_source(matrix)
            assert len(model.list_densities(matrix)) == model.blocks


def test_a_matrix_is_a_layer() -> None:
    operands = load_operands("today/llama-3-8b/k")
    layer = operands.layer
    assert (layer.name, layer.rows, layer.cols) == ("llama-3-8b/k", 1024, 4096)
    rows = find_sparsities("Llama-3-8B", 0.5)
    mean = 1 - sum(float(row["k"]) for row in rows) / 32
    assert (operands.activations != 0).sum() == round(4096 * mean)
    assert layer.density == pytest.approx(0.5, abs=0.005)


@pytest.mark.data
def test_shapes_and_densities_are_the_tables(shared_data: Path) -> None:
    with (shared_data / "layers_today.csv").open(newline="", encoding="utf-8") as stream:
        table = {row["name"]: row for row in csv.DictReader(stream)}
    found = set()
    for name in token_model_names():
        model = load_token_model(f"today/{name}")
        for matrix in model.matrices:
            keys = {
                name: f"{name}-{matrix.name}",
                "turbosparse-mixtral-47b": f"turbosparse-mixtral-expert-{matrix.name}",
                "qwen3-30b-a3b": f"qwen3-30b-a3b-expert-{matrix.name}",
                "spartus-lstm-1024": "spartus-lstm-1024-timit",
                "rnnoise-gru1-input": "rnnoise-gru1-input",
            }
            row = table.get(keys.get(name, ""))
            if row is None:
                continue
            found.add(row["name"])
            assert (matrix.inputs, matrix.outputs) == (int(row["inputs"]), int(row["outputs"]))
            assert matrix.weight_density == float(row["weight_density"])
            assert matrix.codebook_bits == int(row["codebook_bits"])
            if row["activation_density"]:
                density = model.describe_matrix(matrix).activation_density
                assert density == pytest.approx(float(row["activation_density"]), abs=0.0051)
    assert set(table) - found == {"deepseek-v3-expert-down"}  # no density was found


@pytest.mark.data
def test_teals_table_is_the_one_we_were_given(shared_data: Path) -> None:
    ours = data_path("today/teal_sparsities.csv").read_bytes()
    assert ours == (shared_data / "teal" / "sparsities.csv").read_bytes()
    rows = find_sparsities("Llama-2-7B", 0.5)
    assert [int(row["layer"]) for row in rows] == list(range(32))
    assert set(COLUMNS) < set(rows[0])


def write(folder: Path, text: str) -> str:
    file = folder / "model.toml"
    file.write_text(text, encoding="utf-8")
    return str(file)


def read_parts(name: str) -> str:
    return (FILES / f"{name}.toml").read_text("utf-8")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("blocks = 32", "blocks = 31", "model.toml:2: expected 32, as TEAL's table has"),
        ("blocks = 32", "block = 32", "model.toml:2: block: unknown key, did you mean 'blocks'"),
        ("teal_sparsity = 0.5", "teal_sparsity = 0.55", "TEAL's table has no Llama-2-7B at 0.55"),
        ('teal_column = "q"', 'teal_column = "q"\nactivation_density = 0.4', "found both"),
        ('teal_column = "q"', 'teal_column = "q"\nactivation_density = 1.0', "found both"),
        ("heads = 32", "heads = 0", "kv_heads: has no effect without heads"),
        ("kv_heads = 32", "kv_heads = 0", "kv_heads: expected 1 or more with heads = 32, found 0"),
        ('teal_column = "q"', "used = 2", "used: expected at most stored = 1, found 2"),
        ('teal_column = "q"', 'teal_column = "x"', "matrices.q.teal_column: expected ''"),
    ],
)
def test_wrong_files(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = read_parts("llama-2-7b")
    assert old in text
    with pytest.raises(EieError) as error:
        load_token_model(write(tmp_path, text.replace(old, new, 1)))
    assert message in str(error.value)


def test_a_sparsity_without_a_column_has_no_effect(tmp_path: Path) -> None:
    text = read_parts("prosparse-llama-2-7b").replace("blocks", 'teal_model = "x"\nblocks', 1)
    with pytest.raises(EieError, match=r"model\.toml:2: teal_model has no effect"):
        load_token_model(write(tmp_path, text))


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("today/llama-2-7", "did you mean 'llama-2-7b'"),
        ("today/llama-2-7b/dwn", "unknown matrix, did you mean 'down'"),
        ("today/llama-2-7b", "found a model of several matrices"),
    ],
)
def test_wrong_words(word: str, message: str) -> None:
    with pytest.raises(EieError) as error:
        load_operands(word)
    assert message in str(error.value)


def test_all_files_are_named() -> None:
    assert len(token_model_names()) == len(list((models_path() / "today").iterdir())) == 11


def test_files_in_a_folder_of_that_name_are_files(in_folder: Path) -> None:
    """`--out today` leaves such a folder."""
    (in_folder / "today").mkdir()
    text = read_parts("rnnoise-gru1-input")
    (in_folder / "today" / "mine.toml").write_text(text, encoding="utf-8")
    assert load_token_model("today/mine.toml").name == "mine"
    layer = (models_path() / "alex-8.toml").read_text("utf-8")
    (in_folder / "today" / "layer.toml").write_text(layer, encoding="utf-8")
    assert find_form("today/layer.toml") is Form.DRAWN
    assert find_form("today/llama-2-7b") is Form.TOKEN_MODEL
    assert find_form("today/llama-2-7b/q") is Form.TOKEN_MATRIX
