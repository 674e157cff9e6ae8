"""The wheel, installed alone, works from an empty folder; a stranger's distribution plugs in and out.

A broken one is told, with its distribution, file and line, and breaks nothing else.
"""

import importlib
import re
import sys
import zipfile
from pathlib import PurePosixPath

import pytest
from installation import CHECKOUT, Installation, pretend

import workbench
from workbench.experiment.run import Run
from workbench.experiment.sweep import Sweep
from workbench.specs import KINDS

SAMPLE = {  # kind -> what tests/sample_plugin offers
    "activation": "bent_identity",
    "loss": "cauchy",
    "layer": "rms_norm",
    "optimizer": "adamax",
    "schedule": "linear_decay",
    "initializer": "rademacher",
    "metric": "hamming",
    "clusterer": "friends_of_friends",
    "estimator": "neighbours",
    "dataset": "codewords",
    "figure": "loss_path",
    "lifecycle": "sample",
}


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    return Installation(tmp_path_factory.mktemp("installed"), wheel)


@pytest.fixture(scope="module")
def sample(installed):
    """The same, and ``tests/sample_plugin``, a third-party distribution in full."""
    sources = CHECKOUT / "tests" / "sample_plugin"
    installed.pip("install", "--no-deps", "--no-index", "--no-build-isolation", str(sources))
    installed.environment["WORKBENCH_DISABLE_PLUGINS"] = "tracking.mlflow"  # it takes long, and has its own tests
    return installed


def offered(installed):
    """What ``workbench plugins`` lists of the sample: kind -> name."""
    lines = [line.split() for line in installed.run("workbench", "plugins").splitlines()]
    return {line[0]: line[1] for line in lines if line[2:4] == ["workbench-sample", "1.0"]}


def journalled(installed, kind, output):
    """The run or sweep of which the command has printed where its journal lies."""
    (folder,) = re.findall(r"^journal: (.+)$", output, re.MULTILINE)
    return kind.replay(installed.project / folder)


