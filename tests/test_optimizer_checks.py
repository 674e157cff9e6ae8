"""The checks of optimizers, schedules and initializers: what each refuses, in words an author can act on."""

import itertools
import math
import random
from dataclasses import replace
from typing import Annotated

import numpy as np
import pytest
from annotated_types import Ge, Le
from numba import config

from workbench import Initializer, Optimizer, Schedule
from workbench.testing import checks_of
from workbench.testing.kinds import optimizer as testing

needs_compiler = pytest.mark.skipif(bool(config.DISABLE_JIT), reason="NUMBA_DISABLE_JIT=1: nothing is compiled")
CALLS = itertools.count()


def outcome(plugin, name):
    return next(check for check in checks_of(plugin) if check.name == name).outcome()


def assert_says(plugin, check, status, text):
    found = outcome(plugin, check)
    assert (found.status, text in found.text) == (status, True), found


def assert_sound(plugin, skipped=()):
    outcomes = {check.name: check.outcome() for check in checks_of(plugin)}
    if config.DISABLE_JIT:
        skipped = {*skipped, "extremes", "compiled", "each weight alone", "float32"}
    expected = {name: "skipped" if name in skipped else "passed" for name in outcomes}
    assert {name: found.status for name, found in outcomes.items()} == expected, outcomes
    return {name: found.text for name, found in outcomes.items()}


def heavy_ball(weight, grad, velocity, lr, step, momentum: Annotated[float, Ge(0), Le(1)] = 0.5):
    """A ball that rolls on."""
    velocity = momentum * velocity - lr * grad
    return weight + velocity, velocity


def without_momentum(weight, grad, lr, step):
    return (weight - lr * grad,)


BALL = Optimizer("ball", heavy_ball, lr=0.1, simpler=lambda options: None if options["momentum"] else without_momentum)


def optimizer(function, **more):
    return replace(BALL, function=function, **{"simpler": None} | more)


def test_a_sound_optimizer_passes_all_checks():
    said = assert_sound(BALL)
    assert said["signature"] == "state: velocity"
    assert said["first step"] == "1 lr for a gradient of 1"
    assert said["simpler"] == "for 1 of 3 sets of options"


def grad_first(grad, weight, lr, step):
    return (weight - lr * grad,)


def rate_last(weight, grad, step, lr):
    return (weight - lr * grad,)


def no_step(weight, grad, lr):
    return (weight - lr * grad,)


def by_name(weight, grad, lr, step, *, momentum=0.0):
    return (weight - lr * grad,)


def option_first(weight, grad, momentum, lr, step):
    return weight - lr * grad, momentum


def four_states(weight, grad, a, b, c, d, lr, step):
    return weight - lr * grad, a, b, c, d


def worded(weight, grad, lr, step, mode="fast"):
    return (weight - lr * grad,)


def misspelt(weight, grad, lr, step, momemtum=0.0):
    return (weight - lr * grad,)


@pytest.mark.parametrize(
    ("plugin", "said"),
    [
        (
            optimizer(grad_first),
            "grad_first(grad, weight, lr, step) must take (weight, grad, its state if any, lr, step,",
        ),
        (optimizer(rate_last), "rate_last(weight, grad, step, lr) must take"),
        (optimizer(no_step), "it has no step."),
        (optimizer(by_name), "by position; momentum=0.0 cannot be."),
        (optimizer(four_states), "at most 3 state arrays, not ['a', 'b', 'c', 'd']"),
        (optimizer(worded), "its option mode has the default 'fast'; compiled code takes numbers only."),
        (replace(BALL, simpler=lambda options: misspelt), "momemtum is no option; did you mean 'momentum'?"),
        (replace(BALL, simpler=lambda options: option_first), "the option momentum stands before lr."),
        (replace(BALL, simpler=lambda options: 1 / 0), "ZeroDivisionError: division by zero."),
    ],
    ids=["weight", "lr", "step", "keyword", "states", "text", "misspelt", "option", "raises"],
)
def test_a_signature_that_the_network_cannot_call_is_refused(plugin, said):
    assert_says(plugin, "signature", "failed", said)


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (lambda weight, velocity: weight, "returns 0.475; it must return (weight, velocity)."),
        (lambda weight, velocity: (weight,), "returns (0.475,); it must return (weight, velocity)."),
        (lambda weight, velocity: (weight, None), "returns None for velocity; it must be a number."),
        (lambda weight, velocity: (weight, math.nan), "at weight=0.5, grad=0.25, step=1 its new velocity is nan."),
        (lambda weight, velocity: 1 / 0, "raises tests/test_optimizer_checks.py, line"),
    ],
    ids=["number", "short", "None", "nan", "raises"],
)
def test_what_is_no_new_weight_and_state_is_refused(returned, said):
    def rule(weight, grad, velocity, lr, step):
        return returned(weight - lr * grad, velocity)

    assert_says(optimizer(rule), "returns", "failed", said)


