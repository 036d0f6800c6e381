"""The parameters of the RTL for a machine and a layer."""

from __future__ import annotations

from eiesim.base.errors import ConfigError, ImageError
from eiesim.hardware import Hardware
from eiesim.image import InterleavedCSC, overflows_srams


def check_supported(image: InterleavedCSC, hw: Hardware) -> None:
    """Check that the RTL has what a run of a layer takes.

    Raises
    ------
    ConfigError
        The machine takes batches of activations, or has a threshold.
    ImageError
        The image exceeds the SRAMs, or has more entries than a pointer addresses.
    """
    if hw.act_batches:
        raise ConfigError("act_batches: the RTL takes no batches; expected act_batches = false")
    if hw.has_threshold:
        raise ConfigError(
            "act_threshold, act_threshold_quantile, delta_threshold: the RTL's detector sends all "
            "activations that differ from 0; leave them out"
        )
    if overflows_srams(image, hw.stream):
        raise ImageError(
            f"{image.name}: the image exceeds the SRAMs of a PE, and the RTL has no DRAM; raise "
            "spmat_sram_bytes, ptr_sram_bytes or n_pes"
        )
    longest, addressed = int(image.ptr[-1].max()), (1 << hw.ptr_bits) - 1
    if longest > addressed:
        raise ImageError(
            f"{image.name}: {hw.ptr_bits}-bit pointers address {addressed} entries, a PE holds "
            f"{longest}; raise ptr_bits to {longest.bit_length()}, or n_pes"
        )


def list_parameters(image: InterleavedCSC, hw: Hardware) -> dict[str, int]:
    """Return the parameters of the module `eie` under their names, as small as the layer allows."""
    words = -(-int(image.ptr[-1].max()) // hw.entries_per_word)
    return {
        "N_PES": hw.n_pes,
        "QUEUE_DEPTH": hw.queue_depth,
        "SPMAT_WIDTH": hw.spmat_width_bits,
        "INDEX_BITS": hw.index_bits,
        "CODE_BITS": hw.codebook_bits,
        "PTR_BITS": hw.ptr_bits,
        "WORDS": max(words, 1),
        "ACCUMULATORS": image.pe_rows(0),
        "SOURCE_ROWS": image.input_rows + 1,
        "WEIGHT_FRACTION_BITS": hw.weight_fraction_bits,
        "LATENCY": hw.broadcast_latency_cycles,
        "ACROSS_COLUMNS": int(hw.spmat_word_reuse == "across_columns"),
    }
