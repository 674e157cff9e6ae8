"""Carry one job out: data and learner -> fit -> scores, into a run."""

from __future__ import annotations

import functools
import inspect
import numbers
import time
import traceback
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from workbench.errors import WorkbenchError
from workbench.experiment.cluster import cluster
from workbench.experiment.config import Config
from workbench.experiment.data import Prepared
from workbench.experiment.draw import draw
from workbench.experiment.interrupt import settling
from workbench.experiment.provenance import tags
from workbench.experiment.record import Status
from workbench.experiment.run import Run
from workbench.experiment.shapes import FILE, markdown, n_parameters, workspace_mib
from workbench.files import NotWritten

if TYPE_CHECKING:
    from workbench.experiment.sweep import Sweep
    from workbench.network import Network

OnStart = Callable[[Run, "Network"], None]
OnEpoch = Callable[[int, Mapping[str, float]], None]


def execute(
    name: str,
    config: Config,
    sweep: Sweep | None = None,
    on_start: OnStart | None = None,
    on_epoch: OnEpoch | None = None,
) -> Run:
    """Train one configuration and journal it. What goes wrong then does not raise: ``status`` and ``error`` tell it.

    Raises ``NotWritten`` where the run cannot even begin, and ``KeyboardInterrupt`` for a signal that came while a run
    that had not been interrupted was being settled.
    FAILED is an error, KILLED an interrupt (``KeyboardInterrupt``). A run that stands alone draws every figure of a run
    that applies, one of a sweep only those that ``config.figures`` names. ``on_start`` gets a network before it trains.
    ``time/fit_seconds`` counts from there, since making kernels ready is no part of training; of a learner that does
    not take ``on_start`` it is all of ``fit``.
    """
    run = Run.start(name, config.name, config.params, tags("run"), sweep)
    if sweep is not None:
        sweep.runs.append(run)
    caught: BaseException | None = None
    try:
        _write_config(run, config)
        run.notify("run_started", run=run)
        _train(run, config, on_start, on_epoch)
        if sweep is None or config.figures is not None:
            draw(run, "run", config.figures)
    except BaseException as error:
        caught = error
    settle(run, caught)
    return run


def settle(record: Run | Sweep, caught: BaseException | None, status: Status = "FINISHED") -> None:
    """End it as ``caught`` says, or with ``status`` where that is None; tell the listeners, and close it.

    No signal comes between, and a full disk stops none of it: where nothing else was caught, listeners get that error.
    """
    interrupted = isinstance(caught, KeyboardInterrupt)
    if caught is not None:
        status = "KILLED" if interrupted else "FAILED"
    with settling(interrupted):
        try:
            record.end(status, None if caught is None else describe(caught))
        except NotWritten as error:
            if not isinstance(caught, NotWritten):
                record.note(str(error))
            caught = caught or error
        kind = "run" if isinstance(record, Run) else "sweep"
        record.notify(f"{kind}_ended", **{kind: record, "error": caught})
        record.close()


def _write_config(run: Run, config: Config) -> None:
    from omegaconf import OmegaConf

    run.log_text("config.yaml", OmegaConf.to_yaml(OmegaConf.create(asdict(config))))


def describe(error: BaseException) -> str:
    """A message where the user can mend it, a traceback where not."""
    if isinstance(error, WorkbenchError | KeyboardInterrupt):
        return str(error) or "interrupted"
    return "".join(traceback.format_exception(error))


def _train(run: Run, config: Config, on_start: OnStart | None, on_epoch: OnEpoch | None) -> None:
    data, estimator = config.data(), config.estimator()
    if config.clusters:
        cluster(run, estimator, data, config.seed)
        return
    watch = _Watch(run, config.snapshots, on_start, on_epoch)
    validation_data = data.X_validation, data.y_validation
    offered = {"validation_data": validation_data, "on_start": watch.start, "on_epoch": watch.epoch}
    accepted = inspect.signature(estimator.fit).parameters
    estimator.fit(data.X_train, data.y_train, **{name: value for name, value in offered.items() if name in accepted})
    seconds = time.perf_counter() - watch.started
    watch.finish()
    run.log_metrics({"time/fit_seconds": seconds} | scores(estimator, data, run.metrics), step=0)


