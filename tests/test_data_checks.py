"""The checks of data sets and figures: each wrong one is refused with its reason, and nobody is asked for data."""

import itertools
import random
import urllib.request

import matplotlib
import numpy as np
import pytest
from matplotlib.animation import FuncAnimation
from matplotlib.figure import Figure as Canvas

from workbench import Data, Dataset, Figure
from workbench.errors import ConfigError, DataError
from workbench.testing import CheckFailed, CheckSkipped, CheckWarning, checks_of
from workbench.testing.instruments import records
from workbench.testing.kinds import dataset as of_datasets
from workbench.testing.kinds import figure as of_figures


def statuses(spec):
    return {check.name: check.outcome().status for check in checks_of(spec)}


# Data sets


def noise(n_samples: int = 90, seed: int = 0):
    """Two features, three classes, nothing in common."""
    rng = np.random.default_rng(seed)
    return Data(rng.normal(size=(n_samples, 2)), np.arange(n_samples) % 3, ["u", "v"], ["a", "b", "c"])


def test_a_right_data_set_passes():
    assert statuses(Dataset("mine", noise, task="classification")) == {
        "description": "passed",
        "options": "passed",
        "loads": "passed",
        "repeatable": "passed",
        "seed": "passed",
        "n samples": "passed",
        "choices": "skipped",
    }


def given(task="classification", **parts):
    """The spec of a data set that always gives these parts, and for the rest noise."""

    def mine():
        """What is given."""
        data = noise()
        defaults = {"X": data.X, "y": data.y, "feature_names": ["u", "v"], "target_names": ["a", "b", "c"]}
        return Data(**defaults | parts)

    return Dataset("mine", mine, task=task)


def drawn(function, task=None):
    return Dataset("mine", function, task=task)


SHARED = np.zeros((20, 2))
COUNT = itertools.count()


def global_numpy():
    return Data(np.random.random((20, 2)))  # noqa: NPY002


def global_python():
    return Data(np.array([[random.random()] for _ in range(20)]))


def without_seed():
    return Data(np.random.default_rng().normal(size=(20, 2)))


def growing():
    return Data(np.ones((20 + next(COUNT), 2)))


def handed_out_twice():
    SHARED[0] = 1, 2
    return Data(SHARED)


def handed_out_twice_once_made(made=[]):  # noqa: B006 - the mistake
    if not made:
        made.append(np.arange(40.0).reshape(20, 2))
    return Data(made[0])


def deaf(seed: int = 0):
    return Data(np.ones((20, 2)))


def deaf_to_one_part(n_samples: int = 20, seed: int = 0):
    return Data(np.random.default_rng(seed).normal(size=(n_samples, 2)), np.arange(20) % 2)


def even(n_samples: int = 90):
    if n_samples % 2:
        raise ConfigError("pairs only.")
    return Data(np.ones((n_samples, 2)) * np.arange(n_samples)[:, None])


def choosy(colour: bool = False):
    return Data(np.arange(40.0).reshape(20, 2), np.arange(10 if colour else 20) % 2)


