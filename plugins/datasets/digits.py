"""Digits: 1797 handwritten digits of 8x8 pixels (0-16), ten classes; scikit-learn's ``load_digits``."""

from workbench import Data, Dataset, hookimpl


def digits():
    """1797 handwritten digits of 8x8 pixels, ten classes."""
    from sklearn.datasets import load_digits

    data = load_digits()
    return Data(data.data, data.target, list(data.feature_names), [str(name) for name in data.target_names])


@hookimpl
def register_datasets():
    return [Dataset("digits", digits, task="classification")]
