"""Derivatives on request: exact, from the left at a kink, compiled like those written by hand; and what is refused."""

import builtins
import inspect
import itertools
import linecache
import math
import os
import subprocess
import sys
import traceback
import types
from textwrap import dedent

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mpf

from workbench import Activation, Fused, Loss, get
from workbench.derive import derivative_of, gradient_of, rules, source_of
from workbench.errors import PluginError, UnknownName
from workbench.jit import elementwise, fingerprint
from workbench.jit.retarget import retarget
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
            "absolute": abs, "fmax": max, "fmin": min, "float32": mpf, "float64": mpf, "positive": mpf,
            "copysign": lambda u, v: abs(u) if v >= 0 else -abs(u),
            "exp2": lambda u: mpf(2) ** u,
            "log2": lambda u: mpmath.log(u, 2),
            "logaddexp": lambda u, v: mpmath.log(mpmath.exp(u) + mpmath.exp(v)),
            "maximum": max, "minimum": min, "fabs": abs, "rint": mpmath.nint,
            "pow": lambda u, v: u**v, "power": lambda u, v: u**v, "square": lambda u: u * u,
            "where": lambda test, u, v: u if test else v,
        }  # fmt: skip
        return own.get(name) or getattr(mpmath, name.replace("arc", "a"))


def exact(f):
    """The function, and what it calls in its own file, for numbers of 60 digits."""
    scope = {}
    for name, value in f.__globals__.items():
        helper = isinstance(value, types.FunctionType) and value.__globals__ is f.__globals__
        scope[name] = types.FunctionType(value.__code__, scope, name, value.__defaults__) if helper else value
    scope.update(math=Exact(), np=Exact(), float=mpf)
    return types.FunctionType(f.__code__, scope, f.__name__, f.__defaults__)


