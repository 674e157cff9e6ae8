"""Made-up runs and sweeps, such as experiments leave behind: what figures are tried on.

Networks are not trained, but changed at random, and measured by formulas; clusterings are what they seem.
"""

from __future__ import annotations

import atexit
import functools
import itertools
import shutil
import tempfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from workbench.experiment.cluster import cluster
from workbench.experiment.config import Config, choice
from workbench.experiment.run import Run
from workbench.experiment.sweep import Sweep
from workbench.network import Network

EXPERIMENT = "made_up"
EPOCHS = 4
Settings = dict[str, Any]  # by dotted key

IMAGES: Settings = {"dataset.name": "frames", "dataset.n_samples": 60, "dataset.size": 16, "dataset.frames": 2}
CNN: Settings = {"learner.name": "cnn", "learner.filters": [3], "learner.epochs": EPOCHS}
MLP: Settings = {"learner.name": "mlp", "learner.width": 8, "learner.epochs": EPOCHS}
PLACES: Settings = {"dataset.name": "outlets", "dataset.n_samples": 60, "standardise": False}
KMEANS: Settings = {"learner.name": "kmeans", "learner.n_clusters": 3}
CLUSTERERS = ("kmeans", "dbscan")


def runs(folder: Path) -> dict[str, Run]:
    """What each of them is -> the run, read from copies in ``folder``."""
    shutil.copytree(_runs(), folder, dirs_exist_ok=True)
    return {place.name: Run.replay(next(place.iterdir())) for place in sorted(folder.iterdir())}


def sweeps(folder: Path) -> dict[str, Sweep]:
    """What each of them varies -> the sweep, read from copies in ``folder``. The last run of every one has failed."""
    shutil.copytree(_sweeps(), folder, dirs_exist_ok=True)
    found = (Sweep.replay(next(place.iterdir())) for place in sorted(folder.iterdir()))
    return {f"a sweep over {', '.join(sweep.varied)}": sweep for sweep in found}


@functools.cache
def _runs() -> Path:
    """The folder in which they are made once."""
    root = _folder()
    _clustering(PLACES | KMEANS | {"learner.max_iter": 1}, root / "a run of a clusterer on places", None)
    _images(IMAGES | CNN, root / "a run of a network on images", None)
    _failed(IMAGES | MLP, root / "a run that failed at once", None)
    return root


@functools.cache
def _sweeps() -> Path:
    root = _folder()
    metrics, coordinates = ("haversine", "euclidean"), ("degrees",)
    swept: list[tuple[Callable, Settings, dict[str, Sequence]]] = [
        (_numbers, IMAGES | MLP, {"learner.activation": ("sigmoid", "relu"), "learner.depth": (2, 4)}),
        (_images, IMAGES | CNN, {"training_samples": (24, 40), "dataset.frames": (1, 2)}),
        (_clustering, PLACES | KMEANS, {"learner.n_clusters": (2, 3, 4, 5)}),
        (_clustering, PLACES | KMEANS, {"learner.metric": metrics, "dataset.coordinates": coordinates}),
        (_clustering, {"dataset.n_samples": 60}, {"dataset.name": ("blobs", "moons"), "learner.name": CLUSTERERS}),
        (_clustering, PLACES | KMEANS, {"seed": (0, 1, 2)}),
        (_failed, IMAGES | MLP, {"learner.width": (8, 16)}),
    ]
    for number, (make, settings, varied) in enumerate(swept):
        _sweep(make, settings, {**varied, "seed": varied.get("seed", (0, 1))}, root / str(number))
    return root


