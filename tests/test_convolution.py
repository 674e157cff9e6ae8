"""Layers of images against PyTorch and against plain loops: output and every gradient, over random shapes; row C1."""

import math

import naive
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numba import config

import workbench as wb
from workbench import get
from workbench.errors import ConfigError
from workbench.network.operands import (
    FIRST,
    ROWS,
    TOTAL,
    TRAINING,
    Batch,
    Field,
    Integer,
    NoiseKey,
    Operation,
    Real,
    Rows,
    Shard,
    Span,
    Training,
    Whole,
    in_order_of,
    is_wide,
)
from workbench.registry import registry

needs_compiler = pytest.mark.skipif(bool(config.DISABLE_JIT), reason="NUMBA_DISABLE_JIT=1: nothing is compiled")

# Rounding only, relative to the largest entry: 1e-16 and 1e-7 for one operation, some hundreds of them in a sum.
TOLERANCE = {"float64": 1e-10, "float32": 1e-4}
COMPILED = [pytest.param("compiled", dtype, marks=needs_compiler, id=f"compiled-{dtype}") for dtype in TOLERANCE]
EVERY_WAY = [*COMPILED, pytest.param("plain", "float64", id="plain-float64")]
every_way = pytest.mark.parametrize(("how", "dtype"), EVERY_WAY)
compiled = pytest.mark.parametrize(("how", "dtype"), COMPILED)
many, few = (settings(max_examples=n, deadline=None, derandomize=True) for n in (200, 40))

GUARD = 7.25


class Kernels:
    """One layer on one batch: its kernels run compiled or as plain Python, every array between guard rows.

    What a kernel should fill starts as NaN; so do the rows beside what it reads, which must not matter.
    """

    def __init__(self, name, x, dtype="float64", how="compiled", seed=0, input_gradient=True, **options):
        self.layer, self.dtype, self.how = get("layer", name)(**options), dtype, how
        self.shape = shape = self.layer.build(x.shape[1:])
        self.memory, self.operands = {}, {}
        batch, rng = len(x), np.random.default_rng(seed)
        self._add("x", Rows, x, guard=np.nan)
        self._add("output", Rows, np.full((batch, *shape.output), np.nan))
        self._add("grad_output", Rows, values(rng, (batch, *shape.output), dtype), guard=np.nan)
        self._add("grad_x", Rows, np.full(x.shape if input_gradient else (batch, *(0 for _ in x.shape[1:])), np.nan))
        for part, own in shape.workspace.items():
            self._add(part, Rows, np.full((batch, *own), np.nan))
        for part, own in shape.saved.items():
            self._add(part, Whole, np.full(own, np.nan))
        for part, parameter in shape.parameters.items():
            self._add(part, Whole, values(rng, parameter.shape, dtype), guard=np.nan)
            self._add(f"grad_{part}", Whole, np.full(parameter.shape, np.nan))
        for part, number in shape.constants.items():
            self.operands[part] = Integer(number) if isinstance(number, int) else Real(number)
        self.operands |= {part: Whole(table) for part, table in shape.tables.items()}
        self.operands |= {"training": Training(), "key": NoiseKey(0), "first_row": Field(FIRST)}

    def _add(self, name, operand, array, guard=GUARD):
        memory = np.full((len(array) + 2, *array.shape[1:]), guard, self.dtype)
        memory[1:-1] = array
        self.memory[name], self.operands[name] = memory, operand(memory[1:-1])

    def __getitem__(self, name):
        return self.operands[name].array

    def run(self):
        """Forward and backward; then every guard is as it was."""
        before = {name: memory[[0, -1]].copy() for name, memory in self.memory.items()}
        self._run("forward", self["output"].shape[-1])
        self._run("backward", self["x"].shape[-1])
        for name, memory in self.memory.items():
            np.testing.assert_array_equal(memory[[0, -1]], before[name], err_msg=f"the guards of {name}")
        return self

    def _run(self, part, features):
        kernel, batch = getattr(self.layer, part), len(self["x"])
        span = {"start": Span(0, features, 0), "stop": Span(0, features, 1)}
        operands = in_order_of(kernel, self.operands | span, part)
        if is_wide(kernel):
            operands = {name: Batch(o.array) if type(o) is Rows else o for name, o in operands.items()}
        operation, shard = Operation(f"{self.layer.name}_{part}", kernel, operands), Shard(0, 1, 0, batch)
        record = np.zeros(8, np.int64)
        record[[ROWS, TOTAL, TRAINING]] = batch, batch, 1
        if self.how == "compiled":
            row = np.array(operation.row(shard), np.int64)
            operation.compile(self.dtype).ctypes(row.ctypes.data, record.ctypes.data)
        else:
            operation.run(shard, record)

    def assert_equals(self, **expected):
        for name, array in expected.items():
            assert_close(self[name], array, self.dtype, name)


