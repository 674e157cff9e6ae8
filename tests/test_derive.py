"""Derivatives on request: exact, from the left at a kink, compiled like those written by hand; and what is refused."""

import inspect
import itertools
import linecache
import math
import subprocess
import sys
import traceback
import types
from textwrap import dedent, indent

import mpmath
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mpmath import mpf

import workbench as wb
from workbench import Activation, Fused, Loss, get
from workbench.derive import derivative_of, gradient_of, source_of
from workbench.errors import PluginError
from workbench.jit import elementwise, fingerprint
from workbench.jit.retarget import rebind, retarget
from workbench.registry import Registry, registry

BUILT_INS = [entry.spec for entry in registry().entries() if entry.origin == "built-in"]
ACTIVATIONS = [spec for spec in BUILT_INS if spec.kind == "activation" and not spec.row]
LOSSES = {spec.name: spec for spec in BUILT_INS if spec.kind == "loss" and not spec.row}
FORMS = LOSSES | {f"{loss.name} after {name}": form for loss in LOSSES.values() for name, form in loss.fused.items()}
DTYPES = ["float32", "float64"]
count = itertools.count()


def module(text):
    """What a file with this text would define, ``math`` and ``numpy`` imported."""
    file = f"<test {next(count)}>"
    text = dedent(text)
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    scope = {"__name__": "tests.of.derive", "math": math, "np": np}
    exec(compile(text, file, "exec"), scope)
    return types.SimpleNamespace(**scope)


def function(expression, parameters="z"):
    """``def f(z): return <expression>``."""
    return module(f"def f({parameters}):\n    return {expression}\n").f


def derivative(f):
    return derivative_of(f, "activation 'f'", "derivative")


def body(f):
    """The lines of a function's derivative below its docstring."""
    return dedent("\n".join(source_of(derivative(f)).splitlines()[2:])).strip()


class Exact:
    """Stands for ``math`` and ``numpy`` where a function is run in 60 digits."""

    def __getattr__(self, name):
        own = {
            "copysign": lambda u, v: abs(u) if v >= 0 else -abs(u),
            "exp2": lambda u: mpf(2) ** u,
            "log2": lambda u: mpmath.log(u, 2),
            "logaddexp": lambda u, v: mpmath.log(mpmath.exp(u) + mpmath.exp(v)),
            "maximum": max, "minimum": min, "fabs": abs, "rint": mpmath.nint,
            "pow": lambda u, v: u**v, "power": lambda u, v: u**v, "square": lambda u: u * u,
            "where": lambda test, u, v: u if test else v,
        }  # fmt: skip
        return own.get(name) or getattr(mpmath, name)


def slope_before(f, z):
    """The difference quotient of f over 1e-30 at 1e-15 left of z; both errors are those of a second derivative."""
    with mpmath.workdps(60):
        exact, at, h = rebind(f, {"math": Exact(), "np": Exact()}), mpf(z) - mpf("1e-15"), mpf("1e-30")
        return float((exact(at) - exact(at - h)) / h)


# Random functions. Values stay of order one, so that 1e-9 is a bound on rounding; comparisons are of functions that
# cross each other, never only touch, since that is decided by the second derivative. Constants and points are multiples
# of 1/4, so that points often lie exactly on kinks.
constants = st.integers(-8, 8).map(lambda n: f"{n / 4}")
affine = st.one_of(
    st.just("z"), constants.map("(z + {})".format), st.tuples(constants, constants).map("({0[0]} * z - {0[1]})".format)
)
leaves = st.one_of(affine, affine, constants)


