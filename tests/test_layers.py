"""Layers against PyTorch: forward and every gradient, kernels run as plain Python in float64; rows B1, B3 to B5."""

import inspect

import numpy as np
import pytest

from workbench import get
from workbench.errors import ConfigError


@pytest.fixture
def rng():
    return np.random.default_rng(0)


class Bench:
    """One layer with the arrays its kernels name; what a kernel should fill starts as NaN.

    A kernel that is shared out by features runs in two parts.
    """

    def __init__(self, name, x, rng, training=True, key=11, first_row=0, **options):
        self.layer = get("layer", name)(**options)
        built = self.layer.build(x.shape[1:])
        self.arrays = {"x": x, "output": np.full((len(x), *built.output), np.nan)} | built.constants
        self.arrays |= {name: np.full((len(x), *shape), np.nan) for name, shape in built.workspace.items()}
        self.arrays |= {name: np.full(shape, np.nan) for name, shape in built.saved.items()} | dict(built.tables)
        for name, parameter in built.parameters.items():
            self.arrays[name] = rng.uniform(0.5, 1.5, parameter.shape)
            self.arrays[f"grad_{name}"] = np.full(parameter.shape, np.nan)
        self.arrays |= {"training": training, "key": key, "first_row": first_row}
        self.arrays |= {"grad_output": rng.normal(size=self["output"].shape), "grad_x": np.full(x.shape, np.nan)}

    def __getitem__(self, name):
        return self.arrays[name]

    def run(self, *kernels):
        for kernel in kernels:
            function = getattr(self.layer, kernel)
            features = self["output" if kernel == "forward" else "x"].shape[-1]
            names = inspect.signature(function).parameters
            parts = [(0, features // 2), (features // 2, features)] if "start" in names else [(0, features)]
            for start, stop in parts:
                given = self.arrays | {"start": start, "stop": stop}
                function(**{name: given[name] for name in names})
        return self

    def tensor(self, torch, name):
        """PyTorch's copy, with a gradient; channels second where there are any."""
        array = self[name].copy()
        return torch.tensor(np.moveaxis(array, -1, 1) if array.ndim > 2 else array, requires_grad=True)


def channels_last(tensor):
    array = tensor.detach().numpy()
    return np.moveaxis(array, 1, -1) if array.ndim > 2 else array


@pytest.mark.parametrize("bias", [True, False])
def test_B1_B3_B4_B5_dense_equals_pytorch(bias, rng, torch):
    bench = Bench("dense", rng.normal(size=(7, 5)), rng, units=3, bias=bias).run("forward", "backward")
    assert bench["weight"].shape == (5, 3)
    assert bench["bias"].shape == ((3,) if bias else (0,))
    x, weight, shift = (bench.tensor(torch, name) for name in ("x", "weight", "bias"))
    output = torch.nn.functional.linear(x, weight.T, shift if bias else None)
    output.backward(torch.tensor(bench["grad_output"]))
    np.testing.assert_allclose(bench["output"], output.detach().numpy(), rtol=1e-13)
    np.testing.assert_allclose(bench["grad_weight"], weight.grad.numpy(), rtol=1e-12)
    np.testing.assert_allclose(bench["grad_x"], x.grad.numpy(), rtol=1e-12)
    if bias:
        np.testing.assert_allclose(bench["grad_bias"], shift.grad.numpy(), rtol=1e-12)


def test_B5_a_batch_gradient_is_the_sum_of_its_samples(rng):
    x = rng.normal(size=(6, 4))
    whole = Bench("dense", x, rng, units=3).run("backward")
    total = np.zeros((4, 3))
    for i in range(len(x)):
        one = Bench("dense", x[i : i + 1], rng, units=3)
        one.arrays |= {"weight": whole["weight"], "grad_output": whole["grad_output"][i : i + 1]}
        total += one.run("backward")["grad_weight"]
    np.testing.assert_allclose(whole["grad_weight"], total, rtol=1e-13)


def test_dense_refuses_samples_that_are_no_rows():
    with pytest.raises(ConfigError, match=r"needs samples of shape \(features,\), not \(8, 8\): flatten them first"):
        get("layer", "dense")(units=3).build((8, 8))


@pytest.mark.parametrize(
    ("name", "options"),
    [("dense", {"units": 0}), ("dropout", {"rate": 1.0}), ("dropout", {"rate": -0.1}), ("batch_norm", {"eps": 0.0})],
    ids=str,
)
def test_options_out_of_range_are_refused(name, options):
    (option,) = options
    with pytest.raises(ConfigError, match=f"layer '{name}': {option} = "):
        get("layer", name)(**options)


SHAPES = [(400, 5), (50, 2, 4, 5)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_dropout_zeroes_the_stated_share_and_scales_the_rest(shape, rng):
    bench = Bench("dropout", rng.normal(size=shape), rng, rate=0.3).run("forward", "backward")
    kept = bench["output"] != 0
    # 2000 draws: four standard errors of a share of 0.7 are 0.041
    assert kept.mean() == pytest.approx(0.7, abs=0.041)
    np.testing.assert_allclose(bench["output"], np.where(kept, bench["x"] / 0.7, 0), rtol=1e-14)
    np.testing.assert_allclose(bench["grad_x"], np.where(kept, bench["grad_output"] / 0.7, 0), rtol=1e-14)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("quiet", [{"training": False}, {"rate": 0.0}], ids=str)
def test_dropout_changes_nothing_outside_training_or_at_rate_zero(shape, quiet, rng):
    bench = Bench("dropout", rng.normal(size=shape), rng, **quiet).run("forward", "backward")
    np.testing.assert_array_equal(bench["output"], bench["x"])
    np.testing.assert_array_equal(bench["grad_x"], bench["grad_output"])


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(7, 5), (3, 2, 4, 5)], ids=str)
def test_batch_norm_equals_pytorch(shape, training, rng, torch):
    bench = Bench("batch_norm", 3 * rng.normal(size=shape) + 1, rng, training=training, eps=1e-3, momentum=0.2)
    x, weight, bias = (bench.tensor(torch, name) for name in ("x", "weight", "bias"))
    running = [bench.tensor(torch, name).detach() for name in ("running_mean", "running_var")]
    bench.run("forward", "backward")
    output = torch.nn.functional.batch_norm(x, *running, weight, bias, training, momentum=0.2, eps=1e-3)
    output.backward(bench.tensor(torch, "grad_output").detach())
    np.testing.assert_allclose(bench["output"], channels_last(output), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(bench["running_mean"], running[0].numpy(), rtol=1e-13)
    np.testing.assert_allclose(bench["running_var"], running[1].numpy(), rtol=1e-13)
    np.testing.assert_allclose(bench["grad_weight"], weight.grad.numpy(), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(bench["grad_bias"], bias.grad.numpy(), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(bench["grad_x"], channels_last(x.grad), rtol=1e-11, atol=1e-13)


def test_batch_norm_defaults_are_pytorchs(torch):
    theirs = inspect.signature(torch.nn.BatchNorm1d).parameters
    for option in get("layer", "batch_norm").options.values():
        assert option.default == theirs[option.name].default


def test_batch_norm_of_one_row_is_its_bias(rng):
    """Where PyTorch refuses; a last batch of one row is common."""
    bench = Bench("batch_norm", rng.normal(size=(1, 5)), rng).run("forward", "backward")
    np.testing.assert_array_equal(bench["output"][0], bench["bias"])
    np.testing.assert_array_equal(bench["grad_x"], np.zeros((1, 5)))
    assert np.isfinite(bench["running_var"]).all()


def test_batch_norm_keeps_its_statistics_from_the_optimizer():
    built = get("layer", "batch_norm")().build((4, 4, 3))
    assert {name for name, parameter in built.parameters.items() if parameter.trainable} == {"weight", "bias"}
    assert all(parameter.shape == (3,) for parameter in built.parameters.values())
    with pytest.raises(ConfigError, match="not single numbers"):
        get("layer", "batch_norm")().build(())