WRONG = {
    "no Data": (
        drawn(lambda: (SHARED, None)),
        of_datasets.check_loads,
        "gives a tuple; it should give a workbench.Data",
    ),
    "no rows": (
        given(X=np.arange(90.0)),
        of_datasets.check_loads,
        r"X has shape \(90,\); one row per sample is needed",
    ),
    "lengths": (given(y=np.arange(80) % 3), of_datasets.check_loads, "X has 90 samples but y has 80"),
    "not finite": (given(X=np.full((90, 2), np.nan)), of_datasets.check_loads, r"X\[0, 0\] \(feature 'u'\) is nan"),
    "text": (given(X=np.full((90, 2), "x")), of_datasets.check_loads, r"X\[0, 0\] .* is no number"),
    "halves of classes": (
        given(y=np.arange(90) / 2),
        of_datasets.check_loads,
        r"classes need whole numbers .* y\[1\] is",
    ),
    "a name too few": (
        given(feature_names=["u"]),
        of_datasets.check_loads,
        "feature_names are 1, but X has 2 features",
    ),
    "a class without a name": (
        given(target_names=["a", "b"]),
        of_datasets.check_loads,
        "y holds the class 2, but target_names name 0 to 1",
    ),
    "a class below 0": (
        given(y=np.arange(90) % 3 - 1),
        of_datasets.check_loads,
        "y holds the class -1, but target_names",
    ),
    "a name without a class": (given(y=np.arange(90) % 2), of_datasets.check_loads, "no sample is of class 2, 'c'"),
    "one class": (given(y=np.zeros(90, int)), of_datasets.check_loads, "all samples are of class 0"),
    "a class of one": (
        given(y=np.minimum(np.arange(90), 2)),
        of_datasets.check_loads,
        "2 of 3 classes have one sample, as 0: training and validation need one each",
    ),
    "one number": (given("regression", y=np.ones(90), target_names=[]), of_datasets.check_loads, "all targets are 1.0"),
    "names of one number": (
        given("regression", y=np.arange(90.0)),
        of_datasets.check_loads,
        r"target_names are 3, but y has shape \(90,\)",
    ),
    "nothing to predict": (
        given(y=None),
        of_datasets.check_loads,
        "its task is 'classification', but the data have no y",
    ),
    "NumPy's own generator": (drawn(global_numpy), of_datasets.check_repeatable, "it draws from np.random's generator"),
    "Python's own generator": (
        drawn(global_python),
        of_datasets.check_repeatable,
        "it draws from the generator of Python's random",
    ),
    "no seed": (
        drawn(without_seed),
        of_datasets.check_repeatable,
        r"other data the second time: X differs in 40 of 40 places, first \[0, 0\]: .*, was",
    ),
    "more every time": (drawn(growing), of_datasets.check_repeatable, r"X is float64 \(\d+, 2\), was float64"),
    "one array for all": (
        drawn(handed_out_twice_once_made),
        of_datasets.check_repeatable,
        "X differs in 40 of 40 places.*give each caller arrays of its own",
    ),
    "a seed for nothing": (drawn(deaf), of_datasets.check_seed, "seed=3 and seed=4 give the same data"),
    "not so many": (drawn(deaf_to_one_part), of_datasets.check_n_samples, "n_samples=37: y has 20 of them"),
    "a choice that spoils it": (
        drawn(choosy),
        of_datasets.check_choices,
        "with colour=True the data: X has 20 samples but y has 10",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_data_set_is_refused(wrong):
    spec, check, message = WRONG[wrong]
    with pytest.raises(CheckFailed, match=f"^dataset 'mine': .*{message}"):
        check(spec)


def test_a_number_of_samples_that_is_refused_is_not_held_against_it():
    assert of_datasets.check_n_samples(drawn(even)) == "64 of 64"
    of_datasets.check_repeatable(drawn(even))


def online():
    """Asks a server, and hides that it cannot be reached."""
    try:
        urllib.request.urlopen("https://example.org")
    except OSError as error:
        raise DataError(f"not there: {error}") from None


def by_path(path: str):
    """Reads a file."""


@pytest.mark.parametrize(
    ("function", "reason"),
    [(online, "it wants the network, which no check uses"), (by_path, "it needs path, which only its user knows")],
)
def test_data_from_elsewhere_are_a_reason_to_skip(function, reason):
    for check in (of_datasets.check_loads, of_datasets.check_repeatable):
        with pytest.raises(CheckSkipped, match=f"^{reason}$"):
            check(drawn(function))


def other_name(random_state: int = 0):
    return Data(np.random.default_rng(random_state).normal(size=(20, 2)))


def test_a_seed_of_another_name_is_told():
    with pytest.raises(CheckWarning, match="its option random_state settles .*: data sets call it seed"):
        of_datasets.check_seed(drawn(other_name))


# Figures


def canvas(text=""):
    drawing = Canvas(figsize=(2, 2))
    if text:
        drawing.text(0.5, 0.5, text)
    return drawing


def of_losses(make):
    """The spec of a figure that ``make(run)`` draws of each run that measured a loss."""

    def mine(run):
        """A loss."""
        return make(run) if run.metrics.get("train/loss") else None

    return Figure("mine", mine)


def test_a_right_figure_passes():
    spec = Figure(
        "mine", of_losses(lambda run: canvas(run.name)).function, finding=lambda run: f"{run.name} was drawn."
    )
    assert set(statuses(spec).values()) == {"passed"}
    assert of_figures.check_draws(spec) == "a run of a network on images"
    assert of_figures.check_finding(spec) == "cnn was drawn."


def film(run):
    drawing = canvas("a")
    return FuncAnimation(drawing, lambda i: drawing.texts[0].set_text("ab"[i]), 2, cache_frame_data=False)


def test_a_figure_that_moves_passes():
    assert statuses(of_losses(film))["draws"] == statuses(of_losses(film))["repeatable"] == "passed"


def open_in_pyplot(run):
    import matplotlib.pyplot as plt

    return plt.figure(num=77)


def with_settings(run):
    matplotlib.rcParams["font.size"] = 3
    return canvas("a")


def writing(run):
    (run.directory / "notes.txt").write_text("seen")
    return canvas("a")


def deleting(run):
    (run.directory / "config.yaml").unlink()
    return canvas("a")


def forgetting(run):
    run.metrics.pop("val/loss")
    return canvas("a")


ODD = {
    "blank": (of_losses(lambda run: canvas()), of_figures.check_draws, "the picture is blank"),
    "an axis": (
        of_losses(lambda run: canvas().subplots()),
        of_figures.check_draws,
        "it gives <Axes.*neither a matplotlib",
    ),
    "a key that is not there": (
        Figure("mine", lambda run: canvas(str(run.metrics["train/loss"]))),
        of_figures.check_draws,
        r"a run of a clusterer on places: .*line \d+: KeyError: 'train/loss'",
    ),
    "runs that failed": (
        Figure("mine", lambda sweep: canvas(str([run.metrics["train/loss"] for run in sweep.runs])), of="sweep"),
        of_figures.check_draws,
        r"a sweep over learner.activation, learner.depth, seed: .*KeyError: 'train/loss'",
    ),
    "neither run nor sweep": (
        Figure("mine", canvas, of="runs"),
        of_figures.check_draws,
        "of='runs' should be 'run' or",
    ),
    "pyplot": (of_losses(open_in_pyplot), of_figures.check_pyplot, "it leaves a figure open in pyplot"),
    "settings": (
        of_losses(with_settings),
        of_figures.check_pyplot,
        "it changes Matplotlib's setting font.size for every",
    ),
    "a file of its own": (of_losses(writing), of_figures.check_record, "it writes the file notes.txt"),
    "a file less": (of_losses(deleting), of_figures.check_record, "it changes the file config.yaml"),
    "numbers less": (of_losses(forgetting), of_figures.check_record, "it changes metrics of the run 'cnn'"),
    "another every time": (
        of_losses(lambda run: canvas(str(next(COUNT)))),
        of_figures.check_repeatable,
        "a run of a network on images: it looks different the second time",
    ),
}
FINDINGS = {
    "no text": (lambda run: 3, "its finding is 3, no text"),
    "no sentence": (lambda run: "up", "its finding is no whole sentences in one line: 'up'"),
    "two lines": (lambda run: "Up.\nDown.", "its finding is no whole sentences in one line"),
    "no number": (lambda run: "It is nan.", "its finding speaks of nan: It is nan."),
    "no key": (lambda run: run.metrics["loss"], r"its finding cannot be stated: .*line \d+: KeyError: 'loss'"),
}


@pytest.mark.parametrize("wrong", ODD)
@pytest.mark.filterwarnings("ignore")
def test_a_wrong_figure_is_refused(wrong):
    spec, check, message = ODD[wrong]
    with pytest.raises(CheckFailed, match=f"^figure 'mine': .*{message}"):
        check(spec)


def test_what_a_wrong_figure_leaves_behind_is_put_in_order():
    import matplotlib.pyplot as plt

    size = matplotlib.rcParams["font.size"]
    for make in (open_in_pyplot, with_settings):
        with pytest.raises(CheckFailed):
            of_figures.check_pyplot(of_losses(make))
    assert (plt.get_fignums(), matplotlib.rcParams["font.size"]) == ([], size)


@pytest.mark.parametrize("wrong", FINDINGS)
def test_a_wrong_finding_is_refused(wrong):
    finding, message = FINDINGS[wrong]
    spec = Figure("mine", of_losses(lambda run: canvas("a")).function, finding=finding)
    with pytest.raises(CheckFailed, match=f"^figure 'mine': a run of a network on images: {message}"):
        of_figures.check_finding(spec)


def test_a_figure_that_draws_nothing_made_up_is_told():
    spec = Figure("mine", lambda run: None, finding=lambda run: "")
    with pytest.raises(
        CheckWarning, match="it draws none of the made-up records, .*: a run of a clusterer on places, "
    ):
        of_figures.check_draws(spec)
    for check in (of_figures.check_finding, of_figures.check_repeatable):
        with pytest.raises(CheckSkipped, match="it draws none of the made-up records"):
            check(spec)


def test_a_record_that_one_figure_spoilt_is_whole_for_the_next(tmp_path):
    with pytest.raises(CheckFailed):
        of_figures.check_record(of_losses(deleting))
    run = records.runs(tmp_path)["a run of a network on images"]
    assert (run.directory / "config.yaml").exists()
    assert run.status == "FINISHED" and len(run.networks()) == 3 and run.data().task == "classification"


def test_made_up_sweeps_have_runs_that_failed(tmp_path):
    failed = {name: [run.status == "FAILED" for run in sweep.runs] for name, sweep in records.sweeps(tmp_path).items()}
    assert failed.pop("a sweep over learner.width, seed") == [True] * 4
    assert {tuple(each) for each in failed.values()} == {(False,) * n + (True,) for n in (2, 3, 7)}
