"""What the checks of activations and losses refuse, each of something small that is wrong in one way."""

import importlib.util
import math
import re
from typing import Annotated

import llvmlite.binding as llvm
import numpy as np
import pytest
from annotated_types import Gt

import workbench as wb
from workbench import Activation, Fused, Loss, get
from workbench.errors import PluginError
from workbench.registry import registry
from workbench.testing import CheckSkipped, checks_of
from workbench.testing.instruments import cuda
from workbench.testing.instruments.operations import backward_operation, batch_operation, forward_operation
from workbench.testing.instruments.search import first, magnitudes, shortest
from workbench.testing.instruments.settings import settings_of
from workbench.testing.instruments.slopes import jump, slope

BUILT_IN = [e.spec for e in registry().entries() if e.spec.kind in ("activation", "loss") and e.origin == "built-in"]
WIDE = np.sqrt(2.0)
on_x86 = pytest.mark.skipif(
    not llvm.get_host_cpu_features().get("avx2", False),
    reason="reads x86 machine code with vectors of 256 bits or more",
)


def outcome(plugin, name):
    """How the check of this name ends."""
    (found,) = [check for check in checks_of(plugin) if check.name == name]
    return found.outcome()


def square(z):
    return z * z


def twice(z, a):
    return 2 * z


def relu(z):
    return max(z, 0.0)


def relu_derivative(z, a):
    return 1.0 if z > 0 else 0.0


def swapped(a, z):
    return 2 * z


def nothing(z):
    return z if z > 0 else None


def no_derivative(z, a):
    pass


def reciprocal(z):
    return 1 / z


def root(z):
    return math.sqrt(z)


def scaled(z, scale=0.5):
    return scale * z


def option_ignored(z, a, scale=0.5):
    return 0.5


def by_name(z, scale="large"):
    return z


def by_name_derivative(z, a, scale="large"):
    return 1.0


def kink_of_two(z, a):
    return 1.0 if z > 0 else 2.0 if z == 0 else 0.0


def kink_by_rounding(z):
    return max(z / 6 + 0.5, 0.0)  # z / 6 may be multiplied by 1/6 when compiled: at -3 that is not quite 0


def kink_by_rounding_derivative(z, a):
    return 1 / 6 if z / 6 + 0.5 > 0 else 0.0


def step(z):
    return 1.0 if z > 0.3 else 0.0


def flat(z, a):
    return 0.0


def hides(z):
    return max(0.0, z)


def naive_sigmoid(z):
    return 1 / (1 + math.exp(-z))


def naive_sigmoid_derivative(z, a):
    return a * (1 - a)


def float32_overflows(z, a):
    e = math.exp(min(z, 80.0))
    return e * e / (e * e + 1)


def exponential(z):
    return np.exp(z)


def itself(z, a):
    return a


def raising_exponential(z):
    return math.exp(z)


def sinc(z):
    return math.sin(z) / z


def whole_power(z):
    return int(z) ** 50


def cancels(z):
    return (z + 1e6) - 1e6


def one(z, a):
    return 1.0


def widens(z):
    return z * WIDE


def floors(z):
    return math.floor(z) + z


def noise(z):
    return z + 1e-9 * np.random.random()  # noqa: NPY002


def arctangent(z):
    return math.atan(z)


def arctangent_derivative(z, a):
    return 1 / (1 + z * z)


def power(z):
    return abs(z) ** 0.3


def raises(z):
    if z > 1e6:
        raise ValueError("too large")
    return z


def loops(z):
    while z > 1:
        z /= 2
    return z


def allocates(z):
    return np.where(z > 0, z, 0.0).item()


