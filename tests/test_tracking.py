"""MLflow gets every run and sweep, whole, from their journals; and a run survives an MLflow that does not work."""

import contextlib
import json
import os
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import synthetic
from store import check_plotted_numbers, metrics, mlflow_run, params, read, tags

import workbench as wb
from workbench.experiment.run import Run
from workbench.experiment.store import STORE
from workbench.experiment.sweep import Sweep
from workbench.plugins.tracking import _recorder, _report, _store, mlflow
from workbench.plugins.tracking.mlflow import replay

# MLflow's own mappers use what SQLAlchemy 2.1 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")

TABLES = ("experiments", "experiment_tags", "runs", "params", "tags", "metrics", "latest_metrics")


def artifacts(root: Path, run: Run | Sweep) -> Path:
    return root / "artifacts" / mlflow_run(run) / "artifacts"


def python(script: str, *arguments: object, **options: object) -> subprocess.Popen:
    """A process of its own that runs ``script``."""
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(script), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("project with a space") / "runs"


@pytest.fixture(scope="module")
def sweep(root: Path) -> Sweep:
    """A sweep of 12 jobs that told the plugins what happened."""
    return synthetic.sweep(root, notify=True)


@pytest.fixture(scope="module")
def other(root: Path, sweep: Sweep) -> Sweep:
    """A second sweep of the same experiment."""
    return synthetic.sweep(root, depths=(2,), seeds=(0,), notify=True)


@pytest.fixture
def run(root: Path) -> Iterator[Run]:
    """A run whose end the test brings about, with ``record``."""
    root.mkdir(exist_ok=True)
    run = Run.start("alone", "alone", {"seed": 0, "text": "x" * 7000}, {"git.commit": "abc"}, root=root)
    yield run
    run.close()


def record(run: Run) -> None:
    """End a run and send its journal from this process, which is quicker than from one of its own."""
    if run.status == "RUNNING":
        run.end("FINISHED")
    _recorder.Recorder(run.directory).finish()


def test_a_sweep_is_one_finished_parent_with_finished_children(root: Path, sweep: Sweep) -> None:
    assert sweep.problems == []
    parent = mlflow_run(sweep)
    runs = read(root, "select run_uuid, name, status, start_time, end_time from runs").set_index("run_uuid")
    children = [mlflow_run(run) for run in sweep.runs]
    assert tags(root).loc[parent, "workbench.kind"] == "sweep"
    assert (tags(root).loc[children, "workbench.kind"] == "run").all()
    assert (tags(root).loc[children, "mlflow.parentRunId"] == parent).all()
    assert set(runs.loc[[parent, *children], "status"]) == {"FINISHED"}
    assert list(runs.loc[children, "name"]) == [run.name for run in sweep.runs]
    assert (runs["start_time"] <= runs["end_time"]).all()


def test_a_childs_parameters_and_metrics_are_those_of_its_run(root: Path, sweep: Sweep) -> None:
    for run in sweep.runs:
        assert params(root).loc[mlflow_run(run)].to_dict() == {key: str(value) for key, value in run.params.items()}
        stored = metrics(root, run).sort_values("step")
        assert {k: list(zip(g["step"], g["value"], strict=True)) for k, g in stored.groupby("key")} == run.metrics


def test_every_plotted_number_can_be_recomputed_from_the_store(root: Path, sweep: Sweep) -> None:
    check_plotted_numbers(root, sweep)


def test_each_activation_has_a_hue_and_each_depth_a_shade(root: Path, sweep: Sweep) -> None:
    colours = tags(root)["mlflow.runColor"]
    by_group: dict[tuple, set[str]] = {}
    for run in sweep.runs:
        group = run.params["learner.activation"], run.params["learner.depth"]
        by_group.setdefault(group, set()).add(colours[mlflow_run(run)])
    assert all(len(found) == 1 for found in by_group.values())
    assert len(set.union(*by_group.values())) == len(by_group) == 6
    assert all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in set.union(*by_group.values()))


