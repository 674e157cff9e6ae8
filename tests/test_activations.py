"""Activations and their derivatives against mpmath, compiled as the network compiles them; rows A1, A3 and A4."""

import functools
import math

import mpmath
import numpy as np
import pytest
from mpmath import mpf

from workbench import get, jit
from workbench.jit.retarget import retarget
from workbench.registry import registry

ACTIVATIONS = [entry.spec for entry in registry().entries() if entry.spec.kind == "activation"]
ELEMENTWISE = [spec.name for spec in ACTIVATIONS if not spec.row]
elementwise, compiled = functools.cache(jit.elementwise), functools.cache(retarget)  # once for all tests
every_elementwise = pytest.mark.parametrize("name", ELEMENTWISE)

# The formulas as the literature has them; the options are at their defaults.
REFERENCE = {
    "elu": lambda z: z if z > 0 else mpmath.expm1(z),
    "gelu": lambda z: z * mpmath.erfc(-z / mpmath.sqrt(2)) / 2 if z > -1000 else mpf(0),
    "hard_sigmoid": lambda z: min(max(z / 6 + mpf(1) / 2, mpf(0)), mpf(1)),
    "leaky_relu": lambda z: z if z > 0 else mpf(0.01) * z,
    "linear": lambda z: z,
    "mish": lambda z: z * mpmath.tanh(REFERENCE["softplus"](z)),
    "relu": lambda z: max(z, mpf(0)),
    "selu": lambda z: mpf("1.0507009873554805") * (z if z > 0 else mpf("1.6732632423543772") * mpmath.expm1(z)),
    "sigmoid": lambda z: 1 / (1 + mpmath.exp(-z)),
    "silu": lambda z: z / (1 + mpmath.exp(-z)),
    "softplus": lambda z: mpmath.log1p(mpmath.exp(-abs(z))) + max(z, mpf(0)),
    "softsign": lambda z: z / (1 + abs(z)),
    "tanh": mpmath.tanh,
}
DERIVATIVE = {
    "gelu": lambda z: mpmath.ncdf(z) + z * mpmath.npdf(z) if abs(z) < 1000 else mpf(z > 0),
    "relu": lambda z: mpf(z > 0),
    "sigmoid": lambda z: mpmath.exp(-abs(z)) / (1 + mpmath.exp(-abs(z))) ** 2,
    "softplus": REFERENCE["sigmoid"],
    "tanh": lambda z: mpmath.sech(z) ** 2 if abs(z) < 1000 else mpf(0),
}


def finite_range(dtype="float32", n=1000):
    """Both signs of every magnitude, subnormal to largest, and the range in which activations bend."""
    rng = np.random.default_rng(0)
    limits = np.finfo(dtype)
    magnitudes = np.geomspace(float(limits.smallest_subnormal), float(limits.max) * 0.999, n)
    z = np.concatenate([magnitudes, rng.uniform(0, 20, n), rng.uniform(0, 110, n)]).astype(dtype)
    return np.concatenate([z, -z, [0, limits.max, limits.min]]).astype(dtype)


def ulps(got, z, reference):
    """Errors in units in the last place of the true value."""
    with mpmath.workdps(50):
        true = [reference(mpf(v)) for v in z.tolist()]
        highest = 0.75 * float(np.finfo(got.dtype).max)  # of the last binade; the spacing of the largest overflows
        units = np.spacing(np.array([min(float(abs(t)), highest) for t in true], got.dtype)).tolist()
        return np.array([float(abs(mpf(v) - t) / u) for v, t, u in zip(got.tolist(), true, units, strict=True)])


def within(name, z, value, derivative):
    """Assert the largest errors in float32, in ulp, of the value and of the derivative."""
    activation = get("activation", name)
    a = elementwise(activation.function, "float32")(z)
    slope = elementwise(activation.derivative, "float32")(z, a)
    assert a.dtype == slope.dtype == np.float32
    for got, reference, bound in ((a, REFERENCE[name], value), (slope, DERIVATIVE[name], derivative)):
        errors = ulps(got, z, reference)
        assert errors.max() <= bound, z[errors.argmax()]


def test_A1_sigmoid_within_2_5_ulp_over_the_whole_range():
    within("sigmoid", finite_range(), 2.5, 2.5)


def test_A1_sigmoid_both_forms_saturate_without_overflow():
    z = np.array([-np.inf, -1e38, 1e38, np.inf], np.float32)
    sigmoid = get("activation", "sigmoid")
    a = elementwise(sigmoid.function, "float32")(z)
    np.testing.assert_array_equal(a, [0, 0, 1, 1])
    np.testing.assert_array_equal(elementwise(sigmoid.derivative, "float32")(z, a), 0)


def test_tanh_within_3_ulp_over_the_whole_range():
    within("tanh", finite_range(), 3, 3)


def test_softplus_within_2_5_ulp_over_the_whole_range():
    within("softplus", finite_range(), 2.5, 2.5)


def test_A3_relu_is_exact_and_its_derivative_at_zero_is_zero():
    within("relu", finite_range(), 0, 0)
    assert get("activation", "relu").derivative(0.0, 0.0) == 0


def test_gelu_within_the_bounds_its_docstring_states():
    z = finite_range()
    within("gelu", z[(z > -12.8) & ((z > 0) | (z < -2))], 4.2, 4.5)
    within("gelu", z[(z > -2) & (z < 0)], 4.2, math.inf)
    within("gelu", z[z < -12.8], 7, 20)


