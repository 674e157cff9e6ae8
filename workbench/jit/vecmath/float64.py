"""Vectorisable float64 functions; see the package."""

from __future__ import annotations

from typing import Any

import numpy as np

Float, Int = np.float64, np.int64

ZERO, QUARTER, HALF, ONE, TWO = Float(0), Float(0.25), Float(0.5), Float(1), Float(2)
INF, NAN, MAX = Float(np.inf), Float(np.nan), np.finfo(np.float64).max
MIN_NORMAL, FIFTY_FOUR, TWO_54 = Float(2**-1022), Float(54), Float(2**54)

# Adding 1.5 * 2^52 rounds to an integer, which then stands in the low bits of the sum.
ROUND = Float(3 * 2**51)
ROUND_BITS = ROUND.view(Int)
BIAS, TOP = Int(1023), Int(1023)  # of the exponent
LOG2_E = Float(1.4426950408889634)
LN2_HIGH = Float(0.6931471803691238)  # the first 32 bits, so that n * LN2_HIGH is exact
LN2_LOW = Float(1.9082149292705877e-10)

# (e^r - 1 - r) / r^2 for |r| <= ln(2) / 2
E0, E1, E2, E3 = Float(0.5), Float(0.16666666666666688), Float(0.041666666666666824), Float(0.00833333333331389)
E4, E5, E6 = Float(0.0013888888888775805), Float(0.00019841269903815245), Float(2.480158758791705e-05)
E7, E8, E9 = Float(2.7557227599558595e-06), Float(2.7556982513234326e-07), Float(2.511289084837201e-08)
E10 = Float(2.101425283701935e-09)
EXP_MIN, EXP_MAX, EXPM1_MIN = Float(-746), Float(709.782712893384), Float(-38)

# (2 atanh(s) - 2 s) / s^3 in s^2, for s = f / (2 + f) and sqrt(1/2) - 1 <= f <= sqrt(2) - 1
L0, L1, L2 = Float(0.6666666666666735), Float(0.39999999999409347), Float(0.28571428743688804)
L3, L4, L5 = Float(0.22222198428652942), Float(0.18183572375638776), Float(0.15313831545471848)
L6 = Float(0.14798265858012152)
SQRT_HALF_BITS = Float(0.7071067811865476).view(Int)

TANH_MAX = Float(20)

# erf(x) / x - 1 in x^2, for |x| <= 0.92
A0, A1, A2 = Float(0.1283791670955126), Float(-0.37612638903184), Float(0.11283791670964798)
A3, A4, A5 = Float(-0.026866170646650187), Float(0.005223977637555975), Float(-0.0008548327566837524)
A6, A7, A8 = Float(0.00012055346928521218), Float(-1.4925831309956478e-05), Float(1.6462237085464523e-06)
A9, A10, A11 = Float(-1.633312757665917e-07), Float(1.4313428328216588e-08), Float(-9.016851770226434e-10)
ERF_SMALL, ERF_MAX = Float(0.92), Float(6)

# e^(x^2) erfc(x) = P(x) / Q(x), for 0 <= x <= 27.3; both begin with 1
P1, P2, P3 = Float(2.3410603238885157), Float(2.716975928482664), Float(2.019860993993175)
P4, P5, P6 = Float(1.0552734191478812), Float(0.40300995646785953), Float(0.11378560891065644)
P7, P8, P9 = Float(0.02348162999481559), Float(0.0034027258913041083), Float(0.00031487107124681795)
P10, Q1, Q2 = Float(1.4303702357463454e-05), Float(3.4694394909840285), Float(5.631819171607486)
Q3, Q4, Q5 = Float(5.657501707164135), Float(3.917156807124801), Float(1.968279367860185)
Q6, Q7, Q8 = Float(0.7348475572100895), Float(0.20468265156554769), Float(0.04189915273458691)
Q9, Q10, Q11 = Float(0.006043850935706937), Float(0.0005580944427711561), Float(2.535265232568636e-05)
ERFC_MAX = Float(27.3)
LEADING_BITS = Int(-(2**27))  # a mask that keeps the first 26 bits of the significand, so that the square is exact

