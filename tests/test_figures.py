"""The figures draw what the runs measured, for whatever varies, and their findings say what the numbers say."""

from pathlib import Path

import pytest
import synthetic
from matplotlib.figure import Figure

import workbench as wb
from workbench.experiment.run import Run
from workbench.registry import registry

EVEN = {"sigmoid": 0.95, "relu": 0.95}  # no gradient vanishes
FIGURES = {of: [n for n in registry().names("figure") if wb.get("figure", n).of == of] for of in ("run", "sweep")}


def finding(sweep) -> str:
    return wb.get("figure", "gradient_by_layer").finding(sweep)


def sentences(text: str) -> int:
    return text.replace(". ", ".\n").count("\n") + 1


@pytest.mark.parametrize("name", FIGURES["sweep"])
def test_sweep_figures_draw_and_can_be_read_alone(name: str, tmp_path: Path) -> None:
    figure = wb.get("figure", name).function(synthetic.sweep(tmp_path))
    assert isinstance(figure, Figure)
    figure.savefig(tmp_path / "drawn.png")
    assert figure.get_suptitle() or figure.axes[0].get_title()
    assert all(ax.get_xlabel() for ax in figure.axes)
    assert figure.axes[0].get_ylabel()
    legend = figure.legends[0] if figure.legends else figure.axes[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["sigmoid", "tanh", "relu"]


@pytest.mark.parametrize("name", FIGURES["run"])
def test_run_figures_draw_and_can_be_read_alone(name: str, tmp_path: Path) -> None:
    figure = wb.get("figure", name).function(synthetic.sweep(tmp_path).runs[0])
    assert isinstance(figure, Figure)
    figure.savefig(tmp_path / "drawn.png")
    assert "sigmoid depth=2 seed=0" in (figure.get_suptitle() or figure.axes[0].get_title())
    assert all(ax.get_xlabel() and ax.get_ylabel() and ax.get_legend() for ax in figure.axes)


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


def test_colours_of_the_first_seven_values_differ(tmp_path: Path) -> None:
    decay = {f"activation_{i}": 0.9 for i in range(7)}
    sweep = synthetic.sweep(tmp_path, activations=decay, accuracy=decay, depths=(2,), seeds=(0,))
    (ax,) = wb.get("figure", "gradient_by_layer").function(sweep).axes
    assert len({line.get_color() for line in ax.lines}) == 7


def test_finding_of_a_vanishing_gradient_names_layer_share_and_cost(tmp_path: Path) -> None:
    accuracy = {"sigmoid": 0.25, "tanh": 0.75, "relu": 0.875}
    text = finding(synthetic.sweep(tmp_path, depths=(2, 4), seeds=(0,), accuracy=accuracy, noise=0))
    assert "vanishes in sigmoid at depth 4: layer 1 receives 1/260" in text  # 0.25 ** 4 = 1/256
    assert "(median of 1 seed), against 89% in relu" in text  # 0.97 ** 4
    assert "validation accuracy is 25.0% on average, 62.5 points below that of relu, the best at its depth." in text
    assert sentences(text) == 2


def test_finding_gives_the_range_over_seeds(tmp_path: Path) -> None:
    sweep = synthetic.sweep(tmp_path, activations={"sigmoid": 0.25}, depths=(1,), seeds=(0, 1, 2), noise=0)
    for run, norm in zip(sweep.runs, (0.02, 0.05, 0.04), strict=True):
        run.metrics["gradients/norm_by_layer"] = [(1, norm), (2, 1.0)]
    assert "4% of the last layer's gradient norm in the first epoch (median of 3 seeds, 2% to 5%)" in finding(sweep)


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
    assert "in sigmoid at depth 1, it still receives 2%" in finding(sweep)
    assert "1% to 50%" in finding(sweep)


def test_differences_within_the_spread_are_called_so(tmp_path: Path) -> None:
    sweep = synthetic.sweep(tmp_path, activations={"sigmoid": 0.2, "tanh": 0.21}, depths=(4,), seeds=(0, 1, 2))
    for run, accuracy in zip(sweep.runs, (0.8, 0.9, 0.7, 0.85, 0.75, 0.95), strict=True):
        run.metrics["val/accuracy"] = [(1, 0.1), (2, accuracy)]
    assert "vanishes in sigmoid" in finding(sweep)
    assert "in tanh, which is within the spread over seeds" in finding(sweep)
    assert "80.0% on average, 5.0 points below that of tanh, the best at its depth, which is within" in finding(sweep)


def test_a_starved_network_may_still_be_the_best(tmp_path: Path) -> None:
    accuracy = {"sigmoid": 0.99, "tanh": 0.9, "relu": 0.9}
    text = finding(synthetic.sweep(tmp_path, accuracy=accuracy, noise=0))
    assert "vanishes in sigmoid" in text
    assert text.endswith("Its validation accuracy is 99.0% on average, which none at its depth surpasses.")


def test_a_gradient_of_zero_is_nothing(tmp_path: Path) -> None:
    sweep = synthetic.sweep(tmp_path, depths=(2,))
    for run in sweep.runs[:2]:
        run.metrics["gradients/norm_by_layer"] = [(1, 0.0), (2, 0.0), (3, 1.0)]
    assert "vanishes in sigmoid at depth 2: layer 1 receives nothing of the last" in finding(sweep)
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
