"""``workbench plugins NAME``: everything there is to know of a plugin, and its picture."""

import importlib.metadata
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pytest
from annotated_types import Ge, Gt, Interval, Le, Lt, MinLen
from PIL import Image

import workbench as wb
from workbench.authors import describe
from workbench.authors.picture import MARK, jumps
from workbench.authors.uses import uses
from workbench.registry import registry
from workbench.specs import KINDS

ROOT = Path(__file__).parent.parent
BENT = '''"""Bent: two straight lines, the steeper one above ``at``."""

from workbench import Activation, hookimpl


def bent(z, at: float = 1.0):
    return max(z, 2 * z - at)


def stairs(z):
    """One stair."""
    return 1.0 if z > 0 else 0.0


@hookimpl
def register_activations():
    return [Activation("bent", bent), Activation("stairs", stairs)]
'''
BROKEN = '''"""Broken."""

from workbench import Activation, hookimpl


def broken(z):
    return z + nowhere


def slope(z, a):
    return 1.0


@hookimpl
def register_activations():
    return [Activation("broken", broken, slope)]
'''
SHY = """
from dataclasses import dataclass

from workbench import Layer, hookimpl
from workbench.errors import ConfigError


@dataclass(frozen=True)
class Shy(Layer):
    name = "shy"

    def build(self, input_shape):
        raise ConfigError("not today")


@hookimpl
def register_layers():
    return [Shy]
"""
MINE = """# @package _global_
defaults:
  - override /dataset: iris
name: mine
learner:
  name: network
  optimizer: {sgd: {lr: 0.1}}
  layers: [{dense: {units: 3}}, softsign, 3]
hydra:
  sweeper:
    params:
      learner.loss: "huber,{hinge: {}}"
      learner.initializer: "'ones'"
"""


@pytest.fixture
def plugin(project):
    """Give the project a plugin file."""

    def plugin(name, text):
        (project / "plugins").mkdir(exist_ok=True)
        (project / "plugins" / f"{name}.py").write_text(text)
        registry.cache_clear()

    return plugin


@pytest.fixture
def conf(project):
    """Give the project a configuration file."""

    def conf(name, text):
        file = project / "conf" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    return conf


@pytest.fixture
def quick(monkeypatch):
    """Leave out what takes seconds."""
    monkeypatch.setattr(describe, "_passport", lambda spec: "measured elsewhere")
    monkeypatch.setattr(describe, "_draw", lambda console, spec: None)


def section(said, title):
    """The indented lines below a heading."""
    _, _, rest = said.partition(f"\n{title}\n")
    return re.match(r"(?:  .*\n|\n(?=  ))*", rest)[0]