def composed(part):
    bounded = part.map("math.tanh({})".format)
    unary = st.sampled_from([
        "-{}", "abs({})", "math.sin({})", "math.cos({})", "math.tanh({})", "math.atan({})", "math.asinh({})",
        "math.erf({})", "np.square(math.tanh({}))", "math.exp(-abs({}))", "math.sqrt(1 + {0} * {0})", "min({}, 0.5)",
        "math.log1p(abs({}))", "max({}, 0.0)", "1 / (1 + {} ** 2)", "math.exp(math.sin({}))", "math.expm1(math.cos({}))",
        "math.sinh(math.tanh({}))", "math.cosh(math.tanh({}))", "math.tan(math.tanh({}))", "math.asin(math.sin({}) / 2)",
        "math.acos(math.sin({}) / 2)", "math.log(2 + math.sin({}))", "math.atanh(math.sin({}) / 2)", "math.erfc({})",
        "math.tanh({}) ** 3", "(2 + math.cos({})) ** 1.5", "2 ** math.sin({})", "(1.5 + math.sin({0})) ** math.cos({0})",
        "math.acosh(3 + math.sin({}))", "np.cbrt(2 + math.sin({}))", "math.log2(3 + math.sin({}))",
        "(z > 0.25) * {}", "(0.5 if -1 < z <= 1 else 1.5) * {}", "np.sign(z - 0.5) * {}",
    ])  # fmt: skip
    binary = st.sampled_from([
        "({} + {})", "({} - {})", "math.tanh({}) * math.sin({})", "({}) / (1 + ({}) ** 2)", "max({}, {})", "min({}, {})",
        "({} if z >= 0.5 else {})", "({} if z < -0.25 else {})", "({} if not (z > 0 and z < 1) else {})",
        "math.hypot(1 + abs({}), {})", "math.atan2({}, 2 + abs({}))", "np.logaddexp(math.sin({}), math.cos({}))",
        "np.where(z <= 1, {}, {})", "math.copysign({}, z - 1) + {}",
    ])  # fmt: skip
    return st.one_of(
        st.tuples(unary, part).map(lambda t: t[0].format(t[1])),
        st.tuples(binary, part, bounded).map(lambda t: t[0].format(t[1], t[2])),
        st.tuples(binary, bounded, part).map(lambda t: t[0].format(t[1], t[2])),
    )


points = st.one_of(st.integers(-12, 12).map(lambda n: n / 4), st.floats(-3, 3).map(lambda z: round(z, 6)))


@settings(max_examples=150, deadline=None)
@given(st.recursive(leaves, composed, max_leaves=8), points)
def test_any_composition_has_the_derivative_of_its_60_digits(expression, z):
    f = function(expression)
    expected = slope_before(f, z)
    assert derivative(f)(z, f(z)) == pytest.approx(expected, rel=1e-9, abs=1e-9)


