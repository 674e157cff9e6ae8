"""Flatten: a sample as one row of numbers, in front of a dense layer."""

import math
from dataclasses import dataclass

from workbench import Layer, LayerShape, hookimpl


@dataclass(frozen=True)
class Flatten(Layer):
    """The same numbers in one row, last axis fastest: samples of any shape become ``(features,)``."""

    name = "flatten"

    def build(self, input_shape):
        return LayerShape(output=(math.prod(input_shape),))


@hookimpl
def register_layers():
    return [Flatten]
