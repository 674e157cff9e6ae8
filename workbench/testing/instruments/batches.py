"""A layer on a batch of random numbers: for which shapes and options it can be built, and its kernels run on it."""

from __future__ import annotations

import functools
import inspect
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from workbench.errors import ConfigError, PluginError
from workbench.network.architecture import Chosen, Stage, build_stages
from workbench.network.operands import Integer, Operation, Rows, Shard, Whole, is_wide
from workbench.network.operations import layer_operands, layer_operation
from workbench.registry import Entry
from workbench.specs import LayerSpec, Shape
from workbench.testing.checks import CheckFailed, CheckSkipped, CheckWarning, raised, refuse
from workbench.testing.instruments.guarded import Guarded
from workbench.testing.instruments.kernels import run
from workbench.testing.instruments.options import changed, in_words, option_sets, required_sets

# Samples tried, by size; the large ones only where no other is accepted.
SMALL: tuple[Shape, ...] = ((1,), (2,), (5,), (20,), (3, 2), (2, 2, 1), (4, 4, 1), (5, 4, 2), (7, 6, 3), (2, 3, 2, 2))
LARGE: tuple[Shape, ...] = ((28, 28, 1), (32, 32, 3), (84, 84, 4), (64,), (784,), (16, 16), (28, 28))
REQUIRED = 3  # sets of values for the options without a default
Part = Literal["forward", "backward"]


@dataclass(frozen=True, eq=False)
class Case:
    """A layer with its options, built for samples of one shape, and how many of them there are."""

    stage: Stage
    rows: int

    @property
    def shape(self) -> Shape:
        return self.stage.input_shape

    def __str__(self) -> str:
        chosen = self.stage.chosen
        options = in_words(changed(chosen.spec.options, chosen.options))
        samples = f"{self.rows} sample{'s' if self.rows != 1 else ''} of shape {self.shape}"
        return f"{self.stage.name}({options}) on {samples}"


def build(plugin: LayerSpec, options: Mapping[str, Any], shape: Shape) -> Stage:
    """The layer built for a shape of samples. Raises ``ConfigError`` where it refuses and ``PluginError``."""
    try:
        return build_stages([_chosen(plugin, options)], shape)[0]
    except ConfigError as error:
        raise ConfigError(str(error).removeprefix("layers[0]: ")) from None


def _chosen(plugin: LayerSpec, options: Mapping[str, Any]) -> Chosen:
    return Chosen(Entry(plugin, plugin.name, "", inspect.getfile(plugin.function)), options)


@dataclass(frozen=True)
class Tried:
    """What became of building a layer: cases, the smallest first, and what it said of shapes it did not take."""

    cases: tuple[Case, ...]
    base: Mapping[str, Any]  # the defaults, and values for the options without
    refused: Mapping[Shape, ConfigError]
    broken: Mapping[Shape, PluginError]


