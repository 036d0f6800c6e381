"""Conversions between cycles, time and bytes."""

from __future__ import annotations

from fractions import Fraction


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


def bytes_to_gbps(size_bytes: int, time_us: float) -> float:
    """Return the bandwidth in GB/s, 10**9 bytes a second, that moves so many bytes in that time.

    Parameters
    ----------
    size_bytes : int
        Number of bytes.
    time_us : float
        Microseconds.
    """
    return size_bytes / time_us / 1000


def gbps_to_bits_per_cycle(gbps: float, clock_mhz: float) -> Fraction:
    """Return the bits that a bandwidth moves in a clock cycle, exactly.

    Parameters
    ----------
    gbps : float
        Bandwidth in GB/s, 10**9 bytes a second.
    clock_mhz : float
        Clock frequency in MHz.
    """
    return Fraction(gbps) * 8000 / Fraction(clock_mhz)


def bits_to_bytes(bits: int) -> int:
    """Return the whole bytes that so many bits take.

    Parameters
    ----------
    bits : int
        Number of bits, not negative.
    """
    return -(-bits // 8)
