"""What a layer's author may do wrong is told in one line; what he may do holds however a batch is shared out."""

import textwrap

import numpy as np
import pytest
from numba import config

import workbench as wb
from workbench.errors import PluginError
from workbench.network import plan

HEAD = """
    from dataclasses import dataclass
    import numpy as np
    from workbench import Layer, LayerShape, Parameter, hookimpl
    from workbench.noise import uniform
    from workbench.windows import window_dot

    @hookimpl
    def register_layers():
        return [Mine]

    @dataclass(frozen=True)
    class Mine(Layer):
        name = "mine"
"""
RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((24, 6)), RNG.standard_normal((24, 2))


@pytest.fixture
def mine(project):
    """A network that begins with the layer ``Mine``, whose body is given."""

    def network(body, **settings):
        (project / "plugins").mkdir(exist_ok=True)
        text = textwrap.dedent(HEAD) + textwrap.indent(textwrap.dedent(body), "    ")
        (project / "plugins" / "mine.py").write_text(text)
        layers = ["mine", {"dense": {"units": 2}}]
        settings = {"dtype": "float64", "batch_size": 24} | settings
        return wb.Network(layers, "squared_error", **settings).initialize((6,))

    return network


ADD = """
    def build(self, input_shape):
        return LayerShape(input_shape, {more})

    @staticmethod
    def forward(x, output, {names}):
        output[:] = x

    @staticmethod
    def backward(grad_output, grad_x):
        pass
"""


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (ADD.format(more="", names="weigth"), r"plugin 'mine' \(.*mine.py\): forward: nothing is called 'weigth'"),
        (
            ADD.format(more='constants={"start": 5}', names="start"),
            "the name 'start' is given twice, or means something",
        ),
        (ADD.format(more='tables={"at": np.zeros(3)}', names="at"), "the table 'at' holds float64; tables hold whole"),
        ("def build(self, input_shape):\n    return LayerShape((5,))\n", r"it is a view, .* turns \(6,\) into \(5,\)"),
        ("", r"^plugin 'mine' \(.*mine.py\): it has no build\(input_shape\)"),
        (
            "def build(self, input_shape):\n    return LayerShape((input_shape[1],))\n",
            r"^plugin 'mine' .*: build\(\(6,\)\), line 16 of .*mine.py: IndexError: tuple index out of range$",
        ),
        ("def __post_init__(self):\n    self.u = 5\n", r"line 16 of .*mine.py: FrozenInstanceError: "),
        ("def build(self, input_shape):\n    return input_shape\n", r"returned \(6,\); it must return a LayerShape"),
        ("def build(self, input_shape):\n    return LayerShape(6)\n", "the output shape 6; it must be a tuple"),
        ("def build(self, input_shape):\n    return LayerShape((6.0,))\n", r"the output shape \(6.0,\); it must be"),
        ("def build(self, input_shape):\n    return LayerShape((6, 0))\n", r"the output shape \(6, 0\); it must be"),
    ],
    ids=[
        "unknown name",
        "reserved name",
        "table of reals",
        "view that loses values",
        "no build",
        "build raises",
        "constructor raises",
        "no LayerShape",
        "output no tuple",
        "output no whole number",
        "output empty",
    ],
)
def test_mistakes_are_told(mine, body, reason):
    with pytest.raises(PluginError, match=reason):
        mine(body).fit(X, Y)


def test_a_layer_has_both_kernels_or_none():
    with pytest.raises(PluginError, match="layer Half needs both forward and backward"):

        class Half(wb.Layer):
            @staticmethod
            def forward(x, output):
                pass


@pytest.mark.parametrize("executor", ["compiled", "reference"])
@pytest.mark.parametrize(
    "table", ["np.arange(6, dtype=np.int32)[::-1]", "np.arange(12).reshape(6, 2).T[0] // 2"], ids=["int32", "strided"]
)
def test_tables_of_any_layout_mean_the_same(mine, table, executor):
    net = mine(
        f"""
        def build(self, input_shape):
            return LayerShape(input_shape, tables={{"at": {table}}})

        @staticmethod
        def forward(x, output, at):
            for i in range(x.shape[0]):
                for j in range(at.size):
                    output[i, j] = x[i, at[j]]

        @staticmethod
        def backward(grad_output, grad_x):
            pass
        """,
        executor=executor,
    )
    order = np.arange(6)[::-1] if "-1" in table else np.arange(6)
    np.testing.assert_array_equal(net.outputs(X, 0), X[:, order])


