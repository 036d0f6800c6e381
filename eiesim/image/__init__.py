"""The content of every PE's SRAMs: interleaved CSC (EIE, sections III-B and III-C)."""

from eiesim.image.arrays import deal
from eiesim.image.balance import balance_rows, restore_rows
from eiesim.image.csc import Columns, InterleavedCSC
from eiesim.image.encode import encode, lay_out
from eiesim.image.fit import (
    PTR_SRAM,
    SPMAT_SRAM,
    MemoryUse,
    count_chips,
    fit_images,
    name_lacks,
    overflows_srams,
)
from eiesim.image.passes import encode_passes

__all__ = [
    "PTR_SRAM",
    "SPMAT_SRAM",
    "Columns",
    "InterleavedCSC",
    "MemoryUse",
    "balance_rows",
    "count_chips",
    "deal",
    "encode",
    "encode_passes",
    "fit_images",
    "lay_out",
    "name_lacks",
    "overflows_srams",
    "restore_rows",
]
