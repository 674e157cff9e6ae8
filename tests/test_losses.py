"""Losses against PyTorch and SciPy, as plain Python in float64; rows B7, B8, L1 to L3."""

import math

import numpy as np
import pytest
from scipy import special, stats

from workbench import Fused, Loss, get
from workbench.errors import ConfigError, PluginError
from workbench.registry import registry

NAMES = registry().names("loss")
BUILT_INS = sorted(
    entry.spec.name for entry in registry().entries() if entry.spec.kind == "loss" and entry.origin == "built-in"
)
FUSED = [(name, activation) for name in NAMES for activation in get("loss", name).fused]
ACTIVATIONS = {"sigmoid": special.expit, "softmax": special.softmax}
PROBABILITIES = ("unit", "distribution")


def targets(loss, rng, n=4):
    """One valid row of targets."""
    return {
        "real": lambda: rng.normal(size=n),
        "unit": lambda: rng.uniform(size=n),
        "distribution": lambda: rng.dirichlet(np.ones(n)),
        "sign": lambda: rng.choice([-1.0, 1.0], n),
    }[loss.targets]()


def predictions(loss, rng, n=4):
    """One row of predictions the loss is meant for, away from its kinks with probability one."""
    if loss.targets == "unit":
        return rng.uniform(0.05, 0.95, n)
    return rng.dirichlet(np.full(n, 3.0)) if loss.targets == "distribution" else rng.normal(size=n)


def value(part, row, y_true, y_pred, **options):
    """A sample's loss; ``part`` is a loss or one of its fused forms."""
    if row:
        return part.function(y_true, y_pred, np.empty_like(y_pred), **options)
    return sum(part.function(y, p, **options) for y, p in zip(y_true.tolist(), y_pred.tolist(), strict=True))


def gradient(part, row, y_true, y_pred, **options):
    if not row:
        pairs = zip(y_true.tolist(), y_pred.tolist(), strict=True)
        return np.array([part.gradient(y, p, **options) for y, p in pairs])
    grad = np.full_like(y_pred, np.nan)
    part.function(y_true, y_pred, grad, **options)
    return grad


@pytest.fixture(params=range(5))
def rng(request):
    return np.random.default_rng(request.param)


