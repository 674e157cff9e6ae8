"""The network that learned to play Atari games: 84 x 84 x 4 frames in, one output a move; row C1.

Mnih et al., "Human-level control through deep reinforcement learning" (2015). Here it learns from labelled frames.
"""

from workbench import Estimator, hookimpl
from workbench.plugins.estimators import _network


@_network.learner(too_small="The layers of 'dqn' are fixed: it takes images of at least 36 x 36 pixels.")
def dqn(activation):
    """Deep Q-network: three convolutions, 84 x 84 x 4 -> 20 x 20 x 32 -> 9 x 9 x 64 -> 7 x 7 x 64, and 512 units."""
    return [
        {"conv2d": {"filters": 32, "kernel_size": 8, "stride": 4}},
        activation,
        {"conv2d": {"filters": 64, "kernel_size": 4, "stride": 2}},
        activation,
        {"conv2d": {"filters": 64, "kernel_size": 3, "stride": 1}},
        activation,
        "flatten",
        {"dense": {"units": 512}},
        activation,
    ]


@hookimpl
def register_estimators():
    return [Estimator("dqn", dqn)]
