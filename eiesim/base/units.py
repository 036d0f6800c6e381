"""Conversions between cycles, time and bytes."""

from __future__ import annotations

from fractions import Fraction


def cycles_to_us(cycles: float, clock_mhz: float) -> float:
    """Return the time of a number of cycles, which may be fractional, in microseconds."""
    return cycles / clock_mhz


def bytes_to_gbps(size_bytes: int, time_us: float) -> float:
    """Return the bandwidth in GB/s, 10**9 bytes a second, that moves bytes in microseconds."""
    return size_bytes / time_us / 1000


def gbps_to_bits_per_cycle(gbps: float, clock_mhz: float) -> Fraction:
    """Return the bits that GB/s, 10**9 bytes a second, are in a clock cycle, exactly."""
    return Fraction(gbps) * 8000 / Fraction(clock_mhz)


def bits_to_bytes(bits: int) -> int:
    """Return the whole bytes that a number of bits takes."""
    return -(-bits // 8)
