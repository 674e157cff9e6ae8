"""Configuration: composed as Hydra composes it, checked for every job before anything is written."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf

from workbench import get
from workbench.errors import ConfigError
from workbench.experiment import grid as grids
from workbench.experiment.grid import grid

SIMPLE = ("dataset=tiny", "learner=stepper")
SHIPPED = Path(__file__).parent.parent / "conf" / "experiment"
LEARNERS = sorted((SHIPPED.parent / "learner").glob("*.yaml"))


@pytest.mark.parametrize("path", LEARNERS, ids=lambda path: path.stem)
def test_a_learners_file_holds_the_defaults_of_its_plugin(path):
    written = OmegaConf.to_container(OmegaConf.load(path))
    options = get("estimator", path.stem).options.values()
    defaults = {o.name: list(o.default) if isinstance(o.default, tuple) else o.default for o in options}
    assert written == {"name": path.stem} | defaults | {"seed": "${seed}"}


@pytest.fixture
def untouched(fakes):
    """A project in which the command leaves nothing behind, checked at the end."""
    before = sorted(fakes.rglob("*"))
    yield fakes
    caches = {path for path in fakes.rglob("*") if "__pycache__" in path.parts}
    assert sorted(set(fakes.rglob("*")) - caches) == before


BAD = {
    "misspelt option": (["learner.deph=3"], "estimator 'stepper' has no option 'deph'; did you mean 'depth'"),
    "misspelt option, added": (["+learner.deph=3"], "estimator 'stepper' has no option 'deph'; did you mean 'depth'"),
    "misspelt option, forced": (["++learner.deph=3"], "estimator 'stepper' has no option 'deph'; did you mean 'depth'"),
    "misspelt setting": (["sed=3"], "the configuration has no option 'sed'; did you mean 'seed'?"),
    "misspelt setting, added": (["+sed=3"], "the configuration has no option 'sed'; did you mean 'seed'?"),
    "option of the data": (["dataset.m=3"], "dataset 'tiny' has no option 'm'"),
    "option of the learner": (["depth=3"], "the configuration has no option 'depth'; did you mean 'learner.depth'?"),
    "option of the data set": (["defect=none"], "the configuration has no option 'defect'; did you mean 'dataset.def"),
    "wrong type": (["learner.depth=abc"], "learner: estimator 'stepper': depth = 'abc' should be a valid integer"),
    "no whole number": (["learner.depth=2.5"], "depth = 2.5 should be a valid integer"),
    "a list for a number": (["learner.depth=[1,2]"], "depth = [1, 2] should be a valid integer"),
    "null for a number": (["learner.depth=null"], "depth = None should be a valid integer"),
    "seed below zero": (["seed=-1"], "the configuration: seed = -1 should be greater than or equal to 0"),
    "no training sample": (["training_samples=0"], "training_samples = 0 should be greater than or equal to 1"),
    "more training samples than there are": (["training_samples=10"], "training_samples = 10"),
    "no list": (["snapshots=1"], "the configuration: snapshots = 1 should be a list"),
    "epoch below zero": (["snapshots=[0,-1]"], "snapshots = [0, -1]: entry 2 should be greater than or equal to 0"),
    "epoch after the last": (["snapshots=[1,4]"], "snapshots: 4 comes after the last of 3 epochs"),
    "fraction above one": (["validation_fraction=1.5"], "validation_fraction = 1.5 should be less than 1"),
    "unknown learner": (["learner=steper"], "no estimator or clusterer is named 'steper'; did you mean 'stepper'?"),
    "unknown learner by name": (["learner.name=steper"], "estimator or clusterer is named 'steper'; did you mean"),
    "unknown data set": (["dataset=digts"], "no dataset is named 'digts'; did you mean 'digits'"),
    "unknown experiment": (["experiment=vanishing"], "no experiment is named 'vanishing'; did you mean 'vanishing_gr"),
    "unknown figure": (["figures=[hights]"], "no figure is named 'hights'; did you mean 'heights'"),
    "no learner": (["learner=null"], "Config group override must be a string"),
    "learner taken away": (["~learner"], "the configuration needs the option 'learner'"),
    "option without default": (["dataset=needy"], "dataset: dataset 'needy' needs the option 'path'"),
    "learner that cannot be built": (["learner=unbuildable"], "'unbuildable' could not be built: TypeError: no such"),
    "a class by path": (["+learner.activation._target_=os.system"], "learner.activation._target_: choose plugins by"),
    "a class by path in a list": (["figures=[{_target_:os.system}]"], "figures.0._target_: choose plugins by their"),
    "name that is a path": (["name=../../etc"], "name: '../../etc' is not allowed"),
    "no setting": (["stepper"], "'stepper' is no setting"),
    "broken setting": (["learner.layers=[1"], "'learner.layers=[1' is no setting"),
    "several values, no -m": (["learner.depth=2,4"], "learner.depth=2,4 names several values: add -m"),
    "a range": (["-m", "validation_fraction=interval(0.1,0.2)"], "a grid needs a list of values"),
    "no value": (["-m", "seed=range(0)"], "seed=range(0) stands for no value at all"),
    "no value beside many": (
        ["-m", "seed=range(1000000)", "learner.depth=range(0)"],
        "depth=range(0) stands for no value",
    ),
    "no value found": (
        ["-m", "learner.activation=glob(s*)"],
        "(s*) stands for no value at all; a grid needs one or more. g",
    ),
    "one value twice": (["-m", "seed=0,1,0"], "seed: 0 and 0 make the same job"),
    "one number twice": (["-m", "validation_fraction=0.2,2e-1"], "validation_fraction: 0.2 and 0.2 make the same job"),
    "one bad job of many": (["-m", "learner.depth=2,4,many"], "in the job 'many': learner: estimator 'stepper': depth"),
    "one bad seed of many": (["-m", "seed=0,-1"], "in the job 'seed=-1': the configuration: seed = -1"),
    "Hydra's own": (["hydra.run.dri=x"], "Could not override 'hydra.run.dri'"),
    "another launcher": (["hydra/launcher=joblib"], "no hydra/launcher is named 'joblib'"),
    "unknown flag": (["--multrun"], "`workbench run` has no flag '--multrun'; did you mean '--multirun'"),
    "unknown variable": (["name=${nam}"], "name: Interpolation key 'nam' not found\n"),
    "unknown variable of the environment": (["name=${oc.env:NO}"], "name: Environment variable 'NO' not found\n"),
    "seed taken away": (["~seed"], "seed: Interpolation key 'seed' not found\n"),
    "NaN in the data": (["dataset.defect=missing"], "data set 'tiny': X[1, 2] (feature 'depth') is nan"),
    "empty data": (["dataset.n=0"], "data set 'tiny' is empty"),
    "a class of one": (["dataset.defect=lone class"], "data set 'tiny' (12 samples) cannot be split"),
    "data a learner refuses": (["dataset=digits", "learner=picky"], "picky wants two classes"),
}


@pytest.mark.parametrize(("arguments", "message"), BAD.values(), ids=BAD)
def test_bad_input_is_one_message_exit_code_2_and_nothing_left_behind(untouched, workbench, arguments, message):
    result = workbench("run", *SIMPLE, *arguments) if "~learner" not in arguments else workbench("run", *arguments)
    assert result.code == 2
    assert message in result.err
    assert result.err.startswith("workbench: ")
    assert result.err.count("\n") == 1
    assert result.out == ""


NETWORK = {
    "layer without units": (["learner.width=0"], "width = 0 should be greater than or equal to 1"),
    "unknown activation": (["learner.activation=rleu"], "no activation is named 'rleu'; did you mean 'relu'"),
    "unknown optimizer": (["learner.optimizer=sdg"], "no optimizer is named 'sdg'; did you mean 'sgd'"),
    "option of an optimizer": (
        ["learner.optimizer.sgd.lrr=1"],
        "optimizer 'sgd' has no option 'lrr'; did you mean 'lr'",
    ),
    "rows for a network of images": (["learner=cnn"], "learner 'cnn' needs images of shape (height, width, channels)"),
    "filters that are no list": (["learner=cnn", "learner.filters=8"], "filters = 8 should be a list"),
    "filters that are text": (["learner=cnn", "learner.filters=a"], "filters = 'a' should be a list."),
    "a filter that is text": (
        ["learner=cnn", "learner.filters=[16,a]"],
        "[16, 'a']: entry 2 should be a valid integer",
    ),
    "two filters": (
        ["learner=cnn", "learner.filters=[0,a]"],
        "[0, 'a']: entry 1 should be greater than or equal to 1.",
    ),
    "a padding": (
        ["learner=cnn", "learner.padding=a"],
        "'a' should be 'valid' or 'same' or a valid integer or a list.",
    ),
    "half a padding": (["learner=cnn", "learner.padding=[1,a]"], "[1, 'a']: entry 2 should be a valid integer."),
    "three sizes": (
        ["learner=cnn", "learner.kernel_size=[1,2,3]"],
        "[1, 2, 3] should be a valid integer or should have at most 2 items, not 3.",
    ),
    "no filters": (
        ["learner=cnn", "learner.filters=[0]"],
        "filters = [0]: entry 1 should be greater than or equal to 1",
    ),
    "patience of none": (["learner.patience=0"], "patience = 0 should be greater than or equal to 1"),
    "loss for classes, numbers to fit": (
        ["dataset=diabetes", "learner.loss=cross_entropy"],
        "is for classes, not for a",
    ),
    "softmax of one output": (["dataset=diabetes", "learner.output=softmax"], "softmax over a single output"),
}


@pytest.mark.parametrize(("arguments", "message"), NETWORK.values(), ids=NETWORK)
def test_a_network_that_cannot_be_trained_on_the_data_is_refused_before_the_first_job(
    untouched, workbench, arguments, message
):
    result = workbench("run", "-m", "learner=mlp", "dataset=digits", *arguments, "seed=0,1")
    assert result.code == 2
    assert message in result.err
    assert result.err.count("\n") == 1


MINE = """
import math
from types import SimpleNamespace
import numpy as np
from workbench import Activation, Estimator, Initializer, Schedule, hookimpl

