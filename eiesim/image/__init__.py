"""What the SRAMs of every PE hold: interleaved CSC (EIE, sections III-B and III-C)."""

from eiesim.image.csc import Columns, InterleavedCSC
from eiesim.image.encode import encode
from eiesim.image.fit import PTR_SRAM, SPMAT_SRAM, MemoryUse, overflows_srams

__all__ = [
    "PTR_SRAM",
    "SPMAT_SRAM",
    "Columns",
    "InterleavedCSC",
    "MemoryUse",
    "encode",
    "overflows_srams",
]
