"""Numbers of clusters that do not depend on how the clusters were found."""

import numpy as np


def by_first_appearance(labels):
    """The same clusters, numbered from 0 in the order of their first points: int32 (n_samples,)."""
    _, first, cluster = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[cluster].astype(np.int32)