PROGRAMS = {
    "names": """
        def f(z):
            e = math.exp(-abs(z))
            e_squared: float = e * e
            top = bottom = 1 + e_squared
            top += z
            return top / bottom
    """,
    "branches": """
        def f(z):
            if z > 1:
                y = 2 * z - 1
            elif z > 0:
                y = z * z
            else:
                y = 0.0
                if z < -1:
                    y = math.exp(z) - math.exp(-1)
            return y + z
    """,
    "several returns": """
        def f(z):
            if abs(z) > 1:
                return math.copysign(1.0, z) * (2 * abs(z) - 1)
            return z * abs(z)
    """,
    "the argument itself overwritten": """
        def f(z):
            z = max(z, -1.0)
            z *= z
            return math.sin(z)
    """,
    "a name that decides on itself": """
        def f(z):
            y = math.tanh(z)
            y = y if y > 0 else 0.25 * y
            return y * y
    """,
    "horner": """
        COEFFICIENTS = (1.0, -0.5, 0.25, -0.125)

        def f(z):
            total = 0.0
            for i in range(len(COEFFICIENTS)):
                total = total * z + COEFFICIENTS[i]
            return total
    """,
    "a loop over numbers": """
        def f(z):
            total = 0
            for c in (1.0, 3.0):
                if c > 2:
                    continue
                total += c * z**2
            else:
                total = -total
            return total
    """,
    "newton": """
        def f(z):  # y + e^y = z
            y = 0.0
            for _ in range(60):
                y -= (y + math.exp(y) - z) / (1 + math.exp(y))
            return y
    """,
    "while": """
        def f(z):
            n = 0
            while z > 1:
                z = z / 2
                n += 1
                if n > 5:
                    break
            return z * z + n
    """,
    "an option that begins to move": """
        def f(z, width=1.5):
            width = width + abs(z)
            return z / width
    """,
    "helpers": """
        def gate(u, sharpness=1.0, offset=0.0):
            e = math.exp(-abs(u))
            return (1.0 if u >= 0 else e) / (1 + e) * sharpness + offset

        def twice(u):
            return 2 * gate(u * u)

        def f(z):
            return z * gate(z) + gate(2 * z, 0.5) + gate(u=z, offset=0.5) * twice(z) + gate(1.0, z)
    """,
    "a step that a helper takes": """
        def sign(u):
            return 1.0 if u >= 0 else -1.0

        def positive(u):
            return u >= 0

        def f(z):
            bent = math.log1p(abs(z)) if positive(z) else -math.log1p(abs(z))
            return bent + sign(z) * abs(z) + sign(2 * z) * z * z
    """,
    "powers": """
        def f(z, p=3, q=2.5, base=1.5):
            u = abs(z) + 0.5
            return z**p + u**q + u**-1 + u**-0.5 + base**z + u**u + pow(u, 2) + math.pow(u, q) + 0 * u**0
    """,
}  # fmt: skip
LATTICE = [n / 4 for n in range(-12, 13)]


@pytest.mark.parametrize("name", PROGRAMS)
def test_statements_are_derived_one_by_one(name):
    f = module(PROGRAMS[name]).f
    slope = derivative(f)
    for z in LATTICE:
        assert slope(z, None) == pytest.approx(slope_before(f, z), rel=1e-12, abs=1e-12), z


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", PROGRAMS)
def test_compiled_it_computes_what_plain_python_does(name, dtype):
    """To a hundred roundings: float32 has its own, and loops add them up."""
    slope = derivative(module(PROGRAMS[name]).f)
    z = np.array([v + 0.125 for v in LATTICE] + LATTICE, dtype)  # where float32 rounds nothing onto a kink or off it
    expected = [slope(v, None) for v in z.tolist()]
    tolerance = 100 * np.finfo(dtype).eps
    np.testing.assert_allclose(elementwise(slope, dtype)(z, z), expected, rtol=tolerance, atol=tolerance)


# The built-ins, whose authors gave a derivative


def finite_range(n=400):
    """Both signs of every magnitude, and the range in which activations bend."""
    rng = np.random.default_rng(0)
    z = np.concatenate([np.geomspace(1e-300, 1e300, n), rng.uniform(0, 20, n), rng.uniform(0, 800, n)])
    return np.concatenate([z, -z, [0.0]]).tolist()


@pytest.mark.parametrize("spec", ACTIVATIONS, ids=lambda spec: spec.name)
def test_of_a_built_in_activation_it_is_the_one_given(spec):
    """To 20 roundings of a slope of order one; at the kinks the hand-written ones take the slope of the same side."""
    slope = Activation(spec.name, spec.function).derivative
    if spec.name == "hard_sigmoid":  # the one exception: symmetric by hand, so 0 at both ends
        assert slope(3.0, 1.0) == 1 / 6
    for z in finite_range():
        assert slope(z, None) == pytest.approx(spec.derivative(z, spec.function(z)), rel=1e-15, abs=20 * 2**-53), z
    for z in (-3.0, -1.0, 0.0, 1.0):
        assert slope(z, None) == pytest.approx(spec.derivative(z, spec.function(z)), rel=1e-15, abs=20 * 2**-53), z


