"""The doors of the workbench: one collecting hook per kind of plugin, and the lifecycle hooks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from workbench.experiment.run import Run
    from workbench.experiment.sweep import Sweep
    from workbench.specs import (
        Activation,
        Clusterer,
        Dataset,
        Estimator,
        Figure,
        Initializer,
        Layer,
        Loss,
        Metric,
        Optimizer,
        Schedule,
    )

hookspec = pluggy.HookspecMarker("workbench")
hookimpl = pluggy.HookimplMarker("workbench")


@hookspec
def register_activations() -> Iterable[Activation]:  # type: ignore[empty-body]
    """Return the activations this plugin offers."""


@hookspec
def register_losses() -> Iterable[Loss]:  # type: ignore[empty-body]
    """Return the losses this plugin offers."""


@hookspec
def register_layers() -> Iterable[type[Layer]]:  # type: ignore[empty-body]
    """Return the layers this plugin offers: subclasses of ``Layer``."""


@hookspec
def register_optimizers() -> Iterable[Optimizer]:  # type: ignore[empty-body]
    """Return the optimizers this plugin offers."""


@hookspec
def register_schedules() -> Iterable[Schedule]:  # type: ignore[empty-body]
    """Return the learning-rate schedules this plugin offers."""


@hookspec
def register_initializers() -> Iterable[Initializer]:  # type: ignore[empty-body]
    """Return the initializers this plugin offers."""


@hookspec
def register_metrics() -> Iterable[Metric]:  # type: ignore[empty-body]
    """Return the metrics this plugin offers."""


@hookspec
def register_clusterers() -> Iterable[Clusterer]:  # type: ignore[empty-body]
    """Return the clusterers this plugin offers."""


@hookspec
def register_estimators() -> Iterable[Estimator]:  # type: ignore[empty-body]
    """Return the supervised learners this plugin offers."""


@hookspec
def register_datasets() -> Iterable[Dataset]:  # type: ignore[empty-body]
    """Return the data sets this plugin offers."""


@hookspec
def register_figures() -> Iterable[Figure]:  # type: ignore[empty-body]
    """Return the figures this plugin offers."""


@hookspec
def launched() -> None:
    """Called as soon as `workbench run` begins, to start in the background what takes long.

    Nothing may be written yet: the configuration is not checked, and may be refused.
    """


@hookspec
def run_started(run: Run) -> None:
    """Called once the configuration is checked and the run has its folder, before anything is built."""


@hookspec
def epoch_ended(run: Run, epoch: int, metrics: Mapping[str, float]) -> None:
    """Called after each pass over the training set; ``epoch`` counts from 1."""


@hookspec
def run_ended(run: Run, error: BaseException | None) -> None:
    """Called once for a run that began, when it has ended, whether or not it failed; not if the process is killed."""


@hookspec
def sweep_started(sweep: Sweep) -> None:
    """Called once before the first job of a sweep."""


@hookspec
def sweep_ended(sweep: Sweep, error: BaseException | None) -> None:
    """Called once after the last job of a sweep, whether or not jobs failed; not if the process is killed."""
