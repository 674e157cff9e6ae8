"""Workbench: write an idea as one small Python file, sweep it at native speed, see the answer in MLflow."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import WorkbenchError
from workbench.hookspecs import hookimpl
from workbench.specs import (
    Activation,
    Clusterer,
    Data,
    Dataset,
    Estimator,
    Figure,
    Fused,
    Initializer,
    Layer,
    LayerShape,
    Loss,
    Metric,
    Optimizer,
    Parameter,
    Schedule,
)

if TYPE_CHECKING:
    from workbench.clustering import Clustering, clusterer
    from workbench.network import Network, NetworkClassifier, NetworkRegressor
    from workbench.registry import get

__version__ = "0.1.0"

__all__ = [
    "Activation",
    "Clusterer",
    "Clustering",
    "Data",
    "Dataset",
    "Estimator",
    "Figure",
    "Fused",
    "Initializer",
    "Layer",
    "LayerShape",
    "Loss",
    "Metric",
    "Network",
    "NetworkClassifier",
    "NetworkRegressor",
    "Optimizer",
    "Parameter",
    "Schedule",
    "WorkbenchError",
    "clusterer",
    "get",
    "hookimpl",
]

_checkout = Path(__file__).parent.parent
if (_checkout / "pyproject.toml").is_file():  # a source tree: plugins/ and conf/ lie beside this package
    __path__.append(str(_checkout))

# Loaded on first use: a plugin file that imports only the vocabulary must not pay for Numba and scikit-learn.
_LAZY = {
    "Clustering": "workbench.clustering",
    "clusterer": "workbench.clustering",
    "get": "workbench.registry",
    "Network": "workbench.network",
    "NetworkClassifier": "workbench.network",
    "NetworkRegressor": "workbench.network",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
