"""my_idea: a = z / (1 + e^(-slope z)), the input times a gate that opens as the input grows."""

import math
from typing import Annotated

from annotated_types import Gt

from workbench import Activation, hookimpl


def my_idea(z, slope: Annotated[float, Gt(0)] = 1.0):
    """The input times a gate that opens as the input grows, the faster the larger ``slope`` is."""
    e = math.exp(-abs(slope * z))  # at most 1, while e^(-slope z) overflows far out on the left
    gate = (1.0 if z >= 0 else e) / (1 + e)
    return z * gate


# The derivative is worked out from the function. One of your own takes the input and the output, and the same options:
#
#     def derivative(z, a, slope: Annotated[float, Gt(0)] = 1.0):
#         e = math.exp(-abs(slope * z))
#         gate = (1.0 if z >= 0 else e) / (1 + e)
#         return gate + slope * a * (1 - gate)
#
# and is given as Activation("my_idea", my_idea, derivative).


@hookimpl
def register_activations():
    # Networks of it start best from the initial values that suit ReLU, which it resembles.
    return [Activation("my_idea", my_idea, initializer="he_uniform")]
