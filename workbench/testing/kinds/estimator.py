"""What is asked of an estimator, tried on tables, or else on images, from which it is easy to learn."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.errors import WorkbenchError
from workbench.specs import Estimator, Task
from workbench.testing.checks import CheckFailed, CheckSkipped, CheckWarning, raised, refuse
from workbench.testing.instruments.learners import blame_threads, conventions, having, in_threads, own_numbers, seeded

TASKS: tuple[Task, ...] = ("classification", "regression")
SHAPES = ((4,), (8, 8, 1), (36, 36, 1), (84, 84, 4))  # of a sample; the first that an estimator takes is used
CLASSES = ("amber", "blue", "cyan")
N = 96  # samples to learn from, and as many to predict
LEARN = {"epochs": 60, "batch_size": 16}
BRIEFLY = {"epochs": 2, "batch_size": 32}
BETTER = 0.1  # than the best constant answer: in accuracy, or as R² where that answer has 0


@dataclass(frozen=True)
class Lesson:
    """Samples of one task that an estimator takes: ``N`` to learn from, and ``N`` to be predicted."""

    task: Task
    X: np.ndarray
    y: np.ndarray
    X_new: np.ndarray
    y_new: np.ndarray


def check_builds(estimator: Estimator) -> str:
    """Called with a task and its options, it gives an unfitted scikit-learn estimator, or says that it cannot."""
    lessons, refused = _lessons(estimator)
    for task, error in refused.items():
        if not lessons or not isinstance(error, WorkbenchError):
            shapes = " or ".join(map(str, SHAPES))
            refuse(estimator, f"{task}: it takes no samples of shape {shapes}: {raised(error)}")
    taken = ", ".join(f"{lesson.task} of samples {lesson.X.shape[1:]}" for lesson in lessons)
    return taken + "".join(f"; {task} is refused: {error}" for task, error in refused.items())


def check_input(estimator: Estimator) -> None:
    """The data stay as they are, and may be read-only: the jobs of a sweep share them."""
    lesson = _one(estimator)
    X, y = lesson.X.copy(), lesson.y.copy()
    _new(estimator, lesson.task, **BRIEFLY).fit(X, y).predict(X)
    for name, given, expected in (("X", X, lesson.X), ("y", y, lesson.y)):
        if (given != expected).any():
            at = tuple(map(int, np.argwhere(given != expected)[0]))
            refuse(estimator, f"it changes the data it is given: {name}{list(at)} from {expected[at]} to {given[at]}.")
        given.setflags(write=False)
    try:
        _new(estimator, lesson.task, **BRIEFLY).fit(X, y).predict(X)
    except ValueError as error:
        if "read-only" not in str(error):
            raise
        refuse(estimator, f"it wants to write to the data it is given: {raised(error)}.")


def check_predictions(estimator: Estimator) -> None:
    """Every sample is predicted one of the classes it was shown, or a finite number; probabilities add up to 1."""
    for lesson in _need(estimator):
        model = _fit(estimator, lesson, BRIEFLY)
        found = np.asarray(model.predict(lesson.X_new))
        if found.shape != (N,):
            refuse(estimator, f"{lesson.task}: predict gives shape {found.shape} for {N} samples.")
        if lesson.task == "classification":
            if strange := set(found.tolist()) - set(CLASSES):
                refuse(estimator, f"it predicts {strange.pop()!r}, which is none of the classes {CLASSES}.")
            _check_probabilities(estimator, model, lesson, found)
        elif found.dtype.kind != "f" or not np.isfinite(found).all():
            refuse(estimator, f"it predicts numbers that are {found.dtype}, or not finite.")


def check_seed(estimator: Estimator) -> None:
    """The same seed gives the same bits, whatever else draws random numbers, and another one need not."""
    lesson = _one(estimator)

    def answers(seed: int) -> np.ndarray:
        return _answers(_fit(estimator, lesson, BRIEFLY | seeded(estimator, seed)), lesson)

    with own_numbers(estimator):
        first = answers(3)
    if off := np.count_nonzero(first != answers(3)):
        seed = "".join(f" with {name}=3" for name in seeded(estimator, 3))
        refuse(estimator, f"trained twice on the same data{seed}, it differs in {off} of {first.size} predictions.")
    if seeded(estimator, 3) and not any((first != answers(seed)).any() for seed in (0, 1, 2)):
        raise CheckWarning(f"its option {next(iter(seeded(estimator, 3)))} makes no difference to what it predicts.")


def check_threads(estimator: Estimator) -> str:
    """It gives the same bits with one thread and with two."""
    lesson = _one(estimator)
    one, two = in_threads(estimator, lambda given: _answers(_fit(estimator, lesson, BRIEFLY | given), lesson))
    if off := np.count_nonzero(one != two):
        near = one.dtype.kind == "f" and np.allclose(one, two, rtol=1e-4, atol=1e-4)
        blame_threads(estimator, f"{off} of {one.size} predictions differ", rounding=near)
    return "its option threads" if "threads" in estimator.options else "threads of BLAS and OpenMP"


def check_data(estimator: Estimator) -> str:
    """Its ``check_data``, if it has one, trains nothing, and says what it has against data by a WorkbenchError."""
    refused, asked = 0, 0
    for lesson in _need(estimator):
        model = _new(estimator, lesson.task, **BRIEFLY)
        if not hasattr(model, "check_data"):
            raise CheckSkipped("it has none")
        before = set(vars(model))
        for what, X, y in _odd_data(lesson.task):
            asked += 1
            try:
                model.check_data(X, y)
            except WorkbenchError:
                refused += 1
            except Exception as error:
                refuse(estimator, f"check_data of {what} raises {raised(error)}; a DataError should say what is wrong.")
        if trained := {name for name in set(vars(model)) - before if name.endswith("_")}:
            refuse(estimator, f"check_data trains: afterwards the estimator has {sorted(trained)[0]}.")
    return f"{refused} of {asked} data refused"


def check_learns(estimator: Estimator) -> str:
    """It learns: from easy data, it answers better than with the best constant."""
    said = []
    for lesson in _need(estimator):
        found = np.asarray(_fit(estimator, lesson, LEARN).predict(lesson.X_new))
        if lesson.task == "classification":
            share, best = float((found == lesson.y_new).mean()), 1 / len(CLASSES)
            if share < best + BETTER:
                refuse(
                    estimator, f"it is right for {share:.0%} of samples that always the same would be for {best:.0%}."
                )
            said.append(f"right for {share:.0%}, by chance {best:.0%}")
        else:
            r2 = 1 - float(((found - lesson.y_new) ** 2).mean() / lesson.y_new.var())
            if not r2 > BETTER:
                refuse(estimator, f"its predictions of numbers have an R² of {r2:.2g}; their mean alone would have 0.")
            said.append(f"R² {r2:.2f}")
    return "; ".join(said)


def check_scikit_learn(estimator: Estimator) -> str:
    """It passes scikit-learn's own ``check_estimator``, for both tasks."""
    lessons = [lesson for lesson in _need(estimator) if lesson.X.ndim == 2]
    if not lessons:
        raise CheckSkipped("it takes images alone, and scikit-learn asks with tables")
    return conventions(estimator, *(_new(estimator, lesson.task, **LEARN) for lesson in lessons))


