"""One plugin of each kind, and a listener: what this distribution offers, in one list."""

from workbench import (
    Activation,
    Dataset,
    Estimator,
    Figure,
    Initializer,
    Loss,
    Metric,
    Optimizer,
    Schedule,
    clusterer,
    hookimpl,
)
from workbench_sample import clustering, experiment, network


@hookimpl
def register_activations():
    return [Activation("bent_identity", network.bent_identity, network.slope_of_bent_identity)]


@hookimpl
def register_losses():
    return [Loss("cauchy", network.cauchy, network.gradient_of_cauchy)]


@hookimpl
def register_layers():
    return [network.RMSNorm]


@hookimpl
def register_optimizers():
    return [Optimizer("adamax", network.adamax, lr=0.002)]


@hookimpl
def register_schedules():
    return [Schedule("linear_decay", network.linear_decay)]


@hookimpl
def register_initializers():
    return [Initializer("rademacher", network.rademacher)]


@hookimpl
def register_metrics():
    return [Metric("hamming", clustering.hamming, clustering.modes)]


@hookimpl
def register_clusterers():
    return [clusterer("friends_of_friends", clustering.friends_of_friends)]


@hookimpl
def register_estimators():
    return [Estimator("neighbours", experiment.neighbours)]


@hookimpl
def register_datasets():
    return [Dataset("codewords", experiment.codewords, task="classification")]


@hookimpl
def register_figures():
    return [Figure("loss_path", experiment.loss_path, of="run")]


@hookimpl
def run_ended(run):
    """Tag each run with the number of its epochs."""
    run.set_tag("sample.epochs", str(len(run.metrics.get("train/loss", ()))))
