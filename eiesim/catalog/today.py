"""Models of today: what matrices a token is multiplied with, and what is left to the host."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from math import fsum
from pathlib import Path
from typing import Annotated, Any

from eiesim.base.errors import ConfigError, WorkloadError, did_you_mean
from eiesim.base.published import read_table
from eiesim.base.resources import models_path
from eiesim.base.schema import (
    Choice,
    Range,
    Switch,
    Text,
    find_line,
    load_toml,
    read_tables,
    validate,
)
from eiesim.layer.weights import COLUMN_VARIATION, ROW_VARIATION, LayerSpec

PREFIX = "today/"
TABLE = "matrices"
COLUMNS = ("q", "k", "v", "o", "gate", "up", "down")
"""Of `eiesim/data/today/teal_sparsities.csv`."""
CELLS = ("none", "lstm", "gru")


@dataclass(frozen=True, kw_only=True)
class TokenMatrix:
    """A matrix of each block, without weights; ConfigError if a field is out of range."""

    name: Annotated[str, Text("what the matrix is called", empty=False)]
    inputs: Annotated[int, Range(1, 1 << 20, "activations, columns of the matrix")]
    outputs: Annotated[int, Range(1, 1 << 20, "outputs, rows of the matrix")]
    stored: Annotated[int, Range(1, 1 << 16, "such matrices in a block: its experts")] = 1
    used: Annotated[int, Range(1, 1 << 16, "of these, how many a token takes")] = 1
    weight_density: Annotated[float, Range(0, 1, "share of weights that are not pruned")]
    activation_density: Annotated[float, Range(0, 1, "share of activations that are not zero")] = (
        1.0
    )
    teal_column: Annotated[
        str, Choice(("", *COLUMNS), "column of TEAL's table with the sparsity of each block")
    ] = ""
    codebook_bits: Annotated[int, Range(1, 8, "bits of a codebook index")] = 4
    weight_source: Annotated[str, Text("where the weight density comes from")] = ""
    activation_source: Annotated[str, Text("where the activation density comes from")] = ""

    def __post_init__(self) -> None:
        validate(self)

    @staticmethod
    def find_conflicts(values: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Return (key, text) for fields that are in range but do not go together."""
        stored, used = values.get("stored", 1), values.get("used", 1)
        if used > stored:
            return [("used", f"used: expected at most stored = {stored}, found {used}")]
        return []

    @property
    def weights(self) -> int:
        """Weights of one such matrix, pruned or not."""
        return self.inputs * self.outputs


