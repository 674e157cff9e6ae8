"""The author's guide keeps its word: its examples are plugins, its commands run, its messages are what one reads."""

import inspect
import re
import shlex
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest
from numba import config

from workbench import hookspecs
from workbench.cli import COMMANDS
from workbench.errors import PluginError
from workbench.registry import registry
from workbench.specs import KINDS
from workbench.testing import checks_of
from workbench.testing.instruments.operations import forward_operation

FOLDER = Path(__file__).parent.parent / "plugins"
GUIDE = (FOLDER / "README.md").read_text(encoding="utf-8")
HOOKS = [name for name, value in vars(hookspecs).items() if hasattr(value, "workbench_spec")]
LISTENER = "listener"

needs_compiler = pytest.mark.skipif(bool(config.DISABLE_JIT), reason="NUMBA_DISABLE_JIT=1: nothing is compiled")


def blocks(language, text=GUIDE):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def about(kind):
    """What the guide says of one kind."""
    return GUIDE.partition(f"\n### {KINDS[kind]}()\n")[2].partition("\n##")[0]


def kind_of(source):
    return next((kind for kind, hook in KINDS.items() if f"\ndef {hook}():" in source), LISTENER)


def name_of(source):
    """What an example calls the thing it offers, and hence its file."""
    found = re.search(r'(?:return \[\w+\(|^    name = )"(\w+)"', source, re.MULTILINE)
    return found[1] if found else "mine"


TEST, *_ = [source for source in blocks("python") if "\ndef test_" in source]
EXAMPLES = {kind_of(source): source for source in blocks("python") if source != TEST}
NAMES = {kind: name_of(source) for kind, source in EXAMPLES.items()}
RUNS = {kind: shlex.split(re.search("^- Run: `workbench (.+)`$", about(kind), re.MULTILINE)[1]) for kind in KINDS}
TRAINING = ("dataset=iris", "learner.epochs=1", "figures=[]")
SMALL = {  # what makes these runs short
    "loss": ("learner.epochs=1", "figures=[]"),
    "metric": ("figures=[]",),
    "clusterer": ("dataset.n_samples=50", "figures=[]"),
    "estimator": ("dataset=iris", "figures=[]"),
    "dataset": ("learner.epochs=1", "dataset.n_samples=50", "figures=[]"),
    "figure": ("dataset=iris", "learner.epochs=1"),
}


@pytest.fixture
def examples(project, monkeypatch):
    """A project with every example of the guide; MLflow is not told."""
    monkeypatch.setenv("WORKBENCH_DISABLE_PLUGINS", "tracking.mlflow")
    (project / "plugins").mkdir()
    for kind, source in EXAMPLES.items():
        (project / "plugins" / f"{NAMES[kind]}.py").write_text(source)
    return project


def test_there_is_an_example_of_every_kind_and_a_listener():
    assert len(blocks("python")) == len(EXAMPLES) + 1
    assert EXAMPLES.keys() == {*KINDS, LISTENER}


def test_the_kinds_come_in_their_order():
    assert re.findall(r"^### (\w+)\(\)$", GUIDE, re.MULTILINE) == list(KINDS.values())


def test_every_example_loads_and_says_what_it_is(examples):
    assert registry().failures == []
    for kind in KINDS:
        entry = registry().entry(kind, NAMES[kind])
        assert entry.origin == f"plugins/{NAMES[kind]}.py"
        assert len(entry.spec.description) > 20
    assert NAMES[LISTENER] in {listener.plugin for listener in registry().listeners()}


@needs_compiler
@pytest.mark.parametrize("kind", KINDS)
def test_an_example_passes_every_check(examples, kind):
    spec = registry().get(kind, NAMES[kind])
    outcomes = {check.name: check.outcome() for check in checks_of(spec)}
    assert not {name: o.text for name, o in outcomes.items() if o.status in ("failed", "warning")}


@pytest.mark.parametrize("kind", KINDS)
def test_the_checks_of_a_kind_are_named_in_order(examples, kind):
    told = " ".join(about(kind).partition("- Checked: ")[2].rstrip(".\n").split()).split(", ")
    asked = [check.name for check in checks_of(registry().get(kind, NAMES[kind]))]
    assert ["description", "options", *told] == asked


