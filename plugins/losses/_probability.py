"""The logarithm of a probability, kept finite at zero."""

import math

FLOOR = -100.0
SMALLEST = math.exp(FLOOR)


def log_probability(p):
    """log p, but not below -100, PyTorch's floor; NaN stays NaN.

    An impossible outcome that happens then costs much, yet a number, and 0 log 0 is 0.
    """
    return FLOOR if p < SMALLEST else math.log(p)
