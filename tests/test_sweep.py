"""A sweep: every job once, a failed one stops no other, and the parent always ends."""

import math
import os
import re
import signal
import subprocess
import sys
import time

import pytest
import synthetic
from disk import full

from workbench.experiment.report import report
from workbench.experiment.sweep import Sweep
from workbench.registry import registry

GRID = ("-m", "dataset=tiny", "learner=stepper", "learner.activation=sigmoid,relu", "learner.depth=2,4", "figures=[]")


def replay(project):
    (directory,) = (project / "runs").iterdir()
    return Sweep.replay(directory)


def test_every_job_runs_once_under_a_name_that_says_what_varied(fakes, workbench):
    result = workbench("run", *GRID, "name=trial")
    assert result.code == 0, result.err
    sweep = replay(fakes)
    assert [run.name for run in sweep.runs] == ["sigmoid depth=2", "sigmoid depth=4", "relu depth=2", "relu depth=4"]
    assert sweep.varied == ["learner.activation", "learner.depth"]
    assert [run.params["learner.depth"] for run in sweep.runs] == [2, 4, 2, 4]
    assert (sweep.name, sweep.jobs, sweep.status, sweep.tags["workbench.kind"]) == ("trial", 4, "FINISHED", "sweep")
    assert {run.status for run in sweep.runs} == {"FINISHED"}
    assert all(run.sweep is sweep and run.directory.parent == sweep.directory for run in sweep.runs)


def test_a_job_that_fails_stops_no_other_and_shows_in_the_exit_code(fakes, workbench, heard):
    result = workbench("run", "-m", "dataset=tiny", "learner=stepper", "learner.fails=runtime,user,''", "figures=[]")
    assert result.code == 1
    sweep = replay(fakes)
    assert [run.status for run in sweep.runs] == ["FAILED", "FAILED", "FINISHED"]
    assert "RuntimeError: the learner broke" in sweep.runs[0].error
    assert sweep.runs[0].error.startswith("Traceback")
    assert sweep.runs[1].error == "the learner gave up"
    assert sweep.status == "FAILED"
    assert "1 of 3 jobs finished" in result.out
    assert "FAILED: the learner gave up" in result.out
    assert heard("sweep_ended") == [{"hook": "sweep_ended", "status": "FAILED", "error": "NoneType", "figures": []}]


def test_the_hooks_of_a_sweep_enclose_those_of_its_runs(fakes, workbench, heard):
    workbench("run", "-m", "dataset=tiny", "learner=logistic", "seed=0,1", "figures=[]")
    hooks = [told["hook"] for told in heard()]
    assert hooks == ["sweep_started", *["run_started", "run_ended"] * 2, "sweep_ended"]


def test_figures_and_finding_are_there_when_the_sweep_ends(fakes, workbench, heard):
    result = workbench("run", *GRID[:-1], "figures=[heights]")
    sweep = replay(fakes)
    assert sweep.finding == "4 runs were compared."
    assert (sweep.directory / "finding.md").read_text() == "4 runs were compared.\n"
    assert sweep.figures["heights"].read_bytes().startswith(b"\x89PNG")
    assert heard("sweep_ended")[0]["figures"] == ["heights"]
    printed = result.out.splitlines()
    assert "4 runs were compared." in printed
    assert printed[-1] == "look here"
    assert any(line.startswith("figures: runs/") for line in printed)
    assert any(line.endswith("loaded from the cache") for line in printed)


def test_a_figure_that_cannot_be_drawn_is_told_and_costs_nothing_else(fakes, workbench):
    result = workbench("run", *GRID[:-1], "figures=[broken,heights]")
    assert result.code == 0
    assert "figure 'broken' could not be drawn: ZeroDivisionError: no runs to divide by" in result.out
    assert list(replay(fakes).figures) == ["heights"]


