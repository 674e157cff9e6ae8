"""What is asked of a loss, in each of its forms: gradient, agreement of the fused with the plain form, edges, batches.

Plain Python answers first, and finds most mistakes in no time; then machine code must find the same.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import config

from workbench.errors import did_you_mean
from workbench.network.operands import Operation, Shard
from workbench.network.operations import SCALES
from workbench.registry import registry
from workbench.specs import Activation, Loss
from workbench.testing.checks import CheckSkipped, CheckWarning, raised, refuse
from workbench.testing.instruments import cuda
from workbench.testing.instruments.calls import attempt, check_order, differing, in_words, mentions, number_from
from workbench.testing.instruments.extremes import DIRECTIONS, ORDINARY, Sizes, first_break, hint
from workbench.testing.instruments.instructions import not_vectorised, widened
from workbench.testing.instruments.kernels import needs_compiler, run
from workbench.testing.instruments.operations import batch_operation, pairs_operation
from workbench.testing.instruments.search import number
from workbench.testing.instruments.settings import Setting, in_words_of, settings_of
from workbench.testing.instruments.slopes import jump, slope

TARGETS = ("real", "unit", "distribution", "sign")
OUTPUTS = 3  # of a sample
# Differences that matter, as parts of the largest number expected; see ``activation``. A fused form may round otherwise
# than the loss through its activation, whose 1 - a loses digits; that logarithms stop somewhere shows beyond these z.
SAME, SINGLE, FUSED = 1e-13, 1e-4, 1e-9
LINE = np.arange(-8, 8.001, 2**-5)  # of predictions
FAR = 20.0  # from a real target


@dataclass(frozen=True)
class Form:
    """A loss, or one of its fused forms, which takes the logits before ``activation``."""

    loss: Loss
    function: Callable
    gradient: Callable | None
    activation: str = ""

    @property
    def name(self) -> str:
        return f"after {self.activation} its" if self.activation else "its"

    @property
    def argument(self) -> str:
        return "z" if self.activation else "y_pred"

    def value(self, y_true: Any, y_pred: Any, setting: Setting) -> Any:
        """As plain Python, of two numbers or two rows."""
        if not self.loss.row:
            return self.function(y_true, y_pred, *setting.values)
        return self.function(y_true.copy(), y_pred.copy(), np.full_like(y_pred, np.nan), *setting.values)

    def slope(self, y_true: Any, y_pred: Any, setting: Setting) -> Any:
        """Its gradient, as the plugin states it."""
        if self.gradient is not None:
            return self.gradient(y_true, y_pred, *setting.values)
        grad = np.full_like(y_pred, np.nan)
        self.function(y_true.copy(), y_pred.copy(), grad, *setting.values)
        return grad

    def where(self, y_true: Any, y_pred: Any, setting: Setting) -> str:
        return f"y_true = {in_words(y_true)}, {self.argument} = {in_words(y_pred)}{setting.text}"


def check_signature(plugin: Loss) -> str:
    """It takes what the network passes, in that order, and its targets, reductions and activations exist."""
    for form in _forms(plugin):
        for function in filter(None, (form.function, form.gradient)):
            check_order(plugin, function, ("y_true", form.argument))
    if plugin.targets not in TARGETS:
        refuse(plugin, f"its targets are {plugin.targets!r}{did_you_mean(str(plugin.targets), TARGETS)}")
    for reduction in plugin.reductions:
        if reduction not in SCALES:
            refuse(plugin, f"no reduction is named {reduction!r}{did_you_mean(str(reduction), SCALES)}")
    if not plugin.reductions:
        refuse(plugin, f"it has no reductions. Known: {', '.join(SCALES)}.")
    for name in plugin.fused:
        if registry().get("activation", name).row and not plugin.row:
            refuse(plugin, f"a loss of single numbers cannot be fused with {name}, which takes rows: make it row=True.")
    return in_words_of(settings_of(plugin))


def check_value(plugin: Loss) -> None:
    """Ordinary targets and predictions cost a finite number."""
    for form, y_true, y_pred, setting in _samples(plugin):
        if not np.isfinite(value := _value(form, y_true, y_pred, setting)):
            refuse(plugin, f"{form.name} value at {form.where(y_true, y_pred, setting)} is {value}.")


def check_gradient(plugin: Loss) -> str:
    """The gradient is the slope of the loss, of every form; at a kink it lies between the slopes on either side."""
    kinks: dict[str, None] = {}
    for form, y_true, y_pred, setting in _samples(plugin):
        found = _gradient(form, y_true, y_pred, setting)
        for i in np.ndindex(np.shape(y_pred)):  # of a single number there is one, ()
            expected = slope(functools.partial(_moved, form, y_true, y_pred, i, setting), y_pred[i])
            if expected.kink:
                kinks[f"{form.argument} = {in_words(y_pred)}"] = None
            if expected.refuses(found[i]):
                output = f" of output {i[0]}" if i else ""
                told = f"{form.name} gradient{output} at {form.where(y_true, y_pred, setting)} is {found[i]:.9g}"
                if expected.kink:
                    refuse(plugin, f"{told}; the loss has the slopes {expected.low:.6g} and {expected.high:.6g} there.")
                refuse(plugin, f"{told}; the slope of the loss is {expected.low:.9g}.")
    return f"kinks at {', '.join(list(kinks)[:3])}" if kinks else ""


def check_continuity(plugin: Loss) -> None:
    """It has no jumps, of which a gradient tells nothing."""
    if plugin.row:
        raise CheckSkipped("only functions of single numbers are tried")
    for form in _forms(plugin):
        targets = sorted({y_true for y_true, _ in _pairs(form)}, key=abs)
        inside = plugin.targets in ("unit", "distribution") and not form.activation
        line = np.arange(2, 127) / 128 if inside else LINE
        for y_true, setting in itertools.product(targets, settings_of(plugin)):
            value = functools.partial(_value, form, y_true, setting=setting)
            if (i := jump(value, functools.partial(_gradient, form, y_true, setting=setting), line)) is not None:
                before, after = (f"{value(x):.6g} at {form.argument} = {number(x)}" for x in line[i : i + 2])
                told = f"y_true = {number(y_true)}{setting.text} it jumps from {before} to {after}"
                refuse(plugin, f"at {told}, of which {form.name} gradient tells nothing.")


def check_fused(plugin: Loss) -> str:
    """A fused form gives what the loss gives through the activation."""
    if not plugin.fused:
        raise CheckSkipped("it has no fused form")
    plain = next(_forms(plugin))
    for form, y_true, z, setting in _samples(plugin):
        if not form.activation:
            continue
        a = _activated(registry().get("activation", form.activation), z)
        expected, found = _value(plain, y_true, a, setting), _value(form, y_true, z, setting)
        if not abs(found - expected) <= FUSED * max(1.0, abs(expected)):
            where = form.where(y_true, z, setting)
            refuse(plugin, f"{form.name} value at {where} is {found:.9g}; of {in_words(a)} it is {expected:.9g}.")
    return f"after {', '.join(plugin.fused)}"


def check_direction(plugin: Loss) -> None:
    """A prediction on the target's side costs less than one far off on the other."""
    for form in _forms(plugin):
        setting = settings_of(plugin)[0]
        for y_true, better, *worse in _choices(form):
            costs = [float(_value(form, y_true, y_pred, setting)) for y_pred in (better, *worse)]
            if costs[0] > max(costs[1:]):
                against = " and ".join(f"{in_words(y)} {cost:.6g}" for y, cost in zip(worse, costs[1:], strict=True))
                told = f"{form.where(y_true, better, setting)} costs {costs[0]:.6g}, but {form.argument} = {against}"
                refuse(plugin, f"it prefers what is wrong: {told}. Is a sign turned?")


