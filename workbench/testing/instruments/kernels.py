"""A plugin's kernels run the way the network runs them, alone: compiled or as plain Python, on guarded arrays."""

from __future__ import annotations

import ctypes
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numba import config

from workbench.network.operands import (
    FIRST,
    KEY,
    RAISED,
    RATE,
    RECORD_SIZE,
    ROWS,
    START,
    STEP,
    TOTAL,
    TRAINING,
    Operation,
    Shard,
)
from workbench.testing.checks import CheckFailed, CheckSkipped
from workbench.testing.instruments.calls import differing
from workbench.testing.instruments.guarded import Guarded

_KERNEL = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64)


def needs_compiler() -> None:
    """Raise ``CheckSkipped`` where NUMBA_DISABLE_JIT turns the compiler off."""
    if config.DISABLE_JIT:
        raise CheckSkipped("NUMBA_DISABLE_JIT=1: nothing is compiled")


def run(
    operation: Operation,
    dtype: str,
    *,
    compiled: bool,
    rows: int,
    shard: Shard | None = None,
    unwritten: Collection[str] = (),
    training: bool = True,
    key: int = 11,
    step: int = 1,
    lr: float = 0.01,
) -> tuple[dict[str, np.ndarray], Guarded]:
    """Run ``operation`` once on copies of its operands' arrays; they are given back by name, with their guards.

    ``rows`` is the size of the batch, ``shard`` the part to be done (None: all of it). Operands named in
    ``unwritten``, which the kernel should fill, start with the guards' pattern.
    Raises ``CheckFailed`` for a write outside the arrays, or for what the kernel raises.
    """
    guards, arrays, operands = Guarded(), {}, {}
    for name, operand in operation.operands.items():
        operands[name] = operand
        if hasattr(operand, "array"):
            array = operand.array
            if name in unwritten:
                arrays[name] = guards.unwritten(name, array.shape, array.dtype)
            else:
                arrays[name] = guards.array(name, array)
            operands[name] = replace(operand, array=arrays[name])  # type: ignore[type-var]
    alone = replace(operation, operands=operands)
    shard = shard or Shard(0, 1, 0, rows)
    record = record_of(shard, rows, training, key, step, lr)
    if compiled:
        needs_compiler()
        row = np.array(alone.row(shard) or [0], dtype=np.int64)
        _KERNEL(alone.compile(dtype).address)(row.ctypes.data, record.ctypes.data)
        if record[RAISED]:
            run(operation, dtype, compiled=False, rows=rows, shard=shard, training=training, key=key, step=step, lr=lr)
            raise CheckFailed(f"{operation.owner}: the compiled {operation.name} raised; as plain Python it does not.")
    else:
        alone.run(shard, record)
    if found := guards.written_beside():
        raise CheckFailed(f"{operation.owner}: {operation.name}: {found}.")
    return arrays, guards


def record_of(
    shard: Shard, rows: int, training: bool = True, key: int = 11, step: int = 1, lr: float = 0.01
) -> np.ndarray:
    """What a kernel reads of a step: the first of a batch of ``rows``, of which it does the ``shard``."""
    record = np.zeros(RECORD_SIZE, dtype=np.int64)
    record[[ROWS, FIRST, START, TOTAL, KEY]] = shard.rows, shard.first, 0, rows, key
    record[[TRAINING, STEP, RATE]] = training, step, np.float64(lr).view(np.int64)
    return record


def compare(
    expected: Mapping[str, np.ndarray], found: Mapping[str, np.ndarray], names: Any, rtol: float, atol: float
) -> str | None:
    """The first of ``names`` whose arrays differ by more than allowed, where and by how much; None if none does.

    Both tolerances are those of ``differing``; the differences are taken in float64.
    """
    for name in names:
        a, b = np.asarray(expected[name], np.float64), np.asarray(found[name], np.float64)
        if (at := differing(a, b, rtol, atol)) is not None:
            where = f"{name}[{', '.join(map(str, at))}]" if at else name
            return f"{where} is {b[at]:.9g}, not {a[at]:.9g}"
    return None