@pytest.mark.parametrize("spec", ACTIVATIONS, ids=lambda spec: spec.name)
def test_of_a_built_in_activation_it_is_that_of_its_60_digits(spec):
    slope = derivative(spec.function)
    for z in np.random.default_rng(1).normal(scale=4, size=50).tolist():
        assert slope(z, None) == pytest.approx(slope_before(spec.function, z), rel=1e-14, abs=20 * 2**-53), z


@pytest.mark.parametrize("name", FORMS)
def test_of_a_built_in_loss_it_is_the_one_given(name):
    """To 10 roundings, but for kinks: absolute error and hinge take the flat side there, we the left one."""
    form, rng = FORMS[name], np.random.default_rng(2)
    slope = gradient_of(form.function, "loss 'l'", "gradient")
    targets = {"hinge": (-1.0, 1.0), "binary_cross_entropy": (0.0, 0.3, 1.0)}.get(name.split()[0], (-2.0, 0.0, 0.7))
    # where binary cross-entropy's gradient keeps its denominator off zero, the loss itself has the steeper slope
    probabilities = name == "binary_cross_entropy"
    predictions = rng.uniform(1e-6, 1 - 1e-6, 300) if probabilities else rng.normal(scale=30, size=300)
    for y_true, y_pred in itertools.product(targets, predictions.tolist()):
        expected = form.gradient(y_true, y_pred)
        assert slope(y_true, y_pred) == pytest.approx(expected, rel=10 * 2**-53, abs=10 * 2**-53), (y_true, y_pred)


def test_losses_take_the_slope_from_the_left_at_their_kinks():
    def slope(name):
        return gradient_of(LOSSES[name].function, "loss 'l'", "gradient")

    assert slope("absolute_error")(0.7, 0.7) == -1
    assert slope("hinge")(1.0, 1.0) == -1
    assert slope("hinge")(-1.0, -1.0) == 0
    assert slope("huber")(0.0, 1.0) == 1
    assert slope("squared_error")(0.7, 0.7) == 0


@pytest.mark.parametrize("name", [spec.name for spec in ACTIVATIONS] + list(FORMS))
def test_of_a_built_in_it_computes_in_the_precision_it_is_given(name):
    """One literal that widens float32 to float64 would halve the speed."""
    form = FORMS.get(name) or get("activation", name)
    derive = gradient_of if name in FORMS else derivative_of
    compiled = retarget(derive(form.function, "owner", "example"), "float32")
    parameters = inspect.signature(form.function).parameters.values()
    options = [np.float32(p.default) for p in parameters if p.default is not p.empty]
    compiled(np.float32(0.5), np.float32(0.25), *options)
    (signature,) = compiled.nopython_signatures
    assert str(signature.return_type) == "float32"
    assert "double" not in compiled.inspect_llvm(signature.args).partition("define")[2].partition("\n}\n")[0]


# Kinks


