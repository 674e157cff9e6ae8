"""Vectorisable float32 functions; see the package."""

from __future__ import annotations

from typing import Any

import numpy as np

Float, Int = np.float32, np.int32

ZERO, QUARTER, HALF, ONE, TWO = Float(0), Float(0.25), Float(0.5), Float(1), Float(2)
INF, NAN, MAX = Float(np.inf), Float(np.nan), np.finfo(np.float32).max
MIN_NORMAL, TWENTY_FOUR, TWO_24 = Float(2**-126), Float(24), Float(2**24)

# Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits of the sum.
ROUND = Float(3 * 2**22)
ROUND_BITS = ROUND.view(Int)
BIAS, TOP = Int(127), Int(127)  # of the exponent
LOG2_E = Float(1.4426950408889634)
LN2_HIGH, LN2_LOW = Float(0.693115234375), Float(3.1946183e-05)  # 12 bits, so that n * LN2_HIGH is exact; the rest

# (e^r - 1 - r) / r^2 for |r| <= ln(2) / 2
E0, E1, E2, E3, E4 = Float(0.49999994), Float(0.16666517), Float(0.041668102), Float(0.0083691655), Float(0.0013838002)
EXP_MIN, EXP_MAX, EXPM1_MIN = Float(-104), Float(88.72284), Float(-18)

# (log(1 + f) - f + f^2 / 2) / f^3 for sqrt(1/2) - 1 <= f <= sqrt(2) - 1
L0, L1, L2, L3, L4 = Float(0.33333313), Float(-0.25000167), Float(0.20002222), Float(-0.16659373), Float(0.14209639)
L5, L6, L7, L8 = Float(-0.12549078), Float(0.12110598), Float(-0.1091894), Float(0.053231806)
SQRT_HALF_BITS = Float(0.70710678).view(Int)

# (tanh(x) - x) / x^3 in x^2, for |x| <= 0.63
T0, T1, T2, T3, T4 = Float(-0.33333275), Float(0.13331237), Float(-0.05372202), Float(0.02057976), Float(-0.0056372834)
TANH_SMALL, TANH_MAX = Float(0.63), Float(10)

# erf(x) / x - 1 in x^2, for |x| <= 0.92; -log(1 - erf(x)) for 0.92 <= x <= 4
A0, A1, A2 = Float(0.12837917), Float(-0.3761263), Float(0.11283626)
A3, A4, A5, A6 = Float(-0.02685573), Float(0.005192393), Float(-0.00080495304), Float(7.995175e-05)
B0, B1, B2, B3 = Float(0.00019568084), Float(1.1276757), Float(0.6371821), Float(0.103931785)
B4, B5, B6 = Float(-0.022227041), Float(0.0030432537), Float(-0.0001959413)
ERF_SMALL, ERF_MAX = Float(0.92), Float(4)

# e^(x^2) erfc(x) (1 + x) in (x - 3) / (x + 3), for 0 <= x <= 10.2
THREE, D0, D1, D2 = Float(3), Float(0.7160046), Float(-0.23092729), Float(0.0990194)
D3, D4, D5 = Float(-0.010236806), Float(-0.023784209), Float(0.02197842)
D6, D7, D8, D9 = Float(-0.0098433616), Float(0.0015010227), Float(0.0007791235), Float(-0.00013978676)
ERFC_MAX = Float(10.1)
LEADING_BITS = Int(-(2**12))  # a mask that keeps the first 12 bits of the significand, so that the square is exact

# pi / 2 in parts of 11 bits, so that n times each is exact while n has 13; (sin(r) - r) / r^3 and
# (cos(r) - 1 + r^2 / 2) / r^4 in r^2, for |r| <= pi / 4
TWO_OVER_PI, ANGLE_MAX = Float(0.6366197723675814), Float(6.5e6)
PI_1, PI_2, PI_3, PI_4 = Float(1.5703125), Float(0.000483751297), Float(7.54953362e-08), Float(2.56334415e-12)
S0, S1, S2 = Float(-0.16666655), Float(0.008332188), Float(-0.00019518095)
C0, C1, C2 = Float(0.041666646), Float(-0.001388731), Float(2.4432327e-05)


def exp(x: Any) -> Any:
    """e^x, within 1.1 ulp."""
    x = Float(x)
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


def expm1(x: Any) -> Any:
    """e^x - 1 without cancellation near zero, within 1.5 ulp."""
    x = Float(x)
    c = min(max(x, EXPM1_MIN), EXP_MAX)
    t = c * LOG2_E + ROUND
    n = t - ROUND
    r = (c - n * LN2_HIGH) - n * LN2_LOW
    p = (((E4 * r + E3) * r + E2) * r + E1) * r + E0
    k = Float(t).view(Int) - ROUND_BITS
    k1 = min(k, TOP)
    s1 = Int((k1 + BIAS) << 23).view(Float)
    s2 = Int((k - k1 + BIAS) << 23).view(Float)  # 1, or 2 where 2^k overflows
    y = s1 * (p * (r * r) + r) + (s1 - ONE)
    return INF if x > EXP_MAX else y * s2


def log(x: Any) -> Any:
    """Natural logarithm, within 1 ulp; -inf at 0, NaN below."""
    x = Float(x)
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


