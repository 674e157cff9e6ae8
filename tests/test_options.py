"""A plugin's signature declares its options, and what a user passes is checked against it."""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import pytest
from annotated_types import Ge, Gt, Lt

from workbench import Activation, Clusterer, Estimator, Layer, Optimizer
from workbench.errors import ConfigError, PluginError
from workbench.options import REQUIRED, Option, options_of


def learner(
    task,
    path,
    depth: Annotated[int, Ge(1)] = 2,
    lr: Annotated[float, Gt(0)] = 0.1,
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.0,
    activation="relu",
    output: Literal["auto", "softmax"] = "auto",
    momentum: float | None = None,
    betas: tuple[float, float] = (0.9, 0.999),
    extra=None,
    batch_norm: bool = False,
    *rest,
    **others,
):
    """A learner with an option of every sort."""


LEARNER = Estimator("learner", learner)


def checked(**given):
    return LEARNER.check({"path": "data.csv"} | given, where="learner")


def test_options_are_the_parameters_after_the_workbenchs_own():
    assert list(LEARNER.options) == [
        *("path", "depth", "lr", "dropout", "activation", "output", "momentum", "betas", "extra", "batch_norm")
    ]


def test_types_come_from_the_annotation_or_else_the_default():
    options = LEARNER.options
    assert options["activation"] == Option("activation", "relu", str)
    assert options["momentum"].annotation == float | None
    assert options["path"].default is REQUIRED
    assert options["path"].required
    assert not options["extra"].required


def test_annotations_may_be_text():
    def f(z, slope: "float" = 1): ...

    assert options_of(f, skip=("z",)) == {"slope": Option("slope", 1, float)}


def test_defaults_are_filled_in():
    assert checked(depth=3) == {
        "path": "data.csv",
        "depth": 3,
        "lr": 0.1,
        "dropout": 0.0,
        "activation": "relu",
        "output": "auto",
        "momentum": None,
        "betas": (0.9, 0.999),
        "extra": None,
        "batch_norm": False,
    }


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"depth": 0}, "learner: estimator 'learner': depth = 0 should be greater than or equal to 1."),
        ({"depth": 2.0}, "depth = 2.0 should be a valid integer"),
        ({"depth": "2"}, "depth = '2' should be a valid integer"),
        ({"depth": True}, "depth = True should be a valid integer"),
        ({"depth": None}, "depth = None should be a valid integer"),
        ({"lr": 0.0}, "lr = 0.0 should be greater than 0"),
        ({"lr": float("nan")}, "lr = nan should be greater than 0"),
        ({"lr": "fast"}, "lr = 'fast' should be a valid number"),
        ({"dropout": 1.0}, "dropout = 1.0 should be less than 1"),
        ({"activation": 3}, "activation = 3 should be a valid string"),
        ({"output": "sigmoid"}, "output = 'sigmoid' should be 'auto' or 'softmax'"),
        ({"momentum": "big"}, "momentum = 'big' should be a valid number"),
        ({"betas": [0.9]}, r"betas = \[0.9\]"),
        ({"batch_norm": "yes"}, "batch_norm = 'yes' should be a valid boolean"),
        ({"batch_norm": 1}, "batch_norm = 1 should be a valid boolean"),
        ({"dept": 2}, "learner: estimator 'learner' has no option 'dept'; did you mean 'depth'"),
        ({"task": "regression"}, "has no option 'task'"),
        ({"rest": ()}, "has no option 'rest'"),
        ({3: 1}, "has no option 3"),
    ],
    ids=str,
)
def test_a_bad_option_is_named_with_its_reason(given, message):
    with pytest.raises(ConfigError, match=message):
        LEARNER.check({"path": "data.csv"} | given, where="learner")


def test_a_missing_option_is_named():
    with pytest.raises(ConfigError, match="learner: estimator 'learner' needs the option 'path'"):
        LEARNER.check({}, where="learner")


def test_without_a_place_the_message_starts_with_the_plugin():
    with pytest.raises(ConfigError, match="^estimator 'learner': depth = 0 should"):
        LEARNER.check({"path": "data.csv", "depth": 0})


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ({"lr": 1}, 1.0),
        ({"lr": np.float32(0.5)}, 0.5),
        ({"depth": np.int64(4)}, 4),
        ({"momentum": None}, None),
        ({"betas": [0.5, 0.75]}, (0.5, 0.75)),
        ({"extra": {"anything": [1]}}, {"anything": [1]}),
    ],
    ids=str,
)
def test_what_yaml_and_numpy_write_is_taken(given, value):
    (name,) = given
    taken = checked(**given)[name]
    assert taken == value
    assert type(taken) is type(value)


def test_checking_leaves_what_was_given_alone():
    given = {"path": "data.csv", "depth": 3}
    LEARNER.check(given)
    assert given == {"path": "data.csv", "depth": 3}


def test_a_layers_options_are_its_fields():
    @dataclass(frozen=True)
    class Dense(Layer):
        """Dense: z = x W + b."""

        units: Annotated[int, Ge(1)]
        bias: bool = True
        name = "dense"

    spec = Dense.spec()
    assert list(spec.options) == ["units", "bias"]
    assert spec(units=3) == Dense(3)
    assert spec.description == "Dense: z = x W + b"
    with pytest.raises(ConfigError, match="layer 'dense': units = 0 should be greater than or equal to 1"):
        spec(units=0)


def test_an_optimizers_options_are_lr_and_what_has_a_default():
    def nadam(weight, grad, first, second, lr, step, beta=0.9): ...

    optimizer = Optimizer("nadam", nadam, lr=0.002)
    assert optimizer.check({}) == {"lr": 0.002, "beta": 0.9}
    with pytest.raises(ConfigError, match="optimizer 'nadam' has no option 'first'"):
        optimizer.check({"first": 0.0})


def test_a_clusterer_is_built_from_checked_options():
    def clusters(n_clusters: Annotated[int, Ge(1)] = 8):
        return n_clusters

    clusterer = Clusterer("clusters", clusters)
    assert clusterer(n_clusters=3) == 3
    with pytest.raises(ConfigError, match="n_clusters = 0"):
        clusterer(n_clusters=0)


def undocumented(z): ...


@dataclass(frozen=True)
class Undocumented(Layer):
    units: int
    name = "undocumented"


def test_a_description_is_the_first_line_of_the_docstring_or_of_the_files():
    first_line = "A plugin's signature declares its options, and what a user passes is checked against it"
    assert LEARNER.description == "A learner with an option of every sort"
    assert Activation("undocumented", undocumented, lambda z, a: 1.0).description == first_line
    assert Undocumented.spec().description == first_line


def test_an_unreadable_signature_names_the_function():
    def annotated(z, slope: "NoSuchType" = 1): ...  # noqa: F821

    with pytest.raises(PluginError, match="annotated cannot be read from its signature: name 'NoSuchType'"):
        _ = Activation("annotated", annotated, annotated).options
    with pytest.raises(PluginError, match=r"builtins\.max cannot be read"):
        _ = Activation("max", max, max).options