@pytest.mark.parametrize(
    ("weight", "before", "measured"),
    [("weight", True, "0.weight"), ("kernel", False, "0.kernel"), ("kernel", True, None)],
)
def test_diagnostics_are_of_the_weight_or_else_of_the_first_parameter(mine, weight, before, measured):
    """A vector, as a bias is, is none of the layers with a weight matrix."""
    parameters = [f'"{weight}": Parameter((6, 6), 6, 6)', '"bias": Parameter((6,), initializer="zeros")']
    body = f"""
        def build(self, input_shape):
            return LayerShape(input_shape, {{{", ".join(parameters[:: -1 if before else 1])}}})

        @staticmethod
        def forward(x, {weight}, bias, output):
            output[:] = np.dot(x, {weight}) + bias

        @staticmethod
        def backward(x, grad_output, grad_{weight}, grad_bias, {weight}, grad_x):
            grad_{weight}[:] = np.dot(x.T, grad_output)
            for j in range(grad_bias.size):
                grad_bias[j] = grad_output[:, j].sum()
    """
    net = mine(body, executor="reference", epochs=1)
    _, gradients = net.loss_and_gradients(X, Y)
    norms = [np.linalg.norm(gradients[name]) for name in (measured, "1.weight") if name]
    np.testing.assert_allclose(net.fit(X, Y).history[0]["gradients/norm_by_layer"], norms)


def test_a_window_product_of_misfits_is_not_a_number_and_touches_nothing_else(mine):
    net = mine(
        """
        def build(self, input_shape):
            tables = {"parts": [[0, 1, 0, 1]], "windows": [[0], [0]], "taps": [[0], [0]]}
            return LayerShape((2,), {"weight": Parameter((1, 2, 400))}, tables=tables)

        @staticmethod
        def forward(x, weight, output, parts, windows, taps):
            window_dot(x, parts, windows, taps, weight, weight[0, 0, :0], output)

        @staticmethod
        def backward(grad_output, grad_weight, grad_x):
            grad_weight[:] = 0
        """,
        executor="compiled",
    )
    if config.DISABLE_JIT:
        pytest.skip("NUMBA_DISABLE_JIT=1: NumPy raises an error of its own")
    assert np.isnan(net.outputs(X, 0)).all()


def test_noise_of_a_layer_shared_out_by_features_does_not_depend_on_the_shards(mine, monkeypatch):
    body = """
        def build(self, input_shape):
            return LayerShape(input_shape)

        @staticmethod
        def forward(x, output, key, first_row, start, stop):
            for i in range(x.shape[0]):
                for j in range(start, stop):
                    output[i, j] = x[i, j] + uniform(key, (first_row + i) * x.shape[1] + j)

        @staticmethod
        def backward(grad_output, grad_x):
            pass
    """
    losses = []
    for count in (1, 2, 4):
        monkeypatch.setattr(plan, "_SHARD_WORK", ((count, 0.0),))
        net = mine(body)
        assert len(net.plan.shards) == count
        losses.append(net.loss_and_gradients(X, Y)[0])
    assert losses == pytest.approx([losses[0]] * 3, rel=1e-13)  # sums of shards in another order


@pytest.mark.skipif(bool(config.DISABLE_JIT), reason="NUMBA_DISABLE_JIT=1: plain Python raises as it does")
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("output[:, :3] = x", r"mine_forward: .*mine.py, line \d+: ValueError: could not broadcast"),
        ("if first_row > 0 and x[0, 0] != 0: raise RuntimeError('no', 'idea')", "line .*: RuntimeError: .*idea"),
    ],
    ids=["shapes", "on purpose"],
)
def test_what_a_kernel_raises_is_told(mine, monkeypatch, line, reason, threads):
    monkeypatch.setattr(plan, "_SHARD_WORK", ((3, 0.0),))
    body = f"""
        def build(self, input_shape):
            return LayerShape(input_shape)

        @staticmethod
        def forward(x, output, first_row):
            {line}

        @staticmethod
        def backward(grad_output, grad_x):
            pass
    """
    with pytest.raises(PluginError, match=reason):
        mine(body, threads=threads, epochs=2).fit(X, Y)
