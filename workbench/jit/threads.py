"""Threads that share one call of machine code out among themselves, and wait for each other inside it."""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait

import numpy as np

from workbench.jit.intrinsics import atomic_add, atomic_load, yield_processor

_SPINS = 2000  # looks at the counter before a waiting thread gives its core away


def meeting() -> np.ndarray:
    """What the threads of one call meet at: how many have come, and whether it was called off."""
    return np.zeros(8, dtype=np.int64)


def barrier(counter, threads):
    """Wait until every thread has come as often as this one; False if the call was called off meanwhile.

    For machine code only; ``counter`` is the address of a ``meeting``.
    """
    target = (atomic_add(counter, 1) // threads + 1) * threads
    spins = 0
    while atomic_load(counter) < target:
        if atomic_load(counter + 8) != 0:
            return False
        spins += 1
        if spins > _SPINS:
            yield_processor()
    return True


def thread_count(threads: int | None = None) -> int:
    """``threads``, or as many as there are cores to run on."""
    if threads is not None:
        return threads
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# One divided call at a time: threads that wait for each other at barriers must all have a worker.
_divided = threading.RLock()


@functools.cache
def _pool(workers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(workers, thread_name_prefix="workbench")


def _forget_pools() -> None:
    """A forked child has none of its parent's threads."""
    _pool.cache_clear()
    _divided.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_divided.acquire, after_in_parent=_divided.release, after_in_child=_forget_pools)


def divide(work: Callable[[int], None], threads: int, arrived: np.ndarray) -> None:
    """Call ``work(thread)`` for each thread at once; ``arrived`` is their ``meeting``, cleared first."""
    arrived[:] = 0
    if threads == 1:
        work(0)
        return
    others: list[Future] = []
    with _divided:
        try:
            others += [_pool(threads - 1).submit(work, thread) for thread in range(1, threads)]
            work(0)
        except BaseException:  # an interrupt: the others must not wait for a thread that will not come
            arrived[1] = 1
            raise
        finally:
            wait(others)