def values(rng, shape, dtype):
    """Random numbers; in single precision all of one sign, so that no sum cancels and loses its digits."""
    return rng.uniform(0.5, 1.5, shape) if dtype == "float32" else rng.standard_normal(shape)


def assert_close(ours, expected, dtype, name=""):
    assert ours.shape == expected.shape, name
    np.testing.assert_array_equal(np.isnan(ours), np.isnan(expected), err_msg=name)
    bound = TOLERANCE[dtype] * np.nanmax(abs(expected), initial=0)
    assert (abs(ours - expected)[~np.isnan(expected)] <= bound).all(), name


def by_torch(torch, function, kernels, *parameters):
    """Output and gradients by automatic differentiation in double precision, in our layout.

    ``function`` takes PyTorch's layout, (batch, channels, height, width) and (filters, channels, height, width).
    """
    given = {name: torch.tensor(kernels[name].astype(float), requires_grad=True) for name in ("x", *parameters)}
    axes = {"x": (0, 3, 1, 2), "weight": (3, 2, 0, 1)}
    seen = [t.permute(axes[name]).contiguous() if t.ndim == 4 else t for name, t in given.items()]
    output = function(*seen)
    output = output.permute(0, 2, 3, 1) if output.ndim == 4 else output
    output.backward(torch.tensor(kernels["grad_output"].astype(float)))
    gradients = {f"grad_{name}": tensor.grad.numpy() for name, tensor in given.items()}
    return {"output": output.detach().numpy()} | gradients


@st.composite
def cases(draw, most=13, channels=9, taps=5, batches=5, dilations=2):
    """The shape of a batch of images, and options of windows that fit into it."""
    kind = draw(st.sampled_from(["valid", "same", "int", "pair"]))
    padding = draw(st.tuples(st.integers(0, 2), st.integers(0, 2))) if kind in ("int", "pair") else (0, 0)
    padding = (padding[0], padding[0]) if kind == "int" else padding
    kernel, stride, dilation, sizes = [], [], [], []
    for around in padding:
        kernel.append(draw(st.integers(1, taps)))
        stride.append(draw(st.integers(1, 4)))
        dilation.append(draw(st.integers(1, dilations)))
        reach = (kernel[-1] - 1) * dilation[-1] + 1
        sizes.append(draw(st.integers(1 if kind == "same" else max(1, reach - 2 * around), max(most, reach))))
    shape = (draw(st.integers(1, batches)), *sizes, draw(st.integers(1, channels)))
    options = {"kernel_size": tuple(kernel), "stride": tuple(stride), "dilation": tuple(dilation)}
    options = {name: both[0] if both[0] == both[1] else both for name, both in options.items()}
    return shape, options | {"padding": {"int": padding[0], "pair": padding}.get(kind, kind)}


def pair(option):
    return option if isinstance(option, tuple) else (option, option)


def geometry(shape, options):
    """Kernel, stride, dilation and what is added around, as the oracles take them."""
    kernel, stride, dilation = (pair(options.get(name, 1)) for name in ("kernel_size", "stride", "dilation"))
    return kernel, stride, naive.padding_of(options["padding"], shape[1:3], kernel, stride, dilation), dilation