def test_the_view_shows_this_sweeps_children_and_its_link_opens_it(root: Path, sweep: Sweep, other: Sweep) -> None:
    client = _store.open_store(root)
    experiment = client.get_experiment_by_name("vanishing_gradient")
    for made in (sweep, other):
        *_, hint, link = made.links
        assert "workbench ui" in hint
        assert link == (
            f"http://127.0.0.1:5000/#/experiments/{experiment.experiment_id}/runs?workflowType=machine_learning"
            f"&viewStateShareKey={made.id}&compareRunsMode=CHART"
        )
        state = json.loads(json.loads(experiment.tags[f"mlflow.sharedViewState.{made.id}"])["state"])
        shown = client.search_runs([experiment.experiment_id], state["searchFilter"])
        assert {run.info.run_id for run in shown} == {mlflow_run(run) for run in made.runs}
        charts = {chart.get("metricKey", chart["type"]): chart for chart in state["compareRunCharts"]}
        assert charts["gradients/norm_by_layer"]["scaleType"] == "log"
        assert {"gradients/norm_by_layer_final", "train/loss", "val/accuracy"} <= set(charts)
        assert charts["PARALLEL"]["selectedParams"] == made.varied
        assert charts["PARALLEL"]["selectedMetrics"] == ["val/accuracy"]


def test_the_note_and_the_report_hold_finding_figures_and_results(root: Path, sweep: Sweep) -> None:
    assert sweep.finding is not None
    note = tags(root).loc[mlflow_run(sweep), "mlflow.note.content"]
    assert sweep.finding in note
    assert len([line for line in note.splitlines() if line.startswith("| ")]) == 2 + 6  # heading, rule, six groups
    report = (artifacts(root, sweep) / "report.html").read_text()
    assert report.count("data:image/png;base64,") == len(sweep.figures) == 2
    assert 'src="http' not in report
    for name, path in sweep.figures.items():
        assert (artifacts(root, sweep) / "figures" / f"{name}.png").read_bytes() == path.read_bytes()
    assert (artifacts(root, sweep.runs[0]) / "config.yaml").is_file()
    assert not (artifacts(root, sweep) / sweep.runs[0].directory.name).exists()


def test_replay_changes_nothing(root: Path, sweep: Sweep, other: Sweep) -> None:
    before = {table: read(root, f"select * from {table}") for table in TABLES}
    assert replay(sweep.directory) == sweep.links[-1:]
    for table in TABLES:
        pd.testing.assert_frame_equal(read(root, f"select * from {table}"), before[table])


def test_replay_rebuilds_a_lost_store(root: Path, sweep: Sweep, tmp_path: Path) -> None:
    shutil.copytree(sweep.directory, tmp_path / sweep.directory.name)
    replay(tmp_path / sweep.runs[3].directory.relative_to(root))
    for run in sweep.runs:
        copy = Run.replay(tmp_path / run.directory.relative_to(root))
        pd.testing.assert_frame_equal(metrics(tmp_path, copy), metrics(root, run))
        assert (artifacts(tmp_path, copy) / "config.yaml").is_file()
    assert len(read(tmp_path, "select * from runs")) == 1 + len(sweep.runs)


def test_replay_of_no_run_says_so(tmp_path: Path) -> None:
    with pytest.raises(wb.WorkbenchError, match=r"holds no journal\.jsonl"):
        replay(tmp_path)


ONE_RUN = """
    import pathlib, sys
    from workbench.experiment.run import Run
    run = Run.start("one", "cold", {"seed": 0}, {}, root=pathlib.Path(sys.argv[1]))
    run.notify("run_started", run=run)
    run.log_metrics({"train/loss": 0.5}, step=1)
    run.end("FINISHED")
    run.notify("run_ended", run=run, error=None)
    run.close()
    assert run.problems == [], run.problems
    assert "mlflow" not in sys.modules
    print(*run.links)
"""