@functools.cache
def tried(plugin: LayerSpec) -> Tried:
    """A layer built for many shapes and sets of options."""
    found: dict[str, Case] = {}
    refused: dict[Shape, ConfigError] = {}
    broken: dict[Shape, PluginError] = {}

    def accepted(options: Mapping[str, Any], shapes: Sequence[Shape]) -> Iterator[Stage]:
        for shape in shapes:
            try:
                yield build(plugin, options, shape)
            except ConfigError as error:
                refused.setdefault(shape, error)
            except PluginError as error:
                broken.setdefault(shape, error)

    def add(stages: Sequence[Stage], *rows: int) -> None:
        for stage in stages:
            for case in (Case(stage, n) for n in rows):
                found.setdefault(str(case), case)

    bases: list[dict[str, Any]] = []
    for required in required_sets(plugin.options):
        base, *others = option_sets(plugin.options, required)
        shapes = SMALL
        if not (stages := list(accepted(base, SMALL))):
            shapes = LARGE
            stages = list(itertools.islice(accepted(base, LARGE), 1))
        if not stages:
            continue
        add(stages, 3)
        add(stages[:2], 1, 2)
        for options in others if not bases else ():
            some = list(accepted(options, shapes))
            add(some[len(some) // 2 :][:1], 3)
        bases.append(base)
        if len(bases) == REQUIRED:
            break
    cases = sorted(found.values(), key=lambda case: case.rows * math.prod(case.shape))
    taken = {case.shape for case in cases}
    refused = {shape: error for shape, error in refused.items() if shape not in taken}
    return Tried(tuple(cases), bases[0] if bases else {}, refused, broken)


def cases(plugin: LayerSpec) -> tuple[Case, ...]:
    """Those to run kernels on. ``CheckSkipped`` where there are none."""
    found = tried(plugin).cases
    if not found:
        raise CheckSkipped("it could not be built")
    if found[0].stage.is_view:
        raise CheckSkipped("a view has no kernels")
    return found


@dataclass(frozen=True)
class Batch:
    """The arrays of one case by name, all that its kernels may name."""

    case: Case
    arrays: dict[str, np.ndarray]
    training: bool = True
    key: int = 11
    dtype: str = "float64"
    about: str = ""  # what is special, for messages

    def __str__(self) -> str:
        return f"{self.case}, {'training' if self.training else 'predicting'}{self.about}"

    @property
    def parameters(self) -> dict[str, bool]:
        """Parameters by name, and whether they are trained."""
        return {name: parameter.trainable for name, parameter in self.case.stage.shape.parameters.items()}

    @property
    def trained(self) -> list[str]:
        return [name for name, trainable in self.parameters.items() if trainable]

    @property
    def kept(self) -> list[str]:
        return [name for name, trainable in self.parameters.items() if not trainable]

    def filled(self, part: Part) -> list[str]:
        """The arrays that a kernel is there to fill."""
        if part == "forward":
            return ["output", *self.case.stage.shape.workspace, *self.case.stage.shape.saved]
        return ["grad_x", *(f"grad_{name}" for name in self.trained)]

    def with_(self, arrays: Mapping[str, np.ndarray], **changes: Any) -> Batch:
        return replace(self, arrays={**self.arrays, **arrays}, **changes)

    def wide(self, part: Part) -> bool:
        return is_wide(getattr(self.case.stage.layer, part))

    def operation(self, part: Part, start: int | None = None, stop: int | None = None) -> Operation:
        """As the plan of a network states it; ``start`` and ``stop`` are those of a wide one."""
        operands = layer_operands(self.case.stage, self.arrays)
        if part == "backward":
            operands |= {name: Rows(self.arrays[name]) for name in ("grad_output", "grad_x")}
            operands |= {f"grad_{name}": Whole(self.arrays[f"grad_{name}"]) for name in self.trained}
        operation = layer_operation(self.case.stage, part, operands)
        ends = {"start": start, "stop": stop}
        given = {n: Integer(i) for n, i in ends.items() if i is not None and n in operation.operands}
        return replace(operation, operands={**operation.operands, **given})

    def run(
        self,
        part: Part,
        *,
        compiled: bool = False,
        garbage: float | None = None,
        shard: Shard | None = None,
        start: int | None = None,
        stop: int | None = None,
    ) -> Ran:
        """Run one kernel on copies between guards; what it fills holds the guards' pattern, or ``garbage``, before.

        ``CheckFailed`` for what it raises as plain Python.
        """
        filled = self.filled(part)
        batch = self if garbage is None else self.with_({n: np.full_like(self.arrays[n], garbage) for n in filled})
        with told(self, part):
            arrays, guards = run(
                batch.operation(part, start, stop),
                self.dtype,
                compiled=compiled,
                rows=self.case.rows,
                shard=shard,
                unwritten=filled if garbage is None else (),
                training=self.training,
                key=self.key,
            )
        return Ran(self.with_(arrays), guards, tuple(arrays))


@dataclass(frozen=True)
class Ran:
    """What a kernel left, the guards of what it was given, and what that was."""

    batch: Batch
    guards: Guarded
    named: tuple[str, ...]

    def __getitem__(self, name: str) -> np.ndarray:
        return self.batch.arrays[name]

    def written(self, name: str) -> np.ndarray:
        """Where an array is no longer what it was."""
        zone = self.guards.zones[name]
        unsigned = f"u{zone.array.dtype.itemsize}"
        return zone.array.view(unsigned) != zone.given.view(unsigned)

    def first_changed(self, names: Sequence[str]) -> str | None:
        """The first place of an array among ``names`` that is no longer what it was."""
        for name in names:
            if name in self.named and (at := self.guards.changed(name)) is not None:
                return place(name, at)
        return None

    def first_unwritten(self, names: Sequence[str]) -> str | None:
        """The first place among ``names`` where nothing was written; of arrays the kernel does not name, all of it."""
        for name in names:
            if name not in self.named:
                if self[name].size:
                    return name
            elif (at := self.guards.left_unwritten(name)) is not None:
                return place(name, at)
        return None


@contextmanager
def told(batch: Batch, part: Part) -> Iterator[None]:
    """Say of what goes wrong inside which layer it was, on which batch."""
    plugin = batch.case.stage.chosen.spec
    try:
        yield
    except (CheckSkipped, CheckWarning):
        raise
    except PluginError as error:
        refuse(plugin, f"{batch}: {without_owner(plugin, error)}")
    except Exception as error:  # a stranger's kernel may raise anything
        refuse(plugin, f"{batch}: {part}: {raised(error)}")


def without_owner(plugin: LayerSpec, error: PluginError) -> str:
    """What a message of the network's says about a plugin, whose name stands before it already."""
    return str(error).removeprefix(f"{_chosen(plugin, {}).owner}: ").removesuffix(".") + "."


def place(name: str, at: Sequence[int]) -> str:
    """``grad_weight[0, 1]``."""
    return f"{name}[{', '.join(map(str, at))}]" if len(at) else name


@functools.lru_cache(maxsize=1024)
def random_batch(case: Case, dtype: str = "float64", training: bool = True) -> Batch:
    """Random numbers that every precision holds: normal, or near 1 for a layer that makes no numbers of those.

    Parameters that are not trained are near 1, for they may be variances.
    """
    batch = batch_of(case, dtype, training)
    return batch if _is_finite(batch) else batch_of(case, dtype, training, normal=False)


def batch_of(case: Case, dtype: str = "float64", training: bool = True, normal: bool = True) -> Batch:
    """The same without a look at what the layer makes of them."""
    rng = np.random.default_rng(0)
    stage, rows = case.stage, case.rows

    def near_one(shape: Shape) -> np.ndarray:
        return rng.uniform(0.5, 1.5, shape)

    draw: Callable[[Shape], np.ndarray] = rng.standard_normal if normal else near_one
    arrays = {"x": draw((rows, *case.shape)), "grad_output": rng.standard_normal((rows, *stage.shape.output))}
    for name, parameter in stage.shape.parameters.items():
        arrays[name] = (draw if parameter.trainable else near_one)(parameter.shape)
    zero = {"output": (rows, *stage.shape.output), "grad_x": (rows, *case.shape), **stage.shape.saved}
    zero |= {name: (rows, *shape) for name, shape in stage.shape.workspace.items()}
    zero |= {f"grad_{name}": parameter.shape for name, parameter in stage.shape.parameters.items()}
    arrays = {name: array.astype(np.float32) for name, array in arrays.items()}
    arrays |= {name: np.zeros(shape) for name, shape in zero.items()}
    return Batch(case, {name: array.astype(dtype) for name, array in arrays.items()}, training, dtype=dtype)


def _is_finite(batch: Batch) -> bool:
    try:
        return bool(np.isfinite(batch.run("forward")["output"]).all())
    except CheckFailed:
        return False


@functools.lru_cache(maxsize=1024)
def after(case: Case, training: bool, part: Part | None) -> Batch:
    """A random batch once this part has run as plain Python, and those before it."""
    if part is None:
        return random_batch(case, training=training)
    return after(case, training, None if part == "forward" else "forward").run(part).batch
