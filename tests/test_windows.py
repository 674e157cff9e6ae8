"""``workbench.windows`` as kernels run it, against its plain definitions in float64."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numba import config

from workbench.windows import window_dot, window_dot_transposed, window_outer

pytestmark = pytest.mark.skipif(bool(config.DISABLE_JIT), reason="NUMBA_DISABLE_JIT=1: they stay as they are")

# Sums of k products: the rounding errors grow at most with k, in units of 2^-24 and 2^-53.
TOLERANCE = {"float32": 2**-24, "float64": 2**-53}


def _dot(x, parts, windows, taps, weight, bias, out):
    window_dot(x, parts, windows, taps, weight, bias, out)


def _dot_transposed(x, parts, windows, taps, weight, out):
    window_dot_transposed(x, parts, windows, taps, weight, out)


def _outer(x, parts, windows, taps, grad, out):
    window_outer(x, parts, windows, taps, grad, out)


@pytest.fixture(scope="module")
def compiled():
    from workbench.jit.retarget import retarget

    functions = (_dot, _dot_transposed, _outer)
    return {dtype: [retarget(function, dtype) for function in functions] for dtype in TOLERANCE}


def tables(rng, windows, taps, channels):
    """Windows and taps anywhere in a sample of ``SIZE``, in no order, divided anyhow into three parts."""
    half = (SIZE - channels) // 2
    cuts = (np.sort(rng.integers(0, n + 1, 2)) for n in (windows, taps))
    (a, b), (c, d) = (cut.tolist() for cut in cuts)
    parts = np.array([(0, a, 0, c), (a, b, d, taps), (b, windows, 0, taps)])
    return (
        parts,
        np.stack([rng.integers(0, half + 1, windows), rng.permutation(windows + 2)[:windows]]),
        np.stack([rng.integers(0, half + 1, taps), rng.permutation(taps + 1)[:taps]]),
    )


SIZE = 300
shapes = {
    "samples": st.integers(0, 4), "windows": st.integers(0, 40), "taps": st.integers(0, 12),
    "channels": st.integers(1, 40), "columns": st.integers(1, 70), "seed": st.integers(0, 99),
}  # fmt: skip
many = {"samples": 3, "windows": 900, "taps": 20, "channels": 31, "columns": 33, "seed": 0}
one_channel = {"samples": 2, "windows": 300, "taps": 130, "channels": 1, "columns": 16, "seed": 1}


@pytest.mark.parametrize("dtype", sorted(TOLERANCE))
@settings(max_examples=40, deadline=None)
@given(biased=st.booleans(), **shapes)
@example(biased=True, **many)
@example(biased=False, **one_channel)
def test_window_dot(compiled, dtype, biased, samples, windows, taps, channels, columns, seed):
    rng = np.random.default_rng(seed)
    at = tables(rng, windows, taps, channels)
    x = rng.standard_normal((samples, SIZE)).astype(dtype)
    weight = rng.standard_normal((taps + 1, channels, columns)).astype(dtype)
    bias = rng.standard_normal(columns if biased else 0).astype(dtype)
    out = np.full((samples, windows + 2, columns), 7.25, dtype)
    compiled[dtype][0](x, *at, weight, bias, out)
    expected, size = (np.full(out.shape, 7.25) for _ in range(2))
    window_dot(x.astype(float), *at, weight.astype(float), bias.astype(float), expected)
    window_dot(abs(x).astype(float), *at, abs(weight).astype(float), abs(bias).astype(float), size)
    assert (abs(out - expected) <= (taps * channels + 2) * TOLERANCE[dtype] * size).all()
    named = np.concatenate([at[1][1, i:j] for i, j, _, _ in at[0]])
    assert (out[:, np.setdiff1d(np.arange(windows + 2), named)] == 7.25).all()
    if not biased:
        transposed = np.ascontiguousarray(weight.transpose(0, 2, 1))
        again = np.full(out.shape, 7.25, dtype)
        compiled[dtype][1](x, *at, transposed, again)
        np.testing.assert_array_equal(again, out)
        plain = np.full(out.shape, 7.25)
        window_dot_transposed(x.astype(float), *at, transposed.astype(float), plain)
        np.testing.assert_array_equal(plain, expected)


@pytest.mark.parametrize("dtype", sorted(TOLERANCE))
@settings(max_examples=40, deadline=None)
@given(**shapes)
@example(**many)
@example(**one_channel)
def test_window_outer(compiled, dtype, samples, windows, taps, channels, columns, seed):
    rng = np.random.default_rng(seed)
    at = tables(rng, windows, taps, channels)
    x = rng.standard_normal((samples, SIZE)).astype(dtype)
    grad = rng.standard_normal((samples, windows + 2, columns)).astype(dtype)
    out, expected, size = (np.full((taps + 1, channels, columns), 7.25, t) for t in (dtype, float, float))
    compiled[dtype][2](x, *at, grad, out)
    window_outer(x.astype(float), *at, grad.astype(float), expected)
    window_outer(abs(x).astype(float), *at, abs(grad).astype(float), size)
    assert (abs(out - expected) <= (samples * windows + 2) * TOLERANCE[dtype] * size).all()


@pytest.mark.parametrize("dtype", sorted(TOLERANCE))
def test_a_sample_does_not_depend_on_the_samples_beside_it(compiled, dtype):
    """Or bits would depend on how a batch was divided."""
    rng = np.random.default_rng(0)
    at = tables(rng, 37, 9, 20)
    x, weight = rng.standard_normal((5, SIZE)).astype(dtype), rng.standard_normal((10, 20, 45)).astype(dtype)
    bias = rng.standard_normal(45).astype(dtype)
    whole = np.zeros((5, 39, 45), dtype)
    compiled[dtype][0](x, *at, weight, bias, whole)
    for start, stop in ((0, 1), (1, 4), (4, 5)):
        part = np.zeros((stop - start, 39, 45), dtype)
        compiled[dtype][0](x[start:stop], *at, weight, bias, part)
        np.testing.assert_array_equal(part, whole[start:stop])


def test_axes_before_the_last_count_as_one(compiled):
    rng = np.random.default_rng(0)
    at = tables(rng, 10, 5, 3)
    x, weight, grad = (rng.standard_normal(shape) for shape in ((2, 10, 30), (2, 3, 3, 7), (2, 3, 4, 7)))
    for dot, _, outer in (compiled["float64"], (window_dot, window_dot_transposed, window_outer)):
        out, flat = np.zeros((2, 3, 4, 7)), np.zeros((2, 12, 7))
        dot(x, *at, weight, np.ones(7), out)
        dot(x.reshape(2, 300), *at, weight.reshape(6, 3, 7), np.ones(7), flat)
        np.testing.assert_array_equal(out.reshape(flat.shape), flat)
        out, flat = np.zeros((2, 3, 3, 7)), np.zeros((6, 3, 7))
        outer(x, *at, grad, out)
        outer(x.reshape(2, 300), *at, grad.reshape(2, 12, 7), flat)
        np.testing.assert_array_equal(out.reshape(flat.shape), flat)


def test_arrays_of_another_kind_are_refused_by_the_compiler():
    from numba.core.errors import TypingError

    from workbench.jit.retarget import retarget

    table, x, weight, out = np.zeros((2, 4), np.int64), np.ones((1, 4)), np.ones((1, 2, 2)), np.ones((1, 3, 4))
    with pytest.raises(TypingError, match="window_dot: x cannot be array.float64, 2d, C.: it must be C-contiguous"):
        retarget(_dot, "float32")(x, table, table, table, weight, np.ones(2), out)
    with pytest.raises(TypingError, match="window_outer: grad cannot be .* float64, with at least 2 axes"):
        retarget(_outer, "float64")(x, table, table, table, out[:, :, ::2], weight)
