"""Wine: 178 wines by thirteen chemical measurements, three growers; scikit-learn's ``load_wine``."""

from workbench import Data, Dataset, hookimpl


def wine():
    """178 wines by thirteen chemical measurements, three growers."""
    from sklearn.datasets import load_wine

    data = load_wine()
    return Data(data.data, data.target, list(data.feature_names), [str(name) for name in data.target_names])


@hookimpl
def register_datasets():
    return [Dataset("wine", wine, task="classification")]
