"""``workbench check``: a table, an exit code, and it survives whatever a stranger's file does."""

import re
from textwrap import dedent

import pytest
from numba import config

HEAD = "import math\nimport numpy as np\nfrom workbench import Activation, Initializer, Loss, Schedule, hookimpl\n"
compiled = pytest.mark.skipif(bool(config.DISABLE_JIT), reason="NUMBA_DISABLE_JIT=1: only machine code does this")


@pytest.fixture
def check(workbench, project, monkeypatch):
    """Check a file of this text; ``table`` maps the checks to what is said of each."""
    monkeypatch.setenv("WORKBENCH_DISABLE_PLUGINS", "tracking.mlflow")

    def check(source, *flags, name="mine"):
        file = project / "plugins" / f"{name}.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(HEAD + dedent(source))
        result = workbench("check", f"plugins/{name}.py", *flags)
        lines = re.findall(r"^  (\S.*?)  +(ok|warning|FAILED|skipped) +(.*)$", result.out, re.MULTILINE)
        result.table = {check: (status, text) for check, status, text in lines}
        return result

    return check


SCHEDULE = """
    def halving(step, total_steps, steps_per_epoch, gamma=0.5):
        '''Halves the learning rate every epoch.'''
        {body}
        return gamma ** (step // steps_per_epoch)

    @hookimpl
    def register_schedules():
        return [Schedule("halving", halving)]
"""


def test_a_good_plugin_passes_line_by_line(check, workbench):
    result = check(SCHEDULE.format(body=""))
    assert result.code == 0, result.out
    assert {status for status, _ in result.table.values()} == {"ok"}
    assert result.table["description"] == ("ok", "Halves the learning rate every epoch")
    assert "schedule halving (plugins/mine.py)" in result.out
    assert re.search(r"^\d+ passed$", result.out, re.MULTILINE)
    assert workbench("check", "halving").out == workbench("check", "schedule.halving").out == result.out


def test_a_mistake_is_told_with_the_smallest_input_that_shows_it(check):
    result = check("""
        def square(z):
            return z * z

        def derivative(z, a):
            return z

        @hookimpl
        def register_activations():
            return [Activation("square", square, derivative)]
    """)
    assert result.code == 1
    status, text = result.table["derivative"]
    assert status == "FAILED"
    assert re.search(r"z = -?1\b", text)
    assert re.search(r"\d+ failed", result.out)


def test_an_exception_is_told_with_its_line_and_the_rest_is_asked(check):
    result = check(SCHEDULE.format(body="if total_steps == 1: raise OSError('the disk is full')"))
    assert result.code == 1
    told = [text for status, text in result.table.values() if status == "FAILED"]
    assert any(re.search(r"plugins/mine.py, line \d+: OSError: the disk is full", text) for text in told)
    assert result.table["description"][0] == "ok"


def test_an_endless_loop_ends_at_the_time_limit_and_its_place_is_told(check):
    result = check(SCHEDULE.format(body="while steps_per_epoch > 0: pass"), "--time-limit", "5")
    assert result.code == 1
    told = [text for status, text in result.table.values() if status == "FAILED"]
    assert len(told) == 1  # what comes after would hang as well
    assert re.search(r"did not end within 5 s; it was in plugins/mine.py, line \d+ \(halving\)", told[0])
    assert ("skipped", "not asked, since an earlier check did not end") in result.table.values()


def test_what_it_prints_is_told_and_reaches_no_terminal(check):
    result = check(SCHEDULE.format(body="print('\\x1b[2J garbage ' * 1000)"))
    assert result.code == 0, result.out
    status, text = result.table["prints"]
    assert status == "warning"
    assert re.search(r"it prints to the terminal \(\d{5,} characters\), first '\\x1b\[2J garbage ", text)
    assert "\x1b[2J" not in result.out


def test_a_crash_is_told_and_the_rest_is_asked(check):
    once = "import ctypes, os; os.path.exists('crashed') or (open('crashed', 'w').close(), ctypes.string_at(0))"
    result = check(SCHEDULE.format(body=once))
    assert result.code == 1
    (told,) = [text for status, text in result.table.values() if status == "FAILED"]
    assert re.search(r"died of SIGSEGV: .*plugins/mine.py, line \d+ \(halving\)", told)
    assert list(result.table.values())[-1][0] == "ok"


def test_a_plugin_that_leaves_is_told(check):
    result = check(SCHEDULE.format(body="if total_steps == 1: raise SystemExit(3)"))
    assert result.code == 1
    assert any("ended with exit code 3" in text for _, text in result.table.values())


@compiled
def test_a_write_outside_its_arrays_is_told(check):
    result = check("""
        def shifted(z, a):
            '''A row, shifted by its first number.'''
            for k in range(len(z) + 1):
                a[k] = z[k] - z[0] if k < len(z) else 7.0

        def derivative(grad_a, z, a, grad_z):
            grad_z[0] = -sum(grad_a[1:])
            for k in range(1, len(z)):
                grad_z[k] = grad_a[k]

        @hookimpl
        def register_activations():
            return [Activation("shifted", shifted, derivative, row=True)]
    """)
    assert result.code == 1
    told = [text for status, text in result.table.values() if status == "FAILED"]
    assert any("writes outside its arrays: 1 place past the end of output" in text for text in told), told


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("def f(:\n    pass", r"plugins/mine.py, line 4: SyntaxError"),
        ("while True: pass", r"did not end within 4 s.*plugins/mine.py, line 4"),
        ("import nowhere", r"plugins/mine.py, line 4: ModuleNotFoundError: No module named 'nowhere'"),
        ("import os; os._exit(7)", "ended with exit code 7"),
        ("x = 1", "offers nothing: it needs a function such as register_activations under @hookimpl"),
        ("@hookimpl\ndef register_loss():\n    return []", "there is no hook 'register_loss'; did you mean"),
    ],
    ids=["syntax", "endless import", "import error", "leaves", "no hook", "misspelt hook"],
)
def test_a_file_that_does_not_load_fails(check, source, reason):
    result = check(source, "--time-limit", "4")
    assert result.code == 1
    assert result.table["loads"][0] == "FAILED"
    assert re.search(reason, result.table["loads"][1])


def test_a_listener_has_nothing_to_be_checked(check):
    result = check("@hookimpl\ndef run_started(run):\n    pass\n")
    assert result.code == 0
    assert result.table["loads"][0] == "ok"


def test_a_file_anywhere_is_checked(workbench, project, tmp_path_factory):
    file = tmp_path_factory.mktemp("elsewhere") / "mine.py"
    file.write_text(HEAD + dedent(SCHEDULE.format(body="")))
    assert workbench("check", str(file)).code == 0


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["rleu"], "no plugin is named 'rleu'; did you mean 'relu'"),
        (["activation.rleu"], "no activation is named 'rleu'; did you mean 'relu'"),
        (["activaton.relu"], "no kind of plugin is called 'activaton'; did you mean 'activation'"),
        (["plugins/nowhere.py"], "there is no file plugins/nowhere.py"),
        ([], "takes the name of a plugin, a file, or --all"),
        (["relu", "--all"], "takes the name of a plugin, a file, or --all"),
        (["relu", "--time-limit", "0"], "--time-limit 0: it must be above 0"),
    ],
    ids=" ".join,
)
def test_what_is_not_there_is_told(workbench, arguments, reason):
    result = workbench("check", *arguments)
    assert result.code == 2
    assert reason in result.err
    assert result.out.strip() == ""