def test_processes_that_start_at_once_on_no_store_all_arrive(tmp_path: Path) -> None:
    processes = [python(ONE_RUN, tmp_path) for _ in range(5)]
    outputs = [(*process.communicate(), process.returncode) for process in processes]
    assert [(error, code) for _, error, code in outputs] == [("", 0)] * 5
    runs = read(tmp_path, "select run_uuid, status from runs")
    assert list(runs["status"]) == ["FINISHED"] * 5
    assert len(read(tmp_path, "select * from metrics")) == 5
    assert all(any(run_id in output for output, _, _ in outputs) for run_id in runs["run_uuid"])
    assert read(tmp_path, "pragma journal_mode").iloc[0, 0] == "wal"


def test_a_killed_run_is_killed_in_mlflow_too(tmp_path: Path) -> None:
    script = ONE_RUN.replace('run.end("FINISHED")', "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    process = python(script, tmp_path)
    _, said = process.communicate()  # until the recorder has ended too
    assert (process.returncode, said) == (-signal.SIGKILL, "")
    give_up = time.monotonic() + 60
    while time.monotonic() < give_up:
        if (tmp_path / STORE).is_file() and "KILLED" in _statuses(tmp_path):
            break
        time.sleep(0.2)
    assert _statuses(tmp_path) == ["KILLED"]
    assert list(read(tmp_path, "select key, value from metrics").itertuples(index=False)) == [("train/loss", 0.5)]


def _statuses(root: Path) -> list[str]:
    try:
        return list(read(root, "select status from runs")["status"])
    except pd.errors.DatabaseError:  # its tables are still being made
        return []


def test_a_run_survives_a_broken_store_and_says_so(tmp_path: Path) -> None:
    (tmp_path / STORE).write_bytes(b"this is no database, " * 1000)
    run = Run.start("one", "broken", {"seed": 0}, {}, root=tmp_path)
    run.notify("run_started", run=run)
    run.log_metrics({"train/loss": 0.5}, step=1)
    run.end("FINISHED")
    run.notify("run_ended", run=run, error=None)
    run.close()
    (problem,) = run.problems
    assert "MLflow did not take everything" in problem
    assert "not a database" in problem
    assert str(tmp_path / STORE) in problem
    (tmp_path / STORE).unlink()
    command = problem.partition("`python ")[2].partition("`")[0].split()
    subprocess.run([sys.executable, *command], check=True, capture_output=True)
    assert list(metrics(tmp_path, run)["value"]) == [0.5]


def test_a_store_that_a_full_disk_kept_from_being_created_leaves_nothing_behind(tmp_path: Path) -> None:
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    for kib in (8, 200):  # it breaks off at once, and in the middle of the migrations
        resource.setrlimit(resource.RLIMIT_FSIZE, (kib * 1024, unlimited[1]))
        try:
            with pytest.raises(wb.WorkbenchError, match=r"cannot be created: .*disk"):
                _store.open_store(tmp_path)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    assert [path.name for path in tmp_path.iterdir()] == ["mlflow.lock"]
    assert _store.open_store(tmp_path).search_experiments()


def test_a_store_whose_migrations_broke_off_is_to_be_moved_away(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / STORE)) as connection:
        connection.execute("create table experiments (experiment_id integer)")
    with pytest.raises(wb.WorkbenchError, match=rf"or move {STORE}\* away"):
        _store.open_store(tmp_path)


def test_infinite_values_stay_out(root: Path, run: Run) -> None:
    run.log_metrics({"train/loss": float("inf"), "val/loss": float("nan"), "val/accuracy": 0.5}, step=1)
    record(run)
    assert list(metrics(root, run)["key"]) == ["val/accuracy"]
    assert tags(root).loc[mlflow_run(run), "nonfinite"] == "train/loss"


def test_long_values_are_cut_and_stand_whole_in_the_config(root: Path, run: Run) -> None:
    run.log_text("config.yaml", f"text: {run.params['text']}\n")
    run.set_tag("long", "y" * 9000)
    record(run)
    assert params(root).loc[mlflow_run(run), "text"] == "x" * 6000
    assert tags(root).loc[mlflow_run(run), "long"] == "y" * 8000
    assert "x" * 7000 in (artifacts(root, run) / "config.yaml").read_text()


