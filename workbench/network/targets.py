"""What a network learns from, checked and encoded: samples as they are, labels as the loss wants them."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.errors import DataError
from workbench.specs import Loss, Shape

Classes = tuple[int, ...]  # the labels that targets stand for, in order of the outputs


def check_pair(validation_data: Any) -> tuple[Any, Any]:
    """The two of ``(X, y)``. Raises ``DataError`` for anything else."""
    if not isinstance(validation_data, tuple | list) or len(validation_data) != 2:
        raise DataError(f"validation_data must be a pair (X, y), not {type(validation_data).__name__}.")
    return validation_data[0], validation_data[1]


def check_numbers(name: str, values: Any) -> np.ndarray:
    """``values`` as an array of real numbers, one entry per sample. Raises ``DataError``."""
    if np.ma.is_masked(values):
        raise DataError(f"{name} has masked values: fill them, or leave their samples out.")
    try:
        array = np.asarray(values)
        if array.dtype.kind == "O" and array.ndim:
            array = array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{name} is not an array of numbers: {error}") from None
    if array.ndim == 0:
        raise DataError(f"{name} is not an array of numbers, one entry per sample, but {values!r}.")
    if array.dtype.kind not in "biuf":
        raise DataError(
            f"{name} is not an array of numbers but of {array.dtype}: "
            "encode text as numbers, text labels as 0, 1, 2, ..."
        )
    return array


def check_samples(X: Any, dtype: str, input_shape: Shape | None = None) -> np.ndarray:
    """``X`` as a contiguous array of ``dtype``. ``DataError`` if it is empty, not finite or of the wrong shape."""
    samples = _cast("X", check_numbers("X", X), dtype)
    if samples.ndim < 2 or samples.size == 0:
        raise DataError(f"X needs at least one sample and one feature, (n_samples, ...); its shape is {samples.shape}.")
    if input_shape is not None and samples.shape[1:] != input_shape:
        raise DataError(f"X has samples of shape {samples.shape[1:]}, but the network was built for {input_shape}.")
    return samples


def encode_targets(
    y: Any, n_samples: int, output_shape: Shape, loss: Loss, dtype: str
) -> tuple[np.ndarray, Classes | None]:
    """``y`` as (n_samples, n_outputs) of ``dtype``, and its classes if it holds labels. Raises ``DataError``.

    The classes of one output are (0, 1), or (-1, 1) where ``y`` has it so; of more, 0, 1, 2, ...
    """
    y = check_numbers("y", y)
    n_outputs = int(np.prod(output_shape))
    if len(y) != n_samples:
        raise DataError(f"X has {n_samples} samples, y has {len(y)}.")
    values = _cast("y", y, dtype)
    if y.ndim == 1 and n_outputs > 1:
        return _one_hot(_labels(y, n_outputs), n_outputs, loss, dtype), tuple(range(n_outputs))
    if y.size != n_samples * n_outputs:
        raise DataError(f"y has shape {y.shape}, but the network has {n_outputs} outputs.")
    values = values.reshape(n_samples, n_outputs)
    classes: Classes | None = None
    if loss.targets == "sign":
        classes = (0, 1) if (values == 0).any() else (-1, 1)
        if not np.isin(values, classes).all():
            raise DataError(f"loss {loss.name!r} needs targets -1 and +1 (or classes 0 and 1).")
        values = np.where(values == 0, -1, values)
    elif loss.targets == "unit":
        if values.min() < 0 or values.max() > 1:
            raise DataError(
                f"loss {loss.name!r} needs targets between 0 and 1; y goes from {values.min():g} to {values.max():g}. "
                "For real targets use squared_error; for more than two classes cross_entropy, with an output for each."
            )
        classes = (0, 1) if np.isin(values, (0, 1)).all() else None
    elif loss.targets == "distribution":
        _check_distributions(values, loss)
    return values, classes if n_outputs == 1 else None


def _check_distributions(values: np.ndarray, loss: Loss) -> None:
    sums, least = values.sum(axis=1), values.min(axis=1)
    wrong = (least < 0) | ~np.isclose(sums, 1, atol=1e-4)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(
            f"loss {loss.name!r} needs rows of y that sum to one with nothing negative in them; row {row} sums to "
            f"{sums[row]:g}, its least entry is {least[row]:g}. "
            "Give class labels, one-hot rows or probabilities; for real targets use squared_error."
        )


def _labels(y: np.ndarray, n_outputs: int) -> np.ndarray:
    with np.errstate(invalid="ignore"):  # a number beyond int64 becomes another, as the next line notices
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


def _cast(name: str, values: np.ndarray, dtype: str) -> np.ndarray:
    """``values`` in ``dtype``, C-contiguous. Raises ``DataError`` for what is not finite there."""
    with np.errstate(over="ignore", invalid="ignore"):
        cast = np.ascontiguousarray(values, dtype=dtype)
        doubtful = not np.isfinite(np.vdot(cast, cast))  # in one pass; large squares overflow as well
    if doubtful and not (finite := np.isfinite(cast)).all():
        bad = np.argwhere(~finite)
        at = ", ".join(map(str, bad[0]))
        raise DataError(
            f"{name}[{at}] is {values[tuple(bad[0])]}: {len(bad)} of its {cast.size} values are not finite in {dtype}."
        )
    return cast