CHECKS = (
    check_builds,
    check_input,
    check_predictions,
    check_seed,
    check_threads,
    check_data,
    check_learns,
    check_scikit_learn,
)


@functools.lru_cache(4)  # every check asks for the same
def _lessons(estimator: Estimator) -> tuple[list[Lesson], dict[Task, Exception]]:
    """Samples that it takes, for one task or both, and what it has against tables for the other."""
    lessons: list[Lesson] = []
    refused: dict[Task, Exception] = {}
    for task in TASKS:
        for shape in SHAPES:
            lesson = _lesson(task, shape)
            try:
                model = _new(estimator, task, **BRIEFLY)
                judge: Callable = getattr(model, "check_data", model.fit)
                judge(lesson.X, lesson.y)
            except CheckFailed:
                raise
            except (WorkbenchError, ValueError) as error:  # a ValueError is how scikit-learn refuses images
                refused.setdefault(task, error)
            else:
                lessons.append(lesson)
                refused.pop(task, None)
                break
    return lessons, refused


def _need(estimator: Estimator) -> list[Lesson]:
    lessons, _ = _lessons(estimator)
    if not lessons:
        raise CheckSkipped("it takes no data")
    return lessons


def _one(estimator: Estimator) -> Lesson:
    return _need(estimator)[0]