def test_thousands_of_values_and_odd_names_arrive(root: Path, run: Run) -> None:
    for step in range(250):
        run.log_metrics({f"metric {i}": float(step) for i in range(10)} | {"é@[0]": 1.0}, step=step)
    for i in range(250):
        run.set_tag(f"tag {i}", str(i))
    record(run)
    stored = metrics(root, run)
    assert len(stored) == 250 * 11
    assert "é__0_" in set(stored["key"])
    assert len(tags(root).loc[mlflow_run(run)].dropna()) > 250


def test_a_failed_run_tells_its_error(root: Path, run: Run) -> None:
    run.end("FAILED", "TrainingDiverged: epoch 3, layer 2")
    record(run)
    assert read(root, f"select status from runs where run_uuid = '{mlflow_run(run)}'")["status"].item() == "FAILED"
    assert "epoch 3, layer 2" in tags(root).loc[mlflow_run(run), "mlflow.note.content"]
    assert tags(root).loc[mlflow_run(run), "git.commit"] == "abc"


def test_a_network_brings_its_table_sizes_and_snapshots(root: Path, run: Run) -> None:
    network = wb.Network([{"dense": {"units": 3}}], "squared_error").initialize((4,))
    run.log_metrics({"network/parameters": 15, "network/workspace_mib": 0.5}, step=0)
    run.log_text("network.md", "| layer |\n|---|\n| dense × 2 |\n")
    run.log_model(network, 0, "epoch_0")
    run.log_model(network, 5)
    record(run)
    stored = metrics(root, run).set_index("key")["value"]
    assert stored.to_dict() == {"network/parameters": 15, "network/workspace_mib": 0.5}
    assert tags(root).loc[mlflow_run(run), "mlflow.note.content"] == "| layer |\n|---|\n| dense × 2 |\n"
    for path in ("network.md", "model/epoch_0.safetensors", "model/network.safetensors"):
        assert (artifacts(root, run) / path).read_bytes() == (run.directory / path).read_bytes()
    before = {table: read(root, f"select * from {table}") for table in TABLES}
    record(run)
    for table in TABLES:
        pd.testing.assert_frame_equal(read(root, f"select * from {table}"), before[table])


def test_the_latest_values_of_a_run_that_went_back_are_those_of_the_epoch_it_went_back_to(root: Path, run: Run) -> None:
    """MLflow takes the last step, then the last time, then the largest value; and ranks runs by it."""
    reached = [{"val/loss": 0.5, "val/accuracy": 0.7}, {"val/loss": 0.9, "val/accuracy": 0.8}]
    for epoch, values in enumerate(reached, start=1):
        run.log_metrics(values, step=epoch)
    run.log_metrics({"network/best_epoch": 1}, step=0)
    run.log_results(reached[0], step=2)
    run.end("FINISHED")
    run.close()
    journal = run.directory / "journal.jsonl"
    journal.write_text(re.sub('"time_ms": ?[0-9]+', '"time_ms": 1000', journal.read_text()))  # all in one millisecond
    record(run)
    query = f"select key, value from latest_metrics where run_uuid = '{mlflow_run(run)}'"
    assert read(root, query).set_index("key")["value"].to_dict() == reached[0] | {"network/best_epoch": 1}
    before = {table: read(root, f"select * from {table}") for table in TABLES}
    record(run)
    for table in TABLES:
        pd.testing.assert_frame_equal(read(root, f"select * from {table}"), before[table])


def test_the_report_says_of_which_epoch_its_values_are_and_that_a_sweep_was_interrupted(tmp_path: Path) -> None:
    made = synthetic.grid(tmp_path, {"seed": (0, 1)}, lambda seed: {"val/loss": [0.5, 0.9]})
    assert "Values after the last epoch, mean" in _report.html(made)
    assert "0.9 ± 0" in _report.html(made)
    assert "No figure of this sweep states a finding." in _report.markdown(made)
    for run in made.runs:
        run.metrics["network/best_epoch"] = [(0, 1.0)]
        run._results = {"val/loss": 0.5}
    assert "Values after the epoch that early stopping went back to, or the last, mean" in _report.html(made)
    assert "0.5 ± 0" in _report.html(made)
    for made.status in ("KILLED", "RUNNING"):
        assert _report.markdown(made).startswith("**The sweep was interrupted.**")