def slope_before(f, z):
    """The difference quotient of f over 1e-30 at 1e-15 left of z; both errors are those of a second derivative."""
    with mpmath.workdps(60):
        at, h = mpf(z) - mpf("1e-15"), mpf("1e-30")
        return float((exact(f)(at) - exact(f)(at - h)) / h)


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
        "-{}", "abs({})", "max({}, 0.0)", "min({}, 0.5)", "(z > 0.25) * {}", "(0.5 if -1 < z <= 1 else 1.5) * {}",
        "np.sign(z - 0.5) * {}", "1 / (1 + {} ** 2)", "math.tanh({}) ** 3", "(2 + math.cos({})) ** 1.5",
        "2 ** math.sin({})", "(1.5 + math.sin({0})) ** math.cos({0})", "np.square(math.tanh({}))",
        "math.sin({})", "math.cos({})", "math.tan(math.tanh({}))", "math.asin(math.sin({}) / 2)",
        "math.acos(math.sin({}) / 2)", "math.atan({})", "math.sinh(math.tanh({}))", "math.cosh(math.tanh({}))",
        "math.tanh({})", "math.asinh({})", "math.acosh(3 + math.sin({}))", "math.atanh(math.sin({}) / 2)",
        "math.exp(-abs({}))", "math.exp(math.sin({}))", "np.exp2(math.sin({}))", "math.expm1(math.cos({}))",
        "math.log(2 + math.sin({}))", "math.log1p(abs({}))", "math.log2(3 + math.sin({}))", "np.log10(2 + abs({}))",
        "math.sqrt(1 + {0} * {0})", "np.cbrt(2 + math.sin({}))", "math.erf({})", "math.erfc({})",
    ])  # fmt: skip
    binary = st.sampled_from([
        "({} + {})", "({} - {})", "math.tanh({}) * math.sin({})", "({}) / (1 + ({}) ** 2)", "max({}, {})",
        "min({}, {})", "({} if z >= 0.5 else {})", "({} if z < -0.25 else {})", "({} if not (z > 0 and z < 1) else {})",
        "np.where(z <= 1, {}, {})", "math.copysign({}, z - 1) + {}", "math.hypot(1 + abs({}), {})",
        "math.atan2({}, 2 + abs({}))", "np.logaddexp(math.sin({}), math.cos({}))",
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


# Each rule by itself, on either side of zero where it is defined there


def spelled(rule):
    """How a function is called in an author's file."""
    homes = (("", builtins), ("math.", math), ("np.", np))
    return next(f"{home}{rule.__name__}" for home, module in homes if getattr(module, rule.__name__, None) is rule)


NEAR_ONE, POSITIVE = (-0.9, 0.3), (0.3, 4.0)
DOMAINS = {
    "acos": NEAR_ONE, "acosh": (1.2, 4.0), "asin": NEAR_ONE, "atanh": NEAR_ONE, "cbrt": POSITIVE, "log": POSITIVE,
    "log10": POSITIVE, "log1p": POSITIVE, "log2": POSITIVE, "sqrt": POSITIVE,
}  # fmt: skip
OF_TWO = rules.MAX | rules.MIN | rules.POW | rules.HYPOT | {f for f, slopes in rules.SLOPES.items() if len(slopes) == 2}


@pytest.mark.parametrize("called", sorted(map(spelled, rules.SLOPES.keys() | rules.ABS | OF_TWO)))
def test_every_rule_is_the_derivative(called):
    name = called.rpartition(".")[2].replace("arc", "a")
    two = called in map(spelled, OF_TWO)
    f = function(f"{called}(0.5 * abs(z), 1.5 - z)" if two else f"{called}(0.5 * z * min(z, 9.0) / z)")
    for u in DOMAINS.get(name, (-1.7, 2.2)):
        assert derivative(f)(2 * u, None) == pytest.approx(slope_before(f, 2 * u), rel=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_rule_can_be_compiled(dtype):
    rising = "1.5 + 0.5 * math.sin(z)"
    terms = [f"{called}({rising}, 2 + {rising})" for called in map(spelled, OF_TWO)]
    others = (
        set(map(spelled, rules.SLOPES.keys() | rules.ABS)) - set(map(spelled, OF_TWO)) - {"math.cbrt"}
    )  # not Numba's
    for called in sorted(others):
        high = called.replace("arc", "a").endswith("acosh")
        terms.append(f"{called}({rising} + 1)" if high else f"{called}(({rising}) / 3)")
        if called in map(spelled, rules.STEEP):  # where it is steep, and its argument stands still
            terms.append(f"{called}({'max(z, 1.0)' if high else 'min(max(z, 0.0), 1.0)'})")
    steep = ["max(z, 0.0) ** 0.5", "max(z, 0.0) ** p", "abs(z + 0.1) ** z", "math.hypot(z, 2 * z)", "max(abs(z), -z)"]
    f = function(" + ".join(sorted(terms) + steep), "z, p=0.75")
    slope = derivative(f)
    z = np.array([-2.0, -1.0, -0.25, 1.25, 2.0], dtype)
    expected = [slope(v, None) for v in z.tolist()]
    tolerance = 1000 * np.finfo(dtype).eps  # fifty terms of order one, some of them steep
    np.testing.assert_allclose(elementwise(slope, dtype)(z, z), expected, rtol=tolerance, atol=tolerance)


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
            y = 1.0 + y if y > 0 else -0.5 * y
            return (y + 1.0) ** 2
    """,
    "a name that its tangent needs twice": """
        def f(z):
            y = np.logaddexp(z, z)
            return y * y
    """,
    "a constant that a branch overwrites": """
        def f(z):
            y = 0.0
            if z > 1:
                y = z - 1
            return y + z
    """,
    "a slope that grows in a loop": """
        def f(z):
            y = 0.0
            for _ in range(3):
                x = z + 0.1 * y
                y = x * x
            return x
    """,
    "a loop over a name that moved": """
        def f(z):
            t = math.sin(z)
            total = t
            for t in (1.0, 2.0):
                total += t * z
            return total
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
            one = z * gate(z) + gate(2 * z, 0.5) + gate(u=z, offset=0.5) * twice(z)
            return one + gate(1.0, z) + gate(0.5, offset=2 * z, sharpness=1.5)
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
        # both sides flat: decided as at the point
        ("3 * z if max(z, 0.0) > 0 else z", -1.0, 1.0),
        ("3 * z if max(z, 0.0) < 0 else z", -1.0, 1.0),
        ("3 * z if max(z, 0.0) >= 0 else z", -1.0, 3.0),
        ("3 * z if max(z, 0.0) <= 0 else z", -1.0, 3.0),
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
    assert derivative(function(expression))(z, None) == pytest.approx(slope, abs=1e-15)


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
    "math.exp(-np.exp2(z))",
    "z / (1 + 2.0 ** -z)",
]


SATURATING_FUNCTIONS = [function(expression) for expression in SATURATING] + [
    module(text).f
    for text in (
        """
        def f(z):
            e = math.exp(-2 * z)
            return z / (1 + e)
        """,
        """
        def power(z):
            return math.exp(-2 * z)

        def f(z):
            return z / (1 + power(z))
        """,
        """
        def share(e, z):
            return z / (1 + e)

        def f(z):
            return share(math.exp(-2 * z), z)
        """,
    )
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("f", SATURATING_FUNCTIONS, ids=[*SATURATING, "by a name", "by a helper", "in a helper"])
def test_where_an_exponential_inside_overflows_the_slope_is_still_right(f, dtype):
    """float32 has e^88, float64 e^709, and between the largest number and half of it the factors of a tangent do."""
    limit = math.log(float(np.finfo(dtype).max))
    near = [limit / k + np.linspace(-0.4, 0.4, 9) for k in (1, 2, 3)]
    z = np.concatenate([*near, np.linspace(1, 2 * limit, 10)]).astype(dtype)
    z = np.concatenate([z, -z])
    value = elementwise(f, dtype)(z)
    assert np.isfinite(value).all()
    with mpmath.workdps(60):
        expected = [float(mpmath.diff(exact(f), mpf(v), h=mpf("1e-25"))) for v in z.tolist()]
    found = elementwise(derivative(f), dtype)(z, value)
    np.testing.assert_allclose(found, expected, rtol=1e-3 if dtype == "float32" else 1e-9, atol=1e-5)


def test_a_logarithm_keeps_its_slope_as_long_as_its_value():
    """Where e^2z is still a number in float32, but 2 e^2z is not."""
    slope = derivative(function("math.log(1 + math.exp(2 * z))"))
    assert elementwise(slope, "float32")([44.2], [0.0])[0] == pytest.approx(2, rel=1e-6)


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
    assert slope(0.5, None) == pytest.approx(
        slope_before(function("3 * (2 * math.tanh(z)) ** 2 + 4 * math.exp(2 * z)"), 0.5)
    )
    assert list(inspect.signature(slope).parameters) == ["z", "a_"]


def test_a_name_that_is_used_before_it_has_a_value_is_not_read_for_ever():
    slope = derivative(module("""
        def f(z):
            for _ in range(2):
                x = z + y
                y = x
            return x
    """).f)  # fmt: skip
    with pytest.raises(UnboundLocalError):
        slope(1.0, None)


# How it is kept and compiled


SHARPENED = """
    def sharpened(z, k=2.0, offset: float = 0.0):
        return math.tanh(k * z) + offset * z
"""


def test_options_keep_their_names_defaults_and_types():
    f = module(SHARPENED).sharpened
    spec = Activation("sharpened", f)
    (z, a, *options) = inspect.signature(spec.derivative).parameters.values()
    assert (z.name, a.name) == ("z", "a")
    assert options == list(inspect.signature(f).parameters.values())[1:]
    assert spec.derivative(0.0, 0.0) == 2.0
    assert spec.derivative(0.0, 0.0, 3.0, 0.5) == 3.5
    assert spec.check({"k": 3.0}) == {"k": 3.0, "offset": 0.0}


def test_a_derivative_that_is_given_stays():
    def slope(z, a):
        return 1.0

    assert Activation("linear2", function("z"), slope).derivative is slope
    assert source_of(slope) is None


def test_fused_forms_are_derived_one_by_one():
    given = function("2 * (z - y_true)", "y_true, z")
    fused = {
        "tanh": Fused(function("(z - y_true) ** 2", "y_true, z"), given),
        "sigmoid": Fused(function("z * y_true", "y_true, z")),
    }
    loss = Loss("l", function("abs(y_pred - y_true)", "y_true, y_pred"), fused=fused)
    assert loss.gradient(1.0, 3.0) == 1
    assert loss.fused["tanh"].gradient is given
    assert loss.fused["sigmoid"].gradient(2.0, 5.0) == 2
    assert fused["sigmoid"].gradient is None  # what was handed in is not changed


def test_its_text_is_shown_in_tracebacks_and_by_inspect():
    f = function("1 / z")
    slope = derivative(f)
    assert inspect.getsource(slope) == source_of(slope)
    with pytest.raises(ZeroDivisionError) as raised:
        slope(0.0, None)
    last = traceback.extract_tb(raised.value.__traceback__)[-1]
    assert last.filename == f"<derivative of f, {f.__code__.co_filename}:1>"
    assert last.line == "return -(1 / z / z)"
    assert slope.__module__ == f.__module__


def test_its_text_holds_what_was_derived_for_it():
    text = source_of(derivative(module(PROGRAMS["a step that a helper takes"]).f))
    assert [line.split("(")[0] for line in text.splitlines() if line.startswith("def ")] == [
        "def derivative_of_f", "def left_positive", "def left_sign", "def left_sign_2"
    ]  # fmt: skip


def test_a_function_with_a_cell_and_a_lambda_are_derived():
    def scaled(k):
        return lambda z: math.tanh(k * z)

    assert derivative(scaled(2.0))(0.0, None) == 2
    assert derivative(scaled(3.0))(0.0, None) == 3


PLUGIN = """
import math

from workbench import Activation, Loss, hookimpl

import _gates


def bent(z, k=1.0):
    return _gates.gate(k * z) * z


def far(y_true, y_pred):
    return math.log(math.cosh(y_pred - y_true))


@hookimpl
def register_activations():
    return [Activation("bent", bent)]


@hookimpl
def register_losses():
    return [Loss("far", far)]
"""
GATE = "import math\n\n\ndef gate(u):\n    return 1 / (1 + math.exp(-{k} * u))\n"


@pytest.fixture
def plugins(tmp_path, monkeypatch):
    """A project's ``plugins`` folder; ``load(k)`` writes the plugin with a helper of its own and is its registry."""
    monkeypatch.delenv("WORKBENCH_PLUGINS_DIR", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    folder = tmp_path / "plugins"
    folder.mkdir()

    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # an edit within a second would be missed

    def load(k):
        (folder / "_gates.py").write_text(GATE.format(k=k))
        (folder / "mine.py").write_text(PLUGIN)
        sys.modules.pop("_gates", None)
        return Registry()

    return load


def test_an_edit_in_a_helper_changes_the_derivative_and_its_fingerprint(plugins):
    before, again, after = (plugins(k).get("activation", "bent") for k in (1, 1, 2))
    assert before.derivative(0.0, 0.0) == 0.5
    assert after.derivative(1.0, 0.0) == pytest.approx(slope_before(function("z / (1 + math.exp(-2 * z))"), 1.0))
    assert fingerprint(before.derivative) != fingerprint(after.derivative)
    assert fingerprint(before.derivative) == fingerprint(again.derivative)


def test_the_fingerprint_is_the_same_in_every_process(tmp_path):
    (tmp_path / "f.py").write_text("import math\n" + dedent(PROGRAMS["helpers"]))
    script = (
        "import f; from workbench.derive import *; from workbench.jit import fingerprint;"
        "print(fingerprint(derivative_of(f.f, '', '')))"
    )
    runs = [
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path,
                       env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(tmp_path)})
        for seed in ("1", "2")
    ]  # fmt: skip
    assert runs[0].stdout == runs[1].stdout


def test_deriving_loads_nothing_heavy(tmp_path):
    script = (
        "import sys; from workbench import get; from workbench.derive import derivative_of;"
        "derivative_of(get('activation', 'mish').function, '', ''); print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert not {"numba", "scipy", "sklearn", "matplotlib", "pandas"} & set(loaded.stdout.split())


NETWORK = """
import numpy as np
import workbench as wb

net = wb.Network([{"dense": {"units": 3}}, {"bent": {"k": 1.5}}, {"dense": {"units": 2}}], loss="far",
                 optimizer={"adam": {"lr": 0.05}}, batch_size=8, epochs=20, dtype="float64")
rng = np.random.default_rng(0)
X, y = rng.normal(size=(8, 4)), rng.normal(size=(8, 2))
net.initialize(input_shape=(4,), n_outputs=2)
_, gradients = net.loss_and_gradients(X, y)
for name, weights in net.parameters().items():
    for place in np.ndindex(weights.shape):
        here, losses = weights[place], []
        for h in (1e-6, -1e-6):
            weights[place] = here + h
            losses.append(net.loss_and_gradients(X, y)[0])
        weights[place] = here
        # (1e-6)^2 and 1e-16 / 1e-6 for functions of order one
        np.testing.assert_allclose(gradients[name][place], (losses[0] - losses[1]) / 2e-6, rtol=1e-7, atol=1e-9)
net.fit(X, y)
assert net.history[-1]["train/loss"] < 0.7 * net.history[0]["train/loss"]
"""


@pytest.mark.parametrize("disable", ["0", "1"])
def test_a_network_learns_by_them(plugins, tmp_path, disable):
    """Compiled, and in plain Python; its gradients are those of finite differences."""
    plugins(1)
    run = subprocess.run([sys.executable, "-c", NETWORK], cwd=tmp_path, capture_output=True, text=True,
                         env={**os.environ, "NUMBA_DISABLE_JIT": disable})  # fmt: skip
    assert run.returncode == 0, run.stderr


# What is refused


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("def f(z):\n    y = z\n    return math.gamma(y)", 3, "no derivative is known of `math.gamma(y)`"),
        ("def f(z):\n    return np.clip(z, 0.0, 1.0)", 2, "no derivative is known of `np.clip(z, 0.0, 1.0)`"),
        ("def f(z):\n    return max(z)", 2, "no derivative is known of `max(z)`"),
        ("def f(z):\n    return max(z, 1.0, key=abs)", 2, "no derivative is known of `max(z, 1.0, key=abs)`"),
        ("def f(z):\n    return 5 % z", 2, "no derivative is known of `5 % z`"),
        ("def f(z):\n    return z @ z", 2, "no derivative is known of `z @ z`"),
        ("def f(z):\n    return 2 * int(z)", 2, "`int(z)` has no slope; math.trunc or math.floor count as flat"),
        ("def f(z):\n    return 1.0 if z == 0 else math.sin(z) / z", 2, "`z == 0` singles out one point"),
        ("def f(z):\n    return z if z else 1.0", 2, "`z` as a yes or no singles out one point"),
        ("def f(z):\n    return z or 1.0", 2, "`z` as a yes or no singles out one point"),
        ("def f(z):\n    while z:\n        z -= 1\n    return z", 2, "`z` as a yes or no singles out one point"),
        ("def f(z):\n    try:\n        return z\n    finally:\n        pass", 2, "no derivative goes through `try:`"),
        ("def f(z):\n    with z:\n        return z", 2, "no derivative goes through `with z:`"),
        (
            "def f(z):\n    a, b = z, 1\n    return a",
            2,
            "no derivative goes through `a, b = (z, 1)`; give one name at a time",
        ),
        ("def f(z):\n    y = [0.0]\n    y[0] = z\n    return y[0]", 3, "no derivative goes through `y[0] = z`"),
        ("def f(z):\n    print(z)\n    return z", 2, "no derivative goes through `print(z)`: take it out"),
        (
            "def f(z):\n    z * z",
            2,
            "no derivative goes through `z * z`, whose value goes nowhere: is a `return` missing?",
        ),
        ("def f(z):\n    return sum([z for _ in range(2)])", 2, "no derivative goes through `[z for _ in range(2)]`"),
        ("def f(z):\n    return (y := z) + y", 2, "no derivative goes through `(y := z)`"),
        ("def f(z):\n    return z.real", 2, "no derivative goes through `z.real`"),
        ("def f(z):\n    return (z, z)[0]", 2, "no derivative goes through `(z, z)`"),
        ("def f(z):\n    return ~z", 2, "no derivative goes through `~z`"),
        ("def f(z):\n    for i in range(z):\n        pass\n    return i", 2, "no derivative is known of `range(z)`"),
        ("def f(z):\n    for i in z:\n        pass\n    return i", 2, "no derivative goes through `for ... in z`"),
        ("def f(z):\n    def g(u):\n        return u\n    return g(z)", 2, "no derivative goes through `def g(u):`"),
        ("def f(z):\n    return", 2, "no derivative goes through `return`"),
        ("def f(z, *more):\n    return z", 1, "no derivative goes through starred arguments"),
        ("def f(z):\n    return math.sinus(z)", 2, "math has no 'sinus'"),
        ("def f(z):\n    return sinus(z)", 2, "the name 'sinus' is not defined"),
        ("def f(z):\n    return (lambda u: u)(z)", 2, "what `lambda u: u` stands for is not fixed"),
        ("def f(z):\n    return f(z - 1) if z > 0 else z", 1, "f calls itself"),
        (
            "def g(u):\n    v = u\n    return math.gamma(v)\n\ndef f(z):\n    return g(z)",
            3,
            "no derivative is known of `math.gamma(v)`",
        ),
        (
            "def g(u, v):\n    return u\n\ndef f(z):\n    return g(*(z, z))",
            5,
            "no derivative goes through `g(*(z, z))`",
        ),
        ("f = lambda z: z; g = lambda z: z", 1, "more than one lambda begins in this line"),
    ],
)
def test_what_cannot_be_derived_is_said_with_its_place(text, line, reason):
    f = module(text).f
    with pytest.raises(PluginError) as raised:
        Activation("mine", f)
    place, advice = str(raised.value).splitlines()
    file = f.__code__.co_filename
    assert place.startswith(
        f"activation 'mine' has no derivative, and none can be derived: {file}, line {line}: {reason}"
    )
    assert advice == f'Give a derivative: Activation("mine", {f.__name__}, derivative).'


def test_a_function_without_source_is_refused():
    scope = {}
    exec("def f(z):\n    return z\n", scope)
    with pytest.raises(PluginError, match="derived: <string>, line 1: the source of f cannot be read"):
        derivative(scope["f"])
    with pytest.raises(PluginError, match="derived: tanh is no function written in Python"):
        derivative(math.tanh)


@pytest.mark.parametrize(
    ("declare", "message"),
    [
        (lambda f: Loss("mine", f), "loss 'mine' has no gradient, and none can be derived: .*\nGive a gradient: Loss"),
        (lambda f: Loss("mine", f, f, fused={"tanh": Fused(f)}),
         r"loss 'mine after tanh' has no gradient, .*\nGive a gradient: Fused\(f, gradient\)."),
        (lambda f: Activation("mine", function("None", "z, a"), row=True),
         "activation 'mine' is row=True: give a derivative that fills grad_z, Activation"),
    ],
)  # fmt: skip
def test_a_loss_and_a_row_activation_say_what_to_give(declare, message):
    with pytest.raises(PluginError, match=message):
        declare(function("math.gamma(y_pred) * y_true", "y_true, y_pred"))


def test_a_plugin_that_cannot_be_derived_fails_alone(plugins, tmp_path):
    (tmp_path / "plugins" / "wild.py").write_text(
        "import math\n\nfrom workbench import Activation, hookimpl\n\n\ndef wild(z):\n    return math.gamma(z)\n\n\n"
        "@hookimpl\ndef register_activations():\n    return [Activation('wild', wild)]\n"
    )
    registry = plugins(1)
    assert registry.get("activation", "bent").name == "bent"
    (failure,) = registry.failures
    obstacle = "plugins/wild.py, line 7: no derivative is known of `math.gamma(z)`.\nGive a derivative: Activation("
    assert obstacle in str(failure)
    with pytest.raises(UnknownName, match="no derivative is known of"):
        registry.get("activation", "wild")


@pytest.mark.parametrize("text", ["def f(z):\n    return 2 * z\n", "def f(z):\n    return 3.5 * z\n", "def f(z)\n", ""])
def test_what_was_edited_since_it_was_imported_is_not_derived(tmp_path, monkeypatch, text):
    """The function would be the old one and the derivative that of the new one."""
    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / f"edited_{next(count)}.py"
    file.write_text("def f(z):\n    return 3 * z\n")
    f = __import__(file.stem).f
    assert derivative(f)(1.0, None) == 3
    file.write_text(text)
    with pytest.raises(PluginError, match="the source of f cannot be read, or has changed since it was imported"):
        derivative(f)
