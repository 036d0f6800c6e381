"""Conversions between cycles, time and bytes."""

from __future__ import annotations


def cycles_to_us(cycles: float, clock_mhz: float) -> float:
    """Return how many microseconds so many cycles take.

    Parameters
    ----------
    cycles : float
        Clock cycles; a fraction is allowed, as in the papers' theoretical times.
    clock_mhz : float
        Clock frequency in MHz.
    """
    return cycles / clock_mhz


def bits_to_bytes(bits: int) -> int:
    """Return the whole bytes that so many bits take.

    Parameters
    ----------
    bits : int
        Number of bits, not negative.
    """
    return -(-bits // 8)
