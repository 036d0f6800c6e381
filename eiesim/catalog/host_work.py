"""What of a token EIE does not do, in closed form: multiply-accumulates and bytes of the host."""

from __future__ import annotations

from typing import NamedTuple

from eiesim.catalog.today import TokenModel

ATTENTION = ("attention: queries x keys", "attention: weights x values")
LOGITS = "logits (lm_head)"
"""Names of parts: the halves of attention, and the product with the vocabulary."""
HOST_BYTES = 2
"""Of a number on the host: float16 or bfloat16."""
CELL_MACS = {"none": 0, "lstm": 3, "gru": 3}
"""Products of a unit: f * c, i * g and o * tanh(c); r * h, (1 - z) * n and z * h."""
MACS_A_NORM = 2
"""Of each number: its square, and its scale."""
MACS_A_ROTATION = 2
"""Of each number of a query or key: rotary embedding multiplies it with a sine and a cosine."""
NOT_COUNTED = (
    "exponentials (softmax, SiLU, sigmoid, tanh), additions of residuals, and the choice of the "
    "next token"
)


class HostPart(NamedTuple):
    """A part of a token's work that is not simulated.

    Attributes
    ----------
    macs
        Multiply-accumulates, dense.
    read_bytes, written_bytes
        Weights and states that are read, states that are kept.
    """

    part: str
    macs: int
    read_bytes: int
    written_bytes: int


def count_cache_bytes(model: TokenModel) -> int:
    """Return the bytes of keys and values that each token leaves behind."""
    return 2 * model.blocks * model.kv_heads * model.head_width * HOST_BYTES


def list_host_parts(model: TokenModel, context: int) -> list[HostPart]:
    """Return what the host does for a token; parts that the model lacks are left out.

    Parameters
    ----------
    context
        Tokens that attention looks back on, the new one included.
    """
    attention = model.blocks * model.heads * model.head_width * context
    cache_bytes = count_cache_bytes(model)
    norms, router = count_norm_weights(model), count_router_weights(model)
    queries_keys = model.blocks * (model.heads + model.kv_heads) * model.head_width
    normalised = (2 * model.blocks + 1) * model.hidden + model.query_key_norms * queries_keys
    gated = sum(it.outputs * it.used for it in model.matrices if it.name == "gate") * model.blocks
    cells = CELL_MACS[model.cell] * model.hidden * model.blocks
    embedding = model.hidden * HOST_BYTES if model.vocabulary else 0
    has_norms = norms > 0
    parts = [
        *(HostPart(name, attention, context * cache_bytes // 2, 0) for name in ATTENTION),
        HostPart("KV cache: new keys and values", 0, 0, cache_bytes),
        HostPart("rotary embedding", MACS_A_ROTATION * queries_keys, 0, 0),
        HostPart("norms", MACS_A_NORM * normalised * has_norms, norms * HOST_BYTES, 0),
        HostPart("gate x up", gated, 0, 0),
        HostPart("router", router, router * HOST_BYTES, 0),
        HostPart("cell", cells, 0, 0),
        HostPart("embedding", 0, embedding, 0),
        HostPart(
            LOGITS, model.hidden * model.vocabulary,
            model.hidden * model.vocabulary * HOST_BYTES, 0,
        ),
    ]  # fmt: skip
    return [part for part in parts if any(part[1:])]


def count_norm_weights(model: TokenModel) -> int:
    """Return the weights of all norms: two a block and a last one, and of queries and keys."""
    if not model.heads:
        return 0
    of_heads = 2 * model.head_width * model.query_key_norms
    return model.blocks * (2 * model.hidden + of_heads) + model.hidden


def count_router_weights(model: TokenModel) -> int:
    """Return the weights that choose experts: one vector for each of them in each block."""
    experts = max(matrix.stored for matrix in model.matrices)
    return model.blocks * model.hidden * experts if experts > 1 else 0


def count_parameters(model: TokenModel) -> int:
    """Return all weights of the model before pruning, with embedding, logits, norms and router."""
    matrices = model.blocks * sum(matrix.weights * matrix.stored for matrix in model.matrices)
    words = 2 * model.hidden * model.vocabulary
    return matrices + words + count_norm_weights(model) + count_router_weights(model)
