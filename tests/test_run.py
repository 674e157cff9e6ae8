"""One run: what it records, how it ends, and that its folder tells all of it."""

import math
import os
import signal
import time
from textwrap import dedent

import numpy as np
import pytest
from disk import full
from matplotlib.figure import Figure
from omegaconf import OmegaConf
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import log_loss, mean_squared_error, r2_score

from workbench import Clustering, Network
from workbench.experiment import journal
from workbench.experiment.config import check
from workbench.experiment.execute import execute
from workbench.experiment.interrupt import signals_interrupt
from workbench.experiment.report import outcome
from workbench.experiment.run import Run
from workbench.files import NotWritten
from workbench.registry import registry

EPOCH = ("train/loss", "train/accuracy", "val/loss", "val/accuracy")


def config(learner="stepper", dataset="tiny", settings=None, **options):
    chosen = {"name": "trial", "dataset": {"name": dataset}, "learner": {"name": learner} | options}
    return check(chosen | (settings or {}))


@pytest.fixture
def listener(fakes):
    """Add a plugin that listens with ``source``, and whatever it may do then; gives its list ``told``."""

    def listener(source):
        begin = "import os, signal, sys\nfrom workbench import hookimpl\n\ntold = []\n"
        (fakes / "plugins" / "listener.py").write_text(begin + dedent(source))
        return registry().manager.get_plugin("listener").told

    return listener


def bits(network):
    return b"".join(array.tobytes() for array in network.parameters().values())


def test_a_learner_without_epochs_is_scored_as_scikit_learn_scores_it(fakes):
    chosen = config("logistic", "digits", C=0.5)
    run = execute("it", chosen)
    assert run.status == "FINISHED", run.error
    data = chosen.data()
    reference = LogisticRegression(C=0.5, max_iter=1000).fit(data.X_train, data.y_train)
    expected = {
        "train/accuracy": reference.score(data.X_train, data.y_train),
        "val/accuracy": reference.score(data.X_validation, data.y_validation),
        "val/loss": log_loss(data.y_validation, reference.predict_proba(data.X_validation)),
    }
    for key, value in expected.items():
        assert run.metrics[key] == [(0, value)], key


def test_numbers_are_scored_by_the_variance_explained(fakes):
    chosen = config("linear", "diabetes")
    run = execute("it", chosen)
    data = chosen.data()
    predicted = LinearRegression().fit(data.X_train, data.y_train).predict(data.X_validation)
    assert run.metrics["val/r2"] == [(0, r2_score(data.y_validation, predicted))]
    assert run.metrics["val/loss"] == [(0, mean_squared_error(data.y_validation, predicted))]


def test_what_a_learner_says_of_its_epochs_is_not_said_again(fakes):
    assert [step for step, _ in execute("it", config(epochs=2)).metrics["train/loss"]] == [1, 2]


def test_epochs_become_steps_and_layers_become_steps_of_their_own_metrics(fakes):
    run = execute("it", config(depth=3, epochs=2))
    assert run.metrics["train/loss"] == [(1, 1.0), (2, 0.5)]
    assert run.metrics["gradients/norm_by_layer"] == [(1, 1.0), (2, 0.5), (3, 0.25)]  # of the first epoch
    assert run.metrics["gradients/norm_by_layer_final"] == [(1, 0.5), (2, 0.25), (3, 0.125)]  # of the last
    assert run.metrics["val/accuracy"][0][0] == 0
    assert "epoch" not in run.metrics


def test_its_folder_alone_tells_the_run(fakes):
    run = execute("sigmoid depth=3", config(depth=3))
    again = Run.replay(run.directory)
    told = ("id", "name", "experiment", "params", "tags", "status", "error", "metrics", "figures", "problems")
    assert {key: getattr(again, key) for key in told} == {key: getattr(run, key) for key in told}
    assert OmegaConf.load(run.directory / "config.yaml").learner.depth == 3


def test_params_are_the_whole_configuration_with_dotted_keys(fakes):
    params = execute("it", config(activation="tanh")).params
    expected = {"name": "trial", "seed": 0, "dataset.name": "tiny", "learner.activation": "tanh", "learner.depth": 2}
    assert expected.items() <= params.items()
    assert params["learner.layers"] == "[1, 2]"
    assert params["figures"] is None


def test_a_network_is_saved_where_it_can_be_loaded_from(fakes):
    chosen = config("mlp", "iris", epochs=2, depth=1)
    run = execute("it", chosen)
    assert run.status == "FINISHED", run.error
    data, network = chosen.data(), Network.load(run.directory / "model" / "network.safetensors")
    accuracy = (network.predict_proba(data.X_validation).argmax(axis=1) == data.y_validation).mean()
    assert run.metrics["val/accuracy"][-1] == (2, accuracy)