def test_option_values_that_break_it_are_told():
    def rule(weight, grad, lr, step, power: Annotated[float, Ge(0)] = 1.0):
        return (weight - lr * grad * math.sqrt(1.5 - power),)

    assert_says(optimizer(rule), "option values", "warning", "rule of weight=0, grad=0.7, step=1, power=2.0 raises")
    assert outcome(optimizer(rule), "direction").status == "passed"


def test_uphill_is_refused():
    def up(weight, grad, lr, step):
        return (weight + lr * grad,)

    assert_says(optimizer(up), "direction", "failed", "1 step from 0 with a gradient of 1 lead to 0.1.")
    assert_says(optimizer(up), "downhill", "failed", "1000 steps downhill from 0.5 in a bowl")


def test_what_diverges_is_refused_and_what_hardly_moves_told():
    def down(weight, grad, lr, step):
        return (weight - lr * grad,)

    assert_says(optimizer(down, lr=3.0), "downhill", "failed", "in a bowl end ")
    assert_says(optimizer(down, lr=1e-5), "downhill", "warning", "lead to 0.495 only: is lr=1e-05 meant?")
    assert outcome(optimizer(down), "downhill").status == "passed"


@pytest.mark.parametrize(
    ("left", "status", "said"),
    [
        (1.001, "failed", "a gradient of 0 moves a weight from 0.5 to 0.5005."),
        (0.5, "failed", "a step with a gradient of 0 takes 50.000% of a weight."),
        (0.999, "passed", "decays by 0.001 a step"),
    ],
)
def test_a_weight_without_a_gradient_stays_or_decays(left, status, said):
    def rule(weight, grad, lr, step):
        return (weight * left - lr * grad,)

    assert_says(optimizer(rule), "rest", status, said)


def test_a_first_step_out_of_proportion_is_refused():
    def uncorrected(weight, grad, square, lr, step):
        square = 0.999 * square + 0.001 * grad * grad
        return weight - lr * grad / (math.sqrt(square) + 1e-8), square

    assert_says(optimizer(uncorrected), "first step", "failed", "with a gradient of 1 is 3.16, which is 31.6 lr.")


def test_a_learning_rate_that_does_not_count_is_refused():
    def rule(weight, grad, lr, step):
        return (weight - 0.01 * grad,)

    said = "3 steps with a gradient of 1 go 0.03, and 0.03 with half the lr."
    assert_says(optimizer(rule), "learning rate", "failed", said)


def test_a_state_that_is_lost_is_refused_and_one_without_a_part_told():
    def lost(weight, grad, velocity, lr, step):
        return weight - lr * (grad + 0.5 * velocity), velocity

    def idle(weight, grad, velocity, lr, step):
        return weight - lr * grad, velocity + grad

    assert_says(optimizer(lost), "state", "failed", "its state velocity is zero for ever")
    assert_says(optimizer(idle), "state", "warning", "its state velocity has no part in the weight")


def test_an_option_that_changes_nothing_is_refused():
    def rule(weight, grad, lr, step, damping=0.5):
        return (weight - lr * grad,)

    assert_says(optimizer(rule), "options matter", "failed", "its option damping changes nothing, be it 0.5 or ")


def test_a_simpler_rule_that_is_another_is_refused():
    plugin = replace(BALL, simpler=lambda options: without_momentum)
    assert_says(plugin, "simpler", "failed", "2 steps from 0.5 by without_momentum lead to 0.")
    plugin = replace(BALL, simpler=lambda options: None)
    assert_says(plugin, "simpler", "warning", "simpler(options) gives no rule for any of 3 sets of options")
    assert_says(optimizer(heavy_ball), "simpler", "skipped", "there is one rule only")


