"""What is asked of an activation: that the derivative belongs to it, that it is computed alike everywhere, how well.

Plain Python answers first, and finds most mistakes in no time; then machine code must find the same.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from workbench.errors import did_you_mean
from workbench.network.operands import Operation, Shard
from workbench.registry import registry
from workbench.specs import Activation
from workbench.testing import cuda
from workbench.testing.calls import attempt, check_arguments, differing, in_words, mentions, number_from
from workbench.testing.checks import CheckSkipped, CheckWarning, refuse
from workbench.testing.extremes import DIRECTIONS, ORDINARY, Sizes, first_break, hint
from workbench.testing.instructions import not_vectorised, widened
from workbench.testing.kernels import needs_compiler, run
from workbench.testing.operations import backward_operation, forward_operation
from workbench.testing.passport import passport
from workbench.testing.reference import NoReference
from workbench.testing.search import magnitudes, number
from workbench.testing.settings import Setting, settings_of
from workbench.testing.slopes import slope

# The simplest first: what fails there is the easiest to understand.
NUMBERS = np.array([0, 1, -1, 2, -2, 0.5, -0.5, 3, -3, 6, -6, 0.1, -0.1, 10, -10, 0.001, -0.001, 15, -15, 30, -30])
NUMBERS = np.concatenate([NUMBERS, np.random.default_rng(0).uniform(-8, 8, 43).round(3)])
ROWS = [np.array(row, float) for row in ([1, 0], [0, 0], [0, 1, 2], [1, -1, 2, 0.5, -3], [-0.25, 2, 2], [4, -6, 1.5, 0])]
# Differences that matter, as parts of the largest number expected. Compiled code takes fast versions of exp and its
# like, a few roundings off; float32 has roundings of 6e-8, of which cancellation may make a thousand.
SAME, SINGLE = 1e-13, 1e-4

def check_signature(plugin: Activation) -> str:
    """It takes what the network passes, z first, and options that are numbers."""
    given = (("z", "a"), ("grad_a", "z", "a", "grad_z")) if plugin.row else (("z",), ("z", "a"))
    check_arguments(plugin, plugin.function, given[0], strictly=True)
    check_arguments(plugin, plugin.derivative, given[1])
    settings = settings_of(plugin)
    return f"tried at the defaults and{','.join(s.text for s in settings[1:])}" if settings[1:] else "no options"


def check_value(plugin: Activation) -> None:
    """Ordinary numbers become finite numbers."""
    for z, setting in _samples(plugin):
        if not np.isfinite(a := _value(plugin, z, setting)).all():
            refuse(plugin, f"at {_where(z, setting)} its value is {in_words(a)}.")


def check_derivative(plugin: Activation) -> str:
    """The derivative is the slope of the function; at a kink it lies between the slopes on either side."""
    kinks = {}
    for z, setting in _samples(plugin):
        if plugin.row:
            _check_row_slopes(plugin, z, setting)
            continue
        expected = slope(lambda t, setting=setting: _value(plugin, t, setting), z)
        found = _derivative(plugin, z, _value(plugin, z, setting), setting)
        kinks |= {in_words(z): None} if expected.kink else {}
        if expected.refuses(found):
            at = f"its derivative at {'the kink ' if expected.kink else ''}{_where(z, setting)} is {found:.9g}"
            if expected.kink:
                refuse(plugin, f"{at}; the function has the slopes {expected.low:.6g} and {expected.high:.6g} there.")
            refuse(plugin, f"{at}; the slope of the function is {expected.low:.9g}.")
    return f"kinks at z = {', '.join(kinks)}" if kinks else ""


def check_not_a_number(plugin: Activation) -> None:
    """NaN in gives NaN out, so that a network that has diverged shows it."""
    setting = settings_of(plugin)[0]
    batch = np.where(np.eye(3) == 1, np.nan, [1.0, 2.0, 0.0]) if plugin.row else np.array([np.nan])
    for z in batch:
        try:
            _check_shown(plugin, z, _call(plugin, z, setting))
        except (ArithmeticError, ValueError):  # whoever raises hides nothing
            continue
    needs_compiler()
    for dtype in ("float32", "float64"):
        for z, a in zip(batch, _forward(plugin, batch.astype(dtype), setting), strict=True):
            _check_shown(plugin, z, a, " compiled")


def check_extremes(plugin: Activation) -> str:
    """However large or small a number, value and derivative are finite, unless they truly outgrow all numbers."""
    setting = settings_of(plugin)[0]
    outgrown = list(_breaks(plugin, setting, compiled=False))
    needs_compiler()
    outgrown += _breaks(plugin, setting, compiled=True)
    if outgrown:
        raise CheckWarning("; ".join(outgrown))
    if plugin.row:
        return ""
    below, above = _forward(plugin, np.array([-np.inf, np.inf], np.float32), setting)
    return f"f(-inf) = {below:.6g}, f(inf) = {above:.6g}"


def check_initializer(plugin: Activation) -> str:
    """The initial weights it wants are there to be had."""
    known = registry().names("initializer")
    if plugin.initializer not in known:
        refuse(plugin, f"no initializer is named {plugin.initializer!r}{did_you_mean(str(plugin.initializer), known)}")
    return plugin.initializer


def check_arrays(plugin: Activation) -> None:
    """It fills the whole array it is given to fill, and neither changes nor writes anything else."""
    if not plugin.row:
        raise CheckSkipped("it returns a number, and sees no array")
    for compiled in (False, True):
        for setting in settings_of(plugin):
            for operation in _operations(plugin, "float64", setting, compiled):
                _check_arrays(plugin, operation, compiled)


def check_compiled(plugin: Activation) -> None:
    """Machine code computes what plain Python computes."""
    needs_compiler()
    for setting in settings_of(plugin):
        for operation in _operations(plugin, "float64", setting):
            expected, found = (_filled(operation, compiled) for compiled in (False, True))
            if (at := differing(expected, found, SAME)) is not None:
                values = f"{number(found[at])} compiled, {number(expected[at])} in plain Python"
                refuse(plugin, f"{_result(operation, at)}{setting.text} is {values}.")


def check_float32(plugin: Activation) -> None:
    """float32 gives nearly what float64 gives."""
    needs_compiler()
    for setting in settings_of(plugin):
        both = (_operations(plugin, dtype, setting) for dtype in ("float64", "float32"))
        for wide, narrow in zip(*both, strict=True):
            expected, found = _filled(wide), _filled(narrow)
            if (at := differing(expected, found, SINGLE)) is not None:
                values = f"{found[at]:.6g} in float32, {expected[at]:.6g} in float64"
                refuse(plugin, f"{_result(wide, at)}{setting.text} is {values}.")


def check_precision(plugin: Activation) -> None:
    """In float32 nothing is computed in float64, at half the speed."""
    for operation in _operations(plugin, "float32", settings_of(plugin)[0]):
        if reason := widened(operation, *operation.bind.values()):
            refuse(plugin, f"in float32 its {_part(operation)} computes in float64: {reason}.")


def check_batches(plugin: Activation) -> None:
    """What becomes of a number or a row depends on neither its place nor its neighbours: the same bits anywhere."""
    needs_compiler()
    setting, rng = settings_of(plugin)[0], np.random.default_rng(0)
    for dtype in ("float32", "float64"):
        z, grad = rng.normal(scale=3, size=(2, 190, 3) if plugin.row else (2, 190)).astype(dtype)
        a = _forward(plugin, z, setting)
        whole = [_filled(operation) for operation in _both(plugin, z, a, grad, setting)]
        order, start = rng.permutation(len(z)), 0
        for length in range(1, 18):  # more than a vector holds, and every rest of one
            part, start = order[start : start + length], start + length
            for operation, all_of_them in zip(_both(plugin, z[part], a[part], grad[part], setting), whole, strict=True):
                expected, found = all_of_them[part], _filled(operation)
                if (at := differing(expected, found, 0)) is not None:
                    values = f"{number(found[at])} among {length} and {number(expected[at])} among {len(z)}"
                    refuse(plugin, f"{_result(operation, at)} is {values}, in {dtype}.")
        for operation in _both(plugin, z[:8], a[:8], grad[:8], setting):
            _check_share(plugin, operation)


def check_vectorised(plugin: Activation) -> str:
    """The loop over it works on several numbers at once."""
    if plugin.row:
        raise CheckSkipped("the loops over a row are the author's")
    for operation in _operations(plugin, "float32", settings_of(plugin)[0]):
        if reason := not_vectorised(operation, *operation.bind.values()):
            raise CheckWarning(f"the loop over its {_part(operation)} takes one number at a time: {reason}.")
    return "value and derivative"


def check_cuda(plugin: Activation) -> str:
    """It compiles for a GPU, too."""
    if plugin.row:
        raise CheckSkipped("only functions of single numbers are tried")
    options = len(plugin.options)
    return cuda.compiles((plugin.function, 1 + options), (plugin.derivative, 2 + options))


def check_passport(plugin: Activation) -> str:
    """It loses no digits anywhere; how exact it is, where it saturates, and where it overflows."""
    if plugin.row:
        raise CheckSkipped("only functions of single numbers are measured")
    needs_compiler()
    try:
        found = passport(plugin)
    except NoReference as error:
        raise CheckWarning(f"it could not be measured: {error}") from None
    for name, accuracy in (("f", found.value), ("f'", found.derivative)):
        if accuracy.bad is not None:
            raise CheckWarning(f"{name} loses its digits where z = {accuracy.bad:.6g}: something cancels. {found.line}")
    return found.line


CHECKS = (
    check_signature,
    check_value,
    check_derivative,
    check_not_a_number,
    check_extremes,
    check_initializer,
    check_arrays,
    check_compiled,
    check_float32,
    check_precision,
    check_batches,
    check_vectorised,
    check_cuda,
    check_passport,
)


def _samples(plugin: Activation) -> Iterator[tuple[Any, Setting]]:
    """Ordinary numbers, or rows, at every setting of the options."""
    for setting in settings_of(plugin):
        for z in ROWS if plugin.row else NUMBERS:
            yield z, setting


def _where(z: Any, setting: Setting) -> str:
    return f"z = {in_words(z)}{setting.text}"


def _call(plugin: Activation, z: Any, setting: Setting) -> Any:
    """f(z) as plain Python, of a number or a row."""
    if not plugin.row:
        return plugin.function(z, *setting.values)
    a = np.full_like(z, np.nan)
    plugin.function(z.copy(), a, *setting.values)
    return a


def _value(plugin: Activation, z: Any, setting: Setting) -> Any:
    """The same, refused where it raises or is no number."""
    ask = attempt if plugin.row else number_from
    return np.float64(ask(plugin, f"its value at {_where(z, setting)}", lambda: _call(plugin, z, setting)))


def _call_back(plugin: Activation, z: Any, a: Any, setting: Setting, grad_a: Any = None) -> Any:
    """f'(z), or for a row grad_z."""
    if not plugin.row:
        return plugin.derivative(z, a, *setting.values)
    grad_z = np.full_like(z, np.nan)
    plugin.derivative(grad_a.copy(), z.copy(), a.copy(), grad_z, *setting.values)
    return grad_z