@pytest.mark.parametrize(
    ("expression", "z", "slope"),
    [
        ("max(z, 0.0)", 0.0, 0.0),
        ("z if z > 0 else 0.0", 0.0, 0.0),
        ("z if z >= 0 else 0.0", 0.0, 0.0),
        ("0.0 if z < 0 else z", 0.0, 0.0),
        ("z * (z > 0)", 0.0, 0.0),
        ("z * (not z <= 0)", 0.0, 0.0),
        ("min(z, 1.0)", 1.0, 1.0),
        ("min(max(z, 0.0), 1.0)", 0.0, 0.0),
        ("max(0.0, min(1.0, z))", 1.0, 1.0),
        ("abs(z)", 0.0, -1.0),
        ("-abs(z)", 0.0, 1.0),
        ("abs(-z)", 0.0, -1.0),
        ("abs(math.sin(z))", 0.0, -1.0),
        ("abs(z) * z", 0.0, 0.0),
        ("max(z, -z, 2 * z)", 0.0, -1.0),
        ("min(z, -z, 0.5 * z)", 0.0, 1.0),
        ("z if abs(z) > 2 else 3 * z", 2.0, 3.0),
        ("z if abs(z) > 2 else 3 * z", -2.0, 1.0),
        ("1.0 if -1 < z < 1 else z", 1.0, 0.0),
        ("1.0 if -1 < z < 1 else z", -1.0, 1.0),
        ("math.hypot(z, 0.0)", 0.0, -1.0),
        ("math.hypot(3 * z, 4 * z)", 0.0, -5.0),
        ("np.where(z > 0, z, 0.5 * z)", 0.0, 0.5),
        # smooth, however they are written
        ("(1.0 if z >= 0 else math.exp(-abs(z))) / (1 + math.exp(-abs(z)))", 0.0, 0.25),
        ("max(z, 0.0) + math.log1p(math.exp(-abs(z)))", 0.0, 0.5),
        ("np.sign(z) * math.log1p(abs(z))", 0.0, 1.0),
        ("math.copysign(math.log1p(abs(z)), z)", 0.0, 1.0),
        ("((z > 0) - (z < 0)) * math.expm1(abs(z))", 0.0, 1.0),
        ("math.sqrt(max(z, 0.0)) * max(z, 0.0)", 0.0, 0.0),
        # steep where the argument stands still
        ("math.sqrt(max(z, 0.0))", -1.0, 0.0),
        ("max(z, 0.0) ** 0.5", -1.0, 0.0),
        ("np.cbrt(max(z, 0.0))", -1.0, 0.0),
        ("math.asin(min(max(z, -1.0), 1.0))", 2.0, 0.0),
        ("math.acos(min(max(z, -1.0), 1.0))", -2.0, 0.0),
        ("math.acosh(max(z, 1.0))", 0.0, 0.0),
    ],
)
def test_at_a_kink_it_is_the_derivative_from_the_left(expression, z, slope):
    derived = derivative(function(expression))
    assert derived(z, None) == pytest.approx(slope, abs=1e-15)
    for dtype in DTYPES:
        assert elementwise(derived, dtype)([z], [0.0])[0] == pytest.approx(slope, abs=1e-6)


def test_powers_with_an_option_for_exponent_stand_still_with_their_base():
    f = function("max(z, 0.0) ** p", "z, p=0.5")
    assert derivative(f)(-1.0, None) == 0
    assert derivative(f)(4.0, None) == 0.25
    assert derivative(f)(3.0, None, 2) == 6


def test_what_only_counts_or_rounds_is_flat():
    f = function("z * math.floor(z) + round(z) - z // 1 + z % 0.5 + math.isnan(z) + np.rint(2 * z) + math.trunc(z)")
    assert derivative(f)(2.25, None) == 2 + 1


# Overflow


