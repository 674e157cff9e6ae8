"""my_idea is a figure, and draws the numbers that it should."""

from types import SimpleNamespace

from workbench import get
from workbench.testing import parametrize_with_checks


@parametrize_with_checks("figure", "my_idea")
def test_it_is_what_it_says(check):
    check()


def test_what_is_drawn():
    """The curve for these losses: it changes with the figure."""
    draw = get("figure", "my_idea").function
    losses = {"train/loss": [(1, 0.5), (2, 0.25)], "val/loss": [(1, 0.75), (2, 1.0)]}
    curve, _ = draw(SimpleNamespace(name="a run", metrics=losses)).axes[0].lines
    assert (curve.get_xdata().tolist(), curve.get_ydata().tolist()) == ([1, 2], [0.25, 0.75])
    assert draw(SimpleNamespace(name="a run", metrics={})) is None