def check_edges(plugin: Loss) -> str:
    """Value and gradient are finite where a probability is exactly 0 or 1, and however large a prediction or logit."""
    setting = settings_of(plugin)[0]
    outgrown = list(_breaks(plugin, setting, compiled=False))
    needs_compiler()
    outgrown += _breaks(plugin, setting, compiled=True)
    if outgrown:
        raise CheckWarning("; ".join(dict.fromkeys(outgrown)))
    return ""


def check_not_a_number(plugin: Loss) -> None:
    """A prediction that is not a number makes the loss NaN, so that a network that has diverged is noticed."""
    setting = settings_of(plugin)[0]
    for form in _forms(plugin):
        y_true, y_pred = next(_pairs(form))
        likely = np.zeros(np.shape(y_true), bool)  # an output that ought to be 0 may well go unread
        likely.reshape(-1)[np.argmax(y_true)] = True
        broken = np.where(likely, np.nan, y_pred)[()]
        with contextlib.suppress(ArithmeticError, ValueError):  # whoever raises hides nothing
            _check_shown(form, y_true, broken, form.value(y_true, broken, setting), setting)
        if not config.DISABLE_JIT:
            (found,) = _each(form, np.array([y_true], np.float32), np.array([broken], np.float32), setting)
            _check_shown(form, y_true, broken, found, setting, " compiled")


