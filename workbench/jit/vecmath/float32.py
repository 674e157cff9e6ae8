"""Vectorisable float32 functions; see the package."""

from __future__ import annotations

from typing import Any

import numpy as np

Float, Int = np.float32, np.int32

ZERO, HALF, ONE, TWO = Float(0), Float(0.5), Float(1), Float(2)
INF, NAN = Float(np.inf), Float(np.nan)
MIN_NORMAL, TWENTY_FOUR, TWO_24 = Float(2**-126), Float(24), Float(2**24)

# Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits of the sum.
ROUND = Float(3 * 2**22)
ROUND_BITS = ROUND.view(Int)
BIAS = Int(127)
LOG2_E = Float(1.4426950408889634)
LN2_HIGH, LN2_LOW = Float(0.693115234375), Float(3.1946183e-05)  # 12 bits, so that n * LN2_HIGH is exact; the rest

# (e^r - 1 - r) / r^2 for |r| <= ln(2) / 2
E0, E1, E2, E3, E4 = Float(0.49999994), Float(0.16666517), Float(0.041668102), Float(0.0083691655), Float(0.0013838002)
EXP_MIN, EXP_MAX = Float(-104), Float(88.72284)

# (log(1 + f) - f + f^2 / 2) / f^3 for sqrt(1/2) - 1 <= f <= sqrt(2) - 1
L0, L1, L2, L3, L4 = Float(0.33333313), Float(-0.25000167), Float(0.20002222), Float(-0.16659373), Float(0.14209639)
L5, L6, L7, L8 = Float(-0.12549078), Float(0.12110598), Float(-0.1091894), Float(0.053231806)
SQRT_HALF_BITS = Float(0.70710678).view(Int)

TANH_MAX = Float(10)


def exp(x: Any) -> Any:
    c = min(max(x, EXP_MIN), EXP_MAX)
    t = c * LOG2_E + ROUND
    n = t - ROUND
    r = (c - n * LN2_HIGH) - n * LN2_LOW
    p = (((E4 * r + E3) * r + E2) * r + E1) * r + E0
    y = p * (r * r) + r + ONE
    k = Float(t).view(Int) - ROUND_BITS
    k1 = k >> 1  # 2^k in two steps, since k runs from -150 to 128
    s1 = Int((k1 + BIAS) << 23).view(Float)
    s2 = Int((k - k1 + BIAS) << 23).view(Float)
    return INF if x > EXP_MAX else y * s1 * s2


def log(x: Any) -> Any:
    subnormal = x < MIN_NORMAL
    bits = Float(max(x, ZERO) * TWO_24 if subnormal else x).view(Int)
    k = Int((bits - SQRT_HALF_BITS) >> 23)
    f = Int(bits - (k << 23)).view(Float) - ONE
    n = Float(k) - (TWENTY_FOUR if subnormal else ZERO)
    p = (((((((L8 * f + L7) * f + L6) * f + L5) * f + L4) * f + L3) * f + L2) * f + L1) * f + L0
    f2 = f * f
    y = n * LN2_HIGH + (f + (n * LN2_LOW + (p * f * f2 - HALF * f2)))
    y = INF if x == INF else y
    return y if x > ZERO else (-INF if x == ZERO else NAN)


def tanh(x: Any) -> Any:
    c = TWO * min(abs(x), TANH_MAX)
    t = c * LOG2_E + ROUND
    n = t - ROUND
    r = (c - n * LN2_HIGH) - n * LN2_LOW
    p = (((E4 * r + E3) * r + E2) * r + E1) * r + E0
    s = Int((Float(t).view(Int) - ROUND_BITS + BIAS) << 23).view(Float)
    e = s * (p * (r * r) + r) + (s - ONE)  # e^(2|x|) - 1
    y = e / (e + TWO)
    return -y if x < ZERO else y