@pytest.mark.parametrize("kind", KINDS)
def test_the_run_that_is_shown_uses_the_example(examples, workbench, kind):
    line = RUNS[kind]
    assert NAMES[kind] in " ".join(line)
    result = workbench(*line, *SMALL.get(kind, TRAINING))
    assert (result.code, result.err) == (0, ""), result.out
    if kind == "figure":
        assert re.search(r"The best run is (relu|tanh): \d+\.\d% of the validation samples", result.out)
        assert "ranking.png" in result.out


def test_an_option_is_given_as_the_guide_says(examples, workbench):
    (setting,) = re.findall(r"`'(learner\.activation=\{symlog.+)'`", GUIDE)
    result = workbench("run", setting, *TRAINING)
    assert (result.code, result.err) == (0, "")


def test_the_listener_hears_every_epoch(examples, workbench):
    from workbench.experiment.run import Run

    assert workbench("run", "dataset=xor", "learner.epochs=3", "figures=[]").code == 0
    (journal,) = examples.glob("runs/*/journal.jsonl")
    run = Run.replay(journal.parent)
    (metric,) = re.findall(r'log_metrics\(\{"(.+?)"', EXAMPLES[LISTENER])
    assert [epoch for epoch, _ in run.metrics[metric]] == [1, 2, 3]
    assert run.problems == []


def test_what_it_says_a_run_and_a_sweep_have_is_there(examples, workbench):
    from workbench.experiment.run import Run
    from workbench.experiment.sweep import Sweep

    assert workbench("run", "-m", "seed=0,1", "dataset=xor", "learner.epochs=1", "figures=[]").code == 0
    (folder,) = [journal.parent for journal in examples.glob("runs/*/journal.jsonl")]
    sweep = Sweep.replay(folder)
    of_run, of_sweep = re.findall(r"A run\shas(.+?);\sa\ssweep\shas(.+?)\.", GUIDE, re.DOTALL)[0]
    methods = re.search(r"What a run is given by(.+?), while", GUIDE, re.DOTALL)[1]
    for owner, text in ((sweep.runs[0], of_run), (sweep, of_sweep), (Run, methods)):
        names = re.findall(r"`(\w+)", text)
        assert len(names) > 2
        for name in names:
            assert hasattr(owner, name) or name in ("step", "params"), name


def test_every_hook_is_there_with_its_arguments():
    headings = re.findall(r"^### (\w+)\((.*)\)$", GUIDE, re.MULTILINE)
    rows = re.findall(r"^\| `(\w+)\((.*?)\)` \|", GUIDE, re.MULTILINE)
    told = {name: tuple(re.findall(r"\w+", arguments)) for name, arguments in headings + rows}
    assert len(headings + rows) == len(told)
    assert told == {name: tuple(inspect.signature(getattr(hookspecs, name)).parameters) for name in HOOKS}