@dataclass(frozen=True, kw_only=True)
class ModelFields:
    """The fields of a model's file beside its matrices."""

    title: Annotated[str, Text("what the model is", empty=False)]
    token: Annotated[str, Text("what one input is", empty=False)] = "token"
    blocks: Annotated[int, Range(1, 1 << 16, "how often the matrices repeat")]
    hidden: Annotated[int, Range(1, 1 << 20, "width of the state between blocks")]
    heads: Annotated[int, Range(0, 1 << 16, "query heads of attention; 0: there is none")] = 0
    kv_heads: Annotated[int, Range(0, 1 << 16, "key and value heads")] = 0
    head_width: Annotated[int, Range(0, 1 << 16, "numbers of a head")] = 0
    query_key_norms: Annotated[bool, Switch("normalise each query and key head")] = False
    vocabulary: Annotated[int, Range(0, 1 << 24, "tokens there are; 0: no embedding")] = 0
    context: Annotated[int, Range(0, 1 << 24, "tokens that attention looks back on")] = 0
    cell: Annotated[str, Choice(CELLS, "what the products of a recurrent layer go into")] = "none"
    missing: Annotated[str, Text("what of the network is not in this file")] = ""
    teal_model: Annotated[str, Text("model in TEAL's table")] = ""
    teal_sparsity: Annotated[float, Range(0, 1, "effective sparsity in TEAL's table")] = 0.0
    row_variation: Annotated[float, Range(0, 4, "how unevenly rows are filled")] = ROW_VARIATION
    column_variation: Annotated[float, Range(0, 4, "how unevenly columns are filled")] = (
        COLUMN_VARIATION
    )
    seed: Annotated[int, Range(0, (1 << 63) - 1, "seed of every random draw")] = 0
    shape_source: Annotated[str, Text("where the shapes come from", empty=False)]
    weight_source: Annotated[str, Text("where weight densities come from", empty=False)]
    activation_source: Annotated[str, Text("where activation densities come from", empty=False)]

    @staticmethod
    def find_conflicts(values: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Return (key, text) for fields that are in range but do not go together."""
        heads = values.get("heads", 0)
        if heads:
            return [
                (name, f"{name}: expected 1 or more with heads = {heads}, found 0")
                for name in ("kv_heads", "head_width", "context")
                if values.get(name) == 0
            ]
        return [
            (name, f"{name}: has no effect without heads")
            for name in ("kv_heads", "head_width", "context", "query_key_norms")
            if values.get(name)
        ]


@dataclass(frozen=True, kw_only=True)
class TokenModel(ModelFields):
    """A model as `models/today/*.toml` describes it; matrices in the order in which they run."""

    name: str
    matrices: tuple[TokenMatrix, ...]

    def find_matrix(self, name: str) -> TokenMatrix:
        """Return a matrix by name; WorkloadError if there is none."""
        for matrix in self.matrices:
            if matrix.name == name:
                return matrix
        names = [matrix.name for matrix in self.matrices]
        raise WorkloadError(f"{self.name}/{name}: unknown matrix, {did_you_mean(name, names)}")

    def list_densities(self, matrix: TokenMatrix) -> list[float]:
        """Return the activation density of a matrix in each block."""
        if not matrix.teal_column:
            return [matrix.activation_density] * self.blocks
        rows = find_sparsities(self.teal_model, self.teal_sparsity)
        return [round(1 - float(row[matrix.teal_column]), 6) for row in rows]

    def describe_matrix(self, matrix: TokenMatrix, density: float | None = None) -> LayerSpec:
        """Return what a matrix and an input are drawn from.

        Matrices of one shape, density and codebook are drawn alike. `density` is that of the
        activations, by default the mean over the blocks.
        """
        densities = self.list_densities(matrix)
        return LayerSpec(
            name=f"{self.name}/{matrix.name}",
            title=self.title,
            inputs=matrix.inputs,
            outputs=matrix.outputs,
            weight_density=matrix.weight_density,
            activation_density=fsum(densities) / len(densities) if density is None else density,
            row_variation=self.row_variation,
            column_variation=self.column_variation,
            codebook_bits=matrix.codebook_bits,
            seed=self.seed,
            source=self.name_weight_source(matrix),
        )

    def name_weight_source(self, matrix: TokenMatrix) -> str:
        """Return where the weight density of a matrix comes from."""
        return matrix.weight_source or self.weight_source

    def name_activation_source(self, matrix: TokenMatrix) -> str:
        """Return where the activation density of a matrix comes from."""
        return matrix.activation_source or self.activation_source


@cache
def find_sparsities(model: str, target: float) -> tuple[dict[str, str], ...]:
    """Return the rows of TEAL's table for a model and an effective sparsity, one a block.

    Raises WorkloadError if there are none.
    """
    table = read_table("today/teal_sparsities")
    found = [row for row in table if row["model"] == model and float(row["target"]) == target]
    if not found:
        known = sorted({f"{row['model']} at {row['target']}" for row in table})
        word = f"{model} at {target}"
        raise WorkloadError(f"TEAL's table has no {word}: {did_you_mean(word, known)}")
    return tuple(sorted(found, key=lambda row: int(row["layer"])))


def token_model_names() -> list[str]:
    """Return the names of the models in `models/today/`."""
    return sorted(path.stem for path in (models_path() / "today").glob("*.toml"))


def is_token_model(word: str) -> bool:
    """Return whether a word is a `.toml` file with matrices, or ``today/MODEL`` and no file."""
    path = Path(word)
    if not _is_file(word):
        return word.startswith(PREFIX) and word.count("/") == 1
    if path.suffix.lower() != ".toml":
        return False
    try:
        return TABLE in load_toml(path)[0]
    except ConfigError:
        return False  # the reader of layers says what is wrong


def _is_file(word: str) -> bool:
    with suppress(OSError):  # the word cannot be the name of a file
        return Path(word).is_file()
    return False


def is_token_matrix(word: str) -> bool:
    """Return whether a word is ``today/MODEL/MATRIX`` and no file."""
    return word.startswith(PREFIX) and word.count("/") == 2 and not _is_file(word)


def find_token_model_file(word: str) -> Path:
    """Return the file of a word of `is_token_model` or `is_token_matrix`.

    Raises WorkloadError if there is none.
    """
    if _is_file(word):
        return Path(word)
    name, names = word.split("/")[1].lower(), token_model_names()
    if name not in names:
        raise WorkloadError(f"{word}: unknown model, {did_you_mean(name, names)}")
    return models_path() / "today" / f"{name}.toml"


def load_token_model(word: str) -> TokenModel:
    """Return a model by a word of `is_token_model` or `is_token_matrix`.

    Raises WorkloadError if there is no such model, and ConfigError with a line for each problem of
    the file.

    Examples
    --------
    >>> model = load_token_model("today/llama-2-7b")
    >>> model.blocks, len(model.matrices), model.find_matrix("down").inputs
    (32, 7, 11008)
    """
    path = find_token_model_file(word)
    values, tables = read_tables(path, ModelFields, TokenMatrix, TABLE, named=True)
    if not tables:
        raise ConfigError(f"{path}: expected a table [{TABLE}.NAME] for each matrix, found none")
    matrices = tuple(TokenMatrix(name=name, **row) for name, row in tables.items())
    model = TokenModel(name=path.stem, matrices=matrices, **values)
    given = {name for name, row in tables.items() if "activation_density" in row}
    _check_densities(model, given, path)
    return model


def _check_densities(model: TokenModel, given: Collection[str], path: Path) -> None:
    """Check that each matrix has its density from one place, and TEAL's table has all blocks.

    Parameters
    ----------
    given : collection of str
        Matrices with an `activation_density` in the file.
    """
    _, text = load_toml(path)
    teal = [matrix for matrix in model.matrices if matrix.teal_column]
    problems = []
    if teal:
        rows = find_sparsities(model.teal_model, model.teal_sparsity)
        if len(rows) != model.blocks:
            problems.append(
                f"{path}{find_line('blocks', text)}: expected {len(rows)}, as TEAL's table has of "
                f"{model.teal_model}, found {model.blocks}"
            )
    for name in ("teal_model", "teal_sparsity"):
        if not teal and getattr(model, name):
            line = find_line(name, text)
            problems.append(f"{path}{line}: {name} has no effect without teal_column")
    problems += [
        f"{path}{find_line('activation_density', text, matrix.name)}: {TABLE}.{matrix.name}: "
        "expected activation_density or teal_column, found both"
        for matrix in teal
        if matrix.name in given
    ]
    if problems:
        raise ConfigError(*problems)