def _derivative(plugin: Activation, z: Any, a: Any, setting: Setting, grad_a: Any = None) -> Any:
    ask = attempt if plugin.row else number_from
    what = f"its derivative at {_where(z, setting)}"
    return np.float64(ask(plugin, what, lambda: _call_back(plugin, z, a, setting, grad_a)))


def _check_row_slopes(plugin: Activation, z: np.ndarray, setting: Setting) -> None:
    """Every output by every input, the worst named; then all at once, for grad_z must be linear in grad_a."""
    n, a, one = len(z), _value(plugin, z, setting), np.eye(len(z))
    slopes = [slope(lambda t, j=j: _value(plugin, np.where(one[j] == 1, t, z), setting), z[j]) for j in range(n)]
    at, off, worst = _where(z, setting), 0.0, ""
    for k in range(n):
        found = _derivative(plugin, z, a, setting, one[k])
        for j in range(n):
            expected = slopes[j].of(k)
            if expected.refuses(found[j]) and not expected.off(found[j]) <= off:
                off = expected.off(found[j])
                worst = f"da[{k}]/dz[{j}] is {expected.low:.9g}, but grad_z[{j}] of grad_a = {in_words(one[k])} is "
                worst += f"{found[j]:.9g}"
    if worst:
        refuse(plugin, f"its derivative at {at} is wrong: {worst}.")
    grad = np.random.default_rng(0).integers(-4, 5, n).astype(float)
    for j, found in enumerate(_derivative(plugin, z, a, setting, grad)):
        if (expected := slopes[j].times(grad)).refuses(found):
            values = f"grad_z[{j}] of grad_a = {in_words(grad)} is {found:.9g}, not {expected.low:.9g}"
            refuse(plugin, f"its derivative at {at} is wrong: {values}.")


