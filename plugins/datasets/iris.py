"""Iris: 150 flowers by four lengths in cm, three species; scikit-learn's ``load_iris``."""

from workbench import Data, Dataset, hookimpl


def iris():
    """150 iris flowers by four lengths in cm, three species."""
    from sklearn.datasets import load_iris

    data = load_iris()
    return Data(data.data, data.target, list(data.feature_names), [str(name) for name in data.target_names])


@hookimpl
def register_datasets():
    return [Dataset("iris", iris, task="classification")]
