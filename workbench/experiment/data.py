"""Data for a run: loaded by name, checked, split, standardised by what the training part shows."""

from __future__ import annotations

import copy
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cachetools import LRUCache, cached
from cachetools.keys import hashkey

from workbench.errors import DataError, WorkbenchError
from workbench.registry import registry
from workbench.specs import Data, Dataset, Task

if TYPE_CHECKING:
    import numpy as np

_LOADED = 8  # data sets kept in memory: a sweep asks for the same few again and again
_SPLIT = 2**29  # bytes of splits kept likewise; the latest is kept however large


@dataclass(frozen=True)
class Prepared:
    """What a learner gets: training and validation arrays, read-only, and the task they pose; names of what is in them.

    For ``"clustering"`` everything is in ``X_train``, one row a sample, and ``y_train`` holds the known classes; it is
    empty where there are none.
    """

    task: Task
    X_train: np.ndarray
    y_train: np.ndarray
    X_validation: np.ndarray
    y_validation: np.ndarray
    target_names: Sequence[str] = ()
    feature_names: Sequence[str] = ()


def prepare(
    name: str,
    options: Mapping[str, Any],
    fraction: float | None,
    standardise: bool,
    seed: int,
    training_samples: int | None = None,
) -> Prepared:
    """Load a data set by name and split it, ``fraction`` of the samples for validation; None: all of it for clustering.

    Classes keep their shares in both parts. ``training_samples`` keeps so many of the training part: classes keep
    their shares, each at least one sample; of one seed, few are among the more, and the validation part stays the same.
    ``standardise`` brings each input, or of images (n, height, width, channels) each channel over all pixels, and
    real-valued targets, to mean 0 and variance 1 over the samples trained on; in float32 where that holds the inputs
    exactly. Raises ``DataError`` for data that cannot be learned from.
    """
    spec = registry().get("dataset", name)
    return _prepare(spec, spec.check(options, "dataset"), fraction, standardise, seed, training_samples)


def _key(spec: Dataset, options: Mapping[str, Any], *settings: Any) -> tuple:
    """Options need not have a hash; they are told apart by what they look like."""
    return hashkey(spec, repr(options), *settings)


def _size(prepared: Prepared) -> int:
    parts = (prepared.X_train, prepared.y_train, prepared.X_validation, prepared.y_validation)
    return min(_SPLIT, sum(array.nbytes for array in parts))


@cached(LRUCache(_SPLIT, _size), _key, threading.Lock())
def _prepare(
    spec: Dataset,
    options: Mapping[str, Any],
    fraction: float | None,
    standardise: bool,
    seed: int,
    training_samples: int | None,
) -> Prepared:
    import numpy as np
    from sklearn.model_selection import train_test_split

    task, data = _load(spec, options)
    what, n = f"data set {spec.name!r}", len(data.X)
    if fraction is None:
        return _for_clustering(task, data, what, standardise, seed, training_samples)
    if data.y is None:
        clusterers = ", ".join(registry().names("clusterer"))
        raise DataError(f"{what} has nothing to predict, it is for clustering: choose as learner one of {clusterers}.")
    classes = data.y if task == "classification" else None
    try:
        train, validation = train_test_split(np.arange(n), test_size=fraction, random_state=seed, stratify=classes)
    except ValueError as error:
        raise DataError(f"{what} ({n} samples) cannot be split, {fraction:g} of it for validation: {error}") from error
    if training_samples is not None:
        if training_samples > len(train):
            raise DataError(
                f"{what} has {len(train)} samples to train on ({n} less {fraction:g} for validation), fewer than "
                f"training_samples = {training_samples}."
            )
        train = train[:training_samples] if classes is None else train[_few(classes[train], training_samples, what)]
    if task == "regression" and min(len(train), len(validation)) < 2:
        raise DataError(
            f"{what}: {len(train)} to train on and {len(validation)} for validation; a regression needs at least 2 "
            "samples in each part."
        )
    X_train, X_validation, y_train, y_validation = data.X[train], data.X[validation], data.y[train], data.y[validation]
    if standardise:
        X_train, X_validation = _standardise(X_train, X_validation)
        if task == "regression":
            y_train, y_validation = _standardise(y_train, y_validation)
    for array in (X_train, y_train, X_validation, y_validation):
        array.flags.writeable = False  # other jobs of the sweep share it
    return Prepared(task, X_train, y_train, X_validation, y_validation, data.target_names, data.feature_names)