def check_arrays(plugin: Loss) -> None:
    """It fills the whole gradient, and neither changes nor writes anything else."""
    if not plugin.row:
        raise CheckSkipped("it returns a number, and sees no array")
    for compiled in (False, True):
        for form in _forms(plugin):
            for setting in settings_of(plugin):
                _check_arrays(form, setting, compiled)


def check_batch(plugin: Loss) -> str:
    """Of a batch the kernel adds up the losses and scales the gradients, for every reduction; compiled the same."""
    for form in _forms(plugin):
        for setting in settings_of(plugin):
            for reduction in plugin.reductions:
                _check_batch(form, setting, reduction)
    return ", ".join(plugin.reductions)


def check_float32(plugin: Loss) -> None:
    """float32 gives nearly what float64 gives."""
    needs_compiler()
    for form in _forms(plugin):
        for setting in settings_of(plugin):
            y_true, y_pred = _batch(form, setting, "float32")
            wide = [*zip(y_true.astype(float), y_pred.astype(float), strict=True)]
            for part, function in (("value", form.value), ("gradient", form.slope)):
                expected = np.array([function(y, p, setting) for y, p in wide])
                found = _each(form, y_true, y_pred, setting, part)
                if (at := differing(expected, found, SINGLE)) is not None:
                    values = f"{found[at]:.6g} in float32, {expected[at]:.6g} in float64"
                    refuse(plugin, f"{form.name} {part} at {_place(form, at, setting)} is {values}.")


def check_precision(plugin: Loss) -> None:
    """In float32 nothing is computed in float64, at half the speed."""
    for form, name, operation in _operations(plugin):
        if reason := widened(operation, *operation.bind.values()):
            refuse(plugin, f"in float32 {form.name} {name} computes in float64: {reason}.")


def check_batches(plugin: Loss) -> None:
    """What a sample costs depends on neither its place nor its neighbours; an empty batch costs nothing."""
    needs_compiler()
    setting = settings_of(plugin)[0]
    for form in _forms(plugin):
        batch = _batch(form, setting, "float64")
        rows, whole = len(batch[0]), _run(form, setting, batch)
        parts = [_run(form, setting, batch, Shard(i, rows, i, 1)) for i in range(rows)]
        grad = np.concatenate([part[i : i + 1] for i, (_, part) in enumerate(parts)])
        if (at := differing(whole[1], grad, 0)) is not None:
            values = f"{number(grad[at])} alone and {number(whole[1][at])} among {rows}"
            refuse(plugin, f"{form.name} gradient at {_place(form, at, setting)} is {values}.")
        if not abs(sum(total for total, _ in parts) - whole[0]) <= SAME * rows * max(1.0, abs(whole[0])):
            values = f"{whole[0]:.9g}, its parts {sum(total for total, _ in parts):.9g}"
            refuse(plugin, f"{form.name} loss of a batch of {rows} is {values}.")
        nothing, grad = _run(form, setting, batch, Shard(0, 1, 0, 0))
        if nothing != 0 or not np.isnan(grad).all():
            refuse(plugin, f"{form.name} loss of an empty batch is {nothing:.6g}, not 0.")


