"""What is asked of an optimizer: that it goes downhill, that its options do something, that every weight is alike.

Plain Python answers first; then machine code must find the same, wherever in memory a weight lies.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import math
import numbers
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from workbench.errors import ConfigError, did_you_mean
from workbench.network.architecture import Chosen
from workbench.network.kernels import BLOCK
from workbench.network.operands import Shard
from workbench.network.operations import Rule, rule_of, update_operation
from workbench.registry import Entry
from workbench.specs import Optimizer
from workbench.testing.checks import CheckFailed, CheckSkipped, CheckWarning, raised, refuse, signature_of
from workbench.testing.instruments.kernels import compare, needs_compiler, run
from workbench.testing.instruments.options import changed, in_words, option_sets, values_of

STARTS = (0.5, -1.25, 2.0)
SHORT, LONG = 20, 1000  # steps, to compare rules and to see where they lead
HARDLY = 0.9  # of the height in a bowl that a rule with a sensible learning rate is below after so many
DECAY = 0.1  # of a weight, in a step
LARGEST_STEP = 20  # times the learning rate, and the gradient where that is above 1
SAME = 1e-11  # rounding, and what a slope's slope makes of it on the way
COMPILED = 1e-11  # and products added without rounding, and a power of our own
SINGLE = 1e-3  # float32: 1 - beta**step has lost four of its seven digits
COMBINATIONS = 400  # of options, in which a simpler rule is compared with the full one
GRADIENTS = (0.0, 1e-45, 1e-38, 1e-30, 1e-20, 1e-10, 1e10, 1e20, 1e30, 3e38)
LONELY = 16  # weights before and behind those to be updated
WEIGHTS = BLOCK + 345  # more than the template does at a time, and no multiple of a vector
PARTS = (2, 3, 7)


def check_signature(plugin: Optimizer) -> str | None:
    """It takes the weight, its gradient, its state, the learning rate and the step, then options that are numbers."""
    for name, option in plugin.options.items():
        if not isinstance(option.default, numbers.Real):
            refuse(plugin, f"its option {name} has the default {option.default!r}; compiled code takes numbers only.")
    _check_order(plugin, plugin.function)
    for options in _option_sets(plugin):
        _check_order(plugin, _trial(plugin, options).rule.function)
    states = _trial(plugin, _defaults(plugin), full=True).rule.states
    return f"state: {', '.join(states)}" if states else "no state"


def check_returns(plugin: Optimizer) -> str | None:
    """It returns the new weight and the new state, finite numbers all."""
    for trial in _trials(plugin, _defaults(plugin)):
        for weight, grad in ((0.5, 0.25), (0.5, -0.25), (0.0, 1.0)):
            new = trial.step(weight, grad, trial.no_state, 1)
            for name, number in zip(("weight", *trial.rule.states), new, strict=True):
                if not math.isfinite(number):
                    refuse(plugin, f"at weight={weight:g}, grad={grad:g}, step=1 its new {name} is {number}.")
    return None


def check_option_values(plugin: Optimizer) -> str | None:
    """Every value that the type of an option admits works."""
    for options in _option_sets(plugin):
        for trial in _trials(plugin, options):
            if problem := trial.problem:
                raise CheckWarning(f"{problem}, though the option's type admits it")
    return ", ".join(plugin.options)


def check_direction(plugin: Optimizer) -> str | None:
    """It moves a weight against the gradient."""
    for trial in _sound_trials(plugin):
        for grad, steps in itertools.product((1.0, -1.0, 0.1, -10.0), (1, 5)):
            if steps > 1 and trial.changed:
                continue  # with enough momentum and decay a weight may well swing
            end = trial.walk(_always(grad), 0.0, steps)[-1]
            if not end * grad <= 0 or (steps > 1 and end == 0):
                refuse(plugin, f"{_steps(steps)} from 0 with a gradient of {grad:g} lead to {end:.6g}{trial}.")
    return None


def check_downhill(plugin: Optimizer) -> str | None:
    """As it is by default it goes downhill, in a bowl and in a bumpy valley."""
    hardly, left = "", 0.0
    for trial in _trials(plugin, _defaults(plugin)):
        for landscape, height, slope in LANDSCAPES:
            for start in STARTS:
                where = f"{LONG} steps downhill from {start:g} in {landscape}"
                path = trial.walk(slope, start, LONG)
                if lost := next((i for i, w in enumerate(path, 1) if not math.isfinite(w)), 0):
                    refuse(plugin, f"{where}: after step {lost} the weight is {path[lost - 1]}.")
                before, after = height(start), float(np.mean([height(w) for w in path[-LONG // 10 :]]))
                if not after < before:
                    refuse(plugin, f"{where} end {after - before:.3g} higher, at {path[-1]:.6g}.")
                if landscape == "a bowl":
                    left = max(left, after / before)
                    if after > HARDLY * before:
                        hardly = hardly or f"{where} lead to {path[-1]:.4g} only: is lr={plugin.lr:g} meant?"
    if hardly:
        raise CheckWarning(hardly)
    return f"{left:.2g} of a bowl's height left after {LONG} steps"


def check_rest(plugin: Optimizer) -> str | None:
    """Without a gradient a weight stays where it is, or decays towards zero."""
    decay = 0.0
    for trial in (each for each in _sound_trials(plugin) if len(each.changed) <= 1):
        for start in (0.0, *STARTS):
            path = trial.walk(_always(0.0), start, 3)
            for before, after in itertools.pairwise((start, *path)):
                if not abs(after) <= abs(before):
                    refuse(plugin, f"a gradient of 0 moves a weight from {before:.6g} to {after:.6g}{trial}.")
            if start and not trial.changed:
                decay = max(decay, 1 - path[0] / start)
    if decay > DECAY:
        refuse(plugin, f"a step with a gradient of 0 takes {decay:.3%} of a weight.")
    return f"decays by {decay:.2g} a step" if decay else "stays"


def check_first_step(plugin: Optimizer) -> str | None:
    """The first step, whose number is 1, is of a sensible size."""
    trial = _trial(plugin, _defaults(plugin))
    for grad in (1.0, 1e-3, 1e-6, 1e3):
        moved = abs(trial.walk(_always(grad), 0.0, 1)[0])
        if not moved <= LARGEST_STEP * plugin.lr * max(grad, 1.0):
            refuse(
                plugin,
                f"its first step with a gradient of {grad:g} is {moved:.3g}, which is {moved / plugin.lr:.3g} lr. A "
                "moving average that begins at zero is too small at first: divide it by 1 - beta**step.",
            )
    return f"{abs(trial.walk(_always(1.0), 0.0, 1)[0]) / plugin.lr:.3g} lr for a gradient of 1"


def check_learning_rate(plugin: Optimizer) -> str | None:
    """Half the learning rate makes a shorter way."""
    ways = []
    for rate in (plugin.lr, plugin.lr / 2):
        trial = _trial(plugin, {**_defaults(plugin), "lr": rate})
        ways.append(abs(trial.walk(_always(1.0), 0.0, 3)[-1]))
    if not ways[1] < ways[0]:
        refuse(plugin, f"3 steps with a gradient of 1 go {ways[0]:.6g}, and {ways[1]:.6g} with half the lr.")
    return f"{ways[0] / ways[1]:.3g} times as far with twice the rate"


def check_state(plugin: Optimizer) -> str | None:
    """Every state is kept from step to step, and has a part in the weight."""
    kept: dict[str, bool] = {}
    used: dict[str, bool] = {}
    for trial in _sound_trials(plugin):
        weight, *state = trial.step(0.5, 0.75, trial.no_state, 1)
        for i, name in enumerate(trial.rule.states):
            kept[name] = kept.get(name, False) or state[i] != 0
            for value in (0.125, 8.0):  # a rule may take the larger, or the smaller, of its state and the gradient
                other = (*trial.no_state[:i], value, *trial.no_state[i + 1 :])
                used[name] = used.get(name, False) or trial.step(0.5, 0.75, other, 1)[0] != weight
    for name in kept:
        if not kept[name]:
            refuse(plugin, f"its state {name} is zero for ever: it must return the new one, in the place of the old.")
        if not used[name]:
            raise CheckWarning(f"its state {name} has no part in the weight")
    return None


def check_options_matter(plugin: Optimizer) -> str | None:
    """Every option changes the path of a weight."""
    for name in plugin.options:
        values = [value for value in values_of(plugin.options[name]) if value != plugin.options[name].default]
        if values and not any(_matters(plugin, name, value) for value in values):
            refuse(plugin, f"its option {name} changes nothing, be it {plugin.options[name].default} or {values[0]}.")
    return None


def check_simpler(plugin: Optimizer) -> str | None:
    """A simpler rule computes what the full one does, wherever it stands in for it."""
    if plugin.simpler is None:
        raise CheckSkipped("there is one rule only")
    tried = simpler = 0
    for options in _combinations(plugin):
        tried += 1
        full, simple = _trial(plugin, options, full=True), _trial(plugin, options)
        if simple.rule.function is full.rule.function or full.problem:
            continue
        simpler += 1
        for start in STARTS:
            paths = zip(simple.walk(_valley_slope, start, SHORT), full.walk(_valley_slope, start, SHORT), strict=True)
            for step, (found, expected) in enumerate(paths, 1):
                if not abs(found - expected) <= SAME * max(1.0, abs(expected)) and math.isfinite(expected):
                    refuse(
                        plugin,
                        f"{_steps(step)} from {start:g}{simple} lead to {found:.9g}, not to {expected:.9g} as by "
                        f"{full.rule.function.__name__}.",
                    )
    if not simpler:
        raise CheckWarning(f"simpler(options) gives no rule for any of {tried} sets of options")
    return f"for {simpler} of {tried} sets of options"


def check_extremes(plugin: Optimizer) -> str | None:
    """However large or small the gradient, the weight does not become NaN."""
    for trial in _trials(plugin, _defaults(plugin)):
        for grad, sign, start in itertools.product(GRADIENTS, (1, -1), (0.5, 0.0)):
            weight = trial.walk(_always(sign * grad), start, 3)[-1]
            if math.isnan(weight) or (grad < 1 and math.isinf(weight)):
                refuse(plugin, f"3 steps from {start:g} with a gradient of {sign * grad:g} make the weight {weight}.")
    needs_compiler()
    grads = np.array([sign * grad for grad in GRADIENTS for sign in (1, -1)], np.float32)
    for trial in _trials(plugin, _defaults(plugin)):
        update = Update.of(trial, np.full(grads.size, 0.5), grads[np.newaxis], "float32")
        for _ in range(3):
            update = update.run()
        for grad, weight in zip(grads, update.inside("weight"), strict=True):
            if np.isnan(weight) or (abs(grad) < 1 and np.isinf(weight)):
                refuse(plugin, f"in float32 3 steps with a gradient of {grad:g} make the weight {weight}.")
    return None


def check_compiled(plugin: Optimizer) -> str | None:
    """Compiled it computes what it does as plain Python, the same bits each time, and writes within its arrays."""
    needs_compiler()
    for trial in _to_compile(plugin):
        update = _random_update(trial, "float64")
        plain, ran = update.run(compiled=False), update.run()
        if found := compare(plain.results, ran.results, ran.results, COMPILED, COMPILED):
            refuse(plugin, f"compiled: {found} as in plain Python{trial}.")
        if found := compare(ran.results, update.run().results, ran.results, 0.0, 0.0):
            refuse(plugin, f"compiled, run again: {found}{trial}.")
        if found := _touched(update, ran, 0, WEIGHTS):
            refuse(plugin, f"compiled, it writes to {found}, which is none of its weights{trial}.")
    return None


def check_each_weight_alone(plugin: Optimizer) -> str | None:
    """What becomes of a weight depends on its own numbers alone: not on its place, its neighbours or the threads."""
    needs_compiler()
    for trial in _to_compile(plugin):
        update = _random_update(trial, "float64")
        whole = update.run()
        for count in PARTS:
            parts = update
            for i in range(count):
                shard = Shard(i, count, 0, 0)
                done = parts.run(shard=shard)
                first, last = shard.span(0, WEIGHTS)
                if found := _touched(parts, done, first, last):
                    refuse(plugin, f"the thread of weights {first} to {last - 1} writes to {found}{trial}.")
                parts = done
            if found := compare(whole.results, parts.results, ("weight", "state"), 0.0, 0.0):
                refuse(plugin, f"done by {count} threads {found} as by one{trial}.")
        for name, at in (("weight", 3), ("grads", BLOCK + 7)):
            spoilt = update.with_nan(name, at).run()
            for kept in ("weight", "state"):
                before, after = whole.inside(kept).copy(), spoilt.inside(kept).copy()
                before[..., at] = after[..., at] = 0
                if found := compare({kept: before}, {kept: after}, [kept], 0.0, 0.0):
                    refuse(plugin, f"where one {name.rstrip('s')} is NaN another weight changes: {found}{trial}.")
        alike = update.alike().run()
        for kept in ("weight", "state"):
            values = alike.inside(kept)
            if values.size and (values != values[..., :1]).any():
                refuse(plugin, f"weights that are alike, with equal gradients, do not stay so in every place{trial}.")
    return f"{WEIGHTS} weights, by {', '.join(map(str, PARTS))} threads"


def check_float32(plugin: Optimizer) -> str | None:
    """In float32, compiled, it computes nearly what it does in float64."""
    needs_compiler()
    for trial in _to_compile(plugin):
        wide, narrow = _random_update(trial, "float64"), _random_update(trial, "float32")
        expected, found = (
            {"the change of weight": update.run().inside("weight").astype(float) - update.inside("weight")}
            for update in (wide, narrow)
        )
        if difference := compare(expected, found, expected, SINGLE, 0.0):
            refuse(plugin, f"in float32 {difference} as in float64{trial}.")
    return None


CHECKS = (
    check_signature,
    check_returns,
    check_option_values,
    check_direction,
    check_downhill,
    check_rest,
    check_first_step,
    check_learning_rate,
    check_state,
    check_options_matter,
    check_simpler,
    check_extremes,
    check_compiled,
    check_each_weight_alone,
    check_float32,
)


def _bowl(w: float) -> float:
    return w * w / 2


def _bowl_slope(w: float) -> float:
    return w


def _valley(w: float) -> float:
    return (w - 0.3) ** 2 / 2 + math.sin(5 * w) / 5


def _valley_slope(w: float) -> float:
    return w - 0.3 + math.cos(5 * w)


def _always(slope: float) -> Callable[[float], float]:
    return lambda w: slope


LANDSCAPES = (("a bowl", _bowl, _bowl_slope), ("a bumpy valley", _valley, _valley_slope))


@dataclass(frozen=True)
class Trial:
    """One of an optimizer's rules, with values for all options; as text, what is not as by default."""

    plugin: Optimizer
    options: Mapping[str, Any]
    rule: Rule

    def __str__(self) -> str:
        by = "" if self.rule.function is self.plugin.function else f" by {self.rule.function.__name__}"
        return f"{by} with {in_words(self.changed)}" if self.changed else by

    @property
    def changed(self) -> dict[str, Any]:
        """What is not as by default."""
        return changed(self.plugin.options, self.options)

    @property
    def no_state(self) -> tuple[float, ...]:
        return (0.0,) * len(self.rule.states)

    def step(self, weight: float, grad: float, state: Sequence[float], step: int) -> tuple[float, ...]:
        """The new weight and state, as plain Python. ``CheckFailed`` where that is not what comes back."""
        given = f"weight={weight:.6g}, grad={grad:.6g}, step={step}"
        called = f"{self.rule.function.__name__} of {', '.join(filter(None, (given, in_words(self.changed))))}"
        try:
            new = self.rule.function(weight, grad, *state, self.options["lr"], step, *self.rule.options)
        except Exception as error:  # a stranger's function may raise anything
            refuse(self.plugin, f"{called} raises {raised(error)}.")
        names = ("weight", *self.rule.states)
        if not isinstance(new, tuple) or len(new) != len(names):
            wanted = ", ".join(names) if len(names) > 1 else "weight,"
            refuse(self.plugin, f"{called} returns {new!r}; it must return ({wanted}).")
        for part, number in zip(names, new, strict=True):
            if not isinstance(number, numbers.Real):
                refuse(self.plugin, f"{called} returns {number!r} for {part}; it must be a number.")
        return tuple(map(float, new))

    def walk(self, slope: Callable[[float], float], weight: float, steps: int) -> list[float]:
        """The weight after each of so many steps from no state."""
        path, state = [], self.no_state
        for step in range(1, steps + 1):
            weight, *kept = self.step(weight, slope(weight), state, step)
            state = tuple(kept)
            path.append(weight)
        return path

    @functools.cached_property
    def problem(self) -> str | None:
        """Why these options do not work, if they do not."""
        for slope, start in itertools.product((_valley_slope, _always(0.0), _always(1.0)), (0.0, *STARTS)):
            try:
                path = self.walk(slope, start, 5)
            except CheckFailed as error:
                return str(error).removeprefix(f"{self.plugin.kind} {self.plugin.name!r}: ").removesuffix(".")
            if not all(map(math.isfinite, path)):
                return f"5 steps from {start:g} with a gradient of {slope(start):g} lead to {path[-1]}{self}"
        return None


