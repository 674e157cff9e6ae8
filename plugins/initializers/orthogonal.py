"""Orthogonal initializer: a random rotation, which changes the length of no signal.

Saxe, McClelland and Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks"
(2014).
"""

import math
from typing import Annotated

import numpy as np
from annotated_types import Gt

from workbench import Initializer, hookimpl


def orthogonal(rng, shape, fan_in, fan_out, gain: Annotated[float, Gt(0)] = 1.0):
    """Orthonormal columns, or rows where there are fewer, times ``gain``; all axes but the last count as one."""
    rows, columns = math.prod(shape[:-1]), shape[-1]
    q, r = np.linalg.qr(rng.normal(size=(max(rows, columns), min(rows, columns))))
    q *= np.sign(np.diag(r))  # without this, q is not uniform over the rotations
    return gain * (q if rows >= columns else q.T).reshape(shape)


@hookimpl
def register_initializers():
    return [Initializer("orthogonal", orthogonal)]
