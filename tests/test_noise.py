"""Counter noise: the same bits in Python, NumPy and machine code, uniform, and without a trace of its inputs."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from workbench import noise

EXTREMES = [0, 1, -1, 2**31, 2**32 + 5, 1234567890123456789, 2**63 - 1, -(2**63)]
N = 20_000


def draw(key, counters=range(N)):
    return np.array([noise.uniform(key, counter) for counter in counters])


def test_same_bits_in_python_numpy_and_machine_code():
    """Overflow would show: as a warning in NumPy, which is an error here, and as other bits in machine code."""
    from workbench.jit.retarget import retarget

    compiled = retarget(noise.uniform, "float32")
    for key, counter in product(EXTREMES, [c for c in EXTREMES if c >= 0]):
        plain = noise.uniform(key, counter)
        assert 0 <= plain < 1
        assert plain == noise.uniform(np.int64(key), np.int64(counter)) == compiled(key, counter)
        assert plain == float(np.float32(plain))


@pytest.mark.parametrize("key", [0, 1, -1, 2**40])
def test_noise_is_uniform(key):
    assert stats.kstest(draw(key), "uniform").pvalue > 0.001


@pytest.mark.parametrize("lag", [1, 2, 64, 1000])
def test_neighbours_are_independent(lag):
    """Four standard errors of a correlation are 4 / sqrt(n)."""
    drawn = draw(5)
    assert abs(np.corrcoef(drawn[lag:], drawn[:-lag])[0, 1]) < 4 / np.sqrt(N)


@pytest.mark.parametrize("other", [6, 5 + 2**32, -5, 5 + 2**62])
def test_keys_are_independent(other):
    one, two = draw(5), draw(other)
    assert abs(np.corrcoef(one, two)[0, 1]) < 4 / np.sqrt(N)
    # nor the same numbers in another order, as xor of key and counter alone would give; chance gives n² / 2**24 = 24
    assert np.intersect1d(one, two).size < 60


def test_each_bit_of_the_input_reaches_about_half_of_the_output():
    rng = np.random.default_rng(0)
    inputs = rng.integers(0, 2**32, 300).tolist()
    for bit in range(32):
        flipped = [(noise.mix(x) ^ noise.mix(x ^ (1 << bit))).bit_count() for x in inputs]
        # 300 x 32 fair coins: five standard errors are 0.82 bits
        assert np.mean(flipped) == pytest.approx(16, abs=0.82)


def test_derived_keys_differ_by_seed_step_and_layer():
    keys = [
        noise.derive(noise.derive(seed << 32, step), layer)
        for seed, step, layer in product(range(4), range(500), range(20))
    ]
    # 40 000 keys of 32 + 2 bits: chance gives 4 * 10_000² / 2**33 = 0.05 pairs
    assert len(set(keys)) >= len(keys) - 2
    assert all(-(2**63) <= key < 2**63 for key in keys)