def _for_clustering(
    task: Task, data: Data, what: str, standardise: bool, seed: int, training_samples: int | None
) -> Prepared:
    """All samples as rows, or so many of them drawn by the seed; few are among the more."""
    import numpy as np
    from sklearn.preprocessing import StandardScaler

    X = data.X.reshape(len(data.X), -1)
    y = data.y if task == "classification" and data.y is not None and data.y.ndim == 1 else np.empty(0, np.int64)
    if training_samples is not None:
        if training_samples > len(X):
            raise DataError(f"{what} has {len(X)} samples, fewer than training_samples = {training_samples}.")
        few = np.sort(np.random.default_rng(seed).permutation(len(X))[:training_samples])
        X, y = X[few], y[few] if y.size else y
    if standardise:
        X = StandardScaler().fit_transform(X.astype(np.result_type(X, np.float32), copy=False))
    X = np.ascontiguousarray(X)
    for array in (X, y):
        array.flags.writeable = False
    return Prepared("clustering", X, y, X[:0], y[:0], data.target_names, data.feature_names)


def _few(y: np.ndarray, count: int, what: str) -> np.ndarray:
    """Places in ``y`` of so many samples: the first of every class, then each class's next when its share is due."""
    import numpy as np

    names, y, sizes = np.unique(y, axis=0, return_inverse=True, return_counts=True)
    if count < len(names):
        raise DataError(f"training_samples = {count} is fewer than the {len(names)} classes of {what}.")
    by_class = np.argsort(y, kind="stable")
    rank = np.empty(len(y))
    rank[by_class] = np.arange(len(y)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.sort(np.argsort(rank / sizes[y], kind="stable")[:count])


def _standardise(train: np.ndarray, validation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    import numpy as np
    from sklearn.preprocessing import StandardScaler

    dtype = np.result_type(train, np.float32)
    if train.ndim == 4:
        return _standardise_channels(train, validation, dtype)
    tables = [part.reshape(len(part), -1).astype(dtype, copy=False) for part in (train, validation)]
    scaler = StandardScaler().fit(tables[0])
    both = (scaler.transform(table).reshape(len(table), *train.shape[1:]) for table in tables)
    return tuple(both)


def _standardise_channels(train: np.ndarray, validation: np.ndarray, dtype: Any) -> tuple[np.ndarray, np.ndarray]:
    """A channel, and a few images, at a time: what is needed in between are copies in float64."""
    import numpy as np
    from sklearn.preprocessing import StandardScaler
    from sklearn.utils import gen_batches

    scaled = np.empty(train.shape, dtype), np.empty(validation.shape, dtype)
    for channel in range(train.shape[-1]):
        scaler = StandardScaler()
        for few in gen_batches(len(train), 32):
            scaler.partial_fit(train[few, ..., channel].reshape(-1, 1))
        for part, into in zip((train, validation), scaled, strict=True):
            np.subtract(part[..., channel], scaler.mean_, out=into[..., channel], dtype=dtype)
            into[..., channel] /= scaler.scale_
    return scaled


@cached(LRUCache(_LOADED), _key, threading.Lock())
def _load(spec: Dataset, options: Mapping[str, Any]) -> tuple[Task, Data]:
    try:
        data = spec.function(**copy.deepcopy(dict(options)))  # lest a loader changes the configuration
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

    X, y = np.asarray(data.X), None if data.y is None else np.asarray(data.y)
    if X.ndim < 2:
        raise DataError(f"{what}: X has shape {X.shape}; one row per sample is needed, (n_samples, n_features).")
    if y is None:
        if X.size == 0:
            raise DataError(f"{what} is empty: X has shape {X.shape}.")
        return "clustering", replace(data, X=_numbers(X, data.feature_names, what))
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
        try:
            X = X.astype(np.float64)
        except (ValueError, TypeError):
            for place, value in np.ndenumerate(X):
                try:
                    float(value)
                except (ValueError, TypeError) as error:
                    raise DataError(f"{what}: X{_place(place, names)} is no number: {error}.") from None
            raise
    _finite(X, names, f"{what}: X")
    return X


def _finite(values: np.ndarray, names: Any, what: str) -> None:
    import numpy as np

    if values.dtype.kind != "f" or np.isfinite(values).all():
        return
    broken = np.argwhere(~np.isfinite(values))
    place = tuple(map(int, broken[0]))
    more = f", and {len(broken) - 1} more like it" if len(broken) > 1 else ""
    raise DataError(
        f"{what}{_place(place, names)} is {values[place]}{more}. Fill such values in or leave the samples out."
    )


def _place(place: tuple[int, ...], names: Any) -> str:
    """An index, with the name of its feature or what it means in images."""
    meaning = ""
    if len(place) == 2 and place[1] < len(names):
        meaning = f" (feature {names[place[1]]!r})"
    elif len(place) == 4:
        meaning = " (sample {}, row {}, column {}, channel {})".format(*place)
    return f"{list(place)}{meaning}"