@pytest.mark.parametrize(
    ("function", "derivative", "check", "status", "told"),
    [
        (square, swapped, "signature", "failed", "it has swapped(a, z), but is called with (z, a), in this order."),
        (by_name, by_name_derivative, "signature", "failed", "its option scale has the default 'large'; compiled code"),
        (scaled, option_ignored, "signature", "passed", "tried at the defaults and with scale = 0.75, with"),
        (nothing, one, "value", "failed", "its value at z = 0 is None, not a number."),
        (reciprocal, one, "value", "failed", "at z = 0 its value is inf."),
        (root, one, "value", "failed", "ValueError: math domain error."),
        (square, one, "derivative", "failed", "its derivative at z = 0 is 1; the slope of the function is 0."),
        (square, no_derivative, "derivative", "failed", "its derivative at z = 0 is None, not a number."),
        (scaled, option_ignored, "derivative", "failed", "at z = 0 with scale = 0.75 is 0.5; the slope of the"),
        (relu, kink_of_two, "derivative", "failed", "at the kink z = 0 is 2; the function has the slopes 0 and"),
        (relu, relu_derivative, "derivative", "passed", "kinks at z = 0"),
        (step, flat, "continuity", "warning", "it jumps from 0 at z = 0.296875 to 1 at z = 0.3125, of which"),
        (hides, relu_derivative, "not a number", "failed", "is hidden. max(z, 0.0) keeps NaN, max(0.0, z) hides it."),
        (relu, relu_derivative, "not a number", "passed", ""),
        (naive_sigmoid, naive_sigmoid_derivative, "extremes", "failed", "at z = -710 its value raises "),
        (naive_sigmoid, naive_sigmoid_derivative, "extremes", "failed", "math.exp(-abs(z)) cannot overflow: write"),
        (relu, float32_overflows, "extremes", "failed", "at z = 44.4 in float32 its derivative is nan."),
        (sinc, flat, "extremes", "failed", "at z = 0 its value is nan."),
        (exponential, itself, "extremes", "warning", "at z = 710 its value is infinite: the function outgrows all"),
        (raising_exponential, itself, "extremes", "warning", "OverflowError: math range error: the function outgrows"),
        (square, twice, "extremes", "passed", "f(-inf) = inf, f(inf) = inf"),
        (kink_by_rounding, kink_by_rounding_derivative, "compiled", "passed", ""),
        (whole_power, flat, "compiled", "failed", "its value at z = "),
        (cancels, one, "float32", "failed", "in float32, "),
        (widens, one, "precision", "failed", "WIDE is a np.float64: make it a Python number, float(...)"),
        (floors, one, "precision", "failed", "a whole number such as math.floor(z) gives, makes float64 of float32"),
        (noise, one, "batches", "failed", "among 190, in float"),
        (relu, relu_derivative, "initializer", "failed", "no initializer is named 'he_unifrom'; did you mean 'he_"),
        (relu, relu_derivative, "arrays", "skipped", "it returns a number, and sees no array"),
    ],
)  # fmt: skip
def test_a_bad_activation_is_told_what_is_wrong(function, derivative, check, status, told):
    found = outcome(Activation("mine", function, derivative, initializer="he_unifrom"), check)
    assert (found.status, told in found.text) == (status, True), found
    assert status != "failed" or found.text.startswith("activation 'mine': ")
    assert "\n" not in found.text


def test_a_derivative_of_the_workbench_s_own_is_said_to_be():
    assert outcome(Activation("mine", square), "derivative").text == "derived from the function"


def softmax_derivative(grad_a, z, a, grad_z):
    mean = 0.0
    for k in range(len(a)):
        mean += grad_a[k] * a[k]
    for k in range(len(a)):
        grad_z[k] = a[k] * (grad_a[k] - mean)


def softmax(z, a):
    get("activation", "softmax").function(z, a)


def unshifted(z, a):
    total = 0.0
    for k in range(len(z)):
        a[k] = math.exp(z[k])
        total += a[k]
    for k in range(len(z)):
        a[k] /= total


def copy(z, a):
    for k in range(len(z)):
        a[k] = z[k]


def copy_back(grad_a, z, a, grad_z):
    for k in range(len(z)):
        grad_z[k] = grad_a[k]


def copy_back_by_index(grad_a, z, a, grad_z):
    for k in range(len(z)):
        grad_z[k] = k * grad_a[k]


def normalised_back(grad_a, z, a, grad_z):
    largest = 1.0
    for k in range(len(z)):
        largest = max(largest, abs(grad_a[k]))
    for k in range(len(z)):
        grad_z[k] = grad_a[k] / largest


def all_but_the_last(z, a):
    for k in range(len(z) - 1):
        a[k] = z[k]


def changes_z(z, a):
    for k in range(len(z)):
        z[k] *= 1.5
        a[k] = z[k]


