"""The network estimators are scikit-learn citizens."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris, make_blobs
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import workbench as wb
from workbench.errors import ConfigError, DataError
from workbench.registry import registry
from workbench.specs import Optimizer


def test_classifier_in_a_pipeline():
    X, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    model = make_pipeline(StandardScaler(), wb.NetworkClassifier(optimizer={"adam": {"lr": 0.01}}))
    assert cross_val_score(model, X, names, cv=3).mean() > 0.9


@pytest.mark.parametrize("output", ["softmax", "sigmoid"])
def test_two_classes_with_one_or_two_outputs(output):
    X, y = load_iris(return_X_y=True)
    X, y = X[:100], np.array(["no", "yes"])[y[:100]]
    loss = {"softmax": "cross_entropy", "sigmoid": "binary_cross_entropy"}[output]
    model = wb.NetworkClassifier(output=output, loss=loss).fit(X, y)
    assert model.network_.predict_proba(X).shape[1] == {"softmax": 2, "sigmoid": 1}[output]
    assert model.predict_proba(X).shape == (100, 2)
    assert model.score(X, y) > 0.95


FITS = {"unit": {"sigmoid", "softmax"}, "distribution": {"softmax"}}  # outputs that are what a loss's targets are


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("loss", registry().names("loss"))
def test_any_loss_after_any_output_tells_classes_apart_or_is_refused_before_training(loss, n_classes):
    centers = np.array([[0, 0], [6, 0], [0, 6]])[:n_classes]
    X, y = make_blobs(60, centers=centers, cluster_std=0.7, random_state=0)
    X, y = X - X.mean(axis=0), np.array(["no", "yes", "perhaps"])[y]
    outputs = ("linear", "sigmoid", "tanh", "softmax")
    for output in outputs:
        for choice in (output, {output: {}}):
            model = wb.NetworkClassifier((), output=choice, loss=loss, optimizer={"adam": {"lr": 0.1}}, batch_size=15)
            if output not in FITS.get(wb.get("loss", loss).targets, outputs):
                with pytest.raises(ConfigError, match="end the layers with"):
                    model.check_data(X, y)
                continue
            model.check_data(X, y)
            assert model.fit(X, y).score(X, y) == model.history_[-1]["train/accuracy"] == 1, choice
            if hasattr(model, "predict_proba"):
                probabilities = model.predict_proba(X)
                np.testing.assert_allclose(probabilities.sum(axis=1), 1)
                np.testing.assert_array_equal(model.classes_[probabilities.argmax(axis=1)], model.predict(X))


def test_probabilities_too_small_to_tell_apart_are_equal():
    X = np.array([[1.0], [2.0], [3.0]] * 10)
    model = wb.NetworkClassifier((), output="sigmoid", loss="binary_cross_entropy", batch_size=10).fit(X, X[:, 0])
    model.network_.parameters()["0.weight"][:] = -1
    np.testing.assert_allclose(model.predict_proba([[1e4]]), 1 / 3)
    assert model.predict([[1e4]]) == 1


def test_validation_data_may_not_hold_a_new_class():
    X, y = load_iris(return_X_y=True)
    with pytest.raises(DataError, match="class 2"):
        wb.NetworkClassifier(epochs=1).fit(X[:100], y[:100], validation_data=(X[100:], y[100:]))


def test_regression_refuses_a_loss_for_classes():
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ConfigError, match="use squared_error"):
        wb.NetworkRegressor(loss="cross_entropy").fit(X, y.astype(float))


@pytest.mark.parametrize("estimator", [wb.NetworkClassifier, wb.NetworkRegressor])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": "relu"}, "layers must be a list"),
        ({"layers": 5}, "layers must be a list"),
        ({"layers": {"dense": {"units": 3}}}, "layers must be a list"),
        ({"dtype": "junk"}, "dtype = 'junk'"),
        ({"threads": 0}, "threads = 0"),
    ],
)
def test_bad_options_are_the_networks_errors(estimator, options, message):
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ConfigError, match=message):
        estimator(**options).check()
    with pytest.raises(ConfigError, match=message):
        estimator(**options).fit(X, y)


@pytest.mark.parametrize(
    ("options", "exists"),
    [
        ({}, True),
        ({"loss": "binary_cross_entropy"}, True),
        ({"loss": "squared_error", "output": {"softmax": {}}}, True),
        ({"loss": "squared_error"}, False),
        ({"loss": "hinge"}, False),
        ({"loss": "squared_error", "output": "tanh"}, False),
    ],
)
def test_probabilities_are_offered_only_where_the_outputs_are_some(options, exists):
    assert hasattr(wb.NetworkClassifier(**options), "predict_proba") == exists


@pytest.mark.parametrize("y_val", ["text", 3.0, ["a"] * 150, [[1.0], [1.0, 2.0]]])
def test_validation_targets_of_a_regression_are_numbers(y_val):
    X, y = load_iris(return_X_y=True)
    with pytest.raises(DataError, match="the validation data's y is not an array of numbers"):
        wb.NetworkRegressor(epochs=1).fit(X, y.astype(float), validation_data=(X, y_val))


@pytest.mark.parametrize("estimator", [wb.NetworkClassifier, wb.NetworkRegressor])
def test_validation_data_are_a_pair(estimator):
    X, y = load_iris(return_X_y=True)
    with pytest.raises(DataError, match="must be a pair"):
        estimator(epochs=1).fit(X, y, validation_data=X)


def test_a_batch_beyond_memory_takes_what_rows_there_are():
    X, y = load_iris(return_X_y=True)
    with pytest.warns(UserWarning, match="larger than the 150 samples"):
        wb.NetworkClassifier(epochs=1, batch_size=10**15).fit(X, y)


def names(model):
    """Of its hidden layers."""
    return [entry if isinstance(entry, str) else next(iter(entry)) for entry in model.layers]


def test_mlp_chooses_what_belongs_together():
    mlp = wb.get("estimator", "mlp").function
    model = mlp("classification", depth=2, activation="relu", lr=0.3, dropout=0.1, batch_norm=True)
    assert names(model) == ["flatten", *["dense", "batch_norm", "relu", "dropout"] * 2]
    assert model.initializer == "he_uniform"
    assert model.optimizer == {"adam": {"lr": 0.3}}
    X, y = load_iris(return_X_y=True)

    def ending(task, **options):
        network = mlp(task, epochs=1, **options).fit(X, y.astype(float) if task == "regression" else y).network_
        return network.stages[-1].name, network.plan.loss.spec.name

    assert ending("classification") == ("softmax", "cross_entropy")
    assert ending("classification", loss="binary_cross_entropy") == ("sigmoid", "binary_cross_entropy")
    assert ending("classification", loss="squared_error") == ("linear", "squared_error")
    assert ending("regression") == ("linear", "squared_error")
    for option in ({"lr": 0.0}, {"lr": float("inf")}, {"threads": 0}):
        with pytest.raises(ConfigError, match=f"{next(iter(option))} = "):
            wb.get("estimator", "mlp").check(option)
    with pytest.raises(wb.WorkbenchError, match="did you mean 'relu'"):
        mlp("classification", activation="rleu")


def test_cnn_lists_convolutions_then_dense_layers():
    cnn = wb.get("estimator", "cnn").function
    assert names(cnn("classification")) == [*["conv2d", "relu", "max_pool2d"] * 2, "flatten"]
    options = {"filters": [8], "kernel_size": 5, "stride": 2, "padding": "valid", "pool": 1, "dense": [10, 7]}
    model = cnn("classification", **options, dropout=0.1, batch_norm=True, activation="tanh")
    assert names(model) == ["conv2d", "batch_norm", "tanh", "flatten", *["dropout", "dense", "tanh"] * 2, "dropout"]
    assert model.layers[0]["conv2d"] == {"filters": 8, "kernel_size": 5, "stride": 2, "padding": "valid"}
    assert [layer["dense"]["units"] for layer in model.layers if "dense" in layer] == [10, 7]
    assert model.initializer == "glorot_uniform"
    shapes = [shape for _, shape, _ in model._network(3).initialize((11, 9, 2)).table()]
    assert shapes[:4] == [(4, 3, 8), (4, 3, 8), (4, 3, 8), (96,)]


def test_C2_a_cnn_learns_to_read_digits():
    X, y = load_digits(return_X_y=True)
    model = wb.get("estimator", "cnn").function("classification", filters=[8], optimizer="adam", lr=0.01, epochs=3)
    images = (X / 16).reshape(-1, 8, 8, 1)
    assert model.fit(images[:1000], y[:1000]).score(images[1000:], y[1000:]) > 0.85  # chance is 0.1


def test_C1_dqn_has_the_shapes_and_parameters_of_the_original_network():
    """Mnih et al. (2015): 84 x 84 x 4 -> 20 x 20 x 32 -> 9 x 9 x 64 -> 7 x 7 x 64 -> 512 -> a value for each move."""
    model = wb.get("estimator", "dqn").function("classification")
    table = model._network(n_outputs=18).initialize((84, 84, 4)).table()
    assert [row for row in table if row[2]] == [
        ("conv2d", (20, 20, 32), 8_224),
        ("conv2d", (9, 9, 64), 32_832),
        ("conv2d", (7, 7, 64), 36_928),
        ("dense", (512,), 1_606_144),
        ("dense", (18,), 9_234),
    ]
    assert [name for name, *_ in table] == [*["conv2d", "relu"] * 3, "flatten", "dense", "relu", "dense", "softmax"]


@pytest.mark.parametrize("learner", ["cnn", "dqn"])
def test_a_network_for_images_says_what_to_do_about_rows(learner):
    X, y = load_digits(return_X_y=True)
    model = wb.get("estimator", learner).function("classification")
    message = (
        rf"^learner '{learner}' needs images .*, not samples of shape \(64,\): take learner=mlp, or .*flat=false\)\.$"
    )
    with pytest.raises(ConfigError, match=message):
        model.check_data(X, y)


@pytest.mark.parametrize(
    ("learner", "options", "size", "advice"),
    [
        ("dqn", {}, 35, "'dqn' are fixed: it takes images of at least 36 x 36 pixels."),
        ("cnn", {"pool": 3}, 8, "'max_pool2d': a kernel .* Options of 'cnn' that keep images larger: a smaller pool,"),
        ("cnn", {"filters": [4] * 4}, 8, "fewer numbers in filters, or padding=same."),
        ("cnn", {"padding": "valid", "kernel_size": 9}, 8, "'conv2d': a kernel .* Options of 'cnn'"),
    ],
)
def test_a_network_for_images_says_what_its_options_can_do_about_small_ones(learner, options, size, advice):
    model = wb.get("estimator", learner).function("classification", batch_size=2, **options)
    y = np.arange(4) % 2
    with pytest.raises(ConfigError, match=advice):
        model.check_data(np.ones((4, size, size, 1), np.float32), y)
    model.check_data(np.ones((4, 36, 36, 1), np.float32), y)


def test_advice_about_images_is_given_about_images_only():
    model = wb.get("estimator", "cnn").function("classification", batch_size=2, output="tanh")
    with pytest.raises(ConfigError, match="end the layers with") as raised:
        model.check_data(np.ones((6, 8, 8, 1), np.float32), np.arange(6) % 3)
    assert "Options of 'cnn'" not in str(raised.value)


@pytest.mark.parametrize("learner", ["mlp", "cnn", "dqn"])
def test_every_network_takes_the_settings_of_its_training(learner):
    spec = wb.get("estimator", learner)
    given = {
        "activation": "tanh", "output": "sigmoid", "loss": "binary_cross_entropy", "reduction": "sum",
        "initializer": "zeros", "optimizer": {"rmsprop": {"alpha": 0.5}}, "lr": 0.5, "weight_decay": 0.25,
        "schedule": "cosine", "batch_size": 7, "epochs": 3, "patience": 2, "dtype": "float64", "threads": 1, "seed": 9,
    }  # fmt: skip
    assert given.keys() <= spec.options.keys()
    model = spec.function("classification", **spec.check(given))
    expected = {name: value for name, value in given.items() if name not in ("activation", "lr", "weight_decay")}
    expected["optimizer"] = {"rmsprop": {"alpha": 0.5, "lr": 0.5, "weight_decay": 0.25}}
    expected["random_state"] = expected.pop("seed")
    assert {name: getattr(model, name) for name in expected} == expected
    assert "tanh" in model.layers


def test_the_optimizers_own_weight_decay_stays_unless_another_is_given():
    mlp = wb.get("estimator", "mlp").function
    assert mlp("classification", optimizer="adamw").optimizer == "adamw"
    assert mlp("classification", optimizer="adamw", weight_decay=0.0).optimizer == {"adamw": {"weight_decay": 0.0}}


def test_an_optimizer_without_weight_decay_is_refused_and_others_named(monkeypatch):
    adam = registry().entry("optimizer", "adam")
    plain = Optimizer("plain", lambda weight, grad, lr, step: (weight - lr * grad,))
    monkeypatch.setitem(registry()._entries, ("optimizer", "plain"), replace(adam, spec=plain))
    mlp = wb.get("estimator", "mlp").function
    with pytest.raises(
        ConfigError, match="optimizer 'plain' has no weight_decay; these have one: adagrad, adam, adamw"
    ):
        mlp("classification", optimizer="plain", weight_decay=0.1)
    assert mlp("classification", optimizer="plain", lr=0.1).optimizer == {"plain": {"lr": 0.1}}


@pytest.mark.parametrize("estimator", [wb.NetworkClassifier, wb.NetworkRegressor])
def test_patience_stops_an_estimator_and_is_not_asked_for_when_only_checking(estimator):
    X, y = load_iris(return_X_y=True)
    y = y if estimator is wb.NetworkClassifier else y.astype(float)
    model = estimator(patience=2, epochs=200, optimizer={"adam": {"lr": 0.1}})
    model.check_data(X, y)
    model.fit(X[::2], y[::2], validation_data=(X[1::2], y[1::2]))
    assert model.n_iter_ == model.network_.best_epoch + 2 < 200
    with pytest.raises(ConfigError, match="patience = 2 waits"):
        model.fit(X, y)


@pytest.mark.parametrize(("targets", "output"), [("unit", "sigmoid"), ("distribution", "softmax"), ("real", "linear")])
def test_an_output_left_open_gives_what_the_loss_takes_for_targets(project, targets, output):
    (project / "plugins").mkdir()
    (project / "plugins" / "plain.py").write_text(
        "from workbench import Loss, hookimpl\n\n"
        "def plain(y_true, y_pred):\n    return (y_true - y_pred) ** 2\n\n"
        f"@hookimpl\ndef register_losses():\n    return [Loss('plain', plain, targets={targets!r})]\n"
    )
    X, y = np.eye(4), np.array([0, 1, 2, 0])
    made = wb.NetworkClassifier([{"dense": {"units": 4}}], loss="plain", batch_size=4, epochs=1).fit(X, y)
    assert made.network_.settings["layers"][-1] == output