def padded(torch, x, padding, value=0.0):
    (top, bottom), (left, right) = padding
    return torch.nn.functional.pad(x, (left, right, top, bottom), value=value)


def run_conv2d(shape, options, how, dtype, **more):
    x = values(np.random.default_rng(1), shape, dtype)
    return Kernels("conv2d", x, dtype, how, **options, **more).run()


def assert_conv2d_equals_pytorch(torch, kernels, options):
    _, stride, padding, dilation = geometry(kernels["x"].shape, options)
    parameters = ("weight", "bias") if kernels["bias"].size else ("weight",)

    def convolution(x, weight, bias=None):
        return torch.nn.functional.conv2d(padded(torch, x, padding), weight, bias, stride, 0, dilation)

    kernels.assert_equals(**by_torch(torch, convolution, kernels, *parameters))


@every_way
@many
@given(case=cases(), filters=st.integers(1, 9), bias=st.booleans())
def test_C1_conv2d_equals_pytorch(torch, how, dtype, case, filters, bias):
    shape, options = case
    kernels = run_conv2d(shape, options, how, dtype, filters=filters, bias=bias)
    assert_conv2d_equals_pytorch(torch, kernels, options)


# Filters beyond one vector register or panel of them, sums beyond one block, windows beyond one block of rows.
LARGE = [
    ((2, 84, 84, 4), 32, {"kernel_size": 8, "stride": 4, "padding": "valid"}),
    ((3, 20, 20, 32), 64, {"kernel_size": 4, "stride": 2, "padding": "valid"}),
    ((3, 9, 9, 64), 64, {"kernel_size": 3, "padding": "valid"}),
    ((2, 20, 19, 48), 70, {"kernel_size": 3, "padding": "same"}),
    ((5, 13, 13, 13), 48, {"kernel_size": 5, "padding": 2, "dilation": (1, 2)}),
    ((4, 12, 17, 9), 33, {"kernel_size": 4, "padding": "same", "stride": (1, 3)}),
    ((3, 15, 14, 130), 17, {"kernel_size": 1, "padding": "valid"}),
    ((1, 40, 41, 3), 1, {"kernel_size": (1, 5), "padding": (0, 2)}),
    ((1, 26, 26, 1), 97, {"kernel_size": (5, 1), "padding": "valid", "dilation": 2}),
]


@compiled
@pytest.mark.parametrize(("shape", "filters", "options"), LARGE, ids=str)
def test_C1_large_convolutions_equal_pytorch(torch, how, dtype, shape, filters, options):
    assert_conv2d_equals_pytorch(torch, run_conv2d(shape, options, how, dtype, filters=filters), options)


small = {"most": 5, "channels": 3, "taps": 3, "batches": 2}


@every_way
@few
@given(case=cases(**small), filters=st.integers(1, 3))
def test_C1_conv2d_equals_seven_loops(how, dtype, case, filters):
    shape, options = case
    kernels = run_conv2d(shape, options, how, dtype, filters=filters)
    _, *places = geometry(shape, options)
    x, weight, bias, grad = (kernels[name].astype(float) for name in ("x", "weight", "bias", "grad_output"))
    kernels.assert_equals(output=naive.convolution(x, weight, bias, *places))
    gradients = naive.convolution_gradients(x, weight, grad, *places)
    kernels.assert_equals(**dict(zip(("grad_x", "grad_weight", "grad_bias"), gradients, strict=True)))


@every_way
def test_not_a_number_stays_in_the_windows_that_see_it(torch, how, dtype):
    """Nothing is multiplied by zero to get rid of it."""
    options = {"kernel_size": 3, "padding": "same"}
    x = values(np.random.default_rng(1), (3, 7, 6, 5), dtype)
    x[1, 2, 5, 3] = np.nan
    kernels = Kernels("conv2d", x, dtype, how, filters=35, **options).run()
    assert_conv2d_equals_pytorch(torch, kernels, options)
    assert np.isnan(kernels["output"]).sum() == 3 * 2 * 35
    kernels["x"][1, 2, 5, 3], kernels["grad_output"][2, 0, 0, 34] = 1, np.nan
    kernels.run()
    assert np.isnan(kernels["grad_x"]).sum() == 2 * 2 * 5
    assert np.isnan(kernels["grad_weight"]).sum() == 2 * 2 * 5  # the other taps lie on padding
    assert np.isnan(kernels["grad_bias"]).sum() == 1


