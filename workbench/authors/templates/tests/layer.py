"""my_idea is a layer, and gives what its formula says."""

import numpy as np

from workbench import Network
from workbench.testing import parametrize_with_checks


@parametrize_with_checks("layer", "my_idea")
def test_it_is_what_it_says(check):
    check()


def test_values_by_hand():
    """Numbers of the formula: they change with it."""
    network = Network(["my_idea"], "squared_error").initialize((3,))
    weight, bias = network.parameters().values()
    assert (weight.tolist(), bias.tolist()) == ([1, 1, 1], [0, 0, 0])
    weight[:] = [1, 2, 3]
    bias[:] = [0.5, 0, 0]
    np.testing.assert_array_equal(network.outputs(np.array([[10.0, 20.0, 30.0]]), 0), [[10.5, 40, 90]])
