"""Vectorisable float64 functions; see the package."""

from __future__ import annotations

from typing import Any

import numpy as np

Float, Int = np.float64, np.int64

ZERO, HALF, ONE, TWO = Float(0), Float(0.5), Float(1), Float(2)
INF, NAN = Float(np.inf), Float(np.nan)
MIN_NORMAL, FIFTY_FOUR, TWO_54 = Float(2**-1022), Float(54), Float(2**54)

# Adding 1.5 * 2^52 rounds to an integer, which then stands in the low bits of the sum.
ROUND = Float(3 * 2**51)
ROUND_BITS = ROUND.view(Int)
BIAS = Int(1023)
LOG2_E = Float(1.4426950408889634)
LN2_HIGH, LN2_LOW = (
    Float(0.6931471803691238),
    Float(1.9082149292705877e-10),
)  # 32 bits, so that n * LN2_HIGH is exact; the rest

# (e^r - 1 - r) / r^2 for |r| <= ln(2) / 2
E0, E1, E2, E3 = Float(0.5), Float(0.16666666666666688), Float(0.041666666666666824), Float(0.00833333333331389)
E4, E5, E6, E7 = (
    Float(0.0013888888888775805),
    Float(0.00019841269903815245),
    Float(2.480158758791705e-05),
    Float(2.7557227599558595e-06),
)
E8, E9, E10 = Float(2.7556982513234326e-07), Float(2.511289084837201e-08), Float(2.101425283701935e-09)
EXP_MIN, EXP_MAX = Float(-746), Float(709.782712893384)

# (2 atanh(s) - 2 s) / s^3 in s^2, for s = f / (2 + f) and sqrt(1/2) - 1 <= f <= sqrt(2) - 1
L0, L1, L2, L3 = (
    Float(0.6666666666666735),
    Float(0.39999999999409347),
    Float(0.28571428743688804),
    Float(0.22222198428652942),
)
L4, L5, L6 = Float(0.18183572375638776), Float(0.15313831545471848), Float(0.14798265858012152)
SQRT_HALF_BITS = Float(0.7071067811865476).view(Int)

TANH_MAX = Float(20)


def exp(x: Any) -> Any:
    c = min(max(x, EXP_MIN), EXP_MAX)
    t = c * LOG2_E + ROUND
    n = t - ROUND
    r = (c - n * LN2_HIGH) - n * LN2_LOW
    p = (
        (((((((((E10 * r + E9) * r + E8) * r + E7) * r + E6) * r + E5) * r + E4) * r + E3) * r + E2) * r) + E1
    ) * r + E0
    y = p * (r * r) + r + ONE
    k = Float(t).view(Int) - ROUND_BITS
    k1 = k >> 1  # 2^k in two steps, since k runs from -1076 to 1024
    s1 = Int((k1 + BIAS) << 52).view(Float)
    s2 = Int((k - k1 + BIAS) << 52).view(Float)
    return INF if x > EXP_MAX else y * s1 * s2


def log(x: Any) -> Any:
    subnormal = x < MIN_NORMAL
    bits = Float(max(x, ZERO) * TWO_54 if subnormal else x).view(Int)
    k = Int((bits - SQRT_HALF_BITS) >> 52)
    f = Int(bits - (k << 52)).view(Float) - ONE
    n = Float(k) - (FIFTY_FOUR if subnormal else ZERO)
    s = f / (TWO + f)
    z = s * s
    p = ((((((L6 * z + L5) * z + L4) * z + L3) * z + L2) * z + L1) * z + L0) * z
    h = HALF * f * f
    y = n * LN2_HIGH + (f - (h - (s * (h + p) + n * LN2_LOW)))
    y = INF if x == INF else y
    return y if x > ZERO else (-INF if x == ZERO else NAN)


def tanh(x: Any) -> Any:
    c = TWO * min(abs(x), TANH_MAX)
    t = c * LOG2_E + ROUND
    n = t - ROUND
    r = (c - n * LN2_HIGH) - n * LN2_LOW
    p = (
        (((((((((E10 * r + E9) * r + E8) * r + E7) * r + E6) * r + E5) * r + E4) * r + E3) * r + E2) * r) + E1
    ) * r + E0
    s = Int((Float(t).view(Int) - ROUND_BITS + BIAS) << 52).view(Float)
    e = s * (p * (r * r) + r) + (s - ONE)  # e^(2|x|) - 1
    y = e / (e + TWO)
    return -y if x < ZERO else y
