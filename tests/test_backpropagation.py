"""Back-propagation, rows B1 to B10 of the lectures: every formula against PyTorch, finite differences or a textbook."""

import math

import numpy as np
import pytest

import workbench as wb
from workbench.registry import registry

torch = pytest.importorskip("torch", reason="PyTorch, the independent reference, is not installed")


def hard_sigmoid(z):
    # torch.nn.functional.hardsigmoid's derivative holds 1/6 in float32, also for float64.
    return torch.clamp(z / 6 + 0.5, 0, 1)


F = torch.nn.functional
ACTIVATIONS = {
    "elu": F.elu, "gelu": F.gelu, "hard_sigmoid": hard_sigmoid, "leaky_relu": F.leaky_relu, "linear": lambda z: z,
    "mish": F.mish, "relu": F.relu, "selu": F.selu, "sigmoid": torch.sigmoid, "silu": F.silu, "softplus": F.softplus,
    "softsign": F.softsign, "tanh": torch.tanh, "softmax": lambda z: F.softmax(z, dim=-1),
}  # fmt: skip

# The mean over samples of the sum over outputs, as ours is stated.
LOSSES = {
    "squared_error": lambda y, a: ((y - a) ** 2).sum(1).mean(),
    "absolute_error": lambda y, a: (y - a).abs().sum(1).mean(),
    "huber": lambda y, a: F.huber_loss(a, y, reduction="none").sum(1).mean(),
    "binary_cross_entropy": lambda y, a: F.binary_cross_entropy(a, y, reduction="none").sum(1).mean(),
    "cross_entropy": lambda y, a: -(y * a.log()).sum(1).mean(),
    "kl_divergence": lambda y, a: (torch.special.xlogy(y, y) - y * a.log()).sum(1).mean(),
    "hinge": lambda y, a: torch.clamp(1 - y * a, min=0).sum(1).mean(),
}
OUTPUT = {"binary_cross_entropy": "sigmoid", "cross_entropy": "softmax", "kl_divergence": "softmax"}

# Rounding only: about 1e-16 and 1e-7 for one operation, over at most nine layers; relative to the largest entry.
TOLERANCE = {"float64": 1e-10, "float32": 1e-5}


def make(layers, loss, dtype="float64", n_inputs=6, seed=1, **settings):
    return wb.Network(layers, loss=loss, dtype=dtype, seed=seed, **settings).initialize((n_inputs,))


def targets_for(loss, rng, n, k):
    if loss == "hinge":
        return rng.choice([-1.0, 1.0], (n, k))
    if wb.get("loss", loss).targets == "distribution":
        return rng.dirichlet(np.ones(k), n)
    return rng.random((n, k))


def torch_gradients(net, X, y, loss):
    """Loss and gradients of the same network, weights copied, by autodiff in float64."""
    parameters = {k: torch.tensor(v.astype(np.float64), requires_grad=True) for k, v in net.parameters().items()}
    a = torch.tensor(X)
    for stage in net.stages:
        if stage.layer is not None:
            a = a @ parameters[f"{stage.index}.weight"] + parameters[f"{stage.index}.bias"]
        else:
            a = ACTIVATIONS[stage.name](a)
    value = LOSSES[loss](torch.tensor(y), a)
    value.backward()
    return value.item(), {k: p.grad.numpy() for k, p in parameters.items()}


def assert_gradients_equal(net, X, y, loss, dtype):
    X, y = X.astype(dtype).astype(np.float64), np.asarray(y).astype(dtype).astype(np.float64)
    ours, gradients = net.loss_and_gradients(X, y)
    reference, expected = torch_gradients(net, X, y, loss)
    tolerance = TOLERANCE[dtype]
    assert ours == pytest.approx(reference, rel=tolerance)
    assert list(gradients) == list(expected)
    for name, gradient in gradients.items():
        assert gradient.shape == expected[name].shape
        assert abs(gradient - expected[name]).max() <= tolerance * abs(expected[name]).max(), name


