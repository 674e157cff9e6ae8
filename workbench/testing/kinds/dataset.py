"""What is asked of a data set: that it loads, always the same, and says the truth about itself."""

from __future__ import annotations

import functools
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, get_args, get_origin
from unittest.mock import patch

import numpy as np

from workbench.errors import DataError, WorkbenchError
from workbench.experiment.data import check
from workbench.specs import Data, Dataset, Task
from workbench.testing.checks import CheckSkipped, CheckWarning, refuse
from workbench.testing.instruments.learners import SEEDS, own_numbers

SMALL = (37, 64, 100)  # samples asked for, where that can be asked: the first number that is taken


def check_loads(dataset: Dataset) -> str:
    """With its defaults it gives data that can be learned from: numbers, one row or image a sample, and its targets."""
    data = _load(dataset)
    task = _check(dataset, data)
    _check_names(dataset, data, task)
    X = np.asarray(data.X)
    said = f"X {X.shape} {X.dtype}"
    if task == "classification":
        said += f", {len(np.unique(np.asarray(data.y)))} classes"
    elif task == "regression":
        said += f", y {np.asarray(data.y).shape}"
    return said if X.flags.c_contiguous else f"{said}; not C-contiguous, so it is copied where it is used"


def check_repeatable(dataset: Dataset) -> None:
    """Every time it gives the same data, bit by bit, and a copy that may be written to."""
    with own_numbers(dataset):
        first = _load(dataset, **_small(dataset))
    X, y = np.array(first.X), None if first.y is None else np.array(first.y)
    for given in (first.X, first.y):
        if isinstance(given, np.ndarray) and given.flags.writeable:
            given[...] = given.reshape(-1)[::-1].reshape(given.shape)
    again = _load(dataset, **_small(dataset))
    for name, one, other in (("X", X, again.X), ("y", y, again.y)):
        if where := _unlike(one, other):
            why = "draw random numbers from np.random.default_rng(seed), and give each caller arrays of its own"
            refuse(dataset, f"it loads other data the second time: {name} {where}; {why}.")


def check_seed(dataset: Dataset) -> str:
    """``seed``, if it draws random numbers, settles them, and another one gives other data."""
    option = next((name for name in SEEDS if name in dataset.options), None)
    if option is None:
        raise CheckSkipped("it has no option seed")
    first, again, other = (_load(dataset, **_small(dataset), **{option: seed}) for seed in (3, 3, 4))
    for name in ("X", "y"):
        if where := _unlike(getattr(first, name), getattr(again, name)):
            refuse(dataset, f"{option}=3 gives other data the second time: {name} {where}.")
    if not _unlike(first.X, other.X) and not _unlike(first.y, other.y):
        refuse(dataset, f"{option}=3 and {option}=4 give the same data.")
    if option != "seed":
        raise CheckWarning(f"its option {option} settles the random numbers: data sets call it seed.")
    return "seeds 3 and 4 differ"


def check_n_samples(dataset: Dataset) -> str:
    """``n_samples``, if it is an option, is how many samples there are."""
    if "n_samples" not in dataset.options:
        raise CheckSkipped("it has no option n_samples")
    asked = _small(dataset)
    if not asked:
        raise CheckSkipped(f"it refuses {', '.join(map(str, SMALL))}")
    (n,), data = asked.values(), _load(dataset, **asked)
    for name, array in (("X", data.X), ("y", data.y)):
        if array is not None and len(array) != n:
            refuse(dataset, f"n_samples={n}: {name} has {len(array)} of them.")
    return f"{n} of {n}"


def check_choices(dataset: Dataset) -> str:
    """Every choice that it offers, yes or no or one of some names, gives data as good."""
    tried = []
    for name, option in dataset.options.items():
        offered: tuple = ()
        if isinstance(option.default, bool):
            offered = (not option.default,)
        elif get_origin(option.annotation) is Literal:
            offered = tuple(value for value in get_args(option.annotation) if value != option.default)
        for value in offered:
            chosen = f"{name}={value!r}"
            data = _load(dataset, **_small(dataset), **{name: value})
            task = _check(dataset, data, f"with {chosen} ")
            _check_names(dataset, data, task, f"with {chosen} ", all_classes=False)
            tried.append(chosen)
    if not tried:
        raise CheckSkipped("it offers none")
    return ", ".join(tried)


