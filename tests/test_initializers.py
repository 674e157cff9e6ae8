"""Initial values: their moments, limits and orthogonality."""

import math

import numpy as np
import pytest

from workbench import get
from workbench.errors import ConfigError

FAN_IN, FAN_OUT = 300, 200
VARIANCE = {
    "glorot_normal": 2 / (FAN_IN + FAN_OUT),
    "glorot_uniform": 2 / (FAN_IN + FAN_OUT),
    "he_normal": 2 / FAN_IN,
    "he_uniform": 2 / FAN_IN,
    "lecun_normal": 1 / FAN_IN,
    "lecun_uniform": 1 / FAN_IN,
    "normal": 0.05**2,
    "uniform": 0.05**2 / 3,
}


def draw(name, shape=(FAN_IN, FAN_OUT), seed=0, **options):
    initializer = get("initializer", name)
    rng = np.random.default_rng(seed)
    return initializer.function(rng, shape, FAN_IN, FAN_OUT, **initializer.check(options))


def test_zeros_and_ones():
    assert (draw("zeros") == 0).all()
    assert (draw("ones") == 1).all()


@pytest.mark.parametrize(("name", "variance"), VARIANCE.items())
def test_mean_and_variance(name, variance):
    """60 000 draws: four standard errors are 1.6 % of the std for the mean, 2.3 % (normal) of the variance."""
    values = draw(name)
    assert abs(values.mean()) < 0.017 * math.sqrt(variance)
    assert values.var() == pytest.approx(variance, rel=0.025)


@pytest.mark.parametrize("name", [name for name in VARIANCE if name.endswith("uniform")])
def test_uniform_values_fill_their_range(name):
    limit = math.sqrt(3 * VARIANCE[name])
    values = draw(name)
    assert -limit <= values.min() < -0.999 * limit
    assert limit >= values.max() > 0.999 * limit


@pytest.mark.parametrize("name", [name for name in VARIANCE if name.endswith("normal")])
def test_normal_values_are_normal(name):
    from scipy import stats

    assert stats.kstest(draw(name).ravel() / math.sqrt(VARIANCE[name]), "norm").pvalue > 0.001


def test_own_scales():
    assert draw("normal", std=2.0).std() == pytest.approx(2.0, rel=0.02)
    assert 2.99 < abs(draw("uniform", limit=3.0)).max() <= 3.0


@pytest.mark.parametrize("shape", [(7, 4), (4, 7), (5, 5), (3, 3, 2, 4)], ids=str)
def test_orthogonal_keeps_lengths(shape):
    matrix = draw("orthogonal", shape, gain=1.5).reshape(-1, shape[-1])
    gram = matrix.T @ matrix if matrix.shape[0] >= matrix.shape[1] else matrix @ matrix.T
    np.testing.assert_allclose(gram, 1.5**2 * np.eye(len(gram)), atol=1e-14)


def test_orthogonal_favours_no_direction():
    """Of 2 x 2 matrices, half are rotations and half reflections, and the first column's mean is zero."""
    drawn = np.array([draw("orthogonal", (2, 2), seed=seed) for seed in range(400)])
    assert abs(np.sign(np.linalg.det(drawn)).mean()) < 4 / math.sqrt(400)
    assert np.abs(drawn[:, :, 0].mean(axis=0)).max() < 4 * math.sqrt(0.5 / 400)


@pytest.mark.parametrize(("name", "option"), [("normal", "std"), ("uniform", "limit"), ("orthogonal", "gain")])
def test_options_out_of_range_are_refused(name, option):
    with pytest.raises(ConfigError, match=f"initializer '{name}': {option} = "):
        get("initializer", name).check({option: 0.0})