class _Watch:
    """Puts what a learner tells of itself into the run: a network and its snapshots, and records of epochs.

    Of these, numbers go by epoch and lists (one number per layer) by layer: from the first epoch as ``key``, from the
    last as ``key_final``.
    """

    def __init__(
        self, run: Run, snapshots: Collection[int], on_start: OnStart | None, on_epoch: OnEpoch | None
    ) -> None:
        self._run = run
        self._snapshots = snapshots
        self._on_start = on_start
        self._on_epoch = on_epoch
        self._network: Network | None = None
        self._last: dict[str, Any] = {}
        self.started = time.perf_counter()

    def start(self, network: Network) -> None:
        self._network = network
        size = {"network/parameters": n_parameters(network), "network/workspace_mib": workspace_mib(network)}
        self._run.log_metrics(size, step=0)
        self._run.log_text(FILE, markdown(network))
        self._keep(0)
        if self._on_start is not None:
            self._on_start(self._run, network)
        self.started = time.perf_counter()

    def epoch(self, epoch: int, record: Mapping[str, Any]) -> None:
        metrics = _numbers(record)
        self._run.log_metrics(metrics, epoch)
        lists = {key: value for key, value in record.items() if not isinstance(value, numbers.Real)}
        if not self._last:
            self._log_by_layer(lists)
        self._last = lists
        self._keep(epoch)
        self._run.notify("epoch_ended", run=self._run, epoch=epoch, metrics=metrics)
        if self._on_epoch is not None:
            self._on_epoch(epoch, metrics)

    def finish(self) -> None:
        self._log_by_layer({f"{key}_final": value for key, value in self._last.items()})
        if self._network is not None:
            best, history = self._network.best_epoch, self._network.history
            if best is not None:
                self._run.log_metrics({"network/best_epoch": best}, step=0)
                self._run.log_results(_numbers(history[best - 1]), step=len(history))
            self._run.log_model(self._network, best or len(history))

    def _keep(self, epoch: int) -> None:
        if self._network is not None and epoch in self._snapshots:
            self._run.log_model(self._network, epoch, f"epoch_{epoch}")

    def _log_by_layer(self, lists: Mapping[str, Any]) -> None:
        for layer in range(max(map(len, lists.values()), default=0)):
            self._run.log_metrics({k: v[layer] for k, v in lists.items() if layer < len(v)}, layer + 1)


def _numbers(record: Mapping[str, Any]) -> dict[str, float]:
    """What an epoch's record says of the whole network."""
    return {k: float(v) for k, v in record.items() if isinstance(v, numbers.Real) and k != "epoch"}


def scores(estimator: Any, data: Prepared, known: Collection[str]) -> dict[str, float]:
    """scikit-learn's scores on both parts, less those already ``known``.

    Of classes the accuracy and, where there are probabilities, the log loss; of numbers R² and the mean squared error.
    """
    from sklearn import metrics

    found = {}
    parts = {"train": (data.X_train, data.y_train), "val": (data.X_validation, data.y_validation)}
    for part, (X, y) in parts.items():
        if data.task == "regression":
            measures = {"r2": (metrics.r2_score, "predict"), "loss": (metrics.mean_squared_error, "predict")}
        else:
            log_loss = functools.partial(metrics.log_loss, labels=getattr(estimator, "classes_", None))
            measures = {"accuracy": (metrics.accuracy_score, "predict"), "loss": (log_loss, "predict_proba")}
        for name, (measure, method) in measures.items():
            if f"{part}/{name}" not in known and hasattr(estimator, method):
                found[f"{part}/{name}"] = float(measure(y, getattr(estimator, method)(X)))
    return found
