"""The driver: runs a program of kernels over many steps of an epoch, in compiled code, on one thread or several.

A program is a table: one line an operation, its kernel's address and one row address per shard. Depth, width, batch
and kinds of layers change the table only. Shards are fixed by the plan; threads merely share them out, and meet at
barriers, so the bits do not depend on how many there are.
"""

from __future__ import annotations

import functools
import traceback
from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.errors import PluginError
from workbench.jit.threads import divide, meeting
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
from workbench.noise import derive

_ADDRESS, _BARRIER, _CHECK, _ROW = range(4)  # columns of a program
_ARGUMENTS = (
    "program, records, losses, rates, arrived, n, batch_size, shard_rows, first, last, "
    "steps_before, seed, training, thread, threads, result"
)  # fmt: skip


def address_of(*arguments):  # type: ignore[no-untyped-def]
    raise NotImplementedError("bound to the intrinsic, as are the three below; the last is the threads' own")


as_bits = call_kernel = atomic_add = barrier = address_of


def drive(  # type: ignore[no-untyped-def]
    program, records, losses, rates, arrived, n, batch_size, shard_rows, first, last,
    steps_before, seed, training, thread, threads, result,
):  # fmt: skip
    """Steps ``first`` to ``last`` of an epoch of ``n`` rows.

    result[0] = sum of losses, result[1] = where it stopped, result[2] = 1 if the loss was not finite there.
    """
    counter = address_of(arrived)
    for step in range(first, last):
        start = step * batch_size
        rows = min(batch_size, n - start)
        for s in range(thread, records.shape[0], threads):
            records[s, ROWS] = max(0, min(shard_rows, rows - s * shard_rows))
            records[s, FIRST] = s * shard_rows
            records[s, START] = start + s * shard_rows
            records[s, TOTAL] = rows
            records[s, KEY] = derive(seed, steps_before + step)
            records[s, TRAINING] = training
            records[s, STEP] = steps_before + step + 1
            records[s, RATE] = as_bits(rates[step])
        i = 0
        while i < program.shape[0]:
            if threads > 1 and program[i, _BARRIER] and not barrier(counter, threads):
                return
            if program[i, _CHECK]:
                total = 0.0
                for s in range(losses.shape[0]):
                    total += losses[s, 0]
                if not np.isfinite(total):  # every thread sees the same losses and stops here
                    if thread == 0:
                        result[1] = step
                        result[2] = 1
                    return
                if thread == 0:
                    result[0] += total
            j = i + 1
            while j < program.shape[0] and not program[j, _BARRIER]:
                j += 1
            # up to the next barrier shard by shard: what one operation leaves in the cache the next one finds there
            for s in range(thread, records.shape[0], threads):
                for k in range(i, j):
                    if program[k, _ROW + s] != 0:
                        record = address_of(records) + s * 8 * RECORD_SIZE
                        call_kernel(program[k, _ADDRESS], program[k, _ROW + s], record)
                        if records[s, RAISED] != 0:
                            records[s, RAISED] = k + 1
                            atomic_add(counter + 8, 1)
                            return
            i = j
    if thread == 0:
        result[1] = last


@functools.cache
def compiled_driver() -> Any:
    """The driver as machine code, one for every program there is."""
    from numba import types

    from workbench.jit import intrinsics, specialise, threads

    bind = {name: getattr(intrinsics, name) for name in ("address_of", "as_bits", "call_kernel", "atomic_add")}
    bind["barrier"] = threads.barrier
    table, vector = types.int64[:, ::1], types.float64[::1]
    words = [types.int64] * 10
    signature = types.void(table, table, types.float64[:, ::1], vector, types.int64[::1], *words, vector)
    source = f"def kernel({_ARGUMENTS}):\n    drive({_ARGUMENTS})\n"
    return specialise("driver", source, signature, {"drive": (drive, bind)}, {}, "float64", kind="njit", owner="driver")


class Program:
    """Operations made ready to run on given shards. ``losses`` (shards, 8) is where they leave each shard's loss."""

    def __init__(self, operations: Sequence[Operation], shards: Sequence[Shard], losses: np.ndarray) -> None:
        self.operations, self.shards, self.losses = operations, shards, losses
        self.records = np.zeros((len(shards), RECORD_SIZE), dtype=np.int64)

    def run(self, n: int, batch_size: int, first: int, last: int, rates: np.ndarray, steps_before: int, seed: int,
            training: bool, threads: int) -> tuple[float, int, bool]:  # fmt: skip
        """Run steps ``first`` to ``last``; the sum of losses, the step it stopped at, and whether it broke off."""
        raise NotImplementedError