# pi / 2 in parts of 33 bits, so that n times each is exact while n has 20; (sin(r) - r) / r^3 and
# (cos(r) - 1 + r^2 / 2) / r^4 in r^2, for |r| <= pi / 4
TWO_OVER_PI, ANGLE_MAX = Float(0.6366197723675814), Float(2**50)
PI_1, PI_2, PI_3 = Float(1.5707963267341256), Float(6.077100506303966e-11), Float(2.0222662487959506e-21)
S0, S1, S2 = Float(-0.1666666666666663), Float(0.00833333333332184), Float(-0.00019841269829358533)
S3, S4, S5 = Float(2.7557313538702047e-06), Float(-2.5050734519508562e-08), Float(1.5895450947065084e-10)
C0, C1, C2 = Float(0.041666666666666595), Float(-0.0013888888888873325), Float(2.4801587288983695e-05)
C3, C4, C5 = Float(-2.7557314210084863e-07), Float(2.0875704273062103e-09), Float(-1.1358683473403231e-11)


def exp(x: Any) -> Any:
    """e^x, within 1.1 ulp."""
    x = Float(x)
    c = min(max(x, EXP_MIN), EXP_MAX)
    t = c * LOG2_E + ROUND
    n = t - ROUND
    r = (c - n * LN2_HIGH) - n * LN2_LOW
    p = ((((E10 * r + E9) * r + E8) * r + E7) * r + E6) * r + E5
    p = ((((p * r + E4) * r + E3) * r + E2) * r + E1) * r + E0
    y = p * (r * r) + r + ONE
    k = Float(t).view(Int) - ROUND_BITS
    k1 = k >> 1  # 2^k in two steps, since k runs from -1076 to 1024
    s1 = Int((k1 + BIAS) << 52).view(Float)
    s2 = Int((k - k1 + BIAS) << 52).view(Float)
    return INF if x > EXP_MAX else y * s1 * s2


def expm1(x: Any) -> Any:
    """e^x - 1 without cancellation near zero, within 2.2 ulp."""
    x = Float(x)
    c = min(max(x, EXPM1_MIN), EXP_MAX)
    t = c * LOG2_E + ROUND
    n = t - ROUND
    r = (c - n * LN2_HIGH) - n * LN2_LOW
    p = ((((E10 * r + E9) * r + E8) * r + E7) * r + E6) * r + E5
    p = ((((p * r + E4) * r + E3) * r + E2) * r + E1) * r + E0
    k = Float(t).view(Int) - ROUND_BITS
    k1 = min(k, TOP)
    s1 = Int((k1 + BIAS) << 52).view(Float)
    s2 = Int((k - k1 + BIAS) << 52).view(Float)  # 1, or 2 where 2^k overflows
    y = s1 * (p * (r * r) + r) + (s1 - ONE)
    return INF if x > EXP_MAX else y * s2


def log(x: Any) -> Any:
    """Natural logarithm, within 1 ulp; -inf at 0, NaN below."""
    x = Float(x)
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


def log1p(x: Any) -> Any:
    """log(1 + x) without cancellation near zero, within 1.5 ulp; -inf at -1, NaN below."""
    x = Float(x)
    c = min(max(x, -ONE), MAX)
    k = Int((Float(ONE + c).view(Int) - SQRT_HALF_BITS) >> 52)
    s = Int((BIAS + Int(2) - k) << 52).view(Float)  # 4 / 2^k, since 1 / 2^k can be subnormal
    f = QUARTER * (c * s) + (QUARTER * s - ONE)  # (1 + c) / 2^k - 1
    n = Float(k)
    s = f / (TWO + f)
    z = s * s
    p = ((((((L6 * z + L5) * z + L4) * z + L3) * z + L2) * z + L1) * z + L0) * z
    h = HALF * f * f
    y = n * LN2_HIGH + (f - (h - (s * (h + p) + n * LN2_LOW)))
    y = INF if x == INF else y
    return y if x > -ONE else (-INF if x == -ONE else NAN)


def tanh(x: Any) -> Any:
    """Hyperbolic tangent, within 2.6 ulp."""
    x = Float(x)
    c = TWO * min(abs(x), TANH_MAX)
    t = c * LOG2_E + ROUND
    n = t - ROUND
    r = (c - n * LN2_HIGH) - n * LN2_LOW
    p = ((((E10 * r + E9) * r + E8) * r + E7) * r + E6) * r + E5
    p = ((((p * r + E4) * r + E3) * r + E2) * r + E1) * r + E0
    s = Int((Float(t).view(Int) - ROUND_BITS + BIAS) << 52).view(Float)
    e = s * (p * (r * r) + r) + (s - ONE)  # e^(2|x|) - 1
    y = e / (e + TWO)
    return -y if x < ZERO else y