@pytest.mark.parametrize("depth", [1, 3, 8])
def test_B1_forward_is_weighted_sum_then_activation(depth):
    layers = [entry for _ in range(depth) for entry in ({"dense": {"units": 5}}, "sigmoid")]
    net = make(layers, "squared_error")
    X = np.random.default_rng(0).standard_normal((4, 6))
    a = X
    for i in range(depth):
        w, b = net.parameters()[f"{2 * i}.weight"], net.parameters()[f"{2 * i}.bias"]
        a = 1 / (1 + np.exp(-(a @ w + b)))
    np.testing.assert_allclose(net.predict_proba(X), a, rtol=1e-13)


def test_B2_output_delta_is_error_times_slope():
    """With half squared error: dL/dw_ij = -(y_j - a_j) s'(z_j) a_i, every factor by itself."""
    net = make([{"dense": {"units": 3}}, "sigmoid"], "squared_error", reduction="half_sum")
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((1, 6)), rng.random((1, 3))
    z = X @ net.parameters()["0.weight"] + net.parameters()["0.bias"]
    a = 1 / (1 + np.exp(-z))
    delta = -(y - a) * a * (1 - a)
    _, gradients = net.loss_and_gradients(X, y)
    np.testing.assert_allclose(gradients["0.weight"], X.T @ delta, rtol=1e-12)
    np.testing.assert_allclose(gradients["0.bias"], delta[0], rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
@pytest.mark.parametrize("depth", [1, 3, 8])
def test_B3_every_gradient_equals_autodiff(activation, depth, dtype):
    rng = np.random.default_rng(depth)
    width = int(rng.integers(2, 9))
    hidden = [entry for _ in range(depth) for entry in ({"dense": {"units": width}}, activation)]
    net = make([*hidden, {"dense": {"units": 4}}, "softmax"], "cross_entropy", dtype)
    X = rng.standard_normal((7, 6))
    assert_gradients_equal(net, X, np.eye(4)[rng.integers(0, 4, 7)], "cross_entropy", dtype)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_B3_every_loss_equals_autodiff(loss, dtype):
    rng = np.random.default_rng(5)
    layers = [{"dense": {"units": 5}}, "tanh", {"dense": {"units": 3}}, OUTPUT.get(loss, "linear")]
    net = make(layers, loss, dtype)
    assert_gradients_equal(net, rng.standard_normal((6, 6)), targets_for(loss, rng, 6, 3), loss, dtype)


def test_B3_covers_everything_registered():
    assert set(ACTIVATIONS) == {e.spec.name for e in registry().entries() if e.spec.kind == "activation"}
    assert set(LOSSES) == {e.spec.name for e in registry().entries() if e.spec.kind == "loss"}


@pytest.mark.parametrize("activation", ["sigmoid", "gelu"])
def test_B3_gradient_is_the_slope_of_the_loss(activation):
    """Central differences in float64: error about h^2 + 1e-16 / h, least near h = 1e-5, so 1e-8 relative is safe."""
    net = make([{"dense": {"units": 4}}, activation, {"dense": {"units": 3}}, "softmax"], "cross_entropy")
    rng = np.random.default_rng(2)
    X, y, h = rng.standard_normal((5, 6)), rng.integers(0, 3, 5), 1e-5
    _, gradients = net.loss_and_gradients(X, y)
    for name, values in net.parameters().items():
        for i in np.ndindex(values.shape):
            keep = values[i]
            values[i] = keep + h
            above, _ = net.loss_and_gradients(X, y)
            values[i] = keep - h
            below, _ = net.loss_and_gradients(X, y)
            values[i] = keep
            assert gradients[name][i] == pytest.approx((above - below) / (2 * h), rel=1e-6, abs=1e-9)


def test_B4_bias_gradient_is_delta():
    """dz_j/db_j = 1: with one sample, a constant input of 1 makes a weight's gradient equal to the bias's."""
    net = make([{"dense": {"units": 3}}, "tanh", {"dense": {"units": 2}}], "squared_error", n_inputs=1)
    _, gradients = net.loss_and_gradients(np.ones((1, 1)), [[0.3, -0.2]])
    np.testing.assert_array_equal(gradients["0.weight"][0], gradients["0.bias"])
    assert abs(gradients["2.bias"]).min() > 0


def test_B5_batch_gradient_is_mean_of_single_ones():
    net = make([{"dense": {"units": 4}}, "sigmoid", {"dense": {"units": 3}}, "softmax"], "cross_entropy", n_inputs=3)
    rng = np.random.default_rng(3)
    X, y = rng.standard_normal((6, 3)), rng.integers(0, 3, 6)
    _, batch = net.loss_and_gradients(X, y)
    singles = [net.loss_and_gradients(X[i : i + 1], y[i : i + 1])[1] for i in range(6)]
    for name, gradient in batch.items():
        np.testing.assert_allclose(gradient, np.mean([s[name] for s in singles], axis=0), rtol=1e-12, atol=1e-15)
    assert batch["0.weight"].shape == (3, 4)  # a (3x1) times delta (1x4)


def test_B6_one_step_is_weight_minus_rate_times_gradient():
    net = make([{"dense": {"units": 3}}, "relu", {"dense": {"units": 2}}, "softmax"], "cross_entropy",
               optimizer={"sgd": {"lr": 0.1}}, epochs=1, batch_size=8)  # fmt: skip
    rng = np.random.default_rng(4)
    X, y = rng.standard_normal((8, 6)), rng.integers(0, 2, 8)
    before = {k: v.copy() for k, v in net.parameters().items()}
    _, gradients = net.loss_and_gradients(X, y)
    net.fit(X, y)
    for name, after in net.parameters().items():
        np.testing.assert_allclose(after, before[name] - 0.1 * gradients[name], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    ("choice", "make_optimizer"),
    [
        ({"sgd": {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}},
         lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.01)),
        ({"rmsprop": {"lr": 0.01}}, lambda p: torch.optim.RMSprop(p, lr=0.01)),
        ({"adagrad": {"lr": 0.05}}, lambda p: torch.optim.Adagrad(p, lr=0.05)),
        ({"adam": {"lr": 0.01}}, lambda p: torch.optim.Adam(p, lr=0.01)),
        ({"adamw": {"lr": 0.01, "weight_decay": 0.1}}, lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1)),
    ],
)  # fmt: skip
def test_B6_ten_steps_equal_the_reference_optimizer(choice, make_optimizer):
    net = make([{"dense": {"units": 5}}, "tanh", {"dense": {"units": 3}}, "softmax"], "cross_entropy",
               optimizer=choice, epochs=10, batch_size=8)  # fmt: skip
    rng = np.random.default_rng(4)
    X, y = rng.standard_normal((8, 6)), rng.integers(0, 3, 8)
    parameters = [torch.tensor(v.copy(), requires_grad=True) for v in net.parameters().values()]
    optimizer = make_optimizer(parameters)
    for _ in range(10):
        w0, b0, w1, b1 = parameters
        optimizer.zero_grad()
        F.cross_entropy(torch.tanh(torch.tensor(X) @ w0 + b0) @ w1 + b1, torch.tensor(y)).backward()
        optimizer.step()
    net.fit(X, y)
    for ours, theirs in zip(net.parameters().values(), parameters, strict=True):
        np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-9, atol=1e-12)