def check_vectorised(plugin: Loss) -> str:
    """The loops over it work on several numbers at once."""
    if plugin.row:
        raise CheckSkipped("the loops over a row are the author's")
    for form, name, operation in _operations(plugin):
        if reason := not_vectorised(operation, *operation.bind.values()):
            raise CheckWarning(f"the loop over {form.name} {name} takes one number at a time: {reason}.")
    return "value and gradient"


def check_cuda(plugin: Loss) -> str:
    """It compiles for a GPU, too."""
    if plugin.row:
        raise CheckSkipped("only functions of single numbers are tried")
    functions = [f for form in _forms(plugin) for f in (form.function, form.gradient) if f is not None]
    return cuda.compiles(*((function, 2 + len(plugin.options)) for function in functions))


CHECKS = (
    check_signature,
    check_value,
    check_gradient,
    check_continuity,
    check_fused,
    check_direction,
    check_edges,
    check_not_a_number,
    check_arrays,
    check_batch,
    check_float32,
    check_precision,
    check_batches,
    check_vectorised,
    check_cuda,
)


def _forms(plugin: Loss) -> Iterator[Form]:
    yield Form(plugin, plugin.function, plugin.gradient)
    for activation, fused in plugin.fused.items():
        yield Form(plugin, fused.function, fused.gradient, activation)


def _pairs(form: Form) -> Iterator[tuple[Any, Any]]:
    """Targets and predictions the form is meant for, single numbers or rows, the simplest first."""
    rng = np.random.default_rng(0)
    kind = form.loss.targets
    if not form.loss.row:
        y_true = {"real": (0, 1, -1, 0.5, -2), "unit": (0, 1, 0.5, 0.3), "sign": (1, -1)}.get(kind, (0, 1, 0.3))
        y_pred = (0.5, 0.9, 0.1, 0.25, *rng.uniform(0.05, 0.95, 3).round(3))
        if form.activation or kind in ("real", "sign"):
            y_pred = (0, 1, -1, 2, -2, 0.5, -0.5, 4, *rng.uniform(-6, 6, 8).round(3))
        yield from ((np.float64(y), np.float64(p)) for y in y_true for p in y_pred)
        return
    for n in (2, 3, 5):
        for _ in range(4):
            real, shares = rng.integers(-3, 4, (2, n)) + 0.5, rng.dirichlet(np.full(n, 3.0), 2).round(3)
            shares[:, 0] += 1 - shares.sum(axis=1)
            y_true = {
                "distribution": (np.eye(n)[rng.integers(n)], shares[0]),
                "unit": (rng.integers(0, 2, n).astype(float), rng.uniform(size=n).round(3)),
                "sign": (rng.choice([-1.0, 1.0], n),),
                "real": (real[0],),
            }[kind]
            outputs = {"distribution": shares[1], "unit": rng.uniform(0.05, 0.95, n).round(3)}.get(kind, real[1])
            yield from ((y, real[1] if form.activation else outputs) for y in y_true)


def _samples(plugin: Loss) -> Iterator[tuple[Form, Any, Any, Setting]]:
    for form in _forms(plugin):
        for setting in settings_of(plugin):
            for y_true, y_pred in _pairs(form):
                yield form, y_true, y_pred, setting


