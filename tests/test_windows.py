"""``window_dot`` and ``window_outer`` as kernels run them, against their plain definitions in float64."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numba import config

from workbench.windows import window_dot, window_outer

pytestmark = pytest.mark.skipif(bool(config.DISABLE_JIT), reason="NUMBA_DISABLE_JIT=1: they stay as they are")

# Sums of k products: the rounding errors grow at most with k, in units of 2^-24 and 2^-53.
TOLERANCE = {"float32": 2**-24, "float64": 2**-53}


def _dot(x, starts, taps, weight, picked, bias, out, places):
    window_dot(x, starts, taps, weight, picked, bias, out, places)


def _outer(x, starts, taps, grad, places, out, picked):
    window_outer(x, starts, taps, grad, places, out, picked)


@pytest.fixture(scope="module")
def compiled():
    from workbench.jit.retarget import retarget

    return {dtype: (retarget(_dot, dtype), retarget(_outer, dtype)) for dtype in TOLERANCE}


def tables(rng, windows, taps, size, channels):
    """Windows and taps anywhere in a sample of ``size``, in no order; each place of output and kernel once."""
    half = (size - channels) // 2
    return {
        "starts": rng.integers(0, half + 1, windows),
        "places": rng.permutation(windows + 2)[:windows],
        "taps": rng.integers(0, half + 1, taps),
        "picked": rng.permutation(taps + 1)[:taps],
    }


shapes = {
    "samples": st.integers(0, 4), "windows": st.integers(0, 40), "taps": st.integers(0, 12),
    "channels": st.integers(1, 40), "columns": st.integers(1, 70), "seed": st.integers(0, 99),
}  # fmt: skip
many = {"samples": 3, "windows": 400, "taps": 20, "channels": 31, "columns": 33, "seed": 0}
one_channel = {"samples": 2, "windows": 300, "taps": 130, "channels": 1, "columns": 16, "seed": 1}


@pytest.mark.parametrize("dtype", sorted(TOLERANCE))
@pytest.mark.parametrize("layout", ["by rows", "transposed"])
@settings(max_examples=40, deadline=None)
@given(biased=st.booleans(), **shapes)
@example(biased=True, **many)
@example(biased=False, **one_channel)
def test_window_dot(compiled, dtype, layout, biased, samples, windows, taps, channels, columns, seed):
    rng = np.random.default_rng(seed)
    at = tables(rng, windows, taps, 300, channels)
    x = rng.standard_normal((samples, 300)).astype(dtype)
    kernel = rng.standard_normal((taps + 1, channels, columns)).astype(dtype)
    weight = kernel if layout == "by rows" else np.ascontiguousarray(kernel.transpose(0, 2, 1)).transpose(0, 2, 1)
    bias = rng.standard_normal(columns if biased else 0).astype(dtype)
    out = np.full((samples, windows + 2, columns), 7.25, dtype)
    given = (at["starts"], at["taps"], weight, at["picked"], bias)
    compiled[dtype][0](x, *given, out, at["places"])
    expected, size = (np.full(out.shape, 7.25) for _ in range(2))
    window_dot(
        x.astype(float), *given[:2], kernel.astype(float), at["picked"], bias.astype(float), expected, at["places"]
    )
    window_dot(abs(x).astype(float), *given[:2], abs(kernel).astype(float), at["picked"], abs(bias), size, at["places"])
    assert (abs(out - expected) <= (taps * channels + 2) * TOLERANCE[dtype] * size).all()
    untouched = np.setdiff1d(np.arange(windows + 2), at["places"])
    assert (out[:, untouched] == 7.25).all()


@pytest.mark.parametrize("dtype", sorted(TOLERANCE))
@settings(max_examples=40, deadline=None)
@given(**shapes)
@example(**many)
@example(**one_channel)
def test_window_outer_adds_up(compiled, dtype, samples, windows, taps, channels, columns, seed):
    rng = np.random.default_rng(seed)
    at = tables(rng, windows, taps, 300, channels)
    x = rng.standard_normal((samples, 300)).astype(dtype)
    grad = rng.standard_normal((samples, windows + 2, columns)).astype(dtype)
    before = rng.standard_normal((taps + 1, channels, columns)).astype(dtype)
    out, expected, size = before.copy(), before.astype(float), abs(before).astype(float)
    rest = (at["starts"], at["taps"])
    compiled[dtype][1](x, *rest, grad, at["places"], out, at["picked"])
    window_outer(x.astype(float), *rest, grad.astype(float), at["places"], expected, at["picked"])
    window_outer(abs(x).astype(float), *rest, abs(grad).astype(float), at["places"], size, at["picked"])
    assert (abs(out - expected) <= (samples * windows + 2) * TOLERANCE[dtype] * size).all()
    untouched = np.setdiff1d(np.arange(taps + 1), at["picked"])
    np.testing.assert_array_equal(out[untouched], before[untouched])


@pytest.mark.parametrize("dtype", sorted(TOLERANCE))
def test_a_sample_does_not_depend_on_the_samples_beside_it(compiled, dtype):
    """Or bits would depend on how a batch was divided."""
    rng = np.random.default_rng(0)
    at = tables(rng, 37, 9, 300, 20)
    x, weight = rng.standard_normal((5, 300)).astype(dtype), rng.standard_normal((10, 20, 45)).astype(dtype)
    bias = rng.standard_normal(45).astype(dtype)
    whole = np.zeros((5, 39, 45), dtype)
    given = (at["starts"], at["taps"], weight, at["picked"], bias)
    compiled[dtype][0](x, *given, whole, at["places"])
    for start, stop in ((0, 1), (1, 4), (4, 5)):
        part = np.zeros((stop - start, 39, 45), dtype)
        compiled[dtype][0](x[start:stop], *given, part, at["places"])
        np.testing.assert_array_equal(part, whole[start:stop])


def test_arrays_of_another_kind_are_refused_by_the_compiler():
    from numba.core.errors import TypingError

    from workbench.jit.retarget import retarget

    index, x, weight, out = np.zeros(1, np.int64), np.ones((1, 4)), np.ones((1, 2, 2)), np.ones((1, 1, 2))
    with pytest.raises(TypingError, match="window_dot: x cannot be array.float64, 2d, C.: it must be a 2-d float32"):
        retarget(_dot, "float32")(x, index, index, weight, index, np.ones(2), out, index)
    with pytest.raises(TypingError, match="window_outer: grad cannot be"):
        retarget(_outer, "float64")(x, index, index, np.ones((1, 3, 4))[:, :, ::2], index, weight, index)