def test_a_checkout_that_is_not_installed_describes_its_plugins(quick, workbench, monkeypatch):
    def version(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    assert f"built-in, workbench {wb.__version__}" in workbench("plugins", "softsign").out


def test_an_activation_is_described_in_full_and_drawn(project, workbench):
    said = workbench("plugins", "relu")
    assert (said.code, said.err) == (0, "")
    assert "\nactivation relu\n" in said.out
    assert re.search(rf"origin +built-in, workbench {re.escape(wb.__version__)}\n", said.out)
    assert re.search(r"plugin +activations\.relu\n", said.out)
    assert re.search(r"file +\S*plugins/activations/relu\.py\n", said.out)
    assert "\nRectified linear unit: a = max(z, 0), with derivative 0 at 0.\n" in said.out
    assert section(said.out, "function") == "  def relu(z):\n      return max(z, 0.0)\n"
    assert section(said.out, "derivative").startswith("  def derivative(z, a):\n")
    assert "float32: f within 0 ulp" in section(said.out, "numerical passport")
    assert section(said.out, "picture") == "  activation_relu.png\n"
    with Image.open("activation_relu.png") as picture:
        picture.load()
        assert picture.format == "PNG"
        assert picture.info["Software"] == MARK
        assert np.ptp(np.asarray(picture)) > 0
    assert os.listdir() == ["activation_relu.png"]


def test_a_derivative_that_was_worked_out_is_shown_and_said_to_be(plugin, workbench):
    plugin("bent", BENT)
    said = workbench("plugins", "bent").out
    assert "Bent: two straight lines, the steeper one above ``at``." in said
    assert re.search(r"origin +plugins/bent\.py\n", said)
    assert section(said, "function").startswith("  def bent(z, at: float = 1.0):\n")
    assert "return" in section(said, "derivative, worked out from the function")
    assert re.search(r"^ +at +float +1\.0 +$", said, re.MULTILINE)
    assert Path("activation_bent.png").is_file()


def test_a_loss_says_what_targets_it_takes_and_what_it_fuses_with(quick, project, workbench):
    said = workbench("plugins", "binary_cross_entropy").out
    assert re.search(r"targets +numbers in \[0, 1\]; classes as one-hot rows\n", said)
    assert re.search(r"reductions +mean, sum\n", said)
    assert re.search(r"fuses with +sigmoid\n", said)
    for title, name in {
        "function": "binary_cross_entropy",
        "gradient": "gradient",
        "function, sigmoid included": "from_logit",
        "gradient, sigmoid included": "gradient_from_logit",
    }.items():
        assert section(said, title).startswith(f"  def {name}("), title


def test_an_optimizer_says_its_rate_and_state(quick, project, workbench):
    said = workbench("plugins", "adam").out
    assert re.search(r"default lr +0\.001\n", said)
    assert re.search(r"state +mean, square; ", said)
    assert re.search(r" beta1 +0 <= float < 1 +0\.9 ", said)
    assert re.search(r" lr +0 < float < inf +0\.001 ", said)


def test_a_layer_shows_its_parameters_for_an_example(quick, project, workbench):
    said = workbench("plugins", "dense").out
    assert "samples of shape (20,) become (1,)" in section(said, "example: dense(units=1)")
    assert "weight (20, 1): the network's initializer" in said
    assert re.search(r" units +int >= 1 +needed ", said)


def test_a_layer_that_was_built_for_nothing_is_said_to_be(quick, plugin, workbench):
    plugin("shy", SHY)
    said = workbench("plugins", "shy")
    assert (said.code, said.err) == (0, "")
    assert "it could not be built" in section(said.out, "example")


def test_a_metric_says_its_features_cost_and_centre(quick, project, workbench):
    said = workbench("plugins", "haversine").out
    assert re.search(r"features +2\n", said)
    assert re.search(r"cost +squared_chord: Square, in km², of the straight way", said)
    assert re.search(r"centre +spherical_mean: ", said)


def test_a_clusterer_a_data_set_and_a_figure_have_what_is_theirs(quick, project, workbench):
    assert re.search(r' n_init +int >= 1 \| "auto" +\'auto\' ', workbench("plugins", "kmeans").out)
    outlets = workbench("plugins", "outlets").out
    assert re.search(r' coordinates +"km" \| "degrees" +\'km\' ', outlets)
    assert re.search(r"task +clustering\n", outlets)
    assert "few are the first among more." in outlets, "the docstring in full"
    figure = workbench("plugins", "gradient_by_layer").out
    assert re.search(r"of +a sweep\n", figure)
    assert section(figure, "used in") == "  experiment/vanishing_gradient.yaml: figures\n"


@pytest.mark.parametrize("kind", KINDS)
def test_every_plugin_can_be_described(quick, project, workbench, monkeypatch, kind):
    monkeypatch.setattr(describe, "_uses", lambda spec: [])
    for name in registry().names(kind):
        said = workbench("plugins", f"{kind}.{name}")
        assert (said.code, said.err) == (0, ""), name
        assert f"\n{kind} {name}\n" in said.out
        assert registry().get(kind, name).description in said.out.replace("\n", " ")


def test_one_name_of_several_kinds_is_described_as_each(quick, project, workbench):
    both = workbench("plugins", "cosine").out
    assert "\nschedule cosine\n" in both
    assert "\nmetric cosine\n" in both
    one = workbench("plugins", "metric.cosine").out
    assert "\nschedule cosine\n" not in one
    assert "\nmetric cosine\n" in one


def test_a_listener_says_what_it_hears(fakes, workbench):
    said = workbench("plugins", "fakes")
    assert said.code == 0
    assert re.search(r"hears +epoch_ended, run_ended, run_started, sweep_ended, sweep_started\n", said.out)


def test_an_unknown_name_is_answered_with_the_nearest_and_with_what_did_not_load(plugin, workbench):
    plugin("half", "import no_such_module\n")
    said = workbench("plugins", "rleu")
    assert (said.code, said.out) == (2, "")
    assert "no plugin is named 'rleu'; did you mean 'relu'" in said.err
    assert "Note: plugin 'half' could not be loaded" in said.err
    assert "no loss is named 'relu'" in workbench("plugins", "loss.relu").err


def test_only_one_name_is_taken(project, workbench):
    said = workbench("plugins", "relu", "elu")
    assert (said.code, said.err) == (2, "workbench: `workbench plugins` takes one name, got 'relu elu'.\n")


def test_a_plugin_that_raises_is_described_all_the_same(plugin, workbench):
    plugin("broken", BROKEN)
    said = workbench("plugins", "broken")
    assert (said.code, said.err) == (0, "")
    for title in ("numerical passport", "picture"):
        assert section(said.out, title).startswith("  none: plugins/broken.py, line 7: NameError")
    assert os.listdir() == ["plugins"]


@pytest.mark.parametrize(
    ("kind", "name", "use"),
    [
        ("activation", "sigmoid", "experiment/vanishing_gradient.yaml: learner.activation"),
        ("optimizer", "sgd", "experiment/vanishing_gradient.yaml: learner.optimizer"),
        ("dataset", "digits", "config.yaml: dataset"),
        ("dataset", "moons", "experiment/clusterers_compared.yaml: dataset"),
        ("clusterer", "dbscan", "experiment/clusterers_compared.yaml: learner"),
        ("estimator", "cnn", "learner/cnn.yaml: learner"),
        ("metric", "haversine", "distance/great_circle.yaml: learner.metric"),
        ("figure", "animation", "experiment/outlets.yaml: figures"),
    ],
)
def test_where_the_shipped_configuration_uses_it_is_found(project, kind, name, use):
    assert use in uses(kind, name)


def test_a_projects_own_configuration_is_searched_in_all_its_forms(conf):
    conf("experiment/mine.yaml", MINE)
    conf("learner/small.yaml", "defaults: [cnn]\nactivation: mish\n")
    mine = "conf/experiment/mine.yaml"
    assert f"{mine}: dataset" in uses("dataset", "iris")
    assert f"{mine}: learner" in uses("estimator", "network")
    assert f"{mine}: learner.optimizer" in uses("optimizer", "sgd")
    assert uses("layer", "dense") == uses("activation", "softsign") == [f"{mine}: learner.layers"]
    assert uses("loss", "huber") == uses("loss", "hinge") == [f"{mine}: learner.loss"]
    assert uses("initializer", "ones") == [f"{mine}: learner.initializer"]
    assert uses("activation", "mish") == ["conf/learner/small.yaml: learner.activation"]
    assert "conf/learner/small.yaml: learner" in uses("estimator", "cnn")


def test_what_only_looks_like_a_use_is_none(conf):
    conf(
        "experiment/other.yaml",
        "# @package _global_\nname: mish\ndataset: {target: mish, path: elu}\nlearner: {loss: mish, note: [elu]}\n",
    )
    conf("experiment/unreadable.yaml", "learner: {activation: elu\n")
    conf("experiment/list.yaml", "- elu\n")
    assert uses("activation", "mish") == uses("activation", "elu") == []


def test_a_folder_that_is_the_shipped_one_is_searched_once(project, monkeypatch):
    before = uses("activation", "sigmoid")
    monkeypatch.chdir(ROOT)
    assert uses("activation", "sigmoid") == before


def test_no_use_is_said_to_be_none(quick, project, workbench):
    assert section(workbench("plugins", "mish").out, "used in") == "  no file of the configuration\n"


@pytest.mark.parametrize("content", [b"not a picture", None])
def test_a_picture_that_is_not_ours_is_never_overwritten(plugin, workbench, monkeypatch, content):
    monkeypatch.setattr(describe, "_passport", lambda spec: "measured elsewhere")
    plugin("bent", BENT)
    file = Path("activation_bent.png")
    if content is None:
        Image.new("RGB", (2, 2)).save(file)
    else:
        file.write_bytes(content)
    before = file.read_bytes()
    said = workbench("plugins", "bent")
    assert said.code == 2
    reason = "is there already and was not drawn by this command: move it away to have it drawn"
    assert said.err == f"workbench: activation_bent.png {reason}.\n"
    assert "\nactivation bent\n" in said.out, "all else is told"
    assert file.read_bytes() == before
    assert sorted(os.listdir()) == ["activation_bent.png", "plugins"]


def test_a_picture_of_ours_is_drawn_anew(plugin, workbench, monkeypatch):
    monkeypatch.setattr(describe, "_passport", lambda spec: "measured elsewhere")
    plugin("bent", BENT)
    assert workbench("plugins", "bent").code == 0
    before = Path("activation_bent.png").read_bytes()
    plugin("bent", BENT.replace("2 * z - at", "4 * z - at"))
    assert workbench("plugins", "bent").code == 0
    assert Path("activation_bent.png").read_bytes() != before


def test_nothing_half_drawn_is_left_behind(plugin, workbench, monkeypatch):
    monkeypatch.setattr(describe, "_passport", lambda spec: "measured elsewhere")
    plugin("bent", BENT)
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    said = workbench("plugins", "bent")
    assert (said.code, said.err) == (2, "workbench: activation_bent.png cannot be written: No space left on device.\n")
    assert os.listdir() == ["plugins"]


@pytest.mark.parametrize(
    "name", ["huber", "hinge", "binary_cross_entropy", "schedule.warm_up", "softmax", "cross_entropy"]
)
def test_losses_and_schedules_are_drawn_and_rows_are_not(project, workbench, name):
    said = workbench("plugins", name)
    assert (said.code, said.err) == (0, "")
    drawn = {"softmax": [], "cross_entropy": [], "schedule.warm_up": ["schedule_warm_up.png"]}.get(
        name, [f"loss_{name}.png"]
    )
    assert os.listdir() == drawn


@pytest.mark.parametrize(
    ("name", "where"), [("relu", [0]), ("hard_sigmoid", [-3, 3]), ("tanh", []), ("softsign", []), ("gelu", [])]
)
def test_kinks_are_where_the_slope_jumps(project, name, where):
    spec = wb.get("activation", name)

    def slope(z):
        return np.array([spec.derivative(x, spec.function(x)) for x in z.tolist()])

    assert list(jumps(slope, np.linspace(-6, 6, 1201))) == pytest.approx(where, abs=1e-6)


def test_a_slope_that_is_only_steep_has_no_kink():
    assert list(jumps(lambda z: 50 / np.cosh(50 * z) ** 2, np.linspace(-6, 6, 1201))) == []


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (float, "float"),
        (Any, "any"),
        (Annotated[float, Gt(0)], "float > 0"),
        (Annotated[int, Ge(1)], "int >= 1"),
        (Annotated[float, Lt(1)], "float < 1"),
        (Annotated[float, Ge(0), Lt(1)], "0 <= float < 1"),
        (Annotated[float, Interval(gt=0, le=math.inf)], "0 < float <= inf"),
        (Annotated[float, Le(2), "metres"], "float <= 2, metres"),
        (Annotated[int, Ge(1)] | None, "int >= 1 | None"),
        (Literal["km", "degrees", 3], '"km" | "degrees" | 3'),
        (Annotated[tuple[Annotated[int, Ge(-1)], ...], MinLen(1)], "tuple[int >= -1, ...], at least 1 long"),
        (str | Mapping[str, Any], "str | Mapping[str, any]"),
        (np.random.RandomState, "RandomState"),
    ],
)
def test_types_are_readable(annotation, words):
    assert describe.readable(annotation) == words