def test_nan_from_gradients_of_any_size_is_refused():
    def halves(weight, grad, lr, step):
        return (weight - lr * grad * (grad / grad if grad > 1e-40 or grad < -1e-40 or step > 2 else 1),)

    def outgrows(weight, grad, lr, step):
        return (weight - lr * grad + (grad * 1e290 * grad - grad * 1e290 * grad),)

    assert_says(optimizer(halves), "extremes", "failed", "ZeroDivisionError")
    assert_says(
        optimizer(outgrows), "extremes", "failed", "3 steps from 0.5 with a gradient of 1e+10 make the weight nan."
    )


@needs_compiler
def test_nan_in_float32_alone_is_refused():
    def signed(weight, grad, lr, step):
        size = math.sqrt(grad * grad + 1e-60)
        return (weight - lr * grad / size if grad != 0 else weight,)

    assert_says(
        optimizer(signed), "extremes", "failed", "in float32 3 steps with a gradient of 1.4013e-45 make the weight nan."
    )


@needs_compiler
def test_machine_code_that_computes_something_else_is_refused():
    def rule(weight, grad, lr, step):
        shift = int(step) * 6364136223846793005 * 4 % 7  # of more than 64 bits in Python
        return (weight - lr * grad - shift,)

    assert_says(optimizer(rule), "compiled", "failed", "compiled: weight[0] is ")


def first_of_several(shard):
    return shard is not None and shard.index == 0


@needs_compiler
@pytest.mark.parametrize(
    ("check", "place", "much", "said"),
    [
        ("compiled", 20, lambda w, shard: 1e-13 * next(CALLS), "compiled, run again: weight[4] is "),
        ("compiled", 2, lambda w, shard: 1, "compiled, it writes to weight[-14], which is none of its weights"),
        ("each weight alone", -20, lambda w, shard: shard is not None, "the thread of weights 0 to 687 writes to"),
        ("each weight alone", 20, lambda w, shard: first_of_several(shard), "done by 2 threads weight[4] is "),
        ("each weight alone", 20, lambda w, shard: 0 * w[19], "where one weight is NaN another weight changes"),
        ("each weight alone", 20, lambda w, shard: w[19] == w[21], "weights that are alike, with equal gradients, do"),
    ],
    ids=["each time", "beside", "another thread's", "threads", "neighbours", "place"],
)
def test_machine_code_for_which_weights_are_not_alike_is_refused(check, place, much, said, monkeypatch):
    """As no rule of numbers could make it do, but a fault of the compiler."""
    sound = testing.run

    def spoilt(operation, dtype, *, compiled, shard, **settings):
        arrays, guards = sound(operation, dtype, compiled=compiled, shard=shard, **settings)
        if compiled:
            arrays["weight"][place] += much(arrays["weight"], shard)
        return arrays, guards

    monkeypatch.setattr(testing, "run", spoilt)
    assert_says(BALL, check, "failed", said)


@needs_compiler
def test_digits_lost_in_float32_are_refused():
    def rule(weight, grad, lr, step):
        return ((weight + 1e4 - lr * grad) - 1e4,)

    assert_says(optimizer(rule), "float32", "failed", "in float32 the change of weight[10] is -0.1870206, not ")


def half(step, total_steps, steps_per_epoch, end: Annotated[float, Ge(0), Le(1)] = 0.5):
    """It falls to a half."""
    return 1 - (1 - end) * step / total_steps


def test_a_sound_schedule_passes_all_checks():
    assert assert_sound(Schedule("half", half))["factors"] == "from 1 to 0.506"


def in_place(step, total_steps, steps_per_epoch):
    step += 1
    return step / total_steps