def images_with_ties(shape, dtype):
    """Pixels of few values, every second sample, so that most windows have several largest."""
    rng = np.random.default_rng(2)
    x = rng.standard_normal(shape).astype(dtype)
    x[::2] = rng.integers(-3, 0, x[::2].shape)
    return x


def covers(shape, options):
    """Whether every window has a pixel of the image."""
    kernel, stride, padding, dilation = geometry(shape, options)
    inside = naive.pad(np.ones((1, *shape[1:3], 1)), padding, 0)
    return all(any(inside[pixel] for pixel in pixels) for _, pixels in naive.windows(inside, kernel, stride, dilation))


@every_way
@many
@given(case=cases())
def test_max_pool2d_equals_pytorch(torch, how, dtype, case):
    """Padding is smaller than any number, and of several largest pixels the first one gets the gradient."""
    shape, options = case
    assume(covers(*case))
    kernels = Kernels("max_pool2d", images_with_ties(shape, dtype), dtype, how, **options).run()
    kernel, stride, padding, dilation = geometry(shape, options)

    def pool(x):
        return torch.nn.functional.max_pool2d(padded(torch, x, padding, -math.inf), kernel, stride, 0, dilation)

    kernels.assert_equals(**by_torch(torch, pool, kernels))


@every_way
@few
@given(case=cases(**small))
def test_max_pool2d_equals_plain_loops(how, dtype, case):
    shape, options = case
    assume(covers(*case))
    kernels = Kernels("max_pool2d", images_with_ties(shape, dtype), dtype, how, **options).run()
    output, grad_x = naive.max_pool(kernels["x"], *geometry(shape, options), kernels["grad_output"])
    kernels.assert_equals(output=output, grad_x=grad_x)


@every_way
def test_max_pool2d_hands_on_what_is_not_a_number(torch, how, dtype):
    x = np.random.default_rng(0).standard_normal((2, 6, 6, 3))
    x[0, :2, :2, 0] = -np.inf
    x[0, 3, 3, 1] = x[1, 4, 0, 2] = np.nan
    kernels = Kernels("max_pool2d", x, dtype, how).run()
    for name, expected in by_torch(torch, lambda x: torch.nn.functional.max_pool2d(x, 2), kernels).items():
        np.testing.assert_array_equal(kernels[name], expected.astype(dtype), err_msg=name)
    assert np.isnan(kernels["output"]).sum() == 2


@every_way
@many
@given(case=cases(dilations=1), count_include_pad=st.booleans())
def test_avg_pool2d_equals_pytorch(torch, how, dtype, case, count_include_pad):
    shape, options = case
    options = {name: option for name, option in options.items() if name != "dilation"}
    assume(covers(shape, options))
    x = values(np.random.default_rng(3), shape, dtype)
    kernels = Kernels("avg_pool2d", x, dtype, how, count_include_pad=count_include_pad, **options).run()
    kernel, stride, padding, _ = geometry(shape, options)

    def pool(x):
        inside = padded(torch, torch.ones_like(x), padding, 1.0 if count_include_pad else 0.0)
        mean = torch.nn.functional.avg_pool2d(padded(torch, x, padding), kernel, stride)
        return mean / torch.nn.functional.avg_pool2d(inside, kernel, stride)

    kernels.assert_equals(**by_torch(torch, pool, kernels))


