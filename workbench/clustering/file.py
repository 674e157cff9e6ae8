"""A clustering on disk: labels, centres and history in one safetensors file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open

from workbench.clustering.result import Clustering, HalfStep
from workbench.files import save_tensors

HALVES = ("assign", "update")
_NUMBERS = ("step", "inertia", "stride", "digest", "changed")  # of a half-step


def save(clustering: Clustering, path: Path) -> None:
    """Write it all but the attributes; replaces the file in one step. Raises ``OSError``."""
    arrays: dict[str, Any] = {"labels": clustering.labels}
    if clustering.centers is not None:
        arrays["centers"] = clustering.centers
    if clustering.inertia is not None:
        arrays["inertia"] = np.float64(clustering.inertia)
    if clustering.n_iter is not None:
        arrays["n_iter"] = np.int64(clustering.n_iter)
    if history := clustering.history:
        arrays["history.half"] = np.array([HALVES.index(each["half"]) for each in history], np.uint8)
        for name in (*_NUMBERS, "centers", "labels"):
            arrays[f"history.{name}"] = np.array([each[name] for each in history])  # type: ignore[literal-required]
    save_tensors(arrays, path, {"metric": clustering.metric})


def load(path: Path) -> Clustering:
    """Read it back. Raises ``FileNotFoundError``, and ``SafetensorError`` for a file that is broken."""
    with safe_open(path, "numpy") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no mapping)
        metric = file.metadata()["metric"]
    history = []
    for i in range(len(arrays.get("history.half", ()))):
        numbers = {name: arrays[f"history.{name}"][i].item() for name in _NUMBERS}
        rest = {name: arrays[f"history.{name}"][i] for name in ("centers", "labels")}
        history.append(HalfStep(half=HALVES[arrays["history.half"][i]], **numbers, **rest))  # type: ignore[typeddict-item]
    inertia, n_iter = arrays.get("inertia"), arrays.get("n_iter")
    return Clustering(
        arrays["labels"],
        arrays.get("centers"),
        None if inertia is None else inertia.item(),
        None if n_iter is None else n_iter.item(),
        history,
        metric,
    )