def _lesson(task: Task, shape: tuple[int, ...]) -> Lesson:
    """Three quantities behind every sample, seen through noise: the largest is its class, or they add up to a number.

    Of an image, each lightens a part of the rows.
    """
    rng = np.random.default_rng(0)
    behind = rng.normal(0, 0.5, (2 * N, 3))
    classes = np.arange(2 * N) % 3
    if task == "classification":
        behind[np.arange(2 * N), classes] += 2
        y = np.array(CLASSES)[classes]
    else:
        y = behind @ (1.0, -0.5, 0.25)
    X = rng.normal(0, 0.2, (2 * N, *shape))
    for part, rows in enumerate(np.array_split(np.arange(shape[0]), 3)):
        X[:, rows] += behind[:, part].reshape(-1, *[1] * len(shape))
    return Lesson(task, X[:N], y[:N], X[N:], y[N:])


def _odd_data(task: Task) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Data that the workbench would hand on, whether or not there is something to be learned from them."""
    rng = np.random.default_rng(0)
    for shape in ((4,), (1,), (8, 8, 1), (1, 1, 3), (36, 36, 2)):
        for n in (12, 2):
            targets: dict[str, np.ndarray] = {"one target": np.zeros(n), "different numbers": np.arange(n) / n}
            if task == "classification":
                targets = {"one class": np.zeros(n, np.int64), "a class each": np.arange(n)}
            for what, y in targets.items():
                yield f"{n} samples {shape} of {what}", rng.normal(size=(n, *shape)), y
    yield "12 samples of whole numbers", rng.integers(0, 255, (12, 4)).astype(np.uint8), np.arange(12) % 3


def _new(estimator: Estimator, task: Task, **wanted: Any) -> Any:
    model = estimator.function(task, **estimator.check(having(estimator, **wanted)))
    if isinstance(model, type) or not all(callable(getattr(model, name, None)) for name in ("fit", "predict")):
        refuse(estimator, f"its function gives {model!r}, which is no estimator: it needs methods fit and predict.")
    return model


def _fit(estimator: Estimator, lesson: Lesson, wanted: Mapping[str, Any]) -> Any:
    return _new(estimator, lesson.task, **wanted).fit(lesson.X, lesson.y)


def _answers(model: Any, lesson: Lesson) -> np.ndarray:
    """Predictions of new samples: probabilities, if there are any, tell more than classes."""
    return np.asarray((model.predict_proba if hasattr(model, "predict_proba") else model.predict)(lesson.X_new))


def _check_probabilities(estimator: Estimator, model: Any, lesson: Lesson, predicted: np.ndarray) -> None:
    if not hasattr(model, "predict_proba"):
        return
    shares = np.asarray(model.predict_proba(lesson.X_new))
    if shares.shape != (N, len(CLASSES)):
        refuse(estimator, f"predict_proba gives shape {shares.shape} for {N} samples of {len(CLASSES)} classes.")
    off = np.abs(shares.sum(axis=1) - 1).max()
    if not (shares.min() >= 0 and off < 1e-6):
        refuse(estimator, f"its probabilities are {shares.min():.3g} or more, and add up to 1 within {off:.3g}.")
    if (said := np.asarray(model.classes_)[shares.argmax(axis=1)] != predicted).any():
        i = int(said.argmax())
        refuse(estimator, f"it predicts {str(predicted[i])!r} where {shares[i].round(3)} are its probabilities.")
