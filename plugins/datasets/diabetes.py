"""Diabetes: how far the disease has gone after a year, by ten measurements; scikit-learn's ``load_diabetes``."""

from workbench import Data, Dataset, hookimpl


def diabetes():
    """442 diabetes patients by ten measurements, progression of the disease after one year (25 to 346)."""
    from sklearn.datasets import load_diabetes

    data = load_diabetes()
    return Data(data.data, data.target, list(data.feature_names), ["progression"])


@hookimpl
def register_datasets():
    return [Dataset("diabetes", diabetes, task="regression")]
