"""my_idea is a clusterer, and finds what is plain to see."""

import numpy as np

from workbench import get
from workbench.testing import parametrize_with_checks


@parametrize_with_checks("clusterer", "my_idea")
def test_it_is_what_it_says(check):
    check()


def test_three_heaps():
    """What the method finds in these points: it changes with the method."""
    X = np.array([[0.0, 0], [0, 1], [10, 0], [10, 1], [0, 20], [0, 21]])
    found = get("clusterer", "my_idea")(n_clusters=3, random_state=0).fit(X)
    assert {tuple(np.flatnonzero(found.labels_ == label).tolist()) for label in range(3)} == {(0, 1), (2, 3), (4, 5)}
    assert found.inertia_ == 3  # a centre in each heap, and one point 1 away from it
    assert found.predict([[9.0, 2]]) == found.labels_[2]
