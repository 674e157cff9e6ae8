"""Reshape: a sample in another shape, such as a row of pixels as an image."""

import math
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, MinLen

from workbench import Layer, LayerShape, hookimpl
from workbench.errors import ConfigError


@dataclass(frozen=True)
class Reshape(Layer):
    """The same numbers in the given ``shape``, last axis fastest; one axis may be -1, to be worked out.

    ``ConfigError`` where the numbers do not fill the shape.
    """

    name = "reshape"
    shape: Annotated[tuple[Annotated[int, Ge(-1)], ...], MinLen(1)]

    def build(self, input_shape):
        size, known = math.prod(input_shape), math.prod(n for n in self.shape if n != -1)
        if self.shape.count(-1) > 1 or 0 in self.shape:
            raise ConfigError(
                f"layer 'reshape': shape {self.shape} should hold whole numbers above zero, and -1 at most once."
            )
        if size % known or (-1 not in self.shape and size != known):
            raise ConfigError(
                f"layer 'reshape': samples of shape {tuple(input_shape)} hold {size} numbers, "
                f"which do not fill {self.shape}."
            )
        return LayerShape(output=tuple(size // known if n == -1 else n for n in self.shape))


@hookimpl
def register_layers():
    return [Reshape]
