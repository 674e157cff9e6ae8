"""Filters of the first convolution, before training and after."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench import Figure, hookimpl
from workbench.plugins.figures import _convolution

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

    from workbench.experiment.run import Run

SHOWN = 16


def filters(run: Run) -> Canvas | None:
    """Each filter's weights, input channels side by side, at the first and the last epoch kept; all on one scale."""
    import numpy as np
    from matplotlib.figure import Figure as Canvas

    networks = _convolution.kept(run)
    if not networks:
        return None
    weights = {epoch: _convolution.filters(networks[epoch]) for epoch in (min(networks), max(networks))}
    moved = _convolution.moved(*weights.values())
    shown = np.sort(np.argsort(-moved)[:SHOWN])
    n, height, width, channels = weights[min(networks)].shape
    columns = max(1, round((len(shown) / channels) ** 0.5))
    across = channels * (width + 1) + 1
    down = height + -(-columns * across // 25)  # leaves room for a line of text
    rows = -(-len(shown) // columns)
    limit = max(abs(w[shown]).max() for w in weights.values())
    wide = min(4.0, 1.8 * columns)  # of a panel, in inches
    canvas = Canvas(figsize=(2 * wide + 1.6, 1.2 + wide * rows * down / (columns * across)), layout="constrained")
    axes = canvas.subplots(1, 2)
    for ax, (epoch, values) in zip(axes, weights.items(), strict=True):
        sheet = np.full((rows * down, columns * across), np.nan)
        for i, number in enumerate(shown):
            row, column = divmod(i, columns)
            top, left = (row + 1) * down - height, column * across + 1
            for channel in range(channels):
                start = left + channel * (width + 1)
                sheet[top : top + height, start : start + width] = values[number, :, :, channel]
            label = f"{number + 1}" if epoch == min(networks) else f"{number + 1}: moved {moved[number]:.2g}"
            ax.text(left - 0.5, top - 0.7, label, fontsize=8, va="bottom")
        picture = ax.imshow(sheet, cmap="coolwarm", vmin=-limit, vmax=limit)
        ax.set_title("before training" if epoch == 0 else f"after epoch {epoch}", fontsize="medium")
        ax.set_axis_off()
    canvas.colorbar(picture, ax=axes, label="weight", shrink=0.8)
    for ax in axes:
        ax.set_anchor("N")  # a colour bar moves them aside
    some = f": the {len(shown)} of {n} that moved most" if n > len(shown) else ""
    channel = f"{channels} input channels side by side; " if channels > 1 else ""
    canvas.suptitle(
        f"{run.name}: filters of the first convolution{some}\n"
        f"({channel}moved: distance from what it was, in lengths of that)",
        wrap=True,
    )
    return canvas


@hookimpl
def register_figures():
    return [Figure("filters", filters, of="run")]
