"""What is asked of an activation: that the derivative belongs to it, that it is computed alike everywhere, how well.

Plain Python answers first, and finds most mistakes in no time; then machine code must find the same.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any, cast

import numpy as np

from workbench.derive import source_of
from workbench.errors import did_you_mean
from workbench.network.operands import Operation, Rows, Shard
from workbench.registry import registry
from workbench.specs import Activation
from workbench.testing.checks import CheckSkipped, CheckWarning, refuse
from workbench.testing.instruments import cuda
from workbench.testing.instruments.calls import attempt, check_order, differing, in_words, mentions, number_from
from workbench.testing.instruments.extremes import DIRECTIONS, ORDINARY, Sizes, first_break, hint
from workbench.testing.instruments.instructions import not_vectorised, widened
from workbench.testing.instruments.kernels import needs_compiler, run
from workbench.testing.instruments.operations import backward_operation, forward_operation
from workbench.testing.instruments.reference import NoReference
from workbench.testing.instruments.search import magnitudes, number
from workbench.testing.instruments.settings import Setting, in_words_of, settings_of
from workbench.testing.instruments.slopes import jump, slope
from workbench.testing.passport import passport

# The simplest first: what fails there is the easiest to understand.
NUMBERS = np.array([0, 1, -1, 2, -2, 0.5, -0.5, 3, -3, 6, -6, 0.1, -0.1, 10, -10, 0.001, -0.001, 15, -15, 30, -30])
NUMBERS = np.concatenate([NUMBERS, np.random.default_rng(0).uniform(-8, 8, 43).round(3)])
LINE = np.arange(-8, 8.001, 2**-6)
ROWS = [[1, 0], [0, 0], [0, 1, 2], [1, -1, 2, 0.5, -3], [-0.25, 2, 2], [4, -6, 1.5, 0]]
# Differences that matter, as parts of the largest number expected. Compiled code takes fast versions of exp and its
# like, a few roundings off; float32 has roundings of 6e-8, of which cancellation may make a thousand.
SAME, SINGLE = 1e-13, 1e-4
NAMES = {"z": "z", "output": "a", "grad_output": "grad_a", "grad_x": "grad_z"}  # the kernels' and the author's


def check_signature(plugin: Activation) -> str:
    """Its derivative takes what the network passes, in that order, and all options are numbers."""
    check_order(plugin, _backward(plugin), ("grad_a", "z", "a", "grad_z") if plugin.row else ("z", "a"))
    return in_words_of(settings_of(plugin))


def check_value(plugin: Activation) -> None:
    """Ordinary numbers become finite numbers."""
    for z, setting in _samples(plugin):
        if not np.isfinite(a := _value(plugin, z, setting)).all():
            refuse(plugin, f"at {_where(z, setting)} its value is {in_words(a)}.")


def check_derivative(plugin: Activation) -> str:
    """The derivative is the slope of the function; at a kink it lies between the slopes on either side."""
    kinks: dict[str, None] = {}
    for z, setting in _samples(plugin):
        if plugin.row:
            _check_row_slopes(plugin, z, setting)
            continue
        expected = slope(functools.partial(_value, plugin, setting=setting), z)
        found = _slope(plugin, z, setting)
        kinks |= {in_words(z): None} if expected.kink else {}
        if expected.refuses(found):
            at = f"its derivative at {'the kink ' if expected.kink else ''}{_where(z, setting)} is {found:.9g}"
            if expected.kink:
                refuse(plugin, f"{at}; the function has the slopes {expected.low:.6g} and {expected.high:.6g} there.")
            refuse(plugin, f"{at}; the slope of the function is {expected.low:.9g}.")
    derived = "derived from the function" if source_of(_backward(plugin)) else ""
    return "; ".join(filter(None, (derived, f"kinks at z = {', '.join(kinks)}" if kinks else "")))


def check_continuity(plugin: Activation) -> str:
    """It has no jumps, of which a derivative tells nothing."""
    if plugin.row:
        raise CheckSkipped("only functions of single numbers are tried")
    for setting in settings_of(plugin):
        value, derivative = (functools.partial(part, plugin, setting=setting) for part in (_value, _slope))
        if (i := jump(value, derivative, LINE)) is not None:
            before, after = (f"{value(z):.6g} at z = {number(z)}" for z in LINE[i : i + 2])
            told = f"it jumps from {before} to {after}{setting.text}"
            raise CheckWarning(f"{told}, of which the derivative tells nothing.")
    return f"from {number(LINE[0])} to {number(LINE[-1])}"


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
    return cuda.compiles((plugin.function, 1 + options), (_backward(plugin), 2 + options))


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
    check_continuity,
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
        for z in [np.array(row, float) for row in ROWS] if plugin.row else NUMBERS:
            yield z, setting


def _backward(plugin: Activation) -> Callable:
    assert plugin.derivative is not None  # one is derived where none was given
    return plugin.derivative


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
        return _backward(plugin)(z, a, *setting.values)
    grad_z = np.full_like(z, np.nan)
    _backward(plugin)(grad_a.copy(), z.copy(), a.copy(), grad_z, *setting.values)
    return grad_z


def _derivative(plugin: Activation, z: Any, a: Any, setting: Setting, grad_a: Any = None) -> Any:
    ask = attempt if plugin.row else number_from
    what = f"its derivative at {_where(z, setting)}"
    return np.float64(ask(plugin, what, lambda: _call_back(plugin, z, a, setting, grad_a)))


def _slope(plugin: Activation, z: Any, setting: Setting) -> Any:
    """f'(z) of a number."""
    return _derivative(plugin, z, _value(plugin, z, setting), setting)


