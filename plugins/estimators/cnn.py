"""Convolutional network: filters that slide over the image and share their weights, then dense layers; row C2."""

from collections.abc import Sequence
from typing import Annotated

from annotated_types import Ge, Lt

from workbench import Estimator, hookimpl
from workbench.plugins.estimators import _network
from workbench.plugins.layers._image import Padding, Positive, Size


@_network.learner(
    too_small="Options of 'cnn' that keep images larger: a smaller pool, kernel_size or stride, fewer numbers in "
    "filters, or padding=same."
)
def cnn(
    activation,
    *,
    filters: Sequence[Positive] = (16, 32),
    kernel_size: Size = 3,
    stride: Size = 1,
    padding: Padding = "same",
    pool: Positive = 2,
    dense: Sequence[Positive] = (),
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.0,
    batch_norm: bool = False,
):
    """Convolutional network: a convolution for each number in ``filters``, a dense layer for each one in ``dense``.

    A convolution is followed by its activation and by max pooling over ``pool`` x ``pool`` pixels (1: none).
    ``dropout`` stands before every dense layer, the output's included.
    """
    layers = []
    for number in filters:
        conv2d = {"filters": number, "kernel_size": kernel_size, "stride": stride, "padding": padding}
        layers.append({"conv2d": conv2d})
        if batch_norm:
            layers.append("batch_norm")
        layers.append(activation)
        if pool > 1:
            layers.append({"max_pool2d": {"kernel_size": pool}})
    layers.append("flatten")
    drop = [{"dropout": {"rate": dropout}}] if dropout else []
    for units in dense:
        layers += [*drop, {"dense": {"units": units}}, activation]
    return layers + drop


@hookimpl
def register_estimators():
    return [Estimator("cnn", cnn)]