def log1p(x: Any) -> Any:
    """log(1 + x) without cancellation near zero, within 1.5 ulp; -inf at -1, NaN below."""
    x = Float(x)
    c = min(max(x, -ONE), MAX)
    k = Int((Float(ONE + c).view(Int) - SQRT_HALF_BITS) >> 23)
    s = Int((BIAS + Int(2) - k) << 23).view(Float)  # 4 / 2^k, since 1 / 2^k can be subnormal
    f = QUARTER * (c * s) + (QUARTER * s - ONE)  # (1 + c) / 2^k - 1
    n = Float(k)
    p = (((((((L8 * f + L7) * f + L6) * f + L5) * f + L4) * f + L3) * f + L2) * f + L1) * f + L0
    f2 = f * f
    y = n * LN2_HIGH + (f + (n * LN2_LOW + (p * f * f2 - HALF * f2)))
    y = INF if x == INF else y
    return y if x > -ONE else (-INF if x == -ONE else NAN)


def tanh(x: Any) -> Any:
    """Hyperbolic tangent, within 1.4 ulp."""
    x = Float(x)
    a = min(abs(x), TANH_MAX)
    z = a * a
    small = ((((T4 * z + T3) * z + T2) * z + T1) * z + T0) * z * a + a
    c = TWO * a
    t = c * LOG2_E + ROUND
    n = t - ROUND
    r = (c - n * LN2_HIGH) - n * LN2_LOW
    p = (((E4 * r + E3) * r + E2) * r + E1) * r + E0
    e = (p * (r * r) + r + ONE) * Int((Float(t).view(Int) - ROUND_BITS + BIAS) << 23).view(Float)
    y = small if a < TANH_SMALL else ONE - TWO / (e + ONE)
    return -y if x < ZERO else y


def erf(x: Any) -> Any:
    """Error function, within 1.2 ulp."""
    x = Float(x)
    a = min(abs(x), ERF_MAX)
    z = a * a
    small = ((((((A6 * z + A5) * z + A4) * z + A3) * z + A2) * z + A1) * z + A0) * a + a
    c = -((((((B6 * a + B5) * a + B4) * a + B3) * a + B2) * a + B1) * a + B0)
    t = c * LOG2_E + ROUND
    n = t - ROUND
    r = (c - n * LN2_HIGH) - n * LN2_LOW
    p = (((E4 * r + E3) * r + E2) * r + E1) * r + E0
    e = (p * (r * r) + r + ONE) * Int((Float(t).view(Int) - ROUND_BITS + BIAS) << 23).view(Float)
    y = small if a < ERF_SMALL else ONE - e
    return -y if x < ZERO else y


def erfc(x: Any) -> Any:
    """1 - erf(x) without cancellation, within 3.5 ulp: e^(-x^2) times a polynomial in (|x| - 3) / (|x| + 3)."""
    x = Float(x)
    a = min(abs(x), ERFC_MAX)
    high = Int(Float(a).view(Int) & LEADING_BITS).view(Float)
    c = -(high * high)
    t = c * LOG2_E + ROUND
    n = t - ROUND
    r = ((c - n * LN2_HIGH) - n * LN2_LOW) - (a - high) * (a + high)
    p = (((E4 * r + E3) * r + E2) * r + E1) * r + E0
    k = Float(t).view(Int) - ROUND_BITS
    k1 = k >> 1
    s1 = Int((k1 + BIAS) << 23).view(Float)
    s2 = Int((k - k1 + BIAS) << 23).view(Float)
    v = (a - THREE) / (a + THREE)
    q = ((((((((D9 * v + D8) * v + D7) * v + D6) * v + D5) * v + D4) * v + D3) * v + D2) * v + D1) * v + D0
    q = q / (a + ONE)
    y = (q * (p * (r * r) + r) + q) * s1 * s2
    return TWO - y if x < ZERO else y


def sin(x: Any) -> Any:
    """Sine, within 2.5 ulp for |x| <= 1e4.

    Beyond, the error grows to 4e-7 at 6.5e6 (more without fused multiply-add), and the result is NaN from there on.
    """
    x = Float(x)
    c = x if abs(x) <= ANGLE_MAX else NAN
    t = c * TWO_OVER_PI + ROUND
    n = t - ROUND
    k = Float(t).view(Int)
    r = (((c - n * PI_1) - n * PI_2) - n * PI_3) - n * PI_4
    z = r * r
    sine = ((S2 * z + S1) * z + S0) * z * r + r
    cosine = ((C2 * z + C1) * z + C0) * z * z - HALF * z + ONE
    y = cosine if k & 1 else sine
    return -y if k & 2 else y


def cos(x: Any) -> Any:
    """Cosine; accuracy and range as of ``sin``: within 2.5 ulp for |x| <= 1e4."""
    x = Float(x)
    c = x if abs(x) <= ANGLE_MAX else NAN
    t = c * TWO_OVER_PI + ROUND
    n = t - ROUND
    k = Float(t).view(Int)
    r = (((c - n * PI_1) - n * PI_2) - n * PI_3) - n * PI_4
    z = r * r
    sine = ((S2 * z + S1) * z + S0) * z * r + r
    cosine = ((C2 * z + C1) * z + C0) * z * z - HALF * z + ONE
    y = sine if k & 1 else cosine
    return -y if (k + 1) & 2 else y


def sqrt(x: Any) -> Any:
    """Square root: the processor's own, within 0.5 ulp."""
    x = Float(x)
    return np.sqrt(x)
