"""``workbench new`` writes what works as it stands, says what to do with it, and overwrites nothing."""

import os
import re
import runpy
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from workbench.authors import scaffold
from workbench.registry import registry
from workbench.specs import KINDS

NAMES = {kind: f"my_{kind}" for kind in KINDS}
SMALL = {  # what makes the runs that are suggested short
    "loss": ("learner.epochs=1",),
    "metric": ("dataset.n_samples=50", "figures=[]"),
    "clusterer": ("dataset.n_samples=50", "figures=[]"),
    "estimator": ("dataset=iris", "figures=[]"),
    "dataset": ("learner.epochs=1", "dataset.n_samples=50", "figures=[]"),
    "figure": ("dataset=iris", "learner.epochs=2"),
}
TRAINING = ("dataset=iris", "learner.epochs=1", "figures=[]")


def below(folder):
    files = (path for path in folder.rglob("*") if path.is_file() and path.parent.name != "__pycache__")
    return sorted(path.relative_to(folder).as_posix() for path in files)


def commands(said):
    """What is suggested to be done next."""
    return [shlex.split(line) for line in re.findall(r"^  (.+)$", said, re.MULTILINE)]


@pytest.fixture
def begun(project, workbench, monkeypatch):
    """A project with one new plugin of every kind; what was said of each."""
    monkeypatch.setenv("WORKBENCH_DISABLE_PLUGINS", "tracking.mlflow")
    said = {}
    for kind, name in NAMES.items():
        result = workbench("new", kind, name)
        assert (result.code, result.err) == (0, "")
        said[kind] = result.out
    registry.cache_clear()
    return said


def test_there_is_a_template_and_a_test_of_every_kind():
    for folder in ("plugins", "tests"):
        assert {path.stem for path in (scaffold.TEMPLATES / folder).glob("*.py")} == set(KINDS)
    assert scaffold.RUN.keys() == set(KINDS)


def test_the_templates_are_installed_with_the_rest(wheel):
    with zipfile.ZipFile(wheel) as archive:
        shipped = set(archive.namelist())
    assert {f"workbench/authors/templates/{file}" for file in below(scaffold.TEMPLATES)} <= shipped


def test_a_new_plugin_is_found_and_describes_itself(begun, project):
    files = [f"plugins/{name}.py" for name in NAMES.values()] + [f"tests/test_{name}.py" for name in NAMES.values()]
    assert below(project) == sorted(files)
    assert not registry().failures
    for kind, name in NAMES.items():
        entry = registry().entry(kind, name)
        assert (entry.plugin, entry.origin) == (name, f"plugins/{name}.py")
        assert len(entry.spec.description) > 20
        assert "my_idea" not in Path(entry.file).read_text()
        assert begun[kind].startswith(f"Wrote plugins/{name}.py and tests/test_{name}.py.")


def test_new_plugins_pass_the_tests_that_come_with_them(begun):
    """Every conformance check of every kind, and an example by hand; a warning is a failure here."""
    pytest_ = [sys.executable, "-m", "pytest", "-q", "-W", "error::workbench.testing.CheckWarning", "tests"]
    done = subprocess.run(pytest_, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_runs_it_suggests_run(begun, workbench):
    for kind, name in NAMES.items():
        check, (program, *line), test = commands(begun[kind])
        assert check == ["workbench", "check", name]
        assert test == ["pytest", f"tests/test_{name}.py"]
        result = workbench(*line, *SMALL.get(kind, TRAINING))
        assert (program, line[0], result.code, result.err) == ("workbench", "run", 0, ""), result.out
        assert name in " ".join(line)


def test_a_test_that_comes_with_a_plugin_notices_when_the_formula_changes(begun, project):
    """Else it would be decoration."""
    by_hand = runpy.run_path(f"tests/test_{NAMES['activation']}.py")["test_values_by_hand"]
    by_hand()
    file = project / "plugins" / f"{NAMES['activation']}.py"
    file.write_text(file.read_text().replace("/ (1 + e)", "/ (2 + e)"))
    registry.cache_clear()
    with pytest.raises(AssertionError):
        by_hand()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("activaton", "mine"), "there is no 'activaton' to begin; did you mean 'activation'"),
        (("loss",), "`workbench new loss` takes one name, got none.\n\nusage: workbench new KIND NAME"),
        (("loss", "mine", "yours"), "takes one name, got mine yours."),
        (("package",), "`workbench new package` takes one name"),
        (("loss", "Mine"), "the name 'Mine' is not allowed: lower-case letters, digits and _ only, a letter first."),
        (("loss", "../mine"), "the name '../mine' is not allowed"),
        (("package", "my-gate"), "the name 'my-gate' is not allowed"),
        (("loss", "lambda"), "the name 'lambda' is not allowed: it means something in Python or in a configuration."),
        (("loss", "nan"), "the name 'nan' is not allowed: it means something in Python or in a configuration."),
        (("loss", "delta"), "the name 'delta' is not allowed: in such a file 'delta' means something else."),
        (("loss", "math"), "the name 'math' is not allowed: in such a file 'math' means something else."),
        (("layer", "parameter"), "the name 'parameter' is not allowed: in such a file 'Parameter' means something"),
        (("activation", "relu"), "there is the activation 'relu' already: "),
        (("layer", "relu"), "there is the activation 'relu' already: "),
        (("estimator", "kmeans"), "there is the clusterer 'kmeans' already: "),
        (("package", "tanh"), "there is the activation 'tanh' already: "),
        (("project", ""), "'' will not do as the name of a folder."),
        (("project", "--force"), "'--force' will not do as the name of a folder."),
    ],
)
def test_what_will_not_do_is_refused_and_nothing_written(project, workbench, arguments, message):
    result = workbench("new", *arguments)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("workbench: ")
    assert message in result.err
    assert list(project.iterdir()) == []