@every_way
@few
@given(case=cases(**small, dilations=1), count_include_pad=st.booleans())
def test_avg_pool2d_equals_plain_loops(how, dtype, case, count_include_pad):
    shape, options = case
    options = {name: option for name, option in options.items() if name != "dilation"}
    assume(covers(shape, options))
    x = values(np.random.default_rng(3), shape, dtype)
    kernels = Kernels("avg_pool2d", x, dtype, how, count_include_pad=count_include_pad, **options).run()
    kernel, stride, padding, _ = geometry(shape, options)
    output, grad_x = naive.avg_pool(kernels["x"], kernel, stride, padding, count_include_pad, kernels["grad_output"])
    kernels.assert_equals(output=output, grad_x=grad_x)


shapes = st.tuples(st.integers(1, 5), st.integers(1, 13), st.integers(1, 13), st.integers(1, 9))


@every_way
@many
@given(shape=shapes)
def test_global_avg_pool2d_equals_pytorch(torch, how, dtype, shape):
    kernels = Kernels("global_avg_pool2d", values(np.random.default_rng(4), shape, dtype), dtype, how).run()
    kernels.assert_equals(**by_torch(torch, lambda x: x.mean((2, 3)), kernels))


@every_way
@many
@given(shape=shapes)
def test_batch_norm_over_channels_equals_pytorch(torch, how, dtype, shape):
    # below that the input gradient is what is left of almost equal numbers
    assume(math.prod(shape[:3]) >= 8)
    kernels = Kernels("batch_norm", np.random.default_rng(5).standard_normal(shape), dtype, how, momentum=0.2)
    running = {name: torch.tensor(kernels[name].astype(float)) for name in ("running_mean", "running_var")}
    kernels.run()

    def normalise(x, weight, bias):
        return torch.nn.functional.batch_norm(x, *running.values(), weight, bias, training=True, momentum=0.2)

    kernels.assert_equals(**by_torch(torch, normalise, kernels, "weight", "bias"))
    kernels.assert_equals(**{name: tensor.numpy() for name, tensor in running.items()})


# Every layer there is, with options and a shape of samples that exercise it; a view has no kernels to run by itself.
EXAMPLES = {
    "avg_pool2d": ({"kernel_size": (3, 2), "stride": 2, "padding": 1, "count_include_pad": False}, (5, 6, 3)),
    "batch_norm": ({}, (2, 3, 4)),
    "conv2d": ({"filters": 3, "kernel_size": (3, 2), "stride": (2, 1), "padding": "same"}, (5, 4, 3)),
    "dense": ({"units": 5}, (7,)),
    "dropout": ({"rate": 0.3}, (3, 4, 2)),
    "flatten": ({}, (3, 4, 2)),
    "global_avg_pool2d": ({}, (5, 3, 4)),
    "max_pool2d": ({"kernel_size": (3, 2), "stride": 2, "padding": 1}, (5, 6, 3)),
    "reshape": ({"shape": (4, -1)}, (3, 4, 2)),
}


def test_every_layer_has_an_example():
    assert sorted(EXAMPLES) == sorted(registry().names("layer")), "give a new layer an entry in EXAMPLES"


@pytest.mark.parametrize("name", EXAMPLES)
def test_gradients_of_every_layer_equal_finite_differences(name):
    """Those of the weights below it show its input gradient."""
    options, shape = EXAMPLES[name]
    layers = [{"dense": {"units": math.prod(shape)}}, {"reshape": {"shape": shape}}, {name: options}]
    net = wb.Network(layers, "squared_error", dtype="float64", initializer="uniform").initialize((3,))
    rng = np.random.default_rng(6)
    X, y = rng.standard_normal((4, 3)), rng.standard_normal((4, math.prod(net.stages[-1].shape.output)))
    _, gradients = net.loss_and_gradients(X, y)
    step = 1e-5  # truncation errors around step^2, rounding errors around 1e-16 / step
    for key, weight in net.parameters().items():
        direction, kept = rng.standard_normal(weight.shape), weight.copy()
        losses = []
        for sign in (1, -1):
            weight[...] = kept + sign * step * direction
            losses.append(net.loss_and_gradients(X, y)[0])
        weight[...] = kept
        slope = (losses[0] - losses[1]) / (2 * step)
        assert slope == pytest.approx((gradients[key] * direction).sum(), rel=1e-6, abs=1e-8), key


