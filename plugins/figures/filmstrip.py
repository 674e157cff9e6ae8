"""k-means at work, frame by frame: points to their nearest centre, centres to the middle of their points (row K1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from workbench import Figure, hookimpl
from workbench.plugins.figures import _clusters

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

    from workbench.clustering import HalfStep
    from workbench.experiment.run import Run

FRAMES, FIRST, COLUMNS = 12, 6, 3


def filmstrip(run: Run) -> Canvas | None:
    """Half-steps of a clustering by centres, of points with two features; the first, the decisive and the last ones."""
    from matplotlib.figure import Figure as Canvas

    film = _clusters.film(run)
    if film is None:
        return None
    shown = frames(film.history)
    columns = min(COLUMNS, len(shown))
    rows = -(-len(shown) // columns)
    wide, high = (end - start for start, end in film.limits)
    canvas = Canvas(figsize=(2.8 * min(max(wide / high, 1), 2) * columns + 0.5, 3.1 * rows + 0.7), layout="constrained")
    canvas.get_layout_engine().set(h_pad=0.07)
    axes = canvas.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for ax, i, before in zip(axes, shown, [shown[0], *shown], strict=False):
        _clusters.lay_out(ax, film, fontsize=5.5, few=True)
        _clusters.draw(ax, film, i, since=before)
        ax.label_outer()
    for ax in axes[len(shown) :]:
        ax.set_axis_off()
    left_out = len(film.history) - len(shown)
    some = f"; {left_out} of {len(film.history)} half-steps left out" if left_out else ""
    canvas.suptitle(
        _clusters.heading(run.name, f"stars: centres, with their way since the frame before{some}"), wrap=True
    )
    return canvas


def frames(history: Sequence[HalfStep]) -> list[int]:
    """Which half-steps to show: the first, the last, and between them those that lower the inertia most."""
    drops = {i: history[i - 1]["inertia"] - history[i]["inertia"] for i in range(FIRST, len(history) - 1)}
    decisive = sorted(drops, key=lambda i: -drops[i])[: FRAMES - FIRST - 1]
    return sorted({*range(min(FIRST, len(history))), *decisive, len(history) - 1})


@hookimpl
def register_figures():
    return [Figure("filmstrip", filmstrip, of="run")]
