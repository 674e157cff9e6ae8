"""k-means at work, as a film: every half-step, on the map where the points are places (row K1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench import Figure, hookimpl
from workbench.plugins.figures import _clusters

if TYPE_CHECKING:
    from matplotlib.animation import Animation
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

    from workbench.experiment.run import Run

FRAMES, POINTS, DPI = 60, 2000, 80  # so many that a film takes up less than 3 MB
SECONDS = 20  # a film takes, unless frames then went by faster than 0.3 or slower than 0.8 s
HOLD = 4  # times that the last frame is seen


def animation(run: Run) -> Animation | None:
    """Every half-step of a clustering by centres, of points with two features; evenly thinned out where too many."""
    import numpy as np
    from matplotlib.animation import FuncAnimation

    film = _clusters.film(run, POINTS)
    if film is None:
        return None
    canvas, ax = _stage(run.name, film)
    drawn: list[Artist] = []

    def show(i: int) -> None:
        while drawn:
            drawn.pop().remove()
        drawn.extend(_clusters.draw(ax, film, i, since=0, size=12))

    last = len(film.history) - 1
    shown = np.unique(np.linspace(0, last, FRAMES).round()) if last >= FRAMES else np.arange(last + 1)
    frames = [*shown.astype(int).tolist(), *[last] * (HOLD - 1)]
    interval = 1000 * min(max(SECONDS / len(frames), 0.3), 0.8)
    return FuncAnimation(canvas, show, frames, init_func=lambda: None, interval=interval, cache_frame_data=False)


def _stage(name: str, film: _clusters.Film) -> tuple[Canvas, Axes]:
    """What all frames have in common, as a picture: to draw a map anew for each of them takes most of the time."""
    import numpy as np
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    scene = Canvas(figsize=(9, 6.9), dpi=DPI, layout="constrained")
    painter = FigureCanvasAgg(scene)
    ax = scene.subplots()
    _clusters.lay_out(ax, film, fontsize=8)
    ax.set_title(" ", fontsize="medium")
    scene.suptitle(_clusters.heading(name, "stars: centres, with their way so far"), fontsize="large", wrap=True)
    scene.draw_without_rendering()  # the layout settles at the second time
    painter.draw()
    canvas = Canvas(figsize=scene.get_size_inches(), dpi=DPI)
    behind = canvas.add_axes((0, 0, 1, 1))
    behind.imshow(np.asarray(painter.buffer_rgba()), aspect="auto")
    behind.set_axis_off()
    stage = canvas.add_axes(ax.get_position(), xlim=ax.get_xlim(), ylim=ax.get_ylim())
    stage.set_axis_off()
    return canvas, stage


@hookimpl
def register_figures():
    return [Figure("animation", animation, of="run")]