WITH_KERNELS = [name for name in EXAMPLES if get("layer", name).function.forward is not None]


@every_way
@pytest.mark.parametrize("name", WITH_KERNELS)
def test_nothing_is_done_for_an_input_gradient_nobody_needs(name, how, dtype):
    options, shape = EXAMPLES[name]
    x = values(np.random.default_rng(7), (3, *shape), dtype)
    whole, part = (Kernels(name, x, dtype, how, input_gradient=needed, **options).run() for needed in (True, False))
    for array in {"output", *(f"grad_{parameter}" for parameter in whole.shape.parameters)}:
        np.testing.assert_array_equal(part[array], whole[array])


@every_way
@pytest.mark.parametrize("name", WITH_KERNELS)
def test_a_thread_without_rows_leaves_gradients_of_zero(name, how, dtype):
    options, shape = EXAMPLES[name]
    if is_wide(get("layer", name).function.backward):
        pytest.skip("shared out by features: every thread sees every row")
    kernels = Kernels(name, np.empty((0, *shape)), dtype, how, **options).run()
    for parameter, stated in kernels.shape.parameters.items():
        if stated.trainable:
            assert (kernels[f"grad_{parameter}"] == 0).all()


DQN = [{"conv2d": {"filters": 32, "kernel_size": 8, "stride": 4}}, "relu",
       {"conv2d": {"filters": 64, "kernel_size": 4, "stride": 2}}, "relu",
       {"conv2d": {"filters": 64, "kernel_size": 3}}, "relu",
       "flatten", {"dense": {"units": 512}}, "relu", {"dense": {"units": 6}}]  # fmt: skip


def test_C1_shapes_and_parameters_of_the_dqn_network():
    """Mnih et al., "Human-level control through deep reinforcement learning" (2015): 84 -> 20 -> 9 -> 7."""
    net = wb.Network(DQN, "squared_error").initialize((84, 84, 4))
    assert [entry for entry in net.table() if entry[0] != "relu"] == [
        ("conv2d", (20, 20, 32), 8 * 8 * 4 * 32 + 32),
        ("conv2d", (9, 9, 64), 4 * 4 * 32 * 64 + 64),
        ("conv2d", (7, 7, 64), 3 * 3 * 64 * 64 + 64),
        ("flatten", (3136,), 0),
        ("dense", (512,), 1606144),
        ("dense", (6,), 3078),
    ]
    assert [n for _, _, n in net.table() if n] == [8224, 32832, 36928, 1606144, 3078]


def network_by_torch(torch, net, X, y):
    """Loss and gradients of the same layers with the same weights, in double precision."""
    F = torch.nn.functional
    parameters = {k: torch.tensor(v.astype(float), requires_grad=True) for k, v in net.parameters().items()}
    a = torch.tensor(X.astype(float))
    for stage in net.stages:
        weight, bias = (parameters.get(f"{stage.index}.{name}") for name in ("weight", "bias"))
        options, images = dict(stage.chosen.options), a.permute(0, 3, 1, 2) if a.ndim == 4 else a
        if stage.name == "conv2d":
            _, stride, padding, dilation = geometry(a.shape, options)
            images = padded(torch, images, padding)
            a = F.conv2d(images, weight.permute(3, 2, 0, 1), bias, stride, 0, dilation).permute(0, 2, 3, 1)
        elif stage.name == "max_pool2d":
            a = F.max_pool2d(images, options["kernel_size"]).permute(0, 2, 3, 1)
        elif stage.name == "avg_pool2d":
            a = F.avg_pool2d(images, options["kernel_size"]).permute(0, 2, 3, 1)
        elif stage.name == "global_avg_pool2d":
            a = images.mean((2, 3))
        elif stage.name == "batch_norm":
            a = F.batch_norm(images, None, None, weight, bias, training=True).permute(0, 2, 3, 1)
        elif stage.name in ("flatten", "reshape"):
            a = a.reshape(len(a), *stage.shape.output)
        elif stage.name == "dense":
            a = a @ weight + bias
        else:
            a = getattr(torch, stage.name)(a)
    loss = ((a - torch.tensor(y.astype(float))) ** 2).sum(1).mean()
    loss.backward()
    return loss.item(), {name: tensor.grad.numpy() for name, tensor in parameters.items()}


