"""The network estimators are scikit-learn citizens."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import workbench as wb
from workbench.errors import ConfigError, DataError


@pytest.mark.filterwarnings("ignore:batch_size")  # scikit-learn's checks use handfuls of samples
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
@parametrize_with_checks([wb.NetworkClassifier(), wb.NetworkRegressor()])
def test_scikit_learn_conventions(estimator, check):
    check(estimator)


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


def test_mlp_chooses_what_belongs_together():
    mlp = wb.get("estimator", "mlp").function
    model = mlp("classification", depth=2, activation="relu", lr=0.3, dropout=0.1, batch_norm=True)
    assert [e if isinstance(e, str) else next(iter(e)) for e in model.layers] == [
        "dense", "batch_norm", "relu", "dropout",
    ] * 2  # fmt: skip
    assert model.initializer == "he_uniform"
    assert model.optimizer == {"sgd": {"lr": 0.3}}
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
