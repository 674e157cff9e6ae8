"""The matrix product that ``np.dot(a, b, out)`` becomes in kernels, against NumPy's in float64."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numba import config, njit

pytestmark = pytest.mark.skipif(bool(config.DISABLE_JIT), reason="NUMBA_DISABLE_JIT=1: np.dot stays NumPy's")

# Sums of k products: the rounding errors grow at most with k, in units of 2^-24 and 2^-53.
TOLERANCE = {"float32": 2**-24, "float64": 2**-53}
sizes = st.integers(1, 70)


@pytest.fixture(scope="module")
def products():
    from workbench.jit.matmul import dot

    compiled = {}
    for dtype in TOLERANCE:
        product = dot(dtype)

        @njit
        def multiply(a, b, out, product=product):
            product(a, b, out)

        compiled[dtype] = multiply
    return compiled


@pytest.mark.parametrize("dtype", sorted(TOLERANCE))
@settings(max_examples=60, deadline=None)
@given(
    m=sizes, n=sizes, k=st.integers(1, 300), transposed=st.tuples(st.booleans(), st.booleans()), seed=st.integers(0, 99)
)
@example(m=130, n=33, k=257, transposed=(True, True), seed=0)
@example(m=129, n=97, k=129, transposed=(True, False), seed=0)
@example(m=8, n=16, k=128, transposed=(False, True), seed=0)
@example(m=200, n=300, k=130, transposed=(False, False), seed=0)
def test_every_shape_and_layout(products, dtype, m, n, k, transposed, seed):
    rng = np.random.default_rng(seed)
    a = rng.standard_normal((k, m) if transposed[0] else (m, k)).astype(dtype)
    b = rng.standard_normal((n, k) if transposed[1] else (k, n)).astype(dtype)
    a, b = (a.T if transposed[0] else a), (b.T if transposed[1] else b)
    guarded = np.full((m + 2, n), 7.25, dtype)  # rows before and after that nobody may touch
    products[dtype](a, b, guarded[1:-1])
    expected = a.astype(np.float64) @ b.astype(np.float64)
    bound = (k + 2) * TOLERANCE[dtype] * (abs(a).astype(np.float64) @ abs(b).astype(np.float64))
    assert (abs(guarded[1:-1] - expected) <= bound).all()
    assert (guarded[[0, -1]] == 7.25).all()


@pytest.mark.parametrize("dtype", sorted(TOLERANCE))
def test_a_row_does_not_depend_on_the_rows_beside_it(products, dtype):
    """Or bits would depend on how a batch was divided."""
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((37, 150)).astype(dtype), rng.standard_normal((150, 45)).astype(dtype)
    whole = np.empty((37, 45), dtype)
    products[dtype](a, b, whole)
    for start, stop in ((0, 1), (1, 9), (9, 37)):
        part = np.empty((stop - start, 45), dtype)
        products[dtype](a[start:stop], b, part)
        np.testing.assert_array_equal(part, whole[start:stop])


def test_not_finite_values_stay_in_their_rows_and_columns(products):
    a, b, out = np.ones((9, 5), np.float32), np.ones((5, 20), np.float32), np.empty((9, 20), np.float32)
    a[3, 2], b[1, 7] = np.nan, np.inf
    products["float32"](a, b, out)
    assert np.isnan(out[3]).all()
    assert np.isinf(out[[0, 8], 7]).all()
    assert (np.delete(np.delete(out, 3, axis=0), 7, axis=1) == 5).all()


def test_columns_of_a_larger_matrix_are_filled_alone(products):
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((9, 20)), rng.standard_normal((20, 40))
    out = np.full((9, 60), 7.25)
    products["float64"](a, b, out[:, 16:56])
    np.testing.assert_allclose(out[:, 16:56], a @ b, rtol=1e-12)
    assert (np.delete(out, np.s_[16:56], axis=1) == 7.25).all()


def _double(x, out):
    np.dot(np.zeros((2, 2)), x, out)


def _strided(x, out):
    np.dot(x, x, out[:, ::2])


def _misfit(x, out):
    np.dot(x, x[:1], out[:, :2])


def test_arrays_a_kernel_cannot_multiply_are_refused_by_the_compiler():
    from numba.core.errors import TypingError

    from workbench.jit.retarget import retarget

    with pytest.raises(TypingError, match="2-d float32"):
        retarget(_double, "float32")(np.ones((2, 2), np.float32), np.ones((2, 4), np.float32))


@pytest.mark.parametrize("function", [_strided, _misfit])
def test_what_does_not_fit_gives_nan_and_touches_nothing_else(function):
    from workbench.jit.retarget import retarget

    out = np.zeros((4, 4), np.float32)
    retarget(function, "float32")(np.ones((2, 2), np.float32), out[1:3])
    assert np.isnan(out[1:3]).sum() == 4
    assert (out[[0, 3]] == 0).all()