def _value(form: Form, y_true: Any, y_pred: Any, setting: Setting) -> float:
    what = f"{form.name} value at {form.where(y_true, y_pred, setting)}"
    return number_from(form.loss, what, lambda: form.value(y_true, y_pred, setting))


def _moved(form: Form, y_true: Any, y_pred: Any, i: tuple[int, ...], setting: Setting, t: float) -> float:
    """The loss where prediction i is t."""
    moved = np.array(y_pred)
    moved[i] = t
    return _value(form, y_true, moved[()], setting)


def _gradient(form: Form, y_true: Any, y_pred: Any, setting: Setting) -> Any:
    what = f"{form.name} gradient at {form.where(y_true, y_pred, setting)}"
    ask = attempt if form.loss.row else number_from
    return np.float64(ask(form.loss, what, lambda: form.slope(y_true, y_pred, setting)))


def _activated(activation: Activation, z: Any) -> Any:
    """What the loss is given when it is not fused, the activation's options at their defaults."""
    options = settings_of(activation)[0].values
    if not activation.row:
        return np.array([activation.function(x, *options) for x in np.atleast_1d(z)]).reshape(np.shape(z))[()]
    a = np.full_like(z, np.nan)
    activation.function(z.copy(), a, *options)
    return a


def _check_shown(form: Form, y_true: Any, y_pred: Any, value: Any, setting: Setting, how: str = "") -> None:
    if not np.isnan(value):
        where = form.where(y_true, y_pred, setting)
        order = " max(x, 0.0) keeps NaN, max(0.0, x) hides it." if mentions(form.function, "max", "min") else ""
        refuse(form.loss, f"{form.name} value at {where}{how} is {number(value)}: NaN is hidden.{order}")


def _choices(form: Form) -> Iterator[tuple[Any, ...]]:
    """A target, a prediction on its side, and one far off on the other side, or, of any number, on both."""
    kind = form.loss.targets
    if kind == "distribution":
        for k in range(OUTPUTS):
            to = np.eye(OUTPUTS)
            likely = 4 * to if form.activation else 0.7 * to + 0.1
            yield to[k], likely[k], likely[(k + 1) % OUTPUTS]
        return
    choices: list[tuple[float, ...]] = []
    if kind == "sign":
        choices = [(1, 2, -2), (-1, -2, 2)]
    elif kind == "unit":
        low, high = (-4, 4) if form.activation else (0.1, 0.9)
        choices = [(1, high, low), (0, low, high)]
    elif not form.activation:
        choices = [(y, y, y - FAR, y + FAR) for y in (0, 1, -2)]
    for choice in choices:
        yield tuple(np.full(OUTPUTS, float(x)) if form.loss.row else np.float64(x) for x in choice)


def _breaks(plugin: Loss, setting: Setting, compiled: bool) -> Iterator[str]:
    """What outgrows all numbers and where, in words; ``CheckFailed`` for what is not finite without need."""
    dtype: Any = np.float32 if compiled else np.float64
    for form in _forms(plugin):
        for part in ("value", "gradient"):
            if form.activation or plugin.targets in ("real", "sign"):
                yield from _large(form, part, setting, compiled, dtype)
                continue
            for y_true, y_pred in _certain(plugin, dtype):
                call = functools.partial(_part, form, part, y_true, y_pred, setting, compiled)
                sizes = Sizes(lambda _, call=call: call())  # type: ignore[misc]
                if not np.isfinite(sizes(np.zeros(1))[0]):
                    what = f"raises {raised(sizes.error)}" if sizes.error else "is not finite"
                    where = f"{form.where(y_true, y_pred, setting)}{' in float32' if compiled else ''}"
                    stop = "Stop a logarithm or a quotient just above 0: math.log(max(p, 1e-38))."
                    refuse(plugin, f"{form.name} {part} at {where} {what}. {stop}")