def assert_network_equals_pytorch(torch, layers, input_shape, batch, dtype, **settings):
    net = wb.Network(layers, "squared_error", dtype=dtype, **settings).initialize(input_shape)
    rng = np.random.default_rng(8)
    X, y = (rng.standard_normal((batch, *shape)).astype(dtype) for shape in (input_shape, net.stages[-1].shape.output))
    ours, gradients = net.loss_and_gradients(X, y)
    loss, expected = network_by_torch(torch, net, X, y)
    assert ours == pytest.approx(loss, rel=TOLERANCE[dtype])
    for name, gradient in gradients.items():
        assert_close(gradient, expected[name], dtype, name)


@compiled
def test_C1_the_dqn_network_equals_pytorch(torch, how, dtype):
    assert_network_equals_pytorch(torch, DQN, (84, 84, 4), 3, dtype)


NETWORKS = {
    "pooled": (["batch_norm", {"conv2d": {"filters": 5}}, "tanh", "max_pool2d", "flatten", {"dense": {"units": 3}}],
               (9, 8, 2)),
    "from a row": ([{"reshape": {"shape": (6, -1, 2)}}, {"conv2d": {"filters": 3, "padding": "same"}}, "sigmoid",
                    "batch_norm", "avg_pool2d", {"conv2d": {"filters": 4, "kernel_size": (2, 1), "stride": 2}}, "tanh",
                    "global_avg_pool2d", {"dense": {"units": 2}}], (48,)),
    "views in a row": ([{"dense": {"units": 24}}, {"reshape": {"shape": (-1, 6)}}, {"reshape": {"shape": (2, 2, 6)}},
                        {"conv2d": {"filters": 2, "kernel_size": 2}}, "flatten"], (3,)),
}  # fmt: skip


@pytest.mark.parametrize(
    ("executor", "dtype"), [(None, "float32"), (None, "float64"), ("reference", "float64")], ids=str
)
@pytest.mark.parametrize("name", NETWORKS)
def test_networks_of_images_equal_pytorch(torch, name, executor, dtype):
    layers, shape = NETWORKS[name]
    assert_network_equals_pytorch(torch, layers, shape, 6, dtype, executor=executor)


def test_views_share_the_memory_of_what_they_show():
    views = ["flatten", {"reshape": {"shape": [3, -1]}}, "flatten"]
    layers = [{"conv2d": {"filters": 2}}, *views, {"dense": {"units": 1}}]
    plan = wb.Network(layers, "squared_error", batch_size=2).initialize((5, 5, 1)).plan
    for arrays in (plan.outputs, plan.grads):
        assert [array.shape[1:] for array in arrays] == [(3, 3, 2), (18,), (3, 6), (18,), (1,)]
        assert all(np.shares_memory(arrays[0], array) for array in arrays[1:4])


@needs_compiler
def test_nothing_is_compiled_for_another_size_filter_count_stride_or_batch():
    from workbench.jit import statistics

    def train(size, batch, filters, **options):
        layers = [{"conv2d": {"filters": filters, **options}}, "relu", "batch_norm", {"max_pool2d": options},
                  {"avg_pool2d": options}, "global_avg_pool2d", {"dense": {"units": 2}}]  # fmt: skip
        rng = np.random.default_rng(9)
        X, y = rng.standard_normal((12, *size)), rng.standard_normal((12, 2))
        return wb.Network(layers, "squared_error", epochs=1, batch_size=batch).fit(X, y).predict(X)

    train((9, 8, 2), 4, 3)
    before = statistics().compiled, statistics().loaded
    train((12, 30, 1), 5, 70, kernel_size=(1, 3), stride=2, padding="same")
    train((21, 21, 40), 12, 1, kernel_size=4, stride=(1, 3), padding=2)
    assert (statistics().compiled, statistics().loaded) == before


