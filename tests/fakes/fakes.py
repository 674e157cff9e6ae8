"""A project's own plugin: learners and data that do what a test asks for, and a listener that notes what it hears."""

import json
import os
import time
from pathlib import Path

import numpy as np

from workbench import Data, Dataset, Estimator, Figure, WorkbenchError, hookimpl


def logistic(task, *, C: float = 1.0, random_state: int | None = None):
    """scikit-learn's logistic regression, which knows nothing of epochs."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=C, random_state=random_state, max_iter=1000)


def linear(task):
    """scikit-learn's least squares."""
    from sklearn.linear_model import LinearRegression

    return LinearRegression()


class Stepper:
    """Predicts the most frequent class; what it tells of its epochs is made up."""

    def __init__(self, options):
        self.options = options

    def fit(self, X, y, validation_data=None, on_epoch=None):
        self.most_frequent = np.bincount(y).argmax()
        for epoch in range(1, self.options["epochs"] + 1):
            time.sleep(self.options["pause"])
            if self.options["fails"] == "runtime":
                raise RuntimeError("the learner broke")
            if self.options["fails"] == "user":
                raise WorkbenchError("the learner gave up")
            if self.options["fails"] == "interrupt":
                raise KeyboardInterrupt("SIGINT")
            norms = [0.5**layer / epoch for layer in range(self.options["depth"])]
            loss = np.float32(np.inf) if self.options["fails"] == "infinite" else 1 / epoch
            on_epoch(epoch, {"epoch": epoch, "train/loss": loss, "gradients/norm_by_layer": norms})
        return self

    def predict(self, X):
        return np.full(len(X), self.most_frequent)


def stepper(
    task,
    *,
    depth: int = 2,
    activation: str = "relu",
    epochs: int = 3,
    pause: float = 0.0,
    fails: str = "",
    layers: tuple = (1, 2),
    seed: int = 0,
):
    """A learner with epochs."""
    return Stepper({"depth": depth, "epochs": epochs, "pause": pause, "fails": fails})


class Picky(Stepper):
    """Refuses data with more than two classes before anything begins."""

    def check_data(self, X, y):
        if len(np.unique(y)) > 2:
            raise WorkbenchError("picky wants two classes")


def picky(task, *, epochs: int = 1):
    """A learner that looks at the data first."""
    return Picky({"depth": 2, "epochs": epochs, "pause": 0, "fails": ""})


def unbuildable(task):
    """A learner whose constructor breaks."""
    raise TypeError("no such backend")


def tiny(n: int = 12, defect: str = "", seed: int = 0):
    """Two classes of points, or data with a defect."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    X = rng.normal(size=(n, 3)) + y[:, None]
    if defect == "missing":
        X[1, 2] = np.nan
    if defect == "lone class":
        y[0] = 2
    if defect == "unreadable":
        raise OSError("disk on fire")
    return Data(X, y, ["height", "width", "depth"])


def needy(path: str):
    """A data set with an option that has no default, and a $ sign."""
    return tiny()


def heights(sweep):
    """A figure of any sweep."""
    from matplotlib.figure import Figure as Canvas

    canvas = Canvas()
    canvas.subplots().plot([len(sweep.runs)], "o")
    return canvas


def broken(sweep):
    """A figure that cannot be drawn."""
    raise ZeroDivisionError("no runs to divide by")


def speechless(sweep):
    """The finding of a figure that has none."""
    raise KeyError("word")


def _write(event, **fields):
    with Path("heard.jsonl").open("a") as file:
        file.write(json.dumps({"hook": event, **fields}) + "\n")
    if os.environ.get("FAKES_LISTENER_RAISES") == event:
        raise RuntimeError("deaf")


@hookimpl
def run_started(run):
    _write("run_started", name=run.name)


@hookimpl
def epoch_ended(run, epoch, metrics):
    _write("epoch_ended", name=run.name, epoch=epoch, metrics=sorted(metrics))


@hookimpl
def run_ended(run, error):
    _write("run_ended", name=run.name, status=run.status, error=type(error).__name__)


@hookimpl
def sweep_started(sweep):
    _write("sweep_started", jobs=sweep.jobs)


@hookimpl
def sweep_ended(sweep, error):
    sweep.links.append("look here")
    _write("sweep_ended", status=sweep.status, error=type(error).__name__, figures=sorted(sweep.figures))


@hookimpl
def register_estimators():
    offered = (logistic, linear, stepper, picky, unbuildable)
    return [Estimator(function.__name__, function) for function in offered]


@hookimpl
def register_datasets():
    return [Dataset("tiny", tiny, task="classification"), Dataset("needy", needy)]


@hookimpl
def register_figures():
    return [
        Figure("heights", heights, of="sweep", finding=lambda sweep: f"{len(sweep.runs)} runs were compared."),
        Figure("broken", broken, of="sweep"),
        Figure("speechless", heights, of="sweep", finding=speechless),
    ]
