"""Breast cancer: 569 tumours by thirty measurements of their cell nuclei; scikit-learn's ``load_breast_cancer``."""

from workbench import Data, Dataset, hookimpl


def breast_cancer():
    """569 breast tumours by thirty measurements of their cell nuclei, malignant or benign."""
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    return Data(data.data, data.target, list(data.feature_names), [str(name) for name in data.target_names])


@hookimpl
def register_datasets():
    return [Dataset("breast_cancer", breast_cancer, task="classification")]