@pytest.mark.parametrize("shared", ["by rows", "by features"])
def test_a_layers_kernels_may_name_what_the_table_says(project, shared):
    from workbench import Network

    _, _, *rows = re.findall(r"^\| (.+?) \|", about("layer"), re.MULTILINE)
    own = {"grad_": "grad_slope", "workspace": "work", "saved": "kept", "constants": "number", "tables": "table"}
    names = {own.get(name, name) for row in rows for name in re.findall(r"`(\w+)`", row)} | {"slope"}
    assert len(rows) == 9
    names -= {"start", "stop"} if shared == "by rows" else set()
    forward = sorted(name for name in names if not name.startswith("grad_"))
    source = f"""
        from dataclasses import dataclass
        import numpy as np
        from workbench import Layer, LayerShape, Parameter, hookimpl

        @dataclass(frozen=True)
        class Everything(Layer):
            name = "everything"

            def build(self, shape):
                return LayerShape(
                    shape, {{"slope": Parameter(shape)}}, {{"work": shape}}, {{"kept": shape}},
                    {{"number": 2.0}}, {{"table": np.arange(3)}},
                )

            @staticmethod
            def forward({", ".join(forward)}):
                for i in range(x.shape[0]):
                    for j in range(3):
                        output[i, j] = x[i, j] * number if training else table[2] + key + first_row
                        work[i, j] = x[i, j]
                for j in range(3):
                    kept[j] = slope[j]

            @staticmethod
            def backward({", ".join(sorted(names))}):
                for j in range(3):
                    grad_slope[j] = kept[j]
                for i in range(grad_x.shape[0]):
                    for j in range(grad_x.shape[1]):
                        grad_x[i, j] = grad_output[i, j] * work[i, j]

        @hookimpl
        def register_layers():
            return [Everything]
    """
    (project / "plugins").mkdir()
    (project / "plugins" / "everything.py").write_text(dedent(source))
    network = Network([{"dense": {"units": 3}}, "everything"], "squared_error", batch_size=4).initialize((2,))
    _, gradients = network.loss_and_gradients(np.ones((4, 2)), np.ones((4, 3)))
    np.testing.assert_array_equal(gradients["1.slope"], network.parameters()["1.slope"])


def test_links_lead_somewhere():
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", GUIDE, flags=re.DOTALL), re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
    links = re.findall(r"\]\((?!https:)(.+?)\)", GUIDE)
    assert len(links) > 10
    for link in links:
        assert link[1:] in anchors if link.startswith("#") else (FOLDER / link).is_file(), link


def test_every_command_it_mentions_is_one():
    commands = set(re.findall(r"(?:`|\$ )workbench (\w+)", GUIDE))
    assert commands <= COMMANDS.keys()
    assert {"new", "check", "run", "plugins"} <= commands


def test_it_fits_the_page():
    """So that it can be read as it stands; a row of a table cannot be broken."""
    assert not [line for line in GUIDE.splitlines() if len(line) > 120 and not line.startswith("| ")]


@needs_compiler
def test_what_check_prints_is_what_it_shows(examples, workbench):
    """Numbers may differ: they are measured."""
    (shown,) = blocks("console")
    command, *expected = shown.splitlines()
    result = workbench(*shlex.split(command.removeprefix("$ workbench ")))
    assert result.code == 0, result.out
    printed = [_without_numbers(line) for line in result.out.splitlines()]
    at = 0
    for line in expected:
        if line.strip() in ("...", ""):
            continue
        start = _without_numbers(line.removesuffix("..."))
        found = [i for i, other in enumerate(printed) if i >= at and other.startswith(start)]
        assert found, f"{line!r} is not in\n{result.out}"
        at = found[0] + 1


def _without_numbers(line):
    return re.sub(r"-?\d[\d.,]*(e[+-]?\d+)?", "#", " ".join(line.split()))


def test_new_begins_what_it_says(project, workbench):
    (command,) = set(re.findall(r"`workbench (new activation \w+)`", GUIDE))
    assert workbench(*command.split()).code == 0
    for path in re.findall(r"`((?:plugins|tests)/\w+\.py)`", GUIDE):
        assert (project / path).is_file(), path


def test_plugins_shows_the_example_and_its_derivative(examples, workbench):
    (command,) = set(re.findall(r"`workbench (plugins symlog)`", GUIDE))
    result = workbench(*command.split())
    assert result.code == 0
    for part in ("plugins/symlog.py", "scale", "def derivative_of_symlog(z, a, scale"):
        assert part in result.out


