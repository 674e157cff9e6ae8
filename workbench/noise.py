"""Noise by counter: a random number is a function of a key and a place, so neither order nor threads can change it."""

from __future__ import annotations

WORD = 0xFFFFFFFF


def uniform(key: int, counter: int) -> float:
    """A number in [0, 1), the same bits for the same ``key`` and ``counter`` (int64) in Python and in machine code.

    A multiple of 2**-24, hence exact, and below one, in float32 too.
    """
    low = mix((key & WORD) ^ 0x9E3779B9)  # mix leaves 0 as it is; the golden ratio's digits keep key 0 away from that
    high = mix((key >> 32 & WORD) ^ low)
    bits = mix((counter & WORD) ^ low)
    bits = mix((bits + high + (counter >> 32)) & WORD)
    return (bits >> 8) * 2.0**-24


def mix(x: int) -> int:
    """Scramble 32 bits reversibly, each input bit moving about half of the output bits.

    Both multipliers are below 2**31, so no product of theirs leaves int64: there is no overflow to agree on, or to be
    warned of. The constants are the hash-prospector project's ("mulxorshift" with least bias of its kind).
    """
    x ^= x >> 16
    x = (x * 0x21F0AAAD) & WORD
    x ^= x >> 15
    x = (x * 0x735A2D97) & WORD
    return x ^ (x >> 15)


def derive(key: int, index: int) -> int:
    """A new key for the ``index``-th user of ``key``; the upper half (the seed) stays."""
    return (key & ~WORD) | mix(((key & WORD) + index + 1) & WORD)
