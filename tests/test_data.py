"""Data: checked before use, split and standardised as scikit-learn does it by hand."""

import numpy as np
import pytest

from workbench.errors import DataError
from workbench.experiment.data import check, prepare
from workbench.specs import Data

X = np.arange(12.0).reshape(4, 3)
NAMES = ["height", "width", "depth"]


def test_the_split_keeps_the_shares_of_the_classes(project):
    data = prepare("digits", {}, 0.25, False, 0)
    assert data.task == "classification"
    assert len(data.X_validation) == 450  # a quarter of 1797, rounded up as scikit-learn does
    shares = [np.bincount(y) / len(y) for y in (data.y_train, data.y_validation)]
    np.testing.assert_allclose(*shares, atol=1 / 450)  # one sample's worth


def test_standardising_uses_the_training_part_only(project):
    raw = prepare("digits", {}, 0.2, False, 3)
    scaled = prepare("digits", {}, 0.2, True, 3)
    mean, std = raw.X_train.mean(axis=0), raw.X_train.std(axis=0)
    std[std == 0] = 1  # pixels that are always blank stay zero
    # 1e-12: a few roundings of numbers of order 10
    np.testing.assert_allclose(scaled.X_train, (raw.X_train - mean) / std, rtol=0, atol=1e-12)
    np.testing.assert_allclose(scaled.X_validation, (raw.X_validation - mean) / std, rtol=0, atol=1e-12)


def test_real_targets_are_standardised_and_classes_are_not(project):
    real, classes = prepare("diabetes", {}, 0.2, True, 0), prepare("iris", {}, 0.2, True, 0)
    assert real.task == "regression"
    np.testing.assert_allclose([real.y_train.mean(), real.y_train.std()], [0, 1], atol=1e-12)
    assert abs(real.y_validation.mean()) > 1e-3  # by the training part's mean, not its own
    assert set(classes.y_train) == {0, 1, 2}


def test_the_seed_decides_the_split_and_nothing_else_does(project):
    first, again, other = (prepare("iris", {}, 0.2, True, seed) for seed in (0, 0, 1))
    assert np.array_equal(first.X_train, again.X_train)
    assert not np.array_equal(first.X_train, other.X_train)


def test_a_learner_cannot_change_the_data_of_the_next(project):
    data = prepare("iris", {}, 0.2, True, 0)
    with pytest.raises(ValueError, match="read-only"):
        data.X_train[0, 0] = 7


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (np.empty((0, 3)), [], "it is empty: X has shape (0, 3), y (0,)."),
        (X, [0, 1, 0], "it: X has 4 samples but y has 3."),
        (X[0], [0, 1, 0], "it: X has shape (3,); one row per sample is needed"),
        (np.where(X == 5, np.nan, X), [0, 1, 0, 1], "it: X[1, 2] (feature 'depth') is nan."),
        (np.where(X % 5 == 4, -np.inf, X), [0, 1, 0, 1], "(feature 'width') is -inf, and 1 more like it."),
        (X, [0, 1, np.nan, 1], "it: y[2] is nan."),
        (X, [0, 1, 0.5, 1], "it: classes need whole numbers or text, but y[2] is 0.5."),
        (np.where(X == 3, "tall", X.astype(object)), [0, 1, 0, 1], "it: feature 'height' holds what is no number:"),
    ],
    ids=["empty", "lengths", "flat", "nan", "inf", "nan target", "fraction", "text"],
)
def test_what_cannot_be_learned_from_is_refused_by_place(X, y, message):
    with pytest.raises(DataError) as refused:
        check(Data(X, np.asarray(y), NAMES), "classification", "it")
    assert message in str(refused.value)


def test_text_and_truth_values_become_classes():
    task, data = check(Data(X, np.array(["dog", "cat", "horse", "cat"])), None, "it")
    assert task == "classification"
    assert data.y.tolist() == [1, 0, 2, 0]
    assert data.target_names == ["cat", "dog", "horse"]
    assert check(Data(X, np.array([True, False, True, True])), None, "it")[1].y.tolist() == [1, 0, 1, 1]


def test_the_task_follows_from_the_targets_where_the_data_set_does_not_say():
    assert check(Data(X, np.array([3, 1, 3, 1])), None, "it")[0] == "classification"
    assert check(Data(X, np.array([3.0, 1.5, 3.0, 1.0])), None, "it")[0] == "regression"


def test_whole_numbers_that_a_file_gives_as_floats_are_classes():
    assert check(Data(X, np.array([2.0, 1.0, 2.0, 1.0])), "classification", "it")[1].y.dtype == np.int64


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"defect": "lone class"}, "data set 'tiny' (12 samples) cannot be split, 0.2 of it for validation: "),
        ({"defect": "unreadable"}, "data set 'tiny' could not be loaded: OSError: disk on fire"),
        ({"defect": "missing"}, "data set 'tiny': X[1, 2] (feature 'depth') is nan."),
        ({"n": 0}, "data set 'tiny' is empty"),
    ],
)
def test_a_data_set_that_fails_is_named(fakes, options, message):
    with pytest.raises(DataError) as refused:
        prepare("tiny", options, 0.2, True, 0)
    assert message in str(refused.value)