@pytest.mark.parametrize(
    ("function", "check", "status", "said"),
    [
        (lambda t, total, epoch: t, "signature", "failed", "must take (step, total_steps, steps_per_epoch), then"),
        (lambda step, total_steps, steps_per_epoch: 1.0, "factors", "failed", "an array (1,), it returns 1.0: it must"),
        (lambda step, total_steps, steps_per_epoch: step[:0], "factors", "failed", "an array of int64, (0,)"),
        (lambda step, total_steps, steps_per_epoch: step > 0, "factors", "failed", "an array of bool, (1,)"),
        (lambda step, total_steps, steps_per_epoch: 0.5 - step, "factors", "failed", "of step 1 is -0.5, of 1 epoch"),
        (lambda step, total_steps, steps_per_epoch: step / 0, "factors", "failed", "the factor of step 0 is nan"),
        (lambda step, total_steps, steps_per_epoch: 0 * step, "factors", "failed", "nothing would be learned"),
        (lambda step, total_steps, steps_per_epoch: 1 / 0, "factors", "failed", "asked for 1 steps, of 1 epoch of 1: "),
        (lambda step, total_steps, steps_per_epoch: 1 + step, "factors", "warning", "of step 83 is 84, of 12 epochs"),
        (in_place, "factors", "failed", "it writes to step, of 1 epoch of 1"),
        (lambda step, total_steps, steps_per_epoch: np.arange(step.size) / total_steps, "each step alone", "failed",
         "the factor of step 4 is 0.8 among all 5, and 0 among the steps 4 to 0"),
        (lambda step, total_steps, steps_per_epoch, end=0.5: 1 / (1 + step), "options matter", "failed",
         "its option end changes no factor, be it 0.5 or "),
    ],
)  # fmt: skip
def test_a_schedule_without_one_sensible_factor_per_step_is_refused(function, check, status, said):
    assert_says(Schedule("mine", function), check, status, said)


def glorot(rng, shape, fan_in, fan_out, gain: Annotated[float, Ge(0)] = 1.0):
    """Normal, of variance 2 / (fan_in + fan_out)."""
    return gain * rng.normal(0, math.sqrt(2 / (fan_in + fan_out)), shape)


def initializer(function):
    return Initializer("mine", function)


def test_sound_initializers_pass_all_checks():
    assert assert_sound(initializer(glorot))["scale"].endswith(" / sqrt(fan_in + fan_out)")
    assert outcome(initializer(lambda rng, shape, fan_in, fan_out: np.zeros(shape)), "seed").text == "a constant"


@pytest.mark.parametrize(
    ("function", "check", "status", "said"),
    [
        (lambda rng, shape, fan_out, fan_in: 0, "signature", "failed", "must take (rng, shape, fan_in, fan_out), then"),
        (lambda rng, shape, fan_in, fan_out: rng.normal(), "values", "failed", "not an array of float64, (1,), for a"),
        (lambda rng, shape, fan_in, fan_out: rng.normal(size=3), "values", "failed", "an array of float64, (3,), not"),
        (lambda rng, shape, fan_in, fan_out: np.zeros(shape, int), "values", "failed", "an array of int64, (1,), not"),
        (lambda rng, shape, fan_in, fan_out: np.full(shape, np.nan), "values", "failed", "one of its values is nan, "),
        (lambda rng, shape, fan_in, fan_out: 1 / 0, "values", "failed", "fan_in 1 and fan_out 1: tests"),
        (lambda rng, shape, fan_in, fan_out: np.random.normal(size=shape), "seed", "failed",  # noqa: NPY002
         "it draws from np.random's generator"),
        (lambda rng, shape, fan_in, fan_out: np.full(shape, random.random()), "seed", "failed",
         "it draws from the generator of Python's random"),
        (lambda rng, shape, fan_in, fan_out: np.random.default_rng(0).normal(size=shape), "seed", "failed",
         "it draws from a generator of its own"),
        (lambda rng, shape, fan_in, fan_out: np.zeros(shape) + next(CALLS), "seed", "failed",
         "the same generator gives other values when asked again"),
        (lambda rng, shape, fan_in, fan_out: np.arange(float(math.prod(shape))).reshape(shape), "seed", "warning",
         "every generator gives the same values"),
        (lambda rng, shape, fan_in, fan_out: 20 * rng.normal(size=shape), "scale", "warning", "standard deviation 2"),
        (lambda rng, shape, fan_in, fan_out, gain=1.0: rng.normal(size=shape), "options matter", "failed",
         "its option gain changes no value, be it 1.0 or "),
    ],
)  # fmt: skip
def test_an_initializer_that_is_not_settled_by_its_generator_is_refused(function, check, status, said):
    assert_says(initializer(function), check, status, said)