REFUSED = [
    ("conv2d", {"filters": 2}, (64,),
     r"layer 'conv2d' needs images of shape \(height, width, channels\), not samples of shape \(64,\): put a reshape"),
    ("conv2d", {"filters": 2, "kernel_size": 5}, (9, 3, 1),
     r"layer 'conv2d': a kernel of width 5 does not fit into images of shape \(9, 3, 1\), width 3: take a smaller"),
    ("conv2d", {"filters": 2, "kernel_size": (5, 1), "dilation": 3, "padding": 2}, (8, 8, 1),
     r"a kernel of height 5 \(dilation 3: 13 pixels\) does not fit .*, height 8 and 2 of padding on either side"),
    ("conv2d", {"filters": 2, "stride": 0}, (8, 8, 1),
     r"layer 'conv2d': stride = 0 "),
    ("conv2d", {"filters": 0}, (8, 8, 1),
     r"layer 'conv2d': filters = 0 "),
    ("conv2d", {"filters": 2, "padding": "full"}, (8, 8, 1),
     r"layer 'conv2d': padding = 'full' "),
    ("conv2d", {"filters": 2, "kernel_size": [1, 2, 3]}, (8, 8, 1),
     r"layer 'conv2d': kernel_size = \[1, 2, 3\] "),
    ("max_pool2d", {}, (8, 8),
     r"layer 'max_pool2d' needs images of shape \(height, width, channels\), not samples of shape \(8, 8\)"),
    ("max_pool2d", {}, (1, 8, 3),
     r"layer 'max_pool2d': a kernel of height 2 does not fit into images of shape \(1, 8, 3\)"),
    ("max_pool2d", {"padding": 2}, (8, 8, 3),
     r"layer 'max_pool2d': with padding 2, height 8 and a kernel of height 2, some windows would cover nothing"),
    ("max_pool2d", {"padding": (0, 1), "kernel_size": 2, "dilation": (1, 3)}, (2, 2, 3),
     r"layer 'max_pool2d': with padding \(0, 1\), width 2 .* nothing but padding"),
    ("avg_pool2d", {"padding": 3, "kernel_size": 3}, (8, 8, 3),
     r"layer 'avg_pool2d': with padding 3, .* some windows would cover nothing but padding: pad at most half"),
    ("avg_pool2d", {"dilation": 2}, (8, 8, 3),
     r"layer 'avg_pool2d' has no option 'dilation'"),
    ("global_avg_pool2d", {}, (8,),
     r"layer 'global_avg_pool2d' needs images"),
    ("reshape", {}, (8,),
     r"layer 'reshape' needs the option 'shape'"),
    ("reshape", {"shape": (5, -1)}, (8, 3),
     r"layer 'reshape': samples of shape \(8, 3\) hold 24 numbers, which do not fill \(5, -1\)"),
    ("reshape", {"shape": (2, 6)}, (8, 3),
     r"hold 24 numbers, which do not fill \(2, 6\)"),
    ("reshape", {"shape": (48,)}, (8, 3),
     r"hold 24 numbers, which do not fill \(48,\)"),
    ("reshape", {"shape": [-1, -1]}, (8, 3),
     r"shape \(-1, -1\) should hold whole numbers above zero, and -1 at most once"),
    ("reshape", {"shape": (0, -1)}, (8, 3),
     r"shape \(0, -1\) should hold"),
    ("reshape", {"shape": (-2, 12)}, (8, 3),
     r"layer 'reshape': shape = \(-2, 12\): entry 1 "),
    ("reshape", {"shape": ()}, (8, 3),
     r"layer 'reshape': shape = \(\) "),
    ("dense", {"units": 2}, (8, 8, 1),
     r"layer 'dense' needs samples of shape \(features,\), not \(8, 8, 1\): flatten them first"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "options", "shape", "message"), REFUSED)
def test_what_does_not_fit_is_refused_in_words(name, options, shape, message):
    with pytest.raises(ConfigError, match=message):
        wb.Network([{name: options}], "squared_error").initialize(shape)