def erf(x: Any) -> Any:
    """Error function, within 1.2 ulp."""
    x = Float(x)
    a = min(abs(x), ERF_MAX)
    z = a * a
    small = (((((A11 * z + A10) * z + A9) * z + A8) * z + A7) * z + A6) * z + A5
    small = ((((small * z + A4) * z + A3) * z + A2) * z + A1) * z + A0
    t = -z * LOG2_E + ROUND
    n = t - ROUND
    r = (-z - n * LN2_HIGH) - n * LN2_LOW
    p = ((((E10 * r + E9) * r + E8) * r + E7) * r + E6) * r + E5
    p = ((((p * r + E4) * r + E3) * r + E2) * r + E1) * r + E0
    e = (p * (r * r) + r + ONE) * Int((Float(t).view(Int) - ROUND_BITS + BIAS) << 52).view(Float)
    p = ((((P10 * a + P9) * a + P8) * a + P7) * a + P6) * a + P5
    p = ((((p * a + P4) * a + P3) * a + P2) * a + P1) * a + ONE
    q = (((((Q11 * a + Q10) * a + Q9) * a + Q8) * a + Q7) * a + Q6) * a + Q5
    q = ((((q * a + Q4) * a + Q3) * a + Q2) * a + Q1) * a + ONE
    y = small * a + a if a < ERF_SMALL else ONE - e * (p / q)
    return -y if x < ZERO else y


def erfc(x: Any) -> Any:
    """1 - erf(x) without cancellation, within 6 ulp: e^(-x^2) times a rational function."""
    x = Float(x)
    a = min(abs(x), ERFC_MAX)
    high = Int(Float(a).view(Int) & LEADING_BITS).view(Float)
    c = -(high * high)
    t = c * LOG2_E + ROUND
    n = t - ROUND
    r = ((c - n * LN2_HIGH) - n * LN2_LOW) - (a - high) * (a + high)
    p = ((((E10 * r + E9) * r + E8) * r + E7) * r + E6) * r + E5
    p = ((((p * r + E4) * r + E3) * r + E2) * r + E1) * r + E0
    k = Float(t).view(Int) - ROUND_BITS
    k1 = k >> 1
    s1 = Int((k1 + BIAS) << 52).view(Float)
    s2 = Int((k - k1 + BIAS) << 52).view(Float)
    e = p * (r * r) + r
    p = ((((P10 * a + P9) * a + P8) * a + P7) * a + P6) * a + P5
    p = ((((p * a + P4) * a + P3) * a + P2) * a + P1) * a + ONE
    q = (((((Q11 * a + Q10) * a + Q9) * a + Q8) * a + Q7) * a + Q6) * a + Q5
    q = ((((q * a + Q4) * a + Q3) * a + Q2) * a + Q1) * a + ONE
    q = p / q
    y = (q * e + q) * s1 * s2
    return TWO - y if x < ZERO else y


def sin(x: Any) -> Any:
    """Sine, within 2.5 ulp for |x| <= 1e5.

    Beyond, without fused multiply-add, the absolute error grows with |x|; the result is NaN from 2^50 on.
    """
    x = Float(x)
    c = x if abs(x) <= ANGLE_MAX else NAN
    t = c * TWO_OVER_PI + ROUND
    n = t - ROUND
    k = Float(t).view(Int)
    r = ((c - n * PI_1) - n * PI_2) - n * PI_3
    z = r * r
    sine = (((((S5 * z + S4) * z + S3) * z + S2) * z + S1) * z + S0) * z * r + r
    cosine = (((((C5 * z + C4) * z + C3) * z + C2) * z + C1) * z + C0) * z * z - HALF * z + ONE
    y = cosine if k & 1 else sine
    return -y if k & 2 else y


def cos(x: Any) -> Any:
    """Cosine; accuracy and range as of ``sin``: within 2.5 ulp for |x| <= 1e5."""
    x = Float(x)
    c = x if abs(x) <= ANGLE_MAX else NAN
    t = c * TWO_OVER_PI + ROUND
    n = t - ROUND
    k = Float(t).view(Int)
    r = ((c - n * PI_1) - n * PI_2) - n * PI_3
    z = r * r
    sine = (((((S5 * z + S4) * z + S3) * z + S2) * z + S1) * z + S0) * z * r + r
    cosine = (((((C5 * z + C4) * z + C3) * z + C2) * z + C1) * z + C0) * z * z - HALF * z + ONE
    y = sine if k & 1 else cosine
    return -y if (k + 1) & 2 else y


def sqrt(x: Any) -> Any:
    """Square root: the processor's own, within 0.5 ulp."""
    x = Float(x)
    return np.sqrt(x)