def test_a_name_that_is_only_used_elsewhere_may_be_given(project, workbench):
    assert workbench("new", "optimizer", "cosine").code == 0  # a metric and a schedule are called so
    assert workbench("new", "activation", "initializer").code == 0  # in the template this is what an argument is called


def test_two_plugins_of_one_name_are_not_begun(project, workbench):
    """Of different kinds or not: the file is one and the same."""
    assert workbench("new", "loss", "mine").code == 0
    before = {path: path.read_text() for path in project.rglob("*.py")}
    registry.cache_clear()
    for kind in ("loss", "metric"):
        result = workbench("new", kind, "mine")
        assert result.code == 2
        assert re.search(r"already.* .*plugins/mine\.py\. Choose another name\.$", result.err.strip())
    assert {path: path.read_text() for path in project.rglob("*.py")} == before


@pytest.mark.parametrize("there", ["plugins/mine.py", "tests/test_mine.py"])
def test_a_file_that_is_there_is_kept_and_its_fellow_not_written(project, workbench, there):
    file = project / there
    file.parent.mkdir()
    file.write_text("# unfinished")
    result = workbench("new", "loss", "mine")
    assert result.code == 2
    assert there in result.err
    assert "already" in result.err or "exists" in result.err
    assert (below(project), file.read_text()) == ([there], "# unfinished")


def test_a_link_that_leads_nowhere_is_kept_too(project, workbench):
    (project / "plugins").mkdir()
    (project / "plugins" / "mine.py").symlink_to(project / "elsewhere.py")
    assert "plugins/mine.py exists already. Nothing was written." in workbench("new", "loss", "mine").err
    assert not (project / "elsewhere.py").exists()


def test_a_file_that_appears_in_the_meantime_is_kept_too(project, workbench, monkeypatch):
    test = project / "tests" / "test_mine.py"
    test.parent.mkdir()
    test.write_text("# unfinished")
    monkeypatch.setattr(scaffold.os.path, "lexists", lambda path: False)  # it did not see it
    assert "tests/test_mine.py cannot be written: File exists. Nothing was." in workbench("new", "loss", "mine").err
    assert (below(project), test.read_text()) == (["tests/test_mine.py"], "# unfinished")


def test_what_cannot_be_written_whole_is_not_written_at_all(project, workbench):
    (project / "tests").write_text("a file where a folder belongs")
    result = workbench("new", "loss", "mine")
    assert result.code == 2
    assert result.err == "workbench: tests/test_mine.py cannot be written: Not a directory. Nothing was.\n"
    assert [path.name for path in project.iterdir()] == ["tests"]


def test_an_interrupt_leaves_nothing_half_written(project, workbench, monkeypatch):
    opened = Path.open

    def interrupted(path, *arguments, **keywords):
        if path.name.startswith("test_"):
            raise KeyboardInterrupt
        return opened(path, *arguments, **keywords)

    monkeypatch.setattr(Path, "open", interrupted)
    assert workbench("new", "loss", "mine").code == 130
    assert list(project.iterdir()) == []