def test_the_network_is_kept_after_the_epochs_asked_for_and_after_the_last(fakes):
    chosen = config("mlp", "iris", {"snapshots": [0, 2]}, epochs=3)
    run = execute("it", chosen)
    data = chosen.data()
    for kept in (run.networks(), Run.replay(run.directory).networks()):
        assert list(kept) == [0, 2, 3]
        for epoch, network in kept.items():
            shorter = config("mlp", "iris", epochs=epoch).estimator().fit(data.X_train, data.y_train).network_
            assert bits(network) == bits(shorter)


def test_the_network_that_early_stopping_went_back_to_is_the_trained_one(fakes):
    chosen = config("mlp", "iris", width=64, optimizer="adam", lr=0.05, patience=2, epochs=100)
    run = execute("it", chosen)
    best = run.best_epoch
    losses = dict(run.metrics["val/loss"])
    assert len(losses) == best + 2 < 100
    assert run.result("val/loss") == losses[best] == min(losses.values())
    assert run.result("time/fit_seconds") == run.metrics["time/fit_seconds"][0][1]
    assert run.result("val/r2") is None
    ((epoch, network),) = run.networks().items()
    data = run.data()
    assert (epoch, network.evaluate(data.X_validation, data.y_validation)["val/loss"]) == (best, losses[best])
    assert f"val/loss {losses[best]:.4g}" in outcome(run)
    assert f"at epoch {best}, the best of {best + 2}" in outcome(run)


def test_networks_that_early_stopping_left_behind_do_not_come_after_the_trained_one(fakes):
    options = {"width": 64, "optimizer": "adam", "lr": 0.05, "patience": 2, "epochs": 100}
    run = execute("it", config("mlp", "iris", {"snapshots": list(range(101))}, **options))
    assert (run.directory / "model" / f"epoch_{run.best_epoch + 2}.safetensors").is_file()
    for kept in (run.networks(), Run.replay(run.directory).networks()):
        assert list(kept) == list(range(run.best_epoch + 1))
        data = run.data()
        reached = kept[max(kept)].evaluate(data.X_validation, data.y_validation)
        assert reached["val/loss"] == run.result("val/loss")


def test_the_results_of_early_stopping_are_told_again_after_the_last_epoch(fakes):
    run = execute("it", config("mlp", "iris", width=64, optimizer="adam", lr=0.05, patience=2, epochs=100))
    (again,) = [record for record in journal.read(run.directory) if record["event"] == "results"]
    assert again["step"] == run.best_epoch + 2
    assert again["metrics"] == {
        key: dict(run.metrics[key])[run.best_epoch] for key in (*EPOCH, "gradients/first_layer", "gradients/last_layer")
    }
    for key in EPOCH:
        assert Run.replay(run.directory).result(key) == run.result(key) == again["metrics"][key]
        assert len(run.metrics[key]) == run.best_epoch + 2
    assert run.result("gradients/norm_by_layer") == run.metrics["gradients/norm_by_layer"][-1][1]


def test_making_a_network_ready_is_no_part_of_its_training_time(fakes):
    run = execute("it", config("mlp", "iris", epochs=1), on_start=lambda run, network: time.sleep(0.5))
    assert 0 < run.result("time/fit_seconds") < 0.5


def test_the_training_time_of_a_learner_that_tells_no_start_is_all_of_its_fit(fakes):
    assert execute("it", config(epochs=2, pause=0.1)).result("time/fit_seconds") >= 0.2


def test_without_early_stopping_the_result_is_the_last_epochs(fakes):
    run = execute("it", config("mlp", "iris", epochs=2))
    assert run.result("val/loss") == dict(run.metrics["val/loss"])[2]
    assert run.best_epoch is None
    assert "epoch" not in outcome(run)


def test_its_data_are_made_again_from_its_folder(fakes):
    settings = {"seed": 3, "training_samples": 200, "standardise": False, "validation_fraction": 0.3, "snapshots": [1]}
    chosen = config("stepper", "digits", settings)
    run = execute("it", chosen)
    assert Run.replay(run.directory).data() is chosen.data()  # not even loaded again
    assert len(run.data().X_train) == 200


