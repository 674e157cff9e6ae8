"""Outlets: customers on the map of San Francisco, for whom a few shops are to be placed well."""

from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge

from workbench import Data, Dataset, hookimpl
from workbench.plugins.datasets._san_francisco import LANDMARKS, to_degrees, to_km

BLOCK = 1 << 16  # customers drawn at a time: what is in the making stays small


def outlets(
    n_samples: Annotated[int, Ge(len(LANDMARKS))] = 500,
    coordinates: Literal["km", "degrees"] = "km",
    spread: Annotated[float, Ge(0)] = 0.25,
    seed: Annotated[int, Ge(0)] = 0,
):
    """Where customers are in San Francisco: at 17 landmarks, and in a crowd around them.

    X (n_samples, 2): kilometres east and north of City Hall, or degrees of latitude and longitude. The first 17 stand
    at the landmarks, in order; each of the rest at a random one, some more popular than others, but off it by Gaussian
    noise (std ``spread`` km to the east and to the north). A seed gives the same customers in either coordinates, and
    few are the first among more.
    """
    # A stream of random numbers for each purpose: how many are drawn of one does not move another.
    popularity, choices, steps = np.random.default_rng(seed).spawn(3)
    places = np.column_stack(to_km(*np.transpose(list(LANDMARKS.values()))))
    shares = popularity.dirichlet(np.full(len(places), 2.0))
    X = np.empty((n_samples, 2))
    X[: len(places)] = places
    for start in range(len(places), n_samples, BLOCK):
        block = X[start : start + BLOCK]
        steps.standard_normal(out=block)
        block *= spread
        block += places[choices.choice(len(places), len(block), p=shares)]
    if coordinates == "km":
        return Data(X, feature_names=["east_km", "north_km"])
    for start in range(0, n_samples, BLOCK):
        block = X[start : start + BLOCK]
        block[:] = np.column_stack(to_degrees(*block.T))
    return Data(X, feature_names=["latitude", "longitude"])


@hookimpl
def register_datasets():
    return [Dataset("outlets", outlets, task="clustering")]
