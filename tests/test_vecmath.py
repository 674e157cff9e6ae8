"""The vectorisable elementary functions against mpmath, compiled as the core compiles them, and their machine code."""

import math
import re

import llvmlite.binding as llvm
import mpmath
import numpy as np
import pytest

from workbench.jit import vecmath
from workbench.jit.retarget import retarget

FUNCTIONS = [(dtype, name) for dtype in ("float32", "float64") for name in vecmath.NAMES]
PERIODIC = {"float32": 1e4, "float64": 1e5}  # sin and cos promise their accuracy up to here
DOMAIN = {"log": 0.0, "sqrt": 0.0, "log1p": -1.0}  # lowest argument with a finite or infinite value
every_function = pytest.mark.parametrize(("dtype", "name"), FUNCTIONS)


def function(x):
    raise NotImplementedError("bound to the function under test")


def each(x, out):
    for i in range(out.size):
        out[i] = function(x[i])


def compiled(dtype, name):
    """``math``'s function over an array, as the core replaces it, and the compiled loop."""
    loop = retarget(each, dtype, {"function": getattr(math, name)})

    def over_array(x):
        out = np.empty_like(x)
        loop(x, out)
        return out

    return over_array, loop


def arguments(dtype, name, n=400):
    """Both signs of every magnitude, subnormal ones too; where exp, erf and log turn; a neighbourhood of 0 and 1."""
    rng = np.random.default_rng(0)
    limits = np.finfo(dtype)
    magnitudes = np.geomspace(limits.smallest_subnormal, limits.max, n, dtype=np.longdouble).astype(dtype)
    span = math.log(limits.max) * 1.2
    parts = [magnitudes[magnitudes <= limits.max], rng.uniform(-span, span, n), rng.uniform(-1.5, 1.5, n)]
    parts += [rng.uniform(-6, 6, n), 1 + rng.uniform(-0.01, 0.01, n), 10.0 ** rng.uniform(-8, 0, n)]
    x = np.concatenate([part.astype(dtype) for part in parts])
    x = np.concatenate([x, -x])
    if name in ("sin", "cos"):
        quarters = rng.integers(1, int(PERIODIC[dtype] * 2 / math.pi), n) * (math.pi / 2)  # where the reduction cancels
        x = np.concatenate([x[abs(x) <= PERIODIC[dtype]], quarters.astype(dtype)])
    return x[x >= DOMAIN.get(name, -np.inf)]


def ulps(got, x, reference):
    """Errors in units in the last place of the true value, which at most doubles as a number beyond the largest."""
    limits = np.finfo(got.dtype)
    errors = []
    with mpmath.workdps(50):
        for value, argument in zip(got.tolist(), x.tolist(), strict=True):
            true = reference(mpmath.mpf(argument))
            if abs(true) >= float(limits.max) * (1 + float(limits.eps) / 4):
                errors.append(0.0 if math.isinf(value) and mpmath.sign(true) == math.copysign(1, value) else math.inf)
                continue
            unit = np.spacing(got.dtype.type(min(abs(true), 0.75 * float(limits.max))))  # that of the largest overflows
            errors.append(float(abs(mpmath.mpf(value) - true) / float(unit)))
    return np.array(errors)


REFERENCE = {name: getattr(mpmath, name) for name in vecmath.NAMES} | {
    "erfc": lambda x: mpmath.erfc(min(x, 1000)),  # mpmath gives up on larger ones; the value is zero long before
    "log": lambda x: mpmath.log(x) if x else mpmath.mpf("-inf"),
    "log1p": lambda x: mpmath.log1p(x) if x > -1 else mpmath.mpf("-inf"),
}


def bound(dtype, name):
    """What the docstring promises."""
    return float(re.search(r"within ([\d.]+) ulp", vecmath.FUNCTIONS[dtype][name].__doc__)[1])


@every_function
def test_error_is_within_what_the_docstring_says(dtype, name):
    x = arguments(dtype, name)
    errors = ulps(compiled(dtype, name)[0](x), x, REFERENCE[name])
    worst = errors.argmax()
    assert errors[worst] <= bound(dtype, name), f"{name}({x[worst]!r})"


@every_function
def test_as_plain_python_too_without_a_warning(dtype, name):
    """Without fused multiply-add an intermediate rounds once more: the package's docstring allows one ulp."""
    x = arguments(dtype, name, n=40)
    got = [vecmath.FUNCTIONS[dtype][name](value) for value in x]
    assert {type(value) for value in got} == {np.dtype(dtype).type}
    assert ulps(np.array(got), x, REFERENCE[name]).max() <= bound(dtype, name) + 1


SPECIAL = {  # at NaN, inf, -inf, 0, below the domain
    "cos": (np.nan, np.nan, np.nan, 1),
    "erf": (np.nan, 1, -1, 0),
    "erfc": (np.nan, 0, 2, 1),
    "exp": (np.nan, np.inf, 0, 1),
    "expm1": (np.nan, np.inf, -1, 0),
    "log": (np.nan, np.inf, np.nan, -np.inf, np.nan),
    "log1p": (np.nan, np.inf, np.nan, 0, np.nan),
    "sin": (np.nan, np.nan, np.nan, 0),
    "sqrt": (np.nan, np.inf, np.nan, 0, np.nan),
    "tanh": (np.nan, 1, -1, 0),
}


@every_function
def test_nan_infinities_and_zero(dtype, name):
    x = np.array([np.nan, np.inf, -np.inf, 0, -2][: len(SPECIAL[name])], dtype)
    np.testing.assert_array_equal(compiled(dtype, name)[0](x), np.array(SPECIAL[name], dtype))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_subnormal_results_are_not_flushed(dtype):
    smallest = np.finfo(dtype).smallest_subnormal
    x = np.array([math.log(smallest) + 0.1, math.log(smallest) + 5], dtype)
    got = compiled(dtype, "exp")[0](x)
    assert got[0] == smallest
    assert 0 < got[1] < np.finfo(dtype).tiny


@pytest.mark.skipif(
    not llvm.get_host_cpu_features().get("avx2", False),
    reason="reads x86 machine code with vectors of 256 bits or more",
)
@every_function
def test_the_loop_over_it_is_vectorised_in_its_own_precision(dtype, name):
    over_array, loop = compiled(dtype, name)
    over_array(np.ones(4, dtype))
    (assembly,) = loop.inspect_asm().values()
    arithmetic = r"\bv(?:add|mul|div|sqrt|max|min|fn?m(?:add|sub)\d+)"
    own, other = ("s", "d") if dtype == "float32" else ("d", "s")
    assert re.search(rf"{arithmetic}p{own}\s.*%[yz]mm", assembly), "no packed arithmetic"
    assert not re.search(rf"{arithmetic}[ps]{other}\s", assembly), "arithmetic in the other precision"
    assert not re.search(rf"\b{name}f?\b", assembly), "a call into the C library"


def test_a_number_over_an_infinite_root_is_zero():
    """LLVM may not divide by way of an estimate of the reciprocal root: that is NaN there, and less exact elsewhere."""

    def over_root(z, out):
        for i in range(z.size):
            out[i] = z[i] / math.sqrt(1 + math.exp(-z[i]))

    z = np.array([-200, -100, -90, -80, -1, 0, 1, 5, 7], np.float32)
    out = np.empty_like(z)
    retarget(over_root, "float32")(z, out)
    exact = z / np.sqrt(1 + np.exp(-z.astype(float)))
    exact[:3] = 0  # e^90 overflows in float32
    np.testing.assert_allclose(out, exact, rtol=5e-7, atol=0)  # the exponential's 1 ulp, and one rounding a step
