"""The command line as a user meets it: in processes of its own where that matters."""

import contextlib
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parent.parent / "README.md"
HEAVY = ("numba", "sklearn", "scipy", "mlflow", "matplotlib", "pandas", "hydra", "torch")


def test_help_and_the_lack_of_a_command_show_what_there_is(workbench):
    for arguments in ([], ["--help"], ["-h"]):
        result = workbench(*arguments)
        assert result.code == 0
        assert re.findall(r"^  (\w+) ", result.out, re.MULTILINE) == ["run", "ui", "plugins", "new", "check"]


def test_an_unknown_command_is_answered_with_the_nearest(workbench):
    result = workbench("plugin")
    assert result.code == 2
    assert "there is no command 'plugin'; did you mean 'plugins'" in result.err
    assert result.out == ""


def test_plugins_lists_kind_name_origin_and_description(fakes, process, monkeypatch):
    monkeypatch.delenv("WORKBENCH_DISABLE_PLUGINS")
    rows = [re.split(r" {2,}", line.strip()) for line in process("plugins").stdout.splitlines()]
    assert ["estimator", "logistic", "plugins/fakes.py"] in [row[:3] for row in rows]
    assert ["activation", "softsign", "built-in", "Softsign: a = z / (1 + |z|)"] in rows
    assert [row[1:3] for row in rows if row[0] == "lifecycle"] == [
        ["tracking.mlflow", "built-in"],
        ["fakes", "plugins/fakes.py"],
    ]


def test_plugins_shows_what_could_not_be_loaded(fakes, workbench):
    (fakes / "plugins" / "half.py").write_text('"""Half done."""\nimport no_such_module\n')
    result = workbench("plugins")
    assert result.code == 0
    assert "plugin 'half' could not be loaded: " in result.out
    assert "half.py, line 2: ModuleNotFoundError: No module named 'no_such_module'" in result.out


def test_a_description_is_printed_as_it_is_written(fakes, workbench):
    (fakes / "plugins" / "marked.py").write_text(
        "from workbench import Schedule, hookimpl\n\n\n"
        'def marked(step, total_steps, steps_per_epoch):\n    """Rises on [red], rests on [0, 1]."""\n\n\n'
        "@hookimpl\ndef register_schedules():\n    return [Schedule('marked', marked)]\n"
    )
    assert "Rises on [red], rests on [0, 1]" in workbench("plugins").out


@pytest.mark.parametrize("arguments", [["plugins"], ["--help"]])
def test_what_must_answer_at_once_imports_nothing_heavy(project, arguments):
    """Time is not measured here: these imports are what costs it, seconds each."""
    source = (
        "import json, sys\nfrom workbench.cli import main\n"
        f"try:\n    main({arguments})\nexcept SystemExit:\n    print(json.dumps(list(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True, timeout=60)
    imported = set(json.loads(said.stdout.splitlines()[-1]))
    assert not imported & set(HEAVY)


def test_a_users_error_shows_its_origin_only_on_request(fakes, process, monkeypatch):
    wrong = ("run", "dataset=tiny", "learner=stepper", "learner.deph=1")
    plain = process(*wrong)
    assert (plain.returncode, "Traceback" in plain.stderr) == (2, False)
    monkeypatch.setenv("WORKBENCH_TRACE", "1")
    assert "Traceback" in process(*wrong).stderr


def test_a_run_prints_its_numbers_and_where_things_lie(fakes, process):
    result = process("run", "dataset=iris", "learner=logistic", "figures=[]")
    assert (result.returncode, result.stderr) == (0, "")
    numbers, kernels, journal = result.stdout.splitlines()
    assert re.fullmatch(r"logistic on iris  val/loss 0\.\d+  val/accuracy (0\.\d+|1)", numbers)
    assert kernels == "0 kernels compiled, 0 loaded from the cache"
    assert (fakes / journal.removeprefix("journal: ") / "journal.jsonl").is_file()


def test_a_network_shows_its_shapes_first(fakes, process):
    result = process("run", "dataset=iris", "learner=mlp", "learner.epochs=1", "figures=[]")
    assert (result.returncode, result.stderr) == (0, "")
    title, *table, numbers, _, _ = result.stdout.splitlines()
    assert title == "mlp on iris"
    rows = [line.split() for line in table if line.strip(" ─")]
    assert rows[0] == ["layer", "output", "shape", "parameters"]
    assert rows[2] == ["1", "dense", "32", "160"]
    assert rows[-2] == ["total", "1,315"]
    assert rows[-1][:6] == ["A", "training", "step", "on", "32", "samples"]
    assert numbers.startswith("mlp on iris  val/loss")


def test_the_bar_on_a_terminal_makes_room_for_the_shapes(fakes):
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "workbench", "run", "dataset=iris", "learner=mlp", "figures=[]"]
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "80"}
    screen = b""
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        with contextlib.suppress(OSError):  # how a terminal says that nobody writes to it any more
            while more := os.read(ours, 4096):
                screen += more
    os.close(ours)
    assert process.returncode == 0
    before, cleared, after = screen.partition(b"\x1b[2Kmlp on iris\r\n")
    assert b"epochs" in before
    assert cleared
    shapes, _, _ = after.partition(b"besides the parameters")
    assert b"1 dense" in shapes
    assert b"epochs" not in shapes
    assert b"epochs" in after