def test_a_network_tells_its_size_before_it_trains(fakes):
    run = execute("it", config("mlp", "iris", epochs=1, depth=1, width=8))
    assert run.metrics["network/parameters"] == [(0, 4 * 8 + 8 + 8 * 3 + 3)]
    ((_, network),) = run.networks().items()
    mebibytes = network.plan.workspace_bytes / 2**20
    assert run.metrics["network/workspace_mib"] == [(0, mebibytes)]
    told = [record.get("path") or record["step"] for record in journal.read(run.directory)[1:5]]
    assert told == ["config.yaml", 0, "network.md", 1]
    assert (run.directory / "network.md").read_text() == (
        "| layer     | output shape | parameters |\n"
        "|-----------|--------------|------------|\n"
        "| 0 flatten |            4 |          0 |\n"
        "| 1 dense   |            8 |         40 |\n"
        "| 2 relu    |            8 |          0 |\n"
        "| 3 dense   |            3 |         27 |\n"
        "| 4 softmax |            3 |          0 |\n"
        "| total     |              |         67 |\n"
        f"\nA training step on 32 samples takes {mebibytes:.2f} MiB besides the parameters.\n"
    )


def test_a_learner_that_is_no_network_has_none(fakes):
    run = execute("it", config(settings={"snapshots": [1]}))
    assert run.status == "FINISHED"
    assert run.networks() == {}
    assert not (run.directory / "network.md").exists()
    assert not [key for key in run.metrics if key.startswith("network/")]


def test_every_hook_is_called_once_and_in_order(fakes, heard):
    execute("it", config(epochs=2))
    assert [told["hook"] for told in heard()] == ["run_started", "epoch_ended", "epoch_ended", "run_ended"]
    assert heard("epoch_ended")[1] | {"name": ""} == {
        "hook": "epoch_ended",
        "name": "",
        "epoch": 2,
        "metrics": ["train/loss"],
    }
    assert heard("run_ended") == [{"hook": "run_ended", "name": "it", "status": "FINISHED", "error": "NoneType"}]


@pytest.mark.parametrize(
    ("fails", "status", "error", "told"),
    [
        ("runtime", "FAILED", "RuntimeError", "Traceback (most recent call last)"),
        ("user", "FAILED", "WorkbenchError", "the learner gave up"),
        ("interrupt", "KILLED", "KeyboardInterrupt", "SIGINT"),
    ],
)
def test_a_run_that_breaks_off_is_settled_and_tells_why(fakes, heard, fails, status, error, told):
    run = execute("it", config(fails=fails))
    assert (run.status, Run.replay(run.directory).status) == (status, status)
    assert run.error.startswith(told)
    assert heard("run_ended") == [{"hook": "run_ended", "name": "it", "status": status, "error": error}]


@pytest.mark.parametrize("hook", ["run_started", "epoch_ended", "run_ended"])
def test_a_listener_that_raises_is_told_once_and_stops_nothing(fakes, heard, monkeypatch, hook):
    monkeypatch.setenv("FAKES_LISTENER_RAISES", hook)
    run = execute("it", config(epochs=5))
    assert run.status == "FINISHED"
    assert run.problems == [f"plugin 'fakes' failed in {hook}: RuntimeError: deaf"]
    assert Run.replay(run.directory).problems == run.problems
    assert len(heard("epoch_ended")) == 5


def test_a_listener_that_exits_stops_nothing_either(listener, heard):
    listener("""
        @hookimpl
        def run_ended(run):
            sys.exit("enough")
    """)
    run = execute("it", config())
    assert run.status == "FINISHED"
    assert run.problems == ["plugin 'listener' failed in run_ended: SystemExit: enough"]
    assert len(heard("run_ended")) == 1


IMPATIENT = """
    @hookimpl
    def run_ended(run, error):
        os.kill(os.getpid(), signal.SIGINT)
        told.append((run.status, type(error).__name__))
"""


def test_a_second_ctrl_c_does_not_disturb_the_end_that_the_first_brings_about(listener, heard):
    told = listener(IMPATIENT)
    run = execute("it", config(fails="interrupt"))
    assert told == [("KILLED", "KeyboardInterrupt")]
    assert len(heard("run_ended")) == 1
    assert Run.replay(run.directory).status == "KILLED"


def test_a_first_ctrl_c_waits_while_the_end_is_being_settled(listener, heard):
    told = listener(IMPATIENT)
    with pytest.raises(KeyboardInterrupt):
        execute("it", config())
    assert told == [("FINISHED", "NoneType")]
    assert len(heard("run_ended")) == 1


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_interrupts_unless_it_is_ignored(name):
    number = signal.Signals[name]
    with pytest.raises(KeyboardInterrupt, match=name), signals_interrupt():
        os.kill(os.getpid(), number)
    before = signal.signal(number, signal.SIG_IGN)  # as nohup does
    try:
        with signals_interrupt():
            os.kill(os.getpid(), number)
    finally:
        signal.signal(number, before)