def logarithm(z):
    return math.log(z)

def values(rng, shape, fan_in, fan_out):
    return rng.normal(size=shape["rows"])

def falling(step, total_steps, steps_per_epoch):
    return 1 - step / step.max() + unknown

def short(step, total_steps, steps_per_epoch):
    return np.ones(3)

def check_data(X, y):
    raise ValueError("too many samples")

@hookimpl
def register_activations():
    return [Activation("logarithm", logarithm)]

@hookimpl
def register_initializers():
    return [Initializer("values", values)]

@hookimpl
def register_schedules():
    return [Schedule("falling", falling), Schedule("short", short)]

@hookimpl
def register_estimators():
    return [Estimator("choosy", lambda task: SimpleNamespace(check_data=check_data))]
"""
RAISING = {
    "output": (
        ["learner=mlp", "learner.output=logarithm"],
        "workbench: plugin 'logarithm' ({}): as an output, for z from -5 to 5, line 8 of {}: ValueError: ",
    ),
    "initializer": (
        ["learner=mlp", "learner.initializer=values"],
        "workbench: plugin 'values' ({}): values of shape (64, 32), line 11 of {}: TypeError: tuple indices must be ",
    ),
    "schedule": (
        ["learner=mlp", "learner.schedule=falling"],
        "workbench: plugin 'falling' ({}): factors of 45 steps, line 14 of {}: NameError: name 'unknown' is not defi",
    ),
    "factors": (
        ["learner=mlp", "learner.schedule=short"],
        "workbench: plugin 'short' ({}): gave factors of shape (3,) where (45,) was asked.",
    ),
    "check of the data": (
        ["learner=choosy"],
        "workbench: learner: 'choosy' refuses the training data: ValueError: too many samples",
    ),
}


@pytest.mark.parametrize(("arguments", "message"), RAISING.values(), ids=RAISING)
def test_what_a_plugin_raises_before_the_first_job_is_one_line_with_its_place(fakes, workbench, arguments, message):
    file = fakes / "plugins" / "mine.py"
    file.write_text(MINE)
    result = workbench("run", "dataset=digits", *arguments)
    assert result.err.startswith(message.format(file, file))
    assert (result.code, result.err.count("\n"), result.out) == (2, 1, "")


def test_bad_input_stays_tidy_in_a_process_of_its_own_with_mlflow_on(untouched, process, monkeypatch):
    monkeypatch.delenv("WORKBENCH_DISABLE_PLUGINS")
    result = process("run", *SIMPLE, "-m", "learner.depth=1,x")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1


COMPOSITIONS = [
    [],
    ["learner.depth=7", "seed=3"],
    ["learner.activation='a b'", "validation_fraction=1e-1"],
    ["learner.layers=[1,2,3]", "+learner.layers_too={a:1,b:[x,y]}"],
    ["learner=logistic", "learner.C=3", "dataset=digits"],
    ["~learner.depth", "learner.epochs=9"],
    ["name=it_${seed}", "seed=12"],
    ["figures=[heights,broken]", "standardise=false", "learner.depth=null"],
]


@pytest.mark.parametrize("arguments", COMPOSITIONS, ids=" ".join)
def test_composition_is_hydras(fakes, arguments):
    """Setting values on kept files, as a sweep does, gives what Hydra gives for all of them at once."""
    grids.register()
    arguments = [*SIMPLE, *arguments]
    with initialize_config_module("workbench.conf", version_base="1.3"):
        expected = OmegaConf.to_container(compose("config", arguments), resolve=True)
        composer = grids._Composer()
        overrides = {o.key_or_group: o for o in map(composer.parse, arguments)}
        assert composer.compose(overrides.values()) == expected


def test_a_setting_may_refer_to_hydras_own(fakes):
    jobs = grid(["dataset=tiny", "learner=stepper,logistic", "name=${hydra:runtime.choices.learner}"], multirun=True)
    assert [job.config.name for job in jobs.jobs] == ["stepper", "logistic"]


def test_the_seed_reaches_the_split_and_the_learner(fakes):
    for learner, option in (("stepper", "seed"), ("logistic", "random_state")):
        first, second = grid(["dataset=digits", f"learner={learner}", "seed=3,4"], multirun=True).jobs
        assert (first.config.learner[option], second.config.learner[option]) == (3, 4)
        assert (first.config.data().X_train != second.config.data().X_train).any()


def test_a_list_is_one_value_of_a_sweep(fakes):
    images = ("dataset=digits", "dataset.flat=false", "learner=cnn")
    jobs = grid([*images, "learner.filters=[8],[16,32]", "learner.kernel_size=[3,1],5"], multirun=True).jobs
    assert [job.name for job in jobs] == [
        f"filters={filters} kernel_size={size}" for filters in ("[8]", "[16,32]") for size in ("[3,1]", "5")
    ]
    assert [job.config.learner["filters"] for job in jobs] == [[8], [8], [16, 32], [16, 32]]
    params = jobs[2].config.params
    assert (params["learner.filters"], params["learner.kernel_size"]) == ("[16, 32]", "[3, 1]")


def test_fewer_training_samples_leave_the_validation_part_as_it_is(fakes):
    few, all_of_them = grid(["dataset=digits", "learner=stepper", "training_samples=100,null"], multirun=True).jobs
    few, all_of_them = few.config.data(), all_of_them.config.data()
    assert (len(few.X_train), len(few.y_train), len(all_of_them.X_train)) == (100, 100, 1437)
    assert (few.y_validation == all_of_them.y_validation).all()


@pytest.mark.parametrize("file", sorted((SHIPPED.parent / "learner").glob("*.yaml")), ids=lambda file: file.stem)
def test_a_shipped_learner_lists_every_option_of_its_plugin(file):
    """Or it could not be set, nor be completed by the shell."""
    written = OmegaConf.to_container(OmegaConf.load(file))
    spec = get("estimator", written.pop("name"))
    assert spec.name == file.stem
    assert written.keys() == spec.options.keys()
    assert written.pop("seed") == "${seed}"
    spec.check(written)


def test_an_option_may_be_given_options_of_its_own(fakes):
    (fakes / "plugins" / "nested.py").write_text(
        "from workbench import Estimator, hookimpl\n\n\n"
        "def nested(task, *, optimizer: str | dict = 'sgd'):\n    return object()\n\n\n"
        "@hookimpl\ndef register_estimators():\n    return [Estimator('nested', nested)]\n"
    )
    (job,) = grid(["dataset=tiny", "learner=nested", "learner.optimizer.adam.lr=0.1"]).jobs
    assert job.config.learner["optimizer"] == {"adam": {"lr": 0.1}}


EXPERIMENT = """\
# @package _global_
# workbench run experiment=mine
defaults:
  - override /dataset: tiny
  - override /learner: stepper