def _chosen(plugin: Optimizer, options: Mapping[str, Any]) -> Chosen:
    return Chosen(Entry(plugin, plugin.name, "", inspect.getfile(plugin.function)), options)


def _trial(plugin: Optimizer, options: Mapping[str, Any], full: bool = False) -> Trial:
    """With the rule that the network takes for these options, or the full one."""
    chosen = _chosen(replace(plugin, simpler=None) if full else plugin, options)
    try:
        return Trial(plugin, options, rule_of(chosen))
    except ConfigError as error:
        refuse(plugin, str(error).removeprefix(f"{chosen.owner}: "))
    except Exception as error:  # a stranger's function may raise anything
        refuse(plugin, f"simpler({options}) raises {raised(error)}.")


def _trials(plugin: Optimizer, options: Mapping[str, Any]) -> list[Trial]:
    """With each of the rules there are for these options, the full one first."""
    full, chosen = _trial(plugin, options, full=True), _trial(plugin, options)
    return [full] if chosen.rule.function is full.rule.function else [full, chosen]


def _defaults(plugin: Optimizer) -> dict[str, Any]:
    return {name: option.default for name, option in plugin.options.items()}


def _option_sets(plugin: Optimizer) -> list[dict[str, Any]]:
    """The defaults first; the learning rate stays."""
    own = {name: option for name, option in plugin.options.items() if name != "lr"}
    return [{"lr": plugin.lr} | options for options in option_sets(own)]


