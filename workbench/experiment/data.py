"""Data for a run: loaded by name, checked, split, standardised by what the training part shows."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from workbench.errors import DataError, WorkbenchError
from workbench.registry import registry
from workbench.specs import Data, Dataset, Task

if TYPE_CHECKING:
    import numpy as np

_KEPT = 8  # data sets and splits kept in memory: a sweep asks for the same few again and again


@dataclass(frozen=True)
class Prepared:
    """What a learner gets: training and validation arrays, read-only, and the task they pose."""

    task: Task
    X_train: np.ndarray
    y_train: np.ndarray
    X_validation: np.ndarray
    y_validation: np.ndarray


def prepare(name: str, options: Mapping[str, Any], fraction: float, standardise: bool, seed: int) -> Prepared:
    """Load a data set by name and split it, ``fraction`` of the samples for validation.

    Classes keep their shares in both parts. ``standardise`` brings each input, and real-valued targets, to mean 0 and
    variance 1 over the training part. Raises ``DataError`` for data that cannot be learned from.
    """
    return _prepare(registry().get("dataset", name), json.dumps(options, sort_keys=True), fraction, standardise, seed)


@functools.lru_cache(_KEPT)
def _prepare(spec: Dataset, options: str, fraction: float, standardise: bool, seed: int) -> Prepared:
    from sklearn.model_selection import train_test_split

    task, data = _load(spec, options)
    classes = data.y if task == "classification" else None
    try:
        parts = train_test_split(data.X, data.y, test_size=fraction, random_state=seed, stratify=classes)
    except ValueError as error:
        what = f"data set {spec.name!r} ({len(data.X)} samples) cannot be split, {fraction:g} of it for validation"
        raise DataError(f"{what}: {error}") from error
    X_train, X_validation, y_train, y_validation = parts
    if standardise:
        X_train, X_validation = _standardise(X_train, X_validation)
        if task == "regression":
            y_train, y_validation = _standardise(y_train, y_validation)
    for array in (X_train, y_train, X_validation, y_validation):
        array.flags.writeable = False  # other jobs of the sweep share it
    return Prepared(task, X_train, y_train, X_validation, y_validation)


def _standardise(train: np.ndarray, validation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(train.reshape(len(train), -1))
    both = (scaler.transform(part.reshape(len(part), -1)).reshape(part.shape) for part in (train, validation))
    return tuple(both)


@functools.lru_cache(_KEPT)
def _load(spec: Dataset, options: str) -> tuple[Task, Data]:
    try:
        data = spec.function(**json.loads(options))
    except WorkbenchError:
        raise
    except Exception as error:  # whatever a stranger's loader or its file brings up
        raise DataError(f"data set {spec.name!r} could not be loaded: {type(error).__name__}: {error}") from error
    return check(data, spec.task, f"data set {spec.name!r}")


def check(data: Data, task: Task | None, what: str) -> tuple[Task, Data]:
    """The task, and the data with class labels as integers.

    Text and truth values become classes 0, 1, ... in sorted order, named by ``target_names``. Raises ``DataError`` for
    data that are empty, unequal in length, no numbers, or not finite, and for labels that are no classes.
    """
    import numpy as np

    X, y = np.asarray(data.X), np.asarray(data.y)
    if X.ndim < 2:
        raise DataError(f"{what}: X has shape {X.shape}; one row per sample is needed, (n_samples, n_features).")
    if X.size == 0 or y.size == 0:
        raise DataError(f"{what} is empty: X has shape {X.shape}, y {y.shape}.")
    if len(X) != len(y):
        raise DataError(f"{what}: X has {len(X)} samples but y has {len(y)}.")
    X = _numbers(X, data.feature_names, what)
    if y.dtype.kind in "OUSb":
        names, y = np.unique(y.astype(str), return_inverse=True)
        data = replace(data, target_names=[str(name) for name in names])
    else:
        _finite(y, (), f"{what}: y")
    if task is None:
        task = "classification" if y.dtype.kind in "iu" else "regression"
    if task == "classification" and y.dtype.kind == "f":
        if (broken := y % 1 != 0).any():
            place = tuple(map(int, np.argwhere(broken)[0]))
            raise DataError(f"{what}: classes need whole numbers or text, but y{list(place)} is {y[place]:g}.")
        y = y.astype(np.int64)
    if task == "regression":
        y = y.astype(np.float64)
    return task, replace(data, X=X, y=y)


def _numbers(X: np.ndarray, names: Any, what: str) -> np.ndarray:
    import numpy as np

    if X.dtype.kind not in "biuf":
        for column in range(X.shape[1]):
            try:
                X[:, column].astype(np.float64)
            except (ValueError, TypeError) as error:
                raise DataError(f"{what}: {_feature(column, names)} holds what is no number: {error}.") from None
        X = X.astype(np.float64)
    _finite(X, names, f"{what}: X")
    return X


def _finite(values: np.ndarray, names: Any, what: str) -> None:
    import numpy as np

    if values.dtype.kind != "f" or np.isfinite(values).all():
        return
    broken = np.argwhere(~np.isfinite(values))
    place = tuple(map(int, broken[0]))
    feature = f" ({_feature(place[1], names)})" if len(place) == 2 and names else ""
    more = f", and {len(broken) - 1} more like it" if len(broken) > 1 else ""
    raise DataError(
        f"{what}{list(place)}{feature} is {values[place]}{more}. Fill such values in or leave the rows out."
    )


def _feature(column: int, names: Any) -> str:
    return f"feature {names[column]!r}" if column < len(names) else f"feature {column}"
