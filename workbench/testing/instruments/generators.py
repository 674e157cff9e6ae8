"""The generators of random numbers that all code shares: whoever draws from them cannot be repeated."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


@contextmanager
def shared_draws() -> Iterator[list[str]]:
    """Afterwards the list names those that were drawn from, and they are as they were."""
    drawn: list[str] = []
    pythons, numpys = random.getstate(), np.random.get_state(legacy=False)  # noqa: NPY002 - it is what is looked at
    try:
        yield drawn
        if random.getstate() != pythons:
            drawn.append("the generator of Python's random")
        if str(np.random.get_state(legacy=False)) != str(numpys):  # noqa: NPY002
            drawn.append("np.random's generator")
    finally:
        random.setstate(pythons)
        np.random.set_state(numpys)  # noqa: NPY002
