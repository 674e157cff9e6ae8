"""Feature maps: what the first convolution makes of some images, while it learns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench import Figure, hookimpl
from workbench.plugins.figures import _convolution

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

    from workbench.experiment.run import Run

IMAGES, SHOWN = 3, 8


def feature_maps(run: Run) -> Canvas | None:
    """The first validation image of each of three classes; below it a row of maps for every epoch kept."""
    import numpy as np
    from matplotlib.figure import Figure as Canvas

    networks = _convolution.kept(run)
    data = run.data() if networks else None
    if data is None or data.task != "classification":
        return None
    classes, first = np.unique(data.y_validation, return_index=True)
    images = data.X_validation[first[:IMAGES]]
    names = dict(enumerate(data.target_names))
    maps = {epoch: _convolution.maps(network, images) for epoch, network in networks.items()}
    moved = _convolution.moved(*(_convolution.filters(networks[epoch]) for epoch in (min(networks), max(networks))))
    shown = np.sort(np.argsort(-moved)[:SHOWN])
    _, height, width, n = maps[min(maps)].shape
    sheets = np.full((len(images), len(maps), height + 1, len(shown), width + 1), np.nan)
    sheets[:, :, :-1, :, :-1] = np.stack([each[..., shown] for each in maps.values()], 1).transpose(0, 1, 2, 4, 3)
    tile = min(0.55, 3 / len(shown))  # of a map, in inches
    tall, wide = len(maps) * tile * (height + 1) / (width + 1), max(1.5, len(shown) * tile)
    canvas = Canvas(figsize=(len(images) * (wide + 0.4) + 1.2, tall + 3), layout="constrained")
    axes = canvas.subplots(2, len(images), squeeze=False, height_ratios=[1.2, tall])
    for column, (image, sheet) in enumerate(zip(images, sheets, strict=True)):
        above, below = axes[:, column]
        above.imshow(image.mean(axis=-1), cmap="gray")
        above.set_title(f"class {names.get(classes[column], classes[column])}", fontsize="medium")
        above.set_axis_off()
        picture = below.imshow(
            sheet.reshape(len(maps) * (height + 1), -1), vmin=min(0, np.nanmin(sheets)), vmax=np.nanmax(sheets)
        )
        below.set_xticks([i * (width + 1) + (width - 1) / 2 for i in range(len(shown))], [str(f + 1) for f in shown])
        below.set_yticks([i * (height + 1) + (height - 1) / 2 for i in range(len(maps))], [str(e) for e in maps])
        below.set_xlabel("filter")
        below.spines[:].set_visible(False)
        below.tick_params(length=0)
    axes[1, 0].set_ylabel("epoch (0: before training)")
    canvas.colorbar(picture, ax=axes, label="activation", shrink=0.8)
    for ax in axes.flat:
        ax.set_anchor("N")  # a colour bar moves them aside
    which = "" if n == len(shown) else f", the {len(shown)} of {n} filters that moved most"
    channels = ", mean over its channels" if images.shape[-1] > 1 else ""
    canvas.suptitle(
        f"{run.name}: feature maps of the first convolution{which}\n(top: the validation image{channels})", wrap=True
    )
    return canvas


@hookimpl
def register_figures():
    return [Figure("feature_maps", feature_maps, of="run")]