def _certain(plugin: Loss, dtype: Any) -> Iterator[tuple[Any, Any]]:
    """Predictions that are certain, or nearly so."""
    limits = np.finfo(dtype)
    edges = np.array([0, 1, limits.smallest_subnormal, limits.smallest_normal, limits.eps, 1 - limits.epsneg], dtype)
    if plugin.targets == "unit":
        for y_true in np.array([0, 1, 0.3], dtype):
            for y_pred in edges:
                yield (np.full(OUTPUTS, y_true), np.full(OUTPUTS, y_pred)) if plugin.row else (y_true, y_pred)
        return
    for y_true in np.eye(OUTPUTS, dtype=dtype):
        for share in edges:
            yield y_true, np.array([share, 1 - share, 0], dtype)


def _large(form: Form, part: str, setting: Setting, compiled: bool, dtype: Any) -> Iterator[str]:
    """Logits and real predictions of any size."""
    ways: list[tuple[Any, Any]] = [(np.float64(1), np.float64(0))]
    targets: Any = {"sign": (1, -1), "unit": (0, 1, 0.3)}.get(form.loss.targets, (0, 1))
    if form.loss.row:
        ways = [(np.array(d, float), np.array(o, float)) for d, o in DIRECTIONS]
        targets = np.eye(OUTPUTS) if form.loss.targets == "distribution" else [np.full(OUTPUTS, y) for y in targets]
    for y_true, sign, (direction, offset) in itertools.product(targets, (1, -1), ways):

        def at(s: Any, direction: Any = direction, offset: Any = offset) -> Any:
            return np.asarray(s * direction + offset).astype(dtype)[()]

        def plain(s: Any, at: Callable = at, y_true: Any = y_true) -> Any:
            return _part(form, part, np.float64(y_true), at(s), setting, compiled=False)

        def machine(s: np.ndarray, at: Callable = at, y_true: Any = y_true) -> np.ndarray:
            y_pred = np.array([at(x) for x in s], dtype)
            found = _each(form, np.broadcast_to(y_true, y_pred.shape).astype(dtype), y_pred, setting, part)
            return np.abs(found).reshape(len(s), -1).max(axis=1)

        found = first_break(machine if compiled else Sizes(plain), ORDINARY.astype(dtype), sign)
        if found is not None:
            how = " in float32" if compiled else ""
            told = f"{form.name} {part} at {form.where(y_true, at(found.at), setting)}{how} {found.what}"
            if not found.outgrown:
                refuse(form.loss, f"{told}.{hint(form.function, form.gradient)}")
            yield f"{told}: the loss outgrows all numbers"


def _part(form: Form, part: str, y_true: Any, y_pred: Any, setting: Setting, compiled: bool) -> Any:
    if compiled:
        return _each(form, np.array([y_true], np.float32), np.array([y_pred], np.float32), setting, part)
    return (form.value if part == "value" else form.slope)(y_true, y_pred, setting)


def _each(form: Form, y_true: np.ndarray, y_pred: np.ndarray, setting: Setting, part: str = "value") -> np.ndarray:
    """Losses or gradients of pairs or rows alone, compiled."""
    function = form.gradient if form.gradient is not None and part == "gradient" else form.function
    operation = pairs_operation(form.loss, function, y_true, y_pred, setting.values)
    arrays, _ = run(operation, y_pred.dtype.name, compiled=True, rows=len(y_pred))
    return arrays["grad" if form.loss.row and part == "gradient" else "output"]


