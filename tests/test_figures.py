"""The figures draw what the runs measured, for whatever varies, and their findings say what the numbers say."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import synthetic
from matplotlib.figure import Figure
from scipy.signal import correlate2d
from sklearn.linear_model import RidgeClassifier

import workbench as wb
from workbench.experiment.config import check
from workbench.experiment.execute import execute
from workbench.experiment.run import Run
from workbench.experiment.sweep import Sweep
from workbench.plugins.figures import _sweep, filters_learned, generalisation_gap
from workbench.registry import registry

EVEN = {"sigmoid": 0.95, "relu": 0.95}  # no gradient vanishes
FIGURES = {of: [n for n in registry().names("figure") if wb.get("figure", n).of == of] for of in ("run", "sweep")}
CLUSTERS = {"animation", "filmstrip", "clusterers_compared", "how_many_clusters", "metrics_on_the_map", "outlets_found"}


def finding(sweep, name: str = "gradient_by_layer") -> str:
    return wb.get("figure", name).finding(sweep)


def sentences(text: str) -> int:
    return text.replace(". ", ".\n").count("\n") + 1


def costs(root: Path, accuracy, strides=(1, 4), kernels=(3, 5), seeds=(0, 1, 2)) -> Sweep:
    """Networks that take less time and are smaller the larger the stride, and the smaller the kernel."""

    def measure(stride, kernel, seed):
        found = {"time/fit_seconds": 2.0 * kernel / stride, "network/parameters": 1000 * kernel // stride}
        return found | {"val/accuracy": [0.1, accuracy(stride, kernel, seed)]}

    return synthetic.grid(
        root, {"learner.stride": strides, "learner.kernel_size": kernels, "seed": seeds}, measure, "stride"
    )


def gaps(
    root: Path,
    monkeypatch,
    validation,
    learners=("mlp", "cnn"),
    dropout=(0, 0.5),
    decay=(0,),
    patience=(None,),
    seeds=(0, 1, 2),
) -> Sweep:
    """Learners that are always right on what they were trained on."""
    monkeypatch.setattr(
        generalisation_gap,
        "_accuracies",
        lambda run: (run.params["training_samples"], 1.0, run.result("val/accuracy")) if run.metrics else None,
    )
    remedies = {"learner.dropout": dropout, "learner.weight_decay": decay, "learner.patience": patience}
    varied = {"learner.name": learners, "training_samples": (100, 1500), **remedies, "seed": seeds}
    return synthetic.grid(root, varied, lambda *job: {"val/accuracy": validation(*job)})


def frames(root: Path, monkeypatch, accuracy, seen=(1, 2, 4), seeds=(0, 1, 2)) -> Sweep:
    """10 training samples an epoch of half a second; half of the validation samples are of one class."""
    data = SimpleNamespace(y_train=np.zeros(10), y_validation=np.array([0, 0, 1, 2]))
    monkeypatch.setattr(Run, "data", lambda run: data)

    def measure(n, seed):
        reached = accuracy(n, seed)
        return reached and {"train/loss": [1, 1], "val/accuracy": [0.5, reached], "time/fit_seconds": 1.0}

    return synthetic.grid(root, {"dataset.frames": seen, "seed": seeds}, measure)


def learning(root: Path, monkeypatch, readout, filters=("[1]", "[16]"), seeds=(0, 1, 2)) -> Sweep:
    """Filters that move by half their lengths in the first epoch and by their lengths in four."""

    def curve(run):
        if not run.metrics:
            return None
        by_epoch = dict(enumerate(readout(run.params["learner.filters"], run.params["seed"])))
        epochs = {0: 0.0, 1: 0.5, 4: 1.0}
        return filters_learned.Curve(
            epochs, dict.fromkeys(epochs, 0.9), dict(zip(epochs, by_epoch.values(), strict=True))
        )

    monkeypatch.setattr(filters_learned, "_curve", curve)
    return synthetic.grid(root, {"learner.filters": filters, "seed": seeds}, lambda *job: {"val/accuracy": 0.9})


def example(name: str, root: Path, monkeypatch) -> tuple[Sweep, list[str]]:
    """A sweep that a figure applies to, and what its legend should say."""
    match name:
        case "accuracy_over_cost":
            legend = ["stride=1", "stride=4", "kernel_size=3", "kernel_size=5"]
            return costs(root, lambda stride, kernel, seed: 0.99 - 0.01 * stride - 0.001 * seed), legend
        case "generalisation_gap":
            return gaps(root, monkeypatch, lambda *job: 0.8 + 0.01 * job[-1]), ["none", "dropout 0.5"]
        case "accuracy_over_frames":
            legend = ["frames=1", "frames=2", "frames=4", "always the most\nfrequent class"]
            return frames(root, monkeypatch, lambda n, seed: 0.5 + 0.1 * n + 0.01 * seed), legend
        case "filters_learned":
            return learning(root, monkeypatch, lambda filters, seed: (0.7, 0.8, 0.9)), ["filters=[1]", "filters=[16]"]
    return synthetic.sweep(root), ["sigmoid", "tanh", "relu"]


def check_axes(figure: Figure) -> None:
    """Every axis with numbers on it says what they are."""
    for ax in figure.axes:
        if ax.get_label() == "<colorbar>":
            assert ax.get_ylabel()
        elif ax.axison:  # not a mere picture
            below, left = ax.xaxis.get_tick_params(), ax.yaxis.get_tick_params()
            assert ax.get_xlabel() or not below["labelbottom"]
            assert ax.get_ylabel() or not left["labelleft"] or not ax.get_subplotspec().is_first_col()


def check_titles(figure: Figure) -> None:
    """None is cut off at the sides."""
    for text in [*figure.texts, *(ax.title for ax in figure.axes)]:
        extent = text.get_window_extent()
        assert extent.x0 >= 0, text
        assert extent.x1 <= figure.bbox.width, text


@pytest.mark.parametrize("name", sorted(set(FIGURES["sweep"]) - CLUSTERS))  # those have a module of their own
def test_sweep_figures_draw_and_can_be_read_alone(name: str, tmp_path: Path, monkeypatch) -> None:
    sweep, entries = example(name, tmp_path, monkeypatch)
    figure = wb.get("figure", name).function(sweep)
    assert isinstance(figure, Figure)
    figure.savefig(tmp_path / "drawn.png")
    assert sweep.experiment in (figure.get_suptitle() or figure.axes[0].get_title())
    check_axes(figure)
    check_titles(figure)
    legend = figure.legends[0] if figure.legends else figure.axes[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == entries


@pytest.mark.parametrize("name", sorted(set(FIGURES["run"]) - CLUSTERS))
def test_run_figures_draw_and_can_be_read_alone(name: str, tmp_path: Path, trained: Run) -> None:
    figure = wb.get("figure", name).function(trained)
    assert isinstance(figure, Figure)
    figure.savefig(tmp_path / "drawn.png")
    assert trained.name in (figure.get_suptitle() or figure.axes[0].get_title())
    check_axes(figure)
    check_titles(figure)
    bars = [ax for ax in figure.axes if ax.get_label() == "<colorbar>"]
    assert bars or all(ax.get_legend() for ax in figure.axes)


@pytest.fixture
def trained(project, monkeypatch) -> Run:
    """A small convolutional network, trained on 60 digits for two epochs with dropout; kept before and after each."""
    monkeypatch.setenv("WORKBENCH_DISABLE_PLUGINS", "tracking.mlflow")
    learner = {"name": "cnn", "filters": [3], "dropout": 0.5, "epochs": 2, "batch_size": 16, "optimizer": "sgd"}
    settings = {"training_samples": 60, "snapshots": [0, 1], "figures": []}
    dataset = {"name": "digits", "flat": False}
    run = execute("cnn on digits", check({"name": "trial", "dataset": dataset, "learner": learner, **settings}))
    assert run.status == "FINISHED", run.error
    return run


def pictures(ax) -> np.ndarray:
    """The tiles of a sheet, one after the other, without the gaps between them."""
    sheet = ax.images[0].get_array().data
    return sheet[np.isfinite(sheet)]


def test_the_filters_shown_are_the_networks_before_and_after(trained: Run) -> None:
    before, after, *_ = wb.get("figure", "filters").function(trained).axes
    networks = trained.networks()
    for ax, network in ((before, networks[0]), (after, networks[2])):
        weights = network.parameters()["0.weight"]
        assert (np.sort(pictures(ax)) == np.sort(weights.ravel())).all()
    moved = np.linalg.norm(
        (networks[2].parameters()["0.weight"] - networks[0].parameters()["0.weight"]).reshape(9, 3), axis=0
    )
    lengths = np.linalg.norm(networks[0].parameters()["0.weight"].reshape(9, 3), axis=0)
    expected = [f"{i}: moved {share:.2g}" for i, share in enumerate(moved / lengths, start=1)]
    assert [text.get_text() for text in after.texts] == expected


def test_of_many_filters_those_that_moved_most_are_shown_channel_by_channel(tmp_path: Path) -> None:
    network = wb.Network(
        [{"conv2d": {"filters": 20, "kernel_size": 2}}, "flatten", {"dense": {"units": 2}}, "softmax"],
        "cross_entropy",
        executor="reference",
    ).initialize((4, 5, 3))
    run = Run.start("many", "many", {}, {}, root=tmp_path)
    run.log_model(network, 0, "epoch_0")
    network.parameters()["0.weight"][..., 4:] *= 2
    run.log_model(network, 1)
    run.close()
    figure = wb.get("figure", "filters").function(run)
    assert "the 16 of 20 that moved most" in figure.get_suptitle()
    assert "3 input channels side by side" in figure.get_suptitle()
    before, after, _ = figure.axes
    assert [text.get_text() for text in before.texts] == [str(number) for number in range(5, 21)]
    assert {text.get_text().split(": ")[1] for text in after.texts} == {"moved 1"}
    weights = network.parameters()["0.weight"][..., 4:]
    assert (np.sort(pictures(after)) == np.sort(weights.ravel())).all()
    first = after.images[0].get_array().data[:, 1:3]  # the first column of tiles: the first channel of some filters
    assert np.isin(first[np.isfinite(first)], weights[:, :, 0]).all()


def test_feature_maps_are_what_the_activated_filters_give(trained: Run) -> None:
    figure = wb.get("figure", "feature_maps").function(trained)
    image_axes, sheet_axes = figure.axes[0], figure.axes[3]
    data = trained.data()
    image = data.X_validation[np.flatnonzero(data.y_validation == 0)[0], ..., 0]
    assert (image_axes.images[0].get_array() == image).all()
    assert image_axes.get_title() == "class 0"
    assert [text.get_text() for text in sheet_axes.get_yticklabels()] == ["0", "1", "2"]
    for row, network in enumerate(trained.networks().values()):
        for filter in range(3):
            weight, bias = (network.parameters()[f"0.{name}"] for name in ("weight", "bias"))
            expected = np.maximum(correlate2d(image, weight[:, :, 0, filter], mode="same") + bias[filter], 0)
            shown = sheet_axes.images[0].get_array().data[9 * row : 9 * row + 8, 9 * filter : 9 * filter + 8]
            np.testing.assert_allclose(shown, expected, atol=1e-5)  # float32 sums of nine products of size one


def test_feature_maps_call_classes_by_their_names(project, monkeypatch) -> None:
    monkeypatch.setenv("WORKBENCH_DISABLE_PLUGINS", "tracking.mlflow")
    learner = {"name": "cnn", "filters": [2], "epochs": 1, "batch_size": 16}
    dataset = {"name": "frames", "n_samples": 60, "size": 16}
    settings = {"name": "trial", "dataset": dataset, "learner": learner, "snapshots": [0], "figures": []}
    figure = wb.get("figure", "feature_maps").function(execute("cnn on frames", check(settings)))
    assert [ax.get_title() for ax in figure.axes[:3]] == ["class stay", "class left", "class right"]


def test_what_filters_learned_is_measured_on_the_networks_kept(trained: Run) -> None:
    curve = filters_learned._curve(trained)
    data, networks = trained.data(), trained.networks()
    assert curve.moved[0] == 0 < curve.moved[1] < curve.moved[2]
    assert [curve.accuracy[1], curve.accuracy[2]] == [accuracy for _, accuracy in trained.metrics["val/accuracy"]]

    def features(X):  # maps, activated, the largest of 2 x 2
        weight, bias = (networks[2].parameters()[f"0.{name}"] for name in ("weight", "bias"))
        maps = [[correlate2d(x[..., 0], weight[:, :, 0, f], mode="same") + bias[f] for f in range(3)] for x in X]
        return np.maximum(maps, 0).reshape(len(X), 3, 4, 2, 4, 2).max(axis=(3, 5)).reshape(len(X), -1)

    readout = RidgeClassifier().fit(features(data.X_train), data.y_train)
    assert curve.readout[2] == readout.score(features(data.X_validation), data.y_validation)


def test_the_gap_is_measured_without_dropout_on_the_trained_network(trained: Run) -> None:
    data, network = trained.data(), trained.networks()[2]
    train = (network.predict_proba(data.X_train).argmax(axis=1) == data.y_train).mean()
    assert generalisation_gap._accuracies(trained) == (60, train, trained.result("val/accuracy"))
    assert train != trained.result("train/accuracy")  # a mean over an epoch, with dropout


def test_filters_kept_but_once_have_no_before_and_after(tmp_path: Path) -> None:
    layers = [{"conv2d": {"filters": 2, "kernel_size": 2}}, "flatten", {"dense": {"units": 2}}, "softmax"]
    run = Run.start("once", "once", {}, {}, root=tmp_path)
    run.log_model(wb.Network(layers, "cross_entropy", executor="reference").initialize((4, 5, 1)), 3)
    run.close()
    assert [wb.get("figure", name).function(run) for name in ("filters", "feature_maps")] == [None, None]


def test_runs_of_other_networks_have_no_filters(tmp_path: Path) -> None:
    network = wb.Network([{"dense": {"units": 2}}, "softmax"], "cross_entropy", executor="reference").initialize((3,))
    run = Run.start("dense", "dense", {}, {}, root=tmp_path)
    run.log_model(network, 0, "epoch_0")
    run.log_model(network, 1)
    run.close()
    assert [wb.get("figure", name).function(run) for name in ("filters", "feature_maps")] == [None, None]
    assert filters_learned._curve(run) is None


@pytest.mark.parametrize("name", [*FIGURES["sweep"], *FIGURES["run"]])
def test_figures_do_not_apply_where_nothing_was_measured(name: str, tmp_path: Path) -> None:
    sweep = synthetic.sweep(tmp_path, depths=(2,))
    for run in sweep.runs:
        run.metrics.clear()
    figure = wb.get("figure", name)
    assert figure.function(sweep if figure.of == "sweep" else sweep.runs[0]) is None
    assert figure.finding is None or figure.finding(sweep) == ""


@pytest.mark.parametrize("seeds", [(0,), (0, 1)], ids=["one seed", "two seeds"])
@pytest.mark.parametrize("depths", [(4,), (2, 4)], ids=["one depth", "two depths"])
@pytest.mark.parametrize("activations", [("relu",), ("relu", "sigmoid")], ids=["one activation", "two activations"])
def test_any_subset_of_keys_may_vary(activations, depths, seeds, tmp_path: Path) -> None:
    decay = {name: synthetic.DECAY[name] for name in activations}
    sweep = synthetic.sweep(tmp_path, activations=decay, depths=depths, seeds=seeds)
    figure = wb.get("figure", "gradient_by_layer").function(sweep)
    assert [len(ax.lines) for ax in figure.axes] == [len(activations)] * len(depths)
    assert (wb.get("figure", "accuracy_over_depth").function(sweep) is not None) == (len(depths) > 1)
    assert sentences(finding(sweep)) == 2
    assert ("vanishes in sigmoid" in finding(sweep)) == (len(activations) == 2)


def test_other_keys_get_lines_of_their_own(tmp_path: Path) -> None:
    sweep = synthetic.sweep(tmp_path, seeds=(0, 1), depths=(4,))
    sweep.varied = ["learner.activation", "learner.width"]
    for run in sweep.runs:
        run.params["learner.width"] = 16 * (1 + run.params["seed"])
    (ax,) = wb.get("figure", "gradient_by_layer").function(sweep).axes
    assert len({line.get_color() for line in ax.lines}) == len(ax.lines) == 6
    assert "sigmoid, width=16" in finding(sweep) or "sigmoid, width=32" in finding(sweep)


def test_titles_and_legends_fit_and_numbers_within_a_decade_are_plain(tmp_path: Path) -> None:
    varied = {"learner.optimizer": ("sgd", "adam_with_a_long_name"), "learner.lr": (0.1, 0.01), "seed": range(3)}
    sweep = synthetic.grid(tmp_path, varied, lambda *job: {"gradients/norm_by_layer": [0.4 + 0.01 * job[2], 0.6]})
    figure = wb.get("figure", "gradient_by_layer").function(sweep)
    figure.savefig(tmp_path / "drawn.png")
    check_titles(figure)
    extent = figure.legends[0].get_window_extent()
    assert (extent.x0 >= 0, extent.x1 <= figure.bbox.width) == (True, True)
    ticks = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert {"0.4", "0.5", "0.6"} <= set(ticks)


def test_colours_of_the_first_seven_values_differ(tmp_path: Path) -> None:
    decay = {f"activation_{i}": 0.9 for i in range(7)}
    sweep = synthetic.sweep(tmp_path, activations=decay, accuracy=decay, depths=(2,), seeds=(0,))
    (ax,) = wb.get("figure", "gradient_by_layer").function(sweep).axes
    assert len({line.get_color() for line in ax.lines}) == 7


def test_finding_of_a_vanishing_gradient_names_layer_share_and_cost(tmp_path: Path) -> None:
    accuracy = {"sigmoid": 0.25, "tanh": 0.75, "relu": 0.875}
    text = finding(synthetic.sweep(tmp_path, depths=(2, 4), seeds=(0,), accuracy=accuracy, noise=0))
    assert "vanishes in sigmoid at depth 4: layer 1 receives 1/260" in text  # 0.25 ** 4 = 1/256
    assert "(1 seed), against 89% in relu" in text  # 0.97 ** 4
    assert "validation accuracy is 25.0%, 62.5 points below that of relu, the best at its depth." in text
    assert sentences(text) == 2


def test_finding_gives_the_range_over_seeds(tmp_path: Path) -> None:
    sweep = synthetic.sweep(tmp_path, activations={"sigmoid": 0.25}, depths=(1,), seeds=(0, 1, 2), noise=0)
    for run, norm in zip(sweep.runs, (0.02, 0.05, 0.04), strict=True):
        run.metrics["gradients/norm_by_layer"] = [(1, norm), (2, 1.0)]
    assert "1/25 of the last layer's gradient norm in the first epoch (median of 3 seeds, 1/50 to 1/20)" in finding(
        sweep
    )


def test_a_null_result_reads_as_one(tmp_path: Path) -> None:
    text = finding(synthetic.sweep(tmp_path, activations=EVEN, accuracy=dict.fromkeys(EVEN, 0.9), noise=0.02))
    assert text.startswith("No network here starves its first layer of gradient: where layer 1 receives least")
    assert "vanishes" not in text
    assert sentences(text) == 2


def test_a_gradient_that_vanishes_with_some_seeds_only_is_no_finding(tmp_path: Path) -> None:
    sweep = synthetic.sweep(tmp_path, activations=EVEN, depths=(1,), seeds=(0, 1, 2))
    for run, norm in zip(sweep.runs[:3], (0.01, 0.02, 0.5), strict=True):
        run.metrics["gradients/norm_by_layer"] = [(1, norm), (2, 1.0)]
    assert finding(sweep).startswith("No network here starves")
    assert "in sigmoid, it still receives 1/50" in finding(sweep)
    assert "1/100 to 50%" in finding(sweep)


def test_differences_within_the_spread_are_called_so(tmp_path: Path) -> None:
    sweep = synthetic.sweep(tmp_path, activations={"sigmoid": 0.2, "tanh": 0.21}, depths=(4,), seeds=(0, 1, 2))
    for run, accuracy in zip(sweep.runs, (0.8, 0.9, 0.7, 0.85, 0.75, 0.95), strict=True):
        run.metrics["val/accuracy"] = [(1, 0.1), (2, accuracy)]
    assert "vanishes in sigmoid" in finding(sweep)
    assert "in tanh, which is within the spread over seeds" in finding(sweep)
    assert "80.0% on average, 5.0 points below that of tanh, the best here, which is within" in finding(sweep)


def test_a_starved_network_may_still_be_the_best(tmp_path: Path) -> None:
    accuracy = {"sigmoid": 0.99, "tanh": 0.9, "relu": 0.9}
    text = finding(synthetic.sweep(tmp_path, accuracy=accuracy, noise=0))
    assert "vanishes in sigmoid" in text
    assert text.endswith("Its validation accuracy is 99.0% on average, which none at its depth surpasses.")


@pytest.mark.parametrize("filters", [("[4]", "[8]"), ("[4]",)], ids=["filters varied", "seeds alone"])
def test_where_no_depth_varies_none_is_spoken_of(filters, tmp_path: Path) -> None:
    norms = {"gradients/norm_by_layer": [0.5, 1.0]}
    varied = {"learner.depth": (2,), "learner.filters": filters, "seed": (0, 1)}
    sweep = synthetic.grid(tmp_path, varied, lambda depth, f, seed: norms | {"val/accuracy": {"[4]": 0.8}.get(f, 0.9)})
    best = (
        "10.0 points below that of filters=[8], the best here." if len(filters) > 1 else "with nothing here to compare"
    )
    assert f"Its validation accuracy is 80.0% on average, {best}" in finding(sweep)
    (ax,) = wb.get("figure", "gradient_by_layer").function(sweep).axes
    assert "depth" not in finding(sweep) + ax.get_title()


def test_a_gradient_of_zero_is_nothing(tmp_path: Path) -> None:
    sweep = synthetic.sweep(tmp_path, depths=(2,))
    for run in sweep.runs[:2]:
        run.metrics["gradients/norm_by_layer"] = [(1, 0.0), (2, 0.0), (3, 1.0)]
    assert "vanishes in sigmoid: layer 1 receives nothing of the last" in finding(sweep)
    wb.get("figure", "gradient_by_layer").function(sweep).savefig(tmp_path / "zero.png")


def test_runs_that_failed_are_left_out(tmp_path: Path) -> None:
    sweep = synthetic.sweep(tmp_path, depths=(4,))
    for run in sweep.runs:
        if run.params["learner.activation"] == "sigmoid":
            run.status = "FAILED"
    assert "sigmoid" not in finding(sweep)
    (ax,) = wb.get("figure", "gradient_by_layer").function(sweep).axes
    assert len(ax.lines) == 2


def test_a_run_without_validation_still_has_a_learning_curve(tmp_path: Path) -> None:
    run = Run.start("alone", "alone", {}, {}, root=tmp_path)
    run.log_metrics({"train/loss": 1.0}, step=1)
    run.close()
    (ax,) = wb.get("figure", "learning_curve").function(run).axes
    assert [line.get_label() for line in ax.lines] == ["training"]


def test_a_learning_curve_marks_the_epoch_early_stopping_went_back_to(tmp_path: Path) -> None:
    run = Run.start("stopped", "stopped", {}, {}, root=tmp_path)
    for epoch, loss in enumerate((1.0, 0.5, 0.7, 0.8), start=1):
        run.log_metrics({"train/loss": loss / 2, "val/loss": loss}, step=epoch)
    run.log_metrics({"network/best_epoch": 2}, step=0)
    run.close()
    (ax,) = wb.get("figure", "learning_curve").function(run).axes
    marks = [line for line in ax.lines if line.get_label() == "went back to epoch 2"]
    assert [list(mark.get_xdata()) for mark in marks] == [[2, 2]]


COST = "accuracy_over_cost"


def test_what_accuracy_costs_names_the_best_the_fastest_as_good_and_the_price_of_stride(tmp_path: Path) -> None:
    def accuracy(stride, kernel, seed):
        return 0.95 - 0.05 * (stride == 4) + 0.01 * seed + (0.002 if (kernel == 5) == (seed > 0) else 0)

    text = finding(costs(tmp_path, accuracy), COST)
    assert text.startswith(
        "The best is stride=1, kernel_size=5, with 96.1% (mean of 3 seeds, 95.0% to 97.2%) validation accuracy in "
        "10 s and 5,000 parameters; the fastest that is not worse with every seed is stride=1, kernel_size=3, with "
        "96.1% in 6 s and 3,000 parameters."
    )
    assert text.endswith(
        "All else equal, stride=4 against stride=1 changes accuracy by -5.0 points (mean of 3 seeds, -5.0 to -5.0); "
        "it takes 25% of the time and 25% of the parameters."
    )


@pytest.mark.parametrize(
    "ratio, said",
    [
        (250, "250 times"),
        (1.52, "1.5 times"),
        (1.04, "104% of"),
        (0.37, "37% of"),
        (0.021, "1/48 of"),
        (0, "nothing of"),
    ],
)
def test_ratios_read_as_one_would_say_them(ratio: float, said: str) -> None:
    assert _sweep.times(ratio) == said


def test_no_difference_in_accuracy_is_called_so(tmp_path: Path) -> None:
    text = finding(
        costs(tmp_path, lambda stride, kernel, seed: 0.9 + (0.01 if (stride == 4) == (seed > 0) else 0)), COST
    )
    assert text.startswith("No setting differs clearly from the best, stride=4, kernel_size=3, which has 90.7% (mean")
    assert "stride=4 against stride=1 makes no clear difference to accuracy, +0.3 points (mean of 3 seeds" in text


def test_one_seed_is_a_reason_for_caution(tmp_path: Path) -> None:
    text = finding(costs(tmp_path, lambda stride, kernel, seed: 1 - 0.1 * stride, seeds=(0,)), COST)
    assert "with 90.0% (1 seed)" in text
    assert text.endswith("With one seed, any difference may be chance.")


def test_settings_in_which_nothing_finite_was_measured_are_left_out(tmp_path: Path) -> None:
    sweep = costs(tmp_path, lambda stride, kernel, seed: np.nan if (stride, seed) == (1, 0) else 0.9 + 0.01 / stride)
    for run in sweep.runs:
        if run.params["learner.kernel_size"] == 5:
            run.metrics.pop("time/fit_seconds")
    text = finding(sweep, COST)
    assert "The best is stride=1, kernel_size=3, with 91.0% (mean of 2 seeds, 91.0% to 91.0%)" in text
    assert "kernel_size=5" not in text
    for run in sweep.runs:
        if run.params["learner.stride"] == 1:
            run.status = "FAILED"
    assert wb.get("figure", COST).function(sweep) is None  # what is left is of one size
    assert finding(sweep, COST) == ""


GAP = "generalisation_gap"


def test_the_finding_of_overfitting_gives_the_gaps_and_the_remedy_that_closes_most(tmp_path: Path, monkeypatch) -> None:
    def validation(learner, size, dropout, decay, patience, seed):
        return {"mlp": 0.8, "cnn": 0.9}[learner] + (0.08 if size > 100 else 0) + 0.04 * dropout + 0.01 * (seed - 1)

    text = finding(gaps(tmp_path, monkeypatch, validation), GAP)
    assert text.startswith(
        "The gap between training and validation accuracy without remedies is 20.0 points (19.0 to 21.0) for mlp and "
        "10.0 points (9.0 to 11.0) for cnn with 100 training images; 12.0 points (11.0 to 13.0) for mlp and 2.0 points "
        "(1.0 to 3.0) for cnn with 1500 training images (mean of 3 seeds, their range in brackets)."
    )
    assert text.endswith(
        "In cnn, all else equal and in the mean over all numbers of training images, dropout 0.5 closes most: it "
        "changes the gap of 6.0 points by -2.0 points (-2.0 to -2.0) and validation accuracy by +2.0 points "
        "(+2.0 to +2.0)."
    )


def test_each_of_several_remedies_is_compared_with_the_others_equal(tmp_path: Path, monkeypatch) -> None:
    def validation(learner, size, dropout, decay, patience, seed):
        return 0.8 + 0.02 * (dropout > 0) + 0.01 * (decay > 0) - 0.01 * (patience is not None)

    several = {"decay": (0, 0.01), "patience": (None, 10), "learners": ("mlp",)}
    sweep = gaps(tmp_path, monkeypatch, validation, **several)
    assert finding(sweep, GAP).endswith(
        "Here, all else equal and in the mean over all numbers of training images, with and without the other "
        "remedies, dropout 0.5 closes most: it changes the gap of 20.0 points by -2.0 points (-2.0 to -2.0) "
        "and validation accuracy by +2.0 points (+2.0 to +2.0); weight decay 0.01 changes the gap by "
        "-1.0 points (-1.0 to -1.0); early stopping (10 epochs) changes the gap by +1.0 points (+1.0 to +1.0)."
    )
    (legend,) = wb.get("figure", GAP).function(sweep).legends
    names = ["none", "early stopping (10 epochs)", "weight decay 0.01", "dropout 0.5", "some of them", "all of them"]
    assert [text.get_text() for text in legend.get_texts()] == names


def test_a_remedy_that_changes_nothing_is_called_so(tmp_path: Path, monkeypatch) -> None:
    def validation(learner, size, dropout, decay, patience, seed):
        return 0.8 + 0.02 * (dropout > 0) * (seed - 1) + 0.01 * (learner == "cnn") * (seed - 1)

    text = finding(gaps(tmp_path, monkeypatch, validation), GAP)
    assert (
        "20.0 points (20.0 to 20.0) for mlp and 20.0 points (19.0 to 21.0) for cnn, no clear difference, with 100"
        in text
    )
    assert (
        "In mlp, all else equal and in the mean over all numbers of training images, no remedy clearly closes the gap: "
        "dropout 0.5 changes it by" in text
    )


def test_without_remedies_the_gap_alone_is_told(tmp_path: Path, monkeypatch) -> None:
    sweep = gaps(tmp_path, monkeypatch, lambda *job: 0.8, learners=("mlp",), dropout=(0,), seeds=(0,))
    assert finding(sweep, GAP) == (
        "The gap between training and validation accuracy is 20.0 points with 100 training images; 20.0 points with "
        "1500 training images (1 seed). With one seed, any difference may be chance."
    )
    for run in sweep.runs:
        run.status = "FAILED"
    assert finding(sweep, GAP) == ""


FRAMES = "accuracy_over_frames"


def test_the_finding_on_frames_tells_what_fewer_lose_beside_chance(tmp_path: Path, monkeypatch) -> None:
    sweep = frames(tmp_path, monkeypatch, lambda n, seed: {1: 0.4, 2: 0.8 + 0.04 * seed, 4: 0.85}[n])
    assert finding(sweep, FRAMES) == (
        "Validation accuracy is 40.0% (mean of 3 seeds, 40.0% to 40.0%) with 1 frame, 45.0 points less than with 4; "
        "84.0% (mean of 3 seeds, 80.0% to 88.0%) with 2 frames, 1.0 points less than with 4, no clear difference; "
        "85.0% (mean of 3 seeds, 85.0% to 85.0%) with 4 frames. Always giving the most frequent class would reach "
        "50.0%. Training took in 20 samples per second."
    )


def test_frames_of_runs_that_failed_or_gave_no_number_are_left_out(tmp_path: Path, monkeypatch) -> None:
    sweep = frames(tmp_path, monkeypatch, lambda n, seed: {1: None, 2: np.nan, 4: 0.8}[n], seeds=(0,))
    text = finding(sweep, FRAMES)
    assert text.startswith("Validation accuracy is 80.0% (1 seed) with 4 frames. Always")
    assert text.endswith("With one seed, any difference may be chance.")
    assert len(wb.get("figure", FRAMES).function(sweep).axes[0].lines) == 2  # theirs, and chance


FILTERS = "filters_learned"


def test_the_finding_on_filters_tells_where_learning_them_brings_most_and_least(tmp_path: Path, monkeypatch) -> None:
    def readout(filters, seed):
        return (0.6 + 0.01 * seed, 0.6, 0.8) if filters == "[1]" else (0.9, 0.8, 0.9 + 0.01 * (seed - 1))

    assert finding(learning(tmp_path, monkeypatch, readout), FILTERS) == (
        "Learning the filters brings most in filters=[1]: a linear classifier on the maps of the first convolution is "
        "right for 61.0% of the validation images before training and 80.0% after, +19.0 points (mean of 3 seeds, "
        "+18.0 to +20.0), and the filters move by 1.00 times their initial length, half of that by epoch 1. "
        "It brings least in filters=[16]: 90.0% of the validation images before training and 90.0% after, no clear "
        "difference, +0.0 points (mean of 3 seeds, -1.0 to +1.0), and the filters move by 1.00 times their initial "
        "length, half of that by epoch 1."
    )


def test_filters_that_need_not_have_been_learned_are_called_so(tmp_path: Path, monkeypatch) -> None:
    sweep = learning(tmp_path, monkeypatch, lambda *job: (0.9, 0.9, 0.9), filters=("[16]",), seeds=(0,))
    text = finding(sweep, FILTERS)
    assert text.startswith("Learning the filters brings no clear gain: a linear classifier on")
    assert text.endswith("With one seed, any difference may be chance.")
    for run in sweep.runs:
        run.metrics.clear()
    assert finding(sweep, FILTERS) == ""
