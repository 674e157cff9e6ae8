"""my_idea: how far the validation loss is above the training loss, epoch by epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench import Figure, hookimpl

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

    from workbench.experiment.run import Run


def my_idea(run: Run) -> Canvas | None:
    """How far the validation loss is above the training loss, epoch by epoch."""
    from matplotlib.figure import Figure as Canvas  # imported here, so that `workbench plugins` need not wait for it
    from matplotlib.ticker import MaxNLocator

    # Each metric is a list of (epoch, value); `workbench ui` shows what they are called.
    train, validation = (dict(run.metrics.get(f"{part}/loss", ())) for part in ("train", "val"))
    epochs = sorted(train.keys() & validation.keys())
    if not epochs:
        return None  # what this run measured has nothing to be drawn
    canvas = Canvas(figsize=(5.4, 3.8), layout="constrained")
    ax = canvas.subplots()
    ax.plot(epochs, [validation[epoch] - train[epoch] for epoch in epochs], "o-")
    ax.axhline(0, color="black", linewidth=0.8)
    ax.set_xlabel("epoch")
    ax.set_ylabel("validation loss - training loss")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.grid(alpha=0.3)
    ax.set_title(f"{run.name}: what the network knows by heart only")
    return canvas


@hookimpl
def register_figures():
    return [Figure("my_idea", my_idea, of="run")]