def test_the_wheel_has_one_top_level_name(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = [PurePosixPath(name) for name in archive.namelist()]
    assert {name.parts[0] for name in names} == {"workbench", f"workbench-{workbench.__version__}.dist-info"}


def test_the_wheel_holds_the_plugins_the_configuration_and_the_types(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for folder in ("plugins", "conf"):
        shipped = {
            path.relative_to(CHECKOUT) for path in (CHECKOUT / folder).rglob("*") if path.suffix in (".py", ".yaml")
        }
        assert {f"workbench/{path.as_posix()}" for path in shipped} <= names
    assert "workbench/py.typed" in names
    assert not any("__pycache__" in name or name.startswith("workbench/tests") for name in names)


def test_the_installed_package_is_the_one_imported(installed):
    where = installed.run("python", "-c", "import workbench; print(workbench.__path__)")
    assert "site-packages" in where
    assert str(CHECKOUT) not in where
    for name in ("plugins", "conf"):
        assert installed.run("python", "-c", f"import importlib.util as u; print(u.find_spec({name!r}))") == "None\n"


def test_it_lists_its_plugins_from_an_empty_folder(installed):
    listed = installed.run("workbench", "plugins")
    (softsign,) = [line for line in listed.splitlines() if " softsign " in line]
    assert softsign.split(maxsplit=3)[:3] == ["activation", "softsign", "built-in"]


def test_it_helps_as_a_module_too(installed):
    help = installed.run("workbench", "--help")
    assert "workbench COMMAND" in help
    assert installed.run("python", "-m", "workbench", "--help") == help


def test_it_trains_from_an_empty_folder(installed):
    installed.run("workbench", "run", "dataset=xor", "learner=mlp", "learner.epochs=2")


def test_a_strangers_distribution_adds_a_plugin_of_each_kind(sample):
    """Each is listed with the distribution's name and version."""
    assert offered(sample) == SAMPLE
    assert SAMPLE.keys() == KINDS.keys() | {"lifecycle"}


def test_a_network_of_a_strangers_parts_is_trained(sample):
    """In one command: data, layer, activation, loss, optimizer, schedule, initializer, figure; and the listener."""
    output = sample.run(
        *("workbench", "run", "dataset=codewords", "learner=network"),
        "learner.layers=[{dense: {units: 8}}, rms_norm, activation]",
        *("learner.activation=bent_identity", "learner.loss=cauchy", "learner.optimizer=adamax", "learner.lr=0.02"),
        *("learner.schedule=linear_decay", "learner.initializer=rademacher", "learner.epochs=5", "figures=[loss_path]"),
    )
    run = journalled(sample, Run, output)
    assert run.status == "FINISHED"
    assert run.tags["sample.epochs"] == "5"
    assert run.tags["plugin.sample"].startswith("workbench-sample 1.0 sha256:")
    assert run.figures["loss_path"].is_file()
    losses = [loss for _, loss in run.metrics["train/loss"]]
    assert losses[-1] < 0.7 * losses[0]  # it learns; no exact share of what was lost is to be expected


def test_a_strangers_clusterer_and_estimator_find_a_strangers_words(sample):
    output = sample.run(
        *("workbench", "run", "-m", "dataset=codewords", "dataset.n_bits=64"),
        *("learner=friends_of_friends,neighbours", "learner.reach=0.25", "learner.metric=hamming"),
    )
    clustered, predicted = journalled(sample, Sweep, output).runs
    # Two words of 64 random bits differ in half of them, two copies of one in a tenth.
    assert clustered.result("cluster/adjusted_rand") == 1
    assert predicted.result("val/accuracy") == 1


@pytest.mark.slow
def test_every_plugin_of_a_stranger_passes_its_checks(sample):
    file = sample.packages / "workbench_sample" / "__init__.py"
    table = sample.run("workbench", "check", str(file))  # exit code 0: nothing failed
    plugins = {kind: name for kind, name in SAMPLE.items() if kind != "lifecycle"}
    assert re.findall(r"^(\w+) (\w+) \(workbench-sample 1\.0\)$", table, re.MULTILINE) == list(plugins.items())
    assert "schedule linear_decay (workbench-sample 1.0)" in sample.run("workbench", "check", "linear_decay")


def test_uninstalling_removes_them_all(sample):
    """Last of those that take the sample."""
    sample.pip("uninstall", "--yes", "workbench-sample")
    assert offered(sample) == {}


ACTIVATION = """
from workbench import Activation, Loss, hookimpl

def mine(z, slope=1.0):
    return slope * z

def derivative(z, a, slope=1.0):
    return slope

def gradient(y_true, y_pred):
    return 1.0

@hookimpl
def register_activations():
    return [Activation("{name}", mine, derivative)]
"""
BROKEN = {  # module -> source, the line and the reason that are told, and the setting that uses it
    "import_error": (
        ACTIVATION.format(name="import_error").replace("import Activation", "import Activaton"),
        (2, r"ImportError: cannot import name 'Activaton' from 'workbench'"),
        "learner.activation=import_error",
    ),
    "duplicate": (
        ACTIVATION.format(name="softsign"),
        (4, r"two plugins offer the activation 'softsign': \S+softsign\.py and \S+duplicate\.py \(workbench-duplicate "
            r"2\.5\)\. Rename one, or keep a plugin out: WORKBENCH_DISABLE_PLUGINS=duplicate\."),
        "learner.activation=softsign",
    ),
    "misspelt_hook": (
        ACTIVATION.format(name="misspelt_hook").replace("register_activations", "register_activation"),
        (13, r"there is no hook 'register_activation'; did you mean 'register_activations'"),
        "learner.activation=misspelt_hook",
    ),
    "argument_of_a_hook": (
        ACTIVATION.format(name="argument_of_a_hook").replace("activations()", "activations(registry)"),
        (13, r"register_activations\(registry\): the hook has no argument 'registry'\. Known: none\."),
        "learner.activation=argument_of_a_hook",
    ),
    "other_options": (
        ACTIVATION.format(name="other_options").replace("a, slope=1.0", "a, gain=1.0"),
        (15, r"activation 'other_options': mine\(z, slope=1\.0\) and derivative\(z, a, gain=1\.0\) must take the same"),
        "learner.activation=other_options",
    ),
    "one_argument": (
        ACTIVATION.replace("activations", "losses").format(name="one_argument").replace("[Activation", "[Loss"),
        (15, r"loss 'one_argument': mine\(z, slope=1\.0\) must take \(y_true, y_pred\), then its options\."),
        "learner.loss=one_argument",
    ),
}  # fmt: skip


@pytest.fixture
def install(project, monkeypatch):
    """Pretend that one of ``BROKEN`` is installed; what is told of it, as a regular expression."""
    site = project / "site-packages"
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("PYTHONPATH", str(site))  # of the process that `workbench check` starts
    monkeypatch.setenv("WORKBENCH_DISABLE_PLUGINS", "tracking.mlflow")

    def install(module):
        source, (line, reason), _ = BROKEN[module]
        pretend(site, module, source)
        return (
            f"plugin '{module}' could not be loaded( in full)?: workbench-{module} 2.5, "
            f"{re.escape(str(site / module))}.py, line {line}: {reason}"
        )

    yield install
    for module in BROKEN:
        sys.modules.pop(module, None)


def test_the_line_of_a_mistake_is_told_when_another_library_looks_up_distributions(install, workbench):
    told = install("import_error")
    importlib.import_module("importlib_metadata")  # as MLflow does; from then on it answers for importlib.metadata
    assert re.search(f"^{told}", workbench("plugins").out, re.MULTILINE)


@pytest.mark.parametrize("module", BROKEN)
def test_using_what_a_broken_distribution_offers_says_what_is_wrong_with_it(module, install, workbench, project):
    told = install(module)
    result = workbench("run", "dataset=xor", BROKEN[module][-1])
    assert result.code == 2
    if module == "duplicate":  # what was asked for is there twice, rather than not at all
        told = BROKEN[module][1][1]
        assert re.match(f"workbench: {told}\n", result.err)
    else:
        assert re.search(f"^Note: {told}", result.err, re.MULTILINE), result.err
    assert "Traceback" not in result.err
    assert not (project / "runs").exists()


def test_checking_a_broken_distribution_says_what_is_wrong_with_it(install, workbench):
    told = install("other_options")
    result = workbench("check", "other_options")
    assert result.code == 1
    assert re.search(f"^  loads +FAILED +{told}", result.out, re.MULTILINE), result.out


@pytest.mark.filterwarnings("default:plugin:UserWarning")
def test_broken_distributions_are_listed_and_break_nothing_else(install, workbench, project):
    told = [install(module) for module in BROKEN]
    listed = workbench("plugins")
    assert listed.code == 0
    assert re.search(r"^ +activation +relu +built-in ", listed.out, re.MULTILINE)
    for each in told:
        assert re.search(f"^{each}", listed.out, re.MULTILINE), listed.out
    result = workbench("run", "dataset=xor", "learner.epochs=1", "figures=[]")
    assert result.code == 0
    for each in told:  # once each: some may have been meant to listen, and would not be missed
        assert len(re.findall(f"^workbench: warning: {each}", result.err, re.MULTILINE)) == 1
    assert len(result.err.splitlines()) == len(told)
