"""The logarithm of a probability, kept finite at zero."""

import math

FLOOR = -100.0
SMALLEST = math.exp(FLOOR)


def log_probability(p):
    """log p, but not below -100 (PyTorch's floor): an impossible outcome costs much, yet a number. NaN stays NaN."""
    return FLOOR if p < SMALLEST else math.log(p)
