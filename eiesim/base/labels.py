"""Names of columns in words, and numbers in few digits."""

from __future__ import annotations

from itertools import takewhile

UNITS = {
    "us": "µs", "cycles": "cycles", "pj": "pJ", "uj": "µJ", "nj": "nJ", "mw": "mW", "w": "W",
    "v": "V", "bits": "bits", "bytes": "bytes", "kb": "KB", "percent": "%", "mm2": "mm²",
    "um2": "µm²", "mhz": "MHz", "gbps": "GB/s", "nm": "nm", "seconds": "s",
}  # fmt: skip
"""Units as names of columns end in them, and as they are printed."""
SPELLINGS = {
    "dram": "DRAM", "pe": "PE", "pes": "PEs", "macs": "MACs", "sram": "SRAM", "ptr": "pointer",
    "spmat": "sparse-matrix", "act": "activation", "sha256": "SHA-256", "lnzd": "LNZD",
    "nonfinite": "non-finite", "nonzero": "non-zero", "cpu": "CPU", "gpu": "GPU", "eie": "EIE",
    "edp": "EDP",
}  # fmt: skip
MISSING = "\N{EN DASH}"


def name_column(key: str) -> str:
    """Return a column's key in words, its unit in brackets.

    Examples
    --------
    >>> name_column("dram_stall_cycles"), name_column("cycles"), name_column("dram_gbps_needed")
    ('DRAM stall (cycles)', 'cycles', 'DRAM needed (GB/s)')
    >>> name_column("edp_pj_us")
    'EDP (pJ µs)'
    """
    words = key.split("_")
    units = list(takewhile(UNITS.__contains__, reversed(words[1:])))[::-1]
    if not units:
        units = [word for word in words[1:] if word in UNITS][-1:]
    named = " ".join(SPELLINGS.get(word, word) for word in words if word not in units)
    return f"{named} ({' '.join(UNITS[unit] for unit in units)})" if units else named


def show_number(value: float | None, digits: int = 4) -> str:
    """Return a number in a few digits or, if whole, in all of them; a dash for None."""
    if value is None:
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) or 1000 <= abs(value) < 1e15:
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"