CHECKS = (check_loads, check_repeatable, check_seed, check_n_samples, check_choices)


def _load(dataset: Dataset, **given: Any) -> Data:
    if missing := [name for name, option in dataset.options.items() if option.required]:
        raise CheckSkipped(f"it needs {' and '.join(missing)}, which only its user knows")
    options = dataset.check(given)
    with _offline() as asked:
        try:
            data = dataset.function(**options)
        except Exception:
            if asked:
                raise CheckSkipped("it wants the network, which no check uses") from None
            raise
    if not isinstance(data, Data):
        refuse(dataset, f"its function gives a {type(data).__name__}; it should give a workbench.Data(X, y).")
    return data


@contextmanager
def _offline() -> Iterator[list[Any]]:
    """Nobody can be reached meanwhile; the list tells whether anybody was called."""
    asked: list[Any] = []

    def refused(*called: Any, **more: Any) -> Any:
        asked.append(called)
        raise OSError("a check does not use the network")

    with patch.object(socket.socket, "connect", refused), patch.object(socket, "getaddrinfo", refused):
        yield asked


@functools.lru_cache(4)  # every check asks for the same
def _small(dataset: Dataset) -> dict[str, int]:
    """The option that keeps it small, if it has one, as it takes it."""
    for n in SMALL if "n_samples" in dataset.options else ():
        try:
            _load(dataset, n_samples=n)
        except WorkbenchError:
            continue
        return {"n_samples": n}
    return {}


def _check(dataset: Dataset, data: Data, how: str = "") -> Task:
    """The task, if the data can be learned from."""
    try:
        task, _ = check(data, dataset.task, f"{how}the data")
    except DataError as error:
        refuse(dataset, str(error))
    if dataset.task is not None and task != dataset.task:
        refuse(dataset, f"its task is {dataset.task!r}, but {how}the data have no y.")
    return task


def _check_names(dataset: Dataset, data: Data, task: Task, how: str = "", all_classes: bool = True) -> None:
    """Names that do not fit what they name."""
    X, names, targets = np.asarray(data.X), list(data.feature_names), list(data.target_names)
    if names and X.ndim == 2 and len(names) != X.shape[1]:
        refuse(dataset, f"{how}feature_names are {len(names)}, but X has {X.shape[1]} features.")
    if data.y is None:
        return
    y = np.asarray(data.y)
    if task == "regression":
        if targets and len(targets) != (1 if y.ndim == 1 else y.shape[1]):
            refuse(dataset, f"{how}target_names are {len(targets)}, but y has shape {y.shape}.")
        if (y == y[0]).all():
            refuse(dataset, f"{how}all targets are {y[0]}: there is nothing to learn.")
        return
    classes, counts = np.unique(y, return_counts=True)
    if len(classes) < 2:
        refuse(dataset, f"{how}all samples are of class {classes[0]}: there is nothing to learn.")
    if all_classes and counts.min() < 2:
        single, n = classes[counts.argmin()], np.count_nonzero(counts == 1)
        refuse(
            dataset,
            f"{how}{n} of {len(classes)} classes have one sample, as {single}: training and validation need one each.",
        )
    if targets and classes.dtype.kind in "iu":
        if classes[0] < 0 or classes[-1] >= len(targets):
            strange = classes[0] if classes[0] < 0 else classes[-1]
            refuse(dataset, f"{how}y holds the class {strange}, but target_names name 0 to {len(targets) - 1}.")
        if all_classes and len(classes) != len(targets):
            unseen = sorted(set(range(len(targets))) - set(classes.tolist()))[0]
            refuse(dataset, f"{how}no sample is of class {unseen}, {targets[unseen]!r}.")


def _unlike(one: Any, other: Any) -> str:
    """Where two arrays differ, in words; "" if they do not."""
    if one is None or other is None:
        return "" if one is other else "is there only once"
    a, b = np.asarray(one), np.asarray(other)
    if a.shape != b.shape or a.dtype != b.dtype:
        return f"is {b.dtype} {b.shape}, was {a.dtype} {a.shape}"
    differ = (a != b) & ~((a != a) & (b != b))  # NaN is unlike itself
    if not differ.any():
        return ""
    at = tuple(int(i) for i in np.argwhere(differ)[0])
    return f"differs in {np.count_nonzero(differ)} of {a.size} places, first {list(at)}: {b[at]}, was {a[at]}"
