"""Clustering: a function of the points becomes a scikit-learn clusterer; metrics and k-means as machine code."""

from workbench.clustering.definition import clusterer
from workbench.clustering.result import Clustering, HalfStep

__all__ = ["Clustering", "HalfStep", "clusterer"]