def _moved(plugin: Activation, z: np.ndarray, j: int, setting: Setting, t: float) -> np.ndarray:
    """f of a row whose number j is t."""
    return _value(plugin, np.where(np.arange(len(z)) == j, t, z), setting)


def _check_row_slopes(plugin: Activation, z: np.ndarray, setting: Setting) -> None:
    """Every output by every input, the worst named; then all at once, for grad_z must be linear in grad_a."""
    n, a, one = len(z), _value(plugin, z, setting), np.eye(len(z))
    slopes = [slope(functools.partial(_moved, plugin, z, j, setting), z[j]) for j in range(n)]
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


def _operations(plugin: Activation, dtype: str, setting: Setting, compiled: bool = True) -> tuple[Operation, Operation]:
    """The same on ordinary numbers, but not at kinks: there rounding decides which slope it is."""
    if plugin.row:
        z = np.array([[0, 1, 2], [-0.25, 3, 2], [0.5, -4, 3], [2, 1, -1], [7, -2, 0]], dtype)
    else:
        kink = [slope(functools.partial(_value, plugin, setting=setting), z).kink for z in NUMBERS]
        z = NUMBERS[~np.array(kink)].astype(dtype)
    grad = np.random.default_rng(0).choice([-2.0, -1.0, 1.0, 2.0], z.shape).astype(dtype)
    return _both(plugin, z, _filled(forward_operation(plugin, z, setting.values), compiled), grad, setting)


def _forward(plugin: Activation, z: np.ndarray, setting: Setting) -> np.ndarray:
    return _filled(forward_operation(plugin, z, setting.values))


def _z(operation: Operation) -> np.ndarray:
    return cast(Rows, operation.operands["z"]).array


def _target(operation: Operation) -> str:
    return "grad_x" if "grad_x" in operation.operands else "output"


def _part(operation: Operation) -> str:
    return "derivative" if "grad_x" in operation.operands else "value"


def _filled(operation: Operation, compiled: bool = True) -> np.ndarray:
    """What it makes of all its rows."""
    z = _z(operation)
    arrays, _ = run(operation, z.dtype.name, compiled=compiled, rows=len(z))
    return arrays[_target(operation)]


def _result(operation: Operation, at: tuple[int, ...]) -> str:
    """Which number differs, for a message."""
    z = _z(operation)[at[0]]
    if not at[1:]:
        return f"its {_part(operation)} at z = {in_words(z)}"
    return f"{NAMES[_target(operation)]}[{at[1]}] at z = {in_words(z)}"


def _check_arrays(plugin: Activation, operation: Operation, compiled: bool) -> None:
    z, target, how = _z(operation), _target(operation), " compiled" if compiled else ""
    arrays, guards = run(operation, z.dtype.name, compiled=compiled, rows=len(z), unwritten=[target])
    told = f"its {_part(operation)}{how}"
    if (at := guards.left_unwritten(target)) is not None:
        refuse(plugin, f"{told} leaves {NAMES[target]}[{at[1]}] of a row of {z.shape[1]} unwritten.")
    for name in arrays:
        if name != target and guards.changed(name) is not None:
            refuse(plugin, f"{told} changes {NAMES[name]}, which it is given to read.")


def _check_share(plugin: Activation, operation: Operation) -> None:
    """Threads share a batch out by rows: none, one and three of eight, of which no other may be touched."""
    z, target = _z(operation), _target(operation)
    for first_row, rows in ((0, 0), (4, 1), (2, 3)):
        share = Shard(0, 1, first_row, rows)
        arrays, _ = run(operation, z.dtype.name, compiled=True, rows=len(z), shard=share, unwritten=[target])
        mine = np.zeros(len(z), bool)
        mine[first_row : first_row + rows] = True
        touched = ~np.isnan(arrays[target]).reshape(len(z), -1).all(axis=1)
        if (touched != mine).any():
            refuse(plugin, f"given {rows} rows of {len(z)}, its {_part(operation)} fills {touched.sum()}.")