def test_a_full_disk_ends_a_run_and_those_who_listen_are_told(listener):
    told = listener("""
        @hookimpl
        def run_ended(run, error):
            told.append((run.status, type(error).__name__))
    """)
    chosen = config(epochs=500)
    with full(8000):
        run = execute("it", chosen)
    assert run.error.startswith(f"{run.directory / journal.FILE} cannot be written: File too large. Make room")
    assert told == [("FAILED", "NotWritten")]
    again = Run.replay(run.directory)
    assert again.status == "RUNNING"  # its end found no room
    assert again.metrics["train/loss"] == run.metrics["train/loss"]


def test_an_end_that_cannot_be_written_is_none(run):
    size = (run.directory / journal.FILE).stat().st_size
    with full(size), pytest.raises(NotWritten):
        run.end("FINISHED")
    assert (run.status, run.error.startswith(str(run.directory / journal.FILE))) == ("FAILED", True)
    with full(size):
        run.note("a problem")  # is told at the end, if not written
    assert run.problems == ["a problem"]


def test_a_run_that_cannot_begin_leaves_nothing(fakes, heard):
    chosen = config()
    with full(0), pytest.raises(NotWritten, match="cannot be written: File too large"):
        execute("it", chosen)
    assert list((fakes / "runs").iterdir()) == []
    assert heard() == []


def test_a_file_that_cannot_be_written_is_what_it_was(run):
    network = Network([{"dense": {"units": 2}}], "squared_error").initialize((200,), 2)
    saves = {
        "notes.txt": lambda: run.log_text("notes.txt", "notes " * 1000),
        "figures/it.png": lambda: run.log_figure("it", Figure()),
        "model/clustering.safetensors": lambda: run.log_clustering(Clustering(np.zeros(1000, int))),
        "model/network.safetensors": lambda: run.log_model(network, 1),
    }
    for path, save in saves.items():
        save()
        before = (run.directory / path).read_bytes()
        with full(1000), pytest.raises(NotWritten, match=f"{path} cannot be written: .*File too large"):
            save()
        assert (run.directory / path).read_bytes() == before
        assert [file.name for file in (run.directory / path).parent.glob(".*")] == []


def test_the_first_number_that_is_not_finite_is_a_tag(fakes):
    run = execute("it", config(fails="infinite"))
    assert run.tags["nonfinite"] == "train/loss"
    assert run.metrics["train/loss"][0] == (1, math.inf)


def test_a_run_draws_the_figures_of_a_run_and_a_broken_one_is_only_told(fakes):
    run = execute("it", config())
    assert "heights" not in run.figures  # of a sweep
    for name, path in run.figures.items():
        assert path == run.directory / "figures" / f"{name}.png"
        assert path.read_bytes().startswith(b"\x89PNG")


def test_the_tags_say_where_a_result_came_from(fakes):
    tags = execute("it", config()).tags
    assert tags["workbench.kind"] == "run"
    assert tags["version.numpy"] == np.__version__
    assert tags["plugin.fakes"].startswith("plugins/fakes.py sha256:")


def test_a_plugin_whose_file_is_gone_is_known_by_its_origin(fakes):
    chosen = config()
    (fakes / "plugins" / "fakes.py").unlink()
    assert execute("it", chosen).tags["plugin.fakes"] == "plugins/fakes.py"


@pytest.fixture
def run(tmp_path):
    run = Run.start("it", "trial", {}, {}, root=tmp_path)
    yield run
    run.close()


@pytest.mark.parametrize("path", ["../outside.txt", "/outside.txt", "figures/../../outside.txt"])
def test_nothing_is_written_outside_its_folder(run, path):
    with pytest.raises(ValueError, match="lies outside"):
        run.log_text(path, "text")


def test_what_is_written_before_the_end_is_in_a_replay_of_a_run_that_never_ended(run):
    run.log_metrics({"train/loss": np.float32(0.5)}, step=1)
    again = Run.replay(run.directory)
    assert again.status == "RUNNING"
    assert again.metrics == {"train/loss": [(1, 0.5)]}


def test_a_closed_run_takes_no_more(run):
    run.end("FINISHED")
    run.close()
    with pytest.raises(ValueError, match="is closed"):
        run.log_metrics({"train/loss": 1.0}, step=1)
    assert journal.read(run.directory)[-1]["event"] == "ended"


def test_runs_of_one_instant_have_folders_of_their_own(tmp_path, monkeypatch):
    runs = [Run.start("it", "trial", {}, {}, root=tmp_path) for _ in range(20)]
    for run in runs:
        run.close()
    assert len({run.directory for run in runs}) == 20
    assert [run.id for run in runs] == sorted(run.id for run in runs)
    monkeypatch.setattr("workbench.experiment.run.new_id", lambda: runs[0].id)
    with pytest.raises(NotWritten, match="File exists"):
        Run.start("it", "trial", {}, {}, root=tmp_path)
