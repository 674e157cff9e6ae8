"""Every hook in ``workbench/hookspecs.py`` is collected or called; a new hook without a test here fails the suite."""

import inspect
from textwrap import dedent

import pytest

from workbench import hookspecs
from workbench.registry import Registry
from workbench.specs import KINDS

HOOKS = [name for name, value in vars(hookspecs).items() if hasattr(value, "workbench_spec")]

LISTENER = """
    from workbench import hookimpl

    told = []

    @hookimpl
    def launched():
        told.append("launched")

    @hookimpl
    def run_started(run):
        told.append(("run_started", run))

    @hookimpl
    def epoch_ended(run, epoch, metrics):
        told.append(("epoch_ended", run, epoch, metrics))

    @hookimpl
    def run_ended(run, error):
        told.append(("run_ended", run, error))

    @hookimpl
    def sweep_started(sweep):
        told.append(("sweep_started", sweep))

    @hookimpl
    def sweep_ended(error):  # a listener takes only the arguments it wants
        told.append(("sweep_ended", error))
"""


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Write a plugin file ``mine.py`` into an empty folder and load that folder."""
    monkeypatch.delenv("WORKBENCH_PLUGINS_DIR", raising=False)
    # Only what the file itself asks for should listen: no MLflow.
    monkeypatch.setattr(Registry, "_load_built_ins", lambda self: None)

    def load(source):
        (tmp_path / "mine.py").write_text(dedent(source))
        return Registry(tmp_path)

    return load


@pytest.fixture
def listener(load):
    """A registry with one listening plugin, and what the plugin has been told."""
    registry = load(LISTENER)
    return registry.hook, registry.manager.get_plugin("mine").told


def test_every_hook_has_a_test_and_a_docstring():
    assert {f"test_hook_{name}" for name in HOOKS} <= set(globals())
    assert all(inspect.getdoc(getattr(hookspecs, name)) for name in HOOKS)


def test_every_kind_has_its_hook():
    assert set(KINDS.values()) == {name for name in HOOKS if name.startswith("register_")}


def test_hook_register_activations(load):
    registry = load("""
        from workbench import Activation, hookimpl

        @hookimpl
        def register_activations():
            return [Activation("cube", lambda z: z * z * z, lambda z, a: 3 * z * z)]
    """)
    assert registry.get("activation", "cube").function(2.0) == 8.0


def test_hook_register_losses(load):
    registry = load("""
        from workbench import Loss, hookimpl

        @hookimpl
        def register_losses():
            yield Loss("quartic", lambda y_true, y_pred: (y_pred - y_true) ** 4,
                       lambda y_true, y_pred: 4 * (y_pred - y_true) ** 3)
    """)
    assert registry.get("loss", "quartic").gradient(1.0, 3.0) == 32.0


def test_hook_register_layers(load):
    registry = load("""
        from dataclasses import dataclass
        from workbench import Layer, LayerShape, hookimpl

        @dataclass(frozen=True)
        class Scale(Layer):
            factor: float = 2.0
            name = "scale"

            def build(self, input_shape):
                return LayerShape(output=input_shape, constants={"factor": self.factor})

            @staticmethod
            def forward(x, output, factor):
                output[:] = factor * x

            @staticmethod
            def backward(grad_output, grad_x, factor):
                grad_x[:] = factor * grad_output

        @hookimpl
        def register_layers():
            return [Scale]
    """)
    scale = registry.get("layer", "scale")
    assert scale(factor=3.0).build((4,)).constants == {"factor": 3.0}
    assert scale.options["factor"].default == 2.0


def test_hook_register_optimizers(load):
    registry = load("""
        from workbench import Optimizer, hookimpl

        def lion(weight, grad, momentum, lr, step, beta=0.9):
            return weight, momentum

        @hookimpl
        def register_optimizers():
            return [Optimizer("lion", lion, lr=0.001)]
    """)
    assert registry.get("optimizer", "lion").check({}) == {"lr": 0.001, "beta": 0.9}


def test_hook_register_schedules(load):
    registry = load("""
        from workbench import Schedule, hookimpl

        @hookimpl
        def register_schedules():
            return [Schedule("linear", lambda step, total_steps, steps_per_epoch: 1 - step / total_steps)]
    """)
    assert registry.get("schedule", "linear").function(5, 10, 1) == 0.5


def test_hook_register_initializers(load):
    registry = load("""
        from workbench import Initializer, hookimpl

        @hookimpl
        def register_initializers():
            return [Initializer("fan_in", lambda rng, shape, fan_in, fan_out: fan_in)]
    """)
    assert registry.get("initializer", "fan_in").function(None, (), 3, 4) == 3


def test_hook_register_metrics(load):
    registry = load("""
        from workbench import Metric, hookimpl

        def first(points, center):
            center[:] = points[0]

        @hookimpl
        def register_metrics():
            return [Metric("discrete", lambda x, y: float((x != y).any()), first, n_features=3)]
    """)
    assert registry.get("metric", "discrete").n_features == 3


def test_hook_register_clusterers(load):
    registry = load("""
        from workbench import Clusterer, hookimpl

        class OneCluster:
            def __init__(self, n_clusters=1):
                self.n_clusters = n_clusters

        @hookimpl
        def register_clusterers():
            return [Clusterer("one_cluster", OneCluster)]
    """)
    assert registry.get("clusterer", "one_cluster")(n_clusters=2).n_clusters == 2


def test_hook_register_estimators(load):
    registry = load("""
        from workbench import Estimator, hookimpl

        @hookimpl
        def register_estimators():
            return [Estimator("guess", lambda task, answer=0: (task, answer))]
    """)
    guess = registry.get("estimator", "guess")
    assert guess.function("regression", **guess.check({"answer": 42})) == ("regression", 42)


def test_hook_register_datasets(load):
    registry = load("""
        import numpy as np
        from workbench import Data, Dataset, hookimpl

        @hookimpl
        def register_datasets():
            return [Dataset("ramp", lambda n=4: Data(np.arange(n)[:, None], np.arange(n)), task="regression")]
    """)
    assert registry.get("dataset", "ramp").function(n=3).X.shape == (3, 1)


def test_hook_register_figures(load):
    registry = load("""
        from workbench import Figure, hookimpl

        @hookimpl
        def register_figures():
            return [Figure("blank", lambda sweep: None, of="sweep", finding=lambda sweep: "Nothing.")]
    """)
    assert registry.get("figure", "blank").finding(None) == "Nothing."


def test_hook_launched(listener):
    hook, told = listener
    hook.launched()
    assert told == ["launched"]


def test_hook_run_started(listener):
    hook, told = listener
    hook.run_started(run="a run")
    assert told == [("run_started", "a run")]


def test_hook_epoch_ended(listener):
    hook, told = listener
    hook.epoch_ended(run="a run", epoch=1, metrics={"train/loss": 2.0})
    assert told == [("epoch_ended", "a run", 1, {"train/loss": 2.0})]


def test_hook_run_ended(listener):
    hook, told = listener
    error = RuntimeError("power cut")
    hook.run_ended(run="a run", error=error)
    assert told == [("run_ended", "a run", error)]


def test_hook_sweep_started(listener):
    hook, told = listener
    hook.sweep_started(sweep="a sweep")
    assert told == [("sweep_started", "a sweep")]


def test_hook_sweep_ended(listener):
    hook, told = listener
    hook.sweep_ended(sweep="a sweep", error=None)
    assert told == [("sweep_ended", None)]