SATURATING = [
    "z / (1 + math.exp(-2 * z))",
    "1 / (1 + np.exp(-3 * z))",
    "(1 + math.exp(-z)) ** -1",
    "(1 + math.exp(-z)) ** -0.5",
    "z * math.tanh(math.log(1 + math.exp(z)))",
    "z * math.tanh(math.log1p(math.exp(2 * z)))",
    "math.exp(-math.exp(-z))",
    "math.atan(math.sinh(z))",
    "1 / math.cosh(z)",
    "math.erf(math.exp(z))",
    "2 ** -(2 ** z)",
    "z / math.sqrt(1 + math.exp(-z))",
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("expression", SATURATING)
def test_where_an_exponential_inside_overflows_the_slope_is_still_right(expression, dtype):
    """float32 has e^88, float64 e^709, and between the largest number and half of it the factors of a tangent do."""
    f = function(expression)
    limit = math.log(float(np.finfo(dtype).max))
    near = np.concatenate([limit / k + np.linspace(-0.5, 0.5, 41) for k in (1, 2, 3)])
    z = np.concatenate([near, np.linspace(1, 2 * limit, 20)]).astype(dtype)
    z = np.concatenate([z, -z])
    value = elementwise(f, dtype)(z)
    assert np.isfinite(value).all()
    with mpmath.workdps(60):
        exact = rebind(f, {"math": Exact(), "np": Exact()})
        expected = [float(mpmath.diff(exact, mpf(v), h=mpf("1e-25"))) for v in z.tolist()]
    found = elementwise(derivative(f), dtype)(z, value)
    np.testing.assert_allclose(found, expected, rtol=1e-3 if dtype == "float32" else 1e-9, atol=1e-5)


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("math.exp(-abs(z))", "math.exp(-abs(z)) * (-1.0 if z > 0 else 1.0)"),
        ("1 / (1 + math.exp(-abs(z)))", None),
        ("1 / (1 + math.exp(-0.5 * z * z))", None),
        ("1 / (1 + math.exp(min(z, 20.0)))", None),
        ("1 / (1 + math.exp(-(z ** 2)))", None),
        ("1 / (1 + math.exp(-3 * math.tanh(z)))", None),
    ],
)
def test_exponentials_that_cannot_overflow_are_left_alone(expression, text):
    found = body(function(expression))
    assert "d_quotient" not in found and "chain" not in found
    assert text is None or found == f"return {text}"


# How it reads


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("z", "return 1.0"),
        ("3.0", "return 0.0"),
        ("z * z * z", "return (z + z) * z + z * z"),
        ("3 * z ** 2", "return 3 * (2 * z)"),
        ("z ** 3 / 3", "return 3 * z ** 2 / 3"),
        ("2 * z - 1", "return 2.0"),
        ("-z", "return -1.0"),
        ("z / (1 + abs(z))", "return (1.0 - z / (1 + abs(z)) * (1.0 if z > 0 else -1.0)) / (1 + abs(z))"),
        ("math.tanh(z)", "return slope_of_tanh(z)"),
        ("math.log(z)", "return 1.0 / z"),
        ("math.cos(-2 * z)", "return 2.0 * math.sin(-2 * z)"),
        ("1 - math.exp(-z)", "return math.exp(-z)"),
        ("math.sqrt(1 + z * z)", "return 0.5 / math.sqrt(1 + z * z) * (z + z)"),
        ("max(z, 0.0)", "return 1.0 if z > 0.0 else 0.0"),
        ("z if -3 < z < 3 else 0.0", "return 1.0 if -3 < z <= 3 else 0.0"),
        ("z * (z > 0)", "return 1.0 * (z > 0)"),
    ],
)
def test_it_reads_as_if_written_by_hand(expression, text):
    assert body(function(expression)) == text


def test_a_call_that_is_needed_twice_is_made_once():
    assert body(function("z / (1 + math.exp(-2 * z))")) == (
        "exp_1 = math.exp(-2 * z)\nreturn d_quotient(z, 1.0, 1 + exp_1, -2.0 * exp_1)"
    )


def test_no_branch_is_evaluated_before_it_is_taken():
    """1 / z and the logarithm would raise."""
    slope = derivative(function("math.log(z) * math.log(z) / z if z > 0 else 3 * z"))
    assert slope(0.0, None) == 3
    assert slope(1.0, None) == 0


def test_names_of_its_own_give_way_to_the_authors():
    f = module("""
        from types import SimpleNamespace

        a, d_e, exp_1 = 2.0, 3.0, 4.0

        def gate(z):
            return math.tanh(z)

        helpers = SimpleNamespace(gate=gate)

        def f(z):
            gate = helpers.gate(z)
            e = a * gate
            return d_e * e * e + exp_1 * math.exp(z) * math.exp(z)
    """).f
    slope = derivative(f)
    assert slope(0.5, None) == pytest.approx(slope_before(function("3 * (2 * math.tanh(z)) ** 2 + 4 * math.exp(2 * z)"), 0.5))
    assert list(inspect.signature(slope).parameters) == ["z", "a_"]
