"""A run: one learner on one data set, with its parameters, metrics and end."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from workbench.experiment import journal
from workbench.experiment.config import Config, Param
from workbench.experiment.data import Prepared
from workbench.experiment.record import ROOT, Record, new_id
from workbench.files import writing

if TYPE_CHECKING:
    from workbench.clustering import Clustering
    from workbench.experiment.sweep import Sweep
    from workbench.network import Network


class Run(Record):
    """One run and its folder: ``journal.jsonl``, ``config.yaml``, ``figures/``; for a network its table and ``model/``.

    ``params`` is the resolved configuration with dotted keys; ``metrics`` maps a key to its ``(step, value)`` pairs in
    the order they came. ``sweep`` is None for a run that stands alone.
    """

    def __init__(
        self,
        directory: Path,
        *,
        id: str,
        name: str,
        experiment: str,
        params: Mapping[str, Param],
        tags: Mapping[str, str],
        sweep: Sweep | None = None,
    ) -> None:
        super().__init__(directory, id, name, experiment, tags)
        self.params = dict(params)
        self.sweep = sweep
        self.metrics: dict[str, list[tuple[int, float]]] = {}
        self._results: dict[str, float] = {}
        self._models: dict[int, Path] = {}
        self._clustering: Path | None = None

    @classmethod
    def start(
        cls,
        name: str,
        experiment: str,
        params: Mapping[str, Param],
        tags: Mapping[str, str],
        sweep: Sweep | None = None,
        root: Path = ROOT,
    ) -> Self:
        """Begin a run in a folder of its own, below its sweep's or else ``root``. Raises ``NotWritten``."""
        id = new_id()
        folder = root / f"{id}_{experiment}" if sweep is None else sweep.directory / id
        run = cls(folder, id=id, name=name, experiment=experiment, params=params, tags=tags, sweep=sweep)
        run._open(params=run.params)
        return run

    @classmethod
    def replay(cls, directory: Path, sweep: Sweep | None = None) -> Self:
        """Rebuild a run from its folder alone, where a journal has ``begun``. One that never ended is ``RUNNING``."""
        started, *records = journal.read(directory)
        fields = {key: started[key] for key in ("id", "name", "experiment", "params", "tags")}
        return cls(directory, **fields, sweep=sweep)._replayed(records)

    def log_metrics(self, metrics: Mapping[str, float], step: int) -> None:
        """Record numbers at one step. The first key that is not finite becomes the tag ``nonfinite``."""
        values = {key: float(value) for key, value in metrics.items()}
        self._write("metrics", step=step, metrics=values)
        self._add(values, step)
        for key, value in values.items():
            if not math.isfinite(value) and "nonfinite" not in self.tags:
                self.set_tag("nonfinite", key)

    def log_results(self, metrics: Mapping[str, float], step: int) -> None:
        """Record what the trained network reached where that is not the latest of ``metrics``; ``step`` is the last."""
        self._results = {key: float(value) for key, value in metrics.items()}
        self._write("results", step=step, metrics=self._results)

    def log_model(self, network: Network, epoch: int, name: str = "network") -> None:
        """Save a network, as ``epoch`` passes over the data have left it, as ``model/<name>.safetensors``."""
        path = self._inside(f"model/{name}.safetensors")
        with writing(path):
            network.save(path)
        self._models[epoch] = path
        self._write("model", path=str(path.relative_to(self.directory)), epoch=epoch)

    @property
    def best_epoch(self) -> int | None:
        """The epoch that early stopping went back to, if it did."""
        best = self.metrics.get("network/best_epoch")
        return int(best[-1][1]) if best else None

    def result(self, metric: str) -> float | None:
        """What the trained network reached: the metric at the epoch training went back to, or at its last step."""
        points = dict(self.metrics.get(metric, ()))
        return self._results.get(metric, points[max(points)] if points else None)

    def networks(self) -> dict[int, Network]:
        """The networks that were kept, by how many epochs had trained them: 0 first, the trained one last.

        Without those that early stopping left behind when it went back to an earlier epoch.
        """
        from workbench.network import Network

        best = self.best_epoch
        kept = (epoch for epoch in sorted(self._models) if best is None or epoch <= best)
        return {epoch: Network.load(self._models[epoch]) for epoch in kept}

    def log_clustering(self, clustering: Clustering) -> None:
        """Save what a clusterer found, with its history, as ``model/clustering.safetensors``."""
        from workbench.clustering.file import save

        path = self._inside("model/clustering.safetensors")
        with writing(path):
            save(clustering, path)
        self._clustering = path
        self._write("clustering", path=str(path.relative_to(self.directory)))

    def clustering(self) -> Clustering | None:
        """What the clusterer found, with its history; None if the learner was none, or did not come that far."""
        from workbench.clustering.file import load

        return None if self._clustering is None else load(self._clustering)

    def data(self) -> Prepared:
        """The data it was trained and validated on, made again from its ``config.yaml``. Raises ``DataError``."""
        from omegaconf import OmegaConf

        config: Any = OmegaConf.to_container(OmegaConf.load(self.directory / "config.yaml"))
        return Config(**config).data()

    def _add(self, values: Mapping[str, float], step: int) -> None:
        for key, value in values.items():
            self.metrics.setdefault(key, []).append((step, value))

    def _apply(self, record: Mapping[str, Any]) -> None:
        match record:
            case {"event": "metrics", "metrics": metrics, "step": step}:
                self._add(metrics, step)
            case {"event": "results", "metrics": metrics}:
                self._results = dict(metrics)
            case {"event": "model", "path": path, "epoch": epoch}:
                self._models[epoch] = self.directory / path
            case {"event": "clustering", "path": path}:
                self._clustering = self.directory / path
            case _:
                super()._apply(record)
