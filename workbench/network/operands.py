"""The calling convention: what a kernel is called with, stated once for compiled code and for plain Python.

A kernel is a plain function of arrays and numbers. Compiled, it becomes a C function of two addresses: its ``row``,
fixed numbers such as addresses and sizes, one row per shard of the batch, and the shard's ``record``, what changes with
every step. Each operand says how it is read from them (``declare``), what stands in the row (``slots``), and what the
function gets when it runs as plain Python (``value``).
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from workbench.errors import PluginError, did_you_mean
from workbench.noise import derive

# Fields of a record.
ROWS, FIRST, START, TOTAL, KEY, TRAINING, STEP, RATE, RAISED = range(9)
RECORD_SIZE = 16


@dataclass(frozen=True)
class Shard:
    """One of ``count`` fixed divisions of a batch: at most ``rows`` rows from ``first`` on."""

    index: int
    count: int
    first: int
    rows: int

    def span(self, start: int, stop: int) -> tuple[int, int]:
        """This shard's part of a range, divided in whole cache lines of 16 numbers."""
        size = -(-(stop - start) // (16 * self.count)) * 16
        return min(start + self.index * size, stop), min(start + (self.index + 1) * size, stop)


class Operand(Protocol):
    """One argument of a kernel."""

    def declare(self, slot: int) -> tuple[str, int]:
        """The expression that reads the operand when its slots begin at ``slot``, and the next free slot."""

    def slots(self, shard: Shard) -> list[int]:
        """What a shard's row holds for it."""

    def value(self, shard: Shard, record: np.ndarray) -> Any:
        """What the kernel gets as plain Python."""


_NAMES = {np.dtype(name).char: name for name in ("float32", "float64", "int64")}


def _bits(number: float) -> int:
    return int(np.float64(number).view(np.int64))


def _float(bits: int) -> float:
    return float(np.int64(bits).view(np.float64))


def _array(array: np.ndarray, slot: int, shape: str) -> str:
    return f"carray({_NAMES[array.dtype.char]}_at(row[{slot}]), ({shape},))"


def _dims(slot: int, count: int) -> str:
    return ", ".join(f"row[{slot + i}]" for i in range(count))


@dataclass(frozen=True)
class Rows:
    """An array whose first axis is the batch; the kernel sees the rows of its shard."""

    array: np.ndarray

    def declare(self, slot: int) -> tuple[str, int]:
        rest = self.array.ndim - 1
        shape = f"record[{ROWS}]" + (", " + _dims(slot + 1, rest) if rest else "")
        return _array(self.array, slot, shape), slot + 1 + rest

    def slots(self, shard: Shard) -> list[int]:
        return [self.array.ctypes.data + shard.first * self.array.strides[0], *self.array.shape[1:]]

    def value(self, shard: Shard, record: np.ndarray) -> np.ndarray:
        return self.array[shard.first : shard.first + record[ROWS]]


@dataclass(frozen=True)
class Batch(Rows):
    """The same for a kernel that sees the rows of all shards."""

    def declare(self, slot: int) -> tuple[str, int]:
        rest = self.array.ndim - 1
        shape = f"record[{TOTAL}]" + (", " + _dims(slot + 1, rest) if rest else "")
        return _array(self.array, slot, shape), slot + 1 + rest

    def slots(self, shard: Shard) -> list[int]:
        return [self.array.ctypes.data, *self.array.shape[1:]]

    def value(self, shard: Shard, record: np.ndarray) -> np.ndarray:
        return self.array[: record[TOTAL]]


@dataclass(frozen=True)
class Flat:
    """Like ``Rows``, as one axis: for kernels that treat every number alike."""

    array: np.ndarray

    def declare(self, slot: int) -> tuple[str, int]:
        return _array(self.array, slot, f"record[{ROWS}] * row[{slot + 1}]"), slot + 2

    def slots(self, shard: Shard) -> list[int]:
        return [self.array.ctypes.data + shard.first * self.array.strides[0], int(np.prod(self.array.shape[1:]))]

    def value(self, shard: Shard, record: np.ndarray) -> np.ndarray:
        return self.array[shard.first : shard.first + record[ROWS]].reshape(-1)


@dataclass(frozen=True)
class Whole:
    """An array every shard sees in full."""

    array: np.ndarray

    def declare(self, slot: int) -> tuple[str, int]:
        rank = self.array.ndim
        return _array(self.array, slot, _dims(slot + 1, rank)), slot + 1 + rank

    def slots(self, shard: Shard) -> list[int]:
        return [self.array.ctypes.data, *self.array.shape]

    def value(self, shard: Shard, record: np.ndarray) -> np.ndarray:
        return self.array


@dataclass(frozen=True)
class PerShard:
    """An array with one entry per shard along its first axis; the kernel sees its own."""

    array: np.ndarray

    def declare(self, slot: int) -> tuple[str, int]:
        return Whole(self.array[0]).declare(slot)

    def slots(self, shard: Shard) -> list[int]:
        return Whole(self.array[shard.index]).slots(shard)

    def value(self, shard: Shard, record: np.ndarray) -> np.ndarray:
        return self.array[shard.index]


@dataclass(frozen=True)
class Span:
    """One end of a shard's part of a range of numbers: a start (``end=0``) or a stop (``end=1``)."""

    start: int
    stop: int
    end: int

    def declare(self, slot: int) -> tuple[str, int]:
        return f"row[{slot}]", slot + 1

    def slots(self, shard: Shard) -> list[int]:
        return [shard.span(self.start, self.stop)[self.end]]

    def value(self, shard: Shard, record: np.ndarray) -> int:
        return shard.span(self.start, self.stop)[self.end]


@dataclass(frozen=True)
class Real:
    """A number, in the network's precision."""

    number: float

    def declare(self, slot: int) -> tuple[str, int]:
        return f"real(as_float(row[{slot}]))", slot + 1

    def slots(self, shard: Shard) -> list[int]:
        return [_bits(self.number)]

    def value(self, shard: Shard, record: np.ndarray) -> float:
        return float(self.number)


@dataclass(frozen=True)
class Integer:
    """A whole number that stays the same."""

    number: int

    def declare(self, slot: int) -> tuple[str, int]:
        return f"row[{slot}]", slot + 1

    def slots(self, shard: Shard) -> list[int]:
        return [int(self.number)]

    def value(self, shard: Shard, record: np.ndarray) -> int:
        return int(self.number)


@dataclass(frozen=True)
class Reals:
    """A tuple of numbers: a plugin's options, at run time so that sweeping one compiles nothing."""

    numbers: tuple[float, ...]

    def declare(self, slot: int) -> tuple[str, int]:
        count = len(self.numbers)
        return "(" + "".join(f"real(as_float(row[{slot + i}])), " for i in range(count)) + ")", slot + count

    def slots(self, shard: Shard) -> list[int]:
        return [_bits(number) for number in self.numbers]

    def value(self, shard: Shard, record: np.ndarray) -> tuple[float, ...]:
        return tuple(float(number) for number in self.numbers)


@dataclass(frozen=True)
class Field:
    """A whole number from the record, such as ``START``."""

    index: int

    def declare(self, slot: int) -> tuple[str, int]:
        return f"record[{self.index}]", slot

    def slots(self, shard: Shard) -> list[int]:
        return []

    def value(self, shard: Shard, record: np.ndarray) -> Any:
        return int(record[self.index])


@dataclass(frozen=True)
class Training(Field):
    """Whether this step trains."""

    index: int = TRAINING

    def declare(self, slot: int) -> tuple[str, int]:
        return f"record[{self.index}] != 0", slot

    def value(self, shard: Shard, record: np.ndarray) -> bool:
        return bool(record[self.index])


@dataclass(frozen=True)
class Count(Field):
    """A whole number from the record as a real number, in the network's precision."""

    def declare(self, slot: int) -> tuple[str, int]:
        return f"real(record[{self.index}])", slot


@dataclass(frozen=True)
class LearningRate(Field):
    """The learning rate of this step, in the network's precision."""

    index: int = RATE

    def declare(self, slot: int) -> tuple[str, int]:
        return f"real(as_float(record[{self.index}]))", slot

    def value(self, shard: Shard, record: np.ndarray) -> float:
        return _float(record[self.index])


@dataclass(frozen=True)
class NoiseKey:
    """The seed of this layer's noise in this step."""

    layer: int

    def declare(self, slot: int) -> tuple[str, int]:
        return f"derive(record[{KEY}], row[{slot}])", slot + 1

    def slots(self, shard: Shard) -> list[int]:
        return [self.layer]

    def value(self, shard: Shard, record: np.ndarray) -> int:
        return derive(int(record[KEY]), self.layer)


@dataclass(frozen=True)
class Operation:
    """One kernel call in a program: ``template`` with the plugin's functions bound by name, on these operands.

    ``barrier``: every shard's earlier work must be done; ``check_loss``: stop here if the loss is not finite;
    ``single``: for shard 0 only; ``wide``: reads or writes other shards' rows, so a barrier lies before and behind.
    ``owner`` names the plugin in errors.
    """

    name: str
    template: Callable
    operands: Mapping[str, Operand]
    bind: Mapping[str, Callable] = field(default_factory=dict)
    owner: str = ""
    barrier: bool = False
    check_loss: bool = False
    single: bool = False
    wide: bool = False

    def run(self, shard: Shard, record: np.ndarray) -> None:
        """As plain Python: the reference."""
        from workbench.jit.retarget import rebind

        function = rebind(self.template, self.bind) if self.bind else self.template
        function(**{name: operand.value(shard, record) for name, operand in self.operands.items()})

    def row(self, shard: Shard) -> list[int]:
        """The fixed numbers of this call, for one shard."""
        if shard not in self._rows:
            self._rows[shard] = [slot for operand in self.operands.values() for slot in operand.slots(shard)]
        return self._rows[shard]

    def compile(self, dtype: str) -> Any:
        """The compiled kernel, a C function of two addresses at ``.address``. Raises ``PluginError``."""
        return _compile(self.name, self._source, self.template, tuple(sorted(self.bind.items())), dtype, self.owner)

    @functools.cached_property
    def _rows(self) -> dict[Shard, list[int]]:
        return {}

    @functools.cached_property
    def _source(self) -> str:
        lines, slot = [], 0
        for name, operand in self.operands.items():
            expression, slot = operand.declare(slot)
            lines.append(f"    {name} = {expression}\n")
        return (
            "def kernel(row_address, record_address):\n"
            "    row, record = int64_at(row_address), int64_at(record_address)\n"
            + "".join(lines)
            + f"    try:\n        function({', '.join(self.operands)})\n"
            + f"    except Exception:\n        record[{RAISED}] = 1\n"  # a C function has no other way to tell
        )


@functools.cache
def _compile(name: str, source: str, template: Callable, bind: tuple, dtype: str, owner: str) -> Any:
    import numba
    from numba import carray, int64, void

    from workbench.jit import intrinsics, specialise
    from workbench.jit.retarget import retarget

    scope = {
        "carray": carray,
        "real": getattr(numba, dtype),
        "derive": retarget(derive, dtype),
        "as_float": intrinsics.as_float,
        "int64_at": intrinsics.int64_at,
        "float32_at": intrinsics.float32_at,
        "float64_at": intrinsics.float64_at,
    }
    signature = void(int64, int64)
    return specialise(name, source, signature, {"function": (template, dict(bind))}, scope, dtype, owner=owner)


def is_wide(function: Callable) -> bool:
    """Whether a layer's kernel is shared out by features."""
    return not {"start", "stop"}.isdisjoint(_parameters(function))


def in_order_of(function: Callable, operands: Mapping[str, Operand], owner: str) -> dict[str, Operand]:
    """The operands a plugin's kernel names, in its order. ``PluginError`` for a name that stands for nothing."""
    names = _parameters(function)
    for name in names:
        if name not in operands:
            raise PluginError(f"{owner}: nothing is called {name!r}{did_you_mean(name, operands)}")
    return {name: operands[name] for name in names}


@functools.cache
def _parameters(function: Callable) -> tuple[str, ...]:
    return tuple(inspect.signature(function).parameters)


def shards(batch_size: int, count: int) -> Sequence[Shard]:
    """A batch divided into ``count`` shards of equal size but the last."""
    size = -(-batch_size // count)
    return [Shard(i, count, i * size, min(size, batch_size - i * size)) for i in range(count)]