def _folder() -> Path:
    """A new one, which goes when the process ends."""
    folder = Path(tempfile.mkdtemp(prefix="workbench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _sweep(make: Callable, settings: Settings, varied: Mapping[str, Sequence], root: Path) -> None:
    """One run for each combination, of which the last fails."""
    jobs = list(itertools.product(*varied.values()))
    keys = [key for key, values in varied.items() if len(values) > 1]
    sweep = Sweep.start(f"{EXPERIMENT}: {len(jobs)} jobs", EXPERIMENT, keys, len(jobs), {}, root=root)
    for job in jobs:
        (_failed if job == jobs[-1] else make)(settings | dict(zip(varied, job, strict=True)), root, sweep)
    sweep.end("FINISHED")
    sweep.close()


def _config(settings: Settings) -> Config:
    """The whole configuration, as the command line makes it of these settings."""
    given: dict[str, Any] = {"name": EXPERIMENT, "dataset": {}, "learner": {}}
    for key, value in settings.items():
        group, _, option = key.rpartition(".")
        (given[group] if group else given)[option] = value
    seed = given.get("seed", 0)
    for group in ("dataset", "learner"):
        name = given[group].pop("name")
        options = choice(group, name).options
        own = {key: value for key, value in given[group].items() if key in options}
        if group == "learner":
            own |= {key: seed for key in ("seed", "random_state") if key in options}
        given[group] = {"name": name} | choice(group, name).check(own)
    return Config(**given)


def _begin(settings: Settings, root: Path, sweep: Sweep | None) -> tuple[Run, Config]:
    from omegaconf import OmegaConf

    config = _config(settings)
    varied = [f"{key.rpartition('.')[2]}={settings[key]}" for key in sweep.varied] if sweep else []
    name = " ".join(varied) or settings["learner.name"]
    run = Run.start(name, EXPERIMENT, config.params, {}, sweep, root)
    run.log_text("config.yaml", OmegaConf.to_yaml(OmegaConf.create(asdict(config))))
    return run, config


def _end(run: Run, status: Any = "FINISHED") -> None:
    run.end(status, "it was made up to fail" if status == "FAILED" else None)
    run.close()


def _failed(settings: Settings, root: Path, sweep: Sweep | None) -> None:
    """A run of which nothing is left but its settings."""
    run, _ = _begin(settings, root, sweep)
    _end(run, "FAILED")


def _clustering(settings: Settings, root: Path, sweep: Sweep | None) -> None:
    run, config = _begin(settings, root, sweep)
    cluster(run, config.estimator(), config.data(), config.seed)
    _end(run)


def _numbers(settings: Settings, root: Path, sweep: Sweep | None) -> None:
    """A network of which only what it measured is left."""
    run, config = _begin(settings, root, sweep)
    _measure(run, config)
    _end(run)


def _images(settings: Settings, root: Path, sweep: Sweep | None) -> None:
    """A convolutional network, kept before training, in between and after."""
    run, config = _begin(settings, root, sweep)
    _measure(run, config)
    data, rng = config.data(), np.random.default_rng(config.seed)
    convolution = {"conv2d": {"filters": 3, "kernel_size": 3, "padding": "same"}}
    layers: list = [convolution, "relu", {"max_pool2d": {"kernel_size": 2}}]
    layers += ["flatten", {"dense": {"units": 3}}, "softmax"]
    network = Network(layers, "cross_entropy", seed=config.seed).initialize(data.X_train.shape[1:])
    network._classes = (0, 1, 2)  # as fit notes it; to compile what trains takes longer than all the rest here
    for epoch in (0, 1, EPOCHS):
        run.log_model(network, epoch, "network" if epoch == EPOCHS else f"epoch_{epoch}")
        for weights in network.parameters().values():
            weights += rng.normal(0, 0.1, weights.shape)
    _end(run)


def _measure(run: Run, config: Config) -> None:
    """Losses that fall, accuracies that rise, gradients that shrink from layer to layer on the way back."""
    rng = np.random.default_rng(zlib.crc32(repr(sorted(run.params.items(), key=str)).encode()))
    layers = config.learner.get("depth", 1) + 1
    keep = {"sigmoid": 0.2, "relu": 0.9}[config.learner["activation"]] * np.exp(0.05 * rng.normal())
    gradients = (keep ** np.arange(layers - 1, -1, -1)).tolist()
    run.log_metrics({"network/parameters": 100 * layers + 50 * config.learner.get("width", 8)}, 0)
    run.log_metrics({"network/workspace_mib": 0.01 * layers}, 0)
    best = 0.5 + 0.4 * keep + 0.02 * rng.normal()
    for epoch in range(1, EPOCHS + 1):
        share, loss = 1 - 0.5**epoch, 1.1 * 0.7**epoch
        found = {"train/loss": loss, "train/accuracy": share * min(best + 0.05, 1), "val/loss": 1.1 * loss}
        found |= {"gradients/first_layer": gradients[0] * loss, "gradients/last_layer": gradients[-1] * loss}
        run.log_metrics(found | {"val/accuracy": share * min(best, 1)}, epoch)
    for layer, gradient in enumerate(gradients, start=1):
        by_layer = {"gradients/norm_by_layer": gradient, "updates/ratio_by_layer": 1e-3 * gradient}
        if layer < layers:
            by_layer |= {"activations/saturated_by_layer": 0.5 - 0.1 * keep, "activations/dead_by_layer": 0.1 * keep}
        run.log_metrics(by_layer | {f"{key}_final": 0.3 * value for key, value in by_layer.items()}, layer)
    run.log_metrics({"time/fit_seconds": 0.1 * layers * float(np.exp(0.1 * rng.normal()))}, 0)
