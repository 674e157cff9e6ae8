"""Whether plugins are compiled, or run as the plain Python that they are."""

from __future__ import annotations

import os


def compiler_is_off() -> bool:
    """Whether ``NUMBA_DISABLE_JIT`` turns the compiler off, read as Numba does, but without importing it.

    It does if it is a whole number other than 0; of what is none, the empty text among that, Numba takes no notice.
    """
    try:
        return int(os.environ.get("NUMBA_DISABLE_JIT", "0")) != 0
    except ValueError:
        return False