def changes_grad_a(grad_a, z, a, grad_z):
    for k in range(len(z)):
        grad_a[k] *= 1.5
        grad_z[k] = grad_a[k]


def too_far(z, a):
    for k in range(len(z) + 1):
        a[k] = 0.0


def largest_only(z, a):
    largest = 0.0
    for k in range(len(z)):
        largest = max(largest, z[k])
    for k in range(len(z)):
        a[k] = largest


@pytest.mark.parametrize(
    ("function", "derivative", "check", "status", "told"),
    [
        (all_but_the_last, copy_back, "value", "failed", "at z = (1, 0) its value is (1, nan)."),
        (too_far, copy_back, "value", "failed", "IndexError: index 2 is out of bounds"),
        (copy, copy_back_by_index, "derivative", "failed",
         "its derivative at z = (1, 0) is wrong: da[0]/dz[0] is 1, but grad_z[0] of grad_a = (1, 0) is 0."),
        (copy, normalised_back, "derivative", "failed", "grad_z[0] of grad_a = (3, 1) is 1, not 3."),
        (unshifted, softmax_derivative, "derivative", "passed", ""),
        (unshifted, softmax_derivative, "extremes", "failed", "at z = (710, 0, 0) its value raises "),
        (largest_only, copy_back, "not a number", "failed", "NaN is hidden"),
        (all_but_the_last, copy_back, "arrays", "failed", "its value leaves a[2] of a row of 3 unwritten."),
        (changes_z, copy_back, "arrays", "failed", "its value changes z, which it is given to read."),
        (copy, changes_grad_a, "arrays", "failed", "its derivative changes grad_a, which it is given to read."),
        (copy, copy_back, "arrays", "passed", ""),
        (copy, copy_back, "batches", "passed", ""),
        (copy, copy_back, "vectorised", "skipped", "the loops over a row are the author's"),
    ],
)  # fmt: skip
def test_a_bad_activation_of_rows_is_told_what_is_wrong(function, derivative, check, status, told):
    found = outcome(Activation("mine", function, derivative, row=True), check)
    assert (found.status, told in found.text) == (status, True), found


@on_x86
@pytest.mark.parametrize(
    ("function", "derivative", "told"),
    [
        (arctangent, arctangent_derivative, "the loop over its value takes one number at a time: its loop calls atan"),
        (power, flat, "its loop calls pow of the C library; a power that is not a whole number is exp(p * log(z))"),
        (raises, one, "it holds a raise."),
        (loops, one, "it holds a loop of its own."),
        (allocates, one, "it makes arrays; for np.where on numbers write `a if condition else b`."),
        (noise, one, "it draws random numbers."),
        (relu, lambda z, a: np.where(z > 0, 1.0, 0.0).item(), "the loop over its derivative takes one number"),
    ],
)  # fmt: skip
def test_a_loop_that_stays_scalar_is_told_why(function, derivative, told):
    found = outcome(Activation("mine", function, derivative), "vectorised")
    assert (found.status, told in found.text) == ("warning", True), found


@on_x86
@pytest.mark.parametrize("spec", BUILT_IN, ids=lambda spec: spec.name)
def test_the_loops_over_every_built_in_are_vectorised(spec):
    found = outcome(spec, "vectorised")
    assert (found.status, spec.row) in (("passed", False), ("skipped", True)), found


def test_without_wide_vectors_there_is_nothing_to_read(monkeypatch):
    monkeypatch.setattr("llvmlite.binding.get_host_cpu_features", dict)
    assert outcome(Activation("mine", relu, relu_derivative), "vectorised").status == "skipped"