def test_B7_binary_cross_entropy_is_finite_at_huge_logits():
    net = make([{"dense": {"units": 1}}, "sigmoid"], "binary_cross_entropy", n_inputs=1)
    net.parameters()["0.weight"][:] = 1.0
    for z, y, expected in [(1000.0, 1, 0.0), (1000.0, 0, 1000.0), (-1000.0, 1, 1000.0), (-1000.0, 0, 0.0)]:
        loss, gradients = net.loss_and_gradients(np.array([[z]]), np.array([[float(y)]]))
        assert loss == pytest.approx(expected, abs=1e-12)
        assert np.isfinite(gradients["0.weight"]).all()


def test_B8_sigmoid_with_cross_entropy_has_delta_prediction_minus_target():
    net = make([{"dense": {"units": 2}}, "sigmoid"], "binary_cross_entropy", reduction="sum")
    rng = np.random.default_rng(6)
    X, y = rng.standard_normal((1, 6)), np.array([[0.0, 1.0]])
    _, gradients = net.loss_and_gradients(X, y)
    np.testing.assert_allclose(gradients["0.bias"], (net.predict_proba(X) - y)[0], rtol=1e-12)


@pytest.mark.parametrize(("loss", "activation"), [("binary_cross_entropy", "sigmoid"), ("cross_entropy", "softmax")])
def test_B8_fused_and_unfused_agree(loss, activation):
    """An identity in between keeps the pair from being fused."""
    rng = np.random.default_rng(7)
    X, y = rng.standard_normal((5, 6)), np.eye(3)[rng.integers(0, 3, 5)]
    fused = make([{"dense": {"units": 3}}, activation], loss)
    unfused = make([{"dense": {"units": 3}}, activation, "linear"], loss)
    assert fused.plan.fused is not None
    assert unfused.plan.fused is None
    (loss_1, one), (loss_2, two) = fused.loss_and_gradients(X, y), unfused.loss_and_gradients(X, y)
    assert loss_1 == pytest.approx(loss_2, rel=1e-12)
    for name in one:
        np.testing.assert_allclose(one[name], two[name], rtol=1e-10, atol=1e-14)