def _batch(form: Form, setting: Setting, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """Targets and predictions, (n,) or (samples, OUTPUTS), not at kinks: there rounding decides which slope it is."""
    pairs = [pair for pair in _pairs(form) if np.shape(pair[0]) in ((), (OUTPUTS,))]
    if not form.loss.row:
        value = functools.partial(_value, form)
        pairs = [(y, p) for y, p in pairs if not slope(functools.partial(value, y, setting=setting), p).kink]
    y_true, y_pred = (np.array(side, dtype) for side in zip(*pairs, strict=True))
    return y_true, y_pred


def _run(
    form: Form,
    setting: Setting,
    batch: tuple[np.ndarray, np.ndarray],
    shard: Shard | None = None,
    reduction: str = "",
    compiled: bool = True,
) -> tuple[float, np.ndarray]:
    """The sum of the losses of a batch, or of a part of it, and the gradient of all of it, NaN where not filled."""
    y_true, y_pred = batch
    shard = shard or Shard(0, 1, 0, len(y_true))
    reduction = reduction or form.loss.reductions[0]
    fused = form.loss.fused.get(form.activation, form.loss)
    operation = batch_operation(form.loss, fused, y_true, y_pred, reduction, setting.values, shard.count)
    arrays, _ = run(operation, "float64", compiled=compiled, rows=len(y_true), shard=shard, unwritten=["grad"])
    return float(arrays["total"][shard.index, 0]), arrays["grad"]


def _place(form: Form, at: tuple[int, ...], setting: Setting) -> str:
    y_true, y_pred = _batch(form, setting, "float64")
    output = f" of output {at[1]}" if at[1:] else ""
    return f"{form.where(y_true[at[0]], y_pred[at[0]], setting)}{output}"


def _check_batch(form: Form, setting: Setting, reduction: str) -> None:
    y_true, y_pred = _batch(form, setting, "float64")
    weight = SCALES[reduction] / (len(y_true) if reduction == "mean" else 1)
    pairs = [*zip(y_true, y_pred, strict=True)]
    total = sum(float(form.value(y, p, setting)) for y, p in pairs)
    grad = weight * np.array([form.slope(y, p, setting) for y, p in pairs], float)
    for compiled in (False, True):
        if compiled:
            needs_compiler()
        how = " compiled" if compiled else ""
        found, filled = _run(form, setting, (y_true, y_pred), reduction=reduction, compiled=compiled)
        if (at := differing(grad, filled, SAME)) is not None:
            values = f"{number(filled[at])}, not {number(grad[at])}"
            refuse(form.loss, f"{form.name} gradient at {_place(form, at, setting)}, {reduction}{how}, is {values}.")
        if not abs(found - total) <= SAME * max(1.0, abs(total)):
            refuse(
                form.loss, f"{form.name} loss of a batch{setting.text}{how} is {number(found)}, not {number(total)}."
            )


def _check_arrays(form: Form, setting: Setting, compiled: bool) -> None:
    y_true, y_pred = _batch(form, setting, "float32")
    if not form.activation and form.loss.targets in ("unit", "distribution"):  # and predictions one might want to clip
        certain = [np.array(side) for side in zip(*_certain(form.loss, np.float32), strict=True)]
        y_true, y_pred = (np.concatenate(pair) for pair in zip((y_true, y_pred), certain, strict=True))
    operation = pairs_operation(form.loss, form.function, y_true, y_pred, setting.values)
    how = " compiled" if compiled else ""
    _, guards = run(operation, "float32", compiled=compiled, rows=len(y_true), unwritten=["grad"])
    if (at := guards.left_unwritten("grad")) is not None:
        refuse(form.loss, f"{form.name} function{how} leaves grad[{at[1]}] of a row of {OUTPUTS} unwritten.")
    for name, called in (("y_true", "y_true"), ("y_pred", form.argument)):
        if (at := guards.changed(name)) is not None:
            value = number({"y_true": y_true, "y_pred": y_pred}[name][at])
            refuse(
                form.loss, f"{form.name} function{how} changes {called}, {value} for one, which it is given to read."
            )


def _operations(plugin: Loss) -> Iterator[tuple[Form, str, Operation]]:
    """Its functions in float32, each in a loop of its own."""
    setting = settings_of(plugin)[0]
    for form in _forms(plugin):
        y_true, y_pred = _batch(form, setting, "float32")
        for name, function in (("value", form.function), ("gradient", form.gradient)):
            if function is not None:
                yield form, name, pairs_operation(plugin, function, y_true, y_pred, setting.values)