class CompiledProgram(Program):
    """The program as a table of addresses."""

    def __init__(
        self, operations: Sequence[Operation], shards: Sequence[Shard], losses: np.ndarray, dtype: str
    ) -> None:
        super().__init__(operations, shards, losses)
        self._kernels = [operation.compile(dtype) for operation in operations]  # held: freed code is a crash
        rows = [[self._row(o, s) for s in shards] for o in operations]
        self._memory = np.array([slot for line in rows for row in line for slot in row], dtype=np.int64)
        self._table = np.zeros((len(operations), _ROW + len(shards)), dtype=np.int64)
        self._arrived = meeting()
        address = self._memory.ctypes.data
        wide_before = False
        for i, (operation, line) in enumerate(zip(operations, rows, strict=True)):
            barrier = operation.barrier or operation.check_loss or operation.wide or wide_before
            self._table[i, :_ROW] = self._kernels[i].address, barrier, operation.check_loss
            wide_before = operation.wide
            for s, row in enumerate(line):
                if row:
                    self._table[i, _ROW + s] = address
                address += 8 * len(row)

    @staticmethod
    def _row(operation: Operation, shard: Shard) -> list[int]:
        return [] if operation.single and shard.index else operation.row(shard)

    def run(self, n: int, batch_size: int, first: int, last: int, rates: np.ndarray, steps_before: int, seed: int,
            training: bool, threads: int) -> tuple[float, int, bool]:  # fmt: skip
        driver, result = compiled_driver(), np.zeros(3)
        threads = max(1, min(threads, len(self.shards)))
        self.records[:, RAISED] = 0

        def work(thread: int) -> None:
            driver(
                self._table, self.records, self.losses, rates, self._arrived, n, batch_size, self.shards[0].rows,
                first, last, steps_before, seed, int(training), thread, threads, result,
            )  # fmt: skip

        divide(work, threads, self._arrived)
        for shard, raised in zip(self.shards, self.records[:, RAISED].tolist(), strict=True):
            if raised:
                raise self._explained(self.operations[raised - 1], shard)
        return float(result[0]), int(result[1]), bool(result[2])

    def _explained(self, operation: Operation, shard: Shard) -> PluginError:
        """What a kernel raised; machine code kept no more than that it did, so plain Python repeats the call."""
        what = f"{operation.owner or operation.name}: {operation.name}"
        try:
            operation.run(shard, self.records[shard.index])
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            return PluginError(f"{what}: {place.filename}, line {place.lineno}: {type(error).__name__}: {error}")
        return PluginError(f"{what} raised an error that plain Python does not.")


class ReferenceProgram(Program):
    """The same program, operation by operation in plain Python: for debugging, coverage and as the oracle."""

    def run(self, n: int, batch_size: int, first: int, last: int, rates: np.ndarray, steps_before: int, seed: int,
            training: bool, threads: int) -> tuple[float, int, bool]:  # fmt: skip
        with np.errstate(all="ignore"):  # machine code does not warn either; a loss that is not finite is noticed below
            return self._run(n, batch_size, first, last, rates, steps_before, seed, training)

    def _run(self, n: int, batch_size: int, first: int, last: int, rates: np.ndarray, steps_before: int, seed: int,
             training: bool) -> tuple[float, int, bool]:  # fmt: skip
        total = 0.0
        for step in range(first, last):
            start = step * batch_size
            rows = min(batch_size, n - start)
            for shard, record in zip(self.shards, self.records, strict=True):
                size = self.shards[0].rows
                record[ROWS] = max(0, min(size, rows - shard.index * size))
                record[FIRST], record[START] = shard.first, start + shard.first
                record[TOTAL], record[TRAINING], record[STEP] = rows, training, steps_before + step + 1
                record[KEY] = derive(seed, steps_before + step)
                record[RATE] = np.float64(rates[step]).view(np.int64)
            for operation in self.operations:
                if operation.check_loss:
                    if not np.isfinite(self.losses[:, 0].sum()):
                        return total, step, True
                    total += float(self.losses[:, 0].sum())
                for shard, record in zip(self.shards, self.records, strict=True):
                    if not (operation.single and shard.index):
                        operation.run(shard, record)
        return total, last, False