@functools.cache
def _sound_trials(plugin: Optimizer) -> list[Trial]:
    """Each rule, with all sets of options that work; the defaults must."""
    trials = [trial for options in _option_sets(plugin) for trial in _trials(plugin, options)]
    return [trial for trial in trials if trial.options == _defaults(plugin) or not trial.problem]


def _combinations(plugin: Optimizer) -> list[dict[str, Any]]:
    """Three values of every option in every combination, or some of these."""
    own = {name: values_of(option)[:3] for name, option in plugin.options.items() if name != "lr"}
    found = [{"lr": plugin.lr, **dict(zip(own, values, strict=True))} for values in itertools.product(*own.values())]
    return found[:: -(-len(found) // COMBINATIONS)]


def _check_order(plugin: Optimizer, function: Callable) -> None:
    """Refuse a rule whose parameters do not stand in the order in which it is called."""
    parameters = list(inspect.signature(function).parameters.values())
    names = [parameter.name for parameter in parameters]
    wanted = f"{signature_of(function)} must take (weight, grad, its state if any, lr, step, its options)"
    for name in plugin.arguments:
        if name not in names:
            refuse(plugin, f"{wanted}; it has no {name}.")
    first, last = names.index("lr"), names.index("step")
    if names[:2] != ["weight", "grad"] or last != first + 1:
        refuse(plugin, f"{wanted}, in this order.")
    for parameter in parameters:
        if parameter.kind is not parameter.POSITIONAL_OR_KEYWORD:
            refuse(plugin, f"{wanted}, by position; {parameter} cannot be.")
    known = plugin.options.keys() - {"lr"}
    for i, name in enumerate(names):
        if i > last and name not in known:
            near = did_you_mean(name, known)
            refuse(plugin, f"{wanted}; {name} is no option{near}" if known else f"{wanted}; {name} needs a default.")
        if i < first and name in known:
            refuse(plugin, f"{wanted}; the option {name} stands before lr.")


def _matters(plugin: Optimizer, name: str, value: Any) -> bool:
    """Whether a weight takes another path with this value than with the default, whatever the other options."""
    for options in _option_sets(plugin):
        paths: list[list[list[float]] | None] = []
        for each in (options | {name: value}, options | {name: plugin.options[name].default}):
            trial = _trial(plugin, each)
            paths.append(None if trial.problem else [trial.walk(_valley_slope, start, SHORT) for start in STARTS])
        if paths[0] != paths[1]:
            return True
    return False


@dataclass(frozen=True)
class Update:
    """A step of many weights, as a network makes it: of arrays that hold others before and behind them."""

    trial: Trial
    dtype: str
    arrays: Mapping[str, np.ndarray]
    number: int = 1

    @classmethod
    def of(cls, trial: Trial, weights: np.ndarray, grads: np.ndarray, dtype: str) -> Update:
        """From no state; ``grads`` is (shards, weights)."""
        arrays = {
            "weight": np.concatenate([np.full(LONELY, 1.5), weights, np.full(LONELY, -1.5)]),
            "grads": grads,
            "state": np.zeros((len(trial.rule.states), weights.size + 2 * LONELY)),
        }
        arrays = {name: array.astype(dtype) for name, array in arrays.items()}
        arrays |= {"change": np.zeros((max(PARTS), BLOCK), dtype), "norms": np.zeros((max(PARTS), 8))}
        return cls(trial, dtype, arrays)

    @property
    def span(self) -> tuple[int, int]:
        return LONELY, LONELY + self.arrays["grads"].shape[1]

    def inside(self, name: str) -> np.ndarray:
        """The part of ``weight`` or ``state`` that is updated."""
        return self.arrays[name][..., slice(*self.span)]

    @property
    def results(self) -> dict[str, np.ndarray]:
        return {"weight": self.inside("weight"), "state": self.inside("state"), "norms": self.arrays["norms"]}

    def run(self, *, compiled: bool = True, shard: Shard | None = None) -> Update:
        options = self.trial.options
        chosen = _chosen(self.trial.plugin, options)
        operation = update_operation(chosen, self.trial.rule, self.arrays, self.span, self.span[1])
        arrays, _ = run(
            operation, self.dtype, compiled=compiled, rows=0, shard=shard, step=self.number, lr=options["lr"]
        )
        return replace(self, arrays=arrays)

    def next(self, grads: np.ndarray) -> Update:
        """The step after, with other gradients."""
        return replace(self, arrays={**self.arrays, "grads": grads.astype(self.dtype)}, number=self.number + 1)

    def with_nan(self, name: str, at: int) -> Update:
        array = self.arrays[name].copy()
        array[..., at + (0 if name == "grads" else LONELY)] = np.nan
        return replace(self, arrays={**self.arrays, name: array})

    def alike(self) -> Update:
        """Every weight, its state and its gradients like the first."""
        first = LONELY, LONELY + 1
        arrays = {
            name: np.zeros_like(self.arrays[name]) + self.arrays[name][..., slice(*first)]
            for name in ("weight", "state")
        }
        arrays["grads"] = np.zeros_like(self.arrays["grads"]) + self.arrays["grads"][:, :1]
        return replace(self, arrays={**self.arrays, **arrays})


def _random_update(trial: Trial, dtype: str) -> Update:
    """The second step of weights whose gradients come in three parts, numbers that every precision holds."""
    rng = np.random.default_rng(0)
    weights, *grads = (rng.standard_normal(size).astype(np.float32) for size in (WEIGHTS, (3, WEIGHTS), (3, WEIGHTS)))
    first = Update.of(trial, weights.astype(float), grads[0].astype(float), "float64").run(compiled=False)
    arrays = {name: array.astype(np.float32) for name, array in first.arrays.items() if name in ("weight", "state")}
    second = replace(first, arrays={**first.arrays, **arrays}).next(grads[1])
    own = {n: array.astype(dtype) for n, array in second.arrays.items() if n != "norms"}
    return replace(second, dtype=dtype, arrays={**second.arrays, **own})


def _touched(before: Update, after: Update, first: int, last: int) -> str | None:
    """A place outside weights ``first`` to ``last`` that has changed."""
    for name in ("weight", "grads", "state"):
        a, b = before.arrays[name], after.arrays[name]
        start = 0 if name == "grads" else LONELY
        changed = (a != b) & ~(np.isnan(a) & np.isnan(b))
        changed[..., start + first : start + last] = False
        if changed.any():
            at = [int(i) for i in np.argwhere(changed)[0]]
            at[-1] -= start
            return f"{name}{at}"
    return None


def _to_compile(plugin: Optimizer) -> list[Trial]:
    """Of each rule, which is compiled once, the first options that work and the last."""
    found: dict[Callable, list[Trial]] = {}
    for trial in _sound_trials(plugin):
        found.setdefault(trial.rule.function, []).append(trial)
    return [trial for trials in found.values() for trial in (trials[0], trials[-1])]


def _steps(count: int) -> str:
    return f"{count} step{'s' if count > 1 else ''}"
