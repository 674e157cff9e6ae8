"""The network as scikit-learn estimators: the output layer is added to fit the targets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from workbench.errors import ConfigError, DataError
from workbench.network.architecture import Choice, choose, choose_layers
from workbench.network.diagnostics import Record
from workbench.network.network import PROBABILITIES, Network
from workbench.network.targets import check_numbers, check_pair
from workbench.registry import registry

Pair = tuple[Any, Any]

_OUTPUTS = {"unit": "sigmoid", "distribution": "softmax"}  # by what a loss's targets are


class _NetworkEstimator(BaseEstimator):
    _LOSS: ClassVar[str]  # what "auto" stands for

    def __init__(
        self,
        layers: Sequence[Choice] = ({"dense": {"units": 32}}, "relu"),
        *,
        output: Choice = "auto",
        loss: Choice = "auto",
        optimizer: Choice = "adam",
        schedule: Choice = "constant",
        initializer: Choice = "glorot_uniform",
        reduction: str = "mean",
        batch_size: int = 32,
        epochs: int = 50,
        patience: int | None = None,
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
        self.patience = patience
        self.dtype = dtype
        self.threads = threads
        self.random_state = random_state

    def check(self) -> None:
        """Raise ``ConfigError`` or ``UnknownName`` for whatever is wrong without data."""
        self._network(n_outputs=2)

    def check_data(self, X: Any, y: Any) -> None:
        """Raise what ``fit`` would for these data, training nothing."""
        clone(self).set_params(epochs=0, patience=None).fit(X, y)

    def _resolved(self) -> tuple[Choice, Choice]:
        """Loss and output; one left open is the activation that the loss fuses with, or else what its targets are."""
        loss = self._LOSS if self.loss == "auto" else self.loss
        if self.output != "auto":
            return loss, self.output
        spec = choose("loss", loss, "loss").spec
        return loss, next(iter(spec.fused), _OUTPUTS.get(spec.targets, "linear"))

    def _network(self, n_outputs: int) -> Network:
        loss, output = self._resolved()
        choose_layers(self.layers)  # before it is unpacked
        seed = self.random_state
        if not isinstance(seed, int | np.integer):
            seed = int(check_random_state(seed).randint(2**31 - 1))
        return Network(
            [*self.layers, {"dense": {"units": n_outputs}}, output], loss, self.optimizer, self.schedule,
            self.initializer, self.reduction, self.batch_size, self.epochs, self.patience, seed, self.dtype,
            self.threads,
        )  # fmt: skip

    def _fit(
        self,
        X: np.ndarray,
        y: np.ndarray,
        n_outputs: int,
        validation_data: Pair | None,
        on_start: Callable[[Network], None] | None,
        on_epoch: Callable[[int, Record], None] | None,
    ) -> None:
        self.network_ = self._network(n_outputs)
        self.network_.fit(X, y, validation_data=validation_data, on_start=on_start, on_epoch=on_epoch)
        self.history_ = self.network_.history
        self.n_iter_ = len(self.history_)

    def _check(self, X: Any, *y: Any, reset: bool, **more: Any) -> Any:
        """scikit-learn's own checks; images and the like keep their axes."""
        allow_nd = getattr(X, "ndim", 2) > 2
        return validate_data(self, X, *y, reset=reset, dtype=np.dtype(self.dtype), allow_nd=allow_nd, **more)

    def _outputs(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        return self.network_.predict_proba(self._check(X, reset=False)).astype(np.float64)


class NetworkClassifier(ClassifierMixin, _NetworkEstimator):
    """A network for classification: ``layers``, then a dense layer with one unit per class and ``output``.

    ``auto``: cross-entropy, and the output that belongs to the loss. Two classes share one unit where the loss takes
    each output for a probability of its own (``targets="unit"``) and ``output`` does not work on rows. Other parameters
    are ``Network``'s; ``random_state`` is its seed. ``network_`` is the trained network, ``history_`` its history.
    """

    _LOSS = "cross_entropy"

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        validation_data: Pair | None = None,
        on_start: Callable[[Network], None] | None = None,
        on_epoch: Callable[[int, Record], None] | None = None,
    ) -> NetworkClassifier:
        """Train on ``X`` (n_samples, ...) and labels ``y`` (n_samples,) of any kind; see ``Network.fit``."""
        self.check()
        X, y = self._check(X, y, reset=True)
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise DataError(f"y holds only 1 class, {self.classes_[0]}: there is nothing to tell apart.")
        if validation_data is not None:
            X_val, y_val = check_pair(validation_data)
            unknown = np.setdiff1d(y_val, self.classes_)
            if unknown.size:
                raise DataError(f"the validation data hold the class {unknown[0]}, which the training data do not.")
            validation_data = (self._check(X_val, reset=False), np.searchsorted(self.classes_, y_val))
        self._fit(X, labels, self._n_outputs(), validation_data, on_start, on_epoch)
        return self

    def _n_outputs(self) -> int:
        loss, output = self._resolved()
        spec = choose_layers([output])[0].spec
        alone = spec.kind == "activation" and not spec.row and choose("loss", loss, "loss").spec.targets == "unit"
        return 1 if alone and len(self.classes_) == 2 else len(self.classes_)

    def _gives_probabilities(self) -> bool:
        """Whether a loss of probabilities belongs to the output activation."""
        losses: list[Any] = [entry.spec for entry in registry().entries() if entry.spec.kind == "loss"]
        name = choose_layers([self._resolved()[1]])[0].spec.name
        return any(name in loss.fused for loss in losses if loss.targets in PROBABILITIES)

    @available_if(_gives_probabilities)
    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities (n_samples, n_classes) as ``output`` gives them, each row scaled to sum to one.

        Where all are too small for ``dtype``, and so 0, every class is as likely as any other.
        """
        outputs = self._outputs(X)
        if outputs.shape[1] == 1:
            return np.column_stack([1 - outputs[:, 0], outputs[:, 0]])
        outputs[~outputs.any(axis=1)] = 1
        return outputs / outputs.sum(axis=1, keepdims=True)

    def predict(self, X: Any) -> np.ndarray:
        """The most probable label of each sample."""
        check_is_fitted(self)
        return self.classes_[self.network_.predict(self._check(X, reset=False))]


class NetworkRegressor(RegressorMixin, _NetworkEstimator):
    """A network for regression: ``layers``, then a dense layer with one unit per target and ``output``.

    ``auto``: squared error and a linear output. Other parameters are ``Network``'s; ``random_state`` is its seed.
    ``network_`` is the trained network, ``history_`` its history.
    """

    _LOSS = "squared_error"

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        validation_data: Pair | None = None,
        on_start: Callable[[Network], None] | None = None,
        on_epoch: Callable[[int, Record], None] | None = None,
    ) -> NetworkRegressor:
        """Train on ``X`` (n_samples, ...) and ``y`` (n_samples,) or (n_samples, n_outputs); see ``Network.fit``."""
        loss = choose("loss", self._resolved()[0], "loss").spec
        if loss.targets != "real":
            raise ConfigError(f"loss {loss.name!r} is for classes, not for a regression: use squared_error.")
        self.check()
        X, y = self._check(X, y, reset=True, multi_output=True, y_numeric=True)
        self._one_target = y.ndim == 1
        if validation_data is not None:
            X_val, y_val = check_pair(validation_data)
            y_val = check_numbers("the validation data's y", y_val)
            validation_data = (self._check(X_val, reset=False), y_val.reshape(len(y_val), -1))
        y = y.astype(np.float64).reshape(len(y), -1)
        self._fit(X, y, y.shape[1], validation_data, on_start, on_epoch)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """(n_samples,) or (n_samples, n_outputs), as ``y`` was."""
        outputs = self._outputs(X)
        return outputs[:, 0] if self._one_target else outputs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
