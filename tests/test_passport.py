"""Passports against what is known of the built-ins, and of functions that are known to lose digits."""

import math

import mpmath
import numpy as np
import pytest

from workbench import Activation, get
from workbench.registry import registry
from workbench.testing import checks_of
from workbench.testing.instruments.reference import NoReference, reference
from workbench.testing.passport import inputs, passport

RATE = np.float64(0.5)


def naive_softplus(z):
    return math.log(1 + math.exp(z))


def sigmoid(z, a):
    e = math.exp(-abs(z))
    return (1.0 if z >= 0 else e) / (1 + e)


def stable_softplus(z):
    return max(z, 0.0) + math.log1p(math.exp(-abs(z)))


def a_one_minus_a(z, a):
    return a * (1 - a)


def stable_sigmoid(z):
    return sigmoid(z, 0.0)


def less_one(z):
    return z if z > 0 else math.exp(z) - 1


def less_one_derivative(z, a):
    return 1.0 if z > 0 else math.exp(z)


def fast_sine(z):
    return math.sin(100 * z)


def fast_cosine(z, a):
    return 100 * math.cos(100 * z)


def neighbour(z):
    return math.nextafter(z, 0.0)


def root(z):
    return math.sqrt(z - 1e40)


def bell(z):
    return math.exp(-z * z)


def bell_derivative(z, a):
    return -2 * (z * a)


def one(z, a):
    return 1.0


def outcome(function, derivative):
    (check,) = [check for check in checks_of(Activation("mine", function, derivative)) if check.name == "passport"]
    return check.outcome()


@pytest.mark.parametrize(
    ("name", "value", "derivative"),
    [("sigmoid", 2.5, 2.5), ("tanh", 1.5, 3), ("softplus", 2.5, 2.5), ("elu", 2.5, 2.5)],
)
def test_errors_of_the_built_ins_are_those_that_are_known(name, value, derivative):
    """The bounds that test_activations proves against formulas of the literature; and more than nothing is found."""
    found = passport(get("activation", name))
    assert 0.4 < found.value.ulps <= value
    assert 0.4 < found.derivative.ulps <= derivative
    assert found.value.bad is found.derivative.bad is None


@pytest.mark.parametrize("name", ["relu", "linear"])
def test_what_is_exact_has_no_error(name):
    found = passport(get("activation", name))
    assert (found.value.ulps, found.derivative.ulps) == (0, 0)
    assert str(found).startswith("float32: f within 0 ulp, f' within 0 ulp\n")


def test_gelu_is_as_good_as_it_says_and_around_the_zero_of_its_derivative_the_input_s_rounding_is_not_counted():
    found = passport(get("activation", "gelu"))
    assert found.value.ulps < 4.2
    assert found.derivative.ulps < 20
    assert found.derivative.bad is None


def test_in_many_digits_a_helper_keeps_its_defaults():
    def scaled(x, gain=2.0, *, shift=1.0):
        return gain * x + shift

    assert reference(lambda x: scaled(x) + scaled(x, 1.0, shift=0.5))(1.5) == 6


def test_where_the_sigmoid_saturates():
    """In float32 1 - 2^-25 is 1, and 2^-150 is 0: at ln 2^24 and -ln 2^150."""
    found = passport(get("activation", "sigmoid"))
    assert found.above.constant == pytest.approx(24 * math.log(2), rel=1e-3)
    assert found.below.constant == pytest.approx(-150 * math.log(2), rel=1e-3)
    assert found.above.flat == pytest.approx(150 * math.log(2), rel=1e-3)
    assert found.below.flat == -found.above.flat
    assert found.below.overflow is found.above.overflow is None
    assert found.line.endswith("not finite at nowhere")


def test_relu_is_flat_from_zero_down_and_nowhere_above():
    found = passport(get("activation", "relu"))
    assert (found.below.flat, found.below.constant) == (0, 0)
    assert (found.above.flat, found.above.constant) == (None, None)


def test_selu_overflows_where_its_scale_carries_it_past_the_largest_number():
    assert passport(get("activation", "selu")).above.overflow == pytest.approx(
        np.finfo(np.float32).max / 1.0507, rel=1e-4
    )