def test_without_numba_cuda_nothing_is_compiled_for_a_gpu(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    found = outcome(Activation("mine", relu, relu_derivative), "cuda")
    assert (found.status, found.text) == ("skipped", "numba-cuda is not installed")


def double(x):
    return 2 * x


def with_helper_and_numpy(z):
    return double(np.rint(z)) + np.exp(-abs(z))


def test_functions_compile_for_a_gpu_helpers_and_all():
    try:
        cuda.compiles()
    except CheckSkipped as skipped:
        pytest.skip(str(skipped))
    assert cuda.compiles((with_helper_and_numpy, 1), (relu_derivative, 2)) == "compiled to PTX"
    assert outcome(Activation("mine", allocates, one), "cuda").status == "warning"


def test_the_kernels_checked_are_those_of_the_network():
    """The same machine code, out of the same cache."""
    layers = [{"dense": {"units": 2}}, {"elu": {"alpha": 0.5}}, {"dense": {"units": 3}}, "softmax"]
    plan = wb.Network(layers, "cross_entropy", dtype="float64").initialize((2,), n_outputs=3).plan
    data = np.zeros((4, 2)), np.zeros((4, 3)), np.arange(4)
    theirs = {o.name: o.compile("float64") for o in plan.train_operations(*data)}
    elu, softmax, loss = get("activation", "elu"), get("activation", "softmax"), get("loss", "cross_entropy")
    z, rows = np.zeros(4), np.zeros((4, 3))
    ours = [
        forward_operation(elu, z, (0.5,)),
        backward_operation(elu, z, z, z, (0.5,)),
        batch_operation(loss, loss.fused["softmax"], rows, rows, "mean", (math.e,)),
    ]
    for operation in ours:
        assert operation.compile("float64") is theirs[operation.name]
    # the last activation is the loss's own in training
    (forward,) = plan._forwards[-1]
    assert forward_operation(softmax, rows, ()).compile("float64") is forward.compile("float64")


# Losses


def error(y_true, y_pred):
    return (y_pred - y_true) ** 2


def error_gradient(y_true, y_pred):
    return 2 * (y_pred - y_true)


def of_one_side(y_true, y_pred):
    return y_pred - y_true


def turned(y_true, y_pred):
    return -((y_pred - y_true) ** 2)


def turned_gradient(y_true, y_pred):
    return -2 * (y_pred - y_true)


def other_order(y_pred, y_true):
    return 2 * (y_pred - y_true)


def jumping(y_true, y_pred):
    e = abs(y_pred - y_true)
    return e if e < 1.1 else e + 0.5


def sign_of(y_true, y_pred):
    return 0.0 if y_pred == y_true else 1.0 if y_pred > y_true else -1.0


def plain_log(y_true, y_pred):
    return -(y_true * math.log(y_pred) + (1 - y_true) * math.log(1 - y_pred))


def plain_log_gradient(y_true, y_pred):
    return (y_pred - y_true) / (y_pred * (1 - y_pred))


def naive_logit(y_true, z):
    return math.log(1 + math.exp(z)) - y_true * z


def naive_logit_gradient(y_true, z):
    return 1 / (1 + math.exp(-z)) - y_true


def other_logit(y_true, z):
    return max(z, 0.0) - y_true * z + math.log1p(math.exp(-abs(z))) + 0.1


def log_cosh(y_true, y_pred):
    return math.log(math.cosh(y_pred - y_true))


def log_cosh_gradient(y_true, y_pred):
    return math.tanh(y_pred - y_true)


def exponential_loss(y_true, y_pred):
    return np.exp(-y_true * y_pred)


def exponential_loss_gradient(y_true, y_pred):
    return -y_true * np.exp(-y_true * y_pred)


def hiding_hinge(y_true, y_pred):
    return max(0.0, 1 - y_true * y_pred)


def hinge_gradient(y_true, y_pred):
    return 0.0 if y_true * y_pred >= 1 else -y_true


def wide_error(y_true, y_pred):
    return WIDE * (y_pred - y_true)


def wide_gradient(y_true, y_pred):
    return WIDE


def arc_error(y_true, y_pred):
    return math.atan(y_pred - y_true) ** 2


def noisy_gradient(y_true, y_pred):
    return 2 * (y_pred - y_true) + 1e-9 * np.random.random()  # noqa: NPY002


def weighted(y_true, y_pred, weight=2.0):
    return weight * (y_pred - y_true) ** 2


def weight_ignored(y_true, y_pred, weight=2.0):
    return 4 * (y_pred - y_true)


def huge(y_true, y_pred):
    return int(y_pred - y_true) ** 50


@pytest.mark.parametrize(
    ("function", "gradient", "settings", "check", "status", "told"),
    [
        (error, other_order, {}, "signature", "failed", "it has other_order(y_pred, y_true), but is called with"),
        (error, error_gradient, {"targets": "units"}, "signature", "failed", "targets are 'units'; did you mean"),
        (error, error_gradient, {"reductions": ["maen"]}, "signature", "failed", "no reduction is named 'maen'; did"),
        (error, error_gradient, {"reductions": []}, "signature", "failed", "it has no reductions. Known: "),
        (error, error_gradient, {"fused": {"sigmiod": Fused(error, error_gradient)}}, "signature", "failed",
         "no activation is named 'sigmiod'; did you mean 'sigmoid'"),
        (error, error_gradient, {"fused": {"softmax": Fused(error, error_gradient)}}, "signature", "failed",
         "cannot be fused with softmax, which takes rows: make it row=True."),
        (plain_log, error_gradient, {}, "value", "failed", "its value at y_true = 0, y_pred = 0 raises "),
        (error, of_one_side, {}, "gradient", "failed", "its gradient at y_true = 0, y_pred = 1 is 1; the slope of"),
        (weighted, weight_ignored, {}, "gradient", "failed", "y_pred = 1 with weight = 3 is 4; the slope of the"),
        (jumping, sign_of, {}, "gradient", "passed", "kinks at y_pred = 0"),
        (jumping, sign_of, {}, "continuity", "failed", "at y_true = 0 it jumps from 1.625 at y_pred = -1.125 to 1.0"),
        (error, error_gradient, {}, "fused", "skipped", "it has no fused form"),
        (plain_log, plain_log_gradient,
         {"targets": "unit", "fused": {"sigmoid": Fused(other_logit, naive_logit_gradient)}}, "fused", "failed",
         "after sigmoid its value at y_true = 0, z = 0 is 0.793147181; of 0.5 it is 0.693147181."),
        (turned, turned_gradient, {}, "gradient", "passed", ""),
        (turned, turned_gradient, {}, "direction", "failed",
         "it prefers what is wrong: y_true = 0, y_pred = 0 costs -0, but y_pred = -20 -400 and 20 -400. Is a sign"),
        (plain_log, plain_log_gradient, {"targets": "unit"}, "edges", "failed", "Stop a logarithm or a quotient just"),
        (plain_log, plain_log_gradient,
         {"targets": "unit", "fused": {"sigmoid": Fused(naive_logit, naive_logit_gradient)}}, "gradient", "passed", ""),
        (log_cosh, log_cosh_gradient, {}, "edges", "failed", "math.exp(-abs(z)) cannot overflow"),
        (exponential_loss, exponential_loss_gradient, {"targets": "sign"}, "edges", "warning", "the loss outgrows all"),
        (hiding_hinge, hinge_gradient, {"targets": "sign"}, "not a number", "failed", "y_pred = nan is 0: NaN is"),
        (error, noisy_gradient, {}, "batch", "failed", "its gradient at y_true = 0, y_pred = 0, mean, is "),
        (huge, wide_gradient, {}, "batch", "failed", "its loss of a batch compiled is "),
        (wide_error, wide_gradient, {}, "precision", "failed", "WIDE is a np.float64"),
        pytest.param(arc_error, error_gradient, {}, "vectorised", "warning", "its loop calls atan", marks=on_x86),
        (error, error_gradient, {}, "arrays", "skipped", "it returns a number"),
    ],
)  # fmt: skip
def test_a_bad_loss_is_told_what_is_wrong(function, gradient, settings, check, status, told):
    found = outcome(Loss("mine", function, gradient, **settings), check)
    assert (found.status, told in found.text) == (status, True), found
    assert "\n" not in found.text


def row_error(y_true, y_pred, grad):
    total = 0.0
    for i in range(y_true.size):
        grad[i] = 2 * (y_pred[i] - y_true[i])
        total += (y_pred[i] - y_true[i]) ** 2
    return total


def first_gradient_only(y_true, y_pred, grad):
    grad[0] = 2 * (y_pred[0] - y_true[0])
    return (y_pred[0] - y_true[0]) ** 2


def centres_predictions(y_true, y_pred, grad):
    total = 0.0
    for i in range(y_true.size):
        y_pred[i] -= y_true[i]
        grad[i] = 2 * y_pred[i]
        total += y_pred[i] ** 2
    return total


def mean_gradient(y_true, y_pred, grad):
    total = row_error(y_true, y_pred, grad)
    for i in range(y_true.size):
        grad[i] /= y_true.size
    return total


@pytest.mark.parametrize(
    ("function", "check", "status", "told"),
    [
        (row_error, "gradient", "passed", ""),
        (row_error, "continuity", "skipped", "only functions of single numbers are tried"),
        (mean_gradient, "gradient", "failed", "its gradient of output 0 at y_true = ("),
        (first_gradient_only, "arrays", "failed", "its function leaves grad[1] of a row of 3 unwritten."),
        (centres_predictions, "arrays", "failed", "its function changes y_pred, "),
        (row_error, "arrays", "passed", ""),
        (row_error, "batch", "passed", "mean, sum"),
    ],
)
def test_a_bad_loss_of_rows_is_told_what_is_wrong(function, check, status, told):
    found = outcome(Loss("mine", function, row=True, targets="distribution"), check)
    assert (found.status, told in found.text) == (status, True), found


# What the checks stand on


def test_slopes_tell_kinks_from_bends():
    bend, kink = slope(lambda x: x * abs(x), 0.0), slope(abs, 0.0)
    assert not bend.kink and not bend.refuses(0.0) and bend.refuses(1e-4)
    assert kink.kink and (kink.low, kink.high) == pytest.approx((-1, 1))
    assert not kink.refuses(0.3) and kink.refuses(1.1) and kink.refuses(math.nan)


@pytest.mark.parametrize("x", [0.0, 1e-3, 1.0, -7.5, 30.0])
def test_slopes_are_good_to_nine_digits(x):
    """Of x + sin x / 2, which lies between 0.5 and 1.5 everywhere: 1e-9 is 50 times the rounding of x over the step."""
    found = slope(lambda t: t + math.sin(t) / 2, x)
    exact = 1 + math.cos(x) / 2
    assert not found.refuses(exact)
    assert found.low == pytest.approx(exact, rel=1e-9)
    assert found.slack < 1e-6 * exact


def test_a_jump_is_found_between_two_points_and_a_kink_is_none():
    x = np.linspace(-1, 1, 101)
    assert jump(abs, np.sign, x) is None
    assert jump(lambda t: t + (t > 0.305), lambda t: 1.0, x) == 65


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_first_number_is_found_to_the_last_bit(dtype):
    bound = np.array(-88.7, dtype)[()]

    def below(x):
        return x < bound

    found = first(below, magnitudes(dtype), -1)
    assert found == np.nextafter(bound, np.array(-np.inf, dtype)[()])
    assert shortest(found, below) == "-90"
    assert first(below, magnitudes(dtype), 1) is None
    assert first(lambda x: x == 0, magnitudes(dtype), 1) == 0
    assert first(lambda x: (x > 2) & (x < 5) | (x > 9), magnitudes(dtype), 1, lasting=True) == np.nextafter(
        np.array(9, dtype), np.array(np.inf, dtype)
    )


def test_options_are_tried_near_their_defaults_where_their_types_allow():
    def function(y_true, y_pred, base: Annotated[float, Gt(1)] = 1.5, count: int = 2, on: bool = False):
        return (y_pred - y_true) ** 2

    settings = settings_of(Loss("mine", function))
    assert [s.values for s in settings] == [(1.5, 2, 0), (2.25, 2, 0), (2, 2, 0), (1.5, 3, 0), (1.5, 1, 0), (1.5, 2, 1)]
    assert [s.text for s in settings[:2]] == ["", " with base = 2.25"]


def by_keyword(z, *, alpha=1.0):
    return alpha * z


def half_by_keyword(y_true, y_pred, *, delta=1.0):
    return delta * (y_pred - y_true)


@pytest.mark.parametrize(
    ("make", "headline"),
    [
        (lambda: Activation("mine", by_keyword, lambda z, a, alpha=1.0: alpha), "activation 'mine': by_keyword(z, *, "),
        (lambda: Activation("mine", by_keyword), "activation 'mine': by_keyword(z, *, alpha=1.0) takes alpha by key"),
        (lambda: Loss("mine", lambda y_true, y_pred, delta=1.0: 0.0, half_by_keyword), "loss 'mine': half_by_keyword("),
    ],
    ids=["function", "alone", "gradient"],
)
def test_options_by_keyword_only_are_refused_at_once(make, headline):
    with pytest.raises(PluginError, match=f"^{re.escape(headline)}.* compiled code cannot: leave out the '.'\\.$"):
        make()