def test_B9_sigmoid_slope_is_at_most_a_quarter_and_vanishes_both_ways():
    slope = wb.get("activation", "sigmoid")
    z = np.linspace(-40, 40, 801)
    slopes = np.array([slope.derivative(v, slope.function(v)) for v in z])
    assert slopes.max() == pytest.approx(0.25, abs=1e-15)
    assert z[slopes.argmax()] == pytest.approx(0, abs=1e-9)
    assert slopes[0] < 1e-16 and slopes[-1] < 1e-16


def test_B9_gradient_vanishes_through_sigmoids_and_not_through_relus():
    """Each sigmoid layer multiplies the gradient by at most 1/4 times the weights' norm."""
    share = {}
    for activation, initializer in (("sigmoid", "glorot_uniform"), ("relu", "he_uniform")):
        hidden = [entry for _ in range(12) for entry in ({"dense": {"units": 16}}, activation)]
        net = make([*hidden, {"dense": {"units": 3}}, "softmax"], "cross_entropy", initializer=initializer)
        rng = np.random.default_rng(8)
        _, gradients = net.loss_and_gradients(rng.standard_normal((32, 6)), rng.integers(0, 3, 32))
        norms = [np.linalg.norm(gradients[f"{2 * i}.weight"]) for i in range(13)]
        share[activation] = norms[0] / norms[-1]
        if activation == "sigmoid":
            assert all(a < b for a, b in zip(norms[1:], norms[2:], strict=False))
    assert share["sigmoid"] < 1e-5 < 1e-2 < share["relu"]


def test_B10_textbook_example_to_nine_digits():
    """The public 2-2-2 example: i = (.05, .10), t = (.01, .99), eta = .5, half squared error, one step."""
    net = wb.Network(
        [{"dense": {"units": 2}}, "sigmoid", {"dense": {"units": 2}}, "sigmoid"], loss="squared_error",
        reduction="half_sum", optimizer={"sgd": {"lr": 0.5}}, epochs=1, batch_size=1, dtype="float64",
    ).initialize((2,))  # fmt: skip
    values = net.parameters()
    values["0.weight"][:], values["0.bias"][:] = [[0.15, 0.25], [0.20, 0.30]], 0.35
    values["2.weight"][:], values["2.bias"][:] = [[0.40, 0.50], [0.45, 0.55]], 0.60
    X, y = np.array([[0.05, 0.10]]), np.array([[0.01, 0.99]])
    loss, _ = net.loss_and_gradients(X, y)
    assert math.isclose(loss, 0.298371109, abs_tol=5e-10)
    biases = {name: values[name].copy() for name in ("0.bias", "2.bias")}
    net.fit(X, y)
    assert values["2.weight"][0, 0] == pytest.approx(0.35891648, abs=5e-9)
    assert values["0.weight"][0, 0] == pytest.approx(0.149780716, abs=5e-10)
    for name, bias in biases.items():  # the example leaves its biases as they are
        values[name][:] = bias
    loss, _ = net.loss_and_gradients(X, y)
    assert math.isclose(loss, 0.291027774, abs_tol=5e-10)