def test_a_finding_that_fails_does_not_deny_its_figure(fakes, workbench):
    result = workbench("run", *GRID[:-1], "figures=[speechless]")
    assert result.code == 0
    assert "figure 'speechless' was drawn, but its finding could not be stated: KeyError: 'word'" in result.out
    assert list(replay(fakes).figures) == ["speechless"]


def test_a_figure_that_was_named_and_does_not_apply_is_told_once(fakes, workbench):
    grid = ("-m", "dataset=iris", "learner=mlp", "learner.width=3,4", "learner.epochs=1")
    result = workbench("run", *grid, "figures=[filters,accuracy_over_depth,learning_curve]")
    assert result.code == 0
    assert result.out.count("figure 'filters' does not apply to this run. What it draws: Each filter's weights") == 1
    assert result.out.count("figure 'accuracy_over_depth' does not apply to this sweep. What it draws: ") == 1
    assert "figure 'learning_curve'" not in result.out
    assert "does not apply" not in workbench("run", *grid).out
    alone = workbench("run", *grid[1:3], "learner.epochs=1", "figures=[filters,heights]")
    assert "figure 'filters' does not apply to this run." in alone.out
    assert "figure 'heights' draws a sweep, not a single run." in alone.out


def test_figures_of_runs_are_drawn_in_a_sweep_only_where_they_are_named(fakes, workbench):
    workbench("run", *GRID[:-1], "figures=[learning_curve,heights]")
    sweep = replay(fakes)
    assert list(sweep.figures) == ["heights"]
    for run in sweep.runs:
        assert list(run.figures) == ["learning_curve"]
        assert run.figures["learning_curve"].read_bytes().startswith(b"\x89PNG")
    workbench("run", *GRID[:-1], "name=all")
    (unnamed,) = (fakes / "runs").glob("*_all")
    assert [run.figures for run in Sweep.replay(unnamed).runs] == [{}] * 4


def test_the_first_networks_shapes_are_printed_once_and_each_run_keeps_its_own(fakes, workbench):
    grid = ("-m", "dataset=iris", "learner=mlp", "learner.width=3,4", "learner.epochs=1", "figures=[]")
    result = workbench("run", *grid)
    assert result.out.startswith("first job, width=3\n")
    assert result.out.count("besides the parameters") == 1
    for run in replay(fakes).runs:
        width = run.params["learner.width"]
        assert f"| 1 dense   | {width:12} | {5 * width:10} |" in (run.directory / "network.md").read_text()


def test_the_table_gives_the_results_of_the_epochs_that_training_went_back_to(fakes, workbench):
    out = workbench(
        "run", "-m", "dataset=iris", "learner=mlp", "learner.width=64", "learner.optimizer=adam", "learner.lr=0.05",
        "learner.patience=2", "learner.epochs=100", "figures=[]", "seed=0",
    ).out  # fmt: skip
    (run,) = replay(fakes).runs
    assert run.result("val/loss") < run.metrics["val/loss"][-1][1]
    assert f"{run.result('val/loss'):.4f}" in out
    assert not re.search("parameters +runs", out)  # of one network alone, its own table tells


def test_the_table_gives_the_sizes_of_networks_where_they_differ(fakes, workbench):
    grid = ("-m", "dataset=iris", "learner=mlp", "learner.width=3,999", "learner.depth=1", "learner.epochs=1")
    out = workbench("run", *grid, "figures=[]").out
    assert re.search(r"^  width +parameters +runs ", out, re.MULTILINE)
    assert re.search(r"^  3 +27 +1 ", out, re.MULTILINE)
    assert re.search(r"^  999 +7,995 +1 ", out, re.MULTILINE)


