"""Fashion-MNIST: 70 000 articles of clothing of 28x28 pixels (0-255), ten classes; the test part comes last."""

from workbench import Dataset, hookimpl
from workbench.plugins.datasets import _idx

ARTICLES = ["T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"]


def fashion_mnist(path: str | None = None, flat: bool = False):
    """70 000 articles of clothing, images 28x28x1 or ``flat``; from openml.org, or a folder (``path``) of idx files."""
    return _idx.load("fashion_mnist", "Fashion-MNIST", path, flat, ARTICLES)


@hookimpl
def register_datasets():
    return [Dataset("fashion_mnist", fashion_mnist, task="classification")]
