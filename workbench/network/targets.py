"""What a network learns from, checked and encoded: samples as they are, labels as the loss wants them."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.errors import DataError
from workbench.specs import Loss, Shape


def check_samples(X: Any, dtype: str, input_shape: Shape | None = None) -> np.ndarray:
    """``X`` as a contiguous array of ``dtype``. ``DataError`` if it is empty, not finite or of the wrong shape."""
    try:
        X = np.asarray(X)
        samples = np.ascontiguousarray(X, dtype=dtype)
    except (TypeError, ValueError) as error:
        raise DataError(f"X is not an array of numbers: {error}") from None
    if samples.ndim < 2 or samples.size == 0:
        raise DataError(f"X needs at least one sample and one feature, (n_samples, ...); its shape is {samples.shape}.")
    _check_finite("X", samples)
    if input_shape is not None and samples.shape[1:] != input_shape:
        raise DataError(f"X has samples of shape {samples.shape[1:]}, but the network was built for {input_shape}.")
    return samples


def encode_targets(y: Any, n_samples: int, output_shape: Shape, loss: Loss, dtype: str) -> tuple[np.ndarray, bool]:
    """``y`` as (n_samples, n_outputs) of ``dtype``, and whether it holds class labels. Raises ``DataError``."""
    y = np.asarray(y)
    n_outputs = int(np.prod(output_shape))
    if len(y) != n_samples:
        raise DataError(f"X has {n_samples} samples, y has {len(y)}.")
    if y.dtype.kind not in "biuf":
        raise DataError(f"y must hold numbers, not {y.dtype}: encode text labels as 0, 1, 2, ...")
    if y.dtype.kind == "f":
        _check_finite("y", y)
    if y.ndim == 1 and n_outputs > 1:
        return _one_hot(_labels(y, n_outputs), n_outputs, loss, dtype), True
    if y.reshape(n_samples, -1).shape[1] != n_outputs:
        raise DataError(f"y has shape {y.shape}, but the network has {n_outputs} outputs.")
    values = y.reshape(n_samples, n_outputs).astype(dtype)
    labels = n_outputs == 1 and loss.targets in ("unit", "sign") and bool(np.isin(y, (-1, 0, 1)).all())
    if loss.targets == "sign":
        found = set(np.unique(values))
        if not (found <= {-1.0, 1.0} or found <= {0.0, 1.0}):
            raise DataError(f"loss {loss.name!r} needs targets -1 and +1 (or classes 0 and 1).")
        values[values == 0] = -1
    if loss.targets == "unit" and (values.min() < 0 or values.max() > 1):
        raise DataError(
            f"loss {loss.name!r} needs targets between 0 and 1; y goes from {values.min():g} to {values.max():g}. "
            "For real targets use squared_error; for more than two classes, cross_entropy with one output per class."
        )
    if loss.targets == "distribution" and not np.allclose(values.sum(axis=1), 1, atol=1e-4):
        row = int(np.argmax(abs(values.sum(axis=1) - 1)))
        raise DataError(
            f"loss {loss.name!r} needs rows of y that sum to one; row {row} sums to {values[row].sum():g}. "
            "Give class labels, one-hot rows or probabilities; for real targets use squared_error."
        )
    return values, labels


def _labels(y: np.ndarray, n_outputs: int) -> np.ndarray:
    labels = y.astype(np.int64)
    if (labels != y).any():
        raise DataError(
            f"y has one number per sample and the network {n_outputs} outputs, so y must hold whole labels."
        )
    if labels.min() < 0 or labels.max() >= n_outputs:
        wrong = labels[(labels < 0) | (labels >= n_outputs)][0]
        raise DataError(
            f"label {wrong} is out of range: the network has {n_outputs} outputs, labels 0 to {n_outputs - 1}."
        )
    return labels


def _one_hot(labels: np.ndarray, n_outputs: int, loss: Loss, dtype: str) -> np.ndarray:
    off = -1 if loss.targets == "sign" else 0
    encoded = np.full((len(labels), n_outputs), off, dtype=dtype)
    encoded[np.arange(len(labels)), labels] = 1
    return encoded


def _check_finite(name: str, values: np.ndarray) -> None:
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        at = ", ".join(map(str, bad[0]))
        raise DataError(
            f"{name}[{at}] is {values[tuple(bad[0])]}: {len(bad)} of its {values.size} values are not finite."
        )