def test_the_table_gives_mean_and_deviation_over_the_seeds(fakes, workbench):
    out = workbench("run", "-m", "dataset=iris", "learner=logistic", "learner.C=0.01,1", "seed=0,1,2", "figures=[]").out
    rows = [line.split() for line in out.splitlines() if "±" in line]
    accuracies = [[run.metrics["val/accuracy"][0][1] for run in replay_runs] for replay_runs in by_c()]
    for row, (c, values) in zip(rows, zip(("0.01", "1.0"), accuracies, strict=True), strict=True):
        mean = sum(values) / 3
        deviation = (sum((value - mean) ** 2 for value in values) / 2) ** 0.5
        assert row[:2] == [c, "3"]
        assert row[-3:] == [f"{mean:.4f}", "±", f"{deviation:.4f}"]


def test_the_table_shows_results_that_are_not_finite(tmp_path, capsys):
    losses = {"diverged": [math.nan] * 2, "beyond": [math.inf, 1.0], "fine": [1.0, 3.0]}
    report(synthetic.grid(tmp_path, {"what": losses, "seed": (0, 1)}, lambda w, s: {"val/loss": losses[w][s]}))
    out = capsys.readouterr().out
    for what, shown in (("diverged", "nan ± nan"), ("beyond", "inf ± nan"), ("fine", "2.0000 ± 1.4142")):
        assert re.search(rf"^  {what} +2 +{re.escape(shown)} *$", out, re.MULTILINE)


def test_the_jobs_that_an_interrupt_left_are_not_said_to_have_a_journal(tmp_path, capsys):
    sweep = synthetic.grid(tmp_path, {"seed": (0, 1)}, lambda seed: {"val/loss": 1.0})
    sweep.jobs = 5
    report(sweep)
    assert "\n2 of 5 jobs finished, 3 not begun.\n" in capsys.readouterr().out


def by_c():
    from pathlib import Path

    runs = replay(Path.cwd()).runs
    return [[run for run in runs if run.params["learner.C"] == c] for c in (0.01, 1.0)]


def test_one_job_is_a_sweep_where_one_was_asked_for(fakes, workbench):
    assert workbench("run", "-m", "dataset=tiny", "learner=stepper", "figures=[]").code == 0
    sweep = replay(fakes)
    assert [run.name for run in sweep.runs] == ["stepper on tiny"]
    assert sweep.varied == []


def test_names_stay_apart_where_the_last_part_of_two_keys_is_the_same(fakes, workbench):
    workbench("run", "-m", "dataset=tiny", "learner=stepper", "dataset.seed=0,1", "learner.seed=5,6", "figures=[]")
    assert replay(fakes).runs[0].name == "dataset.seed=0 learner.seed=5"


def test_a_sweep_over_learners_names_them(fakes, workbench):
    assert workbench("run", "-m", "dataset=tiny", "learner=logistic,stepper", "figures=[]").code == 0
    sweep = replay(fakes)
    assert [run.name for run in sweep.runs] == ["logistic", "stepper"]
    assert sweep.varied == ["learner.name"]


def test_a_run_that_was_stopped_before_it_began_is_left_out(tmp_path):
    sweep = synthetic.grid(tmp_path, {"seed": (0, 1)}, lambda seed: {"val/loss": 1.0})
    for name, text in (("empty", ""), ("torn", '{"event": "star')):
        (sweep.directory / name).mkdir()
        (sweep.directory / name / "journal.jsonl").write_text(text)
    assert [run.id for run in Sweep.replay(sweep.directory).runs] == [run.id for run in sweep.runs]


@pytest.mark.parametrize("grid", [GRID, GRID[1:3]], ids=["sweep", "run"])
def test_where_nothing_can_be_written_one_message_says_so(fakes, workbench, heard, grid):
    (fakes / "runs").write_text("no folder")
    result = workbench("run", *grid)
    assert (result.code, result.out) == (2, "")
    assert re.fullmatch(r"workbench: .*/runs/.* cannot be written: Not a directory\. Make room or .*\n", result.err)
    assert heard() == []