def test_in_float64_softsign_is_as_good_and_saturates_later():
    """1 + z is z from 2^24 on in float32, from 2^53 on in float64."""
    single, double = (passport(get("activation", "softsign"), dtype) for dtype in ("float32", "float64"))
    assert 0.4 < double.value.ulps < 2
    assert 0.4 < double.derivative.ulps < 4
    assert (single.above.constant, double.above.constant) == (2**24, 2**53)


def test_the_naive_softplus_shows():
    found = passport(Activation("mine", naive_softplus, sigmoid))
    assert found.value.ulps > 1e6
    assert found.above.overflow == pytest.approx(128 * math.log(2), rel=1e-4)
    assert passport(Activation("mine", stable_softplus, sigmoid)).value.ulps < 2.5
    told = outcome(naive_softplus, sigmoid)
    assert told.status == "warning"
    assert told.text.startswith("f loses its digits where z = -")


@pytest.mark.parametrize(
    ("function", "derivative", "told"),
    [
        (stable_sigmoid, a_one_minus_a, "f' loses its digits where z = "),
        (less_one, less_one_derivative, "f loses its digits where z = -"),
        (neighbour, one, "it could not be measured: math.nextafter is not known in many digits."),
        (root, one, "it could not be measured: in many digits it has no value at most numbers."),
        (get("activation", "softsign").function, one, "f' loses its digits where z = "),
    ],
)
def test_lost_digits_and_what_cannot_be_measured_are_told(function, derivative, told):
    found = outcome(function, derivative)
    assert (found.status, found.text.startswith(told)) == ("warning", True), found


def test_errors_that_the_rounding_of_the_input_explains_are_not_held_against_a_function():
    """100 z rounds by 1e-4 where it is 2000, thousands of ulp of the sine; rounding z does no less."""
    assert passport(Activation("mine", fast_sine, fast_cosine)).value.bad is None
    assert passport(Activation("mine", bell, bell_derivative)).value.bad is None


def test_every_elementwise_built_in_has_a_reference_that_agrees_with_it():
    """In float64 to 1e-14, of the larger of value and 1: what rounding costs in plain Python, and gelu's constants."""
    for entry in registry().entries():
        spec = entry.spec
        if spec.kind == "activation" and not spec.row:
            exact = reference(spec.function)
            for z in (-20.0, -3.0, -0.7, 0.0, 1e-3, 2.0, 15.0):
                with mpmath.workdps(40):
                    assert float(exact(mpmath.mpf(z))) == pytest.approx(spec.function(z), rel=1e-14, abs=1e-14)


def helper(z):
    return math.exp(z) * RATE


def with_helper(z, gain=2.0):
    return gain * helper(z) / math.pi + float(round(z))


def test_a_reference_takes_helpers_constants_and_built_ins_along():
    with mpmath.workdps(40):
        found = reference(with_helper)(mpmath.mpf("0.3"))
        assert mpmath.almosteq(found, mpmath.exp(mpmath.mpf("0.3")) / mpmath.pi, mpmath.mpf("1e-38"))


def test_an_exponential_of_an_exponential_ends():
    """What is 0 to every machine is 0 here, for mpmath would need as many digits as e^10000 has."""

    def tower(z):
        return math.exp(-math.exp(z))

    assert reference(tower)(mpmath.mpf(10000)) == 0
    assert reference(naive_softplus)(mpmath.mpf(10) ** 30) == mpmath.mpf(10) ** 30


def test_only_what_is_written_in_python_has_a_reference():
    with pytest.raises(NoReference, match="'exp' is not written in Python"):
        reference(math.exp)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_inputs_are_of_every_size_and_both_signs(dtype):
    z, limits = inputs(dtype), np.finfo(dtype)
    assert z[0] == 0 and len(np.unique(z)) == len(z) > 1900
    assert set(-z) == set(z)
    assert np.abs(z[1:]).min() == limits.smallest_subnormal
    assert np.abs(z).max() > 0.99 * limits.max
    assert (np.diff(np.abs(z)) >= 0).all()
    assert ((np.abs(z) > 0.01) & (np.abs(z) < 20)).sum() > 700