name: mine
figures: []
hydra:
  mode: MULTIRUN
  sweeper:
    params:
      learner.depth: 2,4
      seed: 0,1,2
"""


@pytest.fixture
def mine(fakes):
    """The user's own experiment, in the user's own ``conf/``."""
    (fakes / "conf" / "experiment").mkdir(parents=True)
    (fakes / "conf" / "experiment" / "mine.yaml").write_text(EXPERIMENT)
    return fakes


def test_a_users_experiment_is_a_sweep_without_a_flag(mine):
    jobs = grid(["experiment=mine"])
    assert jobs.sweep
    assert jobs.varied == ["learner.depth", "seed"]
    assert [job.name for job in jobs.jobs][:2] == ["depth=2 seed=0", "depth=2 seed=1"]
    assert len(jobs.jobs) == 6
    assert {job.config.name for job in jobs.jobs} == {"mine"}


def test_the_command_line_overrides_what_an_experiment_file_says(mine):
    assert [job.name for job in grid(["experiment=mine", "seed=7"]).jobs] == ["depth=2", "depth=4"]
    assert [job.config.seed for job in grid(["experiment=mine", "seed=7"]).jobs] == [7, 7]
    jobs = grid(["experiment=mine", "learner.depth=8", "seed=5", "learner.activation=a,b"]).jobs
    assert [job.name for job in jobs] == ["a", "b"]
    (job, *_) = grid(["experiment=mine", "dataset=digits"]).jobs
    assert job.config.dataset["name"] == "digits"


def test_a_misspelt_key_in_an_experiment_file_is_found(mine):
    file = mine / "conf" / "experiment" / "mine.yaml"
    file.write_text(EXPERIMENT + "learner:\n  widht: 3\n")
    with pytest.raises(ConfigError, match="has no option 'widht'"):
        grid(["experiment=mine"])
    file.write_text(EXPERIMENT.replace("learner.depth:", "learner.deph:"))
    with pytest.raises(ConfigError, match="has no option 'deph'; did you mean 'depth'"):
        grid(["experiment=mine"])


def test_a_list_in_an_experiment_file_that_was_meant_as_several_values_is_told_apart(mine):
    (mine / "conf" / "experiment" / "mine.yaml").write_text(EXPERIMENT.replace("2,4", "[2, 4]"))
    with pytest.raises(ConfigError, match=r"depth = \[2, 4\] should be .* several is written learner.depth: 2,4"):
        grid(["experiment=mine"])


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("learner: {epochs: 2\nseed: 3\n", 3, "while parsing a flow mapping, expected ',' or '}', but got ':'"),
        ("seed: 1\nseed: 2\n", 3, "while constructing a mapping, found duplicate key seed"),
    ],
)
def test_broken_yaml_is_one_line_with_its_place(mine, workbench, text, line, what):
    file = mine / "conf" / "experiment" / "broken.yaml"
    file.write_text("# @package _global_\n" + text)
    result = workbench("run", *SIMPLE, "experiment=broken")
    assert (result.code, result.out, result.err) == (2, "", f"workbench: {file}, line {line}: {what}\n")


def test_a_project_adds_configurations_and_shadows_none(mine):
    (mine / "conf" / "config.yaml").write_text("name: hijacked\n")
    assert grid([*SIMPLE]).jobs[0].config.name == "default"


@pytest.mark.parametrize("file", sorted(SHIPPED.glob("*.yaml")), ids=lambda file: file.stem)
def test_a_shipped_experiment_names_the_command_that_runs_it(file):
    assert f"# workbench run experiment={file.stem}" in file.read_text().splitlines()[:2]


def test_the_vanishing_gradient_is_looked_for_in_36_jobs(fakes):
    jobs = grid(["experiment=vanishing_gradient"])
    assert jobs.sweep
    assert jobs.varied == ["learner.activation", "learner.depth", "seed"]
    assert len({job.name for job in jobs.jobs}) == 36
    assert jobs.jobs[0].name == "sigmoid depth=2 seed=0"
    for job in jobs.jobs:
        assert job.config.dataset["name"] == "digits"
        assert job.config.learner["initializer"] == "auto"
        assert job.config.learner["seed"] == job.config.seed
