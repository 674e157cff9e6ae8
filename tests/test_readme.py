"""What the README shows from Python runs as it stands."""

import re
from pathlib import Path

import numpy as np
import pytest

import workbench as wb

README = Path(__file__).parent.parent / "README.md"
SAMPLES = re.findall(r"```python\n((?:import workbench as wb\n|net = ).+?)```", README.read_text(), re.DOTALL)


def test_there_are_samples():
    assert len(SAMPLES) == 3


@pytest.mark.parametrize("sample", SAMPLES, ids=["rows", "images", "clusters"])
def test_a_sample_runs(sample):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 10, 64)
    names = {"X": rng.random((64, 20)), "images": rng.random((64, 12, 12, 1)), "y": y}
    names |= {"more_images": rng.random((32, 12, 12, 1)), "more_y": y[:32]}
    exec("import workbench as wb\n" + sample, names)
    assert names["net"].history if "net" in names else names["km"].history_


def test_the_clusterer_it_shows_is_one(project):
    """The file as it stands, in a project's own folder; the activation is tested with the registry."""
    _, source = re.findall(r"```python\n(\"\"\".+?)```", README.read_text(), re.DOTALL)
    (project / "plugins").mkdir()
    (project / "plugins" / "leaders.py").write_text(source)
    X = np.random.default_rng(0).normal(size=(50, 2))
    leaders = wb.get("clusterer", "leaders")(radius=1.5).fit(X)
    assert (abs(X - leaders.cluster_centers_[leaders.predict(X)]).sum(axis=1) <= 1.5).all()
    assert 1 < leaders.n_clusters_ < 50
