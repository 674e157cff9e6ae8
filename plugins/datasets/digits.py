"""Digits: 1797 handwritten digits of 8x8 pixels (0-16), ten classes; scikit-learn's ``load_digits``."""

from workbench import Data, Dataset, hookimpl


def digits(flat: bool = True):
    """1797 handwritten digits of 8x8 pixels, ten classes; rows of 64 numbers or, not ``flat``, images 8x8x1."""
    from sklearn.datasets import load_digits

    data = load_digits()
    X, names = (data.data, list(data.feature_names)) if flat else (data.images[..., None], [])
    return Data(X, data.target, names, [str(name) for name in data.target_names])


@hookimpl
def register_datasets():
    return [Dataset("digits", digits, task="classification")]
