"""MNIST: 70 000 handwritten digits of 28x28 pixels (0-255), ten classes; the test part comes last."""

from workbench import Dataset, hookimpl
from workbench.plugins.datasets import _idx


def mnist(path: str | None = None, flat: bool = False):
    """70 000 handwritten digits, images 28x28x1 or ``flat``; from openml.org, or a folder (``path``) of idx files."""
    return _idx.load("mnist", "mnist_784", path, flat, [str(digit) for digit in range(10)])


@hookimpl
def register_datasets():
    return [Dataset("mnist", mnist, task="classification")]