def _check_shown(plugin: Activation, z: Any, a: Any, how: str = "") -> None:
    if not np.isnan(a).any():
        order = " max(z, 0.0) keeps NaN, max(0.0, z) hides it." if mentions(plugin.function, "max", "min") else ""
        refuse(plugin, f"at z = {in_words(z)} its value{how} is {in_words(a)}: NaN is hidden.{order}")


def _breaks(plugin: Activation, setting: Setting, compiled: bool) -> Iterator[str]:
    """What outgrows all numbers and where, in words; ``CheckFailed`` for what is not finite without need."""
    dtype: Any = np.float32 if compiled else np.float64
    ways, ladder = (DIRECTIONS, ORDINARY.astype(dtype)) if plugin.row else ([(1, 0)], magnitudes(dtype))
    for part, sign, (direction, offset) in itertools.product(("value", "derivative"), (1, -1), ways):

        def at(s: Any, direction: Any = direction, offset: Any = offset) -> Any:
            return (s * np.array(direction, dtype) + np.array(offset, dtype)).astype(dtype)[()]

        def plain(s: Any, at: Callable = at, part: str = part) -> Any:
            a = _call(plugin, at(s), setting)
            return a if part == "value" else _call_back(plugin, at(s), a, setting, np.arange(1.0, 1 + np.size(a)))

        def machine(s: np.ndarray, at: Callable = at, part: str = part) -> np.ndarray:
            z = np.array([at(x) for x in s], dtype)
            a = _forward(plugin, z, setting)
            grad = np.broadcast_to(np.arange(1, 1 + np.size(z[0])).reshape(z[0].shape), z.shape).astype(dtype)
            found = a if part == "value" else _filled(_both(plugin, z, a, grad, setting)[1])
            return np.abs(found).reshape(len(s), -1).max(axis=1)

        found = first_break(machine if compiled else Sizes(plain), ladder, sign)
        if found is None:
            continue
        told = f"at z = {in_words(at(found.at))}{' in float32' if compiled else ''} its {part} {found.what}"
        if not found.outgrown:
            refuse(plugin, f"{told}.{hint(plugin.function, plugin.derivative)}")
        if not found.late:
            yield f"{told}: the function outgrows all numbers"


