"""The first convolution of a network: its filters, how far training moved them, and the maps they give."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from workbench.experiment.run import Run
    from workbench.network import Network
    from workbench.network.architecture import Stage


def kept(run: Run) -> dict[int, Network]:
    """The run's networks by epoch, if they have a convolution and there are two or more; else none."""
    networks = run.networks()
    with_filters = all(any(stage.name == "conv2d" for stage in network.stages) for network in networks.values())
    return networks if with_filters and len(networks) > 1 else {}


def filters(network: Network) -> np.ndarray:
    """The weights of the first convolution, (filters, height, width, channels)."""
    import numpy as np

    return np.moveaxis(network.parameters()[f"{_until_next_weights(network)[0].index}.weight"], -1, 0)


def moved(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """How far each filter is from where it was, in lengths of what it was (L2 norms)."""
    import numpy as np

    initial, change = (weights.reshape(len(before), -1) for weights in (before, after - before))
    return np.linalg.norm(change, axis=1) / np.linalg.norm(initial, axis=1)


def maps(network: Network, X: np.ndarray) -> np.ndarray:
    """What the first convolution gives for images ``X``, activated: (n_samples, height, width, filters)."""
    conv, *others = _until_next_weights(network)
    return network.outputs(X, [stage.index for stage in (conv, *others) if stage.shape.output == conv.shape.output][-1])


def handed_on(network: Network, X: np.ndarray) -> np.ndarray:
    """What of these maps reaches the next layer with weights, pooled perhaps: (n_samples, n_features)."""
    return network.outputs(X, _until_next_weights(network)[-1].index).reshape(len(X), -1)


def _until_next_weights(network: Network) -> list[Stage]:
    """The first convolution and what follows it, up to the next layer that mixes its inputs."""
    conv, *others = itertools.dropwhile(lambda stage: stage.name != "conv2d", network.stages)
    return [conv, *itertools.takewhile(lambda stage: not _mixes(stage), others)]


def _mixes(stage: Stage) -> bool:
    return any(len(parameter.shape) > 1 for parameter in stage.shape.parameters.values())