def test_the_report_of_a_sweep_that_diverged_shows_it(tmp_path: Path) -> None:
    made = synthetic.grid(tmp_path, {"seed": (0, 1)}, lambda seed: {"val/loss": float("nan")})
    assert "<td>nan ± nan</td>" in _report.html(made)
    assert "| nan ± nan |" in _report.markdown(made)


def test_a_run_that_never_began_and_files_half_written_stay_out(root: Path) -> None:
    made = synthetic.grid(root, {"seed": (0, 1)}, lambda seed: {"val/loss": 0.5})
    (made.directory / "empty").mkdir()
    (made.directory / "empty" / "journal.jsonl").touch()
    (made.directory / ".half_report.html").touch()
    with pytest.raises(wb.WorkbenchError, match=r"holds no journal\.jsonl with a record"):
        replay(made.directory / "empty" / "journal.jsonl")
    for _ in range(2):
        (page,) = _recorder.Recorder(made.directory).finish()
        assert made.id in page
    assert len(read(root, f"select * from tags where value = '{mlflow_run(made)}'")) == len(made.runs)
    assert not list((root / "artifacts" / mlflow_run(made)).rglob("*half*"))


def test_the_error_of_a_network_that_failed_stands_before_its_table(root: Path, run: Run) -> None:
    run.log_text("network.md", "| layer |\n")
    run.end("FAILED", "TrainingDiverged: epoch 3, layer 2")
    record(run)
    assert "epoch 3, layer 2" in tags(root).loc[mlflow_run(run), "mlflow.note.content"]


def test_what_could_not_be_sent_is_sent_next_time(root: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = _recorder.Recorder(run.directory)
    recorder.catch_up()
    client = type(recorder._client)
    run.log_metrics({"train/loss": 1.0}, step=1)
    with monkeypatch.context() as patch:
        patch.setattr(client, "log_batch", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
        with pytest.raises(OSError, match="disk full"):
            recorder.catch_up()
    run.log_metrics({"train/loss": 0.5}, step=2)
    run.end("FINISHED")
    recorder.finish()
    assert list(metrics(root, run)["value"]) == [1.0, 0.5]


def test_a_run_deleted_by_hand_comes_back_with_a_replay(root: Path, run: Run) -> None:
    record(run)
    client = _store.open_store(root)
    client.delete_run(mlflow_run(run))
    client.delete_experiment(client.get_experiment_by_name("alone").experiment_id)
    record(run)
    assert client.get_run(mlflow_run(run)).info.lifecycle_stage == "active"


def test_a_recorder_is_ready_before_the_run_that_takes_it(run: Run) -> None:
    mlflow.launched()
    mlflow.launched()  # the command before was refused
    (ready,) = mlflow._idle
    run.notify("run_started", run=run)
    assert mlflow._idle == []
    run.end("FINISHED")
    run.notify("run_ended", run=run, error=None)
    assert ready.returncode == 0
    assert run.problems == []
    assert len(run.links) == 2


def test_a_recorder_that_is_not_needed_goes_and_leaves_nothing(project: Path, process) -> None:
    refused = process("run", "learner.depht=3")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert list(project.iterdir()) == []
    mlflow.launched()
    (killed,) = mlflow._idle
    mlflow._dismiss()
    assert (killed.returncode, mlflow._idle) == (-signal.SIGKILL, [])
    with mlflow._recorder() as orphan:
        assert orphan.stdin is not None
        orphan.stdin.close()
        assert orphan.wait(timeout=30) == 0
    assert list(project.iterdir()) == []


def test_the_plugin_can_be_kept_out(tmp_path: Path) -> None:
    environment = os.environ | {"WORKBENCH_DISABLE_PLUGINS": "tracking.mlflow"}
    process = python(ONE_RUN, tmp_path, env=environment)
    assert process.communicate() == ("\n", "")
    assert not (tmp_path / STORE).exists()