@pytest.mark.parametrize(("name", "activation"), FUSED)
def test_B8_fused_and_unfused_agree(name, activation, rng):
    """The unfused gradient goes through da/dz, a(1 - a) for sigmoid; the fused one is simply a - y."""
    loss = get("loss", name)
    y_true, z = targets(loss, rng), 3 * rng.normal(size=4)
    a = ACTIVATIONS[activation](z)
    jacobian = np.diag(a * (1 - a)) if activation == "sigmoid" else np.diag(a) - np.outer(a, a)
    fused = gradient(loss.fused[activation], loss.row, y_true, z)
    np.testing.assert_allclose(fused, jacobian @ gradient(loss, loss.row, y_true, a), rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(fused, a - y_true, rtol=1e-11, atol=1e-13)
    unfused = value(loss, loss.row, y_true, a)
    assert value(loss.fused[activation], loss.row, y_true, z) == pytest.approx(unfused, rel=1e-11, abs=1e-13)


@pytest.mark.parametrize(
    ("name", "options"),
    [(name, {}) for name in BUILT_INS]
    + [("huber", {"delta": 0.3}), ("huber", {"delta": 5.0}), ("cross_entropy", {"base": 10.0})],
    ids=str,
)
def test_L1_value_and_gradient_equal_pytorch(name, options, rng, torch):
    loss, functional = get("loss", name), torch.nn.functional
    scale = 1 / math.log(options.get("base", math.e))
    reference = {
        "absolute_error": lambda y, p: functional.l1_loss(p, y, reduction="sum"),
        "binary_cross_entropy": lambda y, p: functional.binary_cross_entropy(p, y, reduction="sum"),
        "cross_entropy": lambda y, p: -scale * torch.special.xlogy(y, p).sum(),
        "hinge": lambda y, p: torch.clamp(1 - y * p, min=0).sum(),
        "huber": lambda y, p: functional.huber_loss(p, y, reduction="sum", delta=options.get("delta", 1.0)),
        "kl_divergence": lambda y, p: functional.kl_div(p.log(), y, reduction="sum"),
        "squared_error": lambda y, p: functional.mse_loss(p, y, reduction="sum"),
    }[name]
    y_true, y_pred = targets(loss, rng), predictions(loss, rng)
    p = torch.tensor(y_pred, requires_grad=True)
    expected = reference(torch.tensor(y_true), p)
    expected.backward()
    assert value(loss, loss.row, y_true, y_pred, **options) == pytest.approx(expected.item(), rel=1e-12, abs=1e-14)
    np.testing.assert_allclose(gradient(loss, loss.row, y_true, y_pred, **options), p.grad.numpy(), rtol=1e-12)


@pytest.mark.parametrize("y_true", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("z", [-1000.0, -40.0, -1e-9, 0.0, 2.0, 40.0, 1000.0])
def test_B7_binary_cross_entropy_on_logits_equals_pytorch(y_true, z, torch):
    logit = torch.tensor(z, dtype=torch.float64, requires_grad=True)
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logit, torch.tensor(y_true, dtype=torch.float64))
    expected.backward()
    fused = get("loss", "binary_cross_entropy").fused["sigmoid"]
    assert math.isfinite(fused.function(y_true, z))
    assert fused.function(y_true, z) == pytest.approx(expected.item(), rel=1e-14)
    assert fused.gradient(y_true, z) == pytest.approx(logit.grad.item(), rel=1e-14)


@pytest.mark.parametrize("y_true", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("y_pred", [0.0, 1e-300, 1e-13, 0.5, 1 - 2**-53, 1.0])
def test_B7_binary_cross_entropy_at_certainty_equals_pytorch(y_true, y_pred, torch):
    p = torch.tensor(y_pred, dtype=torch.float64, requires_grad=True)
    expected = torch.nn.functional.binary_cross_entropy(p, torch.tensor(y_true, dtype=torch.float64))
    expected.backward()
    loss = get("loss", "binary_cross_entropy")
    # log(1 - p) against PyTorch's log1p(-p): the subtraction rounds by 2**-54
    assert loss.function(y_true, y_pred) == pytest.approx(expected.item(), rel=1e-14, abs=2**-53)
    # the least denominator, 1e-12, is a float32 in PyTorch
    assert loss.gradient(y_true, y_pred) == pytest.approx(p.grad.item(), rel=2**-24)


@pytest.mark.parametrize("name", ["cross_entropy", "kl_divergence"])
@pytest.mark.parametrize("y_true", [(1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.2, 0.3, 0.5)])
@pytest.mark.parametrize("z", [(1000.0, -1000.0, 0.0), (1000.0, 1000.0, 1000.0), (-1000.0, -999.0, -1001.0)])
def test_B7_softmax_losses_on_logits_equal_pytorch(name, y_true, z, torch):
    y, logits = torch.tensor(y_true, dtype=torch.float64), torch.tensor(z, dtype=torch.float64, requires_grad=True)
    expected = torch.nn.functional.cross_entropy(logits, y)
    if name == "kl_divergence":
        expected = expected + torch.special.xlogy(y, y).sum()
    expected.backward()
    fused = get("loss", name).fused["softmax"]
    assert value(fused, True, np.array(y_true), np.array(z)) == pytest.approx(expected.item(), rel=1e-14, abs=1e-13)
    found = gradient(fused, True, np.array(y_true), np.array(z))
    # one ulp of the logits' spread, 2000, is 2e-13; PyTorch subtracts log-sum-exp first, we divide last
    np.testing.assert_allclose(found, logits.grad.numpy(), rtol=1e-12, atol=1e-15)


def test_L2_worked_example():
    """-[0 log .3 + 1 log .7]: cross-entropy is the negative log-likelihood."""
    y_true, y_pred = np.array([0.0, 1.0]), np.array([0.3, 0.7])
    loss = get("loss", "cross_entropy")
    assert value(loss, True, y_true, y_pred) == pytest.approx(0.356675, abs=5e-7)
    assert value(loss, True, y_true, y_pred, **loss.check({"base": 10})) == pytest.approx(0.154902, abs=5e-7)
    assert value(loss.fused["softmax"], True, y_true, np.log(y_pred), base=10.0) == pytest.approx(0.154902, abs=5e-7)


def test_L2_fused_gradient_follows_the_base(rng):
    y_true, z = rng.dirichlet(np.ones(4)), rng.normal(size=4)
    fused = get("loss", "cross_entropy").fused["softmax"]
    natural = gradient(fused, True, y_true, z)
    np.testing.assert_allclose(gradient(fused, True, y_true, z, base=10.0), natural / math.log(10), rtol=1e-14)


def test_L3_kl_divergence_is_cross_entropy_less_entropy(rng):
    y_true, y_pred = rng.dirichlet(np.ones(5)), rng.dirichlet(np.ones(5))
    y_true[2] = 0.0
    y_true /= y_true.sum()
    divergence = value(get("loss", "kl_divergence"), True, y_true, y_pred)
    assert divergence == pytest.approx(stats.entropy(y_true, y_pred), rel=1e-13)
    cross_entropy = value(get("loss", "cross_entropy"), True, y_true, y_pred)
    assert divergence == pytest.approx(cross_entropy - stats.entropy(y_true), rel=1e-13)


def test_hinge_equals_scikit_learn(rng):
    from sklearn.metrics import hinge_loss

    y_true, y_pred = np.array([-1.0, 1.0, 1.0, -1.0]), 2 * rng.normal(size=4)
    expected = 4 * hinge_loss(y_true, y_pred)
    assert value(get("loss", "hinge"), False, y_true, y_pred) == pytest.approx(expected, rel=1e-14)


def test_kinks_take_the_gradient_of_the_flat_side():
    """As PyTorch does: |0|' = 0; at the hinge's margin nothing pulls any more."""
    assert get("loss", "absolute_error").gradient(0.7, 0.7) == 0
    assert get("loss", "hinge").gradient(1.0, 1.0) == 0
    assert get("loss", "hinge").gradient(-1.0, -1.0) == 0


def test_B2_half_of_the_sum_belongs_to_squared_error_alone():
    assert {name for name in NAMES if "half_sum" in get("loss", name).reductions} == {"squared_error"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"gradient": max, "row": True}, "loss 'mine' is row=True"),
        ({"row": True, "fused": {"tanh": Fused(max, max)}}, "loss 'mine after tanh' is row=True"),
    ],
)
def test_a_gradient_that_is_one_too_many_is_refused(settings, message):
    with pytest.raises(PluginError, match=message):
        Loss("mine", max, **settings)


@pytest.mark.parametrize(
    ("name", "option", "bad"),
    [("huber", "delta", 0), ("huber", "delta", "wide"), ("cross_entropy", "base", 1.0), ("cross_entropy", "base", -2)],
)
def test_options_out_of_range_are_refused(name, option, bad):
    with pytest.raises(ConfigError, match=f"loss '{name}': {option} = "):
        get("loss", name).check({option: bad})
