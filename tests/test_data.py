"""Data: checked before use, split and standardised as scikit-learn does it by hand; images channel by channel."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from workbench.errors import DataError
from workbench.experiment.data import _prepare, check, prepare
from workbench.registry import registry
from workbench.specs import Data

X = np.arange(12.0).reshape(4, 3)
NAMES = ["height", "width", "depth"]
IMAGES = np.arange(48.0).reshape(2, 4, 3, 2)


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


@pytest.fixture
def arrays(project):
    """Write ``X`` and ``y`` to a file and prepare them."""

    def arrays(X, y, standardise=True, training_samples=None):
        path = project / f"{X.dtype}.npz"
        np.savez(path, X=X, y=y)
        return prepare("file", {"path": str(path)}, 0.25, standardise, 0, training_samples)

    return arrays


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_images_are_standardised_by_channel(dtype, arrays):
    """The third channel is the same everywhere: it becomes zero. 70 images: more than are looked at in one go."""
    images = np.random.default_rng(0).integers(0, 256, (70, 5, 4, 3)).astype(dtype)
    images[..., 1] //= 7
    images[..., 2] = 0.1 if dtype == np.float32 else 3
    labels = np.arange(70) % 2
    raw, scaled = arrays(images, labels, standardise=False), arrays(images, labels)
    assert raw.X_train.dtype == dtype
    assert scaled.X_train.dtype == scaled.X_validation.dtype == np.result_type(dtype, np.float32)
    mean, std = raw.X_train.mean((0, 1, 2), np.float64), raw.X_train.std((0, 1, 2), np.float64)
    std[2] = 1
    # 1e-5: a hundred roundings to float32 of numbers of order one
    np.testing.assert_allclose(scaled.X_train, (raw.X_train - mean) / std, rtol=0, atol=1e-5)
    np.testing.assert_allclose(scaled.X_validation, (raw.X_validation - mean) / std, rtol=0, atol=1e-5)
    assert abs(scaled.X_train[..., 2]).max() < 1e-5


def test_bytes_in_tables_become_single_precision_and_whole_numbers_double(arrays):
    table = np.random.default_rng(0).integers(0, 256, (40, 3))
    few, many = arrays(table.astype(np.uint8), np.arange(40) % 2), arrays(table, np.arange(40) % 2)
    assert few.X_train.dtype == few.X_validation.dtype == np.float32
    assert many.X_train.dtype == np.float64
    np.testing.assert_allclose(few.X_train, many.X_train, rtol=0, atol=1e-5)


def test_preparing_images_takes_little_memory(project):
    """Bytes, their two parts, the parts in float32, a tenth for the rest: a copy in float64 would be 8 more."""
    prepare("frames", {"n_samples": 50, "size": 16}, 0.2, True, 0)  # imports
    tracemalloc.start()
    data = prepare("frames", {"n_samples": 400, "frames": 4}, 0.2, True, 0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert data.X_train.dtype == np.float32
    assert peak < 1.1 * 400 * 84 * 84 * 4 * (1 + 1 + 4)


def test_splits_are_kept_in_memory_by_their_bytes(project):
    _prepare.cache_clear()
    first = prepare("iris", {}, 0.2, True, 0)
    assert prepare("iris", {}, 0.2, True, 0) is first
    assert _prepare.cache.currsize == 150 * (4 * 8 + 8)  # four float64 and an int64 a flower
    assert _prepare.cache.maxsize == 2**29


@pytest.mark.parametrize("count", [10, 100, 1430, 1437])
def test_training_samples_are_few_of_every_class(count, project):
    """Each class has its share to one sample, few are among the more, and the validation part is the same."""
    everything = prepare("digits", {}, 0.2, False, 1)
    few = prepare("digits", {}, 0.2, False, 1, count)
    more = prepare("digits", {}, 0.2, False, 1, min(2 * count, 1437))
    assert len(few.X_train) == len(few.y_train) == count
    expected = np.bincount(everything.y_train) * count / len(everything.y_train)
    assert abs(np.bincount(few.y_train, minlength=10) - expected).max() < 1
    np.testing.assert_array_equal(few.X_validation, everything.X_validation)
    np.testing.assert_array_equal(few.y_validation, everything.y_validation)

    def samples(part):
        return {(*x, y) for x, y in zip(part.X_train.tolist(), part.y_train.tolist(), strict=True)}

    assert samples(few) <= samples(more) <= samples(everything)
    if count == 100:
        assert samples(few) != samples(prepare("digits", {}, 0.2, False, 2, count))


def test_a_rare_class_is_among_the_few(arrays):
    y = np.repeat([0, 1, 2], [90, 8, 2])
    data = arrays(np.arange(100.0)[:, None], y, standardise=False, training_samples=3)
    assert sorted(data.y_train) == [0, 1, 2]


def test_few_training_samples_of_a_regression_are_the_first_of_the_many(project):
    many, few = prepare("diabetes", {}, 0.2, False, 0), prepare("diabetes", {}, 0.2, False, 0, 50)
    np.testing.assert_array_equal(few.X_train, many.X_train[:50])
    np.testing.assert_array_equal(few.y_train, many.y_train[:50])
    np.testing.assert_array_equal(few.y_validation, many.y_validation)


def test_few_training_samples_standardise_by_themselves(project):
    data = prepare("wine", {}, 0.2, True, 0, 30)
    np.testing.assert_allclose([data.X_train.mean(axis=0), data.X_train.std(axis=0)], [[0] * 13, [1] * 13], atol=1e-12)


@pytest.mark.parametrize(
    ("count", "message"),
    [
        (1438, "data set 'digits' has 1437 samples to train on (1797 less 0.2 for validation), fewer than training"),
        (9, "training_samples = 9 is fewer than the 10 classes of data set 'digits'."),
    ],
)
def test_impossible_numbers_of_training_samples_are_refused(count, message, project):
    with pytest.raises(DataError) as refused:
        prepare("digits", {}, 0.2, True, 0, count)
    assert message in str(refused.value)


@pytest.mark.parametrize(("fraction", "training_samples"), [(0.2, 1), (0.001, None)])
def test_a_regression_of_one_sample_is_refused(fraction, training_samples, project):
    """R² of one sample is not defined."""
    with pytest.raises(
        DataError, match=r"'diabetes': \d+ to train on and \d+ for validation; a regression needs at leas"
    ):
        prepare("diabetes", {}, fraction, True, 0, training_samples)
    assert len(prepare("diabetes", {}, 0.2, True, 0, 2).y_train) == 2


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
        (np.where(X == 3, "tall", X.astype(object)), [0, 1, 0, 1], "X[1, 0] (feature 'height') is no number: could "),
        (
            np.where(IMAGES == 40, np.nan, IMAGES),
            [0, 1],
            "it: X[1, 2, 2, 0] (sample 1, row 2, column 2, channel 0) is nan.",
        ),
        (
            np.where(IMAGES == 3, "red", IMAGES.astype(object)),
            [0, 1],
            "it: X[0, 0, 1, 1] (sample 0, row 0, column 1, channel 1) is no number: could not convert",
        ),
    ],
    ids=["empty", "lengths", "flat", "nan", "inf", "nan target", "fraction", "text", "nan pixel", "text pixel"],
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


COLLECTION = """
from pathlib import Path

import numpy as np

from workbench import Data, Dataset, hookimpl

given = []


def collection(folder: Path = Path("here"), shape: tuple = (4, 3), without: list = ["b"]):
    given.append((folder, shape, list(without)))
    without.clear()
    return Data(np.ones(shape), np.arange(len(np.ones(shape))) % 2)


@hookimpl
def register_datasets():
    return [Dataset("collection", collection)]
"""


def test_a_loader_gets_its_options_as_it_declares_them_and_cannot_change_them(project):
    (project / "plugins").mkdir()
    (project / "plugins" / "collection.py").write_text(COLLECTION)
    for shape in ((4, 3), [4, 3]):  # a configuration's file has lists only
        prepare("collection", {"shape": shape}, None, False, 0)
        prepare("collection", {"without": ["c"]}, None, False, 0)
    assert registry().manager.get_plugin("collection").given == [
        (Path("here"), (4, 3), ["b"]),
        (Path("here"), (4, 3), ["c"]),
    ]