def test_gelu_derivative_is_accurate_to_rounding_around_its_zero():
    z = np.linspace(-2, 0, 2001, dtype=np.float32)
    gelu = get("activation", "gelu")
    got = elementwise(gelu.derivative, "float32")(z, elementwise(gelu.function, "float32")(z))
    np.testing.assert_allclose(got, [float(DERIVATIVE["gelu"](mpf(v))) for v in z.tolist()], rtol=0, atol=1.3e-7)


def test_every_built_in_has_a_reference():
    built_in = {entry.spec.name for entry in registry().entries() if entry.origin == "built-in"}
    assert set(REFERENCE) == set(ELEMENTWISE) & built_in


@every_elementwise
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_value_and_derivative_are_those_of_the_formula(name, dtype):
    """To 40 roundings of the larger of value and 1: elementary functions within 6 ulp, and sums that cancel."""
    z = np.random.default_rng(1).normal(scale=4, size=200).astype(dtype)
    activation, reference = get("activation", name), REFERENCE[name]
    tolerance = {"rtol": 0, "atol": 40 * np.finfo(dtype).eps}
    with mpmath.workdps(50):
        value = np.array([float(reference(mpf(v))) for v in z.tolist()])
        slope = np.array([float(mpmath.diff(reference, mpf(v), h=mpf("1e-20"))) for v in z.tolist()])
    a = elementwise(activation.function, dtype)(z)
    np.testing.assert_allclose(a, value, **tolerance)
    np.testing.assert_allclose(elementwise(activation.derivative, dtype)(z, a), slope, **tolerance)


@every_elementwise
def test_plain_python_computes_the_same_and_never_overflows(name):
    activation = get("activation", name)
    z = finite_range("float64", n=50) / 2  # selu of the largest number is rightly infinite
    a = [activation.function(v) for v in z.tolist()]
    slope = [activation.derivative(v, f) for v, f in zip(z.tolist(), a, strict=True)]
    assert np.isfinite(a).all()
    assert np.isfinite(slope).all()
    np.testing.assert_allclose(elementwise(activation.function, "float64")(z), a, rtol=1e-14, atol=1e-15)
    found = elementwise(activation.derivative, "float64")(z, np.array(a))
    np.testing.assert_allclose(found, slope, rtol=1e-14, atol=1e-15)


def test_options_change_the_negative_side():
    leaky, elu = get("activation", "leaky_relu"), get("activation", "elu")
    assert leaky.function(-2.0, 0.3) == -0.6
    assert leaky.derivative(-2.0, -0.6, 0.3) == 0.3
    assert elu.function(-2.0, 0.5) == 0.5 * math.expm1(-2)
    assert elu.derivative(-2.0, 0.0, 0.5) == 0.5 * math.exp(-2)


def test_each_names_the_initial_weights_it_wants():
    wanted = {spec.name: spec.initializer for spec in ACTIVATIONS}
    assert wanted["selu"] == "lecun_normal"
    assert {wanted[name] for name in ("sigmoid", "tanh", "softmax", "linear", "softsign")} == {"glorot_uniform"}
    assert {wanted[name] for name in ("relu", "leaky_relu", "elu", "gelu", "silu", "mish")} == {"he_uniform"}


def softmax(z, dtype="float64"):
    z = np.array(z, dtype)
    a = np.full_like(z, np.nan)
    compiled(get("activation", "softmax").function, dtype)(z, a)
    return a


def test_A4_softmax_equals_the_reference():
    z = np.random.default_rng(2).normal(scale=5, size=7)
    with mpmath.workdps(50):
        powers = [mpmath.exp(mpf(v)) for v in z.tolist()]
        expected = [float(p / sum(powers)) for p in powers]
    np.testing.assert_allclose(softmax(z), expected, rtol=2e-15)  # the rounding of z - max, up to 20 * 2^-53, and 3 ulp
    np.testing.assert_allclose(softmax(z, "float32"), expected, rtol=2e-6)
    assert softmax(z).sum() == pytest.approx(1, abs=1e-15)


def test_A4_softmax_is_unchanged_by_a_shift():
    z = np.arange(-4.0, 5.0)
    np.testing.assert_array_equal(softmax(z + 1024), softmax(z))  # sums of small integers are exact


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_A4_softmax_of_the_largest_numbers(dtype):
    largest = np.finfo(dtype).max
    np.testing.assert_array_equal(softmax([largest, -largest, largest], dtype), [0.5, 0, 0.5])
    np.testing.assert_array_equal(softmax([-largest, -largest], dtype), [0.5, 0.5])


def test_A4_softmax_of_two_classes_is_the_sigmoid_of_the_difference():
    sigmoid = elementwise(get("activation", "sigmoid").function, "float64")
    for difference in (-800.0, -3.0, 0.0, 0.5, 40.0):
        p = sigmoid(np.array([difference, -difference]))
        np.testing.assert_allclose(softmax([difference, 0.0]), p, rtol=1e-15, atol=1e-300)


def test_A4_softmax_gradient_equals_the_jacobian():
    """grad_z = J grad_a with J = diag(a) - a a^T."""
    rng = np.random.default_rng(3)
    z, grad_a = rng.normal(size=6), rng.normal(size=6)
    a, grad_z = softmax(z), np.full(6, np.nan)
    compiled(get("activation", "softmax").derivative, "float64")(grad_a, z, a, grad_z)
    np.testing.assert_allclose(grad_z, (np.diag(a) - np.outer(a, a)) @ grad_a, rtol=0, atol=1e-16 * 6)


def test_softmax_as_plain_python():
    z, a = np.array([8e307, 0.0, -8e307]), np.empty(3)
    get("activation", "softmax").function(z, a)
    np.testing.assert_array_equal(a, [1, 0, 0])