def test_the_tests_it_shows_pass(examples):
    (examples / "tests").mkdir()
    (examples / "tests" / "test_symlog.py").write_text(TEST)
    pytest_ = [sys.executable, "-m", "pytest", "-q", "-W", "error::workbench.testing.CheckWarning", "tests"]
    done = subprocess.run(pytest_, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_entry_point_is_what_new_package_writes(project, workbench):
    (shown,) = blocks("toml")
    assert workbench("new", "package", "my_idea").code == 0
    written = tomllib.loads(Path("workbench-my-idea/pyproject.toml").read_text())
    assert tomllib.loads(shown)["project"]["entry-points"] == written["project"]["entry-points"]


def test_it_comes_with_the_plugins_wherever_they_are_installed(wheel):
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read("workbench/plugins/README.md").decode() == GUIDE


def test_the_variables_it_names_are_read():
    core = "".join(path.read_text(encoding="utf-8") for path in (FOLDER.parent / "workbench").glob("*.py"))
    named = re.findall(r"^\| `(WORKBENCH_\w+)` \|", GUIDE, re.MULTILINE)
    assert len(named) == 4
    assert all(f'"{name}"' in core for name in named)


# Messages: each of the guide's, and what provokes it.

HEAD = "import math\nimport numpy as np\nfrom workbench import Activation, Schedule, hookimpl\n"
XOR = ("run", "dataset=xor", "learner.activation=mine", "learner.epochs=1", "figures=[]")
SCHEDULE = """
    def mine(step, total_steps, steps_per_epoch):
        {}
        return np.ones(step.shape)

    @hookimpl
    def register_schedules():
        return [Schedule("mine", mine)]
"""
PLUGINS, CHECK = ("plugins",), ("check", "plugins/mine.py", "--time-limit", "5")
CHECKS = ()  # those of the activation, asked in this process


def activation(function, derivative="lambda z, a: 1.0", offered='"mine", mine', more=""):
    given = f"{offered}, {derivative}" if derivative else offered
    return f"{dedent(function)}\n@hookimpl\ndef register_activations():\n    return [Activation({given}{more})]\n"


MESSAGES = {
    "no activation is named ...; did you mean ...": ("", ("run", "learner.activation=rleu")),
    "activation ... has no option ...": ("", ("run", "learner.activation={leaky_relu: {slope: 1}}")),
    "... = ... should be ...": ("", ("run", "learner.epochs=-1")),
    "two plugins offer the activation ...: ... and ...": (
        activation("def mine(z):\n    return z", offered='"relu", mine'),
        ("run", "learner.activation=relu"),
    ),
    "there is no hook ...; did you mean ...": ("@hookimpl\ndef register_activation():\n    return []", PLUGINS),
    "... is named like a hook, and lacks @hookimpl": ("def register_activations():\n    return []", PLUGINS),
    "the hook has no argument ...; did you mean ...": ("@hookimpl\ndef epoch_ended(epochs):\n    pass", PLUGINS),
    "plugin ... could not be loaded: ..., line ...: ...": ("import nowhere", PLUGINS),
    "register_activations returned None; it must return a list": (
        "@hookimpl\ndef register_activations():\n    [Activation]",
        PLUGINS,
    ),
    "activation name ... is not allowed: ...": (
        activation("def mine(z):\n    return z", offered='"Mine", mine'),
        PLUGINS,
    ),
    "... must take (z), then its options": (activation("def mine(x):\n    return x"), PLUGINS),
    "... must take the same options, in the same order and with the same defaults": (
        activation("def mine(z, slope=1.0):\n    return slope * z"),
        PLUGINS,
    ),
    "activation ... has no derivative, and none can be derived: ..., line ...: ...": (
        activation("def mine(z):\n    return 1.0 if z == 2 else z", derivative=""),
        PLUGINS,
    ),
    "module ... has no attribute ...": (activation("def mine(z):\n    return math.expp(z)"), XOR),
    "name ... is not defined": (activation("def mine(z):\n    return slope * z"), XOR),
    "... cannot be compiled: ...": (activation("def mine(z):\n    return sum(z**k for k in range(3))"), XOR),
    "... returns text in line ... and a number in line ...": (
        activation("def mine(z):\n    if z > 0:\n        return 'much'\n    return z"),
        XOR,
    ),
    "... returns nothing where a number is needed": (activation("def mine(z):\n    a = max(z, 0)"), XOR),
    "... returns something in line ... and, on another way through it, nothing": (
        activation("def mine(z):\n    if z > 0:\n        return z"),
        XOR,
    ),
    "... takes 2 arguments, 1 is given": (
        activation("def helper(z, by):\n    return z + by\n\ndef mine(z):\n    return helper(z)"),
        XOR,
    ),
    "its derivative at z = ... is ...; the slope of the function is ...": (
        activation("def mine(z):\n    return z * z", "lambda z, a: z"),
        CHECKS,
    ),
    "at z = ... its value raises ...: OverflowError: ...": (
        activation("def mine(z):\n    return z / (1 + math.exp(-2 * z))"),
        CHECKS,
    ),
    "f' loses its digits where z = ...: something cancels": (
        activation("def mine(z):\n    return math.tanh(z)", "lambda z, a: 1 - a * a"),
        CHECKS,
    ),
    "in float32 its value computes in float64: ...": (
        activation("def mine(z):\n    return z + math.floor(z)"),
        CHECKS,
    ),
    "the loop over its value takes one number at a time: ...": (
        activation("def mine(z):\n    return math.gamma(1 + 1 / (1 + z * z))"),
        CHECKS,
    ),
    "it writes outside its arrays: ... past the end of ...": (
        activation(
            "def mine(z, a):\n    for k in range(len(z) + 1):\n        a[k] = 1.0\n\n"
            "def derivative(grad_a, z, a, grad_z):\n    grad_z[:] = 0.0",
            "derivative",
            more=", row=True",
        ),
        CHECKS,
    ),
    "did not end within ... s; it was in ..., line ...": ("while True: pass", CHECK),
    "the process died of SIGSEGV: ...": ("import ctypes\nctypes.string_at(0)", CHECK),
    "it prints to the terminal (... characters), first ...": (SCHEDULE.format("print(step)"), CHECK),
}
COMPILED = {message for message, (_, asked) in MESSAGES.items() if asked in (XOR, CHECKS)}


NOT_COMPILED = {
    "SciPy": "return special.expit(z)",
    "recursion": "return z if z < 1 else mine(z / 2)",
    "generators": "return sum(z * k for k in range(3))",
    "classes": "class Inner:\n        pass\n    return z",
    "`with`": "with np.errstate(all='ignore'):\n        return z",
    "`except`": "try:\n        return math.log(z)\n    except ValueError:\n        return z",
    "imports": "import math\n    return math.exp(z)",
    "lists": "return z * LIST[0]",
    "dictionaries": "return z * DICTIONARY[0]",
}


@needs_compiler
def test_what_it_says_is_not_compiled_is_refused(project):
    """In one line, by file and line."""
    told = re.search(r"Not compiled are (.+?)\.", GUIDE, re.DOTALL)[1]
    (project / "plugins").mkdir()
    for words, body in NOT_COMPILED.items():
        assert words in told
        before = "from scipy import special\nLIST, DICTIONARY = [1.0], {0: 1.0}\n"
        (project / "plugins" / "mine.py").write_text(HEAD + before + activation(f"def mine(z):\n    {body}"))
        registry.cache_clear()
        spec = registry().get("activation", "mine")
        operation = forward_operation(spec, np.ones(3, np.float32), ())
        with pytest.raises(PluginError, match=r"^activation 'mine': plugins/mine\.py, line \d+: .+$"):
            operation.compile("float32")


def test_every_message_is_provoked():
    table = GUIDE.partition("\n## Messages\n")[2]
    assert re.findall(r"^\| `(.+?)` \|", table, re.MULTILINE) == list(MESSAGES)


@pytest.mark.parametrize(
    "message", [pytest.param(each, marks=needs_compiler if each in COMPILED else ()) for each in MESSAGES]
)
def test_a_message_is_what_one_reads(project, workbench, monkeypatch, message):
    source, asked = MESSAGES[message]
    monkeypatch.setenv("WORKBENCH_DISABLE_PLUGINS", "tracking.mlflow")
    (project / "plugins").mkdir()
    if source:
        (project / "plugins" / "mine.py").write_text(HEAD + dedent(source))
    if asked is CHECKS:
        said = "\n".join(check.outcome().text for check in checks_of(registry().get("activation", "mine")))
    else:
        result = workbench(*asked)
        said = result.out + result.err
    pattern = ".*".join(re.escape(part) for part in message.split("..."))
    assert re.search(pattern, said), said