FILLS_THE_DISK = """
import resource
from workbench import hookimpl

told = []

@hookimpl
def run_ended():
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))

@hookimpl
def sweep_ended(sweep, error):
    told.append((sweep.status, type(error).__name__))
"""


def test_a_disk_that_is_full_after_the_first_job_costs_nothing_of_it(fakes, workbench):
    (fakes / "plugins" / "filler.py").write_text(FILLS_THE_DISK)
    with full(2**40):  # for now
        result = workbench("run", *GRID)
    assert (result.code, result.err) == (1, "")
    assert result.out.count("cannot be written: File too large. Make room") == 1
    assert re.search(r"^  sigmoid +2 +1 ", result.out, re.MULTILINE)
    assert registry().manager.get_plugin("filler").told == [("FAILED", "NotWritten")]
    assert [run.status for run in replay(fakes).runs] == ["FINISHED"]


LONG = (*GRID, "learner.epochs=1000", "learner.pause=0.05")


def wait_for_an_epoch(heard):
    deadline = time.monotonic() + 60
    while not heard("epoch_ended") and time.monotonic() < deadline:
        time.sleep(0.05)


def test_a_terminated_sweep_is_settled(fakes, process, heard):
    running = process("run", *LONG, start=True)
    wait_for_an_epoch(heard)
    running.send_signal(signal.SIGTERM)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130, err
    assert "Traceback" not in out + err
    assert "0 of 4 jobs finished, 3 not begun; each other one's journal says why not." in out
    sweep = replay(fakes)
    assert [run.status for run in sweep.runs] == ["KILLED"]
    assert (sweep.status, sweep.error) == ("KILLED", "SIGTERM")
    assert len(heard("run_ended")) == 1
    assert heard("sweep_ended")[0]["status"] == "KILLED"


IN_A_TERMINAL = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, "-m", "workbench", *sys.argv[1:]])
"""


def test_a_sweep_whose_terminal_is_closed_is_settled(fakes, heard):
    """The signal comes, and nothing more can be shown."""
    ours, theirs = os.openpty()
    command = [sys.executable, "-c", IN_A_TERMINAL, "run", *LONG]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs) as running:
        os.close(theirs)
        wait_for_an_epoch(heard)
        os.close(ours)
        running.wait(timeout=60)
    sweep = replay(fakes)
    assert [run.status for run in sweep.runs] == ["KILLED"]
    assert (sweep.status, sweep.error) == ("KILLED", "SIGHUP")
    assert len(heard("run_ended")) == len(heard("sweep_ended")) == 1


def test_nothing_but_runs_is_left_in_the_users_folder(fakes, process):
    before = {path.name for path in fakes.iterdir()}
    assert process("run", *GRID).returncode == 0
    assert {path.name for path in fakes.iterdir()} - before == {"runs", "heard.jsonl"}
    folders = {path.name for path in (fakes / "runs").rglob("*") if path.is_dir()}
    assert not folders & {".hydra", "outputs", "multirun"}


def test_the_shipped_sweep_shows_the_gradient_by_layer_and_states_a_finding(fakes, workbench):
    smaller = ("learner.depth=2,4", "learner.epochs=1", "seed=0")
    result = workbench("run", "experiment=vanishing_gradient", *smaller)
    assert result.code == 0, result.err
    sweep = replay(fakes)
    assert sweep.experiment == "vanishing_gradient"
    assert len(sweep.runs) == 6
    for run in sweep.runs:
        for key in ("gradients/norm_by_layer", "gradients/norm_by_layer_final"):
            assert [step for step, _ in run.metrics[key]] == list(range(1, run.params["learner.depth"] + 2))
        for key in ("train/loss", "val/loss", "val/accuracy", "gradients/first_layer", "gradients/last_layer"):
            assert [step for step, _ in run.metrics[key]] == [1]
    assert sorted(sweep.figures) == ["accuracy_over_depth", "gradient_by_layer"]
    assert "gradient" in sweep.finding
