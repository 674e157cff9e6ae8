"""What the README shows from Python runs as it stands."""

import re
from pathlib import Path

import numpy as np
import pytest

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
