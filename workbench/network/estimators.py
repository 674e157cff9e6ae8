"""The network as scikit-learn estimators: the output layer is added to fit the targets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from workbench.errors import ConfigError, DataError
from workbench.network.architecture import Choice, choose, choose_layers
from workbench.network.network import Network, Record


class _NetworkEstimator(BaseEstimator):
    def __init__(
        self,
        layers: Sequence[Choice] = ({"dense": {"units": 32}}, "relu"),
        *,
        output: str = "linear",
        loss: Choice = "squared_error",
        optimizer: Choice = "adam",
        schedule: Choice = "constant",
        initializer: Choice = "glorot_uniform",
        reduction: str = "mean",
        batch_size: int = 32,
        epochs: int = 50,
        dtype: str = "float32",
        threads: int | None = None,
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        self.layers = layers
        self.output = output
        self.loss = loss
        self.optimizer = optimizer
        self.schedule = schedule
        self.initializer = initializer
        self.reduction = reduction
        self.batch_size = batch_size
        self.epochs = epochs
        self.dtype = dtype
        self.threads = threads
        self.random_state = random_state

    def check(self) -> None:
        """Raise ``ConfigError`` or ``UnknownName`` for whatever is wrong without data."""
        choose_layers(self.layers)
        choose("activation", self.output, "output")
        self._network(n_outputs=2)

    def check_data(self, X: Any, y: Any) -> None:
        """Raise whatever ``fit`` would raise before its first step; nothing is trained."""
        clone(self).set_params(epochs=0).fit(X, y)

    def _network(self, n_outputs: int) -> Network:
        return Network(
            [*self.layers, {"dense": {"units": n_outputs}}, self.output], self.loss, self.optimizer, self.schedule,
            self.initializer, self.reduction, self.batch_size, self.epochs, self._seed(), self.dtype, self.threads,
        )  # fmt: skip

    def _seed(self) -> int:
        if isinstance(self.random_state, np.random.RandomState):
            return int(self.random_state.randint(2**31 - 1))
        return int(np.random.SeedSequence().entropy % 2**31) if self.random_state is None else self.random_state  # type: ignore[operator]

    def _fit(
        self,
        X: np.ndarray,
        y: np.ndarray,
        n_outputs: int,
        validation_data: tuple[np.ndarray, np.ndarray] | None,
        on_epoch: Callable[[int, Record], None] | None,
    ) -> None:
        network = self._network(n_outputs).initialize(X.shape[1:], n_outputs)
        self.network_ = network
        self.history_ = network.history
        network.fit(X, y, validation_data=validation_data, on_epoch=on_epoch)
        self.n_iter_ = len(network.history)

    def _samples(self, X: Any, reset: bool) -> np.ndarray:
        """Images and the like keep their axes; everything else is what scikit-learn makes of it."""
        if getattr(X, "ndim", 2) > 2:
            return validate_data(self, X, reset=reset, dtype=np.dtype(self.dtype), allow_nd=True)
        return validate_data(self, X, reset=reset, dtype=np.dtype(self.dtype))


class NetworkClassifier(ClassifierMixin, _NetworkEstimator):
    """A network for classification: ``layers``, then a dense layer with one unit per class and ``output``.

    With ``output="sigmoid"`` and two classes there is one unit. ``fit`` takes labels of any kind. Other parameters are
    ``Network``'s; ``random_state`` is its seed. ``network_`` is the trained network, ``history_`` its history.
    """

    def __init__(
        self,
        layers: Sequence[Choice] = ({"dense": {"units": 32}}, "relu"),
        *,
        output: str = "softmax",
        loss: Choice = "cross_entropy",
        optimizer: Choice = "adam",
        schedule: Choice = "constant",
        initializer: Choice = "glorot_uniform",
        reduction: str = "mean",
        batch_size: int = 32,
        epochs: int = 50,
        dtype: str = "float32",
        threads: int | None = None,
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        super().__init__(
            layers, output=output, loss=loss, optimizer=optimizer, schedule=schedule, initializer=initializer,
            reduction=reduction, batch_size=batch_size, epochs=epochs, dtype=dtype, threads=threads,
            random_state=random_state,
        )  # fmt: skip

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        validation_data: tuple[Any, Any] | None = None,
        on_epoch: Callable[[int, Record], None] | None = None,
    ) -> NetworkClassifier:
        """Train on ``X`` (n_samples, ...) and labels ``y`` (n_samples,); see ``Network.fit``."""
        y = np.asarray(y) if y is not None else y
        if y is not None and y.ndim == 2 and y.shape[1] == 1:
            from sklearn.utils.validation import column_or_1d

            y = column_or_1d(y, warn=True)
        X = self._samples_and_labels(X, y)
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise DataError(f"y holds only one class, {self.classes_[0]!r}: there is nothing to learn (1 class).")
        n_outputs = 1 if self.output == "sigmoid" and len(self.classes_) == 2 else len(self.classes_)
        if validation_data is not None:
            X_val, y_val = self._samples(validation_data[0], reset=False), np.asarray(validation_data[1])
            unknown = np.setdiff1d(y_val, self.classes_)
            if unknown.size:
                raise DataError(f"the validation data hold the class {unknown[0]}, which the training data do not.")
            validation_data = (X_val, np.searchsorted(self.classes_, y_val))
        self._fit(X, labels, n_outputs, validation_data, on_epoch)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities (n_samples, n_classes) as ``output`` gives them, each row scaled to sum to one."""
        check_is_fitted(self)
        outputs = self.network_.predict_proba(self._samples(X, reset=False)).astype(np.float64)
        if outputs.shape[1] == 1:
            return np.column_stack([1 - outputs[:, 0], outputs[:, 0]])
        return outputs / outputs.sum(axis=1, keepdims=True)

    def predict(self, X: Any) -> np.ndarray:
        """The most probable label of each sample."""
        check_is_fitted(self)
        return self.classes_[self.network_.predict(self._samples(X, reset=False))]

    def _samples_and_labels(self, X: Any, y: Any) -> np.ndarray:
        nd = getattr(X, "ndim", 2) > 2
        X, _ = validate_data(self, X, y, dtype=np.dtype(self.dtype), allow_nd=nd)
        return X