def test_a_plugin_goes_where_plugins_are_looked_for(project, workbench, monkeypatch):
    (project / "ideas").mkdir()
    monkeypatch.setenv("WORKBENCH_PLUGINS_DIR", "ideas")
    assert workbench("new", "loss", "mine").out.startswith("Wrote ideas/mine.py and tests/test_mine.py.")
    registry.cache_clear()
    assert registry().entry("loss", "mine").origin == "ideas/mine.py"


def test_help_and_the_lack_of_arguments_show_the_usage(workbench):
    for arguments in ((), ("--help",), ("activation", "-h")):
        result = workbench("new", *arguments)
        assert (result.code, result.err) == (0, "")
        assert result.out.startswith("usage: workbench new KIND NAME")
        assert f"KIND is one of {', '.join(KINDS)}." in result.out


def test_it_answers_without_importing_anything_heavy(project):
    source = (
        "import sys\nfrom workbench.cli import main\n"
        "try:\n    main(['new', 'layer', 'mine'])\nexcept SystemExit:\n    print(*sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True, timeout=60)
    assert said.stdout.startswith("Wrote ")
    assert not {"numba", "scipy", "sklearn", "pandas", "matplotlib", "mlflow", "hydra"} & set(said.stdout.split())


def test_a_new_project_runs_its_experiment(project, workbench, process, monkeypatch):
    (project / "my work").mkdir()
    said = workbench("new", "project", "my work")
    assert (said.code, said.err) == (0, "")
    assert below(project / "my work") == [
        *(".gitignore", "README.md", "conf/experiment/first.yaml", "plugins/my_idea.py", "runs/.gitkeep"),
        "tests/test_my_idea.py",
    ]
    enter, run, check = commands(said.out)
    assert (enter, check) == (["cd", "my work"], ["workbench", "check", "my_idea"])
    monkeypatch.chdir(enter[1])
    assert f"# {shlex.join(run)}" in Path("conf", "experiment", "first.yaml").read_text().splitlines()
    monkeypatch.setenv("WORKBENCH_DISABLE_PLUGINS", "tracking.mlflow")
    done = process(*run[1:], *TRAINING, "seed=0")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.findall(r"^ *(\w+) +1 +0\.\d+", done.stdout, re.MULTILINE) == ["relu", "tanh", "my_idea"]


def test_a_project_is_not_begun_over_anything(project, workbench):
    (project / "work" / "plugins").mkdir(parents=True)
    mine = project / "work" / "plugins" / "my_idea.py"
    mine.write_text("# unfinished")
    result = workbench("new", "project", "work")
    assert (result.code, result.err) == (2, "workbench: work/plugins/my_idea.py exists already. Nothing was written.\n")
    assert (below(project), mine.read_text()) == (["work/plugins/my_idea.py"], "# unfinished")
    mine.unlink()
    assert workbench("new", "project", "work").code == 0  # beside what else there is


def test_a_new_package_is_installed_and_found(project, workbench, process, monkeypatch):
    """Into a folder of its own on the path, so that this environment stays what it is."""
    said = workbench("new", "package", "my_activation")
    assert (said.code, said.err) == (0, "")
    folder = project / "workbench-my-activation"
    assert below(folder) == [
        *(".gitignore", "README.md", "pyproject.toml", "src/workbench_my_activation/__init__.py"),
        "tests/test_my_activation.py",
    ]
    assert not [path for path in folder.rglob("*") if path.is_file() and re.search("my.?idea", path.read_text(), re.I)]
    install, plugins, check, run = commands(said.out)
    assert (install, plugins) == (["pip", "install", "-e", "./workbench-my-activation"], ["workbench", "plugins"])
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*pip, "--target", "site", install[-1]], check=True, capture_output=True, timeout=120)
    monkeypatch.setenv("PYTHONPATH", str(project / "site"), prepend=os.pathsep)
    monkeypatch.setenv("WORKBENCH_DISABLE_PLUGINS", "tracking.mlflow")
    (line,) = [line for line in process(*plugins[1:]).stdout.splitlines() if " my_activation " in line]
    assert re.split(r" {2,}", line.strip())[:3] == ["activation", "my_activation", "workbench-my-activation 0.1.0"]
    done = process(*check[1:])
    assert done.returncode == 0, done.stdout + done.stderr
    assert run == ["workbench", "run", "-m", "learner.activation=relu,my_activation"]
