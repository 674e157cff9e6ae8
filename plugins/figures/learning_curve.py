"""Learning curve: loss and accuracy on training and validation data over the epochs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench import Figure, hookimpl
from workbench.plugins.figures._sweep import PALETTE

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

    from workbench.experiment.run import Run

PARTS = {"train": "training", "val": "validation"}


def learning_curve(run: Run) -> Canvas | None:
    """One panel each for the loss and, if it was measured, the accuracy; early stopping's best epoch is marked."""
    from matplotlib.figure import Figure as Canvas
    from matplotlib.ticker import MaxNLocator

    quantities = [q for q in ("loss", "accuracy") if any(run.metrics.get(f"{part}/{q}") for part in PARTS)]
    if not quantities:
        return None
    canvas = Canvas(figsize=(4.6 * len(quantities), 3.8), layout="constrained")
    for ax, quantity in zip(canvas.subplots(1, len(quantities), squeeze=False)[0], quantities, strict=True):
        for (part, name), colour in zip(PARTS.items(), (PALETTE[1], PALETTE[0]), strict=True):
            if points := run.metrics.get(f"{part}/{quantity}"):
                epochs, values = zip(*points, strict=True)
                ax.plot(epochs, values, "o-", markersize=3, color=colour, label=name)
        if run.best_epoch is not None:
            ax.axvline(run.best_epoch, color="black", linestyle=":", label=f"went back to epoch {run.best_epoch}")
        ax.set_xlabel("epoch")
        ax.set_ylabel(quantity)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.grid(alpha=0.3)
        ax.legend(framealpha=1, edgecolor="none")  # the mark may pass behind it
    canvas.suptitle(f"{run.name}: learning curve", wrap=True)
    return canvas


@hookimpl
def register_figures():
    return [Figure("learning_curve", learning_curve, of="run")]