class NetworkRegressor(RegressorMixin, _NetworkEstimator):
    """A network for regression: ``layers``, then a dense layer with one unit per target and ``output``.

    Parameters are ``Network``'s; ``random_state`` is its seed. ``network_`` is the trained network, ``history_`` its
    history.
    """

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        validation_data: tuple[Any, Any] | None = None,
        on_epoch: Callable[[int, Record], None] | None = None,
    ) -> NetworkRegressor:
        """Train on ``X`` (n_samples, ...) and ``y`` (n_samples,) or (n_samples, n_outputs); see ``Network.fit``."""
        loss = choose("loss", self.loss, "loss")
        if loss.spec.targets != "real":
            raise ConfigError(f"loss {loss.spec.name!r} is for classes, not for a regression: use squared_error.")
        nd = getattr(X, "ndim", 2) > 2
        X, y = validate_data(self, X, y, dtype=np.dtype(self.dtype), multi_output=True, y_numeric=True, allow_nd=nd)
        self._one_target = y.ndim == 1
        if validation_data is not None:
            y_val = np.asarray(validation_data[1], dtype=y.dtype).reshape(len(validation_data[1]), -1)
            validation_data = (self._samples(validation_data[0], reset=False), y_val)
        y = np.asarray(y, dtype=np.float64).reshape(len(y), -1)
        self._fit(X, y, y.shape[1], validation_data, on_epoch)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """(n_samples,) or (n_samples, n_outputs), as ``y`` was."""
        check_is_fitted(self)
        outputs = self.network_.predict_proba(self._samples(X, reset=False)).astype(np.float64)
        return outputs[:, 0] if self._one_target else outputs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
