"""What is asked of an optimizer: that it goes downhill, that its options do something, that every weight is alike.

Plain Python answers first; then machine code must find the same, wherever in memory a weight lies.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import math
import numbers
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from workbench.errors import ConfigError
from workbench.network.architecture import Chosen
from workbench.network.kernels import BLOCK
from workbench.network.operands import Operation, Shard
from workbench.network.plan import Rule, rule_of, update_operation
from workbench.registry import Entry
from workbench.specs import Optimizer
from workbench.testing.checks import CheckFailed, CheckSkipped, CheckWarning, raised, refuse, signature_of
from workbench.testing.guarded import Guarded
from workbench.testing.kernels import compare, needs_compiler, run
from workbench.testing.options import in_words, option_sets, values_of

STARTS = (0.5, -1.25, 2.0)
SHORT, LONG = 20, 1000  # steps, to compare rules and to see where they lead
HARDLY = 0.9  # of the height in a bowl that a rule with a sensible learning rate is below after so many
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
        if plugin.simpler and (rule := _simpler(plugin, options)):
            _check_order(plugin, rule)
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
        for grad, steps in itertools.product((1.0, 0.1, 10.0), (1, 5)):
            with_, against = (trial.walk(lambda w, g=g: g, 0.5, steps)[-1] for g in (grad, -grad))
            if not with_ <= against or (steps > 1 and with_ == against):
                many = "1 step" if steps == 1 else f"{steps} steps"
                refuse(
                    plugin,
                    f"it does not move against the gradient: {many} from 0.5 lead to {with_:.6g} with a gradient of "
                    f"{grad:g}, to {against:.6g} with {-grad:g}{trial}.",
                )
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
    for trial in _sound_trials(plugin):
        for start in (0.0, *STARTS):
            path = trial.walk(lambda w: 0.0, start, 3)
            for before, after in itertools.pairwise((start, *path)):
                if not abs(after) <= abs(before):
                    refuse(plugin, f"a gradient of 0 moves a weight from {before:.6g} to {after:.6g}{trial}.")
            if start and trial.options == _defaults(plugin):
                decay = max(decay, 1 - path[0] / start)
    return f"decays by {decay:.2g} a step" if decay else "stays"


def check_first_step(plugin: Optimizer) -> str | None:
    """The first step, whose number is 1, is of a sensible size."""
    trial = _trial(plugin, _defaults(plugin))
    for grad in (1.0, 1e-3, 1e-6, 1e3):
        moved = abs(trial.walk(lambda w, g=grad: g, 0.0, 1)[0])
        if not moved <= LARGEST_STEP * plugin.lr * max(grad, 1.0):
            refuse(
                plugin,
                f"its first step with a gradient of {grad:g} is {moved:.3g}, which is {moved / plugin.lr:.3g} lr. A "
                "moving average that begins at zero is too small at first: divide it by 1 - beta**step.",
            )
    return f"{abs(trial.walk(lambda w: 1.0, 0.0, 1)[0]) / plugin.lr:.3g} lr for a gradient of 1"


def check_learning_rate(plugin: Optimizer) -> str | None:
    """Half the learning rate makes a shorter way."""
    ways = []
    for rate in (plugin.lr, plugin.lr / 2):
        trial = _trial(plugin, {**_defaults(plugin), "lr": rate})
        ways.append(abs(trial.walk(lambda w: 1.0, 0.0, 3)[-1]))
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
            other = (*trial.no_state[:i], 0.125, *trial.no_state[i + 1 :])
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
                        f"{signature_of(simple.rule.function)} is not the same: after {_steps(step)} from {start:g} the "
                        f"weight is {found:.9g}, not {expected:.9g}{full}.",
                    )
    if not simpler:
        raise CheckWarning(f"simpler(options) gives no rule for any of {tried} sets of options")
    return f"for {simpler} of {tried} sets of options"


def check_extremes(plugin: Optimizer) -> str | None:
    """However large or small the gradient, the weight does not become NaN."""
    for trial in _trials(plugin, _defaults(plugin)):
        for grad, sign, start in itertools.product(GRADIENTS, (1, -1), (0.5, 0.0)):
            weight = trial.walk(lambda w, g=sign * grad: g, start, 3)[-1]
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
        if found := compare(plain.arrays, ran.arrays, ("weight", "state", "norms"), COMPILED, COMPILED):
            refuse(plugin, f"compiled: {found} as in plain Python{trial}.")
        if found := compare(ran.arrays, update.run().arrays, ran.arrays, 0.0, 0.0):
            refuse(plugin, f"compiled, run again: {found}{trial}.")
        if found := _touched(update, ran, 0, WEIGHTS):
            refuse(plugin, f"compiled, it writes to {found}, which is none of its weights{trial}.")
    return None


def check_each_weight_alone(plugin: Optimizer) -> str | None:
    """What becomes of a weight depends on nothing but its own numbers: not on its place, its neighbours, the threads."""
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
            if found := compare(whole.arrays, parts.arrays, ("weight", "state"), 0.0, 0.0):
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
        ran = wide.run(), narrow.run()
        moved = [after.inside("weight") - before.inside("weight").astype(float) for before, after in zip((wide, narrow), ran, strict=True)]
        if found := compare({"the step of weight": moved[0]}, {"the step of weight": moved[1]}, ["the step of weight"], SINGLE, 0.0):
            refuse(plugin, f"in float32 {found} as in float64{trial}.")
    return None
