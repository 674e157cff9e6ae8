"""Runs and sweeps made up of chosen numbers: what tracking and figures read, without training anything."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import OmegaConf

from workbench.clustering import Clustering, HalfStep
from workbench.experiment.run import Run
from workbench.experiment.sweep import Sweep
from workbench.registry import registry

DECAY = {"sigmoid": 0.25, "tanh": 0.8, "relu": 0.97}  # of the gradient, per layer on the way back
ACCURACY = {"sigmoid": 0.5, "tanh": 0.9, "relu": 0.95}


def log(run: Run, decay: float, accuracy: float, *, depth: int, epochs: int = 4) -> None:
    """A run's metrics as the workbench names them: a gradient that decays by a factor per layer, a loss that falls."""
    norms = [decay ** (depth + 1 - layer) for layer in range(1, depth + 2)]
    for epoch in range(1, epochs + 1):
        loss = 2.3 * 0.8**epoch
        metrics = {"train/loss": loss, "val/loss": 1.1 * loss, "val/accuracy": accuracy * epoch / epochs}
        run.log_metrics(metrics | {"gradients/first_layer": norms[0], "gradients/last_layer": norms[-1]}, step=epoch)
    for layer, norm in enumerate(norms, start=1):
        by_layer = {"gradients/norm_by_layer": norm, "gradients/norm_by_layer_final": norm / 3}
        run.log_metrics(by_layer, step=layer)


def sweep(
    root: Path,
    *,
    activations: dict[str, float] = DECAY,
    depths: tuple[int, ...] = (2, 4),
    seeds: tuple[int, ...] = (0, 1),
    accuracy: dict[str, float] = ACCURACY,
    noise: float = 0.05,
    experiment: str = "vanishing_gradient",
    notify: bool = False,
) -> Sweep:
    """A finished sweep whose gradients decay by ``activations`` and vary by ``noise`` (relative) between seeds.

    ``notify`` draws its figures and tells the plugins.
    """
    rng = np.random.default_rng(0)
    grid = [(a, d, s) for a in activations for d in depths for s in seeds]
    varied = {"learner.activation": activations, "learner.depth": depths, "seed": seeds}
    keys = [key for key, values in varied.items() if len(values) > 1]
    made = Sweep.start(f"{experiment}: {len(grid)} jobs", experiment, keys, len(grid), {}, root=root)
    if notify:
        made.notify("sweep_started", sweep=made)
    for activation, depth, seed in grid:
        params: dict[str, Any] = {"learner.activation": activation, "learner.depth": depth, "seed": seed}
        name = " ".join([activation, f"depth={depth}", f"seed={seed}"])
        run = Run.start(name, experiment, params, {}, sweep=made)
        log(
            run,
            activations[activation] * float(np.exp(noise * rng.standard_normal())),
            min(1.0, accuracy[activation] * float(np.exp(0.01 * noise * rng.standard_normal()))),
            depth=depth,
        )
        run.log_text("config.yaml", f"learner: {{activation: {activation}, depth: {depth}}}\nseed: {seed}\n")
        run.end("FINISHED")
        run.close()
        made.runs.append(run)
    if notify:
        for name in registry().names("figure"):
            spec = registry().get("figure", name)
            if spec.of == "sweep" and (figure := spec.function(made)):
                made.log_figure(name, figure)
                if spec.finding:
                    made.set_finding(spec.finding(made))
    made.end("FINISHED")
    if notify:
        made.notify("sweep_ended", sweep=made, error=None)
    made.close()
    return made


def grid(
    root: Path,
    varied: Mapping[str, Sequence[Any]],
    measure: Callable[..., Mapping[str, Any] | None],
    experiment: str = "made_up",
) -> Sweep:
    """A finished sweep over ``varied``; ``measure(*values)`` gives a run's metrics, a number or one per epoch each.

    A run it gives None for has failed.
    """
    jobs = list(itertools.product(*varied.values()))
    keys = [key for key, values in varied.items() if len(values) > 1]
    made = Sweep.start(experiment, experiment, keys, len(jobs), {}, root=root)
    for job in jobs:
        run = Run.start(" ".join(map(str, job)), experiment, dict(zip(varied, job, strict=True)), {}, sweep=made)
        metrics = measure(*job)
        for key, values in (metrics or {}).items():
            for epoch, value in enumerate(values if isinstance(values, Sequence) else [values], start=1):
                run.log_metrics({key: value}, step=epoch)
        run.end("FAILED" if metrics is None else "FINISHED")
        run.close()
        made.runs.append(run)
    made.end("FINISHED")
    made.close()
    return made


def history(X: np.ndarray, *centers: Any, inertia: Sequence[float]) -> list[HalfStep]:
    """Half-steps of centres that start at the first places and move to each of the others, with chosen inertias."""
    steps: list[HalfStep] = []
    labels = np.full(len(X), -1)
    for i, value in enumerate(inertia):
        at = np.array(centers[min((i + 1) // 2, len(centers) - 1)], float)
        before, half = labels, "update" if i % 2 else "assign"
        if half == "assign":
            labels = np.hypot(*(X[:, None] - at).T).argmin(axis=0)
        step = {"step": i // 2 + 1, "half": half, "inertia": value, "centers": at, "labels": labels.astype(np.uint8)}
        steps.append(HalfStep(**step, stride=1, digest=0, changed=int((labels != before).sum())))
    return steps


def clustered(
    root: Path, config: Mapping[str, Any], found: Clustering, metrics: Mapping[str, float], sweep: Sweep | None = None
) -> Run:
    """A finished run of a clusterer that found ``found``; its data are those of its configuration."""
    params = {f"{group}.{key}": value for group in ("dataset", "learner") for key, value in config[group].items()}
    params |= {key: value for key, value in config.items() if key not in ("dataset", "learner")}
    run = Run.start(config["name"], "made_up", params, {}, sweep=sweep, root=root)
    run.log_text("config.yaml", OmegaConf.to_yaml(OmegaConf.create(dict(config))))
    run.log_metrics(metrics, step=0)
    run.log_clustering(found)
    run.end("FINISHED")
    run.close()
    if sweep is not None:
        sweep.runs.append(run)
    return run