def test_a_run_that_fails_says_why_and_exits_with_1(fakes, workbench):
    result = workbench("run", "dataset=tiny", "learner=stepper", "learner.fails=user")
    assert result.code == 1
    assert "the learner gave up" in result.out
    assert "Traceback" not in result.out + result.err
    assert "Traceback" in workbench("run", "dataset=tiny", "learner=stepper", "learner.fails=runtime").out


def test_a_warning_of_a_learner_is_one_line(fakes, process):
    (fakes / "plugins" / "warner.py").write_text(
        "import warnings\nfrom workbench import Dataset, Data, hookimpl\nimport numpy as np\n\n\n"
        "def warner():\n    warnings.warn('mind the gap', stacklevel=1)\n"
        "    return Data(np.arange(20.0)[:, None], np.arange(20) % 2)\n\n\n"
        "@hookimpl\ndef register_datasets():\n    return [Dataset('warner', warner)]\n"
    )
    assert process("run", "dataset=warner", "learner=stepper").stderr == "workbench: warning: mind the gap\n"


def test_a_batch_larger_than_the_data_is_one_warning_and_one_batch(fakes, process):
    result = process("run", "learner=mlp", "dataset=iris", "learner.batch_size=500", "learner.epochs=1")
    assert result.returncode == 0
    assert result.stderr == "workbench: warning: batch_size 500 is larger than the 120 samples: training in one batch\n"


def test_a_loss_that_is_no_longer_finite_fails_the_run_and_says_when_and_where(fakes, workbench):
    hopeless = ("learner.lr=1e9", "learner.loss=squared_error", "learner.output=linear")
    result = workbench("run", "learner=mlp", "dataset=iris", *hopeless)
    assert result.code == 1
    assert "mlp on iris  FAILED\nthe loss is no longer finite in epoch 1, step" in result.out
    assert "Traceback" not in result.out + result.err


def test_run_help_and_cfg_are_hydras_and_know_the_plugins(fakes, process):
    shown = process("run", "--help").stdout
    assert "workbench run is powered by Hydra" in shown
    assert re.search(r"^learner: .*logistic.*stepper", shown, re.MULTILINE)
    job = process("run", "--cfg", "job", "dataset=tiny", "learner=stepper", "seed=4").stdout
    assert "seed: 4" in job
    assert "name: stepper" in job
    assert not (fakes / "runs").exists()


@pytest.mark.parametrize(
    ("line", "offered"),
    [("workbench run learner=stepper learner.de", "learner.depth="), ("workbench run learner=log", "learner=logistic")],
)
def test_the_shell_completes_the_arguments_of_run(fakes, process, monkeypatch, line, offered):
    monkeypatch.setenv("COMP_LINE", line)
    monkeypatch.setenv("COMP_POINT", str(len(line)))
    assert offered in process("-sc", "query=bash").stdout.split()


def test_run_help_says_what_the_options_of_learner_and_data_set_mean(fakes, process):
    shown = process("run", "--help", "learner=cnn", "dataset=images").stdout
    _, _, learner = shown.partition("== Options of the learner cnn ==\n")
    learner, _, dataset = learner.partition("== Options of the data set images ==\n")
    assert "by max pooling over ``pool`` x ``pool`` pixels" in learner
    assert "``patience`` stops after so many epochs" in learner
    assert "with one sub-folder a class" in dataset
    bare = process("run", "--help", "learner=linear", "dataset=needy")
    assert "A data set with an option that has no default, and a $ sign." in bare.stdout, bare.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"]])
def test_a_reader_who_has_enough_gets_no_traceback(project, arguments):
    command = [sys.executable, "-m", "workbench", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 141


@pytest.mark.parametrize("port", ["-1", "0", "65536"])
def test_ui_refuses_what_is_no_port(project, workbench, port):
    result = workbench("ui", "--no-browser", "--port", port)
    assert (result.code, result.err) == (2, f"workbench: --port {port}: a port is a number from 1 to 65535.\n")


def test_the_readme_shows_the_error_that_is_shown(project, workbench):
    ((command, shown),) = re.findall(r"```console\n\$ workbench (.+)\n(.+)\.\.\.\n```", README.read_text())
    result = workbench(*command.split())
    assert result.code == 2
    assert result.err.startswith(shown)


def test_ui_without_runs_says_what_to_do(project, workbench):
    result = workbench("ui", "--no-browser")
    assert result.code == 2
    assert "There are no runs" in result.err
    assert list(project.iterdir()) == []


def test_a_listener_that_fails_as_a_command_begins_stops_nobody(fakes, process):
    (fakes / "plugins" / "hasty.py").write_text(
        "from workbench import hookimpl\n\n\n@hookimpl\ndef launched():\n    raise RuntimeError('too early')\n"
    )
    result = process("run", "dataset=tiny", "learner=logistic")
    assert result.returncode == 0
    assert result.stderr == "workbench: warning: plugin 'hasty' failed in launched: RuntimeError: too early\n"