def _both(plugin: Activation, z: Any, a: Any, grad: Any, setting: Setting) -> tuple[Operation, Operation]:
    """Forward and backward."""
    return forward_operation(plugin, z, setting.values), backward_operation(plugin, z, a, grad, setting.values)


def _operations(
    plugin: Activation, dtype: str, setting: Setting, compiled: bool = True
) -> tuple[Operation, Operation]:
    """The same on ordinary numbers."""
    rows = [[0, 1, 2], [-0.25, 2, 2], [0.5, -4, 3], [1, 1, 1], [7, -2, 0]]
    z = np.array(rows if plugin.row else NUMBERS, dtype)
    grad = np.random.default_rng(0).choice([-2.0, -1.0, 1.0, 2.0], z.shape).astype(dtype)
    return _both(plugin, z, _filled(forward_operation(plugin, z, setting.values), compiled), grad, setting)


def _forward(plugin: Activation, z: np.ndarray, setting: Setting) -> np.ndarray:
    return _filled(forward_operation(plugin, z, setting.values))


def _target(operation: Operation) -> str:
    return "grad_x" if "grad_x" in operation.operands else "output"


def _part(operation: Operation) -> str:
    return "derivative" if "grad_x" in operation.operands else "value"


def _filled(operation: Operation, compiled: bool = True) -> np.ndarray:
    """What it makes of all its rows."""
    z = operation.operands["z"].array
    arrays, _ = run(operation, z.dtype.name, compiled=compiled, rows=len(z))
    return arrays[_target(operation)]


def _result(operation: Operation, at: tuple[int, ...]) -> str:
    """Which number differs, for a message."""
    z = operation.operands["z"].array[at[0]]
    place = f"[{at[1]}]" if at[1:] else ""
    name = {"value": f"a{place}", "derivative": f"grad_z{place}"}[_part(operation)] if place else _part(operation)
    return f"its {name} at z = {in_words(z)}"


def _check_arrays(plugin: Activation, operation: Operation, compiled: bool) -> None:
    z, target, how = operation.operands["z"].array, _target(operation), " compiled" if compiled else ""
    names = {"output": "a", "grad_x": "grad_z", "grad_output": "grad_a", "z": "z"}
    unwritten = {target: z.shape}
    arrays, guards = run(operation, z.dtype.name, compiled=compiled, rows=len(z), unwritten=unwritten)
    if (at := guards.left_unwritten(target)) is not None:
        refuse(plugin, f"its {_part(operation)}{how} leaves {names[target]}[{at[-1]}] of a row of {z.shape[1]} unwritten.")
    for name in arrays.keys() - unwritten:
        if (at := guards.changed(name)) is not None:
            refuse(plugin, f"its {_part(operation)}{how} changes {names[name]}, which it is given to read.")


def _check_share(plugin: Activation, operation: Operation) -> None:
    """Threads share a batch out by rows: none, one and three of eight, of which no other may be touched."""
    z, target = operation.operands["z"].array, _target(operation)
    for first_row, rows in ((0, 0), (4, 1), (2, 3)):
        share = Shard(0, 1, first_row, rows)
        arrays, guards = run(
            operation, z.dtype.name, compiled=True, rows=len(z), shard=share, unwritten={target: z.shape}
        )
        mine = np.zeros(len(z), bool)
        mine[first_row : first_row + rows] = True
        touched = ~np.isnan(arrays[target]).reshape(len(z), -1).all(axis=1)
        if (touched != mine).any():
            refuse(plugin, f"given {rows} rows of {len(z)}, its {_part(operation)} fills {touched.sum()}.")
